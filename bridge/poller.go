package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// pollKey is one code that is polled. A request's next code is another key,
// so nothing that was planned for the old one can touch it.
type pollKey struct {
	id   packed
	code uint8
}

func polling(id RequestID, code int) pollKey {
	return pollKey{pack(id), uint8(code)} //nolint:gosec // at most MaxCodes
}

// gap is the time from the end of one poll to the next: the provider's
// interval with room for clocks that run unevenly, since a poll that is a
// little early makes every later one slower (RFC 8628, section 3.5).
func gap(interval time.Duration) time.Duration {
	return max(interval+time.Second, interval+interval/5)
}

// patience is the time to the next poll if the provider asked to be left alone for
// so long: never less, not even when the next poll is brought forward.
func patience(interval, asked time.Duration) time.Duration {
	return max(gap(interval), asked+gap(interval)-interval)
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

// hurryMargin is added to the interval where a human waits: clocks run
// unevenly, and an early poll makes every later one slower.
const hurryMargin = 100 * time.Millisecond

// warmFor is how long polls go before others after the human did something.
const warmFor = 2 * time.Minute

// warm has a code polled before others for a while, since its human is busy
// with it; hurry also has it polled as soon as its interval allows.
func (b *Bridge) warm(r Request)  { b.hasten(r, 0) }
func (b *Bridge) hurry(r Request) { b.hasten(r, gap(r.Interval)-r.Interval-hurryMargin) }

func (b *Bridge) hasten(r Request, slack time.Duration) {
	b.polls.hurry(b.lane(r.Target.lane()), polling(r.ID, r.Codes), slack, time.Now().Add(warmFor))
}

// poll asks the provider once about one code. While the human has not
// finished it writes nothing, and reads nothing but the sealed code.
func (b *Bridge) poll(ctx context.Context, key pollKey) next {
	id := key.id.request()
	code, ok, err := b.polled(ctx, id, key)
	if err != nil || !ok {
		b.gaps.forget(key)
		return next{at: b.later(err, "read a code that is polled", id)}
	}
	// What a poll brings could not be kept; or the code looks lapsed, and the
	// clock, which has the last word, may only have been set for a moment.
	if b.store.refusing() || !time.Now().Before(code.LapsesAt) {
		return next{at: time.Now().Add(gap(code.Interval))}
	}
	answer, err := b.pollOnce(ctx, code)
	end := time.Now()
	if err != nil {
		b.books.Polled(code.Target.named(), pollFault)
		return b.pollFault(key, code, err, end)
	}
	b.books.Polled(code.Target.named(), answer.Verdict.String())
	b.gaps.forget(key)
	switch answer.Verdict {
	case PollPending:
		return next{at: end.Add(patience(code.Interval, answer.RetryAfter)), well: true}
	case PollGranted:
		return next{at: b.hold(ctx, key, code, answer.Tokens, end), well: true}
	default:
		return next{at: b.heard(ctx, key, code, answer, end), well: true}
	}
}

func (b *Bridge) pollOnce(ctx context.Context, code liveCode) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	p, ok := b.provider(code.Target)
	if !ok {
		return Answer{}, errUnconfigured
	}
	return p.Poll(ctx, code.Code)
}

// polled reads the code that a poll is about; ok is false when there is
// nothing to poll any more. A code is put away in the commit that burns it.
func (b *Bridge) polled(ctx context.Context, id RequestID, key pollKey) (code liveCode, ok bool, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		sealed, err := tx.Secret(CodeSecret(id))
		if err != nil {
			return err
		}
		code, err = unpackCode(sealed)
		return err
	})
	_, configured := b.provider(code.Target)
	return code, err == nil && configured && code.Number == int(key.code), err
}

// pollFault says when to ask again after a poll that told nothing. A code is
// asked about once more before it lapses: by then the human may have granted.
func (b *Bridge) pollFault(key pollKey, code liveCode, err error, end time.Time) next {
	least := gap(code.Interval)
	wait := max(least, min(b.gaps.fault(key, least), code.LapsesAt.Add(-lastPoll).Sub(end)))
	var busy *Unavailable
	asked := errors.As(err, &busy) && busy.RetryAfter > 0
	if asked {
		wait = patience(code.Interval, busy.RetryAfter)
	}
	n := next{at: end.Add(wait), ill: true}
	if asked {
		n.wait = busy.RetryAfter
	}
	b.log.Warn("poll a provider", "request", key.id.request(), "provider", code.Target.named(), "again", n.at, "err", err)
	return n
}

// lastPoll is how long before a code's lapse it is asked about at the latest.
const lastPoll = 10 * time.Second

