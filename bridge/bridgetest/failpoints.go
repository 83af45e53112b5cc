package bridgetest

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/authbridge/authbridge/bridge"
)

// ErrCrashed is what a call of a dead process returns. It is no answer: who
// gets it has learnt nothing.
var ErrCrashed = errors.New("the process is dead")

// Boundary is a place between two steps of a bridge: just before or just after
// a commit, or a call of another port.
type Boundary struct {
	Call  string // "commit", "forget" (Prune), or the method of the provider or messenger
	After bool
	// About says of a commit what is in it, joined by "+": the events of the
	// requests; "attempt" and "delivery" for what is noted of a card, "another
	// surface" for one that is to come; "owed" for a token that goes to the
	// revocation queue, or "grant owed" for those of a grant, "owed late" for those of a refresh, and "paid" for what
	// leaves it; "refreshing", "refreshed", "not refreshed" and "needs_reauth"
	// for what is noted of a grant; "names" for a note of who bears the
	// configured names. Of a call that has been answered it says how.
	About string
}

// String names the boundary, such as "before commit of token".
func (b Boundary) String() string {
	side := "before "
	if b.After {
		side = "after "
	}
	if b.About == "" {
		return side + b.Call
	}
	return side + b.Call + " of " + b.About
}

// Failpoints stand at every boundary between the steps of one life of a
// bridge, which is given the ports that Store and Provider return. They count
// the boundaries, and can kill the process at one of them, or break a commit.
//
// From a crash on, the process is dead: each of its calls, under way or new,
// returns [ErrCrashed] at once and without any effect, and nobody gets an
// answer. Only what the other side had in hand before may still happen there,
// as with a real crash: a commit that had been given to the store, a call that
// had reached the provider.
//
// The next life gets failpoints of its own. All methods are safe for
// concurrent use.
type Failpoints struct {
	life context.Context // ends with the crash
	kill context.CancelFunc

	mu      sync.Mutex
	trail   []Boundary
	crashAt int
	crashIn crashIn
	commits int
	broken  span // commits that are refused
	doubted span // commits that are kept and reported lost
	broke   bool // a commit was one of these
	unkept  gifts
	lost    gifts // the same, at the crash
}

// crashIn is the boundary of one name to crash at, when so many of its like
// have been reached.
type crashIn struct {
	name string
	nth  int
}

// gifts are tokens that the provider gave and no commit has kept.
type gifts struct{ polled, refreshed int }

// span are the commits from one on.
type span struct{ from, count int }

func (s span) holds(n int) bool { return n >= s.from && n < s.from+s.count }

// NewFailpoints returns failpoints that only count.
func NewFailpoints() *Failpoints {
	f := &Failpoints{}
	f.life, f.kill = context.WithCancel(context.Background())
	return f
}

// CrashAt kills the process at the nth boundary, counted from 1. It is called
// before the bridge starts.
func (f *Failpoints) CrashAt(n int) { f.crashAt = n }

// CrashAtThe kills the process at the nth boundary like b, counted from 1:
// where goroutines take turns, the nth of all is not the same one every time.
// It is called before the bridge starts.
func (f *Failpoints) CrashAtThe(nth int, b Boundary) { f.crashIn = crashIn{b.String(), nth} }

// RefuseCommits makes count commits, from the nth on, fail without any effect;
// DoubtCommits keeps them and says that they may be lost. Both are reported as
// [bridge.ErrStoreUnavailable]. They are called before the bridge starts.
func (f *Failpoints) RefuseCommits(n, count int) { f.broken = span{n, count} }

// DoubtCommits is described at RefuseCommits.
func (f *Failpoints) DoubtCommits(n, count int) { f.doubted = span{n, count} }

// Crash kills the process now.
func (f *Failpoints) Crash() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.die()
}

func (f *Failpoints) die() {
	if f.life.Err() == nil {
		f.lost = f.unkept
		f.kill()
	}
}

// Dead is closed when the process has died.
func (f *Failpoints) Dead() <-chan struct{} { return f.life.Done() }

// Crashed reports whether the process has died.
func (f *Failpoints) Crashed() bool { return f.life.Err() != nil }

// Trail returns the boundaries that were reached, in order; after a crash the
// last one is where it happened.
func (f *Failpoints) Trail() []Boundary {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Boundary{}, f.trail...)
}

// Commits returns how many commits were begun.
func (f *Failpoints) Commits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.commits
}

// Broken reports whether a commit was refused or put in doubt.
func (f *Failpoints) Broken() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broke
}

// Lost returns how many tokens the provider had given out at the crash that
// were not stored yet: the one hole that RFC 8628 leaves. It is known when
// Run has returned. A commit that was under way may have kept one after all.
func (f *Failpoints) Lost() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost.polled
}

// LostRefreshes is Lost for the answers to refreshes.
func (f *Failpoints) LostRefreshes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost.refreshed
}

// reach passes a boundary, unless the process is dead or dies there.
func (f *Failpoints) reach(b Boundary) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.life.Err() != nil {
		return ErrCrashed
	}
	f.trail = append(f.trail, b)
	if b.Call == "commit" && b.After {
		f.unkept.keep(b.About)
	}
	if len(f.trail) == f.crashAt || f.crashIn.met(b) {
		f.die()
		return ErrCrashed
	}
	return nil
}

// met counts a boundary, and reports whether it is the one.
func (c *crashIn) met(b Boundary) bool {
	if c.nth == 0 || b.String() != c.name {
		return false
	}
	c.nth--
	return c.nth == 0
}

// keep counts a commit that stores tokens which have just arrived: as held, or
// as a grant's, or, when they are late, as owed to the revocation queue.
func (g *gifts) keep(about string) {
	first, _, _ := strings.Cut(about, "+")
	polled := about == string(bridge.OnToken) || about == "owed+"+string(bridge.OnToken)
	refreshed := first == "refreshed" || first == "owed late"
	switch {
	case polled && g.polled > 0:
		g.polled--
	case refreshed && g.refreshed > 0:
		g.refreshed--
	}
}

// Through takes one call of a port from boundary to boundary. The call gets a
// context that also ends with the process; about says how it was answered. It
// is exported so that a test can put further ports behind the failpoints.
func Through[T any](ctx context.Context, f *Failpoints, call string, do func(context.Context) (T, error), about func(T) string) (answer T, err error) {
	var nothing T
	if err := f.reach(Boundary{Call: call}); err != nil {
		return nothing, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.life, cancel)() //nolint:contextcheck // the call ends with either of the two
	answer, err = do(ctx)
	how := "a fault"
	if err == nil {
		how = about(answer)
	}
	if err := f.reach(Boundary{call, true, how}); err != nil {
		return nothing, err
	}
	return answer, err
}
