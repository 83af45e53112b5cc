package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

func (s story) paths() []string {
	var paths []string
	for _, call := range s.issuer.Journal() {
		paths = append(paths, call.Path)
	}
	return paths
}

func TestMetadataIsLookedForInOrder(t *testing.T) {
	const as, oidc, device = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/device_authorization"
	for _, at := range []struct {
		path, served string
		want         []string
	}{
		{"", as, []string{as, device}},
		{"", oidc, []string{as, oidc, device}},
		{"/t1", as + "/t1", []string{as + "/t1", device}},
		{"/t1", oidc + "/t1", []string{as + "/t1", oidc + "/t1", device}},
		{"/t1", "/t1" + oidc, []string{as + "/t1", oidc + "/t1", "/t1" + oidc, device}},
		{"/t1/", "/t1" + oidc, []string{as + "/t1", oidc + "/t1", "/t1" + oidc, device}},
	} {
		t.Run(at.path+" "+at.served, func(t *testing.T) {
			tell(t, oauthtest.Settings{Path: at.path, WellKnown: []string{at.served}}, func(t *testing.T, s story) {
				s.begin()
				if diff := cmp.Diff(at.want, s.paths()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestAPlaceWithoutMetadataLeadsToTheNext(t *testing.T) {
	for name, fault := range map[string]oauthtest.Fault{
		"not found":         oauthtest.JSON(404, `{}`),
		"web page":          oauthtest.HTML(200),
		"redirect":          oauthtest.Redirect(302, "/login"),
		"forbidden":         oauthtest.HTML(403),
		"garbage":           oauthtest.JSON(200, `{"issuer":`),
		"empty":             oauthtest.JSON(200, ``),
		"some other JSON":   oauthtest.JSON(200, `{"message":"hello"}`),
		"wrongly typed":     oauthtest.JSON(200, `{"issuer":7}`),
		"no content":        oauthtest.JSON(204, ``),
		"another success":   oauthtest.JSON(203, `{"issuer":"https://evil.example"}`),
		"momentarily tired": oauthtest.Busy(503, "7"),
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.issuer.Inject(oauthtest.Metadata, fault)
				s.begin()
				if n := len(s.issuer.Calls(oauthtest.Metadata)); n != 2 {
					t.Errorf("%d places asked", n)
				}
			})
		})
	}
}

func TestNoMetadataAnywhere(t *testing.T) {
	tell(t, oauthtest.Settings{WellKnown: []string{}}, func(t *testing.T, s story) {
		_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
		s.wantRefusal(err, bridge.OutcomeProviderError, "no metadata")
	})
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		s.issuer.Inject(oauthtest.Metadata, oauthtest.HTML(404), oauthtest.Busy(503, "30"))
		_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
		wantFault(t, err, 30*time.Second, "503")
		s.begin() // a failure is not remembered
	})
}

func TestABrokenConnectionEndsTheSearch(t *testing.T) {
	for name, fault := range map[string]oauthtest.Fault{
		"dropped": {Drop: true}, "hanging": {Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.issuer.Inject(oauthtest.Metadata, fault)
				_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
				wantFault(t, err, 0, "no answer from login.issuer.test")
				if n := len(s.issuer.Journal()); n != 1 {
					t.Errorf("%d calls", n)
				}
				s.begin()
			})
		})
	}
}

func TestAnAnswerWithoutEndIsRefused(t *testing.T) {
	for _, at := range []oauthtest.Endpoint{oauthtest.Metadata, oauthtest.Device} {
		tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
			s.issuer.Inject(at, oauthtest.Fault{Endless: true})
			_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
			s.wantRefusal(err, bridge.OutcomeProviderError, "larger than 1 MiB")
		})
	}
}

// TestTheIssuerMustBeTheSameToTheByte is the attacker who publishes metadata
// in somebody else's name, or nearly so.
func TestTheIssuerMustBeTheSameToTheByte(t *testing.T) {
	for _, claimed := range []string{
		oauthtest.Origin, oauthtest.Origin + "/t1/", oauthtest.Origin + "/T1", "https://LOGIN.issuer.test/t1",
		oauthtest.Origin + ":443/t1", "https://honest.example", oauthtest.Origin + "/t1 ", "http://login.issuer.test/t1",
	} {
		t.Run(claimed, func(t *testing.T) {
			tell(t, oauthtest.Settings{Path: "/t1"}, func(t *testing.T, s story) {
				s.issuer.Always(oauthtest.Metadata, oauthtest.Set("issuer", claimed))
				_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
				s.wantRefusal(err, bridge.OutcomeProviderError, "another issuer")
				if n := len(s.issuer.Journal()); n != 1 {
					t.Errorf("%d calls: the document was used, or another looked for", n)
				}
			})
		})
	}
}

