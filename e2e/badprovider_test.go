package e2e

import (
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// TestBadProviders presses Show code at providers that answer what they
// should not: the human is told why in words, and shown nothing of it.
func TestBadProviders(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	for name, c := range map[string]struct {
		endpoint oauthtest.Endpoint
		fault    oauthtest.Fault
		outcome  api.OutcomeCode
		cause    string // of it, in the outcome's message
		hidden   string // nowhere
	}{
		"a web page":             {oauthtest.Device, oauthtest.HTML(200), api.OutcomeProviderError, "web page", "secret-of-the-page"},
		"garbage":                {oauthtest.Device, oauthtest.JSON(200, `]]secret-garbage`), api.OutcomeProviderError, "JSON", "secret-garbage"},
		"a code that is over":    {oauthtest.Device, oauthtest.Set("expires_in", 0), api.OutcomeProviderError, "expires_in", ""},
		"an endless body":        {oauthtest.Device, oauthtest.Fault{Endless: true}, api.OutcomeProviderError, "large", ""},
		"a script for a link":    {oauthtest.Device, oauthtest.Set("verification_uri", "javascript:alert(1)"), api.OutcomeProviderError, "address", "javascript:"},
		"a script, complete":     {oauthtest.Device, oauthtest.Set("verification_uri_complete", "javascript:alert(1)"), api.OutcomeProviderError, "address", "javascript:"},
		"somebody else's host":   {oauthtest.Device, oauthtest.Set("verification_uri", "https://evil.example/device"), api.OutcomeProviderError, "address", "evil.example/"},
		"markup for a code":      {oauthtest.Device, oauthtest.Set("user_code", "<b>CODE</b>"), api.OutcomeProviderError, "user code", "<b>CODE"},
		"no code":                {oauthtest.Device, oauthtest.Set("user_code", nil), api.OutcomeProviderError, "user_code", ""},
		"a code of 200 letters":  {oauthtest.Device, oauthtest.Set("user_code", strings.Repeat("A", 200)), api.OutcomeProviderError, "user code", strings.Repeat("A", 200)},
		"no device grant for us": {oauthtest.Device, oauthtest.OAuthError(400, "unauthorized_client"), api.OutcomeDeviceGrantBlocked, "unauthorized_client", ""},
		"no device grant at all": {oauthtest.Device, oauthtest.OAuthError(400, "unsupported_grant_type"), api.OutcomeDeviceGrantUnsupported, "unsupported_grant_type", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{world: s.in(t), alice: s.alice.in(t)}
			s.issuer.Inject(c.endpoint, c.fault)
			id := s.ask(`"session":"` + name + `"`).ID
			s.alice.press(id, "Show code")
			s.alice.sees(id, "what came of it", func(c card) bool { return c.state == "failed" || c.buttons["Show code"] != "" })
			if now := s.request(id); !now.State.Ended() {
				t.Fatalf("the request goes on: %s", s.alice.card(id).text)
			}
			r := s.ends(id, api.Failed, c.outcome)
			if !strings.Contains(r.Outcome.Message, c.cause) {
				t.Errorf("the outcome does not say %q: %s", c.cause, r.Outcome.Message)
			}
			said := s.alice.card(id)
			if said.code != "" || said.open != "" || !strings.HasPrefix(said.text, "Failed") {
				t.Errorf("alice is shown: %s", said.text)
			}
			page := s.alice.page() + r.Outcome.Message
			if c.hidden != "" && strings.Contains(page, c.hidden) {
				t.Errorf("alice is shown %q: %s", c.hidden, page)
			}
		})
	}
	if polls := len(s.issuer.Calls(oauthtest.Token)); polls > 0 {
		t.Errorf("%d polls for codes that were refused", polls)
	}
}

// TestAProviderThatIsAway can be asked again by the same button.
func TestAProviderThatIsAway(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	s.issuer.Always(oauthtest.Device, oauthtest.Busy(503, "1"))
	id := s.ask("").ID
	s.alice.press(id, "Show code")
	s.alice.sees(id, "that corp gave no code", func(c card) bool {
		return strings.Contains(c.text, "You can try once more") && c.buttons["Show code"] != ""
	})
	s.issuer.Always(oauthtest.Device, oauthtest.Fault{})
	c := s.alice.showCode(id)
	if strings.Contains(c.text, "once more") {
		t.Errorf("the fault is still on the card: %s", c.text)
	}
	if err := s.issuer.Approve(c.code, aliceThere); err != nil {
		t.Fatal(err)
	}
	s.becomes(id, api.Granted)
}

// TestFaultsOfThePollEndNothing: a flow outlives what happens to its polls.
func TestFaultsOfThePollEndNothing(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	s.issuer.Inject(oauthtest.Token, oauthtest.Fault{Drop: true})
	id := s.approve()
	s.becomes(id, api.Granted)
	s.collect(id)
}

// TestAnIssuerThatIsNotWhoItSays: metadata under another name is not used.
func TestAnIssuerThatIsNotWhoItSays(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	s.issuer.Always(oauthtest.Metadata, oauthtest.Set("issuer", "https://login.evil.example"))
	id := s.ask("").ID
	s.alice.press(id, "Show code")
	s.ends(id, api.Failed, api.OutcomeProviderError)
	if n := len(s.issuer.Calls(oauthtest.Device)); n > 0 {
		t.Errorf("it was asked for %d codes", n)
	}
}
