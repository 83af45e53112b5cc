package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// safe is one that lives as long as its test.
type safe struct {
	mu   sync.Mutex
	all  map[string]bridge.Secret
	puts int
	fail error
}

func (s *safe) Get(_ context.Context, key string) (bridge.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.all[key]
	if !ok {
		return bridge.Secret{}, bridge.ErrNotFound
	}
	return value, nil
}

func (s *safe) Put(_ context.Context, key string, value bridge.Secret) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if s.all == nil {
		s.all = map[string]bridge.Secret{}
	}
	s.all[key], s.puts = value, s.puts+1
	return nil
}

const ourOrigin = "https://bridge.example.com"

// clientsAt returns clients that reach one issuer.
func clientsAt(t *testing.T, issuer *oauthtest.Issuer, kept *safe) *oauth.Clients {
	t.Helper()
	c := oauth.NewClients(oauth.ClientsConfig{Safe: kept, HTTP: issuer.Client(), PublicURL: ourOrigin, Name: "Example Bridge"})
	if err := c.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// readsDocuments is an issuer that reads the documents of these clients.
func readsDocuments(of func() *oauth.Clients) func(url string) ([]byte, error) {
	return func(url string) ([]byte, error) {
		agent, ok := strings.CutPrefix(strings.TrimPrefix(url, ourOrigin+oauth.DocumentPath), "/")
		if !strings.HasPrefix(url, ourOrigin+oauth.DocumentPath) || !ok && agent != "" {
			return nil, errors.New("not found")
		}
		return of().Document(context.Background(), agent)
	}
}

// TestCheck15HowWeBecomeAClient: a document of ours before a registration, and
// where neither is to be had the operator is told what to do.
func TestCheck15HowWeBecomeAClient(t *testing.T) {
	for name, c := range map[string]struct {
		settings oauthtest.Settings
		document bool
		want     string // the id, or the refusal
		method   string
	}{
		"both":           {oauthtest.Settings{Registration: true, Methods: []string{"private_key_jwt", "none"}}, true, ourOrigin + "/oauth/client", "private_key_jwt"},
		"by document":    {oauthtest.Settings{Methods: []string{"private_key_jwt"}}, true, ourOrigin + "/oauth/client", "private_key_jwt"},
		"no key taken":   {oauthtest.Settings{Registration: true, Methods: []string{"none"}}, true, "dyn-", "none"},
		"by key":         {oauthtest.Settings{Registration: true, Methods: []string{"client_secret_basic", "private_key_jwt"}}, false, "dyn-", "private_key_jwt"},
		"by secret":      {oauthtest.Settings{Registration: true, Methods: []string{"none", "client_secret_post", "client_secret_basic"}}, false, "dyn-", "client_secret_basic"},
		"by post":        {oauthtest.Settings{Registration: true, Methods: []string{"none", "client_secret_post"}}, false, "dyn-", "client_secret_post"},
		"neither":        {oauthtest.Settings{}, false, "register one there by hand", ""},
		"document alone": {oauthtest.Settings{Methods: []string{"none"}}, true, "register one there by hand", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var clients *oauth.Clients
			if c.document {
				c.settings.Documents = readsDocuments(func() *oauth.Clients { return clients })
			}
			issuer := oauthtest.New(c.settings)
			clients = clientsAt(t, issuer, &safe{})
			id, err := clients.Client(t.Context(), issuer.URL(), "", nil)
			if c.method == "" {
				if no, ok := errors.AsType[*bridge.Refusal](err); !ok || !strings.Contains(no.Cause, c.want) {
					t.Fatalf("%q, %v", id, err)
				}
				return
			}
			if err != nil || !strings.HasPrefix(id, c.want) {
				t.Fatalf("%q, %v", id, err)
			}
			p, ok := clients.Provider(issuer.URL(), id)
			if !ok {
				t.Fatal("nobody speaks as that client")
			}
			if _, err := p.Begin(t.Context(), bridge.CodeRequest{Scopes: []string{"files:read"}}); err != nil {
				t.Fatal(err)
			}
			if all := issuer.Registered(); len(all) != 1 || all[0].Method != c.method || all[0].Name != "Example Bridge" {
				t.Errorf("the issuer knows %+v", all)
			}
		})
	}
}

