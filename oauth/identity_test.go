package oauth_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// claim changes one claim of the id_tokens to come; nil leaves it out.
func (s story) claim(name string, value any) {
	s.issuer.EditClaims(func(claims map[string]any) {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	})
}

func TestTheIDTokenTellsWhoItIs(t *testing.T) {
	for _, algorithm := range []string{"ES256", "RS256"} {
		t.Run(algorithm, func(t *testing.T) {
			tell(t, oauthtest.Settings{Algorithm: algorithm}, func(t *testing.T, s story) {
				got, err := s.provider.Identify(t.Context(), s.granted(), time.Now())
				want := bridge.Account{Issuer: s.issuer.URL(), Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice"}
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%v %s", err, diff)
				}
				if n := len(s.issuer.Calls(oauthtest.Userinfo)); n != 0 {
					t.Errorf("userinfo was asked %d times for nothing", n)
				}
			})
		})
	}
}

// TestIDTokensThatAreNotBelieved is the attacker at or before the token
// endpoint. Userinfo would have a proper answer; it is not asked.
func TestIDTokensThatAreNotBelieved(t *testing.T) {
	for name, spoil := range map[string]func(story){
		"forged signature":    func(s story) { s.issuer.ForgeSignatures() },
		"another issuer":      func(s story) { s.claim("iss", "https://evil.example") },
		"nearly our issuer":   func(s story) { s.claim("iss", s.issuer.URL()+"/") },
		"another client":      func(s story) { s.claim("aud", "other") },
		"other clients":       func(s story) { s.claim("aud", []string{"a", "b"}) },
		"another party":       func(s story) { s.claim("azp", "other") },
		"over":                func(s story) { s.claim("exp", 946684800) }, // when the bubble began
		"no end":              func(s story) { s.claim("exp", nil) },
		"not yet":             func(s story) { s.claim("nbf", 978307200) }, // a year on
		"no subject":          func(s story) { s.claim("sub", nil) },
		"empty subject":       func(s story) { s.claim("sub", "") },
		"long subject":        func(s story) { s.claim("sub", strings.Repeat("s", 256)) },
		"unprintable subject": func(s story) { s.claim("sub", "a\nb") },
		"broken text":         func(s story) { s.issuer.Inject(oauthtest.Token, oauthtest.Set("id_token", "eyJ.eyJ.eyJ")) },
		"no signature": func(s story) {
			// {"alg":"none"} over {"iss":...}: the oldest trick.
			s.issuer.Inject(oauthtest.Token, oauthtest.Set("id_token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzdWItYWxpY2UifQ."))
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				spoil(s)
				tokens := s.granted()
				account, err := s.provider.Identify(t.Context(), tokens, time.Now())
				s.wantRefusal(err, bridge.OutcomeProviderError, "")
				if account != (bridge.Account{}) || len(s.issuer.Calls(oauthtest.Userinfo)) != 0 {
					t.Errorf("account %v", account)
				}
				if strings.Contains(err.Error(), tokens.ID.Reveal()) {
					t.Errorf("the cause holds the id_token: %q", err)
				}
			})
		})
	}
}

// TestAnIDTokenIsJudgedByTheTimeOfItsReceipt: while the keys could not be had,
// it has come to its end; it still says who signed in. One that was over, or
// not yet good, when it came is not believed at any time.
func TestAnIDTokenIsJudgedByTheTimeOfItsReceipt(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		s.claim("exp", time.Now().Add(time.Minute).Unix())
		tokens, received := s.granted(), time.Now()
		s.issuer.Always(oauthtest.Keys, oauthtest.HTML(503))
		_, err := s.provider.Identify(t.Context(), tokens, received)
		wantFault(t, err, 0, "the provider's keys cannot be had")
		after(9 * time.Minute)
		s.issuer.Always(oauthtest.Keys, oauthtest.Fault{})
		account, err := s.provider.Identify(t.Context(), tokens, received.UTC())
		if err != nil || account.Subject != alice.Subject {
			t.Errorf("account %v: %v", account, err)
		}
		for name, when := range map[string]time.Time{"late": received.Add(2 * time.Minute), "now": time.Now(), "not known": {}} {
			_, err := s.provider.Identify(t.Context(), tokens, when)
			if no := (*bridge.Refusal)(nil); !errors.As(err, &no) {
				t.Errorf("received %s: %v", name, err)
			}
		}
	})
}

