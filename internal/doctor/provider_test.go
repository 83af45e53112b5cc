package doctor

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// configured reads a configuration. ISSUER in it is the issuer's address.
func configured(t *testing.T, text string, issuer string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("authbridge.yaml", []byte(strings.ReplaceAll(text, "ISSUER", issuer)), config.Env{
		Getenv: func(name string) string {
			return map[string]string{"STATE_DIRECTORY": "/nowhere/state", "CORP_SECRET": secret}[name]
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const secret = "hunter2-never-seen"

const corp = `
network: {allow_http_loopback: true}
providers: {corp: {issuer: "ISSUER", client_id: authbridge, client_secret: "env:CORP_SECRET", scopes: [openid, email]}}
humans: {alice: {email: alice@example.com}}
agents: {helper: {uid: 4321, owner: alice, may: [{provider: corp, scopes: ["files.*"], default_scopes: [files.read], ask: [alice]}]}}
`

// about picks the findings about something, each as one line.
func about(found []admin.Finding, name string) []string {
	var all []string
	for _, f := range found {
		if f.About == name {
			all = append(all, fmt.Sprintf("%s %s → %s", f.Level, f.What, f.Hint))
		}
	}
	return all
}

// TestProviders: each way in which a provider can keep requests from being
// granted, what is said of it, and what to do.
func TestProviders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at    oauthtest.Endpoint
		fault oauthtest.Fault
		with  string // a configuration other than corp
		said  []string
	}{
		"all is well": {said: []string{"ok issuer matches, device grant offered, client known"}},
		"another issuer": {
			at: oauthtest.Metadata, fault: oauthtest.Set("issuer", "https://evil.example\x1b[2J"),
			said: []string{"fail ", "speaks for another issuer", "→ set issuer to what the provider's own metadata calls issuer"},
		},
		"no metadata":     {at: oauthtest.Metadata, fault: oauthtest.HTML(404), said: []string{"fail the provider publishes no metadata", "well-known/openid-configuration"}},
		"a redirect":      {at: oauthtest.Metadata, fault: oauthtest.Redirect(302, "https://elsewhere.example"), said: []string{"fail "}},
		"down":            {at: oauthtest.Metadata, fault: oauthtest.Busy(503, "1"), said: []string{"fail cannot be asked now", "HTTP 503", "→ "}},
		"hangs up":        {at: oauthtest.Metadata, fault: oauthtest.Fault{Drop: true}, said: []string{"fail cannot be asked now", "→ look whether the provider runs"}},
		"no device grant": {at: oauthtest.Metadata, fault: oauthtest.Set("device_authorization_endpoint", nil), said: []string{"fail ", "device_grant_unsupported", "→ turn the device grant on"}},
		"client unknown":  {at: oauthtest.Device, fault: oauthtest.OAuthError(401, "invalid_client"), said: []string{"fail ", "invalid_client", "→ compare client_id and client_secret"}},
		"not for us":      {at: oauthtest.Device, fault: oauthtest.OAuthError(400, "unauthorized_client"), said: []string{"fail ", "device_grant_blocked", "→ allow the device grant for this client"}},
		"device flow off": {at: oauthtest.Device, fault: oauthtest.OAuthError(200, "device_flow_disabled"), said: []string{"fail ", "device_grant_blocked", "Enable Device Flow"}},
		"scopes unknown":  {at: oauthtest.Device, fault: oauthtest.OAuthError(400, "invalid_scope"), said: []string{"fail ", "→ let this client have these scopes"}},
		"a strange link":  {at: oauthtest.Device, fault: oauthtest.Set("verification_uri", "https://evil.example/device"), said: []string{"fail ", "not to be trusted", "provider_error"}},
		"says too much": {
			at: oauthtest.Device, fault: oauthtest.JSON(400, `{"error":"invalid_client","error_description":"`+secret+` \u001b]0;owned\u0007 `+strings.Repeat("long ", 1000)+`"}`),
			said: []string{"fail ", "[secret]"},
		},
		"another way to prove ourselves": {
			at: oauthtest.Metadata, fault: oauthtest.Set("token_endpoint_auth_methods_supported", []string{"private_key_jwt", "bad\nline"}),
			said: []string{"warn lists private_key_jwt as ways", "the bridge uses client_secret_basic", "→ set token_endpoint_auth_method"},
		},
		"scopes not listed": {
			at: oauthtest.Metadata, fault: oauthtest.Set("scopes_supported", []string{"openid"}),
			said: []string{"warn does not list among its scopes: email"},
		},
		"tells nobody's identity": {
			at: oauthtest.Metadata, fault: oauthtest.Set("userinfo_endpoint", nil), with: strings.Replace(corp, "scopes: [openid, email]", "scopes: [email]", 1),
			said: []string{"fail does not tell whose account grants", "identity_unavailable", "→ add openid and email"},
		},
		"nobody's identity is wanted": {
			at: oauthtest.Metadata, fault: oauthtest.Set("userinfo_endpoint", nil), with: strings.Replace(corp, "scopes: [openid, email]", "trust: none", 1),
			said: []string{"ok issuer matches"},
		},
		"a human nobody knows": {
			with: strings.Replace(corp, "{email: alice@example.com}", "{}", 1),
			said: []string{"warn cannot tell whether an account is that of alice", "identity_mismatch", "→ give them an email"},
		},
		"who says so on the first use": {
			with: strings.NewReplacer("{email: alice@example.com}", "{}", "client_id", "trust: first_use, client_id").Replace(corp),
			said: []string{"ok issuer matches"},
		},
		"it revokes nothing": {
			at: oauthtest.Metadata, fault: oauthtest.Set("revocation_endpoint", nil),
			said: []string{"ok issuer matches", "it revokes nothing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := oauthtest.New(oauthtest.Settings{ClientID: "authbridge", ClientSecret: secret})
			url := issuer.Start(t)
			issuer.Always(c.at, c.fault)
			found := Providers(t.Context(), configured(t, cmp.Or(c.with, corp), url), nil)
			said := strings.Join(about(found, "corp"), "\n")
			for _, words := range c.said {
				if !strings.Contains(said, words) {
					t.Errorf("it says %q, want %q", said, words)
				}
			}
			if !strings.HasPrefix(said, c.said[0]) {
				t.Errorf("it begins with %q", said)
			}
			fit(t, found)
		})
	}
}

// fit fails the test unless findings can be shown: bounded, on one line, and
// with nothing in them that is secret or steers a terminal.
func fit(t *testing.T, found []admin.Finding) {
	t.Helper()
	for _, f := range found {
		all := f.About + f.What + f.Hint
		if strings.Contains(all, secret) || strings.ContainsFunc(all, func(r rune) bool { return r < 0x20 || r == 0x7f || r == 0x9b }) {
			t.Errorf("not fit to be shown: %q", all)
		}
		if len([]rune(f.What)) > maxWhat || len([]rune(f.Hint)) > maxHint || f.What == "" {
			t.Errorf("of %s it says %d characters", f.About, len([]rune(f.What)))
		}
		if f.Level != admin.OK && f.Hint == "" {
			t.Errorf("nobody is told what to do: %+v", f)
		}
	}
}

// TestACodeIsMadeAndDropped: one request with the scopes that an ask would
// have, and not a single poll.
func TestACodeIsMadeAndDropped(t *testing.T) {
	t.Parallel()
	issuer := oauthtest.New(oauthtest.Settings{ClientID: "authbridge", ClientSecret: secret})
	url := issuer.Start(t)
	Providers(t.Context(), configured(t, corp, url), nil)
	if calls := issuer.Calls(oauthtest.Device); len(calls) != 1 || calls[0].Form.Get("scope") != "email files.read openid" {
		t.Errorf("codes were asked for %d times: %v", len(calls), calls)
	}
	if n := len(issuer.Calls(oauthtest.Token)); n != 0 {
		t.Errorf("the code was polled %d times", n)
	}
}

// TestClocks that differ are said to, and by how much.
func TestClocks(t *testing.T) {
	t.Parallel()
	for skew, said := range map[time.Duration]string{
		0:                 "ok agrees with the providers'",
		-20 * time.Second: "ok agrees with the providers'",
		10 * time.Minute:  "warn corp says that it is 10m0s later than here → set this machine's clock",
		-time.Hour:        "warn corp says that it is 1h0m0s earlier than here",
	} {
		issuer := oauthtest.New(oauthtest.Settings{ClientID: "authbridge", ClientSecret: secret})
		url := issuer.Start(t, func(s *http.Server) {
			next := s.Handler
			s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", time.Now().Add(skew).Add(time.Second/2).UTC().Format(http.TimeFormat))
				next.ServeHTTP(w, r)
			})
		})
		got := strings.Join(about(Providers(t.Context(), configured(t, corp, url), nil), "clock"), "\n")
		if want, _, _ := strings.Cut(said, "0s"); !strings.HasPrefix(got, want) && !strings.HasPrefix(strings.Replace(got, "9m59s", "10m0s", 1), want) {
			t.Errorf("%s apart: %q, want %q", skew, got, said)
		}
	}
}

