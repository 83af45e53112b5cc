package oauth_test

import (
	"context"
	"errors"
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

func mustNew(t *testing.T, config oauth.Config, client *http.Client) *oauth.Provider {
	t.Helper()
	provider, err := oauth.New(config, client)
	if err != nil {
		t.Fatal(err)
	}
	return provider
}

func TestBeginAsksForWhatWasAsked(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		ask := bridge.CodeRequest{Scopes: []string{"files:read", "openid"}, Resource: "https://mcp.example/mcp"}
		code, err := s.provider.Begin(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		sent := s.issuer.Calls(oauthtest.Device)[0]
		want := url.Values{"client_id": {clientID}, "scope": {"files:read openid"}, "resource": {"https://mcp.example/mcp"}}
		if diff := cmp.Diff(want, sent.Form); diff != "" || sent.Header.Get("Accept") != "application/json" {
			t.Errorf("sent %v: %s", sent.Header, diff)
		}
		if code.Lifetime != 10*time.Minute || code.Interval != 5*time.Second || code.DeviceCode.IsZero() ||
			code.VerificationURI != oauthtest.Origin+"/device" ||
			!strings.HasPrefix(code.VerificationURIComplete.Reveal(), code.VerificationURI+"?user_code=") ||
			code.TokenEndpoint != s.issuer.EndpointURL(oauthtest.Token) ||
			!cmp.Equal(code.Scopes, ask.Scopes) || code.Resource != ask.Resource {
			t.Errorf("code %+v", code)
		}
		if _, err := s.provider.Begin(t.Context(), bridge.CodeRequest{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(url.Values{"client_id": {clientID}}, s.issuer.Calls(oauthtest.Device)[1].Form); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTimesOfACode(t *testing.T) {
	for _, at := range []struct {
		name               string
		member             string
		value              any
		lifetime, interval time.Duration // lifetime 0 = refused
	}{
		{"text", "expires_in", "900", 15 * time.Minute, 5 * time.Second},
		{"float", "expires_in", 900.0, 15 * time.Minute, 5 * time.Second},
		{"float in text", "expires_in", "9e2", 15 * time.Minute, 5 * time.Second},
		{"missing", "expires_in", nil, 5 * time.Minute, 5 * time.Second},
		{"empty", "expires_in", "", 5 * time.Minute, 5 * time.Second},
		{"zero", "expires_in", 0, 0, 0},
		{"negative", "expires_in", -1, 0, 0},
		{"no number", "expires_in", "soon", 0, 0},
		{"no number at all", "expires_in", true, 0, 0},
		{"infinite", "expires_in", "Inf", 30 * time.Minute, 5 * time.Second},
		{"not a number", "expires_in", "NaN", 0, 0},
		{"a date", "expires_in", 1795351200, 30 * time.Minute, 5 * time.Second},
		{"immense", "expires_in", 1e300, 30 * time.Minute, 5 * time.Second},
		{"very short", "expires_in", 3, 3 * time.Second, 3 * time.Second},
		{"interval as text", "interval", "7", 10 * time.Minute, 7 * time.Second},
		{"interval missing", "interval", nil, 10 * time.Minute, 5 * time.Second},
		{"interval zero", "interval", 0, 10 * time.Minute, 5 * time.Second},
		{"interval one", "interval", 1, 10 * time.Minute, time.Second},
		{"interval negative", "interval", -1, 10 * time.Minute, 5 * time.Second},
		{"interval beyond the end", "interval", 1e12, 10 * time.Minute, 10 * time.Minute},
		{"interval no number", "interval", []int{5}, 0, 0},
	} {
		t.Run(at.name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.issuer.Inject(oauthtest.Device, oauthtest.Set(at.member, at.value))
				code, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
				if at.lifetime == 0 {
					s.wantRefusal(err, bridge.OutcomeProviderError, at.member[:8])
					return
				}
				if err != nil || code.Lifetime != at.lifetime || code.Interval != at.interval {
					t.Errorf("lives %v, every %v, error %v", code.Lifetime, code.Interval, err)
				}
			})
		})
	}
}

func TestDialectsOfACode(t *testing.T) {
	good := `{"device_code":"d","user_code":"ABCD-EFGH","verification_uri":"https://login.issuer.test/d","expires_in":900}`
	for name, fault := range map[string]oauthtest.Fault{
		"Google":              oauthtest.JSON(200, strings.Replace(good, "verification_uri", "verification_url", 1)),
		"GitHub's form":       oauthtest.Answer(200, "application/x-www-form-urlencoded", "device_code=d&user_code=ABCD-EFGH&verification_uri=https%3A%2F%2Flogin.issuer.test%2Fd&expires_in=900"),
		"unlabelled JSON":     oauthtest.Answer(200, "", good),
		"JSON as text":        oauthtest.Answer(200, "text/plain; charset=utf-8", good),
		"JSON as page":        oauthtest.Answer(200, "text/html", good),
		"JSON as form":        oauthtest.Answer(200, "application/x-www-form-urlencoded", good),
		"byte order mark":     oauthtest.JSON(200, "\xef\xbb\xbf"+good),
		"another success":     oauthtest.JSON(201, good),
		"code of digits":      oauthtest.JSON(200, strings.Replace(good, `"ABCD-EFGH"`, `12345678`, 1)),
		"error that is null":  oauthtest.JSON(200, strings.Replace(good, `{`, `{"error":null,`, 1)),
		"error that is empty": oauthtest.JSON(200, strings.Replace(good, `{`, `{"error":"",`, 1)),
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.issuer.Inject(oauthtest.Device, fault)
				code, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
				if err != nil || code.DeviceCode.Reveal() != "d" || code.VerificationURI != "https://login.issuer.test/d" ||
					code.Lifetime != 15*time.Minute || !code.VerificationURIComplete.IsZero() {
					t.Errorf("code %+v: %v", code, err)
				}
			})
		})
	}
}

