package oauth_test

import (
	"encoding/base64"
	"errors"
	"fmt"
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

// pollOnce injects a fault, polls once, and checks that this was one request.
func (s story) pollOnce(code bridge.Code, fault oauthtest.Fault) (bridge.Answer, error) {
	s.Helper()
	before := len(s.issuer.Journal())
	s.issuer.Inject(oauthtest.Token, fault)
	answer, err := s.provider.Poll(s.Context(), code)
	if n := len(s.issuer.Journal()) - before; n != 1 {
		s.Errorf("one poll made %d requests", n)
	}
	return answer, err
}

func TestTheHumanTakesTheirTime(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		code := s.begin()
		for range 3 {
			after(code.Interval)
			if got := s.poll(code).Verdict; got != bridge.PollPending {
				t.Fatalf("verdict %v", got)
			}
		}
		if got := s.poll(code).Verdict; got != bridge.PollSlowDown {
			t.Errorf("too early: verdict %v", got)
		}
		s.approve(code)
		after(code.Interval + 5*time.Second)
		answer := s.poll(code)
		if answer.Verdict != bridge.PollGranted || answer.Tokens.Type != "Bearer" || answer.Tokens.ID.IsZero() ||
			!cmp.Equal(answer.Tokens.Scopes, everything) || !answer.Tokens.ExpiresAt.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("answer %+v", answer)
		}
		if !s.issuer.Live(answer.Tokens.Access.Reveal()) || !s.issuer.Live(answer.Tokens.Refresh.Reveal()) {
			t.Error("these are not the issuer's tokens")
		}
		after(code.Interval + 5*time.Second)
		if got := s.poll(code).Verdict; got != bridge.PollLost {
			t.Errorf("a second redemption: verdict %v", got)
		}
	})
}

func TestTheHumanRefusesOrIsLate(t *testing.T) {
	tell(t, oauthtest.Settings{Lifetime: time.Minute}, func(t *testing.T, s story) {
		refused, late := s.begin(), s.begin()
		if err := s.issuer.Deny(refused.UserCode.Reveal()); err != nil {
			t.Fatal(err)
		}
		after(5 * time.Second)
		if got := s.poll(refused).Verdict; got != bridge.PollDenied {
			t.Errorf("verdict %v", got)
		}
		after(time.Minute)
		if got := s.poll(late).Verdict; got != bridge.PollLapsed {
			t.Errorf("verdict %v", got)
		}
	})
}

func TestAPollSendsNoMoreThanItMust(t *testing.T) {
	for _, at := range []struct {
		method string
		form   url.Values
		header string
	}{
		{oauth.AuthNone, url.Values{"client_id": {clientID}}, ""},
		{oauth.AuthPost, url.Values{"client_id": {clientID}, "client_secret": {clientSecret}}, ""},
		{oauth.AuthBasic, url.Values{}, "Basic " + base64.StdEncoding.EncodeToString(
			[]byte(url.QueryEscape(clientID)+":"+url.QueryEscape(clientSecret)))},
	} {
		t.Run(at.method, func(t *testing.T) {
			settings := oauthtest.Settings{AuthMethod: at.method}
			if at.method != oauth.AuthNone {
				settings.ClientSecret = clientSecret
			}
			tell(t, settings, func(t *testing.T, s story) {
				code, err := s.provider.Begin(t.Context(), bridge.CodeRequest{Resource: "https://mcp.example/mcp"})
				if err != nil {
					t.Fatal(err)
				}
				s.poll(code)
				sent := s.issuer.Calls(oauthtest.Token)[0]
				want := at.form
				want.Set("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
				want.Set("device_code", code.DeviceCode.Reveal())
				want.Set("resource", "https://mcp.example/mcp")
				if diff := cmp.Diff(want, sent.Form); diff != "" || sent.Header.Get("Authorization") != at.header {
					t.Errorf("header %q, form %s", sent.Header.Get("Authorization"), diff)
				}
			})
		})
	}
}

// TestVerdicts runs every error under every status that providers are known
// to send it with.
func TestVerdicts(t *testing.T) {
	verdicts := map[string]bridge.Verdict{
		"authorization_pending":  bridge.PollPending,
		"slow_down":              bridge.PollSlowDown,
		"access_denied":          bridge.PollDenied,
		"authorization_declined": bridge.PollDenied,
		"expired_token":          bridge.PollLapsed,
		"token_expired":          bridge.PollLapsed,
		"code_expired":           bridge.PollLapsed,
		"invalid_grant":          bridge.PollLost,
		"bad_verification_code":  bridge.PollLost,
		"incorrect_device_code":  bridge.PollLost,
		"invalid_client":         bridge.PollFailed,
		"invalid_target":         bridge.PollFailed,
		"unauthorized_client":    bridge.PollFailed,
		"weird_error":            bridge.PollFailed,
	}
	for word, want := range verdicts {
		for _, status := range []int{200, 400, 401, 403, 428} {
			t.Run(fmt.Sprint(word, " ", status), func(t *testing.T) {
				tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
					code := s.begin()
					for _, fault := range []oauthtest.Fault{
						oauthtest.OAuthError(status, word),
						oauthtest.Answer(status, "application/x-www-form-urlencoded", "error="+word),
						oauthtest.Answer(status, "text/plain", `{"error":"`+word+`","access_token":"never"}`),
					} {
						answer, err := s.pollOnce(code, fault)
						if err != nil || answer.Verdict != want || !answer.Tokens.Access.IsZero() {
							t.Errorf("answer %v: %v", answer.Verdict, err)
						}
						if failed := want == bridge.PollFailed; failed != strings.Contains(answer.Cause, word) {
							t.Errorf("cause %q", answer.Cause)
						}
					}
				})
			})
		}
	}
}