func TestEndpointsThatMayNotBeCalled(t *testing.T) {
	for _, name := range []string{
		"device_authorization_endpoint", "token_endpoint", "revocation_endpoint", "userinfo_endpoint", "jwks_uri",
	} {
		for _, address := range []string{
			"http://login.issuer.test/x", "javascript:alert(1)", "file:///etc/passwd", "//login.issuer.test/x", "/x",
			"https://u:p@login.issuer.test/x", "https://login.issuer.test/x#y", "https://169.254.169.254/x",
			"https://10.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://127.0.0.1/", "http://127.0.0.1/", "https://%zz/",
		} {
			t.Run(name+" "+address, func(t *testing.T) {
				tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
					s.issuer.Always(oauthtest.Metadata, oauthtest.Set(name, address))
					_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
					s.wantRefusal(err, bridge.OutcomeProviderError, name)
					if n := len(s.issuer.Journal()); n != 1 {
						t.Errorf("%d calls", n)
					}
				})
			})
		}
	}
}

func TestProvidersWithoutTheDeviceGrant(t *testing.T) {
	for _, at := range []struct {
		name  string
		fault oauthtest.Fault
		want  bridge.OutcomeCode // "" = it is offered
	}{
		{"no endpoint", oauthtest.Set("device_authorization_endpoint", nil), bridge.OutcomeDeviceGrantUnsupported},
		{"not among the grants", oauthtest.Set("grant_types_supported", []string{"authorization_code"}), bridge.OutcomeDeviceGrantUnsupported},
		{"no grants at all", oauthtest.Set("grant_types_supported", []string{}), bridge.OutcomeDeviceGrantUnsupported},
		{"grants not said", oauthtest.Set("grant_types_supported", nil), ""},
		{"no token endpoint", oauthtest.Set("token_endpoint", nil), bridge.OutcomeProviderError},
	} {
		t.Run(at.name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.issuer.Always(oauthtest.Metadata, at.fault)
				_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
				if at.want == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				s.wantRefusal(err, at.want, "metadata")
				if n := len(s.issuer.Calls(oauthtest.Device)); n != 0 {
					t.Errorf("%d device requests", n)
				}
			})
		})
	}
}

func TestMetadataIsKeptForAnHour(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		count := func(want int) {
			t.Helper()
			s.begin()
			if n := len(s.issuer.Calls(oauthtest.Metadata)); n != want {
				t.Errorf("fetched %d times, want %d", n, want)
			}
		}
		count(1)
		after(time.Hour - time.Second)
		count(1)
		after(time.Second)
		count(2)
	})
}

func TestOneSearchServesAllWhoWait(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		// The first caller gives up while the issuer hangs; the others and
		// their search are not harmed.
		s.issuer.Inject(oauthtest.Metadata, oauthtest.Fault{Hang: true})
		hasty, giveUp := context.WithCancel(t.Context())
		var everybody sync.WaitGroup
		everybody.Go(func() {
			_, err := s.provider.Begin(hasty, bridge.CodeRequest{})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		for range 20 {
			everybody.Go(func() {
				_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
				wantFault(t, err, 0, "it took too long")
			})
		}
		synctest.Wait()
		giveUp()
		everybody.Wait()
		if n := len(s.issuer.Journal()); n != 1 {
			t.Errorf("%d searches", n)
		}
		s.begin()
	})
}

// TestRedirectsAreNeverFollowed where a call carries a credential or a code.
func TestRedirectsAreNeverFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			tell(t, oauthtest.Settings{ClientSecret: clientSecret, AuthMethod: "client_secret_post"}, func(t *testing.T, s story) {
				code := s.begin()
				before := len(s.issuer.Journal())
				elsewhere := oauthtest.Redirect(status, s.issuer.EndpointURL(oauthtest.Keys))
				s.issuer.Inject(oauthtest.Device, elsewhere)
				_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
				s.wantRefusal(err, bridge.OutcomeProviderError, "redirect")
				s.issuer.Inject(oauthtest.Token, elsewhere)
				_, err = s.provider.Poll(t.Context(), code)
				wantFault(t, err, 0, "redirect")
				s.issuer.Inject(oauthtest.Userinfo, elsewhere)
				_, err = s.provider.Identify(t.Context(), bridge.Tokens{Access: bridge.NewSecret("a")}, time.Now())
				wantFault(t, err, 0, "redirect")
				s.issuer.Inject(oauthtest.Revocation, elsewhere)
				err = s.provider.Revoke(t.Context(), bridge.Tokens{Access: bridge.NewSecret("a")}, bridge.RevokeRequest{})
				wantFault(t, err, 0, "redirect")
				if n := len(s.issuer.Journal()) - before; n != 4 || len(s.issuer.Calls(oauthtest.Keys)) != 0 {
					t.Errorf("%d calls, %v", n, s.paths())
				}
			})
		})
	}
}

// TestTheCallerClientIsHardened checks that a client with bad manners gets
// good ones, and is itself left alone.
func TestTheCallerClientIsHardened(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		followed := 0
		client := s.issuer.Client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { followed++; return nil }
		config := configFor(s.issuer, oauthtest.Settings{})
		provider := mustNew(t, config, client)
		s.issuer.Inject(oauthtest.Metadata, oauthtest.Redirect(302, "/elsewhere"))
		if _, err := provider.Begin(t.Context(), bridge.CodeRequest{}); err != nil {
			t.Fatal(err)
		}
		if followed != 0 || client.Timeout != 0 {
			t.Error("the caller's client is used as it was, or was changed")
		}
	})
}
