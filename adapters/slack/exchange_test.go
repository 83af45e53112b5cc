package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// exchange is a Slack that does what a test tells it to, and nothing else: it
// answers two methods and holds sockets.
type exchange struct {
	t   *testing.T
	srv *httptest.Server

	mu      sync.Mutex
	refuse  map[string]string // the errors that methods answer
	others  int               // sockets of others that each hello counts
	mute    bool              // no hellos
	seen    []string          // the methods that were called
	peers   chan *peer
	serving map[*peer]bool
}

// peer is Slack's end of a socket.
type peer struct {
	*websocket.Conn
	n    int
	mu   sync.Mutex
	acks chan acknowledged
	done chan struct{} // closed when it has read to the end
	how  error         // how reading ended
}

type acknowledged struct {
	ID      string          `json:"envelope_id"`
	Payload json.RawMessage `json:"payload"`
}

func startExchange(t *testing.T) *exchange {
	x := &exchange{t: t, refuse: map[string]string{}, peers: make(chan *peer, 100), serving: map[*peer]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/auth.test", x.authTest)
	mux.HandleFunc("/api/apps.connections.open", x.connectionsOpen)
	mux.HandleFunc("/socket/{n}", x.socket)
	x.srv = httptest.NewServer(mux)
	t.Cleanup(x.srv.Close)
	t.Cleanup(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		for p := range x.serving {
			_ = p.Close()
		}
	})
	return x
}

func (x *exchange) authTest(w http.ResponseWriter, _ *http.Request) {
	if _, refuse := x.note("auth.test"); refuse != "" {
		fmt.Fprintf(w, `{"ok":false,"error":%q}`, refuse)
		return
	}
	fmt.Fprint(w, `{"ok":true,"team_id":"T0ACME","user_id":"U0BRIDGE","bot_id":"B0BRIDGE"}`)
}

func (x *exchange) connectionsOpen(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer xapp-") {
		x.t.Errorf("apps.connections.open without the app-level token")
	}
	n, refuse := x.note("apps.connections.open")
	switch refuse {
	case "":
		fmt.Fprintf(w, `{"ok":true,"url":"ws%s/socket/%d?ticket=secret-ticket"}`, strings.TrimPrefix(x.srv.URL, "http"), n)
	case "503":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "404":
		w.WriteHeader(http.StatusNotFound)
	default:
		fmt.Fprintf(w, `{"ok":false,"error":%q}`, refuse)
	}
}

func (x *exchange) note(method string) (n int, refuse string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seen = append(x.seen, method)
	return len(x.seen), x.refuse[method]
}

// calls is how often a method was called.
func (x *exchange) calls(method string) (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.seen {
		if m == method {
			n++
		}
	}
	return n
}

// alter changes what it does from now on.
func (x *exchange) alter(how func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	how()
}

func (x *exchange) socket(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		x.t.Errorf("a handshake that is none: %v", err)
		return
	}
	p := &peer{Conn: conn, acks: make(chan acknowledged, 1000), done: make(chan struct{})}
	_, _ = fmt.Sscan(r.PathValue("n"), &p.n)
	x.mu.Lock()
	x.serving[p] = true
	count, mute := len(x.serving)+x.others, x.mute
	x.mu.Unlock()
	if !mute {
		p.say(`{"type":"hello","num_connections":%d,"connection_info":{"app_id":"A0BRIDGE"},"debug_info":{"host":"x"}}`, count)
	}
	x.peers <- p
	p.listen()
	x.mu.Lock()
	delete(x.serving, p)
	x.mu.Unlock()
}

// listen reads acknowledgements until the socket ends.
func (p *peer) listen() {
	defer close(p.done)
	defer func() { _ = p.Close() }()
	for {
		_, raw, err := p.ReadMessage()
		if err != nil {
			p.how = err
			return
		}
		var a acknowledged
		if json.Unmarshal(raw, &a) == nil {
			p.acks <- a
		}
	}
}

// say sends a message.
func (p *peer) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, args...))
}

// press sends a press of a button.
func (p *peer) press(envelope, trigger string) {
	p.say(`{"type":"interactive","envelope_id":%q,"accepts_response_payload":false,"payload":%s}`, envelope, pressPayload(trigger))
}

func pressPayload(trigger string) string {
	return fmt.Sprintf(`{"type":"block_actions","api_app_id":"A0BRIDGE","user":{"id":"U0ALICE","team_id":"T0ACME"},
		"team":{"id":"T0ACME","domain":"acme"},"enterprise":null,"is_enterprise_install":false,"trigger_id":%q,
		"channel":{"id":"D0ALICE","name":"directmessage"},"container":{"type":"message","message_ts":"1700000000.000100","channel_id":"D0ALICE","is_ephemeral":false},
		"message":{"ts":"1700000000.000100","blocks":[{"type":"never heard of","x":[]}]},
		"response_url":"https://hooks.example.com/secret-answer","actions":[{"action_id":"ab.v1.deny","block_id":"b","value":"req_1","type":"button","action_ts":"1700000001.1"}]}`, trigger)
}

// finish closes the socket as Slack does: close frame, and the answer to it.
func (p *peer) finish() {
	_ = p.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	<-p.done
}

// soon fails the test when a channel has nothing to give.
func soon[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// quick is a timing in which things happen in moments.
func quick() timing {
	q := usualTiming()
	q.least, q.most = time.Millisecond, 20*time.Millisecond
	q.recount, q.crowded = 20*time.Millisecond, 20*time.Millisecond
	q.spacing, q.burst = time.Microsecond, 1000
	return q
}

// running is a line that a test runs.
type running struct {
	*line
	stop func() // ends it and waits
}

// runLine runs a line over the exchange's sockets until the test ends.
func (x *exchange) runLine(patience timing, s serve) *running {
	x.t.Helper()
	return x.runMode(ModeSocket, slog.New(slog.DiscardHandler), patience, s)
}

// runMode runs a line until the test ends.
func (x *exchange) runMode(mode string, log *slog.Logger, patience timing, s serve) *running {
	x.t.Helper()
	transport := &http.Transport{}
	o := Options{
		BotToken: bridge.NewSecret("xoxb-bot"), AppToken: bridge.NewSecret("xapp-1-app"), SigningSecret: bridge.NewSecret(signingSecret), Mode: mode,
		APIURL: x.srv.URL + "/api/", HTTP: &http.Client{Transport: transport, Timeout: 10 * time.Second},
		Log: log,
	}
	a, err := New(o)
	if err != nil {
		x.t.Fatal(err)
	}
	l := newLine(o, a.api, chat.NewSides("Slack"), s)
	l.timing = patience
	ctx, cancel := context.WithCancel(x.t.Context())
	over := make(chan error, 1)
	go func() { over <- l.run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := soon(x.t, "the line to end", over); err != nil {
			x.t.Errorf("run: %v", err)
		}
		transport.CloseIdleConnections()
	})
	x.t.Cleanup(stop)
	return &running{l, stop}
}

// collect is a serve that keeps what it was given.
func collect() (serve, <-chan inbound) {
	got := make(chan inbound, 10_000)
	return func(_ context.Context, in inbound) answer {
		got <- in
		return answer{}
	}, got
}

// until waits until something holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	late, tick := time.After(20*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
