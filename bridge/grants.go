package bridge

import (
	"errors"
	"slices"
	"time"
)

// defaultValidity is how long a token must live at least to be handed out
// without asking anybody again, unless the agent says otherwise.
const defaultValidity = time.Minute

// key is the key of the grants that may answer a request.
func (r Request) key() GrantKey {
	key := GrantKey{
		Agent: r.Agent, Session: r.Session, Human: r.Human, Team: r.Team,
		Provider: r.Target.Provider, ClientID: r.Target.ClientID, Resource: r.Target.Resource,
	}
	if r.Team != "" {
		key.Human = ""
	}
	return key
}

// serve answers a draft from a live grant: one that holds all that is asked,
// may still be reused, and has a token that lives long enough. The rule as it
// is now decides, not the one under which it was given: the agent gets nothing
// that it may not ask, and nothing for longer than it may now.
func serve(tx Tx, draft Request, may permit, limits Limits, now time.Time) (Request, bool, error) {
	g, err := tx.CurrentGrant(draft.key())
	if errors.Is(err, ErrNotFound) {
		return Request{}, false, nil
	}
	if err != nil {
		return Request{}, false, err
	}
	least := draft.MinValidity
	if least == 0 {
		least = defaultValidity
	}
	over := !now.Before(g.ReuseUntil) || !now.Before(g.CreatedAt.Add(draft.Reuse)) || len(may.beyond(g.Scopes)) > 0
	if over || !g.usable(now, least) || !holds(g.Scopes, draft.Scopes) {
		return Request{}, false, nil
	}
	if held, err := withheldFromTeam(tx, g, may); err != nil || held {
		return Request{}, false, err
	}
	if draft.Team != "" {
		draft.Human = g.Human
	}
	draft.Surfaces = nil // nobody has to see it
	e := Event{
		Kind: OnServed, By: Actor{Kind: ByAgent, Name: draft.Agent},
		Grant: g.ID, Account: g.Account, Scopes: g.Scopes, Until: now.Add(limits.CollectWithin),
	}
	r, _ := draft.Apply(e, now)
	tx.PutRequest(r, entry(Request{}, r, e))
	return r, true, nil
}

// holds reports whether all wanted scopes are among the given ones.
func holds(given, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(s string) bool { return !slices.Contains(given, s) })
}

// newGrant is the grant that a checked token becomes. It ends when the card
// said it would; a grant that must not be reused ends with its token.
func newGrant(r Request, tokens Tokens, who Account, received, now time.Time) Grant {
	g := Grant{
		ID: NewGrantID(now), Key: r.key(), State: GrantLive, Human: r.giver(), Request: r.ID,
		Issuer: r.Target.Issuer, Subject: who.Subject, Account: who.Shown(), Scopes: tokens.Scopes,
		CreatedAt: now, AccessIssuedAt: received, AccessExpiresAt: tokens.ExpiresAt,
		ReuseUntil: now.Add(r.Reuse), Revocation: RevocationNone, Refreshable: !tokens.Refresh.IsZero(),
	}
	switch {
	case r.Reuse > 0:
		g.EndsAt = g.ReuseUntil
	default:
		g.EndsAt = now.Add(DefaultReuse)
		if !tokens.ExpiresAt.IsZero() && tokens.ExpiresAt.Before(g.EndsAt) {
			g.EndsAt = tokens.ExpiresAt
		}
	}
	return g
}

// replace ends the grant that a new one takes the place of. Tokens that the
// new one shares live on with it: the revocation looks for that.
func replace(tx Tx, g Grant, by Actor, now time.Time) (replaced Grant, err error) {
	old, err := tx.CurrentGrant(g.Key)
	if errors.Is(err, ErrNotFound) {
		return Grant{}, nil
	}
	if err != nil {
		return Grant{}, err
	}
	return old, endGrant(tx, old, GrantEnded, by, now)
}
