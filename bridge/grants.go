package bridge

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// defaultValidity is how long a token must live at least to be handed out
// without asking anybody again, unless the agent says otherwise.
const defaultValidity = time.Minute

// youngToken is how old a token is at most of which a refusal says that
// refreshing does not help.
const youngToken = time.Minute

// key is the key of the grants that may answer a request.
func (r Request) key() GrantKey {
	key := GrantKey{
		Agent: r.Agent, Session: r.Session, Human: r.Human, Team: r.Team,
		Provider: r.Target.Provider, ClientID: r.Target.ClientID, Resource: r.Target.Resource, Details: r.Details,
	}
	if r.Team != "" {
		key.Human = ""
	}
	return key
}

// reusable finds the live grant that may be reused for asks like the draft, if
// there is one. The rule as it is now decides, not the one under which it was
// given: the agent gets nothing for longer than it may now.
func (b *Bridge) reusable(tx ReadTx, draft Request, now time.Time) (Grant, bool, error) {
	g, err := tx.CurrentGrant(draft.key())
	if errors.Is(err, ErrNotFound) {
		return Grant{}, false, nil
	}
	if err != nil {
		return Grant{}, false, err
	}
	if g.Issuer != draft.Target.Issuer { // the resource has another now
		return Grant{}, false, nil
	}
	if g.State != GrantLive || !now.Before(g.ReuseUntil) || !now.Before(g.CreatedAt.Add(draft.Reuse)) {
		return Grant{}, false, nil
	}
	if _, allowed := b.setup.Load().permits(g); !allowed {
		return Grant{}, false, nil
	}
	since, err := tx.Suspended(g.Key.Agent, g.Human) // one of a team, who is asked as one
	return g, err == nil && since.IsZero(), err
}

// serve answers a draft from a live grant that holds all that is asked, and
// nothing that the agent may not ask. If its token has to be refreshed first,
// the error is a [*stale]; asIs takes the token that there is. So is one that
// the resource has refused; but where a young one is refused, another would be
// too, and the human is asked.
func (b *Bridge) serve(tx Tx, draft Request, may permit, met Challenge, now time.Time, asIs bool) (Request, bool, error) {
	g, ok, err := b.reusable(tx, draft, now)
	if err != nil || !ok || !holds(g.Scopes, draft.Scopes) || len(may.beyond(g.Scopes, g.Details)) > 0 {
		return Request{}, false, err
	}
	if err := b.vouched(draft.Team); err != nil {
		return Request{}, false, err
	}
	if met.Error == refusedToken && !asIs {
		if g.Refreshable && now.Sub(g.AccessIssuedAt) > youngToken {
			return Request{}, false, &stale{g}
		}
		return Request{}, false, nil
	}
	if ok, err := g.ready(now, draft.least(), asIs); err != nil || !ok {
		return Request{}, false, err
	}
	if draft.Team != "" {
		draft.Human = g.Human
	}
	draft.Surfaces = nil // nobody has to see it
	e := Event{
		Kind: OnServed, By: Actor{Kind: ByAgent, Name: draft.Agent},
		Grant: g.ID, Account: g.Account, Scopes: g.Scopes, Details: g.Details, Until: now.Add(b.dir().Limits.CollectWithin),
	}
	r, _ := draft.Apply(e, now)
	tx.PutRequest(r, entry(Request{}, r, e))
	return r, true, nil
}

// stepUp makes a draft that goes beyond the live grant ask for what that holds
// as well, as far as the agent may: the new grant takes its place. What is new
// in it is marked.
func (b *Bridge) stepUp(tx ReadTx, draft Request, may permit, now time.Time) (Request, error) {
	g, ok, err := b.reusable(tx, draft, now)
	if err != nil || !ok || holds(g.Scopes, draft.Scopes) {
		return draft, err
	}
	draft.Added = slices.DeleteFunc(slices.Clone(draft.Scopes), func(s string) bool { return slices.Contains(g.Scopes, s) })
	draft.Scopes = slices.Sorted(slices.Values(union(draft.Scopes, slices.DeleteFunc(slices.Clone(g.Scopes), func(s string) bool {
		return slices.Contains(may.provider.Scopes, s) || !may.rule.Covers(s)
	}))))
	return draft, nil
}

// least is how long a token for the request must live.
func (r Request) least() time.Duration { return cmp.Or(r.MinValidity, defaultValidity) }

// ready reports whether the token of a live grant can be handed out. One that
// lives too short is refreshed first, if it can be, which is a [*stale]; asIs
// is for the time after that: it may still be short then, but never over.
func (g Grant) ready(now time.Time, least time.Duration, asIs bool) (bool, error) {
	over := !g.usable(now, 1)
	switch {
	case g.usable(now, least):
		return true, nil
	case g.Refreshable && !asIs:
		return false, &stale{g}
	case g.Refreshable && over: // fresh, and over: asking the human would not help
		return false, providerUnavailable(g, longestRest)
	}
	return !over, nil
}

// holds reports whether all wanted scopes are among the given ones.
func holds(given, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(s string) bool { return !slices.Contains(given, s) })
}

// newGrant is the grant that a checked token becomes.
func newGrant(r Request, tokens Tokens, who Account, received, now time.Time) Grant {
	g := Grant{
		ID: NewGrantID(now), Key: r.key(), State: GrantLive, Epoch: r.Epoch, Human: r.giver(), Request: r.ID,
		Issuer: r.Target.Issuer, Subject: who.Subject, Account: who.Shown(), Scopes: tokens.Scopes, Details: tokens.Details,
		CreatedAt: now, AccessIssuedAt: received, AccessExpiresAt: tokens.ExpiresAt,
		ReuseUntil: now.Add(r.Reuse), Revocation: RevocationNone, Refreshable: !tokens.Refresh.IsZero(),
	}
	g.EndsAt = g.end()
	return g
}

// end is when the grant is over by itself: when the card said it would, or
// with its token, if that cannot be refreshed or must not be reused.
func (g Grant) end() time.Time {
	reused := g.ReuseUntil.After(g.CreatedAt)
	at := g.ReuseUntil
	if !reused {
		at = g.CreatedAt.Add(DefaultReuse)
	}
	if withToken := !g.Refreshable || !reused; withToken && !g.AccessExpiresAt.IsZero() && g.AccessExpiresAt.Before(at) {
		return g.AccessExpiresAt
	}
	return at
}

// replace ends the grant that a new one takes the place of. Tokens that the
// new one shares live on with it: the revocation looks for that.
func replace(tx Tx, g Grant, by Actor, now time.Time) error {
	old, err := tx.CurrentGrant(g.Key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if old.Renewal == g.Request { // by its renewal, which goes its own way
		old.Renewal = ""
	}
	return endGrant(tx, old, GrantEnded, by, now)
}
