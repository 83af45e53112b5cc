package oauth_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
	"github.com/authbridge/authbridge/oauth/profile"
)

const twelveEuro bridge.Details = `[{"amount":"12 EUR","type":"payment"}]`

// paid is a code that was asked for with authorization details, and approved.
func (s story) paid(details bridge.Details) bridge.Code {
	s.Helper()
	code, err := s.provider.Begin(s.Context(), bridge.CodeRequest{Scopes: everything, Details: details})
	if err != nil {
		s.Fatal(err)
	}
	s.approve(code)
	after(code.Interval)
	return code
}

// TestCheck20AuthorizationDetails go with the device request (RFC 9396, section
// 3) word for word, and with nothing else; what is granted is what the answer
// says, or, if it says nothing, what was asked.
func TestCheck20AuthorizationDetails(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(_ *testing.T, s story) {
		tokens := s.poll(s.paid(twelveEuro)).Tokens
		if tokens.Details != twelveEuro {
			s.Errorf("granted: %q", tokens.Details)
		}
		fresh, err := s.provider.Refresh(s.Context(), tokens, bridge.RefreshRequest{})
		if err != nil || fresh.Details != twelveEuro {
			s.Errorf("refreshed: %q, %v", fresh.Details, err)
		}
		for _, call := range s.issuer.Journal() {
			sent, there := call.Form["authorization_details"]
			switch {
			case call.Endpoint == oauthtest.Device && (len(sent) != 1 || sent[0] != string(twelveEuro)):
				s.Errorf("the device request says %q", sent)
			case call.Endpoint != oauthtest.Device && there:
				s.Errorf("%s is told them", call.Endpoint)
			}
		}
	})
	device, _, _ := throughout(t, profile.Profile{})
	if _, there := device.Form["authorization_details"]; there {
		t.Error("none were asked for, and some are sent")
	}
}

func TestDetailsOfATokenAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		said any // nil = nothing
		want bridge.Details
	}{
		"nothing":            {nil, twelveEuro},
		"none":               {[]any{}, ""},
		"narrowed":           {json.RawMessage(`[ {"type":"payment","amount":"5 EUR"} ]`), `[{"amount":"5 EUR","type":"payment"}]`},
		"numbers as written": {json.RawMessage(`[{"type":"payment","amount":12.50}]`), `[{"amount":12.50,"type":"payment"}]`},
		"more":               {json.RawMessage(`[{"type":"payment"},{"type":"account"}]`), `[{"type":"payment"},{"type":"account"}]`},
		"a text":             {"payment", bridge.UnreadableDetails},
		"an object":          {json.RawMessage(`{"type":"payment"}`), bridge.UnreadableDetails},
		"without a type":     {json.RawMessage(`[{"type":"payment"},{"amount":1}]`), bridge.UnreadableDetails},
		"too many":           {json.RawMessage("[" + strings.Repeat(`{"type":"payment"},`, 40) + `{"type":"payment"}]`), bridge.UnreadableDetails},
		"too deep":           {json.RawMessage(`[{"type":"payment","x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}]`), bridge.UnreadableDetails},
	} {
		t.Run(name, func(t *testing.T) {
			decide := func(string) any { return c.said }
			tell(t, oauthtest.Settings{Decide: decide}, func(t *testing.T, s story) {
				answer := s.poll(s.paid(twelveEuro))
				if answer.Verdict != bridge.PollGranted || answer.Tokens.Details != c.want {
					t.Errorf("%v: granted %q", answer.Verdict, answer.Tokens.Details)
				}
			})
		})
	}
}

// An issuer that lists the types that it takes is not asked for others.
func TestDetailsThatTheIssuerDoesNotTake(t *testing.T) {
	for name, c := range map[string]struct {
		listed []string
		taken  bool
	}{
		"it lists none at all": {nil, true},
		"it lists this":        {[]string{"account", "payment"}, true},
		"it lists another":     {[]string{"account"}, false},
		"its list is empty":    {[]string{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{DetailTypes: c.listed, Registration: true}, func(t *testing.T, s story) {
				_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{Scopes: everything, Details: twelveEuro})
				clients := clientsAt(t, s.issuer, &safe{})
				_, refused := clients.Client(t.Context(), s.issuer.URL(), "", twelveEuro.Types())
				if c.taken {
					if err = errors.Join(err, refused); err != nil {
						t.Error(err)
					}
					return
				}
				for _, err := range []error{err, refused} {
					wantRefusal(t, err, bridge.OutcomeProviderError, `no authorization details of the type "payment"`)
				}
				if n := len(s.issuer.Calls(oauthtest.Device)); n != 0 {
					t.Errorf("%d device requests were made", n)
				}
				if _, err := clients.Client(t.Context(), s.issuer.URL(), "", nil); err != nil {
					t.Errorf("without details: %v", err)
				}
			})
		})
	}
}

// What the issuer says against them is told in its words.
func TestDetailsThatTheIssuerRefuses(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		s.issuer.Inject(oauthtest.Device, oauthtest.OAuthError(400, "invalid_authorization_details"))
		_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{Details: twelveEuro})
		wantRefusal(t, err, bridge.OutcomeProviderError, "invalid_authorization_details")
	})
}
