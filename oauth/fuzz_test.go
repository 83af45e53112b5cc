package oauth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/authbridge/authbridge/bridge"
)

// fuzzProvider is a provider that calls nobody.
func fuzzProvider(f *testing.F) *Provider {
	p, err := New(Config{
		Issuer: "https://login.example.co.uk", ClientID: "us", ClientSecret: bridge.NewSecret("S3CR3T+/="),
	}, &http.Client{})
	if err != nil {
		f.Fatal(err)
	}
	return p
}

func fuzzReply(status int, contentType, body string) reply {
	return reply{status, http.Header{"Content-Type": {contentType}}, []byte(body)}
}

// FuzzDeviceAnswer: whatever a provider answers, what comes out may be shown,
// or nothing comes out.
func FuzzDeviceAnswer(f *testing.F) {
	p := fuzzProvider(f)
	const good = `{"device_code":"d","user_code":"ABCD-EFGH","verification_uri":"https://login.example.co.uk/d",` +
		`"verification_uri_complete":"https://example.co.uk/d?c=ABCD","expires_in":"9e2","interval":5}`
	f.Add(200, "application/json", good)
	f.Add(200, "text/plain", strings.ReplaceAll(good, "5", "-1"))
	f.Add(200, "", "device_code=d&user_code=A&verification_uri=https%3A%2F%2Flogin.example.co.uk&expires_in=1")
	f.Add(400, "application/json", `{"error":"invalid_client","error_description":"S3CR3T+/="}`)
	f.Add(200, "text/html", "<html>")
	f.Add(503, "", "")
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		code, err := p.readCode(fuzzReply(status, contentType, body))
		if err != nil {
			checkUntold(t, err)
			if !code.DeviceCode.IsZero() || !code.UserCode.IsZero() || code.VerificationURI != "" || !code.VerificationURIComplete.IsZero() {
				t.Errorf("refused, and yet %+v", code)
			}
			return
		}
		if status < 200 || status > 299 || code.DeviceCode.IsZero() {
			t.Errorf("status %d gave %+v", status, code)
		}
		checkShowable(t, code)
		if code.Lifetime <= 0 || code.Lifetime > 30*time.Minute || code.Interval <= 0 || code.Interval > code.Lifetime {
			t.Errorf("lives %v, every %v", code.Lifetime, code.Interval)
		}
	})
}

func checkUntold(t *testing.T, err error) {
	t.Helper()
	no, busy := (*bridge.Refusal)(nil), (*bridge.Unavailable)(nil)
	if !errors.As(err, &no) && !errors.As(err, &busy) {
		t.Errorf("neither refusal nor fault: %v", err)
	}
	if text := err.Error(); strings.Contains(text, "S3CR3T+/=") || strings.ContainsAny(text, "\r\n") || utf8.RuneCountInString(text) > 500 {
		t.Errorf("the error says %q", text)
	}
}

// checkShowable is a second opinion, in other words than the vetting's.
func checkShowable(t *testing.T, code bridge.Code) {
	t.Helper()
	for _, r := range code.UserCode.Reveal() {
		if !strings.ContainsRune("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz- ", r) {
			t.Errorf("user code %q", code.UserCode.Reveal())
		}
	}
	if n := len(code.UserCode.Reveal()); n < 1 || n > 18 {
		t.Errorf("user code of %d signs", n)
	}
	checkLink(t, code.VerificationURI)
	if complete := code.VerificationURIComplete; !complete.IsZero() {
		checkLink(t, complete.Reveal())
	}
}

func checkLink(t *testing.T, link string) {
	t.Helper()
	scheme, rest, _ := strings.Cut(link, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	host, _, _ = strings.Cut(host, ":")
	host = strings.ToLower(host)
	if !strings.EqualFold(scheme, "https") || host != "example.co.uk" && !strings.HasSuffix(host, ".example.co.uk") ||
		strings.ContainsAny(link, " \t\r\n<>\"`|\\#") || len(link) > 512 {
		t.Errorf("link %q", link)
	}
}

// FuzzLink: a link that is accepted leads to the issuer's house, also for one
// who reads it more simply than net/url does.
func FuzzLink(f *testing.F) {
	issuer, err := url.Parse("https://login.example.co.uk")
	if err != nil {
		f.Fatal(err)
	}
	for _, link := range []string{
		"https://login.example.co.uk/d?c=1", "https://a.example.co.uk", "HTTPS://EXAMPLE.CO.UK:1/", "https://evil.example",
		"https://evil.example@login.example.co.uk", "https://[::1]/", "https://evil.example;.example.co.uk/", "javascript:1",
	} {
		f.Add(link)
	}
	f.Fuzz(func(t *testing.T, link string) {
		if vetLink(link, issuer, NetworkPolicy{}) == nil {
			checkLink(t, link)
		}
	})
}

// FuzzClean: what is quoted is one short line, and never the secret.
func FuzzClean(f *testing.F) {
	const secret = "S3CR3T+/="
	f.Add("line\r\nline \u202e\"x\" S3CR3T+/=", 200)
	f.Add("S3C\u200bR3T+/= S3CR3T%2B%2F%3D", 20)
	f.Add("\xff\xfe", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = min(max(limit, 1), 1000)
		got := clean(text, limit, bridge.NewSecret(secret))
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit || strings.Contains(got, secret) ||
			strings.Contains(got, url.QueryEscape(secret)) || strings.Contains(got, `"`) ||
			strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q of %q", got, text)
		}
	})
}

