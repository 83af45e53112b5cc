package oauthtest_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/authbridge/authbridge/oauth/oauthtest"
)

var bob = oauthtest.Account{Subject: "sub-bob", Email: "bob@example.com", Name: "Bob"}

// pair is what a grant or a refresh brought.
type pair struct{ access, refresh string }

func pairOf(m map[string]any) pair {
	access, _ := m["access_token"].(string)
	refresh, _ := m["refresh_token"].(string)
	return pair{access, refresh}
}

// granted goes all the way to the tokens.
func (c caller) granted(scope string) pair {
	c.Helper()
	code := c.code(scope)
	if err := c.issuer.Approve(code["user_code"].(string), alice); err != nil {
		c.Fatal(err)
	}
	after(5 * time.Second)
	status, m := c.poll(code)
	if status != http.StatusOK {
		c.Fatalf("poll: %d %v", status, m)
	}
	return pairOf(m)
}

func (c caller) refresh(token string, more ...string) (status int, members map[string]any) {
	c.Helper()
	form := url.Values{"client_id": {"client"}, "grant_type": {"refresh_token"}, "refresh_token": {token}}
	for n := 0; n < len(more); n += 2 {
		form.Set(more[n], more[n+1])
	}
	return c.post(oauthtest.Refresh, form)
}

func (c caller) refreshed(token string) pair {
	c.Helper()
	status, m := c.refresh(token)
	if status != http.StatusOK {
		c.Fatalf("refresh: %d %v", status, m)
	}
	return pairOf(m)
}

func (c caller) wantLost(token string) {
	c.Helper()
	status, m := c.refresh(token)
	c.wantError(status, m, "invalid_grant")
}

func (c caller) wantLive(tokens map[string]bool) {
	c.Helper()
	for text, want := range tokens {
		if c.issuer.Live(text) != want {
			c.Errorf("%.14s… lives: %v, want %v", text, !want, want)
		}
	}
}

// family is the only one there is.
func (c caller) family() oauthtest.Family {
	c.Helper()
	all := c.issuer.Families()
	if len(all) != 1 {
		c.Fatalf("%d families", len(all))
	}
	return all[0]
}

const offline = "openid email offline_access"

func TestRefreshTokensRotate(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		first := c.granted(offline)
		after(time.Minute)
		second := c.refreshed(first.refresh)
		if second.access == first.access || second.refresh == first.refresh {
			c.Error("a token came a second time")
		}
		c.wantLive(map[string]bool{first.access: true, first.refresh: false, second.access: true, second.refresh: true})
		third := c.refreshed(second.refresh)
		want := oauthtest.Family{
			Account: alice, Scopes: strings.Fields(offline),
			Issued:   []string{first.access, first.refresh, second.access, second.refresh, third.access, third.refresh},
			Honoured: []string{third.refresh},
			Uses:     map[string]int{first.refresh: 1, second.refresh: 1, third.refresh: 0}, Refreshes: 2,
		}
		if diff := cmp.Diff(want, c.family()); diff != "" {
			c.Error(diff)
		}
	})
}

// TestAStolenRefreshTokenEndsItsFamily, and no other.
func TestAStolenRefreshTokenEndsItsFamily(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		bystander, first := c.granted(offline), c.granted(offline)
		second := c.refreshed(first.refresh)
		c.wantLost(first.refresh)
		c.wantLost(second.refresh)
		c.wantLive(map[string]bool{first.access: false, second.access: false, second.refresh: false, bystander.access: true, bystander.refresh: true})
		got, ok := c.issuer.FamilyOf(second.access)
		if !ok || !got.Reused || got.Refreshes != 1 || got.Uses[first.refresh] != 2 || got.Uses[second.refresh] != 1 || got.Honoured != nil {
			c.Errorf("family %+v", got)
		}
		if _, ok := c.issuer.FamilyOf("unknown"); ok || c.issuer.Families()[0].Reused {
			c.Error("a family is mistaken for another")
		}
	})
}

func TestARotatedTokenHasItsGrace(t *testing.T) {
	for _, repeats := range []bool{false, true} {
		inBubble(t, oauthtest.Settings{Grace: 10 * time.Second, GraceRepeats: repeats}, func(c caller) {
			first := c.granted(offline)
			second := c.refreshed(first.refresh)
			after(10*time.Second - 1)
			if !c.issuer.Live(first.refresh) {
				c.Error("the grace ended early")
			}
			again := c.refreshed(first.refresh)
			if (again == second) != repeats {
				c.Errorf("the same tokens came again: %v", !repeats)
			}
			c.wantLive(map[string]bool{second.access: true, second.refresh: true, again.refresh: true})
			if n := c.family().Refreshes; repeats && n != 1 || !repeats && n != 2 {
				c.Errorf("%d refreshes", n)
			}
			after(1) // the grace counts from the first use
			c.wantLost(first.refresh)
			c.wantLive(map[string]bool{second.access: false, second.refresh: false, again.refresh: false})
		})
	}
}

