package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

var (
	errUnknownClient = errors.New("no such client")
	errWrongSecret   = errors.New("wrong client secret")
	errDeadToken     = errors.New("the access token is unknown, revoked or past its time")
	errNotOffered    = errors.New("this provider does not offer that")
)

// storage is what package op keeps its facts in. Clients, accounts and the key
// never change; codes and tokens guard themselves.
type storage struct {
	clients  map[string]registration
	accounts map[string]Account
	key      signingKey
	watch    watcher
	codes    *codes
	signIns  *signIns
	tokens   *tokens
}

var (
	_ op.Storage                    = (*storage)(nil)
	_ op.DeviceAuthorizationStorage = (*storage)(nil)
)

// newStorage makes an empty storage with a fresh signing key.
func newStorage(o Options) (*storage, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	s := &storage{
		clients:  map[string]registration{},
		accounts: map[string]Account{},
		key:      signingKey{id: rand.Text(), private: key},
		watch:    o.Watch,
		codes:    newCodes(o.Watch, o.Interval),
		signIns:  &signIns{all: map[string]*signIn{}},
		tokens:   newTokens(o),
	}
	for _, c := range o.Clients {
		s.clients[c.ID] = registration{client: c}
	}
	for _, a := range o.Accounts {
		s.accounts[a.Subject] = a
	}
	return s, nil
}

// accountByLogin returns the account that signs in under this name.
func (s *storage) accountByLogin(login string) (Account, bool) {
	for _, a := range s.accounts {
		if a.Login == login {
			return a, true
		}
	}
	return Account{}, false
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	c, ok := s.clients[id]
	if !ok {
		return nil, errUnknownClient
	}
	return c, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	c, ok := s.clients[id]
	if !ok {
		return errUnknownClient
	}
	if c.client.Secret == "" || subtle.ConstantTimeCompare([]byte(c.client.Secret), []byte(secret)) != 1 {
		return errWrongSecret
	}
	return nil
}

func (s *storage) StoreDeviceAuthorization(_ context.Context, client, deviceCode, userCode string, expires time.Time, scopes []string) error {
	return s.codes.add(authorization{
		client:     client,
		deviceCode: deviceCode,
		userCode:   userCode,
		scopes:     slices.Clone(scopes),
		expires:    expires,
	})
}

// GetDeviceAuthorizatonState is a poll like any other, with all its effects.
func (s *storage) GetDeviceAuthorizatonState(_ context.Context, client, deviceCode string) (*op.DeviceAuthorizationState, error) {
	a, err := s.codes.poll(client, deviceCode)
	if err != nil {
		return nil, err
	}
	return a.state(), nil
}

func (s *storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	var g grant
	switch r := r.(type) {
	case *op.DeviceAuthorizationState:
		g = grantFrom(r)
	case signIn:
		g = grant{client: r.GetClientID(), subject: r.subject, scopes: r.GetScopes(), signedIn: r.at}
	default:
		return "", time.Time{}, errNotOffered
	}
	out := s.tokens.issue(g, false)
	return out.accessID, out.expires, nil
}

func (s *storage) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	switch r := r.(type) {
	case *op.DeviceAuthorizationState:
		out := s.tokens.issue(grantFrom(r), true)
		return out.accessID, out.refresh, out.expires, nil
	case *refreshRequest:
		out, err := s.tokens.rotate(current, r.GetScopes())
		return out.accessID, out.refresh, out.expires, err
	}
	return "", "", time.Time{}, errNotOffered
}

func grantFrom(state *op.DeviceAuthorizationState) grant {
	return grant{
		client:   state.ClientID,
		subject:  state.Subject,
		scopes:   slices.Clone(state.Scopes),
		signedIn: state.AuthTime,
	}
}

// TokenRequestByRefreshToken answers for spent tokens as well: that they are
// spent is found, and acted on, when they are rotated, after op has checked
// that the token is this client's.
func (s *storage) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	g, ok := s.tokens.grantOf(token)
	if !ok {
		return nil, op.ErrInvalidRefreshToken
	}
	return &refreshRequest{grant: g, scopes: slices.Clone(g.scopes)}, nil
}

func (s *storage) GetRefreshTokenInfo(_ context.Context, _, token string) (subject, id string, err error) {
	g, ok := s.tokens.grantOf(token)
	if !ok {
		return "", "", op.ErrInvalidRefreshToken
	}
	return g.subject, token, nil
}

func (s *storage) RevokeToken(_ context.Context, idOrToken, _, client string) *oidc.Error {
	g, err := s.tokens.revoke(idOrToken, client)
	s.watch.see(Entry{Kind: KindRevocation, Client: client, Subject: g.subject, Fault: faultOf(err)})
	if err != nil {
		return oidc.DefaultToServerError(err, "revoke the token")
	}
	return nil
}

func (s *storage) SetUserinfoFromScopes(_ context.Context, info *oidc.UserInfo, subject, _ string, scopes []string) error {
	s.fill(info, subject, scopes)
	return nil
}

func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, tokenID, _, _ string) error {
	token, ok := s.tokens.live(tokenID)
	if !ok {
		return errDeadToken
	}
	s.fill(info, token.grant.subject, token.scopes)
	return nil
}

// fill writes the claims that the scopes open (OpenID Connect Core section 5.4).
func (s *storage) fill(info *oidc.UserInfo, subject string, scopes []string) {
	account := s.accounts[subject]
	info.Subject = subject
	if slices.Contains(scopes, oidc.ScopeEmail) {
		info.Email = account.Email
		info.EmailVerified = oidc.Bool(account.EmailVerified)
	}
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.Name = account.Name
		info.PreferredUsername = account.Login
	}
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.key.SignatureAlgorithm()}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{s.key}}, nil
}

func (s *storage) Health(context.Context) error { return nil }

// signingKey signs; publicKey is its half for others.
type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
}

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) Key() any                                    { return k.private }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }

type publicKey struct{ key signingKey }

func (k publicKey) ID() string                         { return k.key.id }
func (k publicKey) Key() any                           { return &k.key.private.PublicKey }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return k.key.SignatureAlgorithm() }
func (k publicKey) Use() string                        { return "sig" }
