package oauth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// Stories with an issuer that keeps books of what it was asked.

var again = bridge.RefreshRequest{Subject: alice.Subject}

func (s story) refresh(old bridge.Tokens) bridge.Tokens {
	s.Helper()
	fresh, err := s.provider.Refresh(s.Context(), old, again)
	if err != nil {
		s.Fatalf("refresh: %v", err)
	}
	return fresh
}

// honoured are the refresh tokens of the only grant that the issuer would
// take now.
func (s story) honoured() []string {
	s.Helper()
	return s.issuer.Families()[0].Honoured
}

func (s story) wantHonoured(tokens ...bridge.Tokens) {
	s.Helper()
	var want []string
	for _, one := range tokens {
		want = append(want, one.Refresh.Reveal())
	}
	if diff := cmp.Diff(want, s.honoured()); diff != "" {
		s.Errorf("the issuer honours other refresh tokens: %s", diff)
	}
}

func TestAGrantIsRefreshedForDays(t *testing.T) {
	for _, settings := range []oauthtest.Settings{
		{ClientSecret: clientSecret},
		{ClientSecret: clientSecret, AuthMethod: "client_secret_post", Rotation: oauthtest.Keep},
		{Rotation: oauthtest.Repeat, OneAccessToken: true},
	} {
		tell(t, settings, func(t *testing.T, s story) {
			tokens := s.granted()
			for range 5 {
				after(20 * time.Hour)
				old := tokens
				tokens = s.refresh(old)
				s.wantHonoured(tokens)
				if (tokens.Refresh.Reveal() == old.Refresh.Reveal()) != (settings.Rotation != oauthtest.Rotate) {
					t.Error("the refresh token is not as the issuer rotates it")
				}
				if !s.issuer.Live(tokens.Access.Reveal()) || !tokens.ExpiresAt.Equal(time.Now().Add(time.Hour)) {
					t.Errorf("an access token that ends at %v", tokens.ExpiresAt)
				}
				account, err := s.provider.Identify(t.Context(), tokens, time.Now())
				if err != nil || account.Subject != alice.Subject {
					t.Errorf("account %v: %v", account, err)
				}
				if settings.Rotation != oauthtest.Rotate { // theirs do not get any younger
					tokens = s.granted()
					break
				}
			}
			_, err := s.provider.Refresh(t.Context(), bridge.Tokens{Refresh: bridge.NewSecret("nobody's")}, again)
			wantLost("invalid_grant")(t, err)
		})
	}
}

// TestAnAnswerIsLostOnTheWay: the same refresh token once more brings the
// tokens where the issuer has a grace, and ends the grant where it has none.
func TestAnAnswerIsLostOnTheWay(t *testing.T) {
	for name, fault := range map[string]oauthtest.Fault{
		"dropped": {Lose: true}, "stalled": {Stall: true}, "cut short": {Cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{Grace: time.Minute, GraceRepeats: true}, func(t *testing.T, s story) {
				old := s.granted()
				s.issuer.Inject(oauthtest.Refresh, fault)
				_, err := s.provider.Refresh(t.Context(), old, again)
				wantUnknown("")(t, err)
				if got := s.issuer.Families()[0]; got.Refreshes != 1 || got.Uses[old.Refresh.Reveal()] != 1 {
					t.Errorf("at the issuer: %+v", got)
				}
				fresh := s.refresh(old)
				s.wantHonoured(old, fresh)
				after(time.Minute)
				s.wantHonoured(fresh)
			})
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				old := s.granted()
				s.issuer.Inject(oauthtest.Refresh, fault)
				_, err := s.provider.Refresh(t.Context(), old, again)
				wantUnknown("")(t, err)
				_, err = s.provider.Refresh(t.Context(), old, again)
				wantLost("used before")(t, err)
				s.wantHonoured()
			})
		})
	}
}

// TestAnOutageCostsNothing: whatever the server says while it is down, the
// refresh token is as good as it was.
func TestAnOutageCostsNothing(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		old := s.granted()
		for _, fault := range []oauthtest.Fault{
			oauthtest.Busy(503, "5"), oauthtest.HTML(200), oauthtest.Redirect(302, "/closed"), oauthtest.OAuthError(400, "server_error"),
		} {
			s.issuer.Inject(oauthtest.Refresh, fault)
			_, err := s.provider.Refresh(t.Context(), old, again)
			if _, busy := errors.AsType[*bridge.Unavailable](err); !busy {
				t.Errorf("got %v", err)
			}
		}
		s.wantHonoured(old)
		s.refresh(old)
	})
}

// TestTokensOfAnotherAccount are handed over, and can be revoked.
func TestTokensOfAnotherAccount(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		old := s.granted()
		s.issuer.Impersonate(&oauthtest.Account{Subject: "sub-mallory"})
		theirs, err := s.provider.Refresh(t.Context(), old, again)
		if !errors.Is(err, bridge.ErrOtherAccount) {
			t.Fatalf("got %v", err)
		}
		tellsNothing(t, err)
		s.wantHonoured(theirs)
		if err := s.provider.Revoke(t.Context(), theirs, bridge.RevokeRequest{}); err != nil {
			t.Error(err)
		}
		s.wantHonoured()
		if s.issuer.Live(theirs.Access.Reveal()) {
			t.Error("the access token lives on")
		}
	})
}
