package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// pollKey is one code that is polled. A request's next code is another key,
// so nothing that was planned for the old one can touch it.
type pollKey struct {
	id   RequestID
	code int
}

// gap is the time from the end of one poll to the next: the provider's
// interval with room for clocks that run unevenly, since a poll that is a
// little early makes every later one slower (RFC 8628, section 3.5).
func gap(interval time.Duration) time.Duration {
	return max(interval+time.Second, interval+interval/5)
}

// slowDown is by how much a slow_down makes the interval longer, for good
// (RFC 8628, section 3.5).
const slowDown = 5 * time.Second

// gaps remembers the codes whose provider did not answer, and how long to
// wait for each: twice as long after every fault (RFC 8628, section 3.5). It
// holds nothing for the others.
type gaps struct {
	mu  sync.Mutex
	all map[pollKey]time.Duration
}

// fault doubles the gap of a code and returns it.
func (g *gaps) fault(key pollKey, first time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil {
		g.all = make(map[pollKey]time.Duration)
	}
	last, known := g.all[key]
	if !known {
		last = first
	}
	g.all[key] = 2 * last
	return 2 * last
}

func (g *gaps) forget(key pollKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.all, key)
}

// poll asks the provider once about one code. While the human has not
// finished it writes nothing. It returns when to ask again.
func (b *Bridge) poll(ctx context.Context, key pollKey) time.Time {
	r, code, err := b.polled(ctx, key)
	if err != nil || r.ID == "" {
		b.gaps.forget(key)
		return b.later(err, "read a code that is polled", key.id)
	}
	answer, err := b.pollOnce(ctx, r, code)
	end := time.Now()
	if err != nil {
		return b.pollFault(key, r, err, end)
	}
	b.gaps.forget(key)
	switch answer.Verdict {
	case PollPending:
		return end.Add(gap(r.Interval))
	case PollGranted:
		return b.hold(ctx, key, r, answer.Tokens, end)
	default:
		return b.heard(ctx, key, r, answer, end)
	}
}

func (b *Bridge) pollOnce(ctx context.Context, r Request, code Code) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return b.providers[r.Target.Provider].Poll(ctx, code)
}

// polled reads what a poll needs; a request without id means that there is
// nothing to poll any more.
func (b *Bridge) polled(ctx context.Context, key pollKey) (r Request, code Code, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		found, err := tx.Request(key.id)
		live := err == nil && found.State == Coded && found.Codes == key.code && time.Now().Before(found.CodeExpiresAt)
		if _, configured := b.provider(found.Target.Provider, found.Target.Issuer, found.Target.ClientID); !live || !configured {
			return err
		}
		sealed, err := tx.Secret(CodeSecret(key.id))
		if err != nil {
			return err
		}
		r = found
		code, err = unpackCode(sealed)
		return err
	})
	return r, code, err
}

// pollFault says when to ask again after a poll that told nothing. A code is
// asked about once more before it lapses: by then the human may have granted.
func (b *Bridge) pollFault(key pollKey, r Request, err error, end time.Time) time.Time {
	least := gap(r.Interval)
	wait := max(least, min(b.gaps.fault(key, least), r.CodeExpiresAt.Add(-lastPoll).Sub(end)))
	var busy *Unavailable
	if errors.As(err, &busy) && busy.RetryAfter > 0 {
		wait = max(least, busy.RetryAfter)
	}
	next := end.Add(wait)
	b.log.Warn("poll a provider", "request", r.ID, "provider", r.Target.Provider, "again", next, "err", err)
	return next
}

// lastPoll is how long before a code's lapse it is asked about at the latest.
const lastPoll = 10 * time.Second

// hold stores tokens the moment they arrive, with nothing else in the commit.
// If the request has moved on meanwhile they are late: they go to the
// revocation queue and are never released.
func (b *Bridge) hold(ctx context.Context, key pollKey, r Request, tokens Tokens, at time.Time) time.Time {
	e := Event{
		Kind: OnToken, By: Actor{Kind: ByProvider, Name: r.Target.Provider},
		Code: key.code, Scopes: tokens.Scopes, Until: at.Add(identityWithin).UTC().Round(0),
	}
	sealed := packTokens(tokens, at)
	late := revoking(lateID(key), r.Target, at)
	late.Request = r.ID
	kept := false
	after, taken, err := b.keep(ctx, key.id, step{
		decide: always(e),
		beside: func(tx Tx, _ Request) error {
			tx.PutSecret(HeldSecret(key.id), sealed)
			return nil
		},
		late: func(tx Tx, now Request) error {
			// A commit that was reported lost may have been kept after all.
			held, err := tx.Secret(HeldSecret(key.id))
			if kept = err == nil && now.State == Held && held.Equal(sealed); !kept {
				revokeLater(tx, late, sealed)
			}
			return nil
		},
	})
	if err != nil {
		b.log.Error("store a token: it is lost", "request", key.id, "err", err)
		return at.Add(gap(r.Interval)) // the provider will say that the code was used
	}
	if kept {
		b.plan(after)
	} else if !taken {
		b.log.Warn("a token came after its request had moved on; it is being revoked", "request", key.id)
		b.revocations.at(late.ID, at)
	}
	return time.Time{}
}

// lateID names the revocation of a token that came too late.
func lateID(key pollKey) string {
	return fmt.Sprintf("%s.%d", key.id, key.code)
}

// keepFor is how long a provider's answer is held in memory while the store
// cannot take it.
const keepFor = 2 * time.Minute

// keep folds a step that must not be lost, and so tries again while the store
// is unavailable and ctx lasts.
func (b *Bridge) keep(ctx context.Context, id RequestID, s step) (Request, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, keepFor)
	defer cancel()
	for {
		r, taken, err := b.fold(context.WithoutCancel(ctx), id, s)
		if !errors.Is(err, ErrStoreUnavailable) {
			return r, taken, err
		}
		b.log.Error("store what a provider answered; trying again", "request", id, "err", err)
		select {
		case <-ctx.Done():
			return r, taken, err
		case <-time.After(storeRetry / 4):
		}
	}
}

// heard folds any other answer of a poll.
func (b *Bridge) heard(ctx context.Context, key pollKey, r Request, answer Answer, end time.Time) time.Time {
	e := Event{By: Actor{Kind: ByProvider, Name: r.Target.Provider}, Code: key.code, Cause: answer.Cause}
	switch answer.Verdict {
	case PollSlowDown:
		e.Kind, e.Interval = OnSlowDown, max(r.Interval+slowDown, answer.Interval)
	case PollDenied:
		e.Kind = OnRefused
	case PollLapsed:
		e.Kind = OnCodeLapsed
	case PollLost:
		e.Kind = OnTokenLost
	case PollFailed, PollPending, PollGranted:
		e.Kind = OnPollFailed
	}
	after, taken, err := b.keep(ctx, key.id, step{decide: always(e)})
	switch {
	case err != nil:
		b.log.Error("store a provider's answer", "request", key.id, "err", err)
		return end.Add(gap(max(r.Interval, e.Interval)))
	case taken && after.State == Coded:
		return end.Add(gap(after.Interval))
	}
	return time.Time{}
}
