package daemon

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/client"
)

// TestNothingIsLeftWhateverWasGoingOn brings a bridge into a state, stops it,
// and looks for goroutines and files. Then it starts again.
func TestNothingIsLeftWhateverWasGoingOn(t *testing.T) {
	for name, into := range map[string]func(h *house, p *bridgetest.Provider) (after func()){
		"nothing":   func(*house, *bridgetest.Provider) func() { return func() {} },
		"asked":     func(h *house, _ *bridgetest.Provider) func() { h.ask(""); return func() {} },
		"coded":     func(h *house, _ *bridgetest.Provider) func() { h.coded(); return func() {} },
		"held":      held,
		"granted":   func(h *house, p *bridgetest.Provider) func() { h.granted(p); return func() {} },
		"collected": collected,
		"a code is asked for at the provider": func(h *house, p *bridgetest.Provider) func() {
			release := p.HoldBegin()
			h.press(h.ask("").ID, bridge.VerbShowCode)
			return release
		},
		"a poll is at the provider": func(h *house, p *bridgetest.Provider) func() {
			release := p.Hold()
			h.coded()
			h.stall(func() bool { return p.Polls() > 0 })
			return release
		},
		"an idle connection": func(h *house, _ *bridgetest.Provider) func() { return h.dial(agentDoor, "").close },
		"half a call":        func(h *house, _ *bridgetest.Provider) func() { return h.dial(agentDoor, "GET /v1/requests HT").close },
		"half a body": func(h *house, _ *bridgetest.Provider) func() {
			return h.dial(agentDoor, "POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{").close
		},
		"an open stream of events": func(h *house, _ *bridgetest.Provider) func() {
			c := h.dial(agentDoor, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
			if line, err := c.r.ReadString('\n'); err != nil || !strings.Contains(line, "200 OK") {
				h.t.Errorf("it begins with %q, %v", line, err)
			}
			return c.close
		},
		"half a call at the inbox": func(h *house, _ *bridgetest.Provider) func() { return h.dial(webDoor, "GET / HT").close },
		"a reader who does not read": func(h *house, _ *bridgetest.Provider) func() {
			return h.doesNotRead().close
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, provider := configured(t, home(t), helper), corp()
			over := clean(t)
			h := open(t, cfg, provider)
			after := sync.OnceFunc(into(h, provider))
			ended := make(chan struct{})
			go func() { defer close(ended); h.endsSoon() }()
			<-h.stopping.Done()
			if strings.HasSuffix(name, "at the provider") {
				after() // it answers
			}
			<-ended
			after()
			over()
			open(t, cfg, provider).endsSoon()
			over()
		})
	}
}

// coded is a request whose code alice sees.
func (h *house) coded() api.Request {
	h.t.Helper()
	r := h.ask("")
	h.press(r.ID, bridge.VerbShowCode)
	return h.until(r.ID, api.Coded)
}

func (h *house) granted(p *bridgetest.Provider) api.Request {
	h.t.Helper()
	r := h.coded()
	p.Approve(bridgetest.Alice)
	return h.until(r.ID, api.Granted)
}

// held leaves a request with a token whose account nobody could be asked for.
func held(h *house, p *bridgetest.Provider) func() {
	p.Fail("Identify", &bridge.Unavailable{}, &bridge.Unavailable{}, &bridge.Unavailable{})
	r := h.coded()
	p.Approve(bridgetest.Alice)
	h.until(r.ID, api.Held)
	return func() {}
}

func collected(h *house, p *bridgetest.Provider) func() {
	r := h.granted(p)
	if _, err := h.agent.Collect(h.t.Context(), r.ID); err != nil {
		h.t.Error(err)
	}
	return func() {}
}

// stall waits until something holds that makes no sound.
func (h *house) stall(holds func() bool) {
	h.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(tooLong); !holds(); {
		select {
		case <-tick.C:
		case <-deadline:
			h.t.Fatal("it did not come to that")
		}
	}
}

// doesNotRead is an agent with a long list, who reads one byte of it. The rest
// does not fit into what the system keeps for a reader.
func (h *house) doesNotRead() *caller {
	h.t.Helper()
	var asks sync.WaitGroup
	for i := range api.MaxLimit {
		asks.Go(func() {
			ask := asking(fmt.Sprint("long ", i))
			ask.Reason, ask.Context = strings.Repeat("long ", 60), []string{strings.Repeat("c", 100), strings.Repeat("d", 100)}
			if _, err := h.agent.Ask(h.t.Context(), ask, client.AskOptions{}); err != nil {
				h.t.Error(err)
			}
		})
	}
	asks.Wait()
	c := h.dial(agentDoor, fmt.Sprintf("GET /v1/requests?limit=%d HTTP/1.1\r\nHost: localhost\r\n\r\n", api.MaxLimit))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		h.t.Fatal(err)
	}
	return c
}

// caller is one connection to a door.
type caller struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

