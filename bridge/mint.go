package bridge

import (
	"context"
	"errors"
	"time"
)

// mint asks the provider for the code that a click has asked for, and stores
// it before anybody can see it. A code that comes too late, or whose storing
// fails, was never shown: it lapses at the provider by itself.
func (b *Bridge) mint(ctx context.Context, id RequestID) time.Time {
	r, err := b.read(ctx, id)
	if err != nil || r.State != Asked || !r.Minting {
		return b.later(err, "read a request that waits for its code", id)
	}
	code, e := b.requestCode(ctx, r)
	arrived := time.Now()
	e.Code, e.By = r.Codes, Actor{Kind: ByProvider, Name: r.Target.named()}
	if e.Kind == OnMinted {
		e.Until, e.Interval = arrived.Add(code.Lifetime).UTC().Round(0), code.Interval
	}
	after, taken, err := b.keep(ctx, id, step{
		decide: always(e),
		beside: func(tx Tx, after Request) error {
			if after.State == Coded {
				tx.PutSecret(CodeSecret(id), packCode(liveCode{code, after.Codes, after.Target, after.CodeExpiresAt}))
			}
			return nil
		},
	})
	if err != nil {
		return b.later(err, "store a code", id)
	}
	if taken && after.State == Coded {
		b.polls.at(b.lane(after.Target.lane()), polling(id, after.Codes), arrived.Add(gap(after.Interval)))
		b.warm(after)
	}
	return time.Time{}
}

// requestCode makes the device authorization request and says what came of it.
func (b *Bridge) requestCode(ctx context.Context, r Request) (Code, Event) {
	p, ok := b.provider(r.Target)
	if !ok {
		return Code{}, Event{Kind: OnMintRefused, Outcome: OutcomeProviderError, Cause: errUnconfigured.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	code, err := p.Begin(ctx, b.codeRequest(r))
	var no *Refusal
	switch {
	case err == nil:
		return code, Event{Kind: OnMinted}
	case errors.As(err, &no):
		return Code{}, Event{Kind: OnMintRefused, Outcome: no.Outcome, Cause: no.Cause}
	}
	b.log.Warn("ask a provider for a code", "request", r.ID, "provider", r.Target.named(), "err", err)
	return Code{}, Event{Kind: OnMintFault, Cause: "The provider " + r.Target.named() + " could not give a code just now. You can try once more."}
}

// codeRequest is what the provider is asked for: the request's scopes, and
// the bridge's own. Where nobody has configured those, it asks for as many of
// them as there are.
func (b *Bridge) codeRequest(r Request) CodeRequest {
	ask := CodeRequest{Scopes: r.Scopes, Details: r.Details, Resource: r.Target.Resource}
	if r.Target.Provider == "" {
		ask.Own = ownScopes()
		return ask
	}
	ask.Scopes = union(b.dir().Providers[r.Target.Provider].Scopes, r.Scopes)
	return ask
}

// union keeps the order of first and adds what it lacks of more.
func union(first, more []string) []string {
	all := append([]string{}, first...)
	for _, s := range more {
		if !holds(all, []string{s}) {
			all = append(all, s)
		}
	}
	return all
}

// read reads one request.
func (b *Bridge) read(ctx context.Context, id RequestID) (r Request, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		r, err = tx.Request(id)
		return err
	})
	return r, err
}

// later decides, after a fault of the store, when a loop tries again. What
// is gone needs nothing.
func (b *Bridge) later(err error, what string, id RequestID) time.Time {
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, context.Canceled) {
		return time.Time{}
	}
	b.log.Error(what, "request", id, "err", err)
	if errors.Is(err, ErrUnreadable) { // nor will it ever be; its deadline ends it
		return time.Time{}
	}
	return time.Now().Add(storeRetry)
}
