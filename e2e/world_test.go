package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// options shape a world. The zero value is alice, bob and the agent "helper",
// who may ask either of them at the strict provider "corp".
type options struct {
	codeLife  time.Duration                                  // of a device code at corp, whole seconds; default 10 min
	tokenLife time.Duration                                  // of an access token at corp, whole seconds; default 5 min
	issuer    *oauthtest.Issuer                              // a scripted issuer in place of corp
	front     func(w *world, next http.Handler) http.Handler // stands before it
	request   string                                         // the configuration's request section, such as "{ttl: 1s}"
	reuse     string                                         // of the agent's rule; default 8h
	callback  string                                         // where corp sends people back to who sign in; "" = nowhere
	trailer   string                                         // more YAML, at the end of the file
	edit      func(string) string
}

// world is a bridge with all that is around it.
type world struct {
	t        *testing.T
	provider *provider         // corp; nil with an issuer
	issuer   *oauthtest.Issuer // nil with a provider
	dir      string            // state, configuration, home
	run      string            // sockets; their paths have to be short
	config   string            // path
	under    string            // what a shell does before it becomes the bridge, such as "ulimit -n 64;"
	bridge   *bridge           // the process that runs now, or ran last

	logs  []*bridge // all processes so far
	known *secrets
}

// corpSecret is the bridge's own secret at corp.
const corpSecret = "corp-secret-3b1f9a"

// newWorld starts a provider and a bridge. Both are stopped at the end of the
// test, which then fails if the bridge raced, did not stop cleanly, or told
// anybody a secret that is not for them: see checkSecrets.
func newWorld(t *testing.T, o options) *world {
	t.Helper()
	w := prepareWorld(t, o)
	w.serve()
	return w
}

// prepareWorld is newWorld with the bridge not yet started.
func prepareWorld(t *testing.T, o options) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), known: newSecrets(), issuer: o.issuer}
	w.secret(corpSecret, clientSecret)
	if err := os.Mkdir(w.temporary(), 0o700); err != nil {
		t.Fatal(err)
	}
	run, err := os.MkdirTemp("", "ab")
	if err != nil {
		t.Fatal(err)
	}
	w.run = run
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	var issuer string
	if o.issuer != nil {
		issuer = o.issuer.Start(t, func(s *http.Server) {
			if o.front != nil {
				s.Handler = o.front(w, s.Handler)
			}
		})
	} else {
		w.provider = newProvider(t, o)
		issuer = w.provider.Issuer()
	}
	w.config = filepath.Join(w.dir, "authbridge.yaml")
	w.configure(configuration(w, o, issuer))
	t.Cleanup(w.close)
	return w
}

// configure writes the configuration file.
func (w *world) configure(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// edit changes the configuration file for the next start.
func (w *world) edit(old, now string) {
	w.t.Helper()
	text, err := os.ReadFile(w.config)
	if err != nil || !strings.Contains(string(text), old) {
		w.t.Fatalf("the configuration has no %q, error %v", old, err)
	}
	w.configure(strings.Replace(string(text), old, now, 1))
}

// in is the same world for a subtest, which then fails by itself.
func (w *world) in(t *testing.T) *world {
	return &world{
		t: t, provider: w.provider, issuer: w.issuer, dir: w.dir, run: w.run, config: w.config, bridge: w.bridge, known: w.known,
	}
}

func configuration(w *world, o options, issuer string) string {
	if o.reuse == "" {
		o.reuse = "8h"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "state_dir: %s\n", filepath.Join(w.dir, "state"))
	fmt.Fprintf(&b, "listen: {socket: %s, admin: %s, web: \"127.0.0.1:0\", ops: \"127.0.0.1:0\"}\n", w.agentSocket(), w.adminSocket())
	b.WriteString("network: {allow_http_loopback: true}\nlog: {level: debug}\n")
	if o.request != "" {
		fmt.Fprintf(&b, "request: %s\n", o.request)
	}
	fmt.Fprintf(&b, `providers:
  corp: {issuer: %q, client_id: authbridge, client_secret: "env:CORP_SECRET", scopes: [openid, email],
         scope_words: {files.read: read your files}}
humans:
  alice: {email: alice@example.com}
  bob: {email: bob@example.com}
agents:
  helper:
    uid: %d
    owner: alice
    where: the test bench
    may: [{provider: corp, scopes: ["files.*"], ask: [alice, bob], reuse: %s}]
`, issuer, os.Getuid(), o.reuse)
	b.WriteString(o.trailer)
	if o.edit != nil {
		return o.edit(b.String())
	}
	return b.String()
}

func (w *world) agentSocket() string { return filepath.Join(w.run, "agent.sock") }
func (w *world) adminSocket() string { return filepath.Join(w.run, "admin.sock") }
func (w *world) temporary() string   { return filepath.Join(w.dir, "tmp") }

// env is the environment of every process in this world.
func (w *world) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + w.temporary(), "TZ=UTC",
		"GORACE=atexit_sleep_ms=0", // else each process lingers for a second
		"CORP_SECRET=" + corpSecret, "AUTHBRIDGE_CONFIG=" + w.config,
		"AUTHBRIDGE_SOCKET=" + w.agentSocket(), "AUTHBRIDGE_ADMIN_SOCKET=" + w.adminSocket(),
	}
}

// serve starts the bridge and waits until it is ready.
func (w *world) serve() {
	w.t.Helper()
	w.launch()
	w.bridge.awaitReady()
	text, err := os.ReadFile(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	reached(w.t, command, "serve")
	reachedByConfig(w.t, key, string(text))
}

// launch starts the bridge and does not wait.
func (w *world) launch() {
	w.t.Helper()
	w.bridge = startBridge(w.t, w.env(), w.dir, w.under)
	w.logs = append(w.logs, w.bridge)
}

// kill ends the bridge as a power cut would.
func (w *world) kill() {
	w.t.Helper()
	w.bridge.kill()
	w.heardFiles()
}

// restart starts the bridge again on the same state, after kill or stop. Its
// pages are at a new address.
func (w *world) restart() {
	w.t.Helper()
	w.serve()
}

// stop ends the bridge as an operator would.
func (w *world) stop() {
	w.t.Helper()
	w.bridge.stop()
	w.heardFiles()
}

func (w *world) close() {
	if w.bridge == nil {
		return
	}
	w.stop()
	w.checkSecrets()
	for _, b := range w.logs {
		if strings.Contains(b.log.String(), "DATA RACE") {
			w.t.Errorf("the bridge raced:\n%s", b.log.String())
		}
	}
	if w.t.Failed() {
		w.t.Logf("the bridge's log:\n%s", w.bridge.log.String())
	}
}
