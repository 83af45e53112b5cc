package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/profile"
)

// Revoke implements [bridge.Provider] (RFC 7009). The refresh token goes
// first, since it could make new access tokens; once it is gone, it does not
// matter that a provider cannot revoke access tokens. Where a refresh token,
// or the only token there is, cannot be revoked, that is ErrCannotRevoke. A
// no about the refresh token does not spare the access token; only a fault
// leaves it for the next time. What would reach further than was asked for is
// not done at all.
func (p *Provider) Revoke(ctx context.Context, tokens bridge.Tokens, ask bridge.RevokeRequest) error {
	switch taking := p.profile.Revocation; {
	case taking.Reach == profile.ReachNone:
		return bridge.ErrCannotRevoke
	case taking.Reach == profile.ReachUser && !ask.Wider:
		return fmt.Errorf("%w these tokens alone, but only all that the user gave to our client", bridge.ErrCannotRevoke)
	case taking.Delete != "":
		return p.drop(ctx, tokens.Access)
	}
	md, err := p.lastGood(ctx)
	if err != nil {
		return err
	}
	if md.Revocation == "" {
		return bridge.ErrCannotRevoke
	}
	first := p.revoke(ctx, md.Revocation, tokens.Refresh, "refresh_token")
	if unsettled(first) {
		return first
	}
	second := p.revoke(ctx, md.Revocation, tokens.Access, "access_token")
	switch {
	case unsettled(second):
		return second
	case first != nil:
		return first
	case errors.Is(second, bridge.ErrCannotRevoke) && !tokens.Refresh.IsZero():
		return nil
	}
	return second
}

// drop takes an access token back by way of GitHub's API: "Delete an app
// token". The refresh token of a pair ends with it. That the token is unknown
// (404, 422) is as good as revoked.
func (p *Provider) drop(ctx context.Context, token bridge.Secret) error {
	if p.secret.IsZero() {
		return fmt.Errorf("%w without our client's secret", bridge.ErrCannotRevoke)
	}
	address := strings.ReplaceAll(p.profile.Revocation.Delete, "{client_id}", url.PathEscape(p.id))
	answer, err := p.delete(ctx, address, token)
	switch {
	case err != nil:
		return err
	case answer.busy():
		return answer.later(nil)
	case answer.ok(), answer.status == http.StatusNotFound, answer.status == http.StatusUnprocessableEntity:
		return nil
	case answer.isPage():
		return answer.later(errPage)
	case answer.status == http.StatusUnauthorized:
		return refuse(bridge.OutcomeProviderError, "the provider does not know our client's id or secret")
	}
	return answer.later(fmt.Errorf("the provider refused the revocation without saying why (HTTP %d)", answer.status))
}

// unsettled reports whether an error is no answer, so that the same call has
// to be made again.
func unsettled(err error) bool {
	_, no := errors.AsType[*bridge.Refusal](err)
	return err != nil && !no && !errors.Is(err, bridge.ErrCannotRevoke)
}

// revoke takes one token back, where there is one. That the token is unknown
// is as good as revoked (RFC 7009, section 2.2). An OAuth error is a no that
// no repetition mends, but for those that ask to come back; a web page, a
// redirect or a bare status may come from somebody before the provider, and so
// tells nothing.
func (p *Provider) revoke(ctx context.Context, endpoint string, token bridge.Secret, hint string) error {
	if token.IsZero() {
		return nil
	}
	f := p.newForm()
	f.add("token", token.Reveal())
	f.add("token_type_hint", hint)
	answer, err := p.post(ctx, endpoint, f)
	if err != nil {
		return err
	}
	m, _ := p.read(answer)
	switch word := m.text("error"); {
	case answer.busy():
		return answer.later(nil)
	case word != "":
		return p.unrevoked(answer, m, token, hint)
	case answer.isPage():
		return answer.later(errPage)
	case !answer.ok():
		return answer.later(fmt.Errorf("the provider refused the revocation without saying why (HTTP %d)", answer.status))
	}
	return nil
}

// unrevoked reads an OAuth error (RFC 7009, section 2.2.1).
func (p *Provider) unrevoked(answer reply, m members, token bridge.Secret, hint string) error {
	switch m.text("error") {
	case "invalid_token":
		return nil
	case "unsupported_token_type":
		return fmt.Errorf("%w: it does not revoke a token of kind %s", bridge.ErrCannotRevoke, hint)
	case "slow_down", "temporarily_unavailable", "server_error":
		return answer.later(errors.New(m.complaint(p.secret, token)))
	}
	return refuse(bridge.OutcomeProviderError, "%s", m.complaint(p.secret, token))
}