// TestAnswersThatAreNoCode is the provider that is broken, misconfigured or
// hostile: its answer is refused as a whole.
func TestAnswersThatAreNoCode(t *testing.T) {
	const unusable = bridge.OutcomeProviderError
	for _, at := range []struct {
		name    string
		fault   oauthtest.Fault
		outcome bridge.OutcomeCode
		words   string
	}{
		{"web page", oauthtest.HTML(200), unusable, "web page instead of JSON"},
		{"web page, not labelled", oauthtest.Answer(200, "", "<html>secret"), unusable, "web page"},
		{"web page, labelled JSON", oauthtest.JSON(200, "\n <html>secret"), unusable, "web page"},
		{"page without a tag", oauthtest.Answer(200, "text/html", "secret"), unusable, "web page"},
		{"page not found", oauthtest.HTML(404), unusable, "web page instead of JSON (HTTP 404)"},
		{"garbage", oauthtest.JSON(200, `{"secret":`), unusable, "not JSON"},
		{"two objects", oauthtest.JSON(200, `{"secret":1}{}`), unusable, "not JSON"},
		{"a list", oauthtest.JSON(200, `["secret"]`), unusable, "not JSON"},
		{"null", oauthtest.JSON(200, `null`), unusable, "not JSON"},
		{"binary", oauthtest.Answer(200, "application/octet-stream", "\x00secret"), unusable, "not JSON"},
		{"text that is no form", oauthtest.Answer(200, "text/plain", "%zz secret"), unusable, "not JSON"},
		{"nothing", oauthtest.JSON(200, ``), unusable, "empty"},
		{"no content", oauthtest.JSON(204, ``), unusable, "empty (HTTP 204)"},
		{"empty object", oauthtest.JSON(200, `{}`), unusable, "lacks device_code"},
		{"refused without words", oauthtest.JSON(403, `{"message":"secret"}`), unusable, "without saying why (HTTP 403)"},
		{"error is an object", oauthtest.JSON(400, `{"error":{"message":"secret"}}`), unusable, "without saying why (HTTP 400)"},
		{"no device code", oauthtest.Set("device_code", nil), unusable, "lacks device_code"},
		{"no user code", oauthtest.Set("user_code", nil), unusable, "lacks user_code"},
		{"no address", oauthtest.Set("verification_uri", nil), unusable, "lacks verification_uri"},
		{"device code is a list", oauthtest.Set("device_code", []string{"secret"}), unusable, "lacks device_code"},
		{"long user code", oauthtest.Set("user_code", "ABCDEFGH-ABCDEFGHI"), unusable, "16 letters"},
		{"user code with a link", oauthtest.Set("user_code", "<evil.example>"), unusable, "letters and digits"},
		{"script", oauthtest.Set("verification_uri", "javascript:alert(1)"), unusable, "not to be trusted"},
		{"foreign host", oauthtest.Set("verification_uri", "https://evil.example/device"), unusable, "not of the issuer"},
		{"plain http", oauthtest.Set("verification_uri", "http://login.issuer.test/device"), unusable, "not https"},
		{"script, complete", oauthtest.Set("verification_uri_complete", "javascript:alert(1)"), unusable, "complete verification address"},
		{"foreign host, complete", oauthtest.Set("verification_uri_complete", "https://evil.example/"), unusable, "complete verification address"},
		{"invalid_client", oauthtest.OAuthError(401, "invalid_client"), unusable, `"invalid_client"`},
		{"invalid_scope", oauthtest.OAuthError(400, "invalid_scope"), unusable, `"invalid_scope"`},
		{"unknown error", oauthtest.OAuthError(400, "weird_error"), unusable, `"weird_error"`},
		{"error under 200", oauthtest.OAuthError(200, "invalid_scope"), unusable, `"invalid_scope"`},
		{"error in a form", oauthtest.Answer(200, "application/x-www-form-urlencoded", "error=invalid_scope"), unusable, `"invalid_scope"`},
		{"blocked", oauthtest.OAuthError(400, "unauthorized_client"), bridge.OutcomeDeviceGrantBlocked, `"unauthorized_client"`},
		{"blocked at GitHub", oauthtest.OAuthError(200, "device_flow_disabled"), bridge.OutcomeDeviceGrantBlocked, `"device_flow_disabled"`},
		{"not offered", oauthtest.OAuthError(400, "unsupported_grant_type"), bridge.OutcomeDeviceGrantUnsupported, `"unsupported_grant_type"`},
	} {
		t.Run(at.name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.issuer.Inject(oauthtest.Device, at.fault)
				code, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
				s.wantRefusal(err, at.outcome, at.words)
				if diff := cmp.Diff(bridge.Code{}, code, cmp.Comparer(bridge.Secret.Equal)); diff != "" {
					t.Errorf("something of the answer is left: %s", diff)
				}
				if strings.Contains(err.Error(), "evil") {
					t.Errorf("the cause carries the attacker's words: %q", err)
				}
			})
		})
	}
}

