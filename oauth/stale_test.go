package oauth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// What the metadata's hour leaves behind when the next document cannot be
// had, or must not be used.

// noMetadata are all the ways in which a document cannot be had.
var noMetadata = map[string]oauthtest.Fault{
	"tired":     oauthtest.Busy(503, "3600"),
	"web page":  oauthtest.HTML(200),
	"not found": oauthtest.HTML(404),
	"redirect":  oauthtest.Redirect(302, "/login"),
	"garbage":   oauthtest.JSON(200, `{"issuer":`),
	"dropped":   {Drop: true},
	"hanging":   {Hang: true},
	"endless":   {Endless: true},
}

func TestTheLastGoodMetadataStandsIn(t *testing.T) {
	for name, fault := range noMetadata {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.claim("exp", 1<<33)
				tokens := s.granted()
				s.issuer.Always(oauthtest.Metadata, fault)
				after(time.Hour)
				hasty, cancel := contextFor(t, 30*time.Second)
				defer cancel()
				if account, err := s.provider.Identify(hasty, tokens, time.Now()); err != nil || account.Subject != alice.Subject {
					t.Errorf("identify: %v, %v", account, err)
				}
				if err := s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{}); err != nil {
					t.Errorf("revoke: %v", err)
				}
				if s.issuer.Live(tokens.Access.Reveal()) || s.issuer.Live(tokens.Refresh.Reveal()) {
					t.Error("the tokens live on")
				}
				s.begin()
			})
		})
	}
}

func TestANewDocumentIsLookedForAgainAfterAMinute(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		s.begin()
		s.issuer.Always(oauthtest.Metadata, oauthtest.HTML(503))
		after(time.Hour)
		s.begin()
		asked := len(s.issuer.Calls(oauthtest.Metadata))
		after(time.Minute - time.Second)
		s.begin()
		if n := len(s.issuer.Calls(oauthtest.Metadata)); n != asked {
			t.Errorf("%d more calls within the minute", n-asked)
		}
		s.issuer.Always(oauthtest.Metadata, oauthtest.Set("device_authorization_endpoint", nil))
		after(time.Second)
		_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
		s.wantRefusal(err, bridge.OutcomeDeviceGrantUnsupported, "metadata")
	})
}

func TestAValidNewDocumentWins(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		tokens := s.granted()
		s.issuer.Always(oauthtest.Metadata, oauthtest.Set("revocation_endpoint", nil))
		after(time.Hour)
		if err := s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{}); !errors.Is(err, bridge.ErrCannotRevoke) {
			t.Errorf("revoke: %v", err)
		}
		if n := len(s.issuer.Calls(oauthtest.Revocation)); n != 0 {
			t.Errorf("the old endpoint was called %d times", n)
		}
	})
}

// TestADocumentThatMustNotBeUsedBeginsNothing is the attacker who got hold of
// the well-known place: nobody is sent to them, they see no token, and they
// cannot keep what is out from being revoked.
func TestADocumentThatMustNotBeUsedBeginsNothing(t *testing.T) {
	for name, fault := range map[string]oauthtest.Fault{
		"another issuer":    oauthtest.Set("issuer", "https://evil.example"),
		"a private address": oauthtest.Set("revocation_endpoint", "https://10.0.0.1/"),
		"another protocol":  oauthtest.Set("jwks_uri", "http://login.issuer.test/keys"),
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.claim("exp", 1<<33)
				tokens := s.granted()
				s.issuer.Always(oauthtest.Metadata, fault)
				after(time.Hour)
				for range 2 { // also after the others went on with the old one
					_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
					s.wantRefusal(err, bridge.OutcomeProviderError, "")
					if account, err := s.provider.Identify(t.Context(), tokens, time.Now()); err != nil || account.Subject != alice.Subject {
						t.Errorf("identify: %v, %v", account, err)
					}
				}
				if n := len(s.issuer.Calls(oauthtest.Device)); n != 1 {
					t.Errorf("%d device requests", n)
				}
				if err := s.provider.Revoke(t.Context(), tokens, bridge.RevokeRequest{}); err != nil || s.issuer.Live(tokens.Access.Reveal()) {
					t.Errorf("revoke: %v", err)
				}
			})
		})
	}
}
