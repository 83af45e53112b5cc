package discord

import (
	"net/http"
	"sync"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
)

// Discord bars an address that it refuses ten thousand calls in ten minutes.
// The bridge stays well below, and agents have a small share of it: where their
// notices go is their word.
const (
	refusedWithin = 10 * time.Minute
	mostRefused   = 2500
	mostStray     = 100
)

// tooManyRefused is what the operator is told meanwhile.
const tooManyRefused = "Discord has refused the bridge 2,500 times in ten minutes, and bars the address of who goes on: " +
	"look in the log for the channels and people that it refuses; the bridge waits a while, and tries again"

// window counts what happens within a while, as far as so many times. It is
// safe for concurrent use.
type window struct {
	most   int
	within time.Duration

	mu sync.Mutex
	at []time.Time // of the last ones
}

// wait is how long until there is room for one more; 0 or less = there is.
func (w *window) wait(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.at) < w.most {
		return 0
	}
	return w.at[0].Add(w.within).Sub(now)
}

func (w *window) add(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.at) == w.most {
		w.at = append(w.at[:0], w.at[1:]...)
	}
	w.at = append(w.at, now)
}

// strike takes note of an answer that Discord holds against our address.
func (c *caller) strike(resp *http.Response) {
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
	case http.StatusTooManyRequests:
		if resp.Header.Get("X-RateLimit-Scope") == "shared" {
			return
		}
	default:
		return
	}
	now := time.Now()
	c.strikes.add(now)
	if _, halted := c.waits.Get(everything); c.strikes.wait(now) > 0 && !halted {
		c.health.SetCalls(chat.Degraded, tooManyRefused)
	}
}
