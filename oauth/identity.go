package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/authbridge/authbridge/bridge"
)

// Identify implements [bridge.Provider]. The id_token tells; the userinfo
// endpoint is asked where there is none, or it has no e-mail address. Tokens
// whose time of receipt is not known count as received now.
func (p *Provider) Identify(ctx context.Context, tokens bridge.Tokens, received time.Time) (bridge.Account, error) {
	md, err := p.lastGood(ctx)
	if err != nil {
		return bridge.Account{}, err
	}
	switch own := p.profile.Account; {
	case own.None:
		return bridge.Account{}, bridge.ErrNoIdentity
	case own.URL != "":
		return p.fromUserinfo(ctx, own.URL, tokens)
	}
	var account bridge.Account
	if !tokens.ID.IsZero() && md.Keys != "" {
		if account, err = p.fromIDToken(ctx, md, tokens.ID, received); err != nil || account.Email != "" {
			return account, err
		}
	}
	return p.fuller(ctx, md, tokens, account)
}

// fuller asks the userinfo endpoint for what an id_token lacks. Without one
// that account is zero.
func (p *Provider) fuller(ctx context.Context, md *metadata, tokens bridge.Tokens, account bridge.Account) (bridge.Account, error) {
	if p.subject() != "sub" { // nothing else can be compared there
		if account.Subject == "" {
			return bridge.Account{}, bridge.ErrNoIdentity
		}
		return account, nil
	}
	fuller, err := p.fromUserinfo(ctx, md.Userinfo, tokens)
	switch {
	case errors.Is(err, bridge.ErrNoIdentity) && account.Subject != "":
		return account, nil
	case err != nil:
		return bridge.Account{}, err
	case account.Subject != "" && fuller.Subject != account.Subject:
		// OpenID Connect Core 1.0, section 5.3.2.
		return bridge.Account{}, refuse(bridge.OutcomeProviderError,
			"the provider tells two identities: its id_token and its userinfo endpoint disagree")
	}
	if fuller.Name == "" {
		fuller.Name = account.Name
	}
	return fuller, nil
}

// fromIDToken reads the account from an id_token.
func (p *Provider) fromIDToken(ctx context.Context, md *metadata, raw bridge.Secret, received time.Time) (bridge.Account, error) {
	claims, err := p.idClaims(ctx, md, raw, received)
	if err != nil {
		return bridge.Account{}, err
	}
	return p.account(claims)
}

// idClaims verifies an id_token (OpenID Connect Core 1.0, section 3.1.3.7) as
// of its receipt.
func (p *Provider) idClaims(ctx context.Context, md *metadata, raw bridge.Secret, received time.Time) (members, error) {
	if received.IsZero() {
		received = time.Now()
	}
	keys := &watchedKeys{KeySet: p.keySet(ctx, md.Keys)}
	verifier := oidc.NewVerifier(p.name, keys, &oidc.Config{
		ClientID:             p.id,
		SupportedSigningAlgs: publicKeyAlgorithms(md.Algorithms),
		Now:                  func() time.Time { return received },
	})
	token, err := verifier.Verify(ctx, raw.Reveal())
	if keys.fault != nil {
		return nil, &bridge.Unavailable{Err: &brokenCall{
			"the provider's keys cannot be had: " + reason(keys.fault), keys.fault,
		}}
	}
	if err != nil {
		return nil, refuse(bridge.OutcomeProviderError,
			"the provider's id_token is not to be believed: %s", clean(err.Error(), 200, raw))
	}
	claims, err := claimsOf(token)
	if err != nil {
		return nil, err
	}
	if party := claims.text("azp"); party != "" && party != p.id {
		return nil, refuse(bridge.OutcomeProviderError,
			"the provider's id_token is not to be believed: it was made for another client (azp)")
	}
	return claims, nil
}