// dial connects to a door and says this. If nobody else is connected there,
// the daemon knows of the connection when dial returns.
func (h *house) dial(name, words string) *caller {
	h.t.Helper()
	network := "unix"
	if name == webDoor || name == opsDoor {
		network = "tcp"
	}
	c, err := new(net.Dialer).DialContext(h.t.Context(), network, h.at(name))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, o := range h.doors {
		if o.name == name {
			h.stall(func() bool { return o.listener.Open() > 0 })
		}
	}
	if _, err := io.WriteString(c, words); err != nil {
		h.t.Fatal(err)
	}
	return &caller{c, h.t.(*testing.T), bufio.NewReader(c)}
}

func (c *caller) close() { _ = c.Close() }

// answer reads one answer, as it is on the wire.
func (c *caller) answer() (status int, head, body string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, fmt.Sprintf("%v, close: %v", resp.Header, resp.Close), string(read)
}

// TestWhoComesLateIsTold that the bridge is stopping, at every door, while a
// call to a provider is under way. Its answer is a token, which is kept.
func TestWhoComesLateIsTold(t *testing.T) {
	cfg, provider := configured(t, home(t), helper), &slow{corp(), make(chan struct{}), make(chan struct{})}
	over := clean(t)
	h := open(t, cfg, provider)
	r := h.coded()
	provider.Approve(bridgetest.Alice)
	<-provider.sent
	half := h.dial(agentDoor, "GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\n")
	ended := make(chan struct{})
	go func() { defer close(ended); h.endsSoon() }()
	<-h.stopping.Done()

	late := &client.Client{Socket: cfg.Listen.Socket}
	defer late.Close()
	if _, err := late.Ask(t.Context(), asking("late"), client.AskOptions{}); client.CodeOf(err) != api.ProblemShuttingDown {
		t.Errorf("an agent is told: %v", err)
	}
	if _, err := h.agent.Request(t.Context(), r.ID, 0, 0); client.CodeOf(err) != api.ProblemShuttingDown {
		t.Errorf("an agent that was connected is told: %v", err)
	}
	if _, err := (admin.Client{Socket: cfg.Listen.Admin}).InboxLink(t.Context(), "alice"); client.CodeOf(err) != api.ProblemShuttingDown {
		t.Errorf("the operator is told: %v", err)
	}
	for at, words := range map[string]string{h.inboxAt + "/": "The bridge is stopping. Nothing is lost: try again", "http://" + h.at(opsDoor) + "/readyz": "stopping"} {
		resp, err := get(t, at)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), words) || !resp.Close {
			t.Errorf("%s says %d %q, close %v (%v)", at, resp.StatusCode, body, resp.Close, err)
		}
	}
	if _, err := io.WriteString(half, "\r\n"); err != nil {
		t.Fatal(err)
	}
	if status, head, body := half.answer(); status != 503 || !strings.Contains(head, "Retry-After:[2]") || !strings.Contains(head, "close: true") || !strings.Contains(body, "shutting_down") {
		t.Errorf("who had begun to call gets %d %s %s", status, head, body)
	}
	half.close()
	close(provider.arrive)
	<-ended
	late.Close()
	over()

	again := open(t, cfg, provider)
	if token, err := again.agent.WaitToken(t.Context(), r.ID, 0, nil); err != nil || token.AccessToken != "access-1" {
		t.Errorf("the token that came during the end is lost: %v", err)
	}
}

// TestWhoIsConnectedHasAMoment: an agent that was waiting is answered, calls
// again at once, and finds somebody.
func TestWhoIsConnectedHasAMoment(t *testing.T) {
	h := open(t, configured(t, home(t), helper), corp())
	waiting := h.ask("")
	c := h.dial(agentDoor, "GET /v1/requests/"+waiting.ID+"?after="+fmt.Sprint(waiting.Version)+"&wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	defer c.close()
	h.quit()
	if status, _, body := c.answer(); status != 200 && !strings.Contains(body, "shutting_down") {
		t.Errorf("who waits gets %d %s", status, body)
	}
	if _, err := h.agent.Whoami(t.Context()); client.CodeOf(err) != api.ProblemShuttingDown {
		t.Errorf("who calls again is told: %v", err)
	}
	h.stop()
}

// TestNobodyHoldsTheEndUp for longer than ten seconds: not a provider that
// hangs, a caller in the middle of a call, and a reader who does not read, all
// at once.
func TestNobodyHoldsTheEndUp(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	provider := &slow{corp(), make(chan struct{}), nil}
	h := open(t, configured(t, home(t), helper), provider)
	h.coded()
	provider.Approve(bridgetest.Alice)
	<-provider.sent
	defer h.doesNotRead().close()
	defer h.dial(agentDoor, "GET /v1/whoami HTTP/1.1\r\n").close()
	defer h.dial(webDoor, "GET / HTTP/1.1\r\n").close()
	began := time.Now()
	h.stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the end took %s", took)
	}
}
