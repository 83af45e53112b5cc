package devprovider

import (
	"context"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/op"
)

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

// Grants returns all grants so far, oldest first. Like [Provider.Honours] and
// [Provider.GrantOf] it leaves no entry in the journal.
func (p *Provider) Grants() []Grant {
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
func (p *Provider) GrantOf(token string) (Grant, bool) {
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
func (p *Provider) Honours(refreshToken string) bool {
	t := p.server.storage.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.refresh[refreshToken]
	return r != nil && t.honours(r)
}

// ForgetRefreshTokens has the provider know none of the refresh tokens that
// it has given out. Access tokens live on; so does what is given out later.
func (p *Provider) ForgetRefreshTokens() {
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