func TestSlowDownNamesAnInterval(t *testing.T) {
	tooMany := oauthtest.Busy(429, "20")
	tooMany.Body = `{"error":"slow_down"}`
	for name, at := range map[string]struct {
		fault oauthtest.Fault
		want  time.Duration
	}{
		"no":              {oauthtest.OAuthError(400, "slow_down"), 0},
		"in the body":     {oauthtest.JSON(200, `{"error":"slow_down","interval":10}`), 10 * time.Second},
		"as text":         {oauthtest.JSON(400, `{"error":"slow_down","interval":"10"}`), 10 * time.Second},
		"nonsense":        {oauthtest.JSON(400, `{"error":"slow_down","interval":"x"}`), 0},
		"negative":        {oauthtest.JSON(400, `{"error":"slow_down","interval":-10}`), 0},
		"absurd":          {oauthtest.JSON(400, `{"error":"slow_down","interval":1e300}`), 30 * time.Minute},
		"too many (429)":  {oauthtest.OAuthError(429, "slow_down"), 0},
		"429, with a say": {tooMany, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				answer, err := s.pollOnce(s.begin(), at.fault)
				if err != nil || answer.Verdict != bridge.PollSlowDown || answer.Interval != at.want {
					t.Errorf("answer %v %v: %v", answer.Verdict, answer.Interval, err)
				}
			})
		})
	}
}

// TestPatienceThatIsAskedFor is the provider that says with its answer when to
// come back. One story, since what was answered before must not be taken for
// what is answered now.
func TestPatienceThatIsAskedFor(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		code := s.begin()
		for _, at := range []struct {
			word, after string
			want        time.Duration
		}{
			{"authorization_pending", "", 0},
			{"authorization_pending", "20", 20 * time.Second},
			{"authorization_pending", "", 0},
			{"authorization_pending", "-20", 0},
			{"authorization_pending", "soon", 0},
			{"authorization_pending", time.Now().Add(time.Minute).UTC().Format(time.RFC1123), 0},
			{"authorization_pending", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat), time.Minute},
			{"authorization_pending", "99999999999", 30 * time.Minute},
			{"slow_down", "20", 20 * time.Second},
			{"slow_down", "99999999999", 30 * time.Minute},
		} {
			fault := oauthtest.OAuthError(400, at.word)
			fault.Header.Set("Retry-After", at.after)
			answer, err := s.pollOnce(code, fault)
			pending := answer.Verdict == bridge.PollPending || answer.Verdict == bridge.PollSlowDown
			if err != nil || !pending || answer.RetryAfter != at.want {
				t.Errorf("%s, Retry-After %q: verdict %v, not before %v: %v", at.word, at.after, answer.Verdict, answer.RetryAfter, err)
			}
		}
	})
}

// TestTheSameWordsUnderAnotherStatus: an answer that has been read before is
// known again by all that its meaning hangs on.
func TestTheSameWordsUnderAnotherStatus(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		code := s.begin()
		for range 2 {
			answer, err := s.pollOnce(code, oauthtest.OAuthError(400, "authorization_pending"))
			if err != nil || answer.Verdict != bridge.PollPending {
				t.Errorf("verdict %v: %v", answer.Verdict, err)
			}
			_, err = s.pollOnce(code, oauthtest.OAuthError(503, "authorization_pending"))
			wantFault(t, err, 0, "HTTP 503")
			answer, err = s.pollOnce(code, oauthtest.Answer(400, "text/plain", "error=authorization_pending"))
			if err != nil || answer.Verdict != bridge.PollPending {
				t.Errorf("as a form: verdict %v: %v", answer.Verdict, err)
			}
			_, err = s.pollOnce(code, oauthtest.Answer(400, "text/html", "error=authorization_pending"))
			wantFault(t, err, 0, "web page")
		}
	})
}

