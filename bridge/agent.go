package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What an agent can do with its requests. To every other agent they do not
// exist.

// Get returns one of the agent's requests.
func (b *Bridge) Get(ctx context.Context, agent string, id RequestID) (Request, error) {
	var r Request
	err := b.store.View(ctx, func(tx ReadTx) error {
		var err error
		r, err = b.mine(tx, agent, id)
		return err
	})
	return r, err
}

// mine reads a request that belongs to the agent.
func (b *Bridge) mine(tx ReadTx, agent string, id RequestID) (Request, error) {
	r, err := tx.Request(id)
	if errors.Is(err, ErrNotFound) || err == nil && !b.isOf(agent, r.Agent, r.Epoch) {
		return Request{}, notFound()
	}
	return r, err
}

// Await returns one of the agent's requests as soon as enough says so, or as
// it stands when ctx ends; that is no error.
func (b *Bridge) Await(ctx context.Context, agent string, id RequestID, enough func(Request) bool) (Request, error) {
	changed, stop := b.changes.watch(topicOf(id))
	defer stop()
	for {
		r, err := b.Get(context.WithoutCancel(ctx), agent, id)
		if err != nil || enough(r) {
			return r, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return r, nil
		}
	}
}

// List returns up to limit of the agent's requests, newest first, that are
// in one of the states (none = any) and older than before ("" = the newest).
// next is where the following page begins, "" when this was the last. A page
// may hold fewer than limit, and even none, and still have a next: one call
// looks at no more than listRead requests.
func (b *Bridge) List(ctx context.Context, agent string, states []State, before RequestID, limit int) (page []Request, next RequestID, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		read := 0
		var last RequestID
		for r, err := range tx.RequestsOf(agent, before) {
			if err != nil {
				return err
			}
			if len(page) == limit || read == listRead {
				next = last
				return nil
			}
			read, last = read+1, r.ID
			if !b.isOf(agent, r.Agent, r.Epoch) {
				return nil // nor are those that are older
			}
			if len(states) == 0 || slices.Contains(states, r.State) {
				if len(page) == shortPage && limit > shortPage {
					page = slices.Grow(page, limit-shortPage)
				}
				page = append(page, r)
			}
		}
		return nil
	})
	return page, next, err
}

// listRead bounds what one page reads: a long look at the store holds up those
// who write.
const listRead = 2000

// shortPage is how many requests a page has before room is made for all that
// it may hold: requests are large, and most agents have a few.
const shortPage = 8

// Cancel withdraws one of the agent's requests, for everyone who joined it.
// One that has ended stays as it ended.
func (b *Bridge) Cancel(ctx context.Context, agent string, id RequestID) (Request, error) {
	r, _, err := b.fold(ctx, id, step{decide: func(_ ReadTx, r Request) (Event, error) {
		if !b.isOf(agent, r.Agent, r.Epoch) {
			return Event{}, notFound()
		}
		return Event{Kind: OnCancel, By: Actor{Kind: ByAgent, Name: agent}}, nil
	}})
	if errors.Is(err, ErrNotFound) {
		return Request{}, notFound()
	}
	return r, err
}

// Token is what an agent gets: the access token and what it is good for.
// Refresh tokens never leave the bridge.
type Token struct {
	Access    Secret
	Type      string
	ExpiresAt time.Time // zero = unknown
	Scopes    []string
	Details   Details // "" = none
	Issuer    string
	Resource  string
	Account   string // "" = not known
	Human     string
	Grant     GrantID
}

// Collect hands the token of a granted request to the agent that asked, and
// the same token again within the grace. The policy is asked once more: what
// is no longer allowed is not released. Otherwise it is a [*Problem].
//
// A token that lives too short is refreshed first. What is to be decided is
// decided when that is over.
func (b *Bridge) Collect(ctx context.Context, agent Agent, id RequestID) (Token, error) {
	token, err := b.collect(ctx, agent, id, false)
	if s, ok := errors.AsType[*stale](err); ok {
		if err := b.freshen(ctx, s.grant); err != nil {
			return Token{}, err
		}
		return b.collect(ctx, agent, id, true)
	}
	return token, err
}