// TestCheck16TheDocumentHolds: it is its own id, has no shared secret, no
// private key, and no address that anybody could be sent to in our name.
func TestCheck16TheDocumentHolds(t *testing.T) {
	var clients *oauth.Clients
	issuer := oauthtest.New(oauthtest.Settings{Methods: []string{"private_key_jwt"}, Documents: readsDocuments(func() *oauth.Clients { return clients })})
	clients = clientsAt(t, issuer, &safe{})
	if _, err := clients.Document(t.Context(), "helper"); !errors.Is(err, bridge.ErrNotFound) {
		t.Errorf("an agent without a client of its own is told of: %v", err)
	}
	if id, err := clients.Client(t.Context(), issuer.URL(), "helper", nil); err != nil || id != ourOrigin+"/oauth/client/helper" {
		t.Fatal(id, err)
	}
	for agent, at := range map[string]string{"": ourOrigin + "/oauth/client", "helper": ourOrigin + "/oauth/client/helper"} {
		text, err := clients.Document(t.Context(), agent)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		keys, _ := m["jwks"].(map[string]any)["keys"].([]any)
		if len(keys) != 1 || keys[0].(map[string]any)["d"] != nil || keys[0].(map[string]any)["kty"] != "EC" {
			t.Errorf("its keys are %v", keys)
		}
		delete(m, "jwks")
		want := map[string]any{
			"client_id": at, "client_name": "Example Bridge", "client_uri": ourOrigin, "software_id": "authbridge", "application_type": "native",
			"grant_types":    []any{"urn:ietf:params:oauth:grant-type:device_code", "refresh_token"},
			"response_types": []any{}, "redirect_uris": []any{},
			"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
		}
		if agent != "" {
			want["client_name"] = "Example Bridge: helper"
		}
		if diff := cmp.Diff(want, m); diff != "" {
			t.Errorf("the document of %q\n%s", agent, diff)
		}
	}
	inside := oauth.NewClients(oauth.ClientsConfig{Safe: &safe{}, PublicURL: "http://127.0.0.1:8741"})
	if err := inside.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := inside.Document(t.Context(), ""); !errors.Is(err, bridge.ErrNotFound) {
		t.Error("there is a document at an address that no issuer can read")
	}
}

func TestCheck17WhatIsRegistered(t *testing.T) {
	issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"none"}})
	clients := clientsAt(t, issuer, &safe{})
	id, err := clients.Client(t.Context(), issuer.URL(), "helper", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []oauthtest.ClientMetadata{{
		ID: id, Name: "Example Bridge: helper", Application: "native", Method: "none",
		Grants:        []string{"urn:ietf:params:oauth:grant-type:device_code", "refresh_token"},
		ResponseTypes: []string{}, RedirectURIs: []string{},
	}}
	if diff := cmp.Diff(want, issuer.Registered()); diff != "" {
		t.Error(diff)
	}
}

