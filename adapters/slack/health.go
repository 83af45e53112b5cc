package slack

import (
	"sync"
	"time"
)

// State is how an adapter is.
type State string

// What an adapter can be.
const (
	Starting State = "starting" // has not been heard by Slack yet
	Ready    State = "ready"    // brings cards and takes what people press
	Degraded State = "degraded" // works in part, or did; tries by itself
	Refused  State = "refused"  // Slack wants something else of the operator first
)

// Health says how an adapter is, since when, and in words for the operator why
// it is not ready and what to do about it. Why is "" when it is ready, and
// never holds a secret.
type Health struct {
	State State
	Since time.Time
	Why   string
}

// condition is one side's part of the health.
type condition struct {
	Health
	cut bool // degraded so that nothing gets through
}

// gravity orders states: the worse side is the one that is told.
var gravity = map[State]int{Ready: 0, Degraded: 1, Starting: 2, Refused: 3}

// health is what is known about both sides: our calls to Slack, and the line
// by which it brings what people do.
type health struct {
	mu    sync.Mutex
	calls condition
	line  condition
}

func newHealth() *health {
	begun := condition{Health: Health{State: Starting, Since: time.Now(), Why: "it has not reached Slack yet"}}
	return &health{calls: begun, line: begun}
}

// setCalls says how our calls to Slack fare.
func (h *health) setCalls(s State, why string) { h.set(&h.calls, s, why, s != Ready) }

// setLine says how the line fares; cut, that nothing comes through it.
func (h *health) setLine(s State, why string, cut bool) { h.set(&h.line, s, why, cut) }

func (h *health) set(c *condition, s State, why string, cut bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.State != s {
		c.Since = time.Now()
	}
	c.State, c.Why, c.cut = s, why, cut
}

// now is the worse of both sides.
func (h *health) now() Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	if gravity[h.line.State] > gravity[h.calls.State] {
		return h.line.Health
	}
	return h.calls.Health
}

func (h *health) connected() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return open(h.calls) && open(h.line)
}

func open(c condition) bool { return c.State == Ready || c.State == Degraded && !c.cut }
