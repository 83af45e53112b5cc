package discord

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
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

const testApp = "1100000000000000001"

// switchboard is a Discord that does what a test tells it to, and nothing
// else: it holds connections, and takes answers to interactions.
type switchboard struct {
	t   *testing.T
	srv *httptest.Server
	key ed25519.PrivateKey

	mu        sync.Mutex
	greet     string         // instead of the hello, "" = the hello, "-" = silence
	accept    string         // instead of READY, "" = READY
	turnAway  int            // close code instead of READY
	mute      bool           // signs of life are not answered
	pulse     time.Duration  // what it asks for
	remaining int            // identifications of today
	refuse    map[string]int // the status that calls are answered with, by "METHOD /path"
	code      int            // Discord's code that comes with it
	seen      []string       // what was called
	verify    string         // the key that it tells of
	serving   map[*peer]bool // whether it was accepted

	peers   chan *peer
	answers chan answered
}

// answered is an answer to an interaction, a follow-up or an edit.
type answered struct {
	method, path string
	body         string
}

// peer is Discord's end of a connection.
type peer struct {
	*websocket.Conn
	mu         sync.Mutex // of writing
	identified chan identity
	beats      chan string
	done       chan struct{} // closed when it has read to the end
	how        error         // how reading ended
}

func startSwitchboard(t *testing.T) *switchboard {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	x := &switchboard{
		t: t, key: key, verify: hex.EncodeToString(public), pulse: time.Minute, remaining: 1000, refuse: map[string]int{},
		serving: map[*peer]bool{}, peers: make(chan *peer, 1000), answers: make(chan answered, 10_000),
	}
	api, mux := http.NewServeMux(), http.NewServeMux()
	api.HandleFunc("GET /gateway/bot", x.gateway)
	api.HandleFunc("GET /applications/@me", x.application)
	api.HandleFunc("POST /interactions/{id}/{token}/callback", x.answer)
	api.HandleFunc("/webhooks/", x.answer)
	mux.Handle(apiPath+"/", http.StripPrefix(apiPath, api))
	mux.HandleFunc("/socket/", x.socket)
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

func (x *switchboard) gateway(w http.ResponseWriter, r *http.Request) {
	if x.refused(w, r) {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	fmt.Fprintf(w, `{"url":"ws%s/socket/","shards":1,"session_start_limit":{"total":1000,"remaining":%d,"reset_after":3600000,"max_concurrency":1}}`,
		strings.TrimPrefix(x.srv.URL, "http"), x.remaining)
}

func (x *switchboard) application(w http.ResponseWriter, r *http.Request) {
	if x.refused(w, r) {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	fmt.Fprintf(w, `{"id":%q,"verify_key":%q}`, testApp, x.verify)
}

func (x *switchboard) answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if x.refused(w, r) {
		return
	}
	x.answers <- answered{r.Method, r.URL.Path, string(body)}
	fmt.Fprint(w, `{"id":"1200000000000000001"}`)
}

func (x *switchboard) refused(w http.ResponseWriter, r *http.Request) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	where := r.Method + " " + r.URL.Path
	x.seen = append(x.seen, where)
	for what, status := range x.refuse {
		if strings.HasPrefix(where, what) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"code":%d,"message":"no"}`, x.code)
			return true
		}
	}
	return false
}

// calls is how often something was called.
func (x *switchboard) calls(where string) (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.seen {
		if strings.HasPrefix(s, where) {
			n++
		}
	}
	return n
}

// alter changes what it does from now on.
func (x *switchboard) alter(how func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	how()
}

func (x *switchboard) socket(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "encoding=json&v=10" {
		x.t.Errorf("a connection with the query %q", r.URL.RawQuery)
	}
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		x.t.Errorf("a handshake that is none: %v", err)
		return
	}
	p := &peer{Conn: conn, identified: make(chan identity, 100), beats: make(chan string, 1000), done: make(chan struct{})}
	x.mu.Lock()
	x.serving[p] = false
	greet := x.greet
	if greet == "" {
		greet = fmt.Sprintf(`{"op":10,"s":null,"t":null,"d":{"heartbeat_interval":%d,"_trace":[]}}`, x.pulse.Milliseconds())
	}
	x.mu.Unlock()
	if greet != "-" {
		p.say("%s", greet)
	}
	x.peers <- p
	x.listen(p)
	x.mu.Lock()
	delete(x.serving, p)
	x.mu.Unlock()
}

// listen does what Discord does until the connection ends.
func (x *switchboard) listen(p *peer) {
	defer close(p.done)
	defer func() { _ = p.Close() }()
	for {
		_, raw, err := p.ReadMessage()
		if err != nil {
			p.how = err
			return
		}
		var f frame
		if err := json.Unmarshal(raw, &f); err != nil {
			x.t.Errorf("a frame that is none: %v", err)
		}
		switch f.Op {
		case opIdentify:
			x.welcome(p, f.Data)
		case opHeartbeat:
			x.beat(p, string(f.Data))
		default:
			x.t.Errorf("it sent an operation %d", f.Op)
		}
	}
}

func (x *switchboard) welcome(p *peer, data []byte) {
	var i identity
	if err := json.Unmarshal(data, &i); err != nil || i.Token != "secret-token" || i.Intents != 0 {
		x.t.Errorf("it said of itself %v: %v", i.Intents, err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	p.identified <- i
	switch {
	case x.turnAway != 0:
		_ = p.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(x.turnAway, "no"), time.Now().Add(time.Second))
	case x.accept != "":
		p.say("%s", x.accept)
	default:
		x.serving[p] = true
		p.say(`{"op":0,"s":1,"t":"READY","d":{"v":10,"session_id":"s","application":{"id":%q,"flags":0}}}`, testApp)
	}
}

func (x *switchboard) beat(p *peer, seq string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p.beats <- seq
	if !x.mute {
		p.say(`{"op":11}`)
	}
}

// say sends a frame.
func (p *peer) say(format string, args ...any) {
	p.write(websocket.TextMessage, fmt.Appendf(nil, format, args...))
}

// write reports whether a frame was sent: a test sees what comes of it.
func (p *peer) write(kind int, message []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.WriteMessage(kind, message) == nil
}

// bring brings an interaction, and reports whether it was sent.
func (p *peer) bring(seq int, payload string) bool {
	return p.write(websocket.TextMessage, fmt.Appendf(nil, `{"op":0,"s":%d,"t":"INTERACTION_CREATE","d":%s}`, seq, payload))
}

// pressPayload is a press on a shared message, as Discord documents it.
func pressPayload(id int, custom string) string {
	return fmt.Sprintf(`{"id":"%d","application_id":%q,"type":3,"token":"secret-interaction-%d","version":1,"context":0,
"guild_id":"1300000000000000001","channel_id":"1400000000000000001","channel":{"id":"1400000000000000001","type":0},
"member":{"user":{"id":"1500000000000000001","username":"alice"},"roles":["1600000000000000001"],"pending":false},
"message":{"id":"1700000000000000001","flags":4},"data":{"custom_id":%q,"component_type":2}}`,
		1_800_000_000_000_000_000+id, testApp, id, custom)
}

// quick is a timing in which things happen in moments.
func quick() timing {
	q := usualTiming()
	q.again, q.lasting, q.spacing, q.linger = time.Millisecond, 0, 0, 100*time.Millisecond
	q.least, q.most = time.Millisecond, 20*time.Millisecond
	return q
}

// running is a line that a test runs.
type running struct {
	*line
	stop func() // ends it and waits
}

// run runs a line until the test ends: over the gateway, or by calls.
func (x *switchboard) run(byCalls bool, log io.Writer, patience timing, s serve) *running {
	x.t.Helper()
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	health := chat.NewSides("Discord")
	o := Options{Token: bridge.NewSecret("secret-token"), APIURL: x.srv.URL, HTTP: web, Version: "1"}
	w := wires{
		api: newCaller(o, health), token: o.Token, base: o.APIURL, web: web, health: health,
		log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if byCalls {
		w.key, _ = x.key.Public().(ed25519.PublicKey)
	}
	l := newLine(w, s)
	l.timing = patience
	ctx, cancel := context.WithCancel(x.t.Context())
	over := make(chan struct{})
	go func() { l.run(ctx); close(over) }()
	stop := func() {
		cancel()
		soon(x.t, "the line to end", over)
		web.CloseIdleConnections()
	}
	x.t.Cleanup(stop)
	return &running{l, stop}
}

// collect serves by handing on.
func collect() (serve, <-chan inbound) {
	got := make(chan inbound, 10_000)
	return func(_ context.Context, in inbound) answer {
		got <- in
		return answer{}
	}, got
}

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

// lines is a log that many may write.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
