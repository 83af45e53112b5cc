package slacktest

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

const (
	linkPath   = "/link/"
	maxSockets = 10
	ticketLife = 30 * time.Second
	maxAck     = 20 << 10 // an acknowledgement of that size is dropped
	maxFrame   = 1 << 20
	maxWaiting = 4096 // frames that a socket does not take
)

// ticket is the leave to open one socket.
type ticket struct {
	until time.Time
	used  bool
}

// openConnection gives out the address of a socket.
func (c *call) openConnection() (answer, error) {
	if c.wire.refused {
		return nil, refuse("socket_mode_not_enabled")
	}
	id := hexes(16)
	c.wire.tickets[id] = &ticket{until: c.now().Add(ticketLife)}
	host := c.srv.Listener.Addr().String()
	return answer{"url": "ws://" + host + linkPath + "?ticket=" + id + "&app_id=" + c.world.App.ID}, nil
}

// punch uses a ticket up, or says why it is worth nothing. It needs the lock.
func (s *Slack) punch(id string) error {
	t := s.wire.tickets[id]
	switch {
	case s.wire.over:
		return errors.New("the test is ending")
	case t == nil:
		return errors.New("nobody gave out that ticket")
	case t.used:
		return errors.New("a ticket is good once")
	case s.now().After(t.until):
		return errors.New("the ticket has lapsed")
	}
	t.used = true
	return nil
}

// socket is one connection of the app. The lock of Slack guards what may
// change; the reader and the writer own the connection.
type socket struct {
	s    *Slack
	conn *websocket.Conn
	tcp  *watched
	out  chan outgoing
	done chan struct{} // closed when nothing more comes from the app

	greeted  bool // hello was sent
	shutting bool // our half of the closing handshake is on its way
	severed  bool // we cut it
	owing    map[string]*attempt
	SocketLife
}

// outgoing is a frame for the app: text, or the end of it all.
type outgoing struct {
	text []byte
	end  bool
}

func (s *Slack) serveSocket(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	err := s.punch(r.URL.Query().Get("ticket"))
	if err != nil {
		if !s.wire.over {
			s.complain("socket", "bad_ticket", err.Error())
		}
		s.record(Exchange{Where: "socket", Status: http.StatusForbidden, Error: "bad_ticket"})
		s.mu.Unlock()
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	s.wire.tasks.Add(1)
	s.mu.Unlock()
	defer s.wire.tasks.Done()
	k, err := s.upgrade(w, r)
	if err != nil {
		return // the app is told by the handshake
	}
	s.wire.tasks.Go(k.write)
	if s.admitSocket(k) {
		s.wire.tasks.Go(func() { k.greet(s.wire.ctx) })
	}
	k.read()
}

func (s *Slack) upgrade(w http.ResponseWriter, r *http.Request) (*socket, error) {
	k := &socket{s: s, out: make(chan outgoing, maxWaiting), done: make(chan struct{}), owing: map[string]*attempt{}}
	// A buffer of its own makes the library read through what watches.
	up := websocket.Upgrader{ReadBufferSize: 4 << 10, WriteBufferSize: 64 << 10}
	conn, err := up.Upgrade(watching{ResponseWriter: w, as: &k.tcp}, r, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxFrame)
	k.conn = conn
	return k, nil
}

// admitSocket takes a socket in, unless there are too many.
func (s *Slack) admitSocket(k *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	k.Opened = time.Now()
	crowded := len(s.live()) >= maxSockets
	s.wire.sockets = append(s.wire.sockets, k)
	k.conn.SetPongHandler(func(string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		k.Pongs++
		return nil
	})
	switch {
	case s.wire.over:
		k.cut()
	case crowded:
		s.complain("socket", "too_many_websockets", "an app has ten sockets at most")
		k.leave("too_many_websockets")
		k.shut()
	default:
		return true
	}
	return false
}

// live are the sockets that are open and not on their way to be closed by
// us: greeted or not. It needs the lock.
func (s *Slack) live() []*socket {
	var all []*socket
	for _, k := range s.wire.sockets {
		if k.End == "" && !k.shutting && !k.severed {
			all = append(all, k)
		}
	}
	return all
}

// greet says hello when it is time.
func (k *socket) greet(ctx context.Context) {
	k.s.mu.Lock()
	wait := k.s.wire.pace.Hello
	k.s.mu.Unlock()
	if wait < 0 {
		return
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return
	case <-k.done:
		return
	}
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if k.End != "" || k.shutting {
		return
	}
	k.send(map[string]any{
		"type": "hello", "num_connections": len(k.s.live()),
		"connection_info": map[string]any{"app_id": k.s.world.App.ID},
		"debug_info":      map[string]any{"host": "applink-0", "build_number": 1, "approximate_connection_time": 18060},
	})
	k.greeted = true
	k.s.touch()
}

// send puts a frame on its way. It needs the lock.
func (k *socket) send(frame map[string]any) {
	text, _ := json.Marshal(frame) // it came from JSON, or was made here
	k.s.record(Exchange{Where: "socket", Asked: string(text)})
	select {
	case k.out <- outgoing{text: text}:
	default:
		k.cut() // the app stopped reading long ago
	}
}

// leave tells the app that the socket will end. It needs the lock.
func (k *socket) leave(reason string) {
	if k.Warned.IsZero() {
		k.Warned = time.Now()
	}
	k.send(map[string]any{
		"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "applink-0"},
	})
}

// shut begins the closing handshake; an app that does not finish it is cut
// off. It needs the lock.
func (k *socket) shut() {
	if k.End != "" || k.shutting || k.severed {
		return
	}
	k.shutting = true
	select {
	case k.out <- outgoing{end: true}:
		k.s.later(k.s.wire.pace.Parting, k.drop)
	default:
		k.drop()
	}
}

// cut ends a socket as a cut cable does. It needs the lock.
func (k *socket) cut() {
	if k.End == "" {
		k.severed = true
		k.drop()
	}
}

// drop resets the connection; whose doing it was is booked by the reader.
func (k *socket) drop() { sever(k.tcp.Conn) }

// write brings frames and pings to the app, in order.
func (k *socket) write() {
	ping := time.NewTimer(k.s.pingEvery())
	defer ping.Stop()
	for {
		select {
		case <-k.done:
			return
		case f := <-k.out:
			if !k.writeFrame(f) {
				return
			}
		case <-ping.C:
			k.ping()
			ping.Reset(k.s.pingEvery())
		}
	}
}

func (s *Slack) pingEvery() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wire.pace.Ping
}

