package oauth

import (
	"context"
	"errors"
	"fmt"

	"github.com/authbridge/authbridge/bridge"
)

// Revoke implements [bridge.Provider] (RFC 7009). The refresh token goes
// first, since it could make new access tokens; once it is gone, it does not
// matter that a provider cannot revoke access tokens. Where a refresh token,
// or the only token there is, cannot be revoked, that is ErrCannotRevoke. A
// no about the refresh token does not spare the access token; only a fault
// leaves it for the next time.
func (p *Provider) Revoke(ctx context.Context, tokens bridge.Tokens) error {
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
	f := newForm()
	f.add("token", token.Reveal())
	f.add("token_type_hint", hint)
	answer, err := p.post(ctx, endpoint, f)
	if err != nil {
		return err
	}
	m, _ := answer.members()
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