func TestRefreshTokensThatStay(t *testing.T) {
	for rotation, told := range map[oauthtest.Rotation]bool{oauthtest.Keep: false, oauthtest.Repeat: true} {
		inBubble(t, oauthtest.Settings{Rotation: rotation}, func(c caller) {
			first := c.granted(offline)
			for range 2 {
				got := c.refreshed(first.refresh)
				if got.access == first.access || got.refresh != map[bool]string{true: first.refresh}[told] {
					c.Errorf("refreshed: %v", got)
				}
			}
			f := c.family()
			if diff := cmp.Diff([]string{first.refresh}, f.Honoured); diff != "" || f.Uses[first.refresh] != 2 || f.Refreshes != 2 {
				c.Errorf("family %+v", f)
			}
		})
	}
	inBubble(t, oauthtest.Settings{Rotation: oauthtest.Never}, func(c caller) {
		if got := c.granted(offline); got.refresh != "" || got.access == "" || c.family().Honoured != nil {
			c.Errorf("granted: %v", got)
		}
	})
}

func TestARefreshMayEndWhatWasBefore(t *testing.T) {
	inBubble(t, oauthtest.Settings{OneAccessToken: true}, func(c caller) {
		first := c.granted(offline)
		second := c.refreshed(first.refresh)
		c.wantLive(map[string]bool{first.access: false, second.access: true})
		if used := c.family().UsedAfter; used != nil {
			c.Errorf("nobody revoked what was used: %v", used)
		}
	})
}

func TestRefreshTokensEndWithTime(t *testing.T) {
	inBubble(t, oauthtest.Settings{RefreshLifetime: time.Minute}, func(c caller) {
		first := c.granted(offline)
		after(time.Minute - 1)
		second := c.refreshed(first.refresh)
		after(time.Minute)
		c.wantLost(second.refresh)
		if c.family().Reused {
			c.Error("it is taken for theft")
		}
	})
}

func TestRefreshIsStrict(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		first := c.granted(offline)
		c.wantLost("unknown")
		c.wantLost(first.access)
		for want, more := range map[string][]string{
			"invalid_scope":   {"scope", "openid admin"},
			"invalid_target":  {"resource", "https://elsewhere.example"},
			"invalid_client":  {"client_id", "other"},
			"invalid_request": {"refresh_token", ""},
		} {
			status, m := c.refresh(first.refresh, more...)
			c.wantError(status, m, want)
		}
		status, m := c.post(oauthtest.Refresh, url.Values{"client_id": {"client"}, "grant_type": {"refresh_token"}})
		c.wantError(status, m, "invalid_request")
		if c.family().Refreshes != 0 || !c.issuer.Live(first.refresh) {
			c.Error("a refused refresh used the token up")
		}
		// Fewer scopes are of the access token alone.
		_, m = c.refresh(first.refresh, "scope", "email")
		if m["scope"] != "email" || m["id_token"] != nil {
			c.Errorf("answer %v", m)
		}
		if _, m = c.refresh(pairOf(m).refresh); m["scope"] != offline || m["id_token"] == nil {
			c.Errorf("answer %v", m)
		}
	})
}

func TestARefreshIsForItsResource(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		const resource = "https://mcp.example/"
		_, code := c.post(oauthtest.Device, url.Values{"client_id": {"client"}, "resource": {resource}, "scope": {offline}})
		if err := c.issuer.Approve(code["user_code"].(string), alice); err != nil {
			c.Fatal(err)
		}
		after(5 * time.Second)
		_, m := c.post(oauthtest.Token, url.Values{
			"client_id": {"client"}, "device_code": {code["device_code"].(string)}, "resource": {resource},
			"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"},
		})
		status, refused := c.refresh(pairOf(m).refresh)
		c.wantError(status, refused, "invalid_target")
		if status, m := c.refresh(pairOf(m).refresh, "resource", resource); status != 200 {
			c.Errorf("answer %d %v", status, m)
		}
	})
}

// TestAnswersThatAreLostAfterTheWork is done: the token was rotated, and the
// client does not know by what.
func TestAnswersThatAreLostAfterTheWork(t *testing.T) {
	for name, at := range map[string]struct {
		fault oauthtest.Fault
		read  bool // something of an answer comes
	}{
		"dropped":   {oauthtest.Fault{Lose: true}, false},
		"stalled":   {oauthtest.Fault{Stall: true}, false},
		"cut short": {oauthtest.Fault{Cut: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, oauthtest.Settings{Grace: time.Minute}, func(c caller) {
				first := c.granted(offline)
				c.issuer.Inject(oauthtest.Refresh, at.fault)
				body, err := c.hasty(first.refresh)
				if err == nil || (body != "") != at.read {
					c.Errorf("answer %d bytes, %v", len(body), err)
				}
				f := c.family()
				if f.Refreshes != 1 || len(f.Honoured) != 2 {
					c.Errorf("family %+v", f)
				}
				if c.refreshed(first.refresh).refresh == "" {
					c.Error("the fault lasted")
				}
			})
		})
	}
}

