package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

const callback = "https://bridge.example.com/callback"

// proof is one that was drawn for a sign-in called so.
func proof(name string) bridge.SignInProof {
	pad := strings.Repeat("x", 43)
	return bridge.SignInProof{
		State: bridge.NewSecret("state-" + name), Nonce: bridge.NewSecret("nonce-" + name), Verifier: bridge.NewSecret("verifier-" + name + pad),
	}
}

// signInStory is a story in which people can sign in.
func signInStory(t *testing.T, s oauthtest.Settings, plot func(*testing.T, story, *oauth.SignIn)) {
	t.Helper()
	s.Callback = callback
	tell(t, s, func(t *testing.T, s story) { plot(t, s, s.provider.SignIn(callback)) })
}

// visit is alice, who goes where a sign-in leads and signs in.
func (s story) visit(way *oauth.SignIn, p bridge.SignInProof) url.Values {
	s.Helper()
	address, err := way.Address(s.Context(), p)
	if err != nil {
		s.Fatal(err)
	}
	for _, secret := range []string{p.Verifier.Reveal(), clientSecret} {
		if strings.Contains(address, secret) {
			s.Errorf("the address tells a secret: %s", address)
		}
	}
	back, err := s.issuer.SignIn(address, alice)
	if err != nil {
		s.Fatalf("the provider does not like %s: %v", address, err)
	}
	if back.Get("state") != p.State.Reveal() {
		s.Errorf("state %q came back", back.Get("state"))
	}
	return back
}

func (s story) finish(way *oauth.SignIn, back url.Values, p bridge.SignInProof) (bridge.Account, error) {
	s.Helper()
	return way.Account(s.Context(), bridge.NewSecret(back.Get("code")), back.Get("iss"), p)
}

func TestAliceSignsIn(t *testing.T) {
	for name, s := range map[string]oauthtest.Settings{
		"a public client":      {},
		"a secret, basic":      {ClientSecret: clientSecret},
		"a secret in the form": {ClientSecret: clientSecret, AuthMethod: oauth.AuthPost},
		"RFC 9207":             {TellIssuer: true},
		"an issuer's path":     {Path: "/t1"},
	} {
		t.Run(name, func(t *testing.T) {
			signInStory(t, s, func(t *testing.T, s story, way *oauth.SignIn) {
				got, err := s.finish(way, s.visit(way, proof("1")), proof("1"))
				want := bridge.Account{Issuer: s.issuer.URL(), Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice"}
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%v %s", err, diff)
				}
				for _, f := range s.issuer.Families() {
					if diff := cmp.Diff([]string{"openid", "email"}, f.Scopes); diff != "" {
						t.Errorf("more is asked for than who it is: %s", diff)
					}
				}
			})
		})
	}
}

// TestAnAddressOutsideOfTheIDToken is asked for, and only of the same account.
func TestAnAddressOutsideOfTheIDToken(t *testing.T) {
	signInStory(t, oauthtest.Settings{}, func(t *testing.T, s story, way *oauth.SignIn) {
		s.claim("email", nil)
		got, err := s.finish(way, s.visit(way, proof("1")), proof("1"))
		if err != nil || got.Email != "alice@example.com" {
			t.Errorf("%v, %v", got, err)
		}
		s.issuer.Inject(oauthtest.Userinfo, oauthtest.JSON(200, `{"sub":"sub-bob","email":"bob@example.com","email_verified":true}`))
		_, err = s.finish(way, s.visit(way, proof("2")), proof("2"))
		s.wantRefusal(err, bridge.OutcomeProviderError, "two identities")
	})
}

// TestAnswersOfAnotherSignIn is the attacker with a code: their own in the
// victim's browser, or the victim's in theirs.
func TestAnswersOfAnotherSignIn(t *testing.T) {
	signInStory(t, oauthtest.Settings{TellIssuer: true}, func(t *testing.T, s story, way *oauth.SignIn) {
		mine, theirs := proof("mine"), proof("theirs")
		_, err := s.finish(way, s.visit(way, theirs), mine)
		s.wantRefusal(err, bridge.OutcomeProviderError, "invalid_grant")

		back := s.visit(way, mine)
		if _, err := s.finish(way, back, mine); err != nil {
			t.Fatal(err)
		}
		_, err = s.finish(way, back, mine)
		s.wantRefusal(err, bridge.OutcomeProviderError, "invalid_grant")

		late := s.visit(way, mine)
		after(time.Hour)
		_, err = s.finish(way, late, mine)
		s.wantRefusal(err, bridge.OutcomeProviderError, "invalid_grant")

		s.claim("nonce", theirs.Nonce.Reveal())
		_, err = s.finish(way, s.visit(way, mine), mine)
		s.wantRefusal(err, bridge.OutcomeProviderError, "nonce")
		s.claim("nonce", nil)
		_, err = s.finish(way, s.visit(way, mine), mine)
		s.wantRefusal(err, bridge.OutcomeProviderError, "nonce")
	})
}

