package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// settings are those of a scripted issuer that knows the bridge.
func settings() oauthtest.Settings {
	return oauthtest.Settings{ClientID: "authbridge", ClientSecret: corpSecret, Interval: time.Second}
}

// aliceThere is alice's account at a scripted issuer.
var aliceThere = oauthtest.Account{Subject: "a-1", Email: "alice@example.com", EmailVerified: true, Name: "Alice"}

// scripted is alice at her inbox, with a scripted issuer behind the bridge.
type scripted struct {
	*world
	alice *human

	mu     sync.Mutex
	tokens []string
}

func withIssuer(t *testing.T, s oauthtest.Settings, o options) *scripted {
	t.Helper()
	o.issuer = oauthtest.New(s)
	w := newWorld(t, o)
	return &scripted{world: w, alice: w.human("alice")}
}

// watching bends an answer of the token endpoint as edit says, and notes the
// token in it.
func (s *scripted) watching(edit func(map[string]any)) oauthtest.Fault {
	return oauthtest.Fault{Edit: func(members map[string]any) {
		if token, ok := members["access_token"].(string); ok {
			s.mu.Lock()
			s.tokens = append(s.tokens, s.secret(token, accessToken))
			s.mu.Unlock()
			edit(members)
		}
	}}
}

// approve asks, shows the code and lets alice grant at the issuer.
func (s *scripted) approve() (id string) {
	s.t.Helper()
	id = s.ask("").ID
	if err := s.issuer.Approve(s.alice.showCode(id).code, aliceThere); err != nil {
		s.t.Fatal(err)
	}
	return id
}

// wantRevoked waits until every token that the issuer gave is revoked.
func (s *scripted) wantRevoked(tokens int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens) != tokens {
		s.t.Fatalf("the issuer gave %d tokens, want %d", len(s.tokens), tokens)
	}
	for _, token := range s.tokens {
		eventually(s.t, "the token is revoked", func() bool { return !s.issuer.Live(token) })
	}
}

func TestTheProviderLostTheCode(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	s.issuer.Inject(oauthtest.Token, oauthtest.OAuthError(400, "invalid_grant"))
	id := s.approve()
	s.ends(id, api.Failed, api.OutcomeTokenLost)
	s.cli("wait", id).wants(t, 8)
}

func TestMoreScopesThanAllowed(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	s.issuer.Always(oauthtest.Token, s.watching(func(members map[string]any) { members["scope"] = "openid email files.read admin" }))
	id := s.approve()
	s.ends(id, api.Failed, api.OutcomeScopeExceeded)
	s.wantRevoked(1)
	if c := s.alice.card(id); strings.Contains(c.text, "has access") {
		t.Errorf("alice reads: %s", c.text)
	}
}

func TestNobodyCanSayWhoseAccountItIs(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	s.issuer.Always(oauthtest.Metadata, oauthtest.Set("userinfo_endpoint", nil))
	s.issuer.Always(oauthtest.Token, s.watching(func(members map[string]any) { delete(members, "id_token") }))
	id := s.approve()
	s.ends(id, api.Failed, api.OutcomeIdentityUnavailable)
	s.wantRevoked(1)
}

// TestHeldUntilTheAccountIsKnown is also about what an agent and a human are
// told meanwhile.
func TestHeldUntilTheAccountIsKnown(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	s.issuer.Always(oauthtest.Token, s.watching(func(members map[string]any) { delete(members, "id_token") }))
	s.issuer.Always(oauthtest.Userinfo, oauthtest.Busy(503, "1"))
	id := s.approve()
	s.becomes(id, api.Held)
	s.alice.sees(id, "that the account is being checked", func(c card) bool { return strings.Contains(c.text, "Checking the account") })
	p := s.http("POST", "/v1/requests/"+id+"/token", "").problem(t, api.ProblemNotReady)
	if p.Request == nil || p.Request.State != api.Held || !p.Retryable {
		t.Errorf("not_ready says %+v", p)
	}
	s.issuer.Always(oauthtest.Userinfo, oauthtest.Fault{})
	s.becomes(id, api.Granted)
	if token := s.collect(id); !s.issuer.Live(token.AccessToken) || token.Account != "alice@example.com" {
		t.Errorf("the token is %v of %s", token, token.Account)
	}
}