// hasty refreshes and waits no longer than a second for the answer.
func (c caller) hasty(token string) (string, error) {
	ctx, cancel := context.WithTimeout(c.Context(), time.Second)
	defer cancel()
	form := url.Values{"client_id": {"client"}, "grant_type": {"refresh_token"}, "refresh_token": {token}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.issuer.EndpointURL(oauthtest.Refresh), strings.NewReader(form.Encode()))
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := c.issuer.Client().Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

// TestFaultsOfRefreshesAreTheirOwn: polls go on beside them.
func TestFaultsOfRefreshesAreTheirOwn(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		first := c.granted(offline)
		c.issuer.Always(oauthtest.Refresh, oauthtest.Busy(503, "7"))
		if status, _ := c.refresh(first.refresh); status != 503 {
			c.Errorf("answer %d", status)
		}
		c.granted(offline)
		c.issuer.Always(oauthtest.Refresh, oauthtest.Fault{})
		c.issuer.Inject(oauthtest.Token, oauthtest.HTML(500))
		c.refreshed(first.refresh)
		if n := len(c.issuer.Calls(oauthtest.Refresh)); n != 2 {
			c.Errorf("%d refreshes were noted", n)
		}
		if n := len(c.issuer.Calls(oauthtest.Token)); n != 2 {
			c.Errorf("%d polls were noted", n)
		}
	})
}

func TestRevocationsAreNotedInTheirOrder(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		first := c.granted(offline)
		second := c.refreshed(first.refresh)
		for _, token := range []string{first.refresh, second.access} {
			c.post(oauthtest.Revocation, url.Values{"client_id": {"client"}, "token": {token}})
		}
		// A refresh token takes the others along, whichever it is; an access
		// token is revoked alone.
		c.wantLive(map[string]bool{second.refresh: false, second.access: false, first.access: true})
		c.wantLost(second.refresh)
		c.userinfo(first.access)
		c.userinfo(second.access)
		f := c.family()
		if !slices.Equal(f.Revoked, []string{first.refresh, second.access}) ||
			!slices.Equal(f.UsedAfter, []string{second.refresh, second.access}) || f.Reused {
			c.Errorf("family %+v", f)
		}
	})
}

func (c caller) userinfo(access string) int {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.issuer.EndpointURL(oauthtest.Userinfo), nil)
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+access)
	answer, err := c.issuer.Client().Do(r)
	if err != nil {
		c.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func TestRefreshTokensAreForgotten(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		first := c.granted(offline)
		c.issuer.ForgetRefreshTokens()
		c.wantLost(first.refresh)
		c.wantLive(map[string]bool{first.access: true, c.granted(offline).refresh: true})
		if used := c.issuer.Families()[0].UsedAfter; used != nil {
			c.Errorf("nobody revoked what was used: %v", used)
		}
	})
}

func TestARefreshForAnotherAccount(t *testing.T) {
	inBubble(t, oauthtest.Settings{}, func(c caller) {
		first := c.granted(offline)
		c.issuer.Impersonate(&bob)
		_, m := c.refresh(first.refresh)
		ctx := oidc.ClientContext(c.Context(), c.issuer.Client())
		keys := oidc.NewRemoteKeySet(ctx, c.issuer.EndpointURL(oauthtest.Keys))
		id, err := oidc.NewVerifier(c.issuer.URL(), keys, &oidc.Config{ClientID: "client", SupportedSigningAlgs: []string{"ES256"}}).
			Verify(ctx, m["id_token"].(string))
		if err != nil || id.Subject != bob.Subject {
			c.Errorf("id_token %v: %v", id, err)
		}
		c.issuer.Impersonate(nil)
		if f := c.family(); f.Account != alice || len(f.Honoured) != 1 {
			c.Errorf("family %+v", f)
		}
	})
}

// TestTheUsualLibraryRefreshes: the token source of golang.org/x/oauth2 goes
// through a rotation each time a token is over, and loses the grant when
// another one has gone before it.
func TestTheUsualLibraryRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := caller{t, oauthtest.New(oauthtest.Settings{TokenLifetime: time.Minute})}
		first := c.granted(offline)
		ctx := context.WithValue(t.Context(), oauth2.HTTPClient, c.issuer.Client())
		config := oauth2.Config{ClientID: "client", Endpoint: oauth2.Endpoint{
			TokenURL: c.issuer.EndpointURL(oauthtest.Refresh), AuthStyle: oauth2.AuthStyleInParams,
		}}
		over := &oauth2.Token{RefreshToken: first.refresh, Expiry: time.Now()}
		source, parallel := config.TokenSource(ctx, over), config.TokenSource(ctx, over)
		var last *oauth2.Token
		for n := range 3 {
			token, err := source.Token()
			if err != nil || !c.issuer.Live(token.AccessToken) || !c.issuer.Live(token.RefreshToken) {
				t.Fatalf("refresh %d: %v", n, err)
			}
			last = token
			after(time.Minute)
		}
		if f := c.family(); f.Refreshes != 3 || !slices.Equal(f.Honoured, []string{last.RefreshToken}) {
			t.Errorf("family %+v", f)
		}
		if _, err := parallel.Token(); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("a second source with the first token: %v", err)
		}
		if _, err := source.Token(); err == nil {
			t.Error("the grant outlived the theft")
		}
	})
}
