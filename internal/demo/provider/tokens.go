package provider

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// grant is one yes of one person; all tokens that came of it point to it.
type grant struct {
	client    string
	subject   string
	scopes    []string
	signedIn  time.Time
	refreshes int
	reused    bool // a spent refresh token came back
	revoked   bool // by its client, with its refresh token
}

func (g *grant) ended() bool { return g.reused || g.revoked }

type accessToken struct {
	grant   *grant
	scopes  []string
	expires time.Time
	revoked bool
}

type refreshToken struct {
	grant *grant
	spent time.Time // zero = not yet
}

// tokens holds what was issued: access tokens by their ID, refresh tokens by
// their value.
type tokens struct {
	lifetimes map[string]time.Duration // of access tokens, by client
	grace     time.Duration            // of spent refresh tokens

	mu      sync.Mutex
	grants  []*grant // oldest first
	access  map[string]*accessToken
	refresh map[string]*refreshToken
}

func newTokens(o Options) *tokens {
	t := &tokens{
		lifetimes: map[string]time.Duration{},
		grace:     o.RefreshGrace,
		access:    map[string]*accessToken{},
		refresh:   map[string]*refreshToken{},
	}
	for _, c := range o.Clients {
		t.lifetimes[c.ID] = c.AccessTokenLifetime
	}
	return t
}

// issued is a fresh access token and, where asked for, a refresh token.
type issued struct {
	accessID string
	expires  time.Time
	refresh  string
}

// issue makes the first tokens of a grant.
func (t *tokens) issue(g grant, withRefresh bool) issued {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.grants = append(t.grants, &g)
	out := t.newAccess(&g, g.scopes)
	if withRefresh {
		out.refresh = t.newRefresh(&g)
	}
	return out
}

// rotate spends the refresh token and makes the next pair; the access token
// has the given scopes, the refresh token keeps those of the grant. A token
// that was spent longer ago than the grace has leaked to somebody: the whole
// grant ends then (RFC 9700 section 4.14.2).
func (t *tokens) rotate(value string, scopes []string) (issued, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.refresh[value]
	if r == nil || r.grant.ended() {
		return issued{}, oidc.ErrInvalidGrant().WithDescription("no such refresh token")
	}
	if !t.fresh(r) {
		r.grant.reused = true
		return issued{}, oidc.ErrInvalidGrant().WithDescription("this refresh token has been used")
	}
	if r.spent.IsZero() {
		r.spent = time.Now()
	}
	r.grant.refreshes++
	out := t.newAccess(r.grant, scopes)
	out.refresh = t.newRefresh(r.grant)
	return out, nil
}

// fresh reports whether a refresh token is not spent, or is in its grace.
func (t *tokens) fresh(r *refreshToken) bool {
	return r.spent.IsZero() || time.Since(r.spent) < t.grace
}

func (t *tokens) newAccess(g *grant, scopes []string) issued {
	out := issued{accessID: rand.Text(), expires: time.Now().Add(t.lifetimes[g.client])}
	t.access[out.accessID] = &accessToken{grant: g, scopes: slices.Clone(scopes), expires: out.expires}
	return out
}

func (t *tokens) newRefresh(g *grant) string {
	value := rand.Text()
	t.refresh[value] = &refreshToken{grant: g}
	return value
}

// live returns the access token with this ID, if it can still be used.
func (t *tokens) live(id string) (accessToken, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.access[id]
	if a == nil || a.revoked || a.grant.ended() || !time.Now().Before(a.expires) {
		return accessToken{}, false
	}
	return *a, true
}

// grantOf returns the grant of a refresh token, spent or not.
func (t *tokens) grantOf(refresh string) (grant, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.refresh[refresh]
	if r == nil {
		return grant{}, false
	}
	return *r.grant, true
}

// revoke ends the refresh token with its grant, or the access token alone
// (RFC 7009 section 2.1), and returns the grant it was of. A token that is not
// known is no fault (section 2.2); that of another client is invalid_grant.
func (t *tokens) revoke(idOrValue, client string) (grant, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, a := t.refresh[idOrValue], t.access[idOrValue]
	switch {
	case r != nil && r.grant.client == client:
		r.grant.revoked = true
		return *r.grant, nil
	case a != nil && a.grant.client == client:
		a.revoked = true
		return *a.grant, nil
	case r != nil || a != nil:
		return grant{}, oidc.ErrInvalidGrant().WithDescription("this token was issued to another client")
	}
	return grant{}, nil
}

// refreshRequest is the use of a refresh token, as package op wants it.
type refreshRequest struct {
	grant
	scopes []string
}

var _ op.RefreshTokenRequest = (*refreshRequest)(nil)

func (r *refreshRequest) GetAMR() []string                 { return []string{"pwd"} }
func (r *refreshRequest) GetAudience() []string            { return []string{r.client} }
func (r *refreshRequest) GetAuthTime() time.Time           { return r.signedIn }
func (r *refreshRequest) GetClientID() string              { return r.client }
func (r *refreshRequest) GetScopes() []string              { return r.scopes }
func (r *refreshRequest) GetSubject() string               { return r.subject }
func (r *refreshRequest) SetCurrentScopes(scopes []string) { r.scopes = scopes }
