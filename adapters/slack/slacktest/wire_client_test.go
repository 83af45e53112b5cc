package slacktest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// link is an app's end of a socket. It does what it is told, rightly or
// wrongly.
type link struct {
	t    *testing.T
	conn *websocket.Conn
}

// address asks for the address of a socket.
func (c caller) address() said {
	c.t.Helper()
	return c.send("apps.connections.open", "application/json", c.s.AppToken(), "")
}

// dial opens a socket at an address.
func (c caller) dial(address string, writeBuffer int) (*link, error) {
	dialer := websocket.Dialer{WriteBufferSize: writeBuffer, HandshakeTimeout: 5 * time.Second}
	conn, resp, err := dialer.DialContext(c.t.Context(), address, nil)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close() // a handshake has no body
	c.t.Cleanup(func() { _ = conn.Close() })
	return &link{t: c.t, conn: conn}, nil
}

// knock opens a socket that may be greeted or not.
func (c caller) knock() *link {
	c.t.Helper()
	l, err := c.dial(c.granted(c.address()).text("url"), 64<<10)
	if err != nil {
		c.t.Fatal(err)
	}
	return l
}

// connect opens a socket, and waits until it is greeted.
func (c caller) connect() *link {
	c.t.Helper()
	l := c.knock()
	if hello := l.next(); hello["type"] != "hello" {
		c.t.Fatalf("the first frame is no hello: %v", hello)
	}
	return l
}

// read reads a frame.
func (l *link) read() (fields, error) {
	_ = l.conn.SetReadDeadline(time.Now().Add(5 * time.Second)) // reading tells of any trouble
	_, data, err := l.conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	var frame fields
	return frame, json.Unmarshal(data, &frame)
}

// next reads a frame that has to come.
func (l *link) next() fields {
	l.t.Helper()
	frame, err := l.read()
	if err != nil {
		l.t.Fatalf("no frame: %v", err)
	}
	return frame
}

// ack acknowledges an envelope, with an answer or without.
func (l *link) ack(envelope fields, answer any) {
	if err := l.tryAck(envelope, answer); err != nil {
		l.t.Errorf("acknowledging: %v", err)
	}
}

func (l *link) tryAck(envelope fields, answer any) error {
	said := fields{"envelope_id": envelope["envelope_id"]}
	if answer != nil {
		said["payload"] = answer
	}
	text, err := json.Marshal(said)
	if err != nil {
		return err
	}
	return l.conn.WriteMessage(websocket.TextMessage, text)
}

// answer reads the next frame and acknowledges it.
func (l *link) answer(answer any) fields {
	l.t.Helper()
	envelope := l.next()
	l.ack(envelope, answer)
	return envelope
}

// card posts a card with a button to a channel.
func (c caller) card(channel string, changes fields) {
	c.t.Helper()
	c.post("channel", channel, "text", "a card", "blocks",
		string(encoded(c.t, []any{section(nil), actions(button(changes))})))
}

// slips are the errors in what was said over sockets.
func (c caller) slips() []string {
	var all []string
	for _, e := range c.s.Calls("socket") {
		if e.Error != "" {
			all = append(all, e.Error)
		}
	}
	return all
}