func TestFaultsAtTheDeviceEndpoint(t *testing.T) {
	inAMinute := time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC) // the bubble starts at 2000-01-01
	for _, at := range []struct {
		name  string
		fault oauthtest.Fault
		after time.Duration
		words string
	}{
		{"tired", oauthtest.Busy(503, "7"), 7 * time.Second, "HTTP 503"},
		{"tired until", oauthtest.Busy(503, inAMinute.Format(http.TimeFormat)), time.Minute, "HTTP 503"},
		{"tired since", oauthtest.Busy(503, "Mon, 02 Jan 1995 15:04:05 GMT"), 0, "HTTP 503"},
		{"tired for ever", oauthtest.Busy(503, "18446744073709551615"), 24 * time.Hour, "HTTP 503"},
		{"tired, who knows", oauthtest.Busy(503, "-5"), 0, "HTTP 503"},
		{"broken with a page", oauthtest.HTML(502), 0, "HTTP 502"},
		{"too many", oauthtest.Busy(429, "20"), 20 * time.Second, "HTTP 429"},
		{"too many, in words", oauthtest.OAuthError(429, "slow_down"), 0, "HTTP 429"},
		{"slow_down", oauthtest.OAuthError(400, "slow_down"), 0, "slow_down"},
		{"temporarily_unavailable", oauthtest.OAuthError(400, "temporarily_unavailable"), 0, "temporarily_unavailable"},
		{"request timeout", oauthtest.HTML(408), 0, "HTTP 408"},
		{"dropped", oauthtest.Fault{Drop: true}, 0, "the connection broke"},
		{"cut short", oauthtest.Fault{Lose: true}, 0, "the connection broke"},
		{"hanging", oauthtest.Fault{Hang: true}, 0, "it took too long"},
	} {
		t.Run(at.name, func(t *testing.T) {
			tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
				s.issuer.Inject(oauthtest.Device, at.fault)
				_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
				wantFault(t, err, at.after, at.words)
				s.begin()
			})
		})
	}
}

func TestBeginHonoursItsContext(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		s.begin() // so that the metadata is known
		s.issuer.Always(oauthtest.Device, oauthtest.Fault{Hang: true})
		hasty, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := s.provider.Begin(hasty, bridge.CodeRequest{})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 200*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		start = time.Now()
		_, err = s.provider.Begin(t.Context(), bridge.CodeRequest{})
		wantFault(t, err, 0, "it took too long")
		if time.Since(start) != 30*time.Second {
			t.Errorf("without a deadline it took %v", time.Since(start))
		}
	})
}

func TestTheProvidersWordsAreCleaned(t *testing.T) {
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		s.issuer.Inject(oauthtest.Device, oauthtest.JSON(400,
			`{"error":"bad\n\"thing","error_description":"line\r\nline \u202Eevil\u202C <a href=\"x\">`+strings.Repeat("y", 500)+`"}`))
		_, err := s.provider.Begin(t.Context(), bridge.CodeRequest{})
		s.wantRefusal(err, bridge.OutcomeProviderError, `the provider answered "bad 'thing"; in its words: "line line `)
		if len([]rune(err.Error())) > 270 || strings.ContainsAny(err.Error(), "\r\n\u202e\u202c") {
			t.Errorf("cause %q", err)
		}
	})
}
