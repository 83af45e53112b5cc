package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/internal/tlstest"
)

// certificate makes one for localhost, and returns who believes it.
func certificate(t *testing.T, dir string) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	ca := tlstest.New(t)
	cert, key = filepath.Join(dir, "tls-cert.pem"), filepath.Join(dir, "tls-key.pem")
	tlstest.Write(t, cert, key, ca.Issue("localhost", time.Hour))
	return cert, key, ca.Pool()
}

// freePort is one that nobody listens at now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// publicWorld is a bridge that speaks TLS under a public address, where people
// sign in through corp.
func publicWorld(t *testing.T) (w *world, public string, roots *x509.CertPool) {
	t.Helper()
	port := freePort(t)
	public = "https://localhost:" + port
	cert, key, roots := certificate(t, t.TempDir())
	w = newWorld(t, options{callback: public + "/callback", edit: func(text string) string {
		text = strings.Replace(text, `web: "127.0.0.1:0"`, fmt.Sprintf(`web: "127.0.0.1:%s", sign_in: corp, tls: {cert: "file:%s", key: "file:%s"}`, port, cert, key), 1)
		return text + "public_url: " + public + "\n"
	}})
	return w, public, roots
}

// atCorp signs in at the provider's page, and goes on from there.
func (p *tab) atCorp(login string) {
	p.t.Helper()
	p.fill("Account", login)
	p.click("button", "Sign in")
	p.click("link", "Go on to Example Bridge")
}

func TestPeopleSignInThroughTheirProvider(t *testing.T) {
	t.Parallel()
	w, public, roots := publicWorld(t)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, public+"/callback", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Strict-Transport-Security") != "max-age=31536000" {
		t.Errorf("%d, %v", resp.StatusCode, resp.Header)
	}
	reached(t, route, "GET /callback")

	p := newTab(t)
	p.open(public)
	p.sees("Not signed in")
	p.click("button", "Sign in with corp")
	p.sees("You are signing in to Example Bridge")
	p.atCorp("alice")
	p.sees("Inbox of alice", "through corp")
	if got := p.value("location.href + ' ' + Object.keys(sessionStorage).join()"); got != public+"/ authbridge.session" {
		t.Errorf("what is left in the tab: %s", got)
	}
	w.secret(p.value("sessionStorage.getItem('authbridge.session')"), sessionSecret)
	asked := w.ask("")
	p.press("Show code")
	p.code(w)
	p.press("Deny")
	w.becomes(asked.ID, "denied")

	t.Run("a link leads to the public address", func(t *testing.T) {
		if link := w.in(t).inboxLink("bob"); !strings.HasPrefix(link, public+"/#") {
			t.Errorf("the link begins with %.30s", link)
		}
	})
	t.Run("login CSRF", func(t *testing.T) {
		// The attacker has signed in, and kept the answer from their own browser.
		victim := &tab{t, p.ctx}
		victim.open(public + "/callback?code=attackers&state=attackers")
		victim.sees("This tab did not begin that sign-in", "Inbox of alice")
		victim.open(public + "/callback?error=access_denied&error_description=Call+555+now")
		victim.sees("This tab did not begin that sign-in")
		if strings.Contains(victim.text(), "555") {
			t.Error("the page says what a link wants it to")
		}
		if got := victim.value("location.href"); got != public+"/" {
			t.Errorf("the answer stays in the address bar: %s", got)
		}
	})
	t.Run("who said no", func(t *testing.T) {
		other := newTab(t)
		other.open(public)
		other.click("button", "Sign in with corp")
		other.sees("You are signing in to Example Bridge")
		other.open(public + "/callback?error=access_denied&state=whatever")
		other.sees("This is not the answer to a sign-in of this page")
	})
	t.Run("nobody whom agents may ask", func(t *testing.T) {
		mallory := newTab(t)
		mallory.open(public)
		mallory.click("button", "Sign in with corp")
		mallory.atCorp("mallory") // she says to be alice@example.com, which nobody has checked
		mallory.sees("nobody here whom agents may ask", "Not signed in")
	})
	for event, want := range map[string]int{"inbox_signed_in": 1, "inbox_sign_in_refused": 1} {
		if got := strings.Count(w.cli("audit").wants(t, 0).stdout, event); got != want {
			t.Errorf("the audit log has %d x %s, want %d", got, event, want)
		}
	}

	// The operator finds out that corp's alice is not the one.
	w.edit("alice: {email: alice@example.com}", `alice: {email: alice@example.com, accounts: {corp: "sub:a-9"}}`)
	w.hangUp(`"msg":"reloaded"`)
	p.sees("You are not signed in, or your session is over")
}

