package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

const (
	payment  = `"authorization_details":[{"type":"payment","amount":"12 EUR","to":"https://evil.example/x"}]`
	payment1 = `[{"amount":"12 EUR","to":"https://evil.example/x","type":"payment"}]` // in its one form
)

// paying lets helper ask with authorization details of two types, of which the
// issuer takes one.
func paying(text string) string {
	return strings.Replace(text, "ask: [alice, bob]", "ask: [alice, bob], authorization_details: [payment, transfer]", 1)
}

// TestAuthorizationDetails: what is asked for besides scopes is shown, asked of
// the issuer, and told to the agent as it was granted; nobody gets what the
// rules or the issuer do not have.
func TestAuthorizationDetails(t *testing.T) {
	t.Parallel()
	shape := settings()
	shape.DetailTypes = []string{"payment", "account"}
	s := withIssuer(t, shape, options{edit: paying})

	p := s.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.read"],"authorization_details":[{"type":"account"}]}`).problem(t, api.ProblemNotAllowed)
	if !strings.Contains(p.Detail, "account") || !strings.Contains(string(p.Hint), "payment") {
		t.Errorf("not allowed: %+v", p)
	}
	s.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.read"],"authorization_details":{"type":"payment"}}`).problem(t, api.ProblemInvalidRequest)

	r := s.ask(payment)
	if string(r.AuthorizationDetails) != payment1 {
		t.Errorf("asked for %s", r.AuthorizationDetails)
	}
	shown := s.alice.showCode(r.ID)
	for _, words := range []string{"Details, as asked for (not checked):", "type: payment; amount: 12 EUR; to: “https :// evil.example/x”"} {
		if c := s.alice.card(r.ID); !strings.Contains(c.text, words) {
			t.Errorf("the card does not say %q: %s", words, c.text)
		}
	}
	if err := s.issuer.Approve(shown.code, aliceThere); err != nil {
		t.Fatal(err)
	}
	s.becomes(r.ID, api.Granted)
	if token := s.collect(r.ID); string(token.AuthorizationDetails) != payment1 {
		t.Errorf("the token is for %s", token.AuthorizationDetails)
	}
	if held := decode[api.GrantPage](t, s.http("GET", "/v1/grants", "").wants(t, http.StatusOK)); len(held.Items) != 1 || string(held.Items[0].AuthorizationDetails) != payment1 {
		t.Errorf("held: %+v", held)
	}
	for _, call := range s.issuer.Journal() {
		if sent := call.Form.Get("authorization_details"); (sent != "") != (call.Endpoint == oauthtest.Device) || sent != "" && sent != payment1 {
			t.Errorf("%s is told %q", call.Endpoint, sent)
		}
	}
	s.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.read"],`+payment+`}`).wants(t, http.StatusOK)
	other := decode[api.Request](t, s.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.read"]}`).wants(t, http.StatusCreated))
	s.http("DELETE", "/v1/requests/"+other.ID, "").wants(t, http.StatusOK)
}

func TestDetailsThatTheIssuerDoesNotTake(t *testing.T) {
	t.Parallel()
	shape := settings()
	shape.DetailTypes = []string{"payment"}
	s := withIssuer(t, shape, options{edit: paying})
	id := s.ask(`"authorization_details":[{"type":"transfer"}]`).ID
	s.alice.press(id, "Show code")
	if r := s.ends(id, api.Failed, api.OutcomeProviderError); !strings.Contains(r.Outcome.Message, `no authorization details of the type "transfer"`) {
		t.Errorf("it says %q", r.Outcome.Message)
	}
	if n := len(s.issuer.Calls(oauthtest.Device)); n != 0 {
		t.Errorf("%d device requests were made", n)
	}
}

// TestDetailsBeyondTheRule: the issuer grants what the agent may not have.
func TestDetailsBeyondTheRule(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{edit: paying})
	s.issuer.Always(oauthtest.Token, s.watching(func(members map[string]any) {
		members["authorization_details"] = []any{map[string]any{"type": "payment"}, map[string]any{"type": "account"}}
	}))
	id := s.ask(payment).ID
	if err := s.issuer.Approve(s.alice.showCode(id).code, aliceThere); err != nil {
		t.Fatal(err)
	}
	s.ends(id, api.Failed, api.OutcomeScopeExceeded)
	s.wantRevoked(1)
}