// TestMixUp: an answer of another server is not taken to ours, and the code in
// it goes nowhere (RFC 9207).
func TestMixUp(t *testing.T) {
	for name, settings := range map[string]oauthtest.Settings{"announced": {TellIssuer: true}, "not announced": {}} {
		t.Run(name, func(t *testing.T) {
			signInStory(t, settings, func(t *testing.T, s story, way *oauth.SignIn) {
				for _, iss := range []string{"https://evil.example", s.issuer.URL() + "/", strings.ToUpper(s.issuer.URL())} {
					back := s.visit(way, proof("1"))
					back.Set("iss", iss)
					_, err := s.finish(way, back, proof("1"))
					s.wantRefusal(err, bridge.OutcomeProviderError, "(iss)")
				}
				if settings.TellIssuer {
					back := s.visit(way, proof("1"))
					back.Del("iss")
					_, err := s.finish(way, back, proof("1"))
					s.wantRefusal(err, bridge.OutcomeProviderError, "(iss)")
				}
				if n := len(s.issuer.Calls(oauthtest.Token)); n != 0 {
					t.Errorf("codes of others were sent to the token endpoint %d times", n)
				}
			})
		})
	}
}

// TestNoSignInThere: what the provider lacks, or must not be trusted with.
func TestNoSignInThere(t *testing.T) {
	for name, c := range map[string]struct {
		fault oauthtest.Fault
		words string
	}{
		"no authorization endpoint":  {oauthtest.Set("authorization_endpoint", nil), "lacks authorization_endpoint"},
		"no keys":                    {oauthtest.Set("jwks_uri", nil), "lacks"},
		"an address that is no page": {oauthtest.Set("authorization_endpoint", "javascript:alert(1)"), "not to be used"},
		"http":                       {oauthtest.Set("authorization_endpoint", "http://login.issuer.test/authorize"), "not to be used"},
		"a fragment":                 {oauthtest.Set("authorization_endpoint", "https://login.issuer.test/authorize#x"), "not to be used"},
		"a user name":                {oauthtest.Set("authorization_endpoint", "https://a@login.issuer.test/authorize"), "not to be used"},
		"a private machine":          {oauthtest.Set("authorization_endpoint", "https://10.0.0.1/authorize"), "not to be used"},
	} {
		t.Run(name, func(t *testing.T) {
			signInStory(t, oauthtest.Settings{}, func(t *testing.T, s story, way *oauth.SignIn) {
				s.issuer.Always(oauthtest.Metadata, c.fault)
				_, err := way.Address(t.Context(), proof("1"))
				s.wantRefusal(err, bridge.OutcomeProviderError, c.words)
				_, err = way.Account(t.Context(), bridge.NewSecret("code"), "", proof("1"))
				s.wantRefusal(err, bridge.OutcomeProviderError, c.words)
				if len(s.issuer.Calls(oauthtest.Token)) != 0 {
					t.Error("a code was sent")
				}
			})
		})
	}
	t.Run("device codes are had all the same", func(t *testing.T) {
		signInStory(t, oauthtest.Settings{}, func(t *testing.T, s story, _ *oauth.SignIn) {
			s.issuer.Always(oauthtest.Metadata, oauthtest.Set("authorization_endpoint", "javascript:alert(1)"))
			s.begin()
		})
	})
}

// TestTheTokenEndpointMisbehaves when it is asked who signed in.
func TestTheTokenEndpointMisbehaves(t *testing.T) {
	for name, c := range map[string]struct {
		fault   oauthtest.Fault
		refused string
		away    string
	}{
		"a page":           {fault: oauthtest.HTML(200), refused: "cannot be read"},
		"garbage":          {fault: oauthtest.JSON(200, `{"access_token": `), refused: "cannot be read"},
		"no token":         {fault: oauthtest.Set("access_token", nil), refused: "cannot be read"},
		"no id_token":      {fault: oauthtest.Set("id_token", nil), refused: "no id_token"},
		"an id_token of 7": {fault: oauthtest.Set("id_token", 7), refused: "no id_token"},
		"forbidden":        {fault: oauthtest.HTML(403), refused: "HTTP 403"},
		"says too much":    {fault: oauthtest.JSON(400, `{"error":"invalid_grant","error_description":"CODE VERIFIER"}`), refused: "invalid_grant"},
		"busy":             {fault: oauthtest.HTML(503), away: "HTTP 503"},
		"dead":             {fault: oauthtest.Fault{Drop: true}, away: "no answer"},
		"silent":           {fault: oauthtest.Fault{Hang: true}, away: "too long"},
		"endless":          {fault: oauthtest.Fault{Endless: true}, refused: ""},
		"redirects":        {fault: oauthtest.Redirect(http.StatusFound, "https://evil.example/"), refused: "redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			signInStory(t, oauthtest.Settings{}, func(t *testing.T, s story, way *oauth.SignIn) {
				back := s.visit(way, proof("1"))
				secrets := []string{back.Get("code"), proof("1").Verifier.Reveal()}
				c.fault.Body = strings.NewReplacer("CODE", secrets[0], "VERIFIER", secrets[1]).Replace(c.fault.Body)
				s.issuer.Inject(oauthtest.Token, c.fault)
				account, err := s.finish(way, back, proof("1"))
				if account != (bridge.Account{}) {
					t.Errorf("account %v", account)
				}
				if c.away != "" {
					wantFault(t, err, 0, c.away)
				} else {
					s.wantRefusal(err, bridge.OutcomeProviderError, c.refused)
				}
				for _, secret := range secrets {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error tells %q: %v", secret, err)
					}
				}
			})
		})
	}
	t.Run("forged", func(t *testing.T) {
		signInStory(t, oauthtest.Settings{}, func(t *testing.T, s story, way *oauth.SignIn) {
			back := s.visit(way, proof("1"))
			s.issuer.ForgeSignatures()
			_, err := s.finish(way, back, proof("1"))
			s.wantRefusal(err, bridge.OutcomeProviderError, "not to be believed")
		})
	})
}
