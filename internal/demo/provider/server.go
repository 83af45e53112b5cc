package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// maxDraws is how often a user code is drawn before the codes count as run out.
const maxDraws = 20

// server answers the protocol's requests, once package op has parsed them. It
// replaces those of op's methods that are laxer than we want to be.
type server struct {
	*op.LegacyServer
	storage *storage
	watch   watcher
}

var _ op.ExtendedLegacyServer = (*server)(nil)

// endpoints lists what is served; what is left nil is neither served nor
// named in the metadata.
func (s *storage) endpoints() op.Endpoints {
	all := op.Endpoints{
		DeviceAuthorization: op.NewEndpoint(pathDeviceAuthorization),
		Token:               op.NewEndpoint(pathToken),
		Userinfo:            op.NewEndpoint(pathUserinfo),
		Revocation:          op.NewEndpoint(pathRevocation),
		JwksURI:             op.NewEndpoint(pathKeys),
	}
	if s.signsIn() {
		all.Authorization = op.NewEndpoint(pathAuthorization)
	}
	return all
}

// signsIn reports whether any client can be redirected to.
func (s *storage) signsIn() bool {
	for _, r := range s.clients {
		if r.client.signsIn() {
			return true
		}
	}
	return false
}

// metadata is op's document with response_types_supported always in it: RFC
// 8414 section 2 requires the field, where we have none of them too.
type metadata struct {
	*oidc.DiscoveryConfiguration
	ResponseTypesSupported []string `json:"response_types_supported"`
}

// Discovery tells what is true of this provider: op would add every flow that
// it has code for.
func (s *server) Discovery(ctx context.Context, r *op.Request[struct{}]) (*op.Response, error) {
	resp, err := s.LegacyServer.Discovery(ctx, r)
	if err != nil {
		return nil, err
	}
	config, ok := resp.Data.(*oidc.DiscoveryConfiguration)
	if !ok {
		return nil, errors.New("discovery: unexpected document")
	}
	config.GrantTypesSupported = []oidc.GrantType{oidc.GrantTypeDeviceCode, oidc.GrantTypeRefreshToken}
	config.IntrospectionEndpointAuthMethodsSupported = nil
	config.IntrospectionEndpointAuthSigningAlgValuesSupported = nil
	config.RevocationEndpointAuthSigningAlgValuesSupported = nil
	types := []string{}
	if s.storage.signsIn() {
		config.GrantTypesSupported = append(config.GrantTypesSupported, oidc.GrantTypeCode)
		types = append(types, string(oidc.ResponseTypeCode))
	}
	return op.NewResponse(metadata{config, types}), nil
}

// VerifyClient accepts a client only if it authenticates in the way that it is
// registered for (RFC 6749 section 2.3).
func (s *server) VerifyClient(ctx context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	client, err := s.LegacyServer.VerifyClient(ctx, r)
	if err == nil && string(usedMethod(r)) != string(client.AuthMethod()) {
		err = oidc.ErrInvalidClient().WithDescription("this client is registered for another way to authenticate")
	}
	if errors.Is(err, oidc.ErrInvalidClient()) {
		return nil, op.NewStatusError(err, http.StatusUnauthorized)
	}
	return client, err
}

func usedMethod(r *op.Request[op.ClientCredentials]) AuthMethod {
	switch {
	case r.Header.Get("Authorization") != "":
		return AuthBasic
	case r.Form.Has("client_secret"):
		return AuthPost
	}
	return AuthNone
}

// DeviceAuthorization refuses scopes that the client may not have, before any
// code is made (RFC 8628 section 3.1). Op leaves it to us to draw again when a
// user code is taken.
func (s *server) DeviceAuthorization(ctx context.Context, r *op.ClientRequest[oidc.DeviceAuthorizationRequest]) (*op.Response, error) {
	for _, scope := range r.Data.Scopes {
		if !r.Client.IsScopeAllowed(scope) {
			return nil, oidc.ErrInvalidScope().WithDescription("this client may not ask for %q", scope)
		}
	}
	resp, err := s.LegacyServer.DeviceAuthorization(ctx, r)
	for tries := 1; errors.Is(err, op.ErrDuplicateUserCode) && tries < maxDraws; tries++ {
		resp, err = s.LegacyServer.DeviceAuthorization(ctx, r)
	}
	return resp, err
}