func TestAForgedAccountIsNoAccount(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	s.issuer.Always(oauthtest.Token, s.watching(func(map[string]any) {}))
	s.issuer.ForgeSignatures()
	id := s.approve()
	var r api.Request
	eventually(t, "it ends", func() bool { r = s.request(id); return r.State.Ended() })
	if r.State != api.Failed {
		t.Fatalf("a forged id_token led to %s", r.State)
	}
	s.http("POST", "/v1/requests/"+id+"/token", "").problem(t, api.ProblemGone)
	s.wantRevoked(1)
}

func TestNobodyCollects(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{request: "{collect_within: 1s}"})
	s.issuer.Always(oauthtest.Token, s.watching(func(map[string]any) {}))
	id := s.approve()
	eventually(t, "it is over", func() bool { return s.request(id).State == api.Expired })
	s.ends(id, api.Expired, api.OutcomeNotCollected)
	s.http("POST", "/v1/requests/"+id+"/token", "").problem(t, api.ProblemGone)
	s.wantRevoked(1)
	s.cli("wait", id).wants(t, 4)
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{request: "{ttl: 1s}"})
	id := s.ask("").ID
	s.cli("wait", id).wants(t, 4)
	s.ends(id, api.Expired, api.OutcomeExpired)
	c := s.alice.sees(id, "that it is over", func(c card) bool { return strings.HasPrefix(c.text, "Expired") })
	if len(c.buttons) > 0 {
		t.Errorf("an expired card has buttons: %v", c.buttons)
	}
	late := s.alice.pressVerb(id, "show_code")
	if late.remark == "" || len(s.issuer.Calls(oauthtest.Device)) > 0 {
		t.Errorf("a late click was answered with %q and the provider asked %d times", late.remark, len(s.issuer.Calls(oauthtest.Device)))
	}
}

func TestSixCodesAreEnough(t *testing.T) {
	t.Parallel()
	life := settings()
	life.Lifetime = time.Second
	s := withIssuer(t, life, options{})
	id := s.ask("").ID
	label, seen := "Show code", map[string]bool{}
	for range 6 {
		seen[s.alice.showCode(id, label).code] = true
		label = "Get a new code"
	}
	s.alice.press(id, label)
	s.ends(id, api.Failed, api.OutcomeTooManyCodes)
	if len(seen) != 6 || len(s.issuer.Calls(oauthtest.Device)) != 6 {
		t.Errorf("%d codes were shown and %d asked for, want 6", len(seen), len(s.issuer.Calls(oauthtest.Device)))
	}
}

func TestARealCodeLapsesAtTheProviderToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{codeLife: 6 * time.Second})
	alice := w.human("alice")
	id := w.ask("").ID
	first := alice.showCode(id)
	second := alice.showCode(id, "Get a new code")
	if first.code == second.code {
		t.Fatal("the new code is the old one")
	}
	late := newPerson(t)
	late.open(first.open)
	late.click("Continue", nil)
	late.reads("lapsed")
	newPerson(t).allow(second, "alice")
	w.becomes(id, api.Granted)
	w.provider.wants(t, counts{})
}

func TestTheRulesChangeBetweenYesAndCollect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	id := w.ask("").ID
	w.grant(w.human("alice"), id)
	w.stop()
	w.edit(`scopes: ["files.*"]`, `scopes: ["calendar.*"]`)
	w.restart()
	p := w.http("POST", "/v1/requests/"+id+"/token", "").problem(t, api.ProblemGone)
	if p.Request == nil || p.Request.Outcome == nil || p.Request.Outcome.Code != api.OutcomePolicyChanged {
		t.Errorf("gone says %+v", p.Request)
	}
	tokens := w.provider.said("access_token")
	eventually(t, "the token is revoked", func() bool { return !w.provider.Live(tokens[0]) })
}

func TestNobodyCanBeReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{edit: replace(`web: "127.0.0.1:0"`, `web: ""`)})
	r := w.ask("")
	if r.State != api.Failed || r.Outcome == nil || r.Outcome.Code != api.OutcomeHumanUnreachable {
		t.Errorf("it is %s, %+v", r.State, r.Outcome)
	}
	w.cli("token", "--provider", "corp", "--scope", "files.read").wants(t, 8)
	w.cli("inbox", "link", "alice").wants(t, 8)
}

// replace is an edit of the configuration.
func replace(old, now string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, now, 1) }
}
