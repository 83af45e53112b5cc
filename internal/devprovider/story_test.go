package devprovider

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
)

func TestAPersonGivesADeviceWhatItAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t, standard())
		d, alice := bridgeDevice(t, p), newPerson(t, p)
		start := time.Now()

		code := d.ask("openid email profile documents.read").wantOK(t)
		if got, want := code.text("verification_uri"), issuer+"/device"; got != want {
			t.Errorf("verification_uri %q, want %q", got, want)
		}
		if code.body["interval"] != 5.0 || code.body["expires_in"] != 600.0 {
			t.Errorf("interval %v, expires_in %v", code.body["interval"], code.body["expires_in"])
		}
		d.poll(code).wantFault(t, 400, "authorization_pending")

		s := alice.open(code.text("verification_uri_complete"))
		if got := s.fields.Get("user_code"); got != code.text("user_code") {
			t.Errorf("the code is filled in as %q, want %q", got, code.text("user_code"))
		}
		s = alice.press(s, "Continue", nil)
		s.wants(t, http.StatusOK, "Any password will do")
		s = alice.press(s, "Sign in", map[string]string{"Account": "alice", "Password": "x"})
		for _, words := range []string{"Example Bridge", "read your documents", "see your e-mail address", code.text("user_code")} {
			s.wants(t, http.StatusOK, words)
		}
		<-time.After(5 * time.Second)
		d.poll(code).wantFault(t, 400, "authorization_pending")
		alice.press(s, "Allow", nil).wants(t, http.StatusOK, "You can close this page")

		<-time.After(5 * time.Second)
		token := d.poll(code).wantOK(t)
		if token.text("scope") != "openid email profile documents.read" || token.text("id_token") == "" ||
			token.text("refresh_token") != "" || token.body["expires_in"] != 300.0 {
			t.Errorf("scope %q, id_token %t, refresh_token %t, expires_in %v", token.text("scope"),
				token.text("id_token") != "", token.text("refresh_token") != "", token.body["expires_in"])
		}
		if got := token.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control %q, want no-store", got)
		}
		if !p.Live(token.text("access_token")) {
			t.Error("the token is not live")
		}
		want := map[string]any{
			"sub": "a-1", "email": "alice@example.com", "email_verified": true, "name": "Alice", "preferred_username": "alice",
		}
		if diff := cmp.Diff(want, userinfo(t, p, token.text("access_token")).wantOK(t).body); diff != "" {
			t.Errorf("userinfo (-want +got):\n%s", diff)
		}

		user := code.text("user_code")
		wantJournal := []Entry{
			{Time: start, Kind: KindDeviceAuthorization, Client: "bridge", UserCode: user},
			{Time: start, Kind: KindPoll, Client: "bridge", UserCode: user, Fault: "authorization_pending"},
			{Time: start, Kind: KindSignIn, Client: "bridge", UserCode: user, Subject: "a-1"},
			{Time: start.Add(5 * time.Second), Kind: KindPoll, Client: "bridge", UserCode: user, Fault: "authorization_pending"},
			{Time: start.Add(5 * time.Second), Kind: KindConsent, Client: "bridge", UserCode: user, Subject: "a-1"},
			{Time: start.Add(10 * time.Second), Kind: KindPoll, Client: "bridge", UserCode: user, Subject: "a-1"},
			{Time: start.Add(10 * time.Second), Kind: KindTokenIssued, Client: "bridge", UserCode: user, Subject: "a-1"},
			{Time: start.Add(10 * time.Second), Kind: KindUserinfo, Client: "bridge", Subject: "a-1"},
		}
		if diff := cmp.Diff(wantJournal, p.Journal()); diff != "" {
			t.Errorf("journal (-want +got):\n%s", diff)
		}
		<-time.After(5 * time.Minute)
		if p.Live(token.text("access_token")) {
			t.Error("the token outlives its expires_in")
		}
	})
}

