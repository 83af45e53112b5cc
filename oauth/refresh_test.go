package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// held are tokens that the bridge has from before.
var held = bridge.Tokens{
	Access:  bridge.NewSecret("access_token.held"),
	Refresh: bridge.NewSecret("refresh_token.held+/=&"),
	ID:      bridge.NewSecret("eyJ.held.id"),
	Type:    "Bearer",
	Scopes:  []string{"openid", "email"},
}

// refreshWith refreshes once, meets a fault, and checks that this was one
// request to the token endpoint.
func (s story) refreshWith(fault oauthtest.Fault, ask bridge.RefreshRequest) (bridge.Tokens, error) {
	s.Helper()
	before := len(s.issuer.Calls(oauthtest.Refresh))
	s.issuer.Inject(oauthtest.Refresh, fault)
	fresh, err := s.provider.Refresh(s.Context(), held, ask)
	if n := len(s.issuer.Calls(oauthtest.Refresh)) - before; n != 1 {
		s.Errorf("one refresh made %d requests", n)
	}
	return fresh, err
}

// wantUnknown checks an error that leaves open whether the refresh token was
// used: it must look like none of those that leave it as it was.
func wantUnknown(words string) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		var (
			busy *bridge.Unavailable
			no   *bridge.Refusal
		)
		if err == nil || errors.As(err, &busy) || errors.As(err, &no) || errors.Is(err, bridge.ErrGrantLost) || errors.Is(err, bridge.ErrOtherAccount) {
			t.Fatalf("got %T %v, want an error that says the outcome is not known", err, err)
		}
		if !strings.Contains(err.Error(), words) {
			t.Errorf("got %q, want %q", err, words)
		}
		tellsNothing(t, err)
	}
}

func wantLater(retryAfter time.Duration, words string) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		wantFault(t, err, retryAfter, words)
	}
}

func wantLost(words string) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, bridge.ErrGrantLost) || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want ErrGrantLost with %q", err, words)
		}
		tellsNothing(t, err)
	}
}