// collect hands out the token; asIs takes the one that there is.
func (b *Bridge) collect(ctx context.Context, agent Agent, id RequestID, asIs bool) (Token, error) {
	var token Token
	r, taken, err := b.fold(ctx, id, step{
		decide: func(tx ReadTx, r Request) (Event, error) {
			if !b.isOf(agent.Name, r.Agent, r.Epoch) {
				return Event{}, notFound()
			}
			e, t, err := b.release(tx, agent, r, asIs)
			token = t
			return e, err
		},
		beside: used,
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return Token{}, notFound()
	case err != nil:
		return Token{}, err
	case r.State.Open():
		return Token{}, notReady(r)
	case !taken || r.State != Collected || token.Access.IsZero():
		return Token{}, gone(r)
	}
	return token, nil
}

// release decides whether the token may leave, and reads it.
func (b *Bridge) release(tx ReadTx, agent Agent, r Request, asIs bool) (Event, Token, error) {
	now := time.Now()
	switch {
	case r.State == Granted && now.After(r.DueBy):
		return Event{Kind: OnCollectOver, By: Actor{Kind: ByBridge}}, Token{}, nil
	case r.State != Granted && r.State != Collected || now.After(r.DueBy):
		return Event{}, Token{}, nil
	}
	if b.setup.Load().overtaken(r) {
		return forbidden(agent, r)
	}
	if err := b.vouched(r.Team); err != nil {
		return Event{}, Token{}, err
	}
	since, err := tx.Suspended(agent.Name, r.Human)
	if err != nil || !since.IsZero() {
		return Event{}, Token{}, errors.Join(err, withheld(since, agent.Name, r.Human))
	}
	g, err := tx.Grant(r.Grant)
	if errors.Is(err, ErrNotFound) || err == nil && g.State != GrantLive {
		over := OnGrantRevoked
		switch {
		case r.State == Granted && g.State == GrantEnded:
			over = OnCollectOver
		case r.State == Granted && g.State == GrantNeedsReauth:
			over = OnGrantLost
		}
		return Event{Kind: over, By: Actor{Kind: ByBridge}}, Token{}, nil
	}
	if err != nil {
		return Event{}, Token{}, err
	}
	if _, allowed := b.setup.Load().permits(g); !allowed { // it may hold more by now than the request was granted
		return forbidden(agent, r)
	}
	if r.State == Granted { // within the grace it is the same token again
		if ok, err := g.ready(now, r.least(), asIs); err != nil || !ok {
			return Event{Kind: OnCollectOver, By: Actor{Kind: ByBridge}}, Token{}, err
		}
	}
	token, err := tokenOf(tx, g)
	return Event{Kind: OnCollect, By: Actor{Kind: ByAgent, Name: agent.Name}, Until: now.Add(b.dir().Limits.CollectGrace).UTC().Round(0)}, token, err
}

// forbidden is what comes of a request whose token the policy does not allow
// any more.
func forbidden(agent Agent, r Request) (Event, Token, error) {
	if r.State == Collected {
		return Event{}, Token{}, notAllowed(agent, r.want(), r.Whom())
	}
	return Event{Kind: OnPolicyChanged, By: Actor{Kind: ByBridge}}, Token{}, nil
}

func withheld(since time.Time, agent, human string) error {
	if since.IsZero() {
		return nil
	}
	return suspended(agent, human)
}

// tokenOf opens the access token of a grant.
func tokenOf(tx ReadTx, g Grant) (Token, error) {
	sealed, err := tx.Secret(GrantSecret(g.ID))
	if err != nil {
		return Token{}, fmt.Errorf("open the tokens of grant %s: %w", g.ID, err)
	}
	tokens, _, err := unpackTokens(sealed)
	return Token{
		Access: tokens.Access, Type: tokens.Type, ExpiresAt: g.AccessExpiresAt, Scopes: g.Scopes, Details: g.Details,
		Issuer: g.Issuer, Resource: g.Key.Resource, Account: g.Account, Human: g.Human, Grant: g.ID,
	}, err
}

// used notes on the grant that its token was handed out.
func used(tx Tx, r Request) error {
	if r.State != Collected {
		return nil
	}
	g, err := tx.Grant(r.Grant)
	if err != nil {
		return err
	}
	g.LastUsedAt = time.Now().UTC().Round(0)
	tx.PutGrant(g)
	return nil
}

func notReady(r Request) *Problem {
	p := problem(ProblemNotReady, "the request is %s; there is no token yet", r.State).
		hint("wait at the request with ?after=%d&wait=60, do not ask again", r.Version)
	p.Request = &r
	return p
}

func gone(r Request) *Problem {
	p := problem(ProblemGone, "the request is over: %s", strings.TrimSpace(r.ending()))
	if r.Outcome != nil && r.Outcome.Retryable {
		p.Hint = "a new ask may end better"
	}
	p.Request = &r
	return p
}

// ending says how a request ended.
func (r Request) ending() string {
	switch {
	case r.Outcome != nil:
		return r.Outcome.Message
	case r.Renews != "":
		return "it has renewed a grant, and has no token of its own; a new ask is answered at once"
	}
	return "its token was collected, and the time to fetch it again is over"
}
