package discordtest

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxKept     = 256  // events of a session that can be told again
	maxResting  = 8    // sessions that can be resumed
	maxWaiting  = 4096 // frames for an app that does not read
	writeWithin = 5 * time.Second
	partWithin  = time.Second // for the app to answer a close
)

// session is what an app that was let in is told, and can be told again over
// another connection. The lock of Discord guards it.
type session struct {
	id   string
	seq  int
	kept []event
	on   *connection // nil = it can be resumed
}

// event is something that was told in a session.
type event struct {
	seq int
	raw []byte
	i   *interaction // what somebody did, if it is that
}

// connection is one connection of the app's. One goroutine reads it and one
// writes it. The lock of Discord guards what is not fixed.
type connection struct {
	Connection

	s       *Discord
	conn    *websocket.Conn
	address string        // of those that the gateway has
	wake    chan struct{} // holds one when something is to be written
	over    chan struct{} // closed when it is at its end
	wrote   chan struct{} // closed when nothing more will be written

	queue    []outgoing
	session  *session
	leaving  bool // an end was spoken of; nothing new is brought
	closing  bool // we have sent our close, or will
	parted   bool // the app has sent its close
	compress bool
	frames   int // that came since then
	since    time.Time
}

// outgoing is a frame to be written, or a close.
type outgoing struct {
	raw  []byte
	i    *interaction
	code int  // of a close
	soon bool // it is answered by a sign of life within a beat
}

// tell has an event told in a session. It needs the lock.
func (n *session) tell(name string, data any, i *interaction) {
	n.seq++
	raw, _ := json.Marshal(map[string]any{"op": opDispatch, "t": name, "s": n.seq, "d": data}) // maps and texts
	e := event{seq: n.seq, raw: raw, i: i}
	n.kept = append(n.kept, e)
	if len(n.kept) > maxKept {
		n.kept = slices.Delete(n.kept, 0, 1)
	}
	if n.on != nil && !n.on.leaving {
		n.on.post(outgoing{raw: e.raw, i: i})
	}
}

// frame has a frame written that is no event. It needs the lock.
func (c *connection) frame(op int, data any) {
	raw, _ := json.Marshal(map[string]any{"op": op, "d": data, "s": nil, "t": nil}) // maps and texts
	c.post(outgoing{raw: raw, soon: op == opHeartbeat})
}

// shut has the connection closed with a code, after all that is to be written.
// It needs the lock.
func (c *connection) shut(code int) {
	c.leaving = true
	if c.closing {
		return
	}
	c.closing = true
	if c.Code == 0 {
		c.Code = code
	}
	if !resumable(code) {
		c.s.forget(c.session)
	}
	c.post(outgoing{code: code})
}

// post needs the lock.
func (c *connection) post(o outgoing) {
	if c.End != "" || len(c.queue) >= maxWaiting && o.raw != nil {
		return
	}
	if o.i != nil {
		o.i.queued++
	}
	c.queue = append(c.queue, o)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write writes what is to be written, until a close.
func (c *connection) write() {
	defer close(c.wrote)
	for {
		select {
		case <-c.wake:
		case <-c.over:
			return
		}
		for o, more := c.take(); more; o, more = c.take() {
			if !c.put(o) {
				return
			}
		}
	}
}

func (c *connection) take() (outgoing, bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if len(c.queue) == 0 {
		return outgoing{}, false
	}
	o := c.queue[0]
	c.queue = c.queue[1:]
	return o, true
}

// put writes one, and reports whether there may be more.
func (c *connection) put(o outgoing) bool {
	if o.raw == nil {
		_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(o.code, ""), time.Now().Add(writeWithin)) // reading shows it
		_ = c.conn.SetReadDeadline(time.Now().Add(partWithin))                                                                 // and this
		return false
	}
	if o.soon {
		_ = c.conn.SetReadDeadline(time.Now().Add(c.pulse())) // reading shows it
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeWithin)) // the next line shows it
	err := c.send(o.raw)
	if o.i != nil {
		c.brought(o.i, err == nil)
	}
	return err == nil
}

func (c *connection) pulse() time.Duration {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.wire.beat
}

// send writes a frame, compressed if the app has asked for that.
func (c *connection) send(raw []byte) error {
	c.s.mu.Lock()
	compress := c.compress
	c.s.mu.Unlock()
	if !compress {
		return c.conn.WriteMessage(websocket.TextMessage, raw)
	}
	var small bytes.Buffer
	z := zlib.NewWriter(&small)
	_, _ = z.Write(raw) // to memory
	_ = z.Close()
	return c.conn.WriteMessage(websocket.BinaryMessage, small.Bytes())
}

// brought notes whether what somebody did was written.
func (c *connection) brought(i *interaction, written bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	i.queued--
	if written {
		i.reached = append(i.reached, c)
		c.Brought++
	}
	c.s.touch()
}

// cut ends the connection without a word: as a cable does that is cut, or as a
// peer that resets it. It needs the lock.
func (c *connection) cut(reset bool) {
	if c.End != "" {
		return
	}
	c.finish(Cut)
	if tcp, ok := c.conn.NetConn().(interface{ SetLinger(int) error }); ok && reset {
		_ = tcp.SetLinger(0) // the close tells of any trouble
	}
	_ = c.conn.Close()
}

// finish books the end of a connection. It needs the lock.
func (c *connection) finish(how End) {
	if c.End != "" {
		return
	}
	c.End, c.leaving = how, true
	close(c.over)
	for _, o := range c.queue {
		if o.i != nil {
			o.i.queued--
		}
	}
	c.queue = nil
	if c.session != nil {
		c.session.on = nil
		c.s.rest()
	}
	c.s.touch()
}

// rest keeps few sessions that have no connection. It needs the lock.
func (s *Discord) rest() {
	resting := 0
	for _, n := range s.wire.sessions {
		if n.on == nil {
			resting++
		}
	}
	s.wire.sessions = slices.DeleteFunc(s.wire.sessions, func(n *session) bool {
		if n.on != nil || resting <= maxResting {
			return false
		}
		resting--
		return true
	})
}

// forget ends a session: it cannot be resumed. It needs the lock.
func (s *Discord) forget(n *session) {
	if n == nil {
		return
	}
	s.wire.sessions = slices.DeleteFunc(s.wire.sessions, func(o *session) bool { return o == n })
	if n.on != nil {
		n.on.session = nil
		n.on = nil
	}
}

// resumable says whether a session can go on after a close with that code: of
// Discord's own, not those that end it, and of the app's, not a normal one.
func resumable(code int) bool {
	switch {
	case code == websocket.CloseNormalClosure, code == websocket.CloseGoingAway:
		return false
	case code == 4003, code == 4004, code == 4007, code == 4009, code >= 4010 && code <= 4014:
		return false
	default:
		return true
	}
}