// ping asks whether the app is still there. What it does about it when no
// ping comes is its own affair, so nothing happens to who does not answer.
func (k *socket) ping() {
	k.s.mu.Lock()
	silent := k.s.wire.silent
	k.s.mu.Unlock()
	if !silent {
		_ = k.conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-0"), time.Now().Add(5*time.Second)) // the reader notices an end
	}
}

func (k *socket) writeFrame(f outgoing) bool {
	_ = k.conn.SetWriteDeadline(time.Now().Add(5 * time.Second)) // the write below tells of any trouble
	kind, data := websocket.TextMessage, f.text
	if f.end {
		kind, data = websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	}
	if k.conn.WriteMessage(kind, data) == nil {
		return !f.end
	}
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	k.drop()
	return false
}

// read takes what the app says until it says no more, and books how the
// socket ended.
func (k *socket) read() {
	for {
		kind, data, err := k.conn.ReadMessage()
		if err != nil {
			k.ended(err)
			return
		}
		k.s.takeFrame(k, kind, data, k.tcp.pieces())
	}
}

// ended books the end of a socket. The connection is closed only after the
// other half of the handshake was sent.
func (k *socket) ended(err error) {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	defer k.s.touch()
	close(k.done)
	k.Ended = time.Now()
	switch {
	case k.severed:
		k.End = Cut
	case handshaken(err):
		k.End = Orderly
	default:
		k.End = Dropped
	}
	for _, a := range k.owing {
		a.fail("its socket ended")
	}
	_ = k.conn.Close() // nothing more is said on it
}

// handshaken says whether the end of reading is the other side's half of a
// closing handshake.
func handshaken(err error) bool {
	var closed *websocket.CloseError
	return errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure
}

// anySocket is one of those that got their hello, at random, or nil. It needs the
// lock.
func (s *Slack) anySocket() *socket {
	var open []*socket
	for _, k := range s.live() {
		if k.greeted {
			open = append(open, k)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[rand.IntN(len(open))]
}

// sever resets a connection: what was not read is lost.
func sever(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // the close below tells of any trouble
	}
	_ = c.Close()
}
