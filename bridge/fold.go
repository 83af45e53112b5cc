package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// step is one event on one request within a transaction. Its parts run in
// this order, all before the commit.
type step struct {
	// decide says what happened, seeing the request as it is. A Kind of ""
	// means nothing.
	decide func(tx ReadTx, r Request) (Event, error)
	// beside, if not nil, stores what belongs to the event when the table
	// took it; late stores what is left of it when the table did not.
	beside func(tx Tx, after Request) error
	late   func(tx Tx, r Request) error
}

// always is a decide for events that need no look at the request.
func always(e Event) func(ReadTx, Request) (Event, error) {
	return func(ReadTx, Request) (Event, error) { return e, nil }
}

// fold runs one step in a transaction of its own and then follows it. It
// returns the request as it stands and whether the event was taken.
func (b *Bridge) fold(ctx context.Context, id RequestID, s step) (Request, bool, error) {
	var before, after Request
	var taken bool
	err := b.store.Update(ctx, func(tx Tx) error {
		r, err := tx.Request(id)
		if err != nil {
			return err
		}
		before = r
		after, taken, err = b.foldIn(tx, r, s)
		return err
	})
	if errors.Is(err, ErrStoreUnavailable) { // it may have been kept all the same: look again
		b.clock.at("", ofRequest(id), time.Now().Add(storeRetry))
		b.changes.wake(topicOf(id))
		b.changes.wake(b.audience(before.Whom())...)
	}
	if err != nil {
		return before, false, err
	}
	if taken {
		b.follow(before, after)
	}
	return after, taken, nil
}

// foldIn runs one step on a request within an open transaction.
func (b *Bridge) foldIn(tx Tx, r Request, s step) (Request, bool, error) {
	e, err := s.decide(tx, r)
	if e = b.setup.Load().heed(r, e); err != nil || e.Kind == "" {
		return r, false, err
	}
	now := time.Now()
	after, taken := r.Apply(e, now)
	if !taken {
		if s.late != nil {
			err = s.late(tx, r)
		}
		return r, false, err
	}
	if err := clear(tx, r, after, e, now); err != nil {
		return r, false, err
	}
	if s.beside != nil {
		if err := s.beside(tx, after); err != nil {
			return r, false, err
		}
	}
	after = b.placed(r, after, e, now)
	hush(tx, after, b.dir().Limits, now)
	tx.PutRequest(after, entry(r, after, e))
	return after, true, nil
}

// clear puts away the secrets that a step leaves without a use: a code that
// is no longer shown is burnt, tokens that will not be released are revoked.
// What cannot be read any more cannot be revoked, and is forgotten.
func clear(tx Tx, before, after Request, e Event, now time.Time) error {
	if before.State == Coded && after.State != Coded {
		tx.DeleteSecret(CodeSecret(before.ID))
	}
	if before.State == Held && after.State.Ended() && after.State != Collected {
		held, err := tx.Secret(HeldSecret(before.ID))
		switch {
		case errors.Is(err, ErrUnreadable): // the request must be able to end all the same
		case err != nil:
			return fmt.Errorf("open the held tokens: %w", err)
		default:
			v := revoking(string(before.ID), before.Target, now)
			v.Request, v.Human, v.By = before.ID, before.giver(), e.By.Kind
			revokeLater(tx, v, held)
		}
	}
	if before.State == Held && after.State != Held {
		tx.DeleteSecret(HeldSecret(before.ID))
	}
	unclaimed := before.State == Granted && after.State.Ended() && after.State != Collected
	if unclaimed && !before.Served && e.Kind != OnGrantRevoked {
		return takeBack(tx, before, e.By, now)
	}
	return nil
}

// takeBack ends the grant that a request made, unless somebody collected it:
// another request of the same agent may have been served from it.
func takeBack(tx Tx, r Request, by Actor, now time.Time) error {
	g, err := tx.Grant(r.Grant)
	if errors.Is(err, ErrNotFound) || err == nil && (g.State.Over() || !g.LastUsedAt.IsZero()) {
		return nil
	}
	if err != nil {
		return err
	}
	return endGrant(tx, g, GrantRevoked, by, now)
}