// TestCheck17ARefusalIsTold in the issuer's words, and what it registers that
// is of no use is not used.
func TestCheck17ARefusalIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		fault oauthtest.Fault
		want  string
	}{
		"refused":           {oauthtest.Fault{Replace: true, Status: 400, Body: `{"error":"invalid_redirect_uri","error_description":"we want one"}`}, "we want one"},
		"not allowed":       {oauthtest.Fault{Replace: true, Status: 403, Body: `{}`}, "without saying why"},
		"a page":            {oauthtest.Fault{Replace: true, Status: 200, Body: "<html>sign in</html>"}, "web page"},
		"no id":             {oauthtest.Fault{Replace: true, Status: 201, Body: `{"client_secret":"s"}`}, "no proper client_id"},
		"an address as id":  {oauthtest.Fault{Replace: true, Status: 201, Body: `{"client_id":"https://evil.example/client","token_endpoint_auth_method":"none"}`}, "somebody's document"},
		"no secret":         {oauthtest.Fault{Replace: true, Status: 201, Body: `{"client_id":"x","token_endpoint_auth_method":"client_secret_basic"}`}, "no client_secret"},
		"an unknown method": {oauthtest.Fault{Replace: true, Status: 201, Body: `{"client_id":"x","token_endpoint_auth_method":"client_secret_jwt"}`}, "a way that we do not know"},
		"another grant":     {oauthtest.Fault{Replace: true, Status: 201, Body: `{"client_id":"x","token_endpoint_auth_method":"none","grant_types":["authorization_code"]}`}, "not for the device grant"},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"none"}})
			issuer.Always(oauthtest.Register, c.fault)
			kept := &safe{}
			id, err := clientsAt(t, issuer, kept).Client(t.Context(), issuer.URL(), "", nil)
			if no, ok := errors.AsType[*bridge.Refusal](err); !ok || !strings.Contains(no.Cause, c.want) {
				t.Errorf("%q, %v", id, err)
			}
			if kept.puts > 0 {
				t.Errorf("%d values were kept", kept.puts)
			}
		})
	}
}

func TestAnIssuerThatIsAwayRegistersNobody(t *testing.T) {
	issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"none"}})
	issuer.Always(oauthtest.Register, oauthtest.Fault{Replace: true, Status: 503})
	clients := clientsAt(t, issuer, &safe{})
	if _, err := clients.Client(t.Context(), issuer.URL(), "", nil); !isUnavailable(err) {
		t.Errorf("503 is told as %v", err)
	}
	without := oauthtest.New(oauthtest.Settings{Registration: true})
	without.Always(oauthtest.Metadata, oauthtest.Fault{Replace: true, Status: 200, Body: fmt.Sprintf(`{"issuer":%q,"token_endpoint":%q,"registration_endpoint":%q}`,
		without.URL(), without.EndpointURL(oauthtest.Token), without.EndpointURL(oauthtest.Register))})
	_, err := clientsAt(t, without, &safe{}).Client(t.Context(), without.URL(), "", nil)
	if no, ok := errors.AsType[*bridge.Refusal](err); !ok || no.Outcome != bridge.OutcomeDeviceGrantUnsupported {
		t.Errorf("an issuer without the grant is told as %v", err)
	}
	if len(without.Calls(oauthtest.Register)) != 0 {
		t.Error("a client was registered that would be of no use")
	}
}

func isUnavailable(err error) bool {
	_, ok := errors.AsType[*bridge.Unavailable](err)
	return ok
}

func TestCheck17ASecretThatExpiresIsRenewedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"client_secret_basic"}, SecretLifetime: 10 * time.Hour})
		kept := &safe{}
		clients := clientsAt(t, issuer, kept)
		first, err := clients.Client(t.Context(), issuer.URL(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			after time.Duration
			same  bool
		}{{7 * time.Hour, true}, {90 * time.Minute, false}} {
			<-time.After(step.after)
			id, err := clients.Client(t.Context(), issuer.URL(), "", nil)
			if err != nil || (id == first) != step.same {
				t.Errorf("after %s more it is %s, %v", step.after, id, err)
			}
		}
		for range 2 { // what was granted with the first one goes on with it, after a restart too
			if _, ok := clients.Provider(issuer.URL(), first); !ok {
				t.Error("the first client is forgotten while its secret is good")
			}
			clients = clientsAt(t, issuer, kept)
		}
	})
}