func TestPollsThatTeachNothing(t *testing.T) {
	cut := oauthtest.Fault{Lose: true}
	for name, at := range map[string]struct {
		fault oauthtest.Fault
		after time.Duration
		words string
	}{
		"tired":                 {oauthtest.Busy(503, "7"), 7 * time.Second, "HTTP 503"},
		"tired, with a verdict": {oauthtest.OAuthError(500, "access_denied"), 0, "HTTP 500"},
		"tired, slowly":         {oauthtest.OAuthError(503, "slow_down"), 0, "HTTP 503"},
		"tired, with a grant":   {oauthtest.JSON(500, `{"access_token":"secret"}`), 0, "HTTP 500"},
		"too many":              {oauthtest.Busy(429, "9"), 9 * time.Second, "HTTP 429"},
		"too many, other words": {oauthtest.OAuthError(429, "rate_limited"), 0, "HTTP 429"},
		"web page":              {oauthtest.HTML(200), 0, "web page"},
		"web page, forbidden":   {oauthtest.HTML(403), 0, "web page"},
		"garbage":               {oauthtest.JSON(200, `{"access_token":"secret`), 0, "not JSON"},
		"nothing":               {oauthtest.JSON(200, ``), 0, "empty"},
		"no token":              {oauthtest.JSON(200, `{"token_type":"Bearer"}`), 0, "lacks access_token"},
		"token of another kind": {oauthtest.JSON(200, `{"access_token":["secret"]}`), 0, "lacks access_token"},
		"token, but refused":    {oauthtest.JSON(400, `{"access_token":"secret"}`), 0, "without saying why"},
		"dropped":               {oauthtest.Fault{Drop: true}, 0, "the connection broke"},
		"cut short":             {cut, 0, "the connection broke"},
		"hanging":               {oauthtest.Fault{Hang: true}, 0, "it took too long"},
		"endless":               {oauthtest.Fault{Endless: true}, 0, "larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				code := s.begin()
				_, err := s.pollOnce(code, at.fault)
				wantFault(t, err, at.after, at.words)
				if strings.Contains(err.Error(), code.DeviceCode.Reveal()) {
					t.Errorf("the error tells the device code: %q", err)
				}
			})
		})
	}
}

func TestDialectsOfAToken(t *testing.T) {
	soon := func(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(d) } }
	never := func() time.Time { return time.Time{} }
	for _, at := range []struct {
		name    string
		fault   oauthtest.Fault
		kind    string
		scopes  []string
		expires func() time.Time
	}{
		{"type missing", oauthtest.JSON(200, `{"access_token":"a"}`), "Bearer", []string{"asked"}, never},
		{"type in small letters", oauthtest.JSON(200, `{"access_token":"a","token_type":"bearer"}`), "Bearer", []string{"asked"}, never},
		{"bound", oauthtest.JSON(200, `{"access_token":"a","token_type":"dpop"}`), "DPoP", []string{"asked"}, never},
		{"another type", oauthtest.JSON(200, `{"access_token":"a","token_type":"mac"}`), "mac", []string{"asked"}, never},
		{"spaces", oauthtest.JSON(200, `{"access_token":"a","scope":"x  y"}`), "Bearer", []string{"x", "y"}, never},
		{"commas", oauthtest.JSON(200, `{"access_token":"a","scope":"x,y"}`), "Bearer", []string{"x", "y"}, never},
		{"list", oauthtest.JSON(200, `{"access_token":"a","scope":["x","y"]}`), "Bearer", []string{"x", "y"}, never},
		{"empty scope", oauthtest.JSON(200, `{"access_token":"a","scope":""}`), "Bearer", []string{"asked"}, never},
		{"life as text", oauthtest.JSON(200, `{"access_token":"a","expires_in":"60"}`), "Bearer", []string{"asked"}, soon(time.Minute)},
		{"life as float", oauthtest.JSON(200, `{"access_token":"a","expires_in":60.0}`), "Bearer", []string{"asked"}, soon(time.Minute)},
		{"life null", oauthtest.JSON(200, `{"access_token":"a","expires_in":null}`), "Bearer", []string{"asked"}, never},
		{"life zero", oauthtest.JSON(200, `{"access_token":"a","expires_in":0}`), "Bearer", []string{"asked"}, never},
		{"life nonsense", oauthtest.JSON(200, `{"access_token":"a","expires_in":"later"}`), "Bearer", []string{"asked"}, never},
		{"GitHub's form", oauthtest.Answer(200, "application/x-www-form-urlencoded; charset=utf-8", "access_token=a&scope=x%2Cy&token_type=bearer"), "Bearer", []string{"x", "y"}, never},
		{"JSON as text", oauthtest.Answer(200, "text/plain", `{"access_token":"a","expires_in":60}`), "Bearer", []string{"asked"}, soon(time.Minute)},
		{"JSON without a label", oauthtest.Answer(200, "", `{"access_token":"a"}`), "Bearer", []string{"asked"}, never},
	} {
		t.Run(at.name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				code := s.begin()
				code.Scopes = []string{"asked"}
				answer, err := s.pollOnce(code, at.fault)
				got := answer.Tokens
				if err != nil || answer.Verdict != bridge.PollGranted || got.Access.Reveal() != "a" ||
					got.Type != at.kind || !cmp.Equal(got.Scopes, at.scopes) || !got.ExpiresAt.Equal(at.expires()) ||
					!got.Refresh.IsZero() || !got.ID.IsZero() {
					t.Errorf("answer %v %+v: %v", answer.Verdict, got, err)
				}
			})
		})
	}
}

