package bridgetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

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

// Provider puts a provider behind the failpoints.
func (f *Failpoints) Provider(p bridge.Provider) bridge.Provider { return steppedProvider{f, p} }

type steppedProvider struct {
	f *Failpoints
	p bridge.Provider
}

func (s steppedProvider) Begin(ctx context.Context, ask bridge.CodeRequest) (bridge.Code, error) {
	return Through(ctx, s.f, "Begin", func(ctx context.Context) (bridge.Code, error) { return s.p.Begin(ctx, ask) },
		func(bridge.Code) string { return "a code" })
}

func (s steppedProvider) Poll(ctx context.Context, code bridge.Code) (bridge.Answer, error) {
	return Through(ctx, s.f, "Poll", func(ctx context.Context) (bridge.Answer, error) {
		answer, err := s.p.Poll(ctx, code)
		if err == nil && answer.Verdict == bridge.PollGranted {
			s.f.gave(gifts{polled: 1})
		}
		return answer, err
	}, func(a bridge.Answer) string { return verdicts[a.Verdict] })
}

// gave notes tokens that the provider has just given out.
func (f *Failpoints) gave(g gifts) {
	f.mu.Lock()
	defer f.mu.Unlock()
	to := &f.unkept
	if f.life.Err() != nil {
		to = &f.lost // by a process that died while it waited for them
	}
	to.polled += g.polled
	to.refreshed += g.refreshed
}

func (s steppedProvider) Identify(ctx context.Context, tokens bridge.Tokens, received time.Time) (bridge.Account, error) {
	return Through(ctx, s.f, "Identify", func(ctx context.Context) (bridge.Account, error) { return s.p.Identify(ctx, tokens, received) },
		func(bridge.Account) string { return "an account" })
}

func (s steppedProvider) Refresh(ctx context.Context, tokens bridge.Tokens, ask bridge.RefreshRequest) (bridge.Tokens, error) {
	return Through(ctx, s.f, "Refresh", func(ctx context.Context) (bridge.Tokens, error) {
		fresh, err := s.p.Refresh(ctx, tokens, ask)
		if err == nil {
			s.f.gave(gifts{refreshed: 1})
		}
		return fresh, err
	}, func(bridge.Tokens) string { return "tokens" })
}

func (s steppedProvider) Revoke(ctx context.Context, tokens bridge.Tokens) error {
	_, err := Through(ctx, s.f, "Revoke", func(ctx context.Context) (struct{}, error) { return struct{}{}, s.p.Revoke(ctx, tokens) },
		func(struct{}) string { return "yes" })
	return err
}

// Messenger puts a messenger behind the failpoints.
func (f *Failpoints) Messenger(m bridge.Messenger) bridge.Messenger { return steppedMessenger{f, m} }

type steppedMessenger struct {
	f *Failpoints
	m bridge.Messenger
}

func (s steppedMessenger) Post(ctx context.Context, to bridge.Address, c bridge.Card, key string) (bridge.MessageRef, error) {
	return Through(ctx, s.f, "Post", func(ctx context.Context) (bridge.MessageRef, error) { return s.m.Post(ctx, to, c, key) },
		func(bridge.MessageRef) string { return "a card" })
}

func (s steppedMessenger) Edit(ctx context.Context, ref bridge.MessageRef, c bridge.Card) error {
	_, err := Through(ctx, s.f, "Edit", func(ctx context.Context) (struct{}, error) { return struct{}{}, s.m.Edit(ctx, ref, c) },
		func(struct{}) string { return "a card" })
	return err
}

// verdicts are the words of a trail for the answers of a poll.
var verdicts = map[bridge.Verdict]string{
	bridge.PollPending: "pending", bridge.PollSlowDown: "slow_down", bridge.PollGranted: "granted",
	bridge.PollDenied: "denied", bridge.PollLapsed: "lapsed", bridge.PollLost: "lost", bridge.PollFailed: "failed",
}

// Store puts a store behind the failpoints. A transaction that writes nothing,
// or is given up, is no step.
func (f *Failpoints) Store(s bridge.Store) bridge.Store { return steppedStore{f, s} }

type steppedStore struct {
	f *Failpoints
	s bridge.Store
}

func (s steppedStore) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	if s.f.Crashed() {
		return ErrCrashed
	}
	var about string
	fault := keptWhole
	wrote := false
	err := s.s.Update(ctx, func(tx bridge.Tx) error {
		noted := &notedTx{Tx: tx}
		if err := fn(noted); err != nil {
			return err
		}
		if about, wrote = strings.Join(noted.about, "+"), noted.wrote; !wrote {
			return nil
		}
		if err := s.f.reach(Boundary{Call: "commit", About: about}); err != nil {
			return err
		}
		if fault = s.f.fault(); fault == refused {
			return fmt.Errorf("%w: the disk is full", bridge.ErrStoreUnavailable)
		}
		return nil
	})
	switch {
	case s.f.Crashed():
		return ErrCrashed
	case err != nil || !wrote:
		return err
	}
	if err := s.f.reach(Boundary{"commit", true, about}); err != nil {
		return err
	}
	if fault == doubted {
		return fmt.Errorf("%w: %w", bridge.ErrStoreUnavailable, bridge.ErrInDoubt)
	}
	return nil
}

