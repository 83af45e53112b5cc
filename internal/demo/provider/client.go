package provider

import (
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// registration is a [Client] as package op wants to see it: one that can use
// the device grant and refresh tokens, and sign people in if it can be
// redirected to.
type registration struct{ client Client }

var _ op.Client = registration{}

func (r registration) GetID() string               { return r.client.ID }
func (r registration) AuthMethod() oidc.AuthMethod { return oidc.AuthMethod(r.client.AuthMethod) }
func (r registration) IsScopeAllowed(scope string) bool {
	return slices.Contains(r.client.Scopes, scope)
}
func (r registration) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (r registration) IDTokenLifetime() time.Duration      { return r.client.AccessTokenLifetime }
func (r registration) ClockSkew() time.Duration            { return 0 }
func (r registration) DevMode() bool                       { return false }

func (r registration) GrantTypes() []oidc.GrantType {
	all := []oidc.GrantType{oidc.GrantTypeDeviceCode, oidc.GrantTypeRefreshToken}
	if r.client.signsIn() {
		all = append(all, oidc.GrantTypeCode)
	}
	return all
}

func (r registration) ApplicationType() op.ApplicationType {
	if r.client.AuthMethod == AuthNone {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeWeb
}

// IDTokenUserinfoClaimsAssertion puts the claims of userinfo into the ID token,
// too, so that a client can tell the account without a further call.
func (r registration) IDTokenUserinfoClaimsAssertion() bool { return true }

func (r registration) RestrictAdditionalIdTokenScopes() func([]string) []string { return unchanged }

func (r registration) RestrictAdditionalAccessTokenScopes() func([]string) []string { return unchanged }

func (r registration) RedirectURIs() []string           { return slices.Clone(r.client.RedirectURIs) }
func (r registration) PostLogoutRedirectURIs() []string { return nil }
func (r registration) LoginURL(id string) string        { return pathAuthorize + "?id=" + id }

func (r registration) ResponseTypes() []oidc.ResponseType {
	if !r.client.signsIn() {
		return nil
	}
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func unchanged(scopes []string) []string { return scopes }
