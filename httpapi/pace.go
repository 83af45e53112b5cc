package httpapi

import (
	"sync"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// The pace of asks. What waits for a human is bounded by the limits of the
// configuration; asks that need none, such as those that a live grant serves,
// that join, or that are cancelled at once, leave a record behind that is kept
// for months. So an agent has as many asks as it likes for a while, and in the
// long run ten a second: one that has run wild fills the disk slowly, and the
// log says who it is.
const (
	asksEvery  = 100 * time.Millisecond
	asksAtOnce = 200_000
)

// pace grants asks to agents: so many at once, and then one at a time.
type pace struct {
	every time.Duration
	most  int

	mu   sync.Mutex
	owed map[string]time.Time // agent -> when all it has asked will have been due
}

func newPace(every time.Duration, most int) *pace {
	return &pace{every: every, most: most, owed: make(map[string]time.Time)}
}

// spend takes one ask, or says how long to wait for the next.
func (p *pace) spend(agent string) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	owed := p.owed[agent]
	if owed.Before(now) {
		owed = now
	}
	owed = owed.Add(p.every)
	if wait = owed.Sub(now) - time.Duration(p.most)*p.every; wait > 0 {
		return wait
	}
	p.owed[agent] = owed
	return 0
}

// mayAsk refuses an ask of an agent that has asked too much.
func (h *handler) mayAsk(agent string) error {
	wait := h.asks.spend(agent)
	if wait == 0 {
		return nil
	}
	if h.outages.failed("asks of " + agent) {
		h.log.Warn("an agent asks without end, and is slowed down", "agent", agent)
	}
	no := localhttp.Refuse(api.ProblemTooManyOpen, "agent %q has asked more than %d times, and may now ask once in %s", agent, asksAtOnce, asksEvery).
		WithHint("keep a token until it expires, and wait for a request instead of asking again")
	no.RetryAfter = wait
	return no
}