// DeviceToken answers a poll. Op's own way would turn every error of the
// storage into access_denied, and could hand out a code more than once.
func (s *server) DeviceToken(ctx context.Context, r *op.ClientRequest[oidc.DeviceAccessTokenRequest]) (*op.Response, error) {
	code, err := s.storage.codes.poll(r.Client.GetID(), r.Data.DeviceCode)
	if err != nil {
		return nil, err
	}
	resp, err := op.CreateDeviceTokenResponse(ctx, code.state(), s.Provider(), r.Client)
	if err != nil {
		return nil, err
	}
	s.watch.see(Entry{Kind: KindTokenIssued, Client: code.client, UserCode: code.userCode, Subject: code.subject})
	return op.NewResponse(resp), nil
}

// Revocation looks for a refresh token whatever the hint says (RFC 7009,
// section 2.1). With a wrong hint op would decrypt the refresh token as an
// access token, and now and then take the noise that comes out for one.
func (s *server) Revocation(ctx context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	r.Data.TokenTypeHint = ""
	return s.LegacyServer.Revocation(ctx, r)
}

// RefreshToken leaves out the ID token where openid was not granted.
func (s *server) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	g, _ := s.storage.tokens.grantOf(r.Data.RefreshToken)
	resp, err := s.LegacyServer.RefreshToken(ctx, r)
	s.watch.see(Entry{Kind: KindRefresh, Client: r.Client.GetID(), Subject: g.subject, Fault: faultOf(err)})
	if err != nil {
		return nil, err
	}
	if token, ok := resp.Data.(*oidc.AccessTokenResponse); ok && !slices.Contains(token.Scope, oidc.ScopeOpenID) {
		token.IDToken = ""
	}
	return resp, nil
}

// UserInfo answers a dead token with 401 and one without openid with 403 (RFC
// 6750 section 3.1).
func (s *server) UserInfo(ctx context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	token, err := s.accessToken(ctx, r.Data.AccessToken)
	if err != nil {
		s.watch.see(Entry{Kind: KindUserinfo, Fault: "invalid_token"})
		fault := &oidc.Error{ErrorType: "invalid_token", Description: errDeadToken.Error()}
		return nil, op.NewStatusError(fault, http.StatusUnauthorized)
	}
	e := Entry{Kind: KindUserinfo, Client: token.grant.client, Subject: token.grant.subject}
	if !slices.Contains(token.scopes, oidc.ScopeOpenID) {
		e.Fault = "insufficient_scope"
		s.watch.see(e)
		fault := &oidc.Error{ErrorType: "insufficient_scope", Description: "userinfo needs the scope openid"}
		return nil, op.NewStatusError(fault, http.StatusForbidden)
	}
	s.watch.see(e)
	info := new(oidc.UserInfo)
	s.storage.fill(info, token.grant.subject, token.scopes)
	return op.NewResponse(info), nil
}

// accessToken returns what is known of a live access token, or errDeadToken.
func (s *server) accessToken(ctx context.Context, value string) (accessToken, error) {
	token, ok := s.storage.tokens.live(s.tokenID(ctx, value))
	if !ok {
		return accessToken{}, errDeadToken
	}
	return token, nil
}

// tokenID is the ID of an access token that was made here and is not past its
// time, else empty.
func (s *server) tokenID(ctx context.Context, value string) string {
	claims, err := op.VerifyAccessToken[*oidc.AccessTokenClaims](ctx, value, s.Provider().AccessTokenVerifier(ctx))
	if err != nil {
		return ""
	}
	return claims.JWTID
}

// strictForm refuses what RFC 6749 forbids and op would let through:
// parameters in the URL (section 2.3.1) and parameters given twice (3.2).
func strictForm(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkForm(r); err != nil {
			op.WriteError(w, r, err, nil)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func checkForm(r *http.Request) error {
	if r.URL.RawQuery != "" {
		return oidc.ErrInvalidRequest().WithDescription("parameters belong in the body, not in the URL")
	}
	if err := r.ParseForm(); err != nil {
		return oidc.ErrInvalidRequest().WithDescription("the body is not a form, or too large")
	}
	return checkOnce(r.PostForm)
}

// checkOnce spares resource, which RFC 8707 section 2 lets a client repeat.
func checkOnce(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 && name != "resource" {
			return oidc.ErrInvalidRequest().WithDescription("a parameter is given more than once")
		}
	}
	return nil
}

// challenged adds the challenge that a 401 must carry (RFC 6749 section 5.2,
// RFC 6750 section 3) and forbids caching (RFC 6749 section 5.1).
func challenged(challenge string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Pragma", "no-cache")
		next.ServeHTTP(&challenger{ResponseWriter: w, challenge: challenge}, r)
	})
}

type challenger struct {
	http.ResponseWriter
	challenge string
}

func (c *challenger) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		c.Header().Set("WWW-Authenticate", c.challenge)
	}
	c.ResponseWriter.WriteHeader(status)
}