// hold stores tokens the moment they arrive, with nothing else in the commit.
// If the request has moved on meanwhile they are late: they go to the
// revocation queue and are never released.
func (b *Bridge) hold(ctx context.Context, key pollKey, code liveCode, tokens Tokens, at time.Time) time.Time {
	id := key.id.request()
	e := Event{
		Kind: OnToken, By: Actor{Kind: ByProvider, Name: code.Target.named()},
		Code: code.Number, Scopes: tokens.Scopes, Details: tokens.Details, Until: at.Add(identityWithin).UTC().Round(0),
	}
	sealed := packTokens(tokens, at)
	late := revoking(lateID(id, code), code.Target, at)
	late.Request, late.By = id, ByBridge
	kept := false
	after, taken, err := b.keep(ctx, id, step{
		decide: always(e),
		beside: func(tx Tx, _ Request) error {
			tx.PutSecret(HeldSecret(id), sealed)
			return nil
		},
		late: func(tx Tx, now Request) error {
			// A commit that was reported lost may have been kept after all.
			held, err := tx.Secret(HeldSecret(id))
			if kept = err == nil && now.State == Held && held.Equal(sealed); !kept {
				late.Human = now.giverOf(code.Number)
				revokeLater(tx, late, sealed)
				line := entry(now, now, e)
				line.Time = at.UTC().Round(0)
				tx.PutRequest(now, line)
			}
			return nil
		},
	})
	if err != nil {
		b.giveBack(ctx, id, code, tokens, err)
		return at.Add(gap(code.Interval)) // the provider will say that the code was used
	}
	if kept {
		b.plan(after)
	} else if !taken {
		b.log.Warn("a token came after its request had moved on; it is being revoked", "request", id)
		b.revocations.at(b.lane(code.Target.lane()), late.ID, at)
	}
	return time.Time{}
}

// giveBack revokes tokens that could not be stored in all that time: nobody
// will ever know them again.
func (b *Bridge) giveBack(ctx context.Context, id RequestID, code liveCode, tokens Tokens, cause error) {
	within := callTimeout
	if ctx.Err() != nil { // the bridge ends
		within = lastMoment
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	err := b.revokeAt(ctx, revoking(string(id), code.Target, time.Time{}), tokens)
	b.log.Error("a token could not be stored and was given back to its provider", "request", id, "provider", code.Target.named(), "err", cause, "revoke", err)
}

// lastMoment is what is left for that when the bridge ends: calls have had
// their grace by then.
const lastMoment = time.Second

// lateID names the revocation of a token that came too late.
func lateID(id RequestID, code liveCode) string {
	return fmt.Sprintf("%s.%d", id, code.Number)
}

// keep folds a step that must not be lost.
func (b *Bridge) keep(ctx context.Context, id RequestID, s step) (r Request, taken bool, err error) {
	err = b.insist(ctx, "store what a provider answered", id, func(ctx context.Context) error {
		r, taken, err = b.fold(ctx, id, s)
		return err
	})
	return r, taken, err
}

// heard folds any other answer of a poll. A longer interval also goes into the
// sealed code, which is all that later polls read.
func (b *Bridge) heard(ctx context.Context, key pollKey, code liveCode, answer Answer, end time.Time) time.Time {
	id := key.id.request()
	e := Event{By: Actor{Kind: ByProvider, Name: code.Target.named()}, Code: code.Number, Cause: answer.Cause}
	switch answer.Verdict {
	case PollSlowDown:
		e.Kind, e.Interval = OnSlowDown, max(code.Interval+slowDown, answer.Interval)
	case PollDenied:
		e.Kind = OnRefused
	case PollLapsed:
		e.Kind = OnCodeLapsed
	case PollLost:
		e.Kind = OnTokenLost
	case PollFailed, PollPending, PollGranted:
		e.Kind, e.Outcome = OnPollFailed, cmp.Or(answer.Outcome, OutcomeProviderError)
	}
	after, taken, err := b.keep(ctx, id, step{
		decide: always(e),
		beside: func(tx Tx, after Request) error {
			if after.State == Coded {
				code.Interval = after.Interval
				tx.PutSecret(CodeSecret(id), packCode(code))
			}
			return nil
		},
	})
	switch {
	case err != nil:
		b.log.Error("store a provider's answer", "request", id, "err", err)
		return end.Add(patience(max(code.Interval, e.Interval), answer.RetryAfter))
	case taken && after.State == Coded:
		return end.Add(patience(after.Interval, answer.RetryAfter))
	}
	return time.Time{}
}
