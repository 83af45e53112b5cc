package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/authbridge/authbridge/adapters/chat"
)

const (
	// maxAck is what an acknowledgement over a socket may hold: Slack drops
	// longer ones without a word.
	maxAck = 20 << 10
	// writeLimit bounds a write. One that takes as long is to a dead socket.
	writeLimit = 5 * time.Second
)

var (
	errTooLong = errors.New("the answer is too long for an acknowledgement")
	errNoHello = errors.New("the socket did not begin with a hello")
)

// envelope is a message on a socket.
type envelope struct {
	Type       string          `json:"type"`
	ID         string          `json:"envelope_id"`
	Payload    json.RawMessage `json:"payload"`
	Reason     string          `json:"reason"`          // of a disconnect
	Sockets    int             `json:"num_connections"` // of a hello
	Connection struct {
		AppID string `json:"app_id"`
	} `json:"connection_info"` // of a hello
}

// parting is Slack's saying that a socket will end. The socket still works
// until it does.
type parting struct{ reason string }

// Error says why.
func (p *parting) Error() string { return "Slack ends the connection: " + p.reason }

// socket is one connection to Slack. One goroutine reads it; any may write.
type socket struct {
	line    *line
	conn    *websocket.Conn
	hello   envelope
	began   time.Time
	writing sync.Mutex

	mu    sync.Mutex
	going bool // nothing prolongs it any more
}

// open opens a socket: it asks for an address, connects, and waits for the
// hello. No error holds the address, which is a credential.
func (l *line) open(ctx context.Context) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timing.opening)
	defer cancel()
	_, address, err := l.api.StartSocketModeContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for a connection: %w", err)
	}
	if err := l.mayDial(address); err != nil {
		return nil, err
	}
	conn, resp, err := chat.Dialer(l.options.HTTP, l.timing.opening).DialContext(ctx, address, nil)
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	s := &socket{line: l, conn: conn, began: time.Now()}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := s.greet(); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

// mayDial refuses an address without TLS, unless the API itself has none.
func (l *line) mayDial(address string) error {
	u, err := url.Parse(address)
	plain := err == nil && u.Scheme == "ws" && strings.HasPrefix(l.options.APIURL, "http://")
	if err != nil || u.Host == "" || u.Scheme != "wss" && !plain {
		return errors.New("connecting: Slack gave an address that is none of a secure socket")
	}
	return nil
}

// greet waits for the hello.
func (s *socket) greet() error {
	s.conn.SetReadLimit(maxPayload)
	s.conn.SetPingHandler(s.ping)
	s.prolong(s.line.timing.opening)
	e, err := s.next()
	if err != nil {
		return fmt.Errorf("waiting for the hello: %w", err)
	}
	if e.Type == "disconnect" {
		return &parting{e.Reason}
	}
	if e.Type != "hello" {
		return errNoHello
	}
	s.hello = e
	return nil
}

// read hands on what comes until the socket ends, and says how it did: nil
// when both sides took leave. leaving is called when Slack announces the end.
func (s *socket) read(ctx context.Context, leaving func(reason string)) error {
	defer func() { _ = s.conn.Close() }()
	for {
		s.prolong(s.line.timing.quiet)
		e, err := s.next()
		switch {
		case websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway):
			return nil
		case err != nil:
			return fmt.Errorf("reading: %w", err)
		case e.Type == "disconnect":
			leaving(e.Reason)
		case e.ID != "":
			s.take(ctx, e)
		}
	}
}

// next reads a message. One that is no JSON object is an empty one.
func (s *socket) next() (e envelope, err error) {
	kind, raw, err := s.conn.ReadMessage()
	if err != nil {
		return e, err
	}
	if kind != websocket.TextMessage || json.Unmarshal(raw, &e) != nil {
		return envelope{}, nil
	}
	return e, nil
}

// take has an envelope taken in. One that cannot be read, or that is nothing
// to us, is acknowledged, or Slack would bring it again and again.
func (s *socket) take(ctx context.Context, e envelope) {
	in, err := e.inbound()
	if err != nil {
		s.line.dropped(ctx, err)
		_ = s.ack(e.ID, nil)
		return
	}
	if err := s.line.intake.Take(ctx, in, func(body any) error { return s.ack(e.ID, body) }); err != nil {
		s.line.dropped(ctx, err)
	}
}

func (e envelope) inbound() (inbound, error) {
	switch e.Type {
	case "interactive":
		return parseInteraction(e.Payload)
	case "slash_commands":
		return parseCommand(e.Payload)
	case "events_api":
		return parseEvent(e.Payload)
	}
	return inbound{}, errIgnored
}

// ack acknowledges an envelope. A body that cannot be sent is left out, and is
// an error.
func (s *socket) ack(id string, body any) error {
	plain := map[string]any{"envelope_id": id}
	if body == nil {
		return s.write(plain)
	}
	raw, err := json.Marshal(map[string]any{"envelope_id": id, "payload": body})
	if err == nil && len(raw) >= maxAck {
		err = errTooLong
	}
	if err != nil {
		return errors.Join(err, s.write(plain))
	}
	return s.write(json.RawMessage(raw))
}

// write sends a message. A socket that takes none is ended.
func (s *socket) write(message any) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	err := s.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	if err == nil {
		err = s.conn.WriteJSON(message)
	}
	if errors.Is(err, websocket.ErrCloseSent) {
		return err // it is still read to its end
	}
	if err != nil {
		_ = s.conn.Close()
		return fmt.Errorf("writing to the socket: %w", err)
	}
	return nil
}

// ping answers Slack's sign of life.
func (s *socket) ping(data string) error {
	s.prolong(s.line.timing.quiet)
	_ = s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeLimit)) // a dead socket shows when it is read
	return nil
}

// prolong gives the socket that long to show a sign of life.
func (s *socket) prolong(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.going {
		_ = s.conn.SetReadDeadline(time.Now().Add(d)) // reading shows that it is closed
	}
}

// leave takes leave of Slack: what it has sent is read to the end, which comes
// within a moment.
func (s *socket) leave() {
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(s.line.timing.parting))
	s.endWithin(s.line.timing.parting)
}

// endWithin ends the socket at the latest so much later.
func (s *socket) endWithin(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.going = true
	_ = s.conn.SetReadDeadline(time.Now().Add(d)) // reading shows that it is closed
}
