package oauth_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

func TestFaultsOfAConfigurationComeAllAtOnce(t *testing.T) {
	secret := bridge.NewSecret("a")
	good := oauth.Config{Issuer: "https://login.example.com/t1", ClientID: "us"}
	with := func(change func(*oauth.Config)) oauth.Config {
		c := good
		change(&c)
		return c
	}
	for name, at := range map[string]struct {
		config oauth.Config
		want   []string // empty = accepted
	}{
		"public":             {good, nil},
		"confidential":       {with(func(c *oauth.Config) { c.ClientSecret = secret }), nil},
		"nothing at all":     {oauth.Config{}, []string{"issuer", "client_id"}},
		"http issuer":        {with(func(c *oauth.Config) { c.Issuer = "http://login.example.com" }), []string{"https"}},
		"http on loopback":   {with(func(c *oauth.Config) { c.Issuer = "http://127.0.0.1:1" }), []string{"allow_http_loopback"}},
		"allowed loopback":   {with(func(c *oauth.Config) { c.Issuer, c.Network.AllowHTTPLoopback = "http://127.0.0.1:1", true }), nil},
		"query":              {with(func(c *oauth.Config) { c.Issuer += "?" }), []string{"query"}},
		"fragment":           {with(func(c *oauth.Config) { c.Issuer += "#" }), []string{"fragment"}},
		"user name":          {with(func(c *oauth.Config) { c.Issuer = "https://me@login.example.com" }), []string{"user name"}},
		"private address":    {with(func(c *oauth.Config) { c.Issuer = "https://10.1.2.3" }), []string{"allow_private"}},
		"no host":            {with(func(c *oauth.Config) { c.Issuer = "https:///t1" }), []string{"no host"}},
		"secret but none":    {with(func(c *oauth.Config) { c.ClientSecret, c.AuthMethod = secret, oauth.AuthNone }), []string{"secret is given"}},
		"basic, no secret":   {with(func(c *oauth.Config) { c.AuthMethod = oauth.AuthBasic }), []string{"needs a client secret"}},
		"a key, and none":    {with(func(c *oauth.Config) { c.AuthMethod = oauth.AuthKey }), []string{"needs a key"}},
		"no method":          {with(func(c *oauth.Config) { c.AuthMethod = "client_secret_jwt" }), []string{"unknown method"}},
		"two things at once": {with(func(c *oauth.Config) { c.ClientID, c.AuthMethod = "", oauth.AuthPost }), []string{"client_id", "needs a client secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := oauth.New(at.config, nil)
			if (err == nil) != (len(at.want) == 0) {
				t.Fatalf("error %v, want %q", err, at.want)
			}
			for _, words := range at.want {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
		})
	}
}

// TestEveryClientAuthentication walks the whole grant with each method. The
// issuer refuses any other, and two at once.
func TestEveryClientAuthentication(t *testing.T) {
	for _, at := range []struct{ name, secret, method string }{
		{"public", "", ""},
		{"public, named", "", oauth.AuthNone},
		{"confidential by default", clientSecret, ""},
		{"basic", clientSecret, oauth.AuthBasic},
		{"post", clientSecret, oauth.AuthPost},
	} {
		t.Run(at.name, func(t *testing.T) {
			tell(t, oauthtest.Settings{ClientSecret: at.secret, AuthMethod: at.method, Path: "/t1"}, func(t *testing.T, s story) {
				tokens := s.granted()
				account, err := s.provider.Identify(s.Context(), tokens, time.Now())
				want := bridge.Account{
					Issuer: s.issuer.URL(), Subject: alice.Subject, Email: alice.Email, EmailVerified: true, Name: "Alice",
				}
				if diff := cmp.Diff(want, account); err != nil || diff != "" {
					t.Errorf("account: %v %s", err, diff)
				}
				if err := s.provider.Revoke(s.Context(), tokens, bridge.RevokeRequest{}); err != nil {
					t.Error(err)
				}
				if s.issuer.Live(tokens.Access.Reveal()) || s.issuer.Live(tokens.Refresh.Reveal()) {
					t.Error("a token lives on")
				}
			})
		})
	}
}

func TestWrongSecretIsToldWithoutTheSecret(t *testing.T) {
	for _, method := range []string{oauth.AuthBasic, oauth.AuthPost} {
		synctest.Test(t, func(t *testing.T) {
			s := meet(t, oauthtest.Settings{ClientSecret: clientSecret, AuthMethod: method})
			wrong := oauth.Config{Issuer: s.issuer.URL(), ClientID: clientID, AuthMethod: method, ClientSecret: bridge.NewSecret("hunter2")}
			provider, err := oauth.New(wrong, s.issuer.Client())
			if err != nil {
				t.Fatal(err)
			}
			s.issuer.Inject(oauthtest.Device, oauthtest.JSON(401,
				`{"error":"invalid_client","error_description":"hunter2 and hunter2 are not right"}`))
			_, err = provider.Begin(t.Context(), bridge.CodeRequest{})
			wantRefusal(t, err, bridge.OutcomeProviderError, "invalid_client")
			if strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "[secret] and [secret] are not") {
				t.Errorf("the cause is %q", err)
			}
			_, err = provider.Begin(t.Context(), bridge.CodeRequest{})
			wantRefusal(t, err, bridge.OutcomeProviderError, "invalid_client")
		})
	}
}

// TestADeadConnectionIsNotTriedAgain: net/http repeats some requests when a
// connection that it kept turns out to be closed. A poll is not one of them.
func TestADeadConnectionIsNotTriedAgain(t *testing.T) {
	s := onSocket(t)
	code := s.begin()
	for n := 1; n <= 3; n++ {
		s.issuer.Inject(oauthtest.Token, oauthtest.OAuthError(400, "authorization_pending"), oauthtest.Fault{Drop: true})
		if got := s.poll(code).Verdict; got != bridge.PollPending {
			t.Fatalf("verdict %v", got)
		}
		_, err := s.provider.Poll(t.Context(), code)
		wantFault(t, err, 0, "the connection broke")
		if got := len(s.issuer.Calls(oauthtest.Token)); got != 2*n {
			t.Errorf("%d polls made %d requests", 2*n, got)
		}
	}
}

// TestARealSocket goes through the grant over TCP with the shared client.
func TestARealSocket(t *testing.T) {
	s := onSocket(t)
	tokens := s.granted()
	if account, err := s.provider.Identify(t.Context(), tokens, time.Now()); err != nil || account.Subject != alice.Subject {
		t.Errorf("account %v: %v", account, err)
	}
	if err := s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{}); err != nil || s.issuer.Live(tokens.Access.Reveal()) {
		t.Errorf("revoke: %v", err)
	}
}

// onSocket meets an issuer over TCP, which has no patience to ask for.
func onSocket(t *testing.T) story {
	t.Helper()
	issuer := oauthtest.New(oauthtest.Settings{ClientID: clientID, Interval: 1})
	network := oauth.NetworkPolicy{AllowHTTPLoopback: true}
	config := oauth.Config{Issuer: issuer.Start(t), ClientID: clientID, Network: network}
	client := oauth.NewHTTPClient(network)
	t.Cleanup(client.CloseIdleConnections)
	return story{t, issuer, mustNew(t, config, client)}
}
