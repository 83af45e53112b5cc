package oauth

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/authbridge/authbridge/bridge"
)

// SignIn lets people sign in at a provider in their browser: the code flow of
// OpenID Connect (Core 1.0, section 3.1) with PKCE (RFC 7636, S256). It keeps
// nothing; who begins a sign-in keeps its proof. It is safe for concurrent
// use.
type SignIn struct {
	provider *Provider
	callback string
}

// SignIn returns a way to sign in at this provider whose answers come back to
// callback, which has to be registered there.
func (p *Provider) SignIn(callback string) *SignIn { return &SignIn{p, callback} }

// signInScopes are what tells whose account it is, and nothing more: no token
// of a sign-in is kept.
func signInScopes() []string { return []string{"openid", "email"} }

// Address returns where a browser has to go for one sign-in. Its errors are a
// *bridge.Refusal where this provider offers no such thing, and a
// *bridge.Unavailable where that is not known now.
func (s *SignIn) Address(ctx context.Context, proof bridge.SignInProof) (string, error) {
	md, err := s.provider.discover(ctx)
	if err != nil {
		return "", err
	}
	if err := s.offered(md); err != nil {
		return "", err
	}
	return s.config(md).AuthCodeURL(
		proof.State.Reveal(),
		oauth2.S256ChallengeOption(proof.Verifier.Reveal()),
		oauth2.SetAuthURLParam("nonce", proof.Nonce.Reveal()),
	), nil
}

// offered checks that a sign-in makes sense there. The address is one that a
// browser is sent to, and never a program's; it is vetted like all others.
func (s *SignIn) offered(md *metadata) error {
	if md.Authorization == "" || md.Token == "" || md.Keys == "" {
		return refuse(bridge.OutcomeProviderError,
			"people cannot sign in there: the provider's metadata lacks authorization_endpoint, token_endpoint or jwks_uri")
	}
	if _, err := s.provider.network.parse(md.Authorization); err != nil {
		return refuse(bridge.OutcomeProviderError, "the provider's authorization_endpoint is not to be used: %v", err)
	}
	return nil
}

func (s *SignIn) config(md *metadata) *oauth2.Config {
	style := oauth2.AuthStyleInParams
	if s.provider.method == AuthBasic {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: s.provider.id, ClientSecret: s.provider.secret.Reveal(),
		Endpoint:    oauth2.Endpoint{AuthURL: md.Authorization, TokenURL: md.Token, AuthStyle: style},
		RedirectURL: s.callback, Scopes: signInScopes(),
	}
}

// Account exchanges the code that came back for the account of whoever signed
// in, and drops the tokens. issuer is the answer's iss (RFC 9207), "" if it
// has none. The state is the caller's to compare. Its errors are as those of
// Address; a code that is not of this sign-in is a *bridge.Refusal.
func (s *SignIn) Account(ctx context.Context, code bridge.Secret, issuer string, proof bridge.SignInProof) (bridge.Account, error) {
	md, err := s.provider.lastGood(ctx)
	if err != nil {
		return bridge.Account{}, err
	}
	if err := s.offered(md); err != nil {
		return bridge.Account{}, err
	}
	// Before the code goes anywhere: one that another server made must not be
	// sent to this one (RFC 9207, section 2.4).
	if issuer != s.provider.name && (issuer != "" || md.TellsIssuer) {
		return bridge.Account{}, refuse(bridge.OutcomeProviderError, "the answer is not that of the provider that was asked (iss)")
	}
	tokens, err := s.exchange(ctx, md, code, proof)
	if err != nil {
		return bridge.Account{}, err
	}
	return s.provider.whoSignedIn(ctx, md, tokens, proof.Nonce)
}

func (s *SignIn) exchange(ctx context.Context, md *metadata, code bridge.Secret, proof bridge.SignInProof) (bridge.Tokens, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, s.provider.client)
	token, err := s.config(md).Exchange(ctx, code.Reveal(), oauth2.VerifierOption(proof.Verifier.Reveal()))
	if err != nil {
		return bridge.Tokens{}, s.notExchanged(err, code, proof.Verifier)
	}
	id, _ := token.Extra("id_token").(string)
	return bridge.Tokens{Access: bridge.NewSecret(token.AccessToken), ID: bridge.NewSecret(id), Type: token.Type()}, nil
}

// notExchanged says what is known of a code that brought no tokens. The
// library's own words are not passed on: they hold what the provider sent.
func (s *SignIn) notExchanged(err error, hidden ...bridge.Secret) error {
	var sent *url.Error
	var said *oauth2.RetrieveError
	switch {
	case errors.As(err, &sent):
		return hopeless(&bridge.Unavailable{Err: broken(s.provider.issuer, err)})
	case !errors.As(err, &said) || said.Response == nil:
		return refuse(bridge.OutcomeProviderError, "the provider's answer to the sign-in cannot be read")
	}
	answer := reply{status: said.Response.StatusCode, header: said.Response.Header}
	switch {
	case answer.busy():
		return answer.later(nil)
	case said.ErrorCode == "":
		return refuse(bridge.OutcomeProviderError, "the provider refused the sign-in without saying why (HTTP %d)", answer.status)
	}
	m := members{"error": said.ErrorCode, "error_description": said.ErrorDescription}
	return refuse(bridge.OutcomeProviderError, "%s", m.complaint(append(hidden, s.provider.secret)...))
}

// whoSignedIn reads the account from an id_token that was made for one
// sign-in, and asks the userinfo endpoint as Identify does.
func (p *Provider) whoSignedIn(ctx context.Context, md *metadata, tokens bridge.Tokens, nonce bridge.Secret) (bridge.Account, error) {
	if tokens.ID.IsZero() {
		return bridge.Account{}, refuse(bridge.OutcomeProviderError, "the provider does not say who signed in: its answer has no id_token")
	}
	claims, err := p.idClaims(ctx, md, tokens.ID, time.Now())
	if err != nil {
		return bridge.Account{}, err
	}
	if subtle.ConstantTimeCompare([]byte(claims.text("nonce")), []byte(nonce.Reveal())) != 1 {
		return bridge.Account{}, refuse(bridge.OutcomeProviderError,
			"the provider's id_token is not to be believed: it was made for another sign-in (nonce)")
	}
	account, err := p.account(claims)
	if err != nil || account.Email != "" {
		return account, err
	}
	return p.fuller(ctx, md, tokens, account)
}
