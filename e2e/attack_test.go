package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// hostilePage tries, in a browser, whatever a page can do to others.
const hostilePage = `<!doctype html><title>evil</title><script>
const at = %q, tried = {};
async function attempt(name, run) {
  try { tried[name] = await run(); } catch (e) { tried[name] = "refused"; }
}
const simple = (path, method, body) => fetch(at + path, { method, body, mode: "no-cors", credentials: "include" }).then((r) => r.type);
const read = (path, init) => fetch(at + path, init).then((r) => r.text());
const framed = (path) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.src = at + path;
  frame.onload = () => { try { done(frame.contentDocument ? "blank" : "other"); } catch { done("other"); } };
  document.body.append(frame);
});
const scripted = (path) => new Promise((done) => {
  const script = document.createElement("script");
  script.src = at + path; script.onload = () => done("ran"); script.onerror = () => done("refused");
  document.body.append(script);
});
const socket = () => new Promise((done) => {
  const ws = new WebSocket(at.replace("http", "ws") + "/inbox");
  ws.onopen = () => done("open"); ws.onerror = () => done("refused");
});
const posted = () => new Promise((done) => {
  const form = document.createElement("form");
  form.action = at + "/session"; form.method = "post"; form.enctype = "text/plain"; form.target = "hole";
  form.innerHTML = '<input name=\'{"link":"\' value=\'x"}\'>';
  const hole = document.createElement("iframe"); hole.name = "hole";
  document.body.append(form, hole);
  form.submit(); hole.onload = () => done("sent");
});
onload = async () => {
  await attempt("read the page", () => read("/"));
  await attempt("read the inbox", () => read("/inbox", { headers: { Authorization: "Bearer x" } }));
  await attempt("post JSON", () => read("/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"link":"x"}' }));
  await attempt("run our script", () => scripted("/inbox.js"));
  await attempt("open a socket", socket);
  await attempt("press a button", () => read("/requests/%s/deny", { method: "POST" }));
  await attempt("simple post", () => simple("/requests/%s/deny", "POST", ""));
  await attempt("form", posted);
  await attempt("frame", () => framed("/"));
  document.title = "done";
};
</script><body></body>`

// TestPagesOnOtherSites: a browser shows a page of another port of the same
// host, and one on another host; alice's inbox is open beside them.
func TestPagesOnOtherSites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	alice := w.inbox("alice")
	r := w.ask("")
	alice.offers("Show code")
	page := fmt.Sprintf(hostilePage, w.bridge.inbox(), r.ID, r.ID)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
	}))
	defer site.Close()
	for _, at := range []string{site.URL, strings.Replace(site.URL, "127.0.0.1", "localhost", 1)} {
		// In the same window as the inbox: nothing of the session is its.
		evil := newWindow(alice)
		evil.open(at + "/")
		evil.eventually("the page has tried all", "document.title", "done")
		for _, name := range []string{"read the page", "read the inbox", "post JSON", "run our script", "open a socket", "press a button", "simple post"} {
			if got := evil.value(fmt.Sprintf("tried[%s]", literal(name))); got != "refused" {
				t.Errorf("%s could %s: %.100s", at, name, got)
			}
		}
		evil.eventually("a form", `tried["form"]`, "sent")
		if got := evil.value(`String([...document.querySelectorAll("iframe")].some((f) => { try { return f.contentDocument?.querySelector("#whose"); } catch { return false; } }))`); got != "false" {
			t.Errorf("%s frames the inbox", at)
		}
	}
	if now := w.request(r.ID); now.State != "asked" {
		t.Errorf("a page has pressed a button: %s", now.State)
	}
	alice.offers("Show code")
}

// newWindow opens another window beside one, with all that its browser knows.
func newWindow(beside *tab) *tab {
	beside.t.Helper()
	ctx, cancel := chromedp.NewContext(beside.ctx)
	beside.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		beside.t.Fatalf("open a window: %v", err)
	}
	return &tab{beside.t, ctx}
}

// TestSlowCallersAreCutOff at every door of the program, and keep nobody out.
func TestSlowCallersAreCutOff(t *testing.T) {
	t.Parallel()
	w, public, _ := publicWorld(t)
	inbox := strings.TrimPrefix(public, "https://")
	const half = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
	began := time.Now()
	var all sync.WaitGroup
	for what, c := range map[string]struct{ network, at, says string }{
		"agents, a header":     {"unix", w.agentSocket(), half},
		"agents, nothing":      {"unix", w.agentSocket(), ""},
		"admin, a header":      {"unix", w.adminSocket(), half},
		"ops, a header":        {"tcp", w.bridge.at("ops"), half},
		"inbox, no handshake":  {"tcp", inbox, ""},
		"inbox, half of one":   {"tcp", inbox, "\x16\x03\x01\x02\x00\x01\x00\x01"},
		"inbox, no TLS at all": {"tcp", inbox, half},
	} {
		for range 20 {
			conn, err := new(net.Dialer).DialContext(t.Context(), c.network, c.at)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if _, err := io.WriteString(conn, c.says); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			all.Go(func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetReadDeadline(began.Add(patience))
				if _, err := io.Copy(io.Discard, conn); err != nil {
					if late, ok := err.(net.Error); ok && late.Timeout() { //nolint:errorlint // as the connection returns it
						t.Errorf("%s: not cut off after %s", what, patience)
					}
				}
			})
		}
	}
	w.ask("") // others are served meanwhile
	if got := status(t, "http://"+w.bridge.at("ops")+"/healthz"); got != http.StatusOK {
		t.Errorf("health: %d", got)
	}
	all.Wait()
}
