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

// FuzzResourceMetadata: whatever a resource publishes, what is read of it
// speaks for the resource, can be called, asked for and shown, or nothing is
// read.
func FuzzResourceMetadata(f *testing.F) {
	const asked = "https://mcp.example.com/a/b"
	f.Add(`{"resource":"https://mcp.example.com/a/b","authorization_servers":["https://as.example"],"scopes_supported":["x","y z"],"resource_name":"N\u202e\n"}`, false)
	f.Add(`{"resource":"https://MCP.example.com/a/","authorization_servers":["https://as.example/t?","http://as.example"]}`, true)
	f.Add(`{"resource":"https://mcp.example.com","authorization_servers":["https://as.example","https://as.example"],"scopes_supported":"x"}`, true)
	f.Add(`{"resource":"https://mcp.example.com@evil.example/","authorization_servers":[7]}`, true)
	f.Add(`<html>`, false)
	f.Fuzz(func(t *testing.T, body string, parent bool) {
		m, err := fuzzReply(http.StatusOK, "application/json", body).object()
		if err != nil {
			return
		}
		found, err := readProtected(m, asked, parent, NetworkPolicy{})
		if err != nil {
			checkUntold(t, err)
			if found.Resource != "" || found.Issuers != nil {
				t.Errorf("refused, and yet %+v", found)
			}
			return
		}
		if found.Resource != asked && (!parent || found.Deviation == "" || !strings.HasPrefix(strings.ToLower(found.Resource), "https://mcp.example.com")) {
			t.Errorf("it speaks for %q", found.Resource)
		}
		if n := len(found.Issuers); n < 1 || n > 20 {
			t.Errorf("%d issuers", n)
		}
		for _, issuer := range found.Issuers {
			if u, err := url.Parse(issuer); err != nil || u.Scheme != "https" || u.User != nil || u.Host == "" || strings.ContainsAny(issuer, "?#\"<> \t\r\n\\") {
				t.Errorf("issuer %q", issuer)
			}
		}
		if len(found.Supported) > 100 || utf8.RuneCountInString(found.Name) > 80 || !utf8.ValidString(found.Name) || strings.ContainsAny(found.Name, "\r\n\u202e") {
			t.Errorf("%d scopes, name %q", len(found.Supported), found.Name)
		}
		for _, scope := range found.Supported {
			if scope == "" || strings.ContainsAny(scope, " \"\\\r\n\t") {
				t.Errorf("scope %q", scope)
			}
		}
	})
}

// FuzzServerMetadata: whatever is found at a well-known place, it is used only
// if it speaks for the issuer that was asked, and names only what may be
// called.
func FuzzServerMetadata(f *testing.F) {
	p := fuzzProvider(f)
	f.Add(`{"issuer":"https://login.example.co.uk","device_authorization_endpoint":"https://login.example.co.uk/d","token_endpoint":"https://api.example/t","scopes_supported":["x"]}`)
	f.Add(`{"issuer":"https://login.example.co.uk","token_endpoint":"http://login.example.co.uk/t","jwks_uri":"https://10.0.0.1/"}`)
	f.Add(`{"Issuer":"https://login.example.co.uk","issuer":"https://evil.example","scopes_supported":{"a":[]}}`)
	f.Add(`{"issuer":"https://login.example.co.uk","grant_types_supported":7}`)
	f.Add(`{"issuer":"https://login.example.co.uk/"}`)
	f.Fuzz(func(t *testing.T, body string) {
		md, is := fuzzReply(http.StatusOK, "application/json", body).metadata()
		if !is {
			return
		}
		if err := p.believe(md); err != nil {
			checkUntold(t, err)
			return
		}
		if md.Issuer != p.name {
			t.Errorf("issuer %q", md.Issuer)
		}
		for _, at := range []string{md.Device, md.Token, md.Revocation, md.Userinfo, md.Keys} {
			if u, err := url.Parse(at); at != "" && (err != nil || u.Scheme != "https" || u.User != nil || u.Host == "") {
				t.Errorf("endpoint %q", at)
			}
		}
		if len(md.Scopes) > maxWords {
			t.Errorf("%d scopes", len(md.Scopes))
		}
	})
}
