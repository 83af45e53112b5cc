package oauthtest

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// The ways in which a client proves itself by what it has, and with a key.
const keyMethod = "private_key_jwt"

// ClientMetadata is what a client says of itself when it registers (RFC 7591,
// section 2), or in its own document.
type ClientMetadata struct {
	ID            string             `json:"client_id,omitempty"`
	Name          string             `json:"client_name"`
	Grants        []string           `json:"grant_types"`
	ResponseTypes []string           `json:"response_types"`
	RedirectURIs  []string           `json:"redirect_uris"`
	Application   string             `json:"application_type"`
	Method        string             `json:"token_endpoint_auth_method"`
	Keys          jose.JSONWebKeySet `json:"jwks,omitzero"`
	Secret        string             `json:"client_secret,omitempty"`
}

// registered is a client of the issuer.
type registered struct {
	ClientMetadata
	expires time.Time // of the secret; zero = never
}

// Registered are the clients that came by registration, and those whose
// documents were read, by name.
func (i *Issuer) Registered() []ClientMetadata {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []ClientMetadata
	for id, c := range i.clients {
		if id != i.settings.ClientID {
			all = append(all, c.ClientMetadata)
		}
	}
	slices.SortFunc(all, func(x, y ClientMetadata) int { return strings.Compare(x.Name+x.ID, y.Name+y.ID) })
	return all
}

// ForgetClients forgets all clients that have registered.
func (i *Issuer) ForgetClients() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for id := range i.clients {
		if id != i.settings.ClientID {
			delete(i.clients, id)
		}
	}
}

// serveRegistration is RFC 7591, section 3. It is as strict as a server that
// knows what each grant needs: lists have to be lists, and a client of the
// device grant has no use for addresses to be sent back to.
func (i *Issuer) serveRegistration(r *http.Request, body []byte) answer {
	var sent map[string]json.RawMessage
	var m ClientMetadata
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(body, &sent) != nil || json.Unmarshal(body, &m) != nil {
		return wrong(http.StatusBadRequest, "invalid_client_metadata", "a POST of JSON is needed")
	}
	if bad := m.check(sent); bad != nil {
		return *bad
	}
	if !slices.Contains(i.methods(), m.Method) {
		return wrong(http.StatusBadRequest, "invalid_client_metadata", "token_endpoint_auth_method is none of ours")
	}
	c := &registered{ClientMetadata: m}
	c.ID = "dyn-" + random()
	given := map[string]any{}
	_ = json.Unmarshal(body, &given)
	given["client_id"] = c.ID
	if strings.HasPrefix(m.Method, "client_secret_") {
		c.Secret = random()
		given["client_secret"], given["client_secret_expires_at"] = c.Secret, 0
		if i.settings.SecretLifetime > 0 {
			c.expires = time.Now().Add(i.settings.SecretLifetime)
			given["client_secret_expires_at"] = c.expires.Unix()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clients[c.ID] = c
	return answer{status: http.StatusCreated, members: given}
}

func (m ClientMetadata) check(sent map[string]json.RawMessage) *answer {
	bad := func(code, why string) *answer {
		a := wrong(http.StatusBadRequest, code, why)
		return &a
	}
	for _, list := range []string{"redirect_uris", "response_types", "grant_types"} {
		if text := string(sent[list]); !strings.HasPrefix(text, "[") {
			return bad("invalid_client_metadata", list+" is no list")
		}
	}
	switch {
	case len(m.RedirectURIs) > 0 || len(m.ResponseTypes) > 0:
		return bad("invalid_redirect_uri", "a client of the device grant is sent nowhere")
	case !slices.Contains(m.Grants, deviceGrant):
		return bad("invalid_client_metadata", "without the device grant there is nothing here")
	case m.Application != "native":
		return bad("invalid_client_metadata", "application_type is not native")
	case m.Name == "":
		return bad("invalid_client_metadata", "client_name is missing")
	case m.Method == keyMethod && len(m.Keys.Keys) == 0:
		return bad("invalid_client_metadata", "private_key_jwt without jwks")
	}
	return nil
}

func (i *Issuer) methods() []string {
	if i.settings.Methods != nil {
		return i.settings.Methods
	}
	return []string{i.settings.AuthMethod}
}

// proven finds the client that a form comes from, if it has proved that it is
// that.
func (i *Issuer) proven(r *http.Request) (*registered, error) {
	shown := i.presented(r)
	method, id, secret := shown[0], shown[1], shown[2]
	c, err := i.client(id)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case c.Method != method:
		return nil, errors.New("not its way to prove itself")
	case !c.expires.IsZero() && !time.Now().Before(c.expires):
		return nil, errors.New("its secret has expired")
	case method == keyMethod:
		return c, i.checkAssertion(c, secret)
	case subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) == 0:
		return nil, errors.New("not its secret")
	}
	return c, nil
}

// client finds a client, reading its document if its id is an address.
func (i *Issuer) client(id string) (*registered, error) {
	i.mu.Lock()
	known := i.clients[id]
	i.mu.Unlock()
	if known != nil {
		return known, nil
	}
	if i.settings.Documents == nil || !strings.HasPrefix(id, "https://") {
		return nil, errors.New("no such client")
	}
	text, err := i.settings.Documents(id)
	if err != nil {
		return nil, err
	}
	var sent map[string]json.RawMessage
	var m ClientMetadata
	if json.Unmarshal(text, &sent) != nil || json.Unmarshal(text, &m) != nil {
		return nil, errors.New("its document is not JSON")
	}
	_, secret := sent["client_secret"]
	switch at, err := url.Parse(id); {
	case err != nil || at.Path == "" || at.Path == "/":
		return nil, errors.New("its id has no path")
	case m.ID != id:
		return nil, errors.New("its document is another client's")
	case secret || strings.HasPrefix(m.Method, "client_secret_"):
		return nil, errors.New("its document has a shared secret")
	case m.check(sent) != nil:
		return nil, fmt.Errorf("its document will not do: %v", m.check(sent).members)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clients[id] = &registered{ClientMetadata: m}
	return i.clients[id], nil
}

// checkAssertion is RFC 7523, section 3, with the issuer as the one audience.
// It needs the lock.
func (i *Issuer) checkAssertion(c *registered, text string) error {
	signed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.RS256, jose.EdDSA})
	if err != nil {
		return err
	}
	var claims jwt.Claims
	if err := signed.Claims(c.Keys, &claims); err != nil {
		return err
	}
	now := time.Now()
	switch {
	case claims.Issuer != c.ID || claims.Subject != c.ID:
		return errors.New("the proof is another client's")
	case len(claims.Audience) != 1 || claims.Audience[0] != i.origin+i.settings.Path:
		return errors.New("the proof is for another audience")
	case claims.Expiry == nil || !now.Before(claims.Expiry.Time()) || claims.Expiry.Time().After(now.Add(5*time.Minute)):
		return errors.New("the proof is over, or is good for too long")
	case claims.ID == "" || i.proofs[claims.ID]:
		return errors.New("the proof was used before")
	}
	i.proofs[claims.ID] = true
	return nil
}
