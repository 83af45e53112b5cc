package oauth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

func (s story) revoked() []string {
	var hints []string
	for _, call := range s.issuer.Calls(oauthtest.Revocation) {
		hints = append(hints, call.Form.Get("token_type_hint"))
	}
	return hints
}

func TestTheRefreshTokenIsRevokedFirst(t *testing.T) {
	tell(t, oauthtest.Settings{ClientSecret: clientSecret}, func(t *testing.T, s story) {
		tokens := s.granted()
		if err := s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"refresh_token", "access_token"}, s.revoked()); diff != "" {
			t.Error(diff)
		}
		if got := s.issuer.Families()[0]; !cmp.Equal(got.Revoked, []string{tokens.Refresh.Reveal(), tokens.Access.Reveal()}) || got.Honoured != nil {
			t.Errorf("at the issuer: %+v", got)
		}
		// A second time it is not known any more, and that is as good.
		if err := s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{}); err != nil {
			t.Error(err)
		}
		tokens.Refresh = bridge.Secret{}
		if err := s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{}); err != nil || len(s.revoked()) != 5 {
			t.Errorf("%v: %v", s.revoked(), err)
		}
	})
}

func TestNoRevocationEndpoint(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		s.issuer.Always(oauthtest.Metadata, oauthtest.Set("revocation_endpoint", nil))
		if err := s.provider.Revoke(t.Context(), s.granted(), bridge.RevokeRequest{}); !errors.Is(err, bridge.ErrCannotRevoke) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnswersToARevocation(t *testing.T) {
	unsupported := oauthtest.OAuthError(400, "unsupported_token_type")
	ok := oauthtest.Fault{}
	for _, at := range []struct {
		name            string
		refresh, access oauthtest.Fault
		calls           int
		check           func(*testing.T, error)
	}{
		{"empty answer", oauthtest.Answer(200, "", ""), oauthtest.Answer(200, "text/html", ""), 2, wantNone},
		{"any words", oauthtest.Answer(200, "text/plain", "bye"), oauthtest.JSON(204, ""), 2, wantNone},
		{"already gone", oauthtest.OAuthError(400, "invalid_token"), ok, 2, wantNone},
		{"access tokens stay", ok, unsupported, 2, wantNone},
		{"refresh tokens stay", unsupported, ok, 2, wantCannot},
		{"both stay", unsupported, unsupported, 2, wantCannot},
		{"login page", oauthtest.HTML(200), ok, 1, wantLater(0, "web page")},
		{"login page, not labelled", oauthtest.Answer(200, "", "<html>secret"), ok, 1, wantLater(0, "web page")},
		{"tired", oauthtest.Busy(503, "60"), ok, 1, wantLater(time.Minute, "HTTP 503")},
		{"tired later", ok, oauthtest.Busy(503, "60"), 2, wantLater(time.Minute, "HTTP 503")},
		{"too many", oauthtest.Busy(429, "5"), ok, 1, wantLater(5*time.Second, "HTTP 429")},
		{"dropped", oauthtest.Fault{Drop: true}, ok, 1, wantLater(0, "the connection broke")},
		{"dropped when it was done", oauthtest.Fault{Lose: true}, ok, 1, wantLater(0, "the connection broke")},
		{"dropped later", ok, oauthtest.Fault{Drop: true}, 2, wantLater(0, "the connection broke")},
		{"hanging", oauthtest.Fault{Hang: true}, ok, 1, wantLater(0, "it took too long")},
		{"without end", oauthtest.Fault{Endless: true}, ok, 1, wantLater(0, "larger than 1 MiB")},
		{"a sign-in elsewhere", oauthtest.Redirect(302, "https://evil.example/"), ok, 1, wantLater(0, "redirects")},
		{"moved", ok, oauthtest.Redirect(308, "/elsewhere"), 2, wantLater(0, "redirects")},
		{"tired, to a date", oauthtest.Busy(503, "Sat, 01 Jan 2000 00:02:05 GMT"), ok, 1, wantLater(2*time.Minute, "HTTP 503")},
		{"a login page later", ok, oauthtest.HTML(200), 2, wantLater(0, "web page")},
		{"refresh tokens stay, and then tired", unsupported, oauthtest.Busy(503, "60"), 2, wantLater(time.Minute, "HTTP 503")},
		{"refresh tokens stay, and then a no", unsupported, oauthtest.OAuthError(400, "invalid_request"), 2, wantCannot},
		{"both gone", oauthtest.OAuthError(400, "invalid_token"), oauthtest.OAuthError(400, "invalid_token"), 2, wantNone},
		{"not our client", oauthtest.OAuthError(401, "invalid_client"), ok, 2, wantNo(`"invalid_client"`)},
		{"not our client twice", oauthtest.OAuthError(401, "invalid_client"), oauthtest.OAuthError(401, "invalid_request"), 2, wantNo(`"invalid_client"`)},
		{"error under 200", oauthtest.OAuthError(200, "invalid_client"), ok, 2, wantNo(`"invalid_client"`)},
		{"not for this client", oauthtest.OAuthError(400, "unauthorized_client"), ok, 2, wantNo(`"unauthorized_client"`)},
		{"not understood", ok, oauthtest.OAuthError(403, "invalid_request"), 2, wantNo(`"invalid_request"`)},
		{"not now", oauthtest.OAuthError(400, "temporarily_unavailable"), ok, 1, wantLater(0, "temporarily_unavailable")},
		{"gone away", oauthtest.HTML(404), ok, 1, wantLater(0, "web page")},
		{"no words", oauthtest.Answer(403, "", ""), ok, 1, wantLater(0, "HTTP 403")},
	} {
		t.Run(at.name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				tokens := s.granted()
				s.issuer.Inject(oauthtest.Revocation, at.refresh, at.access)
				at.check(t, s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{}))
				if diff := cmp.Diff([]string{"refresh_token", "access_token"}[:at.calls], s.revoked()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func wantNone(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func wantCannot(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, bridge.ErrCannotRevoke) {
		t.Errorf("got %v", err)
	}
}

func wantNo(words string) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		wantRefusal(t, err, bridge.OutcomeProviderError, words)
	}
}

// TestALoneAccessTokenThatCannotBeRevoked is said as it is: it lives on.
func TestALoneAccessTokenThatCannotBeRevoked(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		tokens := s.granted()
		tokens.Refresh = bridge.Secret{}
		s.issuer.Inject(oauthtest.Revocation, oauthtest.OAuthError(400, "unsupported_token_type"))
		wantCannot(t, s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{}))
	})
}

