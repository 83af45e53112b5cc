package oauth_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/tlstest"
	"github.com/authbridge/authbridge/oauth"
)

// TestCheck19ACertificateProvesWhoWeAre at the endpoints that a server has for
// callers with one (RFC 8705, section 5).
func TestCheck19ACertificateProvesWhoWeAre(t *testing.T) {
	ca := tlstest.New(t)
	own := ca.Issue("authbridge", time.Hour)
	var issuer, alias *httptest.Server
	shown := map[string]string{} // by path: whose certificate
	note := func(r *http.Request) {
		shown[r.URL.Path] = ""
		if len(r.TLS.PeerCertificates) > 0 {
			shown[r.URL.Path] = r.TLS.PeerCertificates[0].Subject.CommonName
		}
	}
	issuer = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r)
		if r.URL.Path != "/.well-known/oauth-authorization-server" {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": issuer.URL, "token_endpoint": issuer.URL + "/token", "device_authorization_endpoint": issuer.URL + "/device",
			"mtls_endpoint_aliases": map[string]string{"token_endpoint": alias.URL + "/token", "device_authorization_endpoint": alias.URL + "/device"},
		})
	}))
	alias = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r)
		if r.PostFormValue("client_id") != "authbridge" || r.PostForm.Has("client_secret") {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"device_code":"d","user_code":"ABCD-EFGH","verification_uri":%q,"expires_in":600}`, issuer.URL+"/enter")
	}))
	for _, s := range []*httptest.Server{issuer, alias} {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.Issue("127.0.0.1", time.Hour)}, ClientCAs: ca.Pool(), MinVersion: tls.VersionTLS12}
	}
	alias.TLS.ClientAuth = tls.RequireAndVerifyClientCert
	issuer.TLS.ClientAuth = tls.VerifyClientCertIfGiven
	for _, s := range []*httptest.Server{issuer, alias} {
		s.StartTLS()
		t.Cleanup(s.Close)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}}}
	t.Cleanup(client.CloseIdleConnections)
	cfg := oauth.Config{
		Issuer: issuer.URL, ClientID: "authbridge", AuthMethod: oauth.AuthTLS, Certificate: &own, Network: oauth.NetworkPolicy{AllowHTTPLoopback: true},
	}
	p, err := oauth.New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	code, err := p.Begin(t.Context(), bridge.CodeRequest{Scopes: []string{"files:read"}})
	if err != nil {
		t.Fatal(err)
	}
	if code.TokenEndpoint != alias.URL+"/token" {
		t.Errorf("polls go to %s", code.TokenEndpoint)
	}
	if shown["/device"] != "authbridge" {
		t.Errorf("the certificates that were shown: %v", shown)
	}
	stranger := tlstest.New(t).Issue("authbridge", time.Hour)
	cfg.Certificate = &stranger
	forged, err := oauth.New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forged.Begin(t.Context(), bridge.CodeRequest{}); err == nil {
		t.Error("anybody's certificate does as well")
	}
	cfg.AuthMethod, cfg.Certificate = oauth.AuthNone, nil
	without, err := oauth.New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := without.Begin(t.Context(), bridge.CodeRequest{}); err == nil {
		t.Error("the issuer's own endpoint gave a code")
	}
}