// TestTheDeviceCodeGoesToTheFrozenEndpoint is the issuer whose metadata
// points elsewhere while a human is at it.
func TestTheDeviceCodeGoesToTheFrozenEndpoint(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		code := s.begin()
		s.issuer.Always(oauthtest.Metadata, oauthtest.Set("token_endpoint", s.issuer.EndpointURL(oauthtest.Userinfo)))
		after(2 * time.Hour)
		if moved := s.begin(); moved.TokenEndpoint != s.issuer.EndpointURL(oauthtest.Userinfo) {
			t.Fatalf("the metadata did not change: %s", moved.TokenEndpoint)
		}
		s.poll(code)
		if len(s.issuer.Calls(oauthtest.Token)) != 1 || len(s.issuer.Calls(oauthtest.Userinfo)) != 0 {
			t.Errorf("calls %v", s.paths())
		}
	})
}

func TestAFrozenEndpointIsStillVetted(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		code := s.begin()
		before := len(s.issuer.Journal())
		for _, at := range []string{"", "http://login.issuer.test/token", "https://169.254.169.254/token", "javascript:1"} {
			code.TokenEndpoint = at
			if _, err := s.provider.Poll(t.Context(), code); err == nil || !strings.Contains(err.Error(), "token endpoint") {
				t.Errorf("%q: %v", at, err)
			}
		}
		if len(s.issuer.Journal()) != before {
			t.Error("a request was made")
		}
	})
}

// TestAnEchoedCodeIsBlottedOut is the provider that repeats what it was sent.
func TestAnEchoedCodeIsBlottedOut(t *testing.T) {
	tell(t, oauthtest.Settings{ClientSecret: clientSecret}, func(t *testing.T, s story) {
		code := s.begin()
		device := code.DeviceCode.Reveal()
		hidden := device[:4] + `\u200b` + device[4:] // it would come together in the cleaning
		answer, err := s.pollOnce(code, oauthtest.JSON(400, `{"error":"weird","error_description":"`+
			device+` `+hidden+` `+clientSecret+` `+code.UserCode.Reveal()+`"}`))
		if err != nil || answer.Verdict != bridge.PollFailed {
			t.Fatalf("answer %v: %v", answer.Verdict, err)
		}
		if want := "[secret] [secret] [secret] [secret]"; !strings.Contains(answer.Cause, want) {
			t.Errorf("cause %q", answer.Cause)
		}
	})
}

func TestThePollHonoursItsContext(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		code := s.begin()
		s.issuer.Always(oauthtest.Token, oauthtest.Fault{Hang: true})
		hasty, cancel := contextFor(t, time.Second)
		defer cancel()
		start := time.Now()
		_, err := s.provider.Poll(hasty, code)
		if wantFault(t, err, 0, "it took too long"); time.Since(start) != time.Second {
			t.Errorf("it took %v", time.Since(start))
		}
		cancelled, cancel := contextFor(t, time.Second)
		cancel()
		if _, err := s.provider.Poll(cancelled, code); !errors.Is(err, cancelled.Err()) {
			t.Errorf("a cancelled poll: %v", err)
		}
	})
}
