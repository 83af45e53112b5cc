package discordtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Greeting is how a connection begins.
type Greeting struct {
	First int  // an operation that comes in the place of hello, or right after it: 7, 9; 0 = none
	After bool // it comes after hello, and not in its place
	Close int  // the close code with which the identification is answered; 0 = none
	Mute  bool // nothing comes at all
}

// beat is how long the app may wait between two signs of life.
const beat = 2 * time.Second

// The operations of the gateway.
const (
	opDispatch  = 0
	opHeartbeat = 1
	opIdentify  = 2
	opResume    = 6
	opReconnect = 7
	opInvalid   = 9
	opHello     = 10
	opAck       = 11
)

// privileged are the intents that an app has to be granted first.
const privileged = 1<<1 | 1<<8 | 1<<15

// session is one connection of the app's.
type session struct {
	s    *Discord
	conn *websocket.Conn
	out  chan []byte
	over chan struct{}
	once sync.Once

	identified bool // guarded by the lock of Discord, as is seq
	seq        int
}

func (s *Discord) provideGateway() {
	s.provide("GET /gateway", route{rate: reading(), do: func(c *call) (any, error) { return map[string]any{"url": c.socket()}, nil }})
	s.provide("GET /gateway/bot", route{rate: reading(), do: func(c *call) (any, error) {
		return map[string]any{"url": c.socket(), "shards": 1, "session_start_limit": map[string]any{
			"total": maxIdentifies, "remaining": c.wire.left, "reset_after": 3_600_000, "max_concurrency": 1,
		}}, nil
	}})
	s.handle("GET /gateway", s.serveGateway)
}

func (s *Discord) socket() string { return "ws" + strings.TrimPrefix(s.srv.URL, "http") + "/gateway" }

func (s *Discord) serveGateway(w http.ResponseWriter, r *http.Request) {
	if q := r.URL.Query(); q.Get("encoding") != "json" || q.Get("v") != "9" && q.Get("v") != "10" {
		s.fault("gateway", "the address lacks v and encoding=json: "+r.URL.RawQuery)
	}
	up := websocket.Upgrader{}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	one := &session{s: s, conn: conn, out: make(chan []byte, 4096), over: make(chan struct{})}
	if !s.enter(one) {
		_ = conn.Close()
		return
	}
	go one.write()
	one.read()
}

// fault is a mistake of the app's on the gateway.
func (s *Discord) fault(where, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complain(where, 0, why)
}

func (s *Discord) enter(one *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wire.closed {
		return false
	}
	s.wire.sessions = append(s.wire.sessions, one)
	return true
}

// greeting takes the next one.
func (s *Discord) greeting() Greeting {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wire.greetings) == 0 {
		return Greeting{}
	}
	g := s.wire.greetings[0]
	s.wire.greetings = s.wire.greetings[1:]
	return g
}

func (one *session) write() {
	for {
		select {
		case raw := <-one.out:
			if one.conn.WriteMessage(websocket.TextMessage, raw) != nil {
				one.cut()
				return
			}
		case <-one.over:
			return
		}
	}
}

// read is the life of a connection.
func (one *session) read() {
	defer one.leave()
	g := one.s.greeting()
	switch {
	case g.Mute:
	case g.First != 0 && !g.After:
		one.frame(g.First, false)
	default:
		one.frame(opHello, map[string]any{"heartbeat_interval": beat.Milliseconds(), "_trace": []string{}})
		if g.First != 0 {
			one.frame(g.First, false)
		}
	}
	for {
		_ = one.conn.SetReadDeadline(time.Now().Add(3 * beat)) // Discord gives up who is silent
		kind, raw, err := one.conn.ReadMessage()
		if err != nil {
			return
		}
		if kind != websocket.TextMessage || !one.on(raw, g) {
			return
		}
	}
}

// on takes a frame, and reports whether the connection goes on.
func (one *session) on(raw []byte, g Greeting) bool {
	var f struct {
		Op   int             `json:"op"`
		Data json.RawMessage `json:"d"`
	}
	if json.Unmarshal(raw, &f) != nil {
		one.closeWith(4002)
		return false
	}
	switch f.Op {
	case opHeartbeat:
		if !one.s.isSilent() {
			one.frame(opAck, nil)
		}
		return true
	case opIdentify:
		return one.identify(f.Data, g)
	case opResume:
		one.s.fault("gateway", "a session is resumed, which this application never does")
		one.frame(opInvalid, false)
		return true
	}
	one.s.fault("gateway", "an operation that no app of ours sends")
	one.closeWith(4001)
	return false
}

