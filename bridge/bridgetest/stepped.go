package bridgetest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// The ports of a bridge with failpoints at their boundaries.

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

func (s steppedProvider) Revoke(ctx context.Context, tokens bridge.Tokens, ask bridge.RevokeRequest) error {
	_, err := Through(ctx, s.f, "Revoke", func(ctx context.Context) (struct{}, error) { return struct{}{}, s.p.Revoke(ctx, tokens, ask) },
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
