package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/config"
)

// helper is an agent that may ask alice for files.* at corp; whoever runs the
// test is it.
const helper = `
listen: {web: "127.0.0.1:0", ops: "127.0.0.1:0"}
network: {allow_http_loopback: true}
request: {max_open_per_human: 1000, max_open_per_agent_and_human: 1000}
providers: {corp: {issuer: "https://login.example.com", client_id: authbridge, scopes: [openid, email]}}
humans: {alice: {email: alice@example.com}}
agents: {helper: {uid: %d, owner: alice, may: [{provider: corp, scopes: ["files.*"], ask: [alice], reuse: 0s}]}}
`

// home is a directory for one bridge: its state in state, its sockets in run.
// The path is short enough for sockets on every system.
func home(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// configured reads a configuration for a bridge at home.
func configured(t testing.TB, dir, text string) *config.Config {
	t.Helper()
	places := map[string]string{"STATE_DIRECTORY": filepath.Join(dir, "state"), "RUNTIME_DIRECTORY": filepath.Join(dir, "run")}
	if strings.Contains(text, "%d") {
		text = fmt.Sprintf(text, os.Getuid())
	}
	cfg, err := config.Parse("authbridge.yaml", []byte(text), config.Env{
		Getenv:  func(name string) string { return places[name] },
		UID:     uint32(os.Getuid()),
		GroupID: func(string) (uint32, error) { return uint32(os.Getgid()), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// corp is a provider whose codes may be polled every second, which is as often
// as the bridge polls at all.
func corp() *bridgetest.Provider {
	p := bridgetest.New("https://login.example.com")
	p.Interval = time.Millisecond
	return p
}

// house is a running daemon, and an agent that lives in it.
type house struct {
	*Daemon
	t     testing.TB
	agent *client.Client
	quit  context.CancelFunc
	done  chan error
	once  sync.Once
	ended error
}

// open starts a daemon with this provider as corp, until the test ends or
// stop.
func open(t testing.TB, cfg *config.Config, corp bridge.Provider) *house {
	t.Helper()
	d, err := start(t.Context(), cfg, map[string]bridge.Provider{"corp": corp}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return run(t, d)
}

// run runs a daemon that was started.
func run(t testing.TB, d *Daemon) *house {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h := &house{Daemon: d, t: t, agent: &client.Client{Socket: d.cfg.Listen.Socket}, quit: cancel, done: make(chan error, 1)}
	go func() { h.done <- d.Run(ctx) }()
	t.Cleanup(h.stop)
	select {
	case <-d.bridge.Ready():
	case err := <-h.done:
		t.Fatalf("the daemon ended at once: %v", err)
	}
	return h
}

// stop ends the daemon and waits for it.
func (h *house) stop() {
	h.t.Helper()
	h.once.Do(func() {
		h.quit()
		h.ended = <-h.done
		h.agent.Close()
	})
	if h.ended != nil {
		h.t.Errorf("the daemon ended with: %v", h.ended)
	}
}

// ask asks alice, as a request of its own.
func (h *house) ask(session string) api.Request {
	h.t.Helper()
	r, err := h.agent.Ask(h.t.Context(), asking(session), client.AskOptions{})
	if err != nil {
		h.t.Fatalf("ask: %v", err)
	}
	return r
}

func asking(session string) api.Ask {
	return api.Ask{Provider: "corp", Scopes: []string{"files.read"}, Session: session, Reason: "summarise the Q3 planning folder"}
}

// press is alice, who presses a button.
func (h *house) press(id string, verb bridge.Verb) {
	h.t.Helper()
	alice := bridge.Clicker{Human: "alice", Channel: "web"}
	if _, _, err := h.bridge.Click(h.t.Context(), alice, bridge.RequestID(id), verb); err != nil {
		h.t.Fatalf("press %s: %v", verb, err)
	}
}

// until waits until a request is in a state.
func (h *house) until(id string, state api.State) api.Request {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), tooLong)
	defer cancel()
	var r api.Request
	for wait := time.Duration(0); r.State != state; wait = time.Minute {
		var err error
		if r, err = h.agent.Request(ctx, id, r.Version, wait); err != nil || r.State.Ended() && r.State != state {
			h.t.Fatalf("the request is %s and not %s (%v)", r.State, state, err)
		}
	}
	return r
}

// tooLong is what only a defect takes.
const tooLong = 30 * time.Second

// at is where a door is.
func (d *Daemon) at(name string) string {
	for _, o := range d.doors {
		if o.name == name {
			return o.listener.Addr().String()
		}
	}
	return ""
}

// clean checks that nothing goes on that did not go on before, and that no
// file is open that was not.
func clean(t testing.TB) func() {
	t.Helper()
	before, files := goleak.IgnoreCurrent(), filesOpen(t)
	return func() {
		t.Helper()
		goleak.VerifyNone(t, before)
		if now := filesOpen(t); now > files {
			t.Errorf("%d files are open, and %d were", now, files)
		}
	}
}

// filesOpen counts what this process has open, on Linux.
func filesOpen(t testing.TB) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // opens what Go keeps open
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(all)
}

// get fetches a page over TCP.
func get(t testing.TB, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return browser.Do(req)
}