func TestAnEchoedTokenIsBlottedOut(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		tokens := s.granted()
		s.issuer.Inject(oauthtest.Revocation, oauthtest.JSON(400,
			`{"error":"invalid_request","error_description":"what is `+tokens.Refresh.Reveal()+`?"}`))
		err := s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{})
		wantRefusalSays(t, err, "what is [secret]?")
		if strings.Contains(err.Error(), tokens.Refresh.Reveal()) {
			t.Errorf("cause %q", err)
		}
	})
}

func wantRefusalSays(t *testing.T, err error, words string) {
	t.Helper()
	var no *bridge.Refusal
	if !errors.As(err, &no) || !strings.Contains(no.Cause, words) {
		t.Errorf("got %v, want %q", err, words)
	}
}

// TestANoAboutTheRefreshTokenDoesNotSpareTheOther: what can be ended is ended.
func TestANoAboutTheRefreshTokenDoesNotSpareTheOther(t *testing.T) {
	for _, word := range []string{"unsupported_token_type", "invalid_request"} {
		tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
			tokens := s.granted()
			s.issuer.Inject(oauthtest.Revocation, oauthtest.OAuthError(400, word))
			if err := s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{}); err == nil {
				t.Errorf("%s: nobody is told", word)
			}
			if s.issuer.Live(tokens.Access.Reveal()) || !s.issuer.Live(tokens.Refresh.Reveal()) {
				t.Errorf("%s: not the access token, or not it alone, was revoked", word)
			}
		})
	}
}