// TestWhatARefreshIsAnswered is every odd answer, and what it leaves known of
// the refresh token: as good as it was, used up, or nobody can tell.
func TestWhatARefreshIsAnswered(t *testing.T) {
	broken := oauthtest.Fault{Replace: true, Body: `{"access_token":"access_token.x","refr`, Header: map[string][]string{
		"Content-Type": {"application/json"},
	}}
	for _, at := range []struct {
		name  string
		fault oauthtest.Fault
		check func(*testing.T, error)
	}{
		// It is as good as it was.
		{"tired", oauthtest.Busy(503, "60"), wantLater(time.Minute, "HTTP 503")},
		{"broken inside", oauthtest.JSON(500, `{"error":"invalid_grant"}`), wantLater(0, "HTTP 500")},
		{"a gateway's page", oauthtest.HTML(502), wantLater(0, "HTTP 502")},
		{"too many", oauthtest.Busy(429, "7"), wantLater(7*time.Second, "HTTP 429")},
		{"too many, in its words", oauthtest.OAuthError(429, "slow_down"), wantLater(0, "HTTP 429")},
		{"too slow", oauthtest.Answer(408, "", ""), wantLater(0, "HTTP 408")},
		{"not now", oauthtest.OAuthError(400, "temporarily_unavailable"), wantLater(0, "temporarily_unavailable")},
		{"not now, under 200", oauthtest.OAuthError(200, "server_error"), wantLater(0, "server_error")},
		{"slower", oauthtest.OAuthError(400, "slow_down"), wantLater(0, "slow_down")},
		{"maintenance", oauthtest.HTML(200), wantLater(0, "web page")},
		{"maintenance, not labelled", oauthtest.Answer(200, "", "<html>secret"), wantLater(0, "web page")},
		{"a page in place of a no", oauthtest.HTML(403), wantLater(0, "web page")},
		{"a sign-in page elsewhere", oauthtest.Redirect(302, "https://evil.example/"), wantLater(0, "redirects")},
		{"moved", oauthtest.Redirect(307, "/elsewhere"), wantLater(0, "redirects")},
		{"a redirect to nowhere", oauthtest.Answer(302, "", ""), wantLater(0, "HTTP 302")},
		{"no words", oauthtest.Answer(403, "", ""), wantLater(0, "HTTP 403")},
		{"another's words", oauthtest.JSON(400, `{"message":"secret"}`), wantLater(0, "HTTP 400")},
		{"a no without end", oauthtest.Fault{Endless: true, Status: 400}, wantLater(0, "larger than 1 MiB")},

		// It is as good as it was, and our client is not.
		{"not our client", oauthtest.OAuthError(401, "invalid_client"), wantNo(`"invalid_client"`)},
		{"not for this client", oauthtest.OAuthError(400, "unauthorized_client"), wantNo(`"unauthorized_client"`)},
		{"not understood", oauthtest.OAuthError(400, "invalid_request"), wantNo(`"invalid_request"`)},
		{"no such scope", oauthtest.OAuthError(400, "invalid_scope"), wantNo(`"invalid_scope"`)},
		{"no such resource", oauthtest.OAuthError(400, "invalid_target"), wantNo(`"invalid_target"`)},
		{"no refreshing", oauthtest.OAuthError(400, "unsupported_grant_type"), wantNo(`"unsupported_grant_type"`)},
		{"an error under 200", oauthtest.OAuthError(200, "incorrect_client_credentials"), wantNo(`"incorrect_client_credentials"`)},

		// It is no longer good.
		{"lost", oauthtest.OAuthError(400, "invalid_grant"), wantLost(`"invalid_grant"`)},
		{"lost, under 200", oauthtest.OAuthError(200, "invalid_grant"), wantLost(`"invalid_grant"`)},
		{"lost, in GitHub's words", oauthtest.Answer(200, "application/x-www-form-urlencoded", "error=bad_refresh_token"), wantLost(`"bad_refresh_token"`)},
		{"the human is needed", oauthtest.OAuthError(400, "interaction_required"), wantLost(`"interaction_required"`)},
		{"a sign-in is needed", oauthtest.OAuthError(400, "login_required"), wantLost(`"login_required"`)},
		{"a consent is needed", oauthtest.OAuthError(400, "consent_required"), wantLost(`"consent_required"`)},

		// Nobody can tell.
		{"dropped", oauthtest.Fault{Drop: true}, wantUnknown("the connection broke")},
		{"hanging", oauthtest.Fault{Hang: true}, wantUnknown("it took too long")},
		{"without end", oauthtest.Fault{Endless: true}, wantUnknown("larger than 1 MiB")},
		{"cut short", broken, wantUnknown("not JSON")},
		{"empty", oauthtest.Answer(200, "", ""), wantUnknown("empty")},
		{"no content", oauthtest.Answer(204, "", ""), wantUnknown("empty")},
		{"null", oauthtest.JSON(200, "null"), wantUnknown("not JSON")},
		{"a list", oauthtest.JSON(200, `["secret"]`), wantUnknown("not JSON")},
		{"success in words", oauthtest.Answer(200, "text/plain", "ok"), wantUnknown("access_token")},
		{"no token", oauthtest.JSON(200, `{"refresh_token":"refresh_token.x"}`), wantUnknown("access_token")},
		{"an empty token", oauthtest.JSON(200, `{"access_token":""}`), wantUnknown("access_token")},
		{"a token that is none", oauthtest.JSON(200, `{"access_token":{"secret":1}}`), wantUnknown("access_token")},
	} {
		t.Run(at.name, func(t *testing.T) {
			tell(t, oauthtest.Settings{ClientSecret: clientSecret}, func(t *testing.T, s story) {
				fresh, err := s.refreshWith(at.fault, bridge.RefreshRequest{Subject: alice.Subject})
				at.check(t, err)
				if diff := cmp.Diff(bridge.Tokens{}, fresh, cmp.Comparer(sameSecret)); diff != "" {
					t.Errorf("tokens beside an error: %s", diff)
				}
			})
		})
	}
}

func sameSecret(a, b bridge.Secret) bool { return a.Reveal() == b.Reveal() }

