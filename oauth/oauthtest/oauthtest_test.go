package oauthtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/authbridge/authbridge/oauth/oauthtest"
)

var alice = oauthtest.Account{Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice"}

// caller speaks with an issuer by hand.
type caller struct {
	*testing.T
	issuer *oauthtest.Issuer
}

func (c caller) post(e oauthtest.Endpoint, form url.Values, dress ...func(*http.Request)) (int, map[string]any) {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.issuer.EndpointURL(e), strings.NewReader(form.Encode()))
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, d := range dress {
		d(r)
	}
	answer, err := c.issuer.Client().Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var members map[string]any
	_ = json.NewDecoder(answer.Body).Decode(&members)
	return answer.StatusCode, members
}

func (c caller) code(scope string) map[string]any {
	c.Helper()
	status, m := c.post(oauthtest.Device, url.Values{"client_id": {"client"}, "scope": {scope}})
	if status != http.StatusOK {
		c.Fatalf("device request: %d %v", status, m)
	}
	return m
}

func (c caller) poll(code map[string]any) (status int, members map[string]any) {
	c.Helper()
	return c.post(oauthtest.Token, url.Values{
		"client_id": {"client"}, "device_code": {code["device_code"].(string)},
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"},
	})
}

func (c caller) wantError(status int, m map[string]any, code string) {
	c.Helper()
	if m["error"] != code || status < 400 {
		c.Errorf("answer %d %v, want error %s", status, m, code)
	}
}

// inBubble runs a story on fake time against an issuer in the process.
func inBubble(t *testing.T, s oauthtest.Settings, story func(caller)) {
	synctest.Test(t, func(t *testing.T) { story(caller{t, oauthtest.New(s)}) })
}

func after(d time.Duration) { <-time.After(d) }

func TestApprovedCodeIsRedeemedOnce(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		code := c.code("openid email offline_access")
		after(5 * time.Second)
		status, m := c.poll(code)
		c.wantError(status, m, "authorization_pending")

		// A human types it in lower case and without the hyphen.
		typed := strings.ToLower(strings.ReplaceAll(code["user_code"].(string), "-", ""))
		if err := c.issuer.Approve(typed, alice); err != nil {
			c.Fatal(err)
		}
		if err := c.issuer.Deny(typed); err == nil {
			c.Error("a used code could be used again by a human")
		}
		after(5 * time.Second)
		status, m = c.poll(code)
		if status != http.StatusOK || m["token_type"] != "Bearer" || m["scope"] != "openid email offline_access" {
			c.Fatalf("answer %d %v", status, m)
		}
		for _, name := range []string{"access_token", "refresh_token"} {
			if !c.issuer.Live(m[name].(string)) {
				c.Errorf("%s does not live", name)
			}
		}
		after(5 * time.Second)
		status, m = c.poll(code)
		c.wantError(status, m, "invalid_grant")
	})
}

func TestEarlyPollsCostFiveSecondsEach(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		code := c.code("openid")
		status, m := c.poll(code) // at once: even the first has to wait
		c.wantError(status, m, "slow_down")
		after(9 * time.Second) // now 10 are asked for
		status, m = c.poll(code)
		c.wantError(status, m, "slow_down")
		after(15 * time.Second)
		status, m = c.poll(code)
		c.wantError(status, m, "authorization_pending")
	})
}

func TestCodeLapses(t *testing.T) {
	inBubble(t, oauthtest.Settings{Lifetime: time.Minute}, func(c caller) {
		code := c.code("openid")
		after(time.Minute)
		if err := c.issuer.Approve(code["user_code"].(string), alice); err == nil {
			c.Error("a lapsed code was approved")
		}
		status, m := c.poll(code)
		c.wantError(status, m, "expired_token")
	})
}

func TestDeniedCode(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		code := c.code("openid")
		if err := c.issuer.Deny(code["user_code"].(string)); err != nil {
			c.Fatal(err)
		}
		if err := c.issuer.Deny("AAAA-AAAA"); err == nil {
			c.Error("an unknown code was denied")
		}
		after(5 * time.Second)
		status, m := c.poll(code)
		c.wantError(status, m, "access_denied")
	})
}

func TestOtherResourceIsRefused(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		_, code := c.post(oauthtest.Device, url.Values{"client_id": {"client"}, "resource": {"https://mcp.example/"}})
		after(5 * time.Second)
		status, m := c.poll(code)
		c.wantError(status, m, "invalid_target")
	})
}

