package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// options shape a world. The zero value is alice, bob and the agent "helper",
// who may ask either of them at the strict provider "corp".
type options struct {
	codeLife  time.Duration     // of a device code at corp, whole seconds; default 10 min
	tokenLife time.Duration     // of an access token at corp, whole seconds; default 5 min
	issuer    *oauthtest.Issuer // a scripted issuer in place of corp
	request   string            // the configuration's request section, such as "{ttl: 1s}"
	reuse     string            // of the agent's rule; default 8h
	trailer   string            // more YAML, at the end of the file
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

// secrets are what must never stand in a log or in the clear on disk, each
// with what it is.
type secrets struct {
	mu  sync.Mutex
	all map[string]string
}

// corpSecret is the bridge's own secret at corp.
const corpSecret = "corp-secret-3b1f9a"

// newWorld starts a provider and a bridge. Both are stopped at the end of the
// test, which then fails if the bridge raced, told a secret in its log, left
// one in the clear on disk, or did not stop cleanly.
func newWorld(t *testing.T, o options) *world {
	t.Helper()
	w := prepareWorld(t, o)
	w.serve()
	return w
}

// prepareWorld is newWorld with the bridge not yet started.
func prepareWorld(t *testing.T, o options) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), known: &secrets{all: map[string]string{}}, issuer: o.issuer}
	w.secret(corpSecret, "the client's secret")
	run, err := os.MkdirTemp("", "ab")
	if err != nil {
		t.Fatal(err)
	}
	w.run = run
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	var issuer string
	if o.issuer != nil {
		issuer = o.issuer.Start(t)
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
	b.WriteString("network: {allow_http_loopback: true}\n")
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

// env is the environment of every process in this world.
func (w *world) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TZ=UTC",
		"CORP_SECRET=" + corpSecret, "AUTHBRIDGE_CONFIG=" + w.config,
		"AUTHBRIDGE_SOCKET=" + w.agentSocket(), "AUTHBRIDGE_ADMIN_SOCKET=" + w.adminSocket(),
	}
}

// secret notes what must never be told, and returns it.
func (w *world) secret(text, what string) string {
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	if text != "" {
		w.known.all[text] = what
	}
	return text
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
}

func (w *world) close() {
	if w.bridge == nil {
		return
	}
	w.stop()
	w.learnFromProvider()
	for _, b := range w.logs {
		w.checkTold("the log", b.log.String())
		if strings.Contains(b.log.String(), "DATA RACE") {
			w.t.Errorf("the bridge raced:\n%s", b.log.String())
		}
	}
	w.checkState()
	if w.t.Failed() {
		w.t.Logf("the bridge's log:\n%s", w.bridge.log.String())
	}
}

// learnFromProvider takes in the secrets that only the provider and the bridge
// have seen.
func (w *world) learnFromProvider() {
	if w.provider == nil {
		return
	}
	for _, name := range []string{"device_code", "user_code", "access_token", "refresh_token", "id_token"} {
		for _, secret := range w.provider.said(name) {
			w.secret(secret, "a "+name)
		}
	}
}

// checkState looks for secrets in the clear in what the bridge has stored.
func (w *world) checkState() {
	_ = filepath.WalkDir(filepath.Join(w.dir, "state"), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // a bridge that never started has stored nothing
		}
		text, err := os.ReadFile(path)
		if err != nil {
			w.t.Error(err)
		}
		w.checkTold(filepath.Base(path), string(text))
		return nil
	})
}

func (w *world) checkTold(where, text string) {
	for _, what := range w.told(text) {
		w.t.Errorf("%s stands in the clear in %s", what, where)
	}
}

// told lists what a text tells of the secrets of this world.
func (w *world) told(text string) (all []string) {
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	for secret, what := range w.known.all {
		if strings.Contains(text, secret) {
			all = append(all, what)
		}
	}
	return all
}