// TestAlgorithmsOfTheMetadata: what the issuer offers bounds what is taken,
// and no offer makes a symmetric or missing signature good.
func TestAlgorithmsOfTheMetadata(t *testing.T) {
	for _, at := range []struct {
		offered []string
		good    bool
	}{
		{[]string{"ES256"}, true},
		{[]string{"RS256", "ES256", "none"}, true},
		{[]string{"RS256"}, false},
		{[]string{"HS256", "none"}, false},
		{nil, false}, // RS256 is what everybody has who says nothing
	} {
		t.Run(strings.Join(at.offered, " "), func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.issuer.Always(oauthtest.Metadata, oauthtest.Set("id_token_signing_alg_values_supported", at.offered))
				_, err := s.provider.Identify(t.Context(), s.granted(), time.Now())
				if at.good && err != nil {
					t.Error(err)
				}
				if !at.good {
					s.wantRefusal(err, bridge.OutcomeProviderError, "not to be believed")
				}
			})
		})
	}
}

func TestSeveralAudiencesAndOurParty(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		s.issuer.EditClaims(func(c map[string]any) { c["aud"], c["azp"] = []string{"api", clientID}, clientID })
		if account, err := s.provider.Identify(t.Context(), s.granted(), time.Now()); err != nil || account.Subject != alice.Subject {
			t.Errorf("account %v: %v", account, err)
		}
	})
}

func TestUserinfoFillsWhatIsMissing(t *testing.T) {
	for name, at := range map[string]struct {
		prepare func(story)
		want    bridge.Account
	}{
		"no e-mail in the id_token": {
			func(s story) { s.claim("email", nil) },
			bridge.Account{Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice"},
		},
		"no id_token": {
			func(s story) { s.issuer.Inject(oauthtest.Token, oauthtest.Set("id_token", nil)) },
			bridge.Account{Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice"},
		},
		"no keys to verify it with": {
			func(s story) { s.issuer.Always(oauthtest.Metadata, oauthtest.Set("jwks_uri", nil)) },
			bridge.Account{Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice"},
		},
		"verified in words": {
			func(s story) {
				s.claim("email", nil)
				s.issuer.Inject(oauthtest.Userinfo, oauthtest.Set("email_verified", "true"))
			},
			bridge.Account{Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice"},
		},
		"not verified in words": {
			func(s story) {
				s.claim("email", nil)
				s.issuer.Inject(oauthtest.Userinfo, oauthtest.Set("email_verified", "false"))
			},
			bridge.Account{Subject: "sub-alice", Email: "alice@example.com", Name: "Alice"},
		},
		"a number is no yes": {
			func(s story) {
				s.claim("email", nil)
				s.issuer.Inject(oauthtest.Userinfo, oauthtest.Set("email_verified", 1))
			},
			bridge.Account{Subject: "sub-alice", Email: "alice@example.com", Name: "Alice"},
		},
		"nor is silence": {
			func(s story) { s.claim("email_verified", nil) },
			bridge.Account{Subject: "sub-alice", Email: "alice@example.com", Name: "Alice"},
		},
		"an e-mail that is none": {
			func(s story) {
				s.claim("email", "alice@example.com\u202e")
				s.issuer.Inject(oauthtest.Userinfo, oauthtest.Set("email", "nobody"))
			},
			bridge.Account{Subject: "sub-alice", Name: "Alice"},
		},
		"a name that bites": {
			func(s story) { s.claim("name", "Al\u202eice\n\"x\"") },
			bridge.Account{Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice 'x'"},
		},
		"a user name only": {
			func(s story) {
				s.issuer.EditClaims(func(c map[string]any) { delete(c, "name"); c["preferred_username"] = "al" })
			},
			bridge.Account{Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "al"},
		},
		"userinfo has no name": {
			func(s story) {
				s.claim("email", nil)
				s.issuer.Inject(oauthtest.Userinfo, oauthtest.Set("name", nil))
			},
			bridge.Account{Subject: "sub-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice"},
		},
		"userinfo is forbidden, the id_token is enough": {
			func(s story) {
				s.claim("email", nil)
				s.issuer.Inject(oauthtest.Userinfo, oauthtest.OAuthError(403, "insufficient_scope"))
			},
			bridge.Account{Subject: "sub-alice", Name: "Alice"},
		},
		"no userinfo, the id_token is enough": {
			func(s story) {
				s.claim("email", nil)
				s.issuer.Always(oauthtest.Metadata, oauthtest.Set("userinfo_endpoint", nil))
			},
			bridge.Account{Subject: "sub-alice", Name: "Alice"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				at.prepare(s)
				got, err := s.provider.Identify(t.Context(), s.granted(), time.Now())
				at.want.Issuer = s.issuer.URL()
				if diff := cmp.Diff(at.want, got); err != nil || diff != "" {
					t.Errorf("%v %s", err, diff)
				}
			})
		})
	}
}

func TestUserinfoThatIsNotBelieved(t *testing.T) {
	for name, at := range map[string]struct {
		fault oauthtest.Fault
		words string
	}{
		"another human": {oauthtest.Set("sub", "sub-mallory"), "two identities"},
		"nobody":        {oauthtest.Set("sub", nil), "subject"},
		"web page":      {oauthtest.HTML(200), "web page"},
		"a form":        {oauthtest.Answer(200, "application/x-www-form-urlencoded", "sub=sub-alice"), "not JSON"},
		"signed":        {oauthtest.Answer(200, "application/jwt", "eyJ.eyJ.eyJ"), "not JSON"},
		"nothing":       {oauthtest.JSON(200, ""), "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.claim("email", nil)
				tokens := s.granted()
				s.issuer.Inject(oauthtest.Userinfo, at.fault)
				account, err := s.provider.Identify(t.Context(), tokens, time.Now())
				s.wantRefusal(err, bridge.OutcomeProviderError, at.words)
				if account != (bridge.Account{}) {
					t.Errorf("account %v", account)
				}
			})
		})
	}
}

