package bridge

import (
	"time"

	"golang.org/x/time/rate"
)

// pace keeps a lane from bothering a party outside: it bounds how quickly keys
// go out, and leaves a party alone that is ill. The nil pace bounds nothing.
//
// How quickly is quick enough is found out: a little more than the keys need
// that are here, each as often as it last said. So a hundred thousand polls
// that fall due at one moment, after a restart, an outage or a stall, are
// spread over the time that one of them takes to come again.
type pace struct {
	limit  *rate.Limiter // nil = it only leaves alone who is ill
	period time.Duration // between two turns of one key, smoothed

	ills     int           // in a row
	rest     time.Duration // how long the party is left alone after the next failed try; 0 = it is not ill
	notUntil time.Duration
}

const (
	// paceHeadroom is how much quicker than needed a lane may go; paceFloor
	// is added to it, in keys a second, so that few keys are not held up.
	paceHeadroom = 1.2
	paceFloor    = 25
	// paceBurst is the time whose keys may go out at once after a silence.
	paceBurst  = 50 * time.Millisecond
	leastBurst = 8
	// firstPeriod stands in until it is known; no key comes more often than
	// in leastPeriod.
	firstPeriod = 6 * time.Second
	leastPeriod = time.Second

	// illAfter faults in a row a party is left alone, for a second first and
	// twice as long each time a single try fails, at most for longestRest;
	// longestAsked if it says so itself.
	illAfter     = 5
	firstRest    = time.Second
	longestRest  = 30 * time.Second
	longestAsked = 5 * time.Minute
	// forgetIll is how long after a rest nothing is held against a party any
	// more that nobody has called since.
	forgetIll = 5 * time.Minute
)

func newPace() *pace {
	return &pace{limit: rate.NewLimiter(paceFloor, leastBurst), period: firstPeriod}
}

// most is how many keys may be with workers.
func (p *pace) most(most int) int {
	if p != nil && p.rest > 0 {
		return 1 // one try shows whether it is well again
	}
	return most
}

// after puts a time off until the party may be called.
func (p *pace) after(at time.Duration) time.Duration {
	if p == nil {
		return at
	}
	return max(at, p.notUntil)
}

// allows puts the time of a key that is due, of so many, off until it is
// within the limit.
func (p *pace) allows(at time.Duration, keys int, epoch time.Time, now time.Duration) time.Duration {
	if p == nil || p.limit == nil {
		return at
	}
	p.adjust(keys, epoch, now)
	if missing := 1 - p.limit.TokensAt(epoch.Add(now)); missing > 0 {
		return max(at, now+time.Duration(missing/float64(p.limit.Limit())*float64(time.Second))+1)
	}
	return at
}

// adjust sets the limit by how many keys there are.
func (p *pace) adjust(keys int, epoch time.Time, now time.Duration) {
	each := float64(keys) / p.period.Seconds()
	limit := rate.Limit(paceHeadroom*each + paceFloor)
	if was := p.limit.Limit(); limit > was*1.02 || limit < was*0.98 {
		p.limit.SetLimitAt(epoch.Add(now), limit)
		p.limit.SetBurstAt(epoch.Add(now), max(leastBurst, int(float64(limit)*paceBurst.Seconds())))
	}
}

// spend uses up one place within the limit, if there is one.
func (p *pace) spend(epoch time.Time, now time.Duration) bool {
	return p == nil || p.limit == nil || p.limit.AllowN(epoch.Add(now), 1)
}

// heard learns from what a worker says of a key that is due again in a while.
func (p *pace) heard(n next, in, now time.Duration) {
	if p.rest > 0 && now-p.notUntil > forgetIll {
		p.ills, p.rest = 0, 0
	}
	switch {
	case n.well:
		p.ills, p.rest, p.notUntil = 0, 0, 0
		if !n.at.IsZero() { // it may be over already, if the worker was held up
			p.period += (max(in, leastPeriod) - p.period) / 64
		}
	case !n.ill:
	case p.rest == 0:
		if p.ills++; p.ills >= illAfter {
			p.leave(firstRest, n.wait, now)
		}
	case now >= p.notUntil: // the one try failed; answers to earlier calls say nothing new
		p.leave(min(2*p.rest, longestRest), n.wait, now)
	}
}

// leave has the party left alone for a while.
func (p *pace) leave(rest, asked, now time.Duration) {
	p.rest = rest
	p.notUntil = now + max(rest, min(asked, longestAsked))
}