func TestClientAuthenticationIsStrict(t *testing.T) {
	basic := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
	}
	none := func(*http.Request) {}
	id, secret := "id:/ä", "s&cr+t"
	public, posted := url.Values{"client_id": {id}}, url.Values{"client_id": {id}, "client_secret": {secret}}
	for _, at := range []struct {
		name, method string
		form         url.Values
		dress        func(*http.Request)
		want         int
	}{
		{"none as registered", "none", public, none, 200},
		{"none, unknown client", "none", url.Values{"client_id": {"other"}}, none, 401},
		{"none, with a secret", "none", posted, none, 401},
		{"basic as registered", "client_secret_basic", url.Values{}, basic(id, secret), 200},
		{"basic, wrong secret", "client_secret_basic", url.Values{}, basic(id, "guess"), 401},
		{"basic, not encoded", "client_secret_basic", url.Values{}, func(r *http.Request) { r.SetBasicAuth(id, secret) }, 401},
		{"basic, but posted", "client_secret_basic", posted, none, 401},
		{"basic, and posted too", "client_secret_basic", posted, basic(id, secret), 401},
		{"basic, nothing presented", "client_secret_basic", public, none, 401},
		{"post as registered", "client_secret_post", posted, none, 200},
		{"post, but basic", "client_secret_post", url.Values{}, basic(id, secret), 401},
		{"repeated parameter", "none", url.Values{"client_id": {id, id}}, none, 400},
		{"empty parameter", "none", url.Values{"client_id": {id}, "scope": {""}}, none, 400},
		{"no form", "none", public, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 400},
	} {
		t.Run(at.name, func(t *testing.T) {
			settings := oauthtest.Settings{ClientID: id, AuthMethod: at.method}
			if at.method != "none" {
				settings.ClientSecret = secret
			}
			c := caller{t, oauthtest.New(settings)}
			for _, e := range []oauthtest.Endpoint{oauthtest.Device, oauthtest.Token, oauthtest.Revocation} {
				status, m := c.post(e, at.form, at.dress)
				passed := m["error"] != "invalid_client" && status != 401
				if e == oauthtest.Device && status != at.want || passed != (at.want != 401) {
					t.Errorf("%s answered %d %v, want %d", e, status, m, at.want)
				}
			}
		})
	}
}

func TestRevokedTokenIsDead(t *testing.T) {
	inBubble(t, oauthtest.Settings{TokenLifetime: time.Minute}, func(c caller) {
		code := c.code("openid offline_access")
		if err := c.issuer.Approve(code["user_code"].(string), alice); err != nil {
			c.Fatal(err)
		}
		after(5 * time.Second)
		_, m := c.poll(code)
		refresh := m["refresh_token"].(string)
		if status, _ := c.post(oauthtest.Revocation, url.Values{"client_id": {"client"}, "token": {refresh}}); status != 200 {
			c.Errorf("revocation answered %d", status)
		}
		if c.issuer.Live(refresh) || !c.issuer.Live(m["access_token"].(string)) {
			c.Error("the wrong token was revoked")
		}
		after(time.Minute)
		if c.issuer.Live(m["access_token"].(string)) {
			c.Error("the access token outlived itself")
		}
		if status, _ := c.post(oauthtest.Revocation, url.Values{"client_id": {"client"}, "token": {"unknown"}}); status != 200 {
			c.Errorf("an unknown token's revocation answered %d", status)
		}
		status, m := c.post(oauthtest.Revocation, url.Values{"client_id": {"client"}})
		c.wantError(status, m, "invalid_request")
	})
}

func TestJournalTellsWhoCameWhen(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		start := time.Now()
		code := c.code("openid")
		after(7 * time.Second)
		c.poll(code)
		calls := c.issuer.Journal()
		if len(calls) != 2 || calls[0].Endpoint != oauthtest.Device || calls[1].Endpoint != oauthtest.Token {
			c.Fatalf("journal %v", calls)
		}
		if got := calls[1].At.Sub(start); got != 7*time.Second {
			c.Errorf("poll noted at %v", got)
		}
		if calls[0].Form.Get("scope") != "openid" || len(c.issuer.Calls(oauthtest.Token)) != 1 {
			c.Errorf("journal %v", calls)
		}
	})
}

func TestFaultsComeOnceAndInOrder(t *testing.T) {
	c := caller{t, oauthtest.New(oauthtest.Settings{})}
	c.issuer.Inject(oauthtest.Device, oauthtest.OAuthError(200, "slow_down"), oauthtest.Set("interval", -1), oauthtest.Set("user_code", nil))
	form := url.Values{"client_id": {"client"}}
	if status, m := c.post(oauthtest.Device, form); status != 200 || m["error"] != "slow_down" {
		t.Errorf("answer %d %v", status, m)
	}
	if _, m := c.post(oauthtest.Device, form); m["interval"] != float64(-1) || m["device_code"] == nil {
		t.Errorf("answer %v", m)
	}
	if _, m := c.post(oauthtest.Device, form); m["user_code"] != nil || m["device_code"] == nil {
		t.Errorf("answer %v", m)
	}
	if _, m := c.post(oauthtest.Device, form); m["interval"] != float64(5) {
		t.Errorf("the fault lasted: %v", m)
	}
	c.issuer.Always(oauthtest.Device, oauthtest.Busy(503, "7"))
	for range 2 {
		if status, _ := c.post(oauthtest.Device, form); status != 503 {
			t.Errorf("answer %d", status)
		}
	}
	c.issuer.Always(oauthtest.Device, oauthtest.Fault{})
	if status, _ := c.post(oauthtest.Device, form); status != 200 {
		t.Errorf("not healed: %d", status)
	}
}