// TestAProviderWithoutTrust: a certificate that nobody here signed, and an
// address that calls may not go to.
func TestAProviderWithoutTrust(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	without := strings.Replace(corp, "network: {allow_http_loopback: true}", "", 1)
	for issuer, c := range map[string]struct{ text, said string }{
		server.URL + "/a": {corp, "add the authority that signed it"},
		server.URL + "/b": {without, "list its range under network.allow_private"},
		strings.Replace(plain.URL, "http:", "https:", 1): {corp, "there is no TLS at this port"},
		"https://10.1.2.3":                 {without, "10.1.2.3 is not a public address"},
		"https://no-such-host.invalid:444": {without, "look at the name in issuer"},
	} {
		found := Providers(t.Context(), configured(t, c.text, issuer), nil)
		if said := strings.Join(about(found, "corp"), "\n"); !strings.HasPrefix(said, "fail ") || !strings.Contains(said, c.said) {
			t.Errorf("%s: %q, want %q", issuer, said, c.said)
		}
		fit(t, found)
	}
}

// TestNobodyIsWaitedForLong: providers that say nothing are given up, all at
// once, and hold nobody else up.
func TestNobodyIsWaitedForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := oauthtest.New(oauthtest.Settings{ClientID: "authbridge", ClientSecret: secret})
		issuer.Always(oauthtest.Device, oauthtest.Fault{Hang: true})
		text := strings.Replace(corp, "providers: {", `providers: {other: {issuer: "ISSUER/other", client_id: x, client_secret: "env:CORP_SECRET"}, third: {issuer: "ISSUER/third", client_id: y}, `, 1)
		start := time.Now()
		found := Providers(t.Context(), configured(t, text, issuer.URL()), issuer.Client())
		if took := time.Since(start); took != callWithin {
			t.Errorf("it took %s, want %s", took, callWithin)
		}
		said := about(found, "corp")
		if len(said) != 1 || !strings.Contains(said[0], "it took too long") {
			t.Errorf("of who says nothing: %q", said)
		}
		if said := about(found, "other"); len(said) != 1 || !strings.Contains(said[0], "publishes no metadata") {
			t.Errorf("of another: %q", said)
		}
		order := slices.Collect(func(yield func(string) bool) {
			for _, f := range found {
				if !yield(f.About) {
					return
				}
			}
		})
		if want := []string{"corp", "other", "third"}; !slices.Equal(order[:3], want) {
			t.Errorf("they come as %v", order)
		}
	})
}