func TestAPersonRefuses(t *testing.T) {
	p := newProvider(t, standard())
	d, alice := bridgeDevice(t, p), newPerson(t, p)
	code := d.ask("openid").wantOK(t)
	alice.press(alice.consentPage(code, "alice"), "Refuse", nil).wants(t, http.StatusOK, "You can close this page")
	d.poll(code).wantFault(t, 400, "access_denied")
	if count(p, KindRefusal) != 1 || count(p, KindConsent) != 0 || count(p, KindTokenIssued) != 0 {
		t.Errorf("journal: %v", p.Journal())
	}
	again := newPerson(t, p)
	s := again.open(code.text("verification_uri_complete"))
	again.press(s, "Continue", nil).wants(t, http.StatusConflict, "has been used")
}

func TestNobodySignsInUnderANameThatIsNotHere(t *testing.T) {
	p := newProvider(t, standard())
	d, mallory := bridgeDevice(t, p), newPerson(t, p)
	code := d.ask("openid").wantOK(t)
	s := mallory.consentPage(code, "mallory")
	s.wants(t, http.StatusUnprocessableEntity, "no such account")
	if _, ok := s.buttons["Allow"]; ok || count(p, KindSignIn) != 0 {
		t.Fatal("an unknown account gets to the consent page")
	}
	s = mallory.press(s, "Sign in", map[string]string{"Account": "bob", "Password": "x"})
	s.wants(t, http.StatusOK, "Signed in as  bob")
}

func TestTheMetadataTellsTheTruth(t *testing.T) {
	p := newProvider(t, standard())
	doc := get(t, p, "/.well-known/openid-configuration").wantOK(t)
	if diff := cmp.Diff(doc.body, get(t, p, "/.well-known/oauth-authorization-server").wantOK(t).body); diff != "" {
		t.Errorf("the two documents differ:\n%s", diff)
	}
	want := map[string]any{
		"issuer":                                issuer,
		"device_authorization_endpoint":         issuer + "/device_authorization",
		"token_endpoint":                        issuer + "/token",
		"userinfo_endpoint":                     issuer + "/userinfo",
		"revocation_endpoint":                   issuer + "/revoke",
		"jwks_uri":                              issuer + "/keys",
		"grant_types_supported":                 []any{"urn:ietf:params:oauth:grant-type:device_code", "refresh_token"},
		"response_types_supported":              []any{},
		"token_endpoint_auth_methods_supported": []any{"none", "client_secret_basic", "client_secret_post"},
		"scopes_supported":                      []any{"documents.read", "email", "offline_access", "openid", "profile"},
		"id_token_signing_alg_values_supported": []any{"ES256"},
	}
	for field, value := range want {
		got := doc.body[field]
		if list, ok := got.([]any); ok && field == "grant_types_supported" {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(b.(string), a.(string)) })
		}
		if diff := cmp.Diff(value, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
	for _, field := range []string{"authorization_endpoint", "introspection_endpoint", "end_session_endpoint"} {
		if doc.body[field] != nil {
			t.Errorf("%s is named", field)
		}
	}
	for _, path := range []string{"/authorize", "/oauth/introspect", "/end_session", "/token"} {
		if got := get(t, p, path).status; got != 404 && got != 405 {
			t.Errorf("GET %s is answered with %d", path, got)
		}
	}
}

// The ID token is checked by a library of another house, over a real socket.
func TestTheIDTokenIsGoodForOthers(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := standard()
	o.Issuer = "http://" + listener.Addr().String()
	p := newProvider(t, o)
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ctx := goidc.ClientContext(context.Background(), client)
	remote, err := goidc.NewProvider(ctx, p.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	d, alice := bridgeDevice(t, p), newPerson(t, p)
	code := d.ask("openid email").wantOK(t)
	code.body["verification_uri_complete"] = issuer + "/device?user_code=" + code.text("user_code")
	alice.allow(code, "alice")
	idToken, err := remote.Verifier(&goidc.Config{ClientID: "bridge"}).Verify(ctx, d.poll(code).wantOK(t).text("id_token"))
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := idToken.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if idToken.Subject != "a-1" || claims.Email != "alice@example.com" || !claims.Verified {
		t.Errorf("the ID token speaks of %q, %+v", idToken.Subject, claims)
	}
}