func TestNobodyTells(t *testing.T) {
	for name, at := range map[string]struct {
		metadata, userinfo oauthtest.Fault
		kind, words        string
	}{
		"no userinfo":       {oauthtest.Set("userinfo_endpoint", nil), oauthtest.Fault{}, "Bearer", "no identity"},
		"not for us":        {oauthtest.Fault{}, oauthtest.OAuthError(401, "invalid_token"), "Bearer", "may not read its userinfo endpoint (HTTP 401)"},
		"not with this":     {oauthtest.Fault{}, oauthtest.HTML(403), "Bearer", "may not read its userinfo endpoint (HTTP 403)"},
		"not for this kind": {oauthtest.Fault{}, oauthtest.Fault{}, "mac", "no identity"},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.issuer.Always(oauthtest.Metadata, at.metadata)
				tokens := s.granted()
				tokens.ID, tokens.Type = bridge.Secret{}, at.kind
				s.issuer.Always(oauthtest.Userinfo, at.userinfo)
				_, err := s.provider.Identify(t.Context(), tokens, time.Now())
				if !errors.Is(err, bridge.ErrNoIdentity) || !strings.Contains(err.Error(), at.words) {
					t.Errorf("got %v", err)
				}
				tellsNothing(t, err)
			})
		})
	}
}

func TestIdentityCannotBeAskedNow(t *testing.T) {
	for name, fault := range map[string]oauthtest.Fault{
		"tired": oauthtest.Busy(503, "3"), "too many": oauthtest.Busy(429, "3"),
	} {
		t.Run("userinfo "+name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.claim("email", nil)
				tokens := s.granted()
				s.issuer.Inject(oauthtest.Userinfo, fault)
				_, err := s.provider.Identify(t.Context(), tokens, time.Now())
				wantFault(t, err, 3*time.Second, "HTTP")
			})
		})
	}
	for name, fault := range map[string]oauthtest.Fault{
		"tired": oauthtest.Busy(503, "3"), "page": oauthtest.HTML(200), "dropped": {Drop: true},
		"hanging": {Hang: true}, "endless": {Endless: true}, "redirect": oauthtest.Redirect(302, "/elsewhere"),
	} {
		t.Run("keys "+name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				tokens := s.granted()
				s.issuer.Inject(oauthtest.Keys, fault)
				_, err := s.provider.Identify(t.Context(), tokens, time.Now())
				wantFault(t, err, 0, "the provider's keys cannot be had")
				synctest.Wait() // the key set hands out a failure until its own goroutine has ended
				if account, err := s.provider.Identify(t.Context(), tokens, time.Now()); err != nil || account.Email != alice.Email {
					t.Errorf("afterwards: %v %v", account, err)
				}
			})
		})
	}
}

func TestKeysAreFetchedOnceAndAgainWhenTheyChange(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		identify := func(want int) {
			t.Helper()
			if _, err := s.provider.Identify(t.Context(), s.granted(), time.Now()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // keys are kept a moment after they are handed out
			if n := len(s.issuer.Calls(oauthtest.Keys)); n != want {
				t.Errorf("keys fetched %d times, want %d", n, want)
			}
		}
		identify(1)
		identify(1)
		s.issuer.RotateKeys()
		identify(2)
		identify(2)
	})
}

// TestOneCallersEndDoesNotSpoilTheKeys: who came first gives up while the
// keys are under way; who comes next gets them all the same.
func TestOneCallersEndDoesNotSpoilTheKeys(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		tokens := s.granted()
		s.issuer.Inject(oauthtest.Keys, oauthtest.Fault{Hang: true})
		hasty, giveUp := context.WithCancel(t.Context())
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := s.provider.Identify(hasty, tokens, time.Now()); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		giveUp()
		both.Wait()
		after(time.Minute) // the hanging fetch ends by its own limit
		if account, err := s.provider.Identify(t.Context(), tokens, time.Now()); err != nil || account.Subject != alice.Subject {
			t.Errorf("the next caller got %v %v", account, err)
		}
	})
}
