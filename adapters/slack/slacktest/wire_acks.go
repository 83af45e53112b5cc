package slacktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
)

// attempt is an envelope that was given to a socket. The lock of Slack
// guards it.
type attempt struct {
	d     *Delivery
	k     *socket
	timer *time.Timer
	acked bool
}

// envelop gives a delivery to one of the sockets. It needs the lock.
func (s *Slack) envelop(d *Delivery, because string) {
	k := s.anySocket()
	if k == nil {
		if d.byHand() {
			s.wire.unsent++
		}
		d.missed("no socket is open")
		return
	}
	if d.outcome.Attempts > 1 {
		d.id = uuid()
	}
	envelope := map[string]any{
		"type": d.kind, "envelope_id": d.id, "payload": d.payload, "accepts_response_payload": d.converses,
	}
	if d.kind == Event {
		envelope["retry_attempt"], envelope["retry_reason"] = d.outcome.Attempts-1, because
	}
	a := &attempt{d: d, k: k}
	a.timer = s.later(s.wire.pace.Ack, func() { a.fail("timeout") })
	s.wire.attempts[d.id], k.owing[d.id] = a, a
	if d.byHand() {
		k.Clicks++
	}
	k.send(envelope)
}

// fail notes that an acknowledgement does not come any more. It needs the
// lock.
func (a *attempt) fail(why string) {
	if a.k.owing[a.d.id] != a {
		return
	}
	a.timer.Stop()
	delete(a.k.owing, a.d.id)
	a.d.missed(why)
}

// ack is what an app says over a socket.
type ack struct {
	ID      string          `json:"envelope_id"`
	Payload json.RawMessage `json:"payload"`
}

// takeFrame takes what the app said.
func (s *Slack) takeFrame(k *socket, kind int, data []byte, pieces int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wire.over {
		return
	}
	a, said, err := s.judge(k, kind, data, pieces)
	code := ""
	if err != nil {
		code = err.code
		s.complain("socket", err.code, err.own)
	}
	s.record(Exchange{Where: "socket", Answer: string(data), Error: code})
	if a != nil {
		a.take(said)
	}
	s.touch()
}

// judge finds what an acknowledgement is for. It needs the lock.
func (s *Slack) judge(k *socket, kind int, data []byte, pieces int) (*attempt, json.RawMessage, *refusal) {
	no := func(code, format string, args ...any) (*attempt, json.RawMessage, *refusal) {
		return nil, nil, &refusal{code: code, own: fmt.Sprintf(format, args...)}
	}
	var said ack
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(&said)
	switch {
	case pieces > 1:
		return no("ack_in_pieces", "a message in %d frames; Slack reads single ones", pieces)
	case len(data) >= maxAck:
		return no("ack_too_big", "%d bytes; Slack drops 20 KiB and more", len(data))
	case kind != websocket.TextMessage || err != nil || said.ID == "":
		return no("ack_malformed", "a text of JSON with an envelope_id, and a payload at most")
	}
	a := s.wire.attempts[said.ID]
	switch {
	case a == nil:
		return no("ack_unknown", "there was no envelope with that id")
	case a.k != k:
		return no("ack_elsewhere", "the envelope came over another socket")
	case a.acked:
		return no("ack_twice", "the envelope was acknowledged before")
	case k.owing[said.ID] == nil:
		return no("ack_late", "Slack does not wait any longer")
	}
	if said.Payload != nil && !a.d.converses {
		return a, nil, &refusal{code: "ack_with_answer", own: "the envelope does not accept a payload"}
	}
	return a, said.Payload, nil
}

// take takes an acknowledgement that is right. It needs the lock.
func (a *attempt) take(answer json.RawMessage) {
	a.acked = true
	a.timer.Stop()
	delete(a.k.owing, a.d.id)
	if a.d.byHand() {
		a.k.Acked++
	}
	a.d.acked(answer)
}
