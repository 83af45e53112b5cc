package daemon

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/internal/localhttp"
)

// TestArrivalsBeyondLoopback: where others can connect, the proxies alone do,
// if there are any, and nobody counts as a browser of this machine.
func TestArrivalsBeyondLoopback(t *testing.T) {
	lies := []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: bridge.example.com", "X-Forwarded-Proto: https"}
	for what, c := range map[string]struct {
		proxies string
		from    string
		headers []string
		status  int
		as      string // remote address and host, as the room behind sees them
	}{
		"the proxy":                   {"10.0.0.0/8", "10.0.0.2:1", []string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"}, 200, "203.0.113.9:0 bridge.example.com"},
		"the proxy, which says http":  {"10.0.0.0/8", "10.0.0.2:1", []string{"X-Forwarded-Proto: http"}, 403, ""},
		"the proxy, which is unclear": {"10.0.0.0/8", "10.0.0.2:1", []string{"X-Forwarded-Proto: https", "Forwarded: for=1.2.3.4"}, 400, ""},
		"a stranger":                  {"10.0.0.0/8", "203.0.113.9:1", nil, 403, ""},
		"a stranger who lies":         {"10.0.0.0/8", "203.0.113.9:1", lies, 403, ""},
		"this machine is no proxy":    {"10.0.0.0/8", "127.0.0.1:1", nil, 403, ""},
		"no proxy, TLS":               {"", "203.0.113.9:1", nil, 200, "203.0.113.9:1 bridge.example.com"},
		"no proxy, lies":              {"", "203.0.113.9:1", lies, 200, "203.0.113.9:1 bridge.example.com"},
	} {
		t.Run(what, func(t *testing.T) {
			var proxies localhttp.Proxies
			if c.proxies != "" {
				proxies = append(proxies, netip.MustParsePrefix(c.proxies))
			}
			seen := ""
			a := &arrivals{proxies: proxies, secure: true, next: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				seen = r.RemoteAddr + " " + r.Host
				for name := range r.Header {
					if strings.Contains(name, "Forwarded") {
						t.Errorf("the room behind sees %s", name)
					}
				}
			})}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://bridge.example.com/", nil)
			r.RemoteAddr = c.from
			for _, h := range c.headers {
				name, value, _ := strings.Cut(h, ": ")
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if w.Code != c.status || seen != c.as {
				t.Errorf("%d, seen as %q; want %d, %q", w.Code, seen, c.status, c.as)
			}
			if closes := w.Header().Get("Connection") == "close"; closes != (strings.Contains(what, "stranger") || strings.Contains(what, "no proxy") && c.status == 403) {
				t.Errorf("the connection closes: %v", closes)
			}
		})
	}
}

// TestNothingForBrowsersHereBeyondLoopback: where this machine's names are not
// served, there is no link that would lead there.
func TestNothingForBrowsersHereBeyondLoopback(t *testing.T) {
	h := open(t, configured(t, home(t), helper), corp())
	h.inboxAt = "" // as it is there
	if url, _, err := h.linker().NewLink(t.Context(), "alice"); err == nil || url != "" {
		t.Errorf("there is a link, and nowhere to open it: %v", err)
	}
}