// TestDeadConnections runs the faults of the wire over both transports.
func TestDeadConnections(t *testing.T) {
	transports := map[string]func(*testing.T, *oauthtest.Issuer) *http.Client{
		"in process": func(_ *testing.T, i *oauthtest.Issuer) *http.Client { return i.Client() },
		"listening": func(t *testing.T, i *oauthtest.Issuer) *http.Client {
			i.Start(t)
			transport := &http.Transport{}
			t.Cleanup(transport.CloseIdleConnections)
			return &http.Client{Transport: transport}
		},
	}
	for name, client := range transports {
		t.Run(name, func(t *testing.T) {
			i := oauthtest.New(oauthtest.Settings{})
			c := client(t, i)
			get := func(ctx context.Context) (*http.Response, error) {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, i.EndpointURL(oauthtest.Keys), nil)
				if err != nil {
					t.Fatal(err)
				}
				return c.Do(r)
			}
			i.Inject(oauthtest.Keys, oauthtest.Fault{Drop: true}, oauthtest.Fault{Lose: true})
			for range 2 {
				if answer, err := get(t.Context()); err == nil {
					_ = answer.Body.Close()
					t.Error("a dropped connection answered")
				}
			}
			i.Inject(oauthtest.Keys, oauthtest.Fault{Hang: true})
			hasty, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			answer, err := get(hasty)
			if err == nil {
				_ = answer.Body.Close()
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a hanging issuer: %v", err)
			}
			i.Inject(oauthtest.Keys, oauthtest.Fault{Endless: true})
			answer, err = get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.CopyN(io.Discard, answer.Body, 5<<20); err != nil {
				t.Errorf("the endless body ended after %d: %v", n, err)
			}
			_ = answer.Body.Close()
		})
	}
}

func TestClientKnowsNobodyElse(t *testing.T) {
	i := oauthtest.New(oauthtest.Settings{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://login.issuer.test.evil.example/keys", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := i.Client().Do(r)
	if err == nil {
		_ = answer.Body.Close()
	}
	if lookup := (*net.DNSError)(nil); !errors.As(err, &lookup) || len(i.Journal()) != 0 {
		t.Errorf("a stranger was reached: %v", err)
	}
}

// TestOtherLibrariesAgree has the usual client libraries go through the
// whole grant: the fake speaks OAuth, and not just our own dialect of it.
func TestOtherLibrariesAgree(t *testing.T) {
	for _, algorithm := range []string{"ES256", "RS256"} {
		t.Run(algorithm, func(t *testing.T) {
			i := oauthtest.New(oauthtest.Settings{Algorithm: algorithm})
			synctest.Test(t, func(t *testing.T) { goThrough(t, i, algorithm) })
		})
	}
}

func goThrough(t *testing.T, i *oauthtest.Issuer, algorithm string) {
	ctx := oidc.ClientContext(t.Context(), i.Client())
	provider, err := oidc.NewProvider(ctx, i.URL())
	if err != nil {
		t.Fatal(err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	config := oauth2.Config{ClientID: "client", Endpoint: endpoint, Scopes: []string{"openid", "email"}}
	code, err := config.DeviceAuth(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Approve(code.UserCode, alice); err != nil {
		t.Fatal(err)
	}
	token, err := config.DeviceAccessToken(ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	verify := func() (*oidc.IDToken, error) {
		return provider.Verifier(&oidc.Config{ClientID: "client", SupportedSigningAlgs: []string{algorithm}}).Verify(ctx, raw)
	}
	id, err := verify()
	if err != nil || id.Subject != alice.Subject {
		t.Fatalf("id_token %v: %v", id, err)
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Email != alice.Email || !info.EmailVerified {
		t.Errorf("userinfo %v: %v", info, err)
	}
	i.RotateKeys()
	fresh, err := oidc.NewProvider(ctx, i.URL())
	if err != nil {
		t.Fatal(err)
	}
	provider = fresh
	if _, err := verify(); err == nil {
		t.Error("an id_token outlived the key that signed it")
	}
}

func TestForgedSignatureIsForged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := caller{t, oauthtest.New(oauthtest.Settings{})}
		c.issuer.ForgeSignatures()
		c.issuer.EditClaims(func(claims map[string]any) { claims["aud"] = "edited" })
		code := c.code("openid")
		if err := c.issuer.Approve(code["user_code"].(string), alice); err != nil {
			t.Fatal(err)
		}
		after(5 * time.Second)
		_, m := c.poll(code)
		ctx := oidc.ClientContext(t.Context(), c.issuer.Client())
		keys := oidc.NewRemoteKeySet(ctx, c.issuer.EndpointURL(oauthtest.Keys))
		honest := oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: []string{"ES256"}}
		if _, err := oidc.NewVerifier(c.issuer.URL(), keys, &honest).Verify(ctx, m["id_token"].(string)); err == nil {
			t.Error("a stranger's signature passes")
		}
		blind := honest
		blind.InsecureSkipSignatureCheck = true
		token, err := oidc.NewVerifier(c.issuer.URL(), keys, &blind).Verify(ctx, m["id_token"].(string))
		if err != nil || token.Audience[0] != "edited" {
			t.Errorf("claims were not edited: %v %v", token, err)
		}
	})
}