func claimsOf(token *oidc.IDToken) (members, error) {
	var raw json.RawMessage
	if err := token.Claims(&raw); err != nil {
		return nil, refuse(bridge.OutcomeProviderError, "the provider's id_token cannot be read")
	}
	claims, err := reply{body: raw}.object()
	if err != nil {
		return nil, refuse(bridge.OutcomeProviderError, "the provider's id_token cannot be read")
	}
	return claims, nil
}

// fromUserinfo asks the userinfo endpoint (OpenID Connect Core 1.0, section
// 5.3), or what a provider has in its place. ErrNoIdentity where there is none
// or this token may not read it.
func (p *Provider) fromUserinfo(ctx context.Context, address string, tokens bridge.Tokens) (bridge.Account, error) {
	if address == "" || tokens.Type != "" && !strings.EqualFold(tokens.Type, "Bearer") {
		return bridge.Account{}, bridge.ErrNoIdentity
	}
	answer, err := p.get(ctx, address, tokens.Access)
	switch {
	case err != nil:
		return bridge.Account{}, err
	case answer.busy():
		return bridge.Account{}, answer.later(nil)
	case answer.status >= 400:
		return bridge.Account{}, fmt.Errorf("%w: the token may not read its userinfo endpoint (HTTP %d)",
			bridge.ErrNoIdentity, answer.status)
	}
	claims, err := answer.object()
	if err != nil {
		return bridge.Account{}, refuse(bridge.OutcomeProviderError, "userinfo endpoint: %v", err)
	}
	return p.account(claims)
}

// subject is the claim that tells accounts apart.
func (p *Provider) subject() string { return cmp.Or(p.profile.Account.Subject, "sub") }

// account reads the standard claims (OpenID Connect Core 1.0, section 5.1;
// a subject has at most 255 characters), or those that the profile names.
func (p *Provider) account(claims members) (bridge.Account, error) {
	own := p.profile.Account
	subject := claims.text(p.subject())
	if subject == "" || len(subject) > 255 || !isPlain(subject) {
		return bridge.Account{}, refuse(bridge.OutcomeProviderError, "the provider tells an identity without a proper subject")
	}
	account := bridge.Account{Issuer: p.name, Subject: subject, Name: clean(claims.text(cmp.Or(own.Name, "name")), 100)}
	if account.Name == "" {
		account.Name = clean(claims.text("preferred_username"), 100)
	}
	if login := claims.text(own.Login); own.Login != "" && len(login) <= 100 && isPlain(login) {
		account.Login = login
	}
	if email := claims.text("email"); len(email) <= 254 && strings.Contains(email, "@") && isPlain(email) {
		account.Email, account.EmailVerified = email, claims.truth("email_verified")
	}
	return account, nil
}

// isPlain reports whether a text is what it looks like: printable, and not
// mended by a decoder.
func isPlain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsPrint(r)
	})
}

// keySet returns the keys at an address, which are fetched when first needed
// and when an unknown one is named. They outlive the request that came first.
func (p *Provider) keySet(ctx context.Context, address string) oidc.KeySet {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil || p.keysAt != address {
		p.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), p.client), address)
		p.keysAt = address
	}
	return p.keys
}

// watchedKeys notices when keys could not be fetched, which the verifier
// reports like a bad signature.
type watchedKeys struct {
	oidc.KeySet
	fault error
}

// VerifySignature implements [oidc.KeySet]. A remote key set wraps what went
// wrong in fetching and nothing else.
func (w *watchedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := w.KeySet.VerifySignature(ctx, jwt)
	if errors.Unwrap(err) != nil {
		w.fault = err
	}
	return payload, err
}

// publicKeyAlgorithms leaves out "none" and the HMAC family, where our
// client secret or nothing at all would be the key. None left means RS256,
// which everybody must speak.
func publicKeyAlgorithms(offered []string) []string {
	return slices.DeleteFunc(slices.Clone(offered), func(name string) bool {
		switch name {
		case oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512,
			oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA:
			return false
		}
		return true
	})
}
