package bridge

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How many codes may be made that no human has pressed for: by one agent at one
// issuer, and there by all agents together. A human who presses is bounded by
// [MaxCodes] and by what may be open for them; an agent that asks and cancels
// in a loop would be by nothing, and every code counts against our client at
// the issuer. What is over gets its code when its human presses.
const (
	unpromptedAtOnce = 10
	unpromptedEvery  = time.Minute
	unpromptedOfAll  = 60
	unpromptedAll    = time.Second
)

// unprompted is the budget of codes that nobody pressed for.
type unprompted struct {
	mu    sync.Mutex
	byOne map[[2]string]*rate.Limiter // by issuer and agent
	byAll map[string]*rate.Limiter    // by issuer
}

func newUnprompted() *unprompted {
	return &unprompted{byOne: map[[2]string]*rate.Limiter{}, byAll: map[string]*rate.Limiter{}}
}

// spend takes one code from the budget, if there is one.
func (u *unprompted) spend(issuer, agent string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	one := limiter(u.byOne, [2]string{issuer, agent}, unpromptedEvery, unpromptedAtOnce)
	all := limiter(u.byAll, issuer, unpromptedAll, unpromptedOfAll)
	return one.TokensAt(now) >= 1 && all.AllowN(now, 1) && one.AllowN(now, 1)
}

// limiter finds the bucket of a key. There are as many as the configuration has
// agents and issuers.
func limiter[K comparable](all map[K]*rate.Limiter, key K, every time.Duration, burst int) *rate.Limiter {
	if all[key] == nil {
		all[key] = rate.NewLimiter(rate.Every(every), burst)
	}
	return all[key]
}
