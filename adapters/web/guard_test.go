package web

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every page that a browser shows can try to reach a listener on loopback.
// These are the ways.
func TestForeignPagesAreTurnedAway(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	h.desk.put("alice", asked())
	click := "/requests/" + string(asked().Request) + "/deny"

	for _, attack := range []struct {
		what   string
		method string
		path   string
		edits  []edit
		status int
	}{
		{"a name pointed at 127.0.0.1", "GET", "/", []edit{to("evil.example:8741")}, 421},
		{"the same, for the inbox", "GET", "/inbox", []edit{to("evil.example:8741"), as(alice)}, 421},
		{"the same, with a link", "POST", "/session", []edit{to("evil.example:8741"), body(`{"link":"x"}`)}, 421},
		{"the right name, another port", "GET", "/", []edit{to("127.0.0.1:8742")}, 421},
		{"no host", "GET", "/", []edit{to("")}, 421},
		{"a click from another site", "POST", click, []edit{as(alice), header("Origin", "https://evil.example"), header("Sec-Fetch-Site", "cross-site")}, 403},
		{"a click from another site in an old browser", "POST", click, []edit{as(alice), header("Origin", "https://evil.example"), header("Sec-Fetch-Site", "")}, 403},
		{"a click from another port of this host", "POST", click, []edit{as(alice), header("Origin", "http://127.0.0.1:9999"), header("Sec-Fetch-Site", "same-site")}, 403},
		{"the same in an old browser", "POST", click, []edit{as(alice), header("Origin", "http://127.0.0.1:9999"), header("Sec-Fetch-Site", "")}, 403},
		{"a click from a sandboxed frame", "POST", click, []edit{as(alice), header("Origin", "null"), header("Sec-Fetch-Site", "")}, 403},
		{"a click that says nothing of its origin", "POST", click, []edit{as(alice), header("Origin", ""), header("Sec-Fetch-Site", "")}, 403},
		{"an origin that only begins like ours", "POST", click, []edit{as(alice), header("Origin", base+".evil.example"), header("Sec-Fetch-Site", "")}, 403},
		{"a sign-in from another site", "POST", "/session", []edit{body(`{"link":"x"}`), header("Origin", "https://evil.example"), header("Sec-Fetch-Site", "")}, 403},
		{"a sign-out from another site", "DELETE", "/session", []edit{as(alice), header("Origin", "https://evil.example"), header("Sec-Fetch-Site", "")}, 403},
		{"our script in another site's page", "GET", "/inbox.js", []edit{header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "no-cors"), header("Sec-Fetch-Dest", "script")}, 403},
		{"our page in a frame", "GET", "/", []edit{header("Sec-Fetch-Site", "same-site"), header("Sec-Fetch-Mode", "navigate"), header("Sec-Fetch-Dest", "iframe")}, 403},
		{"a preflight", "OPTIONS", click, []edit{header("Origin", "https://evil.example"), header("Access-Control-Request-Method", "POST")}, 405},
		{"TRACE", "TRACE", "/", nil, 405},
		{"a click by link", "GET", click, []edit{as(alice)}, 405},
		{"an unknown path", "GET", "/slack/commands", nil, 404},
	} {
		t.Run(attack.what, func(t *testing.T) {
			a := h.call(attack.method, attack.path, attack.edits...)
			a.expect(t, attack.status)
			if got := a.header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("lets %q read the answer", got)
			}
			if strings.Contains(a.body, "helper") {
				t.Errorf("tells about a request: %s", a.body)
			}
		})
	}
	if len(h.desk.clicks) != 0 {
		t.Errorf("clicks went through: %v", h.desk.clicks)
	}
	h.call("GET", "/inbox", as(alice)).expect(t, 200, "helper wants corp")
}

func TestOurOwnPageIsServed(t *testing.T) {
	h := newHouse(t)
	for name, edits := range map[string][]edit{
		"typed into the address bar": {header("Sec-Fetch-Site", "none")},
		"by its other name":          {to("localhost:8741")},
		"in capitals":                {to("LOCALHOST:8741")},
		"from a link in a mail":      {header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "navigate"), header("Sec-Fetch-Dest", "document")},
		"by an old browser":          {header("Sec-Fetch-Site", "")},
	} {
		t.Run(name, func(t *testing.T) {
			h.call("GET", "/", edits...).expect(t, 200, "<title>Inbox - authbridge</title>")
		})
	}
	t.Run("an old browser's click has an Origin only", func(t *testing.T) {
		h.call("POST", "/session", body(`{"link":"x"}`), header("Sec-Fetch-Site", "")).expect(t, 403, spent)
	})
}

func TestEveryAnswerIsProtected(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	h.desk.put("alice", asked())
	want := map[string]string{
		"Cache-Control":                "no-store",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types inbox",
	}
	for what, a := range map[string]answer{
		"page":          h.call("GET", "/"),
		"style":         h.call("GET", "/inbox.css"),
		"script":        h.call("GET", "/inbox.js"),
		"icon":          h.call("GET", "/inbox.svg"),
		"inbox":         h.call("GET", "/inbox", as(alice)),
		"no session":    h.call("GET", "/inbox"),
		"foreign host":  h.call("GET", "/", to("evil.example")),
		"not found":     h.call("GET", "/nothing"),
		"wrong method":  h.call("POST", "/"),
		"spent link":    h.open("nothing"),
		"cleaned path":  h.call("GET", "//inbox"),
		"bad parameter": h.call("GET", "/inbox?wait=soon", as(alice)),
	} {
		t.Run(what, func(t *testing.T) {
			for name, value := range want {
				if diff := cmp.Diff([]string{value}, a.header.Values(name)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if cookies := a.header.Values("Set-Cookie"); len(cookies) != 0 {
				t.Errorf("sets cookies: %v", cookies)
			}
		})
	}
}

// The policy forbids what is inline, so the page must have nothing inline.
func TestPageHoldsNothingInline(t *testing.T) {
	for _, name := range []string{"inbox.html", "cards.html"} {
		text, err := page.ReadFile("page/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, inline := range []string{"<style", " style=", " onclick", " onload", "<script>", "javascript:", "http://", "https://", "//cdn"} {
			if strings.Contains(string(text), inline) {
				t.Errorf("%s contains %q", name, inline)
			}
		}
	}
}

func TestTooMuchIsNotRead(t *testing.T) {
	h := newHouse(t)
	h.call("POST", "/session", body(`{"link":"`+strings.Repeat("x", maxBody)+`"}`)).expect(t, http.StatusRequestEntityTooLarge)
	h.call("POST", "/session", body(`{"link":"`+strings.Repeat("x", maxBody/2)+`"}`)).expect(t, http.StatusForbidden)
}

func TestHosts(t *testing.T) {
	for _, c := range []struct {
		address *net.TCPAddr
		want    []string
	}{
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8741}, []string{"127.0.0.1:8741", "[::1]:8741", "localhost:8741"}},
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 8741}, []string{"127.0.0.1:8741", "127.0.0.2:8741", "[::1]:8741", "localhost:8741"}},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 80}, []string{"127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:80", "localhost", "localhost:80"}},
		{&net.TCPAddr{IP: net.IPv4zero, Port: 8741}, nil},
		{&net.TCPAddr{IP: net.IPv6zero, Port: 8741}, nil},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8741}, nil},
	} {
		if diff := cmp.Diff(c.want, Hosts(c.address)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.address, diff)
		}
	}
}
