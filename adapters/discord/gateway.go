package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/authbridge/authbridge/adapters/chat"
)

const (
	// maxPayload bounds what Discord may bring at once, on either way.
	maxPayload = 1 << 20
	// writeLimit bounds a write. One that takes as long is to a dead socket.
	writeLimit = 5 * time.Second
	// maxInterval bounds how long Discord may have us wait between signs of
	// life. It asks for 41 s.
	maxInterval = 10 * time.Minute
)

// The operations of the gateway that the bridge knows.
const (
	opDispatch       = 0
	opHeartbeat      = 1
	opIdentify       = 2
	opReconnect      = 7
	opInvalidSession = 9
	opHello          = 10
	opHeartbeatAck   = 11
)

var (
	errNoHello        = errors.New("the connection did not begin with a hello")
	errInvalidSession = errors.New("the session is not accepted")
	errAsked          = errors.New("a new connection is asked for")
)

// frame is a message on a connection.
type frame struct {
	Op   int             `json:"op"`
	Seq  *int64          `json:"s"`
	Type string          `json:"t"`
	Data json.RawMessage `json:"d"`
}

// identity is what we say of ourselves when a connection begins. It asks for
// no intents: what people press and command comes without any.
type identity struct {
	Token      string `json:"token"`
	Intents    int    `json:"intents"`
	Properties struct {
		OS      string `json:"os"`
		Browser string `json:"browser"`
		Device  string `json:"device"`
	} `json:"properties"`
}

// connection is one connection to Discord, with a session of its own. One
// goroutine reads it; any may write.
type connection struct {
	line  *line
	conn  *websocket.Conn
	began time.Time
	app   string // ours, as Discord says

	pulse time.Duration // between two signs of life
	seq   atomic.Int64  // of the last thing that came; 0 = nothing yet
	beats sync.WaitGroup
	ended chan struct{}

	writing sync.Mutex
}