// TestWhatARefreshBrings is every way to say yes.
func TestWhatARefreshBrings(t *testing.T) {
	hour := func(n float64) time.Time { return time.Now().Add(time.Duration(n * float64(time.Hour))) }
	for _, at := range []struct {
		name string
		body map[string]any
		want func(*bridge.Tokens)
	}{
		{"everything", map[string]any{
			"access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 3600, "scope": "openid email offline_access",
		}, func(w *bridge.Tokens) { w.Refresh, w.ExpiresAt, w.Scopes = bridge.NewSecret("r"), hour(1), everything }},
		{"no more than it must", map[string]any{"access_token": "a"}, nil},
		{"the same refresh token", map[string]any{"access_token": "a", "refresh_token": held.Refresh.Reveal()}, nil},
		{"an empty refresh token", map[string]any{"access_token": "a", "refresh_token": ""}, nil},
		{"null for a refresh token", map[string]any{"access_token": "a", "refresh_token": nil}, nil},
		{"a shorter life", map[string]any{"access_token": "a", "expires_in": 900}, func(w *bridge.Tokens) { w.ExpiresAt = hour(0.25) }},
		{"a life in words", map[string]any{"access_token": "a", "expires_in": "3600"}, func(w *bridge.Tokens) { w.ExpiresAt = hour(1) }},
		{"a life with a point", map[string]any{"access_token": "a", "expires_in": json.RawMessage("3600.0")}, func(w *bridge.Tokens) { w.ExpiresAt = hour(1) }},
		{"no life", map[string]any{"access_token": "a", "expires_in": 0}, nil},
		{"a life that is over", map[string]any{"access_token": "a", "expires_in": -5}, nil},
		{"a life that is none", map[string]any{"access_token": "a", "expires_in": "soon"}, nil},
		{"fewer scopes", map[string]any{"access_token": "a", "scope": "openid"}, func(w *bridge.Tokens) { w.Scopes = []string{"openid"} }},
		{"more scopes", map[string]any{"access_token": "a", "scope": "openid admin"}, func(w *bridge.Tokens) { w.Scopes = []string{"openid", "admin"} }},
		{"scopes with commas", map[string]any{"access_token": "a", "scope": "openid,email"}, func(w *bridge.Tokens) { w.Scopes = []string{"openid", "email"} }},
		{"an empty scope", map[string]any{"access_token": "a", "scope": ""}, nil},
		{"another type", map[string]any{"access_token": "a", "token_type": "dpop"}, func(w *bridge.Tokens) { w.Type = "DPoP" }},
		{"a type nobody knows", map[string]any{"access_token": "a", "token_type": "mac"}, func(w *bridge.Tokens) { w.Type = "mac" }},
		{"an empty id_token", map[string]any{"access_token": "a", "id_token": ""}, nil},
	} {
		t.Run(at.name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				body, err := json.Marshal(at.body)
				if err != nil {
					t.Fatal(err)
				}
				want := bridge.Tokens{Access: bridge.NewSecret("a"), Refresh: held.Refresh, Type: "Bearer", Scopes: held.Scopes}
				if at.want != nil {
					at.want(&want)
				}
				fresh, err := s.refreshWith(oauthtest.JSON(200, string(body)), bridge.RefreshRequest{Subject: alice.Subject})
				if diff := cmp.Diff(want, fresh, cmp.Comparer(sameSecret)); err != nil || diff != "" {
					t.Errorf("%v %s", err, diff)
				}
			})
		})
	}
}

// TestWhatIsLeftOutOfAnAnswerIsAsBefore: where nothing was asked for, it is
// what the grant had.
func TestWhatIsLeftOutOfAnAnswerIsAsBefore(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		s.issuer.Inject(oauthtest.Refresh, oauthtest.Answer(200, "application/x-www-form-urlencoded", "access_token=a"))
		old := held
		old.Type = "DPoP"
		fresh, err := s.provider.Refresh(t.Context(), old, bridge.RefreshRequest{})
		want := bridge.Tokens{Access: bridge.NewSecret("a"), Refresh: old.Refresh, Type: "DPoP", Scopes: old.Scopes}
		if diff := cmp.Diff(want, fresh, cmp.Comparer(sameSecret)); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
}