// FuzzTokenAnswer: every answer to a poll is a verdict or a fault, tokens
// come with nothing but a grant, and no words tell a secret.
func FuzzTokenAnswer(f *testing.F) {
	p := fuzzProvider(f)
	f.Add(200, "application/json", `{"access_token":"a","expires_in":1e999,"scope":["x",1]}`)
	f.Add(200, "application/json", `{"access_token":"a","scope":"x \"y\" \u202e,z"}`)
	f.Add(400, "application/json", `{"error":"slow_down","interval":"1e300"}`)
	f.Add(400, "text/plain", `error=weird&error_description=S3CR3T%2B%2F%3D`)
	f.Add(500, "text/html", "<html>")
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		answer, err := p.readAnswer(fuzzReply(status, contentType, body), bridge.Code{DeviceCode: bridge.NewSecret("S3CR3T")})
		if err != nil {
			checkUntold(t, err)
			if no := (*bridge.Refusal)(nil); errors.As(err, &no) {
				t.Errorf("a poll was refused: %v", err)
			}
			return
		}
		if granted := answer.Verdict == bridge.PollGranted; granted == answer.Tokens.Access.IsZero() {
			t.Errorf("verdict %v with tokens %+v", answer.Verdict, answer.Tokens)
		}
		if len(answer.Tokens.Scopes) > 101 {
			t.Errorf("%d scopes", len(answer.Tokens.Scopes))
		}
		for _, scope := range answer.Tokens.Scopes {
			if len(scope) < 1 || len(scope) > 200 || strings.ContainsAny(scope, "\"\\ \x7f") || strings.ContainsFunc(scope, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }) {
				t.Errorf("scope %q", scope)
			}
		}
		if strings.Contains(answer.Cause, "S3CR3T") || !isPatience(answer.Interval) || !isPatience(answer.RetryAfter) {
			t.Errorf("answer %+v", answer)
		}
	})
}

func isPatience(d time.Duration) bool { return d >= 0 && d <= 30*time.Minute }

// FuzzRefreshAnswer: whatever a provider answers, there are tokens or an
// error, and an id_token that speaks of somebody else lets nothing pass.
func FuzzRefreshAnswer(f *testing.F) {
	p := fuzzProvider(f)
	claims := func(text string) string { return "e30." + base64.RawURLEncoding.EncodeToString([]byte(text)) + ".e30" }
	f.Add(200, "application/json", `{"access_token":"a","refresh_token":"r","expires_in":"3600.0","scope":["x"]}`)
	f.Add(200, "application/json", `{"access_token":"a","id_token":"`+claims(`{"iss":"https://login.example.co.uk","aud":["us"],"sub":"alice"}`)+`"}`)
	f.Add(200, "application/json", `{"access_token":"a","id_token":"`+claims(`{"iss":"https://login.example.co.uk","aud":"us","sub":"bob"}`)+`"}`)
	f.Add(200, "", "access_token=a&scope=x,y")
	f.Add(400, "application/json", `{"error":"invalid_grant","error_description":"T0K3N+/=R S3CR3T+/="}`)
	f.Add(200, "text/html", "<html>")
	f.Add(302, "", "")
	f.Add(503, "", "")
	old := bridge.Tokens{Refresh: bridge.NewSecret("T0K3N+/=R"), Scopes: []string{"x"}}
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		fresh, err := p.readRefreshed(fuzzReply(status, contentType, body), old, bridge.RefreshRequest{Subject: "alice"})
		given := err == nil || errors.Is(err, bridge.ErrOtherAccount)
		if given != !fresh.Access.IsZero() || given != !fresh.Refresh.IsZero() || given && (status < 200 || status > 299) {
			t.Errorf("status %d: %v, and tokens: %v", status, err, !fresh.Access.IsZero())
		}
		if err == nil && !fresh.ID.IsZero() && !strings.Contains(fresh.ID.Reveal(), ".") {
			t.Errorf("an id_token passes that is none: %q", fresh.ID.Reveal())
		}
		if err != nil && (strings.Contains(err.Error(), "T0K3N+/=R") || strings.Contains(err.Error(), "S3CR3T+/=") || strings.ContainsAny(err.Error(), "\r\n")) {
			t.Errorf("the error says %q", err)
		}
	})
}
