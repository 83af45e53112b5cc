package bridge

import (
	"errors"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// How the record of a surface follows what happened to it. Nothing here calls
// anybody.

// brought is a surface that shows the parcel's card now. Whoever repeated a
// post may have been given the message of the first try, with the card of
// then: what it shows is not known, and an edit makes sure.
func (p parcel) brought(s Surface, ref MessageRef, now time.Time) Surface {
	if s.Ref == "" && s.Unknown > 1 {
		s.Shown, s.Says = 0, ""
	} else {
		s.Shown, s.Says = max(s.Shown, p.card.Version), p.says
	}
	if s.State != DeliveryShown {
		s.Since = stored(now)
	}
	s.State, s.Detail, s.Ref = DeliveryShown, "", ref
	s.Unknown, s.Faults, s.NotBefore = 0, 0, time.Time{}
	return s
}

// closed is a surface that nothing is brought to any more.
func (s Surface) closed(why string) Surface {
	s.State, s.Detail = DeliveryUnreachable, why
	s.Unknown, s.Faults, s.NotBefore = 0, 0, time.Time{}
	return s
}

// retrying is a surface that is tried again.
func (s Surface) retrying(why string, now time.Time) Surface {
	if s.State == DeliveryShown {
		s.Since = stored(now)
	}
	s.State, s.Detail = DeliveryRetrying, why
	return s
}

// failed is a surface after a call that brought nothing, or nobody knows what.
func (s Surface) failed(r Request, fault error, now time.Time) Surface {
	chat := capital(s.Channel)
	known, posting := fate(fault), s.Ref == ""
	if posting && known != unknown {
		s.Unknown--
	}
	switch known {
	case closedPerson:
		return s.closed(chat + " brings this person no messages from the bridge")
	case closedPlace:
		return s.closed(chat + " does not let the bridge write there")
	case ourFault:
		return s.closed("the card could not be shown in " + chat + "; that is a fault of the bridge")
	case removed:
		return s.lost(r, now)
	case limited:
		s.NotBefore = stored(now.Add(pauseOf(fault)))
		return s.retrying(chat+" wants the bridge to wait", now)
	case refused:
		s.NotBefore = stored(now.Add(authPause))
		return s.retrying(refusal(s.Channel), now)
	case unknown:
		if posting {
			s.NotBefore = stored(now.Add(unknownWait(s.Unknown)))
			return s.retrying(chat+" did not say whether the card arrived", now)
		}
	case notSent:
	}
	s.Faults++
	s.NotBefore = stored(now.Add(faultWait(s.Faults)))
	return s.retrying(chat+" does not answer", now)
}

// lost is a surface whose message somebody removed. While the human can still
// act they get another one, once: whatever removes it may remove each.
func (s Surface) lost(r Request, now time.Time) Surface {
	const why = "its message was removed"
	if s.Lost++; s.Lost > 1 || !r.posts(s) {
		return s.closed(why)
	}
	s.Ref, s.Shown, s.Says, s.Unknown, s.Faults = "", 0, "", 0, 0
	s.NotBefore = stored(now.Add(faultWait(1)))
	return s.retrying(why, now)
}

func refusal(channel string) string {
	return capital(channel) + " refuses the bridge; its operator has to act"
}

// certainty is what is certain after a call that failed.
type certainty int

// What may be certain.
const (
	unknown certainty = iota // it may have happened
	notSent
	limited
	refused
	closedPerson
	closedPlace
	removed
	ourFault
)

func fate(fault error) certainty {
	if _, ok := errors.AsType[*Limited](fault); ok {
		return limited
	}
	switch {
	case errors.Is(fault, ErrInvalid):
		return ourFault
	case errors.Is(fault, ErrAuth):
		return refused
	case errors.Is(fault, ErrUnreachable):
		return closedPerson
	case errors.Is(fault, ErrRoute):
		return closedPlace
	case errors.Is(fault, ErrGone):
		return removed
	case errors.Is(fault, ErrNotSent):
		return notSent
	}
	return unknown
}

// closedWays says why nothing reaches the human.
func (r Request) closedWays() string {
	var all []string
	for _, s := range r.Surfaces {
		if s.Way() && s.State == DeliveryUnreachable {
			all = append(all, s.Channel+": "+s.Detail)
		}
	}
	return strings.Join(all, "; ")
}

// stored is a time in the form in which it comes back from the store.
func stored(at time.Time) time.Time { return at.UTC().Round(0) }

// How long to wait between two tries.
const (
	faultFirst   = time.Second
	faultMost    = time.Minute
	unknownFirst = 5 * time.Second
	unknownMost  = 24 * time.Hour
	limitMost    = 24 * time.Hour
)

// faultWait is how long to wait after that many tries in a row that did
// nothing: twice as long each time.
func faultWait(faults int) time.Duration {
	return jittered(min(faultFirst<<min(faults-1, 16), faultMost))
}

// unknownWait is how long to wait after that many posts whose end is not
// known. Each further one may put another card before the human, so it grows
// fourfold: in a whole day of silence there are eight at most. The first ones
// come while a platform that tells repeated posts apart still does.
func unknownWait(posts int) time.Duration {
	return jittered(min(unknownFirst<<min(2*(posts-1), 16), unknownMost))
}

// jittered keeps those apart who began together.
func jittered(wait time.Duration) time.Duration { return wait + rand.N(wait/5) } //nolint:gosec // spreads load, guards nothing

// pauseOf is how long a platform wants to be left alone.
func pauseOf(fault error) time.Duration {
	var l *Limited
	if !errors.As(fault, &l) || l.After <= 0 {
		return faultWait(1)
	}
	return min(l.After, limitMost)
}

// pauses remembers which platforms are left alone, and which places of theirs,
// and until when. It is lost with the process; then one more call learns it
// again.
type pauses struct {
	mu  sync.Mutex
	all map[string]pause
}

// pause is until when, and why if the agent is to know.
type pause struct {
	until time.Time
	why   string
}

func (p *pauses) of(channel string) pause {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[channel]
}

// until is the longest of some pauses that last at a time; none does, else.
func (p *pauses) until(now time.Time, of ...string) (longest pause) {
	for _, what := range of {
		if one := p.of(what); now.Before(one.until) && one.until.After(longest.until) {
			longest = one
		}
	}
	return longest
}

// calls names the calls by which a surface is brought up to date: a platform
// may want fewer posts, and take edits as ever, which carry codes and take
// them away.
func (s Surface) calls() string {
	if s.Ref == "" {
		return s.Channel + "/posts"
	}
	return s.Channel + "/edits"
}

// callsTo are those of them that go to one place: thousands of cards may wait
// for a channel, and are not all to find out that it takes no more just now.
func (s Surface) callsTo(place Address) string { return s.calls() + "/" + string(place) }

// pausesMost is how many pauses are kept when those are over that can be.
const pausesMost = 1000

// set lengthens a pause; it never shortens one.
func (p *pauses) set(what string, now, until time.Time, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = make(map[string]pause)
	}
	if len(p.all) >= pausesMost {
		maps.DeleteFunc(p.all, func(_ string, one pause) bool { return !now.Before(one.until) })
	}
	if until.After(p.all[what].until) {
		p.all[what] = pause{until, why}
	}
}

// tell lets the operator know of a call that failed, and leaves the platform,
// or the place, alone if that is what it wants.
func (b *Bridge) tell(key deliveryKey, s Surface, fault error, now time.Time) {
	l, _ := errors.AsType[*Limited](fault)
	log := b.log.Warn
	switch known := fate(fault); {
	case known == limited && l.All:
		b.pauses.set(s.calls(), now, now.Add(pauseOf(fault)), "")
	case known == limited:
		b.pauses.set(s.callsTo(s.To), now, now.Add(pauseOf(fault)), "")
	case known == refused:
		b.pauses.set(key.channel, now, now.Add(authPause), refusal(key.channel))
		log = b.log.Error
	case s.View == ViewNotice: // where it goes is the agent's word
	case known == closedPlace, known == ourFault:
		log = b.log.Error
	}
	log("deliver a card", "request", key.id.request(), "channel", key.channel, "err", fault)
}