// How a commit ends.
const (
	keptWhole = iota
	refused
	doubted
)

// fault says what the next commit comes to.
func (f *Failpoints) fault() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits++
	how := keptWhole
	switch {
	case f.broken.holds(f.commits):
		how = refused
	case f.doubted.holds(f.commits):
		how = doubted
	}
	f.broke = f.broke || how != keptWhole
	return how
}

func (s steppedStore) View(ctx context.Context, fn func(bridge.ReadTx) error) error {
	if s.f.Crashed() {
		return ErrCrashed
	}
	err := s.s.View(ctx, fn)
	if s.f.Crashed() {
		return ErrCrashed
	}
	return err
}

func (s steppedStore) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	return Through(ctx, s.f, "forget", func(ctx context.Context) (int, error) { return s.s.Prune(ctx, before, limit) },
		func(n int) string { return fmt.Sprint(n) })
}

func (s steppedStore) PruneAudit(ctx context.Context, before time.Time) (int, error) {
	if s.f.Crashed() {
		return 0, ErrCrashed
	}
	return s.s.PruneAudit(ctx, before)
}

func (s steppedStore) VerifyAudit(ctx context.Context) (bridge.AuditReport, error) {
	return s.s.VerifyAudit(ctx)
}

func (s steppedStore) Backup(ctx context.Context, to io.Writer) error { return s.s.Backup(ctx, to) }

// Close closes the store, also when the process that had it is dead: then it
// frees the file for the next life.
func (s steppedStore) Close() error { return s.s.Close() }

// notedTx notes what a transaction is about.
type notedTx struct {
	bridge.Tx
	about []string
	wrote bool
}

func (tx *notedTx) note(about string) { tx.wrote, tx.about = true, append(tx.about, about) }

func (tx *notedTx) PutRequest(r bridge.Request, entry *bridge.AuditLine) {
	if entry != nil {
		tx.note(string(entry.Event))
	} else {
		tx.note(tx.quiet(r))
	}
	tx.Tx.PutRequest(r, entry)
}

// quiet says what a change is about that leaves no line in the audit log.
func (tx *notedTx) quiet(r bridge.Request) string {
	was, err := tx.Request(r.ID)
	for i, s := range r.Surfaces {
		switch {
		case err != nil || i >= len(was.Surfaces) || s == was.Surfaces[i]:
		case s.Unknown > was.Surfaces[i].Unknown:
			return "attempt"
		default:
			return "delivery"
		}
	}
	if err == nil && len(r.Surfaces) > len(was.Surfaces) {
		return "another surface"
	}
	return "unseen while " + string(r.State)
}

func (tx *notedTx) PutRevocation(v bridge.Revoking) {
	switch {
	case v.Grant != "":
		tx.note("grant owed")
	case strings.HasSuffix(v.ID, ".late") && v.Attempts == 0:
		tx.note("owed late")
	default:
		tx.note("owed")
	}
	tx.Tx.PutRevocation(v)
}

func (tx *notedTx) DeleteRevocation(id string) { tx.note("paid"); tx.Tx.DeleteRevocation(id) }

func (tx *notedTx) PutGrant(g bridge.Grant) {
	tx.wrote = true
	switch was, err := tx.Grant(g.ID); {
	case err != nil:
	case g.Refreshing > was.Refreshing:
		tx.note("refreshing")
	case !g.AccessIssuedAt.Equal(was.AccessIssuedAt):
		tx.note("refreshed")
	case g.State != was.State && g.State == bridge.GrantNeedsReauth:
		tx.note("needs_reauth")
	case g.Refreshing < was.Refreshing && !g.State.Over():
		tx.note("not refreshed")
	}
	tx.Tx.PutGrant(g)
}

func (tx *notedTx) PutIdempotency(agent, key string, i bridge.Idempotency) {
	tx.wrote = true
	tx.Tx.PutIdempotency(agent, key, i)
}

func (tx *notedTx) PutPin(human, issuer, subject string) {
	tx.wrote = true
	tx.Tx.PutPin(human, issuer, subject)
}

func (tx *notedTx) DeletePin(human, issuer string) { tx.wrote = true; tx.Tx.DeletePin(human, issuer) }

func (tx *notedTx) Suspend(agent, human string, at time.Time) {
	tx.wrote = true
	tx.Tx.Suspend(agent, human, at)
}

func (tx *notedTx) PutSecret(ref bridge.SecretRef, s bridge.Secret) {
	tx.wrote = true
	tx.Tx.PutSecret(ref, s)
}

func (tx *notedTx) DeleteSecret(ref bridge.SecretRef) { tx.wrote = true; tx.Tx.DeleteSecret(ref) }

func (tx *notedTx) PutNote(room, key string, value []byte, expires time.Time) {
	if tx.wrote = true; room == "bridge" && key == "bearers" {
		tx.note("names")
	}
	tx.Tx.PutNote(room, key, value, expires)
}

func (tx *notedTx) DeleteNote(room, key string) { tx.wrote = true; tx.Tx.DeleteNote(room, key) }
