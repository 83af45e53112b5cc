package bridge

import (
	"cmp"
	"slices"
	"time"
)

// A card that nobody answers is followed by one reminder, which never comes at
// night.

// Night is from nightFrom to nightTo, by the clock on the human's wall.
const (
	nightFrom = 21
	nightTo   = 8
)

// remindable reports whether a reminder may still come: nobody has answered,
// and there was none.
func (r Request) remindable() bool {
	return r.unanswered() && !slices.ContainsFunc(r.Surfaces, func(s Surface) bool { return s.View == ViewReminder })
}

// unanswered reports whether nobody has done anything about the request.
func (r Request) unanswered() bool {
	return r.State == Asked && r.Codes == 0 && r.ClaimedBy == "" && len(r.LapsedClaims) == 0
}

// remindAt is when the reminder is due, and of which surface; the zero time
// means never.
func (b *Bridge) remindAt(r Request, now time.Time) (at time.Time, card int) {
	after := b.dir().Limits.Remind
	card = slices.IndexFunc(r.Surfaces, func(s Surface) bool {
		return s.Way() && s.chat() && s.State == DeliveryShown && s.Ref != "" && !s.Since.IsZero()
	})
	if after == 0 || card < 0 || !r.remindable() {
		return time.Time{}, card
	}
	at = byDay(latest(r.Surfaces[card].Since.Add(after), now), b.zones(r))
	if !at.Before(r.ExpiresAt) {
		return time.Time{}, card
	}
	return at, card
}

// zones are the time zones of those who are asked.
func (b *Bridge) zones(r Request) []*time.Location {
	dir := b.dir()
	names := dir.Teams[r.Team].Members
	if r.Team == "" {
		names = []string{r.Human}
	}
	var all []*time.Location
	for _, name := range names {
		all = append(all, cmp.Or(dir.Humans[name].Timezone, time.Local))
	}
	return all
}

// byDay is the first time from at on when it is day in at least one of the
// zones.
func byDay(at time.Time, zones []*time.Location) time.Time {
	var first time.Time
	for _, zone := range zones {
		if day := dayIn(at, zone); first.IsZero() || day.Before(first) {
			first = day
		}
	}
	return first
}

func dayIn(at time.Time, zone *time.Location) time.Time {
	local := at.In(zone)
	year, month, day := local.Date()
	switch hour := local.Hour(); {
	case hour >= nightFrom:
		return time.Date(year, month, day+1, nightTo, 0, 0, 0, zone)
	case hour < nightTo:
		return time.Date(year, month, day, nightTo, 0, 0, 0, zone)
	}
	return at
}

// reminding is the surface of a reminder of this one.
func (s Surface) reminding(now time.Time) Surface {
	reminder := newSurface(s.Channel, s.To, now)
	reminder.View, reminder.Under = ViewReminder, s.Ref
	return reminder
}

// reminder is what a reminder says.
func (r Request) reminder() line {
	l := line{title: r.title()}
	switch {
	case r.unanswered():
		l.headline, l.note, l.openTo = "Still waiting", "Nobody has answered yet.", r.ExpiresAt
	case r.State.Open(), r.Codes > 0, r.State == Denied: // a code or a claim may have lapsed since: it can wait again
		l.headline, l.ending = "Taken up", "The card says how it stands."
	case r.State == Expired:
		l.headline, l.ending = "Expired", "Nobody answered in time."
	default:
		l.headline, l.ending = "Over", "It needs no answer any more."
	}
	return l
}
