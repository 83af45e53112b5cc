package discordtest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

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

const (
	gatewayPath = "/gateway" // where apps connect
	resumePath  = "/resume"  // where they resume

	privileged = 1<<1 | 1<<8 | 1<<15 // the intents that an app has to be granted first
	allIntents = 1<<26 - 1
	maxFrame   = 4096 // bytes, of what an app sends
	maxFrames  = 120  // that it sends in a minute; signs of life are not counted here
	spacing    = 5 * time.Second
)

func (s *Discord) provideGateway() {
	s.provide("GET /gateway", route{rate: reading(), do: func(c *call) (any, error) { return map[string]any{"url": c.socket(gatewayPath)}, nil }})
	s.provide("GET /gateway/bot", route{rate: reading(), do: func(c *call) (any, error) {
		return map[string]any{"url": c.socket(gatewayPath), "shards": 1, "session_start_limit": map[string]any{
			"total": maxIdentifies, "remaining": max(c.wire.left, 0), "reset_after": 3_600_000, "max_concurrency": 1,
		}}, nil
	}})
	for _, path := range []string{gatewayPath, resumePath} {
		s.handle("GET "+path, s.serveGateway)
		s.handle("GET "+path+"/", s.serveGateway)
	}
}

func (s *Discord) socket(path string) string {
	return "ws" + strings.TrimPrefix(s.srv.URL, "http") + path
}

func (s *Discord) serveGateway(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &connection{
		s: s, conn: conn, address: strings.TrimSuffix(r.URL.Path, "/"), since: time.Now(),
		wake: make(chan struct{}, 1), over: make(chan struct{}), wrote: make(chan struct{}),
	}
	if !s.enter(c) {
		_ = conn.Close()
		return
	}
	defer s.wire.all.Done()
	conn.SetCloseHandler(c.farewell)
	go c.write()
	q := r.URL.Query()
	if q.Get("encoding") != "json" || q.Get("compress") != "" || q.Get("v") != "9" && q.Get("v") != "10" {
		c.slip(4012, "the address lacks v=10 and encoding=json, or has what is not stood in for here: "+r.URL.RawQuery)
	}
	c.leave(c.read())
}

// enter books a connection, which is done with wire.all.Done.
func (s *Discord) enter(c *connection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wire.closed {
		return false
	}
	s.wire.all.Add(1)
	s.wire.connections = append(s.wire.connections, c)
	s.touch()
	return true
}

// slip is a mistake of the app's, after which the connection is closed with a
// code.
func (c *connection) slip(code int, why string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.complain("gateway", code, why)
	c.shut(code)
}

// farewell answers the app's close, after all that is to be written.
func (c *connection) farewell(code int, _ string) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.parted = true
	if !c.closing {
		c.shut(code)
	}
	return nil
}

// leave ends a connection that was read to its end.
func (c *connection) leave(err error) {
	_, orderly := errors.AsType[*websocket.CloseError](err)
	c.s.mu.Lock()
	orderly = orderly && c.parted
	c.s.mu.Unlock()
	how := Dropped
	if orderly {
		how = Orderly
		<-c.wrote // our close is the last of it
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.finish(how)
	_ = c.conn.Close()
}

// read is the life of a connection.
func (c *connection) read() error {
	g := c.greet()
	for {
		kind, raw, err := c.conn.ReadMessage()
		switch {
		case err != nil:
			return err
		case kind != websocket.TextMessage || len(raw) > maxFrame:
			c.slip(4002, "a frame that is no text, or over 4096 bytes")
		default:
			c.on(raw, g)
		}
	}
}

// greet begins a connection. From then on it lives by signs of life.
func (c *connection) greet() Greeting {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	var g Greeting
	if len(c.s.wire.greetings) > 0 {
		g, c.s.wire.greetings = c.s.wire.greetings[0], c.s.wire.greetings[1:]
	}
	c.alive(c.s.wire.beat)
	if g.Mute {
		return g
	}
	if g.First != 0 && !g.After {
		c.frame(g.First, firstData(g.First))
	}
	if g.First == 0 || g.After || g.First == opHeartbeat {
		c.frame(opHello, map[string]any{"heartbeat_interval": c.s.wire.beat.Milliseconds(), "_trace": []string{}})
	}
	if g.First != 0 && g.After {
		c.frame(g.First, firstData(g.First))
	}
	return g
}

// firstData is what comes with an operation.
func firstData(op int) any {
	if op == opInvalid {
		return false
	}
	return nil
}

// alive gives the app three beats for its next sign of life.
func (c *connection) alive(beat time.Duration) {
	_ = c.conn.SetReadDeadline(time.Now().Add(3 * beat)) // reading shows it
}

// on takes a frame.
func (c *connection) on(raw []byte, g Greeting) {
	var f struct {
		Op   *int            `json:"op"`
		Data json.RawMessage `json:"d"`
	}
	if json.Unmarshal(raw, &f) != nil || f.Op == nil {
		c.slip(4002, "a frame without an operation")
		return
	}
	if *f.Op == opHeartbeat {
		c.sign(f.Data)
		return
	}
	if c.tooMuch() {
		c.slip(4008, "more than 120 frames in a minute")
		return
	}
	switch *f.Op {
	case opIdentify:
		c.identify(f.Data, g)
	case opResume:
		c.resume(f.Data)
	case 3, 4, 8, 31:
		c.slip(c.early(4000), "the operation is not stood in for here, or comes before the app was let in")
	default:
		c.slip(4001, "there is no such operation")
	}
}

// early is the code for what comes before the app was let in, or else that one.
func (c *connection) early(code int) int {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.session == nil {
		return 4003
	}
	return code
}

// tooMuch counts the frames of a minute.
func (c *connection) tooMuch() bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if time.Since(c.since) > time.Minute {
		c.since, c.frames = time.Now(), 0
	}
	c.frames++
	return c.frames > maxFrames
}

// sign takes a sign of life, which says how far the app has read.
func (c *connection) sign(raw []byte) {
	var seq *int
	bad := json.Unmarshal(raw, &seq) != nil
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	sent := 0
	if c.session != nil {
		sent = c.session.seq
	}
	if bad || c.session != nil && seq != nil && *seq > sent {
		c.s.complain("gateway", 4007, "a sign of life does not say how far the app has read: "+string(raw))
	}
	c.Signs++
	if !c.leaving {
		c.alive(c.s.wire.beat)
	}
	if !c.s.wire.silent {
		c.frame(opAck, nil)
	}
	c.s.touch()
}