// TestBehindAProxy: what the proxy says is believed, and what it passes on is
// served under the public address or not at all.
func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	const host = "bridge.example.com"
	w := newWorld(t, options{callback: "https://" + host + "/callback", edit: func(text string) string {
		text = strings.Replace(text, `web: "127.0.0.1:0"`, `web: "127.0.0.1:0", sign_in: corp, trusted_proxy: ["127.0.0.1/32"]`, 1)
		return text + "public_url: https://" + host + "\n"
	}})
	at := w.bridge.at("inbox")
	ask := func(method, path, host string, headers ...string) (status int, body string, header http.Header) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Add(name, value)
		}
		resp, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text), resp.Header
	}
	passed := []string{"X-Forwarded-For: 198.51.100.1, 203.0.113.9", "X-Forwarded-Proto: https"}
	for what, c := range map[string]struct {
		method, path, host string
		headers            []string
		status             int
		words              string
	}{
		"the page":                       {"GET", "/", host, passed, 200, "Sign in with"},
		"a host in a header":             {"GET", "/", at, append([]string{"X-Forwarded-Host: " + host}, passed...), 200, "Sign in with"},
		"this machine's own browser":     {"GET", "/", at, nil, 200, "To sign in, run this"},
		"no host passed on":              {"GET", "/", at, passed, 421, "has to pass on the host"},
		"another host":                   {"GET", "/", "evil.example", passed, 421, "not the inbox's"},
		"a host that a caller made up":   {"GET", "/", host, append([]string{"X-Forwarded-Host: localhost:8741"}, passed...), 421, "not the inbox's"},
		"a dot at its end":               {"GET", "/", host + ".", passed, 421, "not the inbox's"},
		"another port":                   {"GET", "/", host + ":8443", passed, 421, "not the inbox's"},
		"the scheme's own port":          {"GET", "/", strings.ToUpper(host) + ":443", passed, 200, "Sign in with"},
		"over http":                      {"GET", "/", host, []string{"X-Forwarded-Proto: http"}, 403, "over https alone"},
		"both kinds of header":           {"GET", "/", host, append([]string{"Forwarded: for=127.0.0.1;proto=https"}, passed...), 400, "contradicts itself"},
		"a sign-in":                      {"POST", "/sign-in", host, append([]string{"Origin: https://" + host}, passed...), 200, "/authorize?"},
		"a sign-in, http in its origin":  {"POST", "/sign-in", host, append([]string{"Origin: http://" + host}, passed...), 403, "own page"},
		"a sign-in from another site":    {"POST", "/sign-in", host, append([]string{"Origin: https://evil.example"}, passed...), 403, "own page"},
		"a sign-in from nowhere":         {"POST", "/sign-in", host, append([]string{"Origin: null"}, passed...), 403, "own page"},
		"a sign-in on loopback":          {"POST", "/sign-in", at, []string{"Origin: http://" + at}, 404, "Nobody can sign in here"},
		"a claim to be from the machine": {"GET", "/", at, append([]string{"X-Forwarded-Host: " + at}, passed...), 421, "has to pass on the host"},
	} {
		t.Run(what, func(t *testing.T) {
			status, body, header := ask(c.method, c.path, c.host, c.headers...)
			if status != c.status || !strings.Contains(body, c.words) {
				t.Errorf("%d %s", status, body)
			}
			if strings.EqualFold(strings.TrimSuffix(c.host, ":443"), host) && status == 200 && header.Get("Strict-Transport-Security") == "" {
				t.Error("no Strict-Transport-Security")
			}
		})
	}
	if link := w.inboxLink("alice"); !strings.HasPrefix(link, "https://"+host+"/#") {
		t.Errorf("the link begins with %.30s", link)
	}
}
