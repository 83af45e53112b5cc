package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/profile"
)

// Survey is what an authorization server says of itself, for an operator who
// sets the bridge up or looks what is wrong. The lists are cleaned and
// bounded, and may be empty where the server says nothing.
type Survey struct {
	Device     error    // why it offers no device grant; nil = it does
	Keys       bool     // it signs id_tokens with keys that it publishes
	Userinfo   bool     // it has a userinfo endpoint, or tells accounts by an API of its own
	Revocation bool     // tokens can be taken back there
	Registers  bool     // it registers clients (RFC 7591)
	Documents  bool     // it reads clients' own documents, and takes proofs by a key like ours
	Scopes     []string // scopes_supported
	Methods    []string // token_endpoint_auth_methods_supported

	Dated bool          // whether its answer tells the time
	Skew  time.Duration // how far its clock is ahead of ours, to about a second
}

// Survey fetches the metadata anew, whatever is remembered of it, and changes
// nothing. Where the profile knows the addresses it calls nobody. Its errors are
// as those of [Provider.Begin].
func (p *Provider) Survey(ctx context.Context) (Survey, error) {
	md, answer := p.fixed(), reply{}
	if !p.profile.Fixed {
		var err error
		if md, answer, err = p.find(ctx); err != nil {
			return Survey{}, err
		}
	}
	s := Survey{
		Device: md.offersDeviceGrant(), Keys: md.Keys != "", Userinfo: md.Userinfo != "" || p.profile.Account.URL != "", Revocation: p.revokes(md),
		Registers: md.Registration != "", Documents: bool(md.Documents) && md.takesKey(),
		Scopes: listed(md.Scopes), Methods: listed(md.Methods),
	}
	if at, err := http.ParseTime(answer.header.Get("Date")); err == nil {
		s.Dated, s.Skew = true, time.Until(at)
	}
	return s, nil
}

// revokes reports whether tokens can be taken back there at all.
func (p *Provider) revokes(md *metadata) bool {
	taking := p.profile.Revocation
	return taking.Reach != profile.ReachNone && (md.Revocation != "" || taking.Delete != "" && !p.secret.IsZero())
}

// maxListed bounds what is passed on of a list in the metadata.
const maxListed = 100

func listed(all words) []string { return all[:min(len(all), maxListed)] }

// oauthError is an error code of OAuth (RFC 6749, section 5.2). What it stands
// in is told in the words of the refusal above it.
type oauthError string

// Error returns the code, which is foreign text.
func (o oauthError) Error() string { return string(o) }

// blocked is what an operator can do about a grant that is forbidden.
type blocked string

// Error returns the advice.
func (b blocked) Error() string { return string(b) }

// advice is what to do about error codes of a device authorization request.
var advice = map[oauthError]string{
	"invalid_client":         "compare client_id and client_secret with what the provider shows for this client, and set token_endpoint_auth_method if it wants the secret in another way",
	"unauthorized_client":    "allow the device grant for this client at the provider (a native or TV app; \"allow public client flows\"; \"OAuth 2.0 Device Authorization Grant\")",
	"device_flow_disabled":   "turn the device flow on in the settings of this app at the provider (\"Enable Device Flow\")",
	"unsupported_grant_type": "turn the device grant on at the provider; without it no request can be granted there",
	"invalid_scope":          "let this client have these scopes at the provider, or ask for others: providers.*.scopes, agents.*.may[].scopes",
	"invalid_request":        "the provider wants something else in a device authorization request: its documentation says what, often a scope",
	"access_denied":          "a policy of the provider forbids the device grant to this client: its administrator can change that",
}

// Advice says what an operator can do about an error of this package; "" =
// nothing but what the error itself says.
func Advice(err error) string {
	if code, is := errors.AsType[oauthError](err); is {
		return advice[code]
	}
	if ours, is := errors.AsType[blocked](err); is {
		return string(ours)
	}
	if refused, is := errors.AsType[*bridge.Refusal](err); is && refused.Outcome == bridge.OutcomeDeviceGrantUnsupported {
		return advice["unsupported_grant_type"]
	}
	if call, is := errors.AsType[*brokenCall](err); is {
		return adviceOn(call.cause)
	}
	switch {
	case errors.Is(err, errForbidden):
		return "if this address is meant, list its range under network.allow_private (http on loopback: network.allow_http_loopback)"
	case errors.Is(err, errNoMetadata):
		return "the issuer is the address that its metadata calls issuer, with its path: open ISSUER/.well-known/openid-configuration"
	case errors.Is(err, errRedirect), errors.Is(err, errDisbelieved):
		return "set issuer to what the provider's own metadata calls issuer, letter for letter"
	}
	return ""
}

// adviceOn is about a call that no answer came to.
func adviceOn(cause error) string {
	var (
		untrusted *tls.CertificateVerificationError
		plain     tls.RecordHeaderError
		lookup    *net.DNSError
		timeout   net.Error
	)
	switch {
	case errors.Is(cause, errForbidden):
		return Advice(errForbidden)
	case errors.Is(cause, errRedirect):
		return Advice(errRedirect)
	case errors.As(cause, &untrusted):
		return "have the provider mend its certificate, or add the authority that signed it to those of this machine (or name it in SSL_CERT_FILE), and restart the bridge"
	case errors.As(cause, &plain):
		return "there is no TLS at this port; compare the issuer's port with the provider's"
	case errors.As(cause, &lookup):
		return "look at the name in issuer, and at this machine's name server"
	case errors.As(cause, &timeout) && timeout.Timeout():
		return "look at firewalls, routes and HTTPS_PROXY between this machine and the provider"
	}
	return "look whether the provider runs, and whether this machine can reach it"
}

// Identifies reports whether the account behind a token can be learnt there
// when these scopes are asked for (OpenID Connect Core 1.0, sections 3.1.2.1
// and 5.3).
func (s Survey) Identifies(scopes []string) bool {
	return slices.Contains(scopes, "openid") && s.Keys || s.Userinfo
}
