package provider

import (
	"context"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// What follows looks, or reaches, into a provider from outside of its
// protocol. These are functions and no methods, so that a program that calls
// none of them has none of them in it.

// Grant is what one person gave one client, and what became of it.
type Grant struct {
	Client  string
	Subject string
	Scopes  []string
	// Honoured is how many of its refresh tokens would be answered with
	// tokens now: one as long as it lives, none once it has ended or where
	// none was asked for, and more where spent ones have their grace.
	Honoured int
	// Refreshes is how many refreshes were carried out, those included whose
	// answers were lost.
	Refreshes int
	// Reused: a spent refresh token came back, which has ended the grant.
	Reused bool
	// Revoked: the client has revoked a refresh token, which has ended the
	// grant.
	Revoked bool
}

// Live tells whether p would accept this access token now: made there, not
// revoked, not past its time. Like the functions below it is no [Entry].
func Live(p *Provider, token string) bool {
	_, err := p.server.accessToken(op.ContextWithIssuer(context.Background(), p.issuer), token)
	return err == nil
}

// Grants returns all grants so far, oldest first.
func Grants(p *Provider) []Grant {
	t := p.server.storage.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Grant, 0, len(t.grants))
	for _, g := range t.grants {
		all = append(all, t.show(g))
	}
	return all
}

// GrantOf returns the grant that an access token or a refresh token came of,
// whether it is good any more or not. A refresh token that was forgotten, and
// an access token that is past its time, came of none.
func GrantOf(p *Provider, token string) (Grant, bool) {
	ctx := op.ContextWithIssuer(context.Background(), p.issuer)
	id := p.server.tokenID(ctx, token)
	t := p.server.storage.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.refresh[token]; r != nil {
		return t.show(r.grant), true
	}
	if a := t.access[id]; a != nil {
		return t.show(a.grant), true
	}
	return Grant{}, false
}

// Honours tells whether a refresh with this refresh token would be answered
// with tokens now.
func Honours(p *Provider, refreshToken string) bool {
	t := p.server.storage.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.refresh[refreshToken]
	return r != nil && t.honours(r)
}

// ForgetRefreshTokens has p know none of the refresh tokens that it has given
// out. Access tokens live on; so does what is given out later.
func ForgetRefreshTokens(p *Provider) {
	t := p.server.storage.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.refresh)
}

func (t *tokens) honours(r *refreshToken) bool { return !r.grant.ended() && t.fresh(r) }

// show needs the lock.
func (t *tokens) show(g *grant) Grant {
	shown := Grant{
		Client: g.client, Subject: g.subject, Scopes: slices.Clone(g.scopes),
		Refreshes: g.refreshes, Reused: g.reused, Revoked: g.revoked,
	}
	for _, r := range t.refresh {
		if r.grant == g && t.honours(r) {
			shown.Honoured++
		}
	}
	return shown
}