func TestCheck18ManyAsksRegisterOnce(t *testing.T) {
	issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"none"}})
	kept := &safe{}
	clients := clientsAt(t, issuer, kept)
	var all sync.WaitGroup
	ids := make([]string, 20)
	for n := range ids {
		all.Go(func() {
			id, err := clients.Client(t.Context(), issuer.URL(), "", nil)
			if err != nil {
				t.Error(err)
			}
			ids[n] = id
		})
	}
	all.Wait()
	if n := len(issuer.Calls(oauthtest.Register)); n != 1 {
		t.Errorf("%d registrations", n)
	}
	if slices.ContainsFunc(ids, func(id string) bool { return id != ids[0] }) {
		t.Errorf("they got %v", ids)
	}
	again := clientsAt(t, issuer, kept)
	if id, err := again.Client(t.Context(), issuer.URL(), "", nil); err != nil || id != ids[0] || len(issuer.Calls(oauthtest.Register)) != 1 {
		t.Errorf("after a restart: %s, %v", id, err)
	}
	if id, err := again.Client(t.Context(), issuer.URL(), "helper", nil); err != nil || id == ids[0] {
		t.Errorf("helper's own: %s, %v", id, err)
	}
}

// TestAClientThatCannotBeKeptIsNone: what would be gone after a restart must
// not carry a grant.
func TestAClientThatCannotBeKeptIsNone(t *testing.T) {
	issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"none"}})
	kept := &safe{}
	clients := clientsAt(t, issuer, kept)
	kept.fail = bridge.ErrStoreUnavailable
	if id, err := clients.Client(t.Context(), issuer.URL(), "", nil); !errors.Is(err, bridge.ErrStoreUnavailable) {
		t.Errorf("%s, %v", id, err)
	}
	kept.fail = nil
	if _, err := clients.Client(t.Context(), issuer.URL(), "", nil); err != nil {
		t.Error(err)
	}
}

// TestAClientThatTheIssuerForgot: the next ask has another, and the old one is
// not tried again.
func TestAClientThatTheIssuerForgot(t *testing.T) {
	issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"client_secret_basic"}})
	clients := clientsAt(t, issuer, &safe{})
	first, err := clients.Client(t.Context(), issuer.URL(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	issuer.ForgetClients()
	p, _ := clients.Provider(issuer.URL(), first)
	_, err = p.Begin(t.Context(), bridge.CodeRequest{Scopes: []string{"files:read"}})
	if no, ok := errors.AsType[*bridge.Refusal](err); !ok || !strings.Contains(no.Cause, "does not know our client any more") {
		t.Errorf("it is told as %v", err)
	}
	second, err := clients.Client(t.Context(), issuer.URL(), "", nil)
	if err != nil || second == first {
		t.Fatalf("%s, %v", second, err)
	}
	p, _ = clients.Provider(issuer.URL(), second)
	if _, err := p.Begin(t.Context(), bridge.CodeRequest{Scopes: []string{"files:read"}}); err != nil {
		t.Error(err)
	}
}

// TestTheClientsOfManyIssuersAreBounded, those that are over going first.
func TestTheClientsOfManyIssuersAreBounded(t *testing.T) {
	issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"none"}})
	clients := clientsAt(t, issuer, &safe{})
	for n := range 260 {
		if _, err := clients.Client(t.Context(), issuer.URL(), fmt.Sprintf("agent-%d", n), nil); err != nil {
			t.Fatal(err)
		}
	}
	before := len(issuer.Calls(oauthtest.Register))
	for n, registered := range map[int]int{259: 0, 100: 0, 0: 1} {
		if _, err := clients.Client(t.Context(), issuer.URL(), fmt.Sprintf("agent-%d", n), nil); err != nil {
			t.Fatal(err)
		}
		if after := len(issuer.Calls(oauthtest.Register)); after-before != registered {
			t.Errorf("agent-%d: %d registrations more", n, after-before)
		} else {
			before = after
		}
	}
}

