package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authbridge/authbridge/bridge"
)

// clientMetadata is what we say of a client of ours (RFC 7591, section 2). The
// lists are always there: a client of the device grant is never sent back to an
// address, and takes no response from an authorization endpoint.
type clientMetadata struct {
	ID            string              `json:"client_id,omitempty"` // of a document: its own address
	Name          string              `json:"client_name"`
	Home          string              `json:"client_uri,omitempty"`
	Software      string              `json:"software_id"`
	Application   string              `json:"application_type"`
	Grants        []string            `json:"grant_types"`
	ResponseTypes []string            `json:"response_types"`
	RedirectURIs  []string            `json:"redirect_uris"`
	Method        string              `json:"token_endpoint_auth_method"`
	Proof         string              `json:"token_endpoint_auth_signing_alg,omitempty"`
	Keys          *jose.JSONWebKeySet `json:"jwks,omitempty"`
}

const refreshGrant = "refresh_token"

func (c *Clients) metadata(ctx context.Context, agent, method string) (clientMetadata, error) {
	m := clientMetadata{
		Name: c.name, Home: c.publicURL, Software: "authbridge", Application: "native",
		Grants: []string{deviceGrant, refreshGrant}, ResponseTypes: []string{}, RedirectURIs: []string{}, Method: method,
	}
	if agent != "" {
		m.Name += ": " + agent
	}
	if method != AuthKey {
		return m, nil
	}
	key, err := c.ownKey(ctx)
	if err != nil {
		return clientMetadata{}, err
	}
	set := key.set()
	m.Keys, m.Proof = &set, set.Keys[0].Algorithm
	return m, nil
}

// methodFor is the strongest way to prove who we are of those that an issuer
// takes: one that names none takes client_secret_basic (RFC 8414, section 2).
func (md *metadata) methodFor() string {
	if md.takesKey() {
		return AuthKey
	}
	for _, method := range []string{AuthBasic, AuthPost, AuthNone} {
		if slices.Contains(md.Methods, method) {
			return method
		}
	}
	return AuthBasic
}

// ask makes a client registration request (RFC 7591, section 3.1).
func (c *Clients) ask(ctx context.Context, at *Provider, md *metadata, made registration) (registration, error) {
	ours, err := c.metadata(ctx, made.Agent, md.methodFor())
	if err != nil {
		return registration{}, &bridge.Unavailable{Err: err}
	}
	text, err := json.Marshal(ours)
	if err != nil {
		return registration{}, refuse(bridge.OutcomeProviderError, "write a registration: %v", err)
	}
	address, err := at.endpoint(md.Registration)
	if err != nil {
		return registration{}, refuse(bridge.OutcomeProviderError, "registration_endpoint: %v", err)
	}
	answer, err := at.call(ctx, &http.Request{
		Method: http.MethodPost, URL: address, Host: address.Host, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)),
	})
	if err != nil {
		return registration{}, hopeless(err)
	}
	return readRegistration(answer, md.methodFor(), made)
}

// readRegistration reads the answer (RFC 7591, section 3.2). What the issuer
// has made of our metadata counts, not what we sent.
func readRegistration(answer reply, method string, made registration) (registration, error) {
	if answer.busy() {
		return registration{}, answer.later(nil)
	}
	m, err := answer.object()
	if word := m.text("error"); word != "" {
		no := refuse(bridge.OutcomeProviderError, "the provider does not let us register a client: %s", m.complaint())
		no.Err = oauthError(word)
		return registration{}, no
	}
	if err == nil && !answer.ok() {
		err = errors.New("the provider refused without saying why")
	}
	if err != nil {
		return registration{}, refuse(bridge.OutcomeProviderError, "register a client: %v (HTTP %d)", err, answer.status)
	}
	made.ID, made.Secret, made.Method = m.text("client_id"), m.text("client_secret"), method
	if given := m.text("token_endpoint_auth_method"); given != "" {
		made.Method = given
	}
	return made.vetted(m)
}

// maxClientID bounds what an issuer may call us, in bytes, and its secret.
const maxClientID = 2048

// vetted checks that the client can be used: that it has what its method needs,
// and may use the device grant.
func (r registration) vetted(m members) (registration, error) {
	no := func(why string) (registration, error) {
		return registration{}, refuse(bridge.OutcomeProviderError, "the provider registered a client that cannot be used: %s", why)
	}
	switch {
	case r.ID == "" || len(r.ID) > maxClientID || !isPlain(r.ID):
		return no("it has no proper client_id")
	case isDocument(r.ID):
		return no("its client_id is an address, which would be somebody's document")
	case len(r.Secret) > maxClientID:
		return no("its client_secret is too long")
	case !slices.Contains([]string{AuthNone, AuthBasic, AuthPost, AuthKey}, r.Method):
		return no("it is to prove itself in a way that we do not know")
	case (r.Method == AuthBasic || r.Method == AuthPost) && r.Secret == "":
		return no("it has no client_secret")
	}
	if grants := m.words("grant_types"); grants != nil && !slices.Contains(grants, deviceGrant) {
		return registration{}, refuse(bridge.OutcomeDeviceGrantUnsupported,
			"the provider registers clients, but not for the device grant: register one there by hand and configure it under providers")
	}
	if r.Method == AuthNone || r.Method == AuthKey {
		r.Secret = ""
		return r, nil
	}
	// RFC 7591, section 3.2.1: seconds since 1970, 0 = never.
	ends, _, err := m.seconds("client_secret_expires_at")
	if err == nil && ends > 0 {
		r.Expires = time.Unix(0, 0).Add(ends).UTC()
	}
	return r, nil
}
