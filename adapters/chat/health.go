package chat

import (
	"slices"
	"sync"
	"time"
)

// State is how an adapter is.
type State string

// What an adapter can be.
const (
	Starting State = "starting" // has not been heard by its platform yet
	Ready    State = "ready"    // brings cards and takes what people press
	Degraded State = "degraded" // works in part, or did; tries by itself
	Refused  State = "refused"  // the platform wants something else of the operator first
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
func (s State) gravity() int { return slices.Index([]State{Ready, Degraded, Starting, Refused}, s) }

// Sides is what is known about both sides of an adapter: our calls to the
// platform, and the line by which it brings what people do. It is safe for
// concurrent use.
type Sides struct {
	mu    sync.Mutex
	calls condition
	line  condition
}

// NewSides returns the health of an adapter that begins; platform is its name
// for people, such as "Slack".
func NewSides(platform string) *Sides {
	begun := condition{Health: Health{State: Starting, Since: time.Now(), Why: "it has not reached " + platform + " yet"}}
	return &Sides{calls: begun, line: begun}
}

// SetCalls says how our calls fare.
func (h *Sides) SetCalls(s State, why string) { h.set(&h.calls, s, why, s != Ready) }

// SetLine says how the line fares; cut, that nothing comes through it.
func (h *Sides) SetLine(s State, why string, cut bool) { h.set(&h.line, s, why, cut) }

func (h *Sides) set(c *condition, s State, why string, cut bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.State != s {
		c.Since = time.Now()
	}
	c.State, c.Why, c.cut = s, why, cut
}

// Now is the worse of both sides.
func (h *Sides) Now() Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.line.State.gravity() > h.calls.State.gravity() {
		return h.line.Health
	}
	return h.calls.Health
}

// CallsCut reports whether the platform refuses our calls, or we make none so
// that it goes on taking any.
func (h *Sides) CallsCut() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls.State == Refused || h.calls.State == Degraded
}

// Connected reports whether what people press comes in, and answers go out.
func (h *Sides) Connected() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return open(h.calls) && open(h.line)
}

func open(c condition) bool { return c.State == Ready || c.State == Degraded && !c.cut }