// TestCheck19AKeyProvesWhoWeAre in each request, with a proof of its own.
func TestCheck19AKeyProvesWhoWeAre(t *testing.T) {
	issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"private_key_jwt"}})
	clients := clientsAt(t, issuer, &safe{})
	id, err := clients.Client(t.Context(), issuer.URL(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := clients.Provider(issuer.URL(), id)
	code, err := p.Begin(t.Context(), bridge.CodeRequest{Scopes: []string{"files:read"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := issuer.Approve(code.UserCode.Reveal(), oauthtest.Account{Subject: "s-alice", Email: "alice@example.com", EmailVerified: true}); err != nil {
		t.Fatal(err)
	}
	answer, err := p.Poll(t.Context(), code)
	if err != nil || answer.Verdict != bridge.PollSlowDown { // at once is too early
		t.Fatal(answer.Verdict, err)
	}
	seen := map[string]bool{}
	for _, call := range append(issuer.Calls(oauthtest.Device), issuer.Calls(oauthtest.Token)...) {
		proof := call.Form.Get("client_assertion")
		if proof == "" || seen[proof] || call.Form.Get("client_id") != id || call.Header.Get("Authorization") != "" {
			t.Errorf("%s came with %v", call.Endpoint, call.Form)
		}
		seen[proof] = true
	}
	stranger, _, err := oauth.NewClientKey()
	if err != nil {
		t.Fatal(err)
	}
	forged, err := oauth.New(oauth.Config{Issuer: issuer.URL(), ClientID: id, AuthMethod: oauth.AuthKey, KeyOf: func(context.Context) (oauth.ClientKey, error) { return stranger, nil }}, issuer.Client())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forged.Begin(t.Context(), bridge.CodeRequest{Scopes: []string{"files:read"}}); err == nil {
		t.Error("somebody else's key does as well")
	}
}

// TestTheClientsFollowTheNetwork: an issuer that may not be called any more is
// not.
func TestTheClientsFollowTheNetwork(t *testing.T) {
	issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"none"}})
	at := issuer.Start(t)
	clients := oauth.NewClients(oauth.ClientsConfig{Safe: &safe{}, Network: oauth.NetworkPolicy{AllowHTTPLoopback: true}})
	if err := clients.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, err := clients.Client(t.Context(), at, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	clients.Use(oauth.NetworkPolicy{}, &http.Client{})
	if _, ok := clients.Provider(at, id); ok {
		t.Error("an issuer is spoken to that the network policy forbids")
	}
}

// TestCheck65OurOwnScopesOnlyWhereTheyAreListed: an issuer that does not know
// offline_access may refuse all of a request that has it.
func TestCheck65OurOwnScopesOnlyWhereTheyAreListed(t *testing.T) {
	for name, c := range map[string]struct {
		listed any
		want   []string
	}{
		"all of them":  {[]string{"openid", "email", "offline_access", "files:read"}, []string{"openid", "email", "offline_access", "files:read"}},
		"some of them": {[]string{"openid", "files:read"}, []string{"openid", "files:read"}},
		"no list":      {nil, []string{"files:read"}},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"none"}})
			issuer.Always(oauthtest.Metadata, oauthtest.Set("scopes_supported", c.listed))
			clients := clientsAt(t, issuer, &safe{})
			id, err := clients.Client(t.Context(), issuer.URL(), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			p, _ := clients.Provider(issuer.URL(), id)
			code, err := p.Begin(t.Context(), bridge.CodeRequest{Own: []string{"openid", "email", "offline_access"}, Scopes: []string{"files:read"}})
			if err != nil || !slices.Equal(code.Scopes, c.want) {
				t.Errorf("asked for %v, %v", code.Scopes, err)
			}
			if sent := issuer.Calls(oauthtest.Device)[0].Form.Get("scope"); sent != strings.Join(c.want, " ") {
				t.Errorf("sent %q", sent)
			}
		})
	}
}