// follow brings a committed change to those who wait for it and plans what
// comes next. It may run late, twice or out of order: everything that it
// starts looks at the store first.
func (b *Bridge) follow(before, after Request) {
	b.changes.wake(topicOf(after.ID))
	b.changes.wake(b.audience(after.Whom())...)
	if at, _ := after.Deadline(); !at.IsZero() {
		b.clock.at("", ofRequest(after.ID), at)
	} else if !after.Pending() {
		b.clock.drop("", ofRequest(after.ID))
	}
	if after.State == Failed && before.State != Failed {
		b.log.Warn("a request failed", "request", after.ID, "provider", after.Target.named(), "outcome", after.Outcome.Code, "why", after.Outcome.Message)
	}
	b.owe(after)
	now, lane := time.Now(), b.lane(after.Target.lane())
	if before.State == Coded && after.State != Coded {
		code := polling(before.ID, before.Codes)
		b.polls.drop(lane, code)
		b.gaps.forget(code)
	}
	if after.State == Asked && after.Minting && !before.Minting {
		b.mints.at(lane, after.ID, now)
	}
	if before.State != Held && after.State == Held {
		b.checks.at(lane, after.ID, now)
	}
	switch {
	case before.State == Held && after.State.Ended() && after.State != Collected:
		b.revocations.at(lane, string(after.ID), now)
	case before.State == Granted && after.State.Ended() && after.State != Collected:
		b.revocations.at(lane, string(after.Grant), now)
	}
}

// strike is what the clock does: the event whose deadline has passed, on a
// request or on a grant. It returns when to look again.
func (b *Bridge) strike(ctx context.Context, key clockKey) time.Time {
	if key.grant {
		return b.strikeGrant(ctx, key.id.grant())
	}
	return b.strikeRequest(ctx, key.id.request())
}

func (b *Bridge) strikeRequest(ctx context.Context, id RequestID) time.Time {
	r, _, err := b.fold(ctx, id, step{decide: func(_ ReadTx, r Request) (Event, error) {
		at, kind := r.Deadline()
		if at.IsZero() || time.Now().Before(at) {
			return Event{}, nil
		}
		return Event{Kind: kind, By: Actor{Kind: ByBridge}, Code: r.Codes, Cause: tooLate[kind]}, nil
	}})
	if errors.Is(err, ErrNotFound) {
		return time.Time{}
	}
	if err != nil {
		b.log.Error("let a deadline pass", "request", id, "err", err)
		return time.Now().Add(storeRetry)
	}
	b.plan(r)
	at, _ := r.Deadline()
	return at
}

// plan makes sure that what a request needs next is on its way, whatever is
// planned already: after a commit whose fate was not known, nothing may be. A
// poll that is planned keeps its time, which its provider may have asked for.
func (b *Bridge) plan(r Request) {
	b.owe(r)
	now, lane := time.Now(), b.lane(r.Target.lane())
	if r.Grant != "" {
		b.clock.at("", ofGrant(r.Grant), now)
	}
	switch {
	case r.State == Asked && r.Minting:
		b.mints.at(lane, r.ID, now)
	case r.State == Coded:
		b.polls.ensure(lane, polling(r.ID, r.Codes), now.Add(gap(r.Interval)+callTimeout))
	case r.State == Held:
		b.checks.at(lane, r.ID, now)
	case r.State.Ended():
		b.revocations.at(lane, string(r.ID), now)
		b.revocations.at(lane, string(r.Grant), now)
	}
}

// tooLate says what a deadline means where the outcome alone does not.
var tooLate = map[Kind]string{
	OnIdentityTimeout: "it could not be asked in time whose account granted",
	OnConfirmTimeout:  "it was not said in time whose account granted",
}

// storeRetry is how long a loop waits after a fault of the store.
const storeRetry = 2 * time.Second
