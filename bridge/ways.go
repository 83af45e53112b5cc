package bridge

import (
	"cmp"
	"slices"
	"time"
)

// The ways to a human are the channels by which they are asked, in an order.
// The inbox comes for its cards itself. Of the chats, only the first is tried;
// the next one is, too, as soon as it is closed or has been of no use for a
// while.

// widenAfter is how long a chat may fail before the next one is tried, too.
const widenAfter = time.Minute

// inbox is the channel that comes for its cards itself.
const inbox = "web"

// Linked is a [Messenger] that knows whether anybody could press a button
// there now. One that is no Linked always is.
type Linked interface {
	Connected() bool
}

// on is where a team is asked on a chat; "" = nowhere.
func (t Team) on(channel string) Address {
	switch channel {
	case "slack":
		return Address(t.Slack)
	case "discord":
		return Address(t.Discord)
	}
	return ""
}

// human is who a private surface of the request is for.
func (s Surface) human(r Request) string { return cmp.Or(s.Human, r.Human) }

// reach is where a surface is brought to now; "" = nowhere, since its address
// is not that of whom it was meant for any more.
func (d *Directory) reach(r Request, s Surface) Address {
	switch {
	case s.View == ViewNotice:
		return s.To
	case s.View == ViewPrivate && s.Human != "" || r.Team == "":
		return d.Humans[s.human(r)].reach(s)
	case d.Teams[r.Team].on(s.Channel) == s.To:
		return s.To
	}
	return ""
}

// ways are the channels by which a human is asked, in their order.
func (b *Bridge) ways(h Human) []string {
	all := h.Via
	if len(all) == 0 {
		all = append(slices.Clone(chats[:]), inbox)
	}
	return slices.DeleteFunc(slices.Clone(all), func(channel string) bool {
		return !b.runs(channel) || b.brings(channel) && h.on(channel) == ""
	})
}

// runs reports whether a channel is one of those of this bridge.
func (b *Bridge) runs(channel string) bool {
	return slices.Contains(b.dir().Channels, channel) && (channel == inbox || b.brings(channel))
}

// brings reports whether cards are brought to a channel: else it comes for
// them.
func (b *Bridge) brings(channel string) bool {
	_, brought := b.messengers[channel]
	return brought
}

// down reports whether a chat refuses the bridge or is not connected.
func (b *Bridge) down(channel string, now time.Time) bool {
	if wait := b.pauses.of(channel); wait.why != "" && now.Before(wait.until) {
		return true
	}
	l, knows := b.messengers[channel].(Linked)
	return knows && !l.Connected()
}

// surfaces are where a new card for a human waits to be seen: in the inbox, if
// they are asked there, and in the first chat of theirs that is not down.
func (b *Bridge) surfaces(h Human, now time.Time) []Surface {
	var all []Surface
	ways := b.ways(h)
	first := b.firstChat(ways, now)
	for _, channel := range ways {
		if channel == first || !b.brings(channel) {
			all = append(all, newSurface(channel, h.on(channel), now))
		}
	}
	return all
}

func newSurface(channel string, to Address, now time.Time) Surface {
	return Surface{Channel: channel, State: DeliveryWaiting, To: to, Since: stored(now)}
}

// firstChat is the first of the ways that is a chat which is not down, or just
// the first if all are; "" = none is a chat.
func (b *Bridge) firstChat(ways []string, now time.Time) string {
	ways = slices.DeleteFunc(slices.Clone(ways), func(channel string) bool { return !b.brings(channel) })
	for _, channel := range ways {
		if !b.down(channel, now) {
			return channel
		}
	}
	if len(ways) > 0 {
		return ways[0]
	}
	return ""
}

// teamSurfaces are where a new card for a team waits to be seen.
func (b *Bridge) teamSurfaces(t Team, now time.Time) []Surface {
	var all []Surface
	for _, channel := range append(slices.Clone(chats[:]), inbox) {
		to := t.on(channel)
		if !b.runs(channel) || b.brings(channel) && to == "" {
			continue
		}
		s := newSurface(channel, to, now)
		if s.chat() {
			s.View = ViewTeam
		}
		all = append(all, s)
	}
	return all
}

// places are all the surfaces of a new request.
func (b *Bridge) places(may permit, from Origin, now time.Time) []Surface {
	all := b.surfaces(may.human, now)
	if may.team.Name != "" {
		all = b.teamSurfaces(may.team, now)
	}
	if to := from.address(); to != "" && b.brings(from.Platform) && b.runs(from.Platform) {
		notice := newSurface(from.Platform, to, now)
		notice.View = ViewNotice
		all = append(all, notice)
	}
	return all
}