// dial opens a connection and waits until Discord has accepted us.
func (l *line) dial(ctx context.Context, address string) (*connection, error) {
	address, err := l.socketAddress(address)
	if err != nil {
		return nil, err
	}
	conn, resp, err := chat.Dialer(l.web, l.timing.opening).DialContext(ctx, address, nil)
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	c := &connection{line: l, conn: conn, began: time.Now(), ended: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := c.greet(ctx); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

// socketAddress completes the address that Discord gave. One without TLS is
// refused, unless the API itself has none.
func (l *line) socketAddress(address string) (string, error) {
	u, err := url.Parse(address)
	plain := err == nil && u.Scheme == "ws" && strings.HasPrefix(l.base, "http://")
	if err != nil || u.Host == "" || u.Scheme != "wss" && !plain {
		return "", errors.New("connecting: Discord gave an address that is none of a secure socket")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.RawQuery = url.Values{"v": {"10"}, "encoding": {"json"}}.Encode()
	return u.String(), nil
}

// greet waits for the hello, says who we are, and waits to be accepted.
func (c *connection) greet(ctx context.Context) error {
	c.conn.SetReadLimit(maxPayload)
	_ = c.conn.SetReadDeadline(time.Now().Add(c.line.timing.opening)) // reading shows that it is closed
	if err := c.hello(); err != nil {
		return err
	}
	if err := c.write(opIdentify, c.line.identity()); err != nil {
		return err
	}
	c.beats.Go(c.beat)
	for {
		f, err := c.next()
		if err != nil {
			return fmt.Errorf("waiting to be accepted: %w", err)
		}
		switch {
		case f.Op == opDispatch && f.Type == "READY":
			return c.ready(f.Data)
		case f.Op == opReconnect:
			return errAsked
		default:
			if err := c.take(ctx, f); err != nil {
				return err
			}
		}
	}
}

func (c *connection) hello() error {
	f, err := c.next()
	if err != nil {
		return fmt.Errorf("waiting for the hello: %w", err)
	}
	var h struct {
		Interval int64 `json:"heartbeat_interval"` // ms
	}
	switch {
	case f.Op == opReconnect:
		return errAsked
	case f.Op != opHello:
		return errNoHello
	case json.Unmarshal(f.Data, &h) != nil || h.Interval <= 0 || h.Interval > maxInterval.Milliseconds():
		return errors.New("the hello asks for no sensible time between signs of life")
	}
	c.pulse = time.Duration(h.Interval) * time.Millisecond
	return nil
}

// identity says who we are.
func (l *line) identity() identity {
	i := identity{Token: l.token.Reveal()}
	i.Properties.OS, i.Properties.Browser, i.Properties.Device = runtime.GOOS, "authbridge", "authbridge"
	return i
}

func (c *connection) ready(data json.RawMessage) error {
	var r struct {
		Application struct {
			ID string `json:"id"`
		} `json:"application"`
	}
	if json.Unmarshal(data, &r) != nil || !snowflake.MatchString(r.Application.ID) {
		return errors.New("the bridge was accepted, and its application was not named")
	}
	c.app = r.Application.ID
	c.alive()
	return nil
}

// read hands on what comes until the connection ends, and says why it did.
// asked is called when Discord asks for another one; it still works then.
func (c *connection) read(ctx context.Context, asked func()) error {
	defer c.end()
	for {
		f, err := c.next()
		switch {
		case err != nil:
			return fmt.Errorf("reading: %w", err)
		case f.Op == opReconnect:
			asked()
		default:
			if err := c.take(ctx, f); err != nil {
				return err
			}
		}
	}
}

// take hands on what somebody did, and does what a frame asks for that is about
// the connection. What it does not know is nothing to us.
func (c *connection) take(ctx context.Context, f frame) error {
	switch f.Op {
	case opDispatch:
		if f.Type == "INTERACTION_CREATE" {
			c.line.arrived(ctx, f.Data)
		}
	case opHeartbeat:
		return c.sign()
	case opHeartbeatAck:
		c.alive()
	case opInvalidSession:
		return errInvalidSession // never resumed: an interaction lives no longer than that would take
	}
	return nil
}

// next reads a frame. One that is no JSON object is an empty one.
func (c *connection) next() (f frame, err error) {
	kind, raw, err := c.conn.ReadMessage()
	if err != nil {
		return f, err
	}
	f.Op = -1
	if kind != websocket.TextMessage || json.Unmarshal(raw, &f) != nil {
		return frame{Op: -1}, nil
	}
	if f.Op == opDispatch && f.Seq != nil {
		c.seq.Store(*f.Seq)
	}
	return f, nil
}

// alive gives the connection the time that the next sign of life may take. Only
// what answers one of ours is such a sign.
func (c *connection) alive() {
	_ = c.conn.SetReadDeadline(time.Now().Add(c.pulse + c.line.timing.grace)) // reading shows that it is closed
}

// beat sends signs of life until the connection ends: the first some time
// within the interval, so that not all bridges do it at once.
func (c *connection) beat() {
	next := time.NewTimer(rand.N(c.pulse)) //nolint:gosec // jitter, nothing to guess
	defer next.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-next.C:
		}
		if c.sign() != nil {
			return // reading shows it too
		}
		next.Reset(c.pulse)
	}
}

// sign sends one sign of life, which says how far we have read.
func (c *connection) sign() error {
	if seq := c.seq.Load(); seq > 0 {
		return c.write(opHeartbeat, seq)
	}
	return c.write(opHeartbeat, nil)
}

// write sends a frame. A connection that takes none is ended.
func (c *connection) write(op int, data any) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	err := c.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	if err == nil {
		err = c.conn.WriteJSON(map[string]any{"op": op, "d": data})
	}
	if errors.Is(err, websocket.ErrCloseSent) {
		return nil // it is still read to its end
	}
	if err != nil {
		_ = c.conn.Close()
		return fmt.Errorf("writing to the connection: %w", err)
	}
	return nil
}

// leave takes leave of Discord: what it has sent is read to the end, which
// comes within a moment.
func (c *connection) leave() {
	until := time.Now().Add(c.line.timing.parting)
	_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), until)
	time.AfterFunc(c.line.timing.parting, func() { _ = c.conn.Close() })
}

// end closes the connection and waits for what belongs to it.
func (c *connection) end() {
	_ = c.conn.Close()
	close(c.ended)
	c.beats.Wait()
}