func (s *Discord) isSilent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wire.silent
}

// identify lets the app in, or not.
func (one *session) identify(raw []byte, g Greeting) bool {
	var i struct {
		Token      string         `json:"token"`
		Intents    *int           `json:"intents"`
		Properties map[string]any `json:"properties"`
	}
	if json.Unmarshal(raw, &i) != nil || i.Intents == nil || i.Properties == nil {
		one.s.fault("gateway", "an identification lacks token, intents or properties")
		one.closeWith(4002)
		return false
	}
	code, ready := one.admitted(i.Token, *i.Intents, g)
	if code != 0 {
		one.closeWith(code)
		return false
	}
	if ready == nil {
		one.frame(opInvalid, false)
		return true
	}
	one.dispatch("READY", ready)
	return true
}

// admitted says with which code somebody is turned away, or what they are told;
// nil = too soon after another.
func (one *session) admitted(token string, intents int, g Greeting) (code int, ready map[string]any) {
	s := one.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(Exchange{Where: "gateway", Asked: "identify"})
	s.wire.left--
	switch now := s.now(); {
	case g.Close != 0:
		return g.Close, nil
	case token != s.token || s.world.App.Revoked:
		return 4004, nil
	case one.identified:
		return 4005, nil
	case intents&privileged != 0:
		s.complain("gateway", 0, "a privileged intent is asked for")
		return 4014, nil
	case !s.world.Unlimited && len(s.wire.identified) > 0 && now.Sub(s.wire.identified[len(s.wire.identified)-1]) < 5*time.Second:
		return 0, nil
	default:
		s.wire.identified = append(s.wire.identified, now)
	}
	one.identified = true
	s.touch()
	return 0, map[string]any{
		"v": 10, "user": s.profile(s.world.App.Bot), "session_id": hexes(16), "resume_gateway_url": s.socket(), "session_type": "normal",
		"guilds": []any{}, "shard": []int{0, 1}, "application": map[string]any{"id": s.world.App.ID, "flags": 0},
	}
}

// dispatch sends an event.
func (one *session) dispatch(name string, data any) {
	one.s.mu.Lock()
	one.seq++
	seq := one.seq
	one.s.mu.Unlock()
	raw, _ := json.Marshal(map[string]any{"op": opDispatch, "t": name, "s": seq, "d": data}) // maps and texts
	one.send(raw)
}

func (one *session) frame(op int, data any) {
	raw, _ := json.Marshal(map[string]any{"op": op, "d": data, "s": nil, "t": nil}) // maps and texts
	one.send(raw)
}

func (one *session) send(raw []byte) {
	select {
	case one.out <- raw:
	case <-one.over:
	}
}

func (one *session) closeWith(code int) {
	_ = one.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second)) // who is gone is gone
	one.leave()
}

// cut ends the connection without a word.
func (one *session) cut() { one.leave() }

func (one *session) leave() {
	one.once.Do(func() {
		close(one.over)
		_ = one.conn.Close()
		s := one.s
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wire.sessions = slices.DeleteFunc(s.wire.sessions, func(o *session) bool { return o == one })
		s.touch()
	})
}

// Greet says how the next connections begin, one after the other.
func (s *Discord) Greet(all ...Greeting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.greetings = append(s.wire.greetings, all...)
}

// Connected is how many connections the app has that were let in.
func (s *Discord) Connected() int { return len(s.live()) }

// live are the connections that were let in.
func (s *Discord) live() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.letIn()
}

// letIn is live with the lock held.
func (s *Discord) letIn() []*session {
	var all []*session
	for _, one := range s.wire.sessions {
		if one.identified {
			all = append(all, one)
		}
	}
	return all
}

// Identifications is how often the app was let in so far.
func (s *Discord) Identifications() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.wire.identified)
}

// Left says how often the app may still identify today.
func (s *Discord) Left(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.left = n
}

// Silence has signs of life be answered no more, or again.
func (s *Discord) Silence(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.silent = silent
}

// Reconnect asks the app for new connections (op 7). Those that are there go on
// for a while.
func (s *Discord) Reconnect() {
	for _, one := range s.live() {
		one.frame(opReconnect, nil)
	}
}

// Invalidate ends the app's sessions (op 9).
func (s *Discord) Invalidate() {
	for _, one := range s.live() {
		one.frame(opInvalid, false)
	}
}

// Drop ends the app's connections: with a code, or without a word if it is 0.
func (s *Discord) Drop(code int) {
	for _, one := range s.live() {
		if code == 0 {
			one.cut()
		} else {
			one.closeWith(code)
		}
	}
}