func TestARefreshSendsNoMoreThanItMust(t *testing.T) {
	const resource = "https://files.mcp.example.com/mcp"
	for _, at := range []struct {
		name   string
		secret string
		ask    bridge.RefreshRequest
		want   map[string][]string
	}{
		{"all there is", "", bridge.RefreshRequest{Resource: resource, Subject: "s"}, map[string][]string{
			"client_id": {clientID}, "resource": {resource},
		}},
		{"nothing there is", "", bridge.RefreshRequest{}, map[string][]string{"client_id": {clientID}}},
		{"a client that proves itself", clientSecret, bridge.RefreshRequest{}, map[string][]string{}},
	} {
		t.Run(at.name, func(t *testing.T) {
			tell(t, oauthtest.Settings{ClientSecret: at.secret}, func(t *testing.T, s story) {
				if _, err := s.refreshWith(oauthtest.JSON(200, `{"access_token":"a"}`), at.ask); err != nil {
					t.Fatal(err)
				}
				at.want["grant_type"], at.want["refresh_token"] = []string{"refresh_token"}, []string{held.Refresh.Reveal()}
				call := s.issuer.Calls(oauthtest.Refresh)[0]
				if diff := cmp.Diff(at.want, map[string][]string(call.Form)); diff != "" {
					t.Error(diff)
				}
				if basic := call.Header.Get("Authorization") != ""; basic != (at.secret != "") {
					t.Errorf("Authorization is sent: %v", basic)
				}
			})
		})
	}
}

func TestAnEchoedRefreshTokenIsBlottedOut(t *testing.T) {
	for _, word := range []string{"invalid_grant", "invalid_request", "server_error"} {
		tell(t, oauthtest.Settings{ClientSecret: clientSecret}, func(t *testing.T, s story) {
			said, err := json.Marshal("what are " + held.Refresh.Reveal() + ", " + held.Access.Reveal() + " and " + clientSecret + "?")
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.refreshWith(oauthtest.JSON(400, `{"error":"`+word+`","error_description":`+string(said)+`}`), bridge.RefreshRequest{})
			if err == nil || !strings.Contains(err.Error(), "what are [secret], [secret] and [secret]?") {
				t.Errorf("%s: %v", word, err)
			}
			tellsNothing(t, err)
		})
	}
}

// TestARefreshThatIsNotSent: the refresh token has not left us.
func TestARefreshThatIsNotSent(t *testing.T) {
	t.Run("given up before", func(t *testing.T) {
		tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
			s.begin()
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := s.provider.Refresh(gone, held, bridge.RefreshRequest{})
			wantFault(t, err, 0, "given up")
			if n := len(s.issuer.Calls(oauthtest.Refresh)); n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	})
	t.Run("no such host", func(t *testing.T) {
		tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
			s.issuer.Always(oauthtest.Metadata, oauthtest.Set("token_endpoint", "https://gone.example/token"))
			_, err := s.provider.Refresh(t.Context(), held, bridge.RefreshRequest{})
			wantFault(t, err, 0, "no such host")
		})
	})
	t.Run("no metadata yet", func(t *testing.T) {
		tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
			s.issuer.Always(oauthtest.Metadata, oauthtest.Busy(503, "30"))
			_, err := s.provider.Refresh(t.Context(), held, bridge.RefreshRequest{})
			wantFault(t, err, 30*time.Second, "HTTP 503")
		})
	})
	t.Run("no token endpoint", func(t *testing.T) {
		tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
			s.issuer.Always(oauthtest.Metadata, oauthtest.Set("token_endpoint", nil))
			_, err := s.provider.Refresh(t.Context(), held, bridge.RefreshRequest{})
			s.wantRefusal(err, bridge.OutcomeProviderError, "token_endpoint")
		})
	})
}

// TestARefreshFinishesWithTheLastGoodMetadata: a grant is not lost over a
// document that cannot be had, or that somebody put in its place.
func TestARefreshFinishesWithTheLastGoodMetadata(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		s.begin()
		for _, fault := range []oauthtest.Fault{oauthtest.HTML(404), oauthtest.Set("issuer", "https://evil.example")} {
			s.issuer.Always(oauthtest.Metadata, fault)
			after(time.Hour)
			if _, err := s.refreshWith(oauthtest.JSON(200, `{"access_token":"a"}`), bridge.RefreshRequest{}); err != nil {
				t.Error(err)
			}
		}
	})
}