// cutOff refuses an ask that nobody would hear of now, since every way to
// those who are asked is a chat that is down.
func (b *Bridge) cutOff(r Request, now time.Time) error {
	ways := slices.DeleteFunc(slices.Clone(r.Surfaces), func(s Surface) bool { return !s.Way() })
	up := func(s Surface) bool { return !s.chat() || !b.down(s.Channel, now) }
	if len(ways) == 0 || slices.ContainsFunc(ways, up) {
		return nil
	}
	p := problem(ProblemChatUnavailable, "%s is asked only in chats, and the bridge can use none of them now", r.Whom()).
		hint("ask again in a while; if it stays so, the operator finds the reason in the log of the bridge")
	p.RetryAfter = authPause / 2
	return p
}

// reachable reports whether there is a way to the human, or the team, that is
// not closed.
func (b *Bridge) reachable(r Request) bool {
	return slices.ContainsFunc(r.Surfaces, func(s Surface) bool {
		pulled := !s.chat() && slices.Contains(b.dir().Channels, s.Channel)
		return s.Way() && s.State != DeliveryUnreachable && (s.chat() || pulled)
	})
}

// nextWay is the chat that is tried besides those that a human is asked in
// already; "" = there is none. One that is down is none either, unless all
// those are closed: it may come back.
func (b *Bridge) nextWay(r Request, closed bool, now time.Time) string {
	left := slices.DeleteFunc(b.ways(b.dir().Humans[r.Human]), func(channel string) bool {
		return slices.ContainsFunc(r.Surfaces, func(s Surface) bool { return s.Way() && s.Channel == channel })
	})
	next := b.firstChat(left, now)
	if next != "" && !closed && b.down(next, now) {
		return ""
	}
	return next
}

// widenAt is when the next way is tried, and which it is; the zero time means
// never.
func (b *Bridge) widenAt(r Request, now time.Time) (at time.Time, next string) {
	i := r.lastChat()
	if i < 0 || r.Team != "" || !r.State.Open() {
		return time.Time{}, ""
	}
	s := r.Surfaces[i]
	closed := s.State == DeliveryUnreachable
	next = b.nextWay(r, closed, now)
	switch {
	case next == "" || s.State == DeliveryShown || s.Since.IsZero() && !closed:
		return time.Time{}, ""
	case closed:
		return r.CreatedAt, next
	}
	return s.Since.Add(widenAfter), next
}

// lastChat is the place of the newest way of the request that is a chat, -1 =
// none is.
func (r Request) lastChat() int {
	for i, s := range slices.Backward(r.Surfaces) {
		if s.Way() && s.chat() {
			return i
		}
	}
	return -1
}

// attend adds to a request the surfaces whose time has come: the next way to
// its human, or a reminder.
func (b *Bridge) attend(r Request, now time.Time) Request {
	if at, next := b.widenAt(r, now); !at.IsZero() && !at.After(now) {
		r = r.plus(newSurface(next, b.dir().Humans[r.Human].on(next), now), now)
	}
	if at, card := b.remindAt(r, now); !at.IsZero() && !at.After(now) {
		r = r.plus(r.Surfaces[card].reminding(now), now)
	}
	return r
}

// attendAt is when attend has something to do; the zero time means never.
func (b *Bridge) attendAt(r Request, now time.Time) time.Time {
	widen, _ := b.widenAt(r, now)
	remind, _ := b.remindAt(r, now)
	if widen.IsZero() || !remind.IsZero() && remind.Before(widen) {
		return remind
	}
	return widen
}

// Attends reports whether a further way or a reminder may come to be due,
// which only the whole record and the configuration tell.
func (r Request) Attends() bool {
	if !r.State.Open() {
		return false
	}
	return slices.ContainsFunc(r.Surfaces, func(s Surface) bool {
		return s.Way() && s.chat() && !s.Since.IsZero() && (s.State != DeliveryShown || r.remindable())
	})
}

// plus is the request with one more surface.
func (r Request) plus(s Surface, at time.Time) Request {
	r.Surfaces = append(slices.Clone(r.Surfaces), s)
	if s.Way() {
		r.Version++
		r.UpdatedAt = stored(at)
	}
	return r
}
