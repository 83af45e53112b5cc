package oauth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// Refresh implements [bridge.Provider]: one token request (RFC 6749, section
// 6) with the client authentication that Begin used.
func (p *Provider) Refresh(ctx context.Context, old bridge.Tokens, ask bridge.RefreshRequest) (bridge.Tokens, error) {
	md, err := p.lastGood(ctx)
	if err != nil {
		return bridge.Tokens{}, err
	}
	f := newForm()
	f.add("grant_type", "refresh_token")
	f.add("refresh_token", old.Refresh.Reveal())
	if len(ask.Scopes) > 0 {
		f.add("scope", strings.Join(ask.Scopes, " "))
	}
	if ask.Resource != "" {
		f.add("resource", ask.Resource)
	}
	answer, err := p.post(ctx, md.Token, f)
	if err != nil {
		return bridge.Tokens{}, err
	}
	return p.refreshed(answer, old, ask)
}

func (p *Provider) refreshed(answer reply, old bridge.Tokens, ask bridge.RefreshRequest) (bridge.Tokens, error) {
	m, err := answer.members()
	switch word := m.text("error"); {
	case answer.busy():
		return bridge.Tokens{}, answer.later(nil)
	case err == nil && word == "invalid_grant":
		return bridge.Tokens{}, fmt.Errorf("%w: %s", bridge.ErrGrantLost, m.complaint(p.secret, old.Refresh, old.Access))
	case err == nil && word != "":
		return bridge.Tokens{}, refuse(bridge.OutcomeProviderError, "%s", m.complaint(p.secret, old.Refresh, old.Access))
	case !answer.ok():
		return bridge.Tokens{}, answer.later(errors.New("the provider refused to refresh without saying why"))
	case err != nil:
		return bridge.Tokens{}, fmt.Errorf("read the answer to a refresh: %w", err)
	case m.text("access_token") == "":
		return bridge.Tokens{}, errors.New("the provider's answer to a refresh lacks access_token")
	}
	fresh := tokens(m, bridge.Code{Scopes: old.Scopes, Resource: ask.Resource})
	if fresh.Refresh.IsZero() {
		fresh.Refresh = old.Refresh
	}
	return fresh, nil
}
