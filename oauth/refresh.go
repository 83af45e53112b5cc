package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// Refresh implements [bridge.Provider]: one token request (RFC 6749, section
// 6) with the client authentication that Begin used. It is sent at most once,
// whatever becomes of the connection, since a provider that rotates refresh
// tokens takes the second use of one for theft (RFC 9700, section 4.14.2).
func (p *Provider) Refresh(ctx context.Context, old bridge.Tokens, ask bridge.RefreshRequest) (bridge.Tokens, error) {
	md, err := p.lastGood(ctx)
	if err != nil {
		return bridge.Tokens{}, err
	}
	if md.Token == "" {
		return bridge.Tokens{}, refuse(bridge.OutcomeProviderError, "the provider's metadata names no token_endpoint")
	}
	f := p.newForm()
	f.add("grant_type", "refresh_token")
	f.add("refresh_token", old.Refresh.Reveal())
	if ask.Resource != "" && !p.profile.OmitResource {
		f.add("resource", ask.Resource)
	}
	answer, err := p.postOnce(ctx, md.Token, f)
	if err != nil {
		return bridge.Tokens{}, err
	}
	return p.readRefreshed(answer, old, ask)
}

// readRefreshed tells apart what the provider gave, what it refused, and what
// is not known. It is not known what an answer means that says success and
// cannot be read: tokens may have been in it. A web page is none of these,
// whatever its status: no token endpoint speaks so (RFC 6749, sections 5.1
// and 5.2), but gateways do, when they are closed for maintenance or want a
// sign-in, and then the request has got no further than to them. It is the
// same with a redirect. To take them for outages costs nothing where that is
// wrong: the refresh token is used up then, which the next refresh is told.
func (p *Provider) readRefreshed(answer reply, old bridge.Tokens, ask bridge.RefreshRequest) (bridge.Tokens, error) {
	m, err := p.read(answer)
	switch {
	case answer.busy():
		return bridge.Tokens{}, answer.later(nil)
	case answer.isPage():
		return bridge.Tokens{}, answer.later(errPage)
	case m.text("error") != "":
		return bridge.Tokens{}, p.notRefreshed(answer, m, old)
	case !answer.ok():
		return bridge.Tokens{}, answer.later(fmt.Errorf("the provider refused to refresh without saying why (HTTP %d)", answer.status))
	case err != nil:
		return bridge.Tokens{}, fmt.Errorf("read the answer to a refresh: %w", err)
	case m.text("access_token") == "":
		return bridge.Tokens{}, errors.New("the provider's answer to a refresh lacks access_token")
	}
	fresh := p.refreshed(m, old)
	if ask.Subject != "" && !fresh.ID.IsZero() && !p.speaksOf(fresh.ID, ask.Subject) {
		return fresh, bridge.ErrOtherAccount
	}
	return fresh, nil
}

// notRefreshed reads an OAuth error (RFC 6749, section 5.2). Some providers
// have names of their own for a refresh token that is no longer good:
// GitHub's bad_refresh_token, and those by which Entra says, as OpenID
// Connect does (Core 1.0, section 3.1.2.6), that nothing helps but the human.
func (p *Provider) notRefreshed(answer reply, m members, old bridge.Tokens) error {
	said := m.complaint(p.secret, old.Refresh, old.Access)
	switch m.text("error") {
	case "invalid_grant", "bad_refresh_token",
		"interaction_required", "login_required", "consent_required", "bad_token":
		return fmt.Errorf("%w: %s", bridge.ErrGrantLost, said)
	case "slow_down", "temporarily_unavailable", "server_error":
		return answer.later(errors.New(said))
	}
	return refuse(bridge.OutcomeProviderError, "%s", said)
}

// refreshed reads a successful answer. What it leaves out is as it was; so are
// the scope and the authorization details, since none was asked for (RFC 6749, section 6).
func (p *Provider) refreshed(m members, old bridge.Tokens) bridge.Tokens {
	fresh := p.tokens(m, bridge.Code{Scopes: old.Scopes, Details: old.Details})
	if fresh.Refresh.IsZero() {
		fresh.Refresh = old.Refresh
	}
	if m.text("token_type") == "" && old.Type != "" {
		fresh.Type = old.Type
	}
	return fresh
}

// speaksOf reports whether an id_token that came with a refresh is of our
// issuer, for our client, and about this subject (OpenID Connect Core 1.0,
// section 12.2). Its signature need not be looked at, since it comes from the
// token endpoint itself, over TLS (section 3.1.3.7, point 6), and neither its
// time, since nobody signs in with it. One that cannot be read speaks of
// nobody.
func (p *Provider) speaksOf(raw bridge.Secret, subject string) bool {
	parts := strings.Split(raw.Reveal(), ".")
	if len(parts) != 3 {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	claims, err := reply{body: payload}.object()
	if err != nil {
		return false
	}
	issuer, party := claims.text("iss"), claims.text("azp")
	ours := issuer == p.name || "https://"+issuer == googleIssuer && p.name == googleIssuer
	return ours && claims.text(p.subject()) == subject && claims.isFor(p.id) && (party == "" || party == p.id)
}

// googleIssuer is the one issuer that names itself without a scheme at times,
// which the verifier of first id_tokens lets pass too.
const googleIssuer = "https://accounts.google.com"

// isFor reports whether the audience of a JWT has somebody in it (RFC 7519,
// section 4.1.3: one name, or a list of them).
func (m members) isFor(name string) bool {
	if list, ok := m["aud"].([]any); ok {
		return slices.Contains(list, any(name))
	}
	return m["aud"] == name
}
