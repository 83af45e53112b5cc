package slacktest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
)

// The kinds of what is brought to the app.
const (
	Interactive = "interactive"    // a press, or what became of a modal
	Command     = "slash_commands" // /authbridge …
	Event       = "events_api"     // the Home was opened, the app removed, …
)

// Delivery is one thing that is brought to the app, with all its copies. It
// is safe for concurrent use.
type Delivery struct {
	s         *Slack
	kind      string
	payload   map[string]any
	converses bool // its acknowledgement may hold an answer

	user string // whose doing it was, and
	what string // what they did, in a word
	then func(answer json.RawMessage)

	id      string // of its envelope: the same in every copy of the app's making
	started time.Time
	settled chan struct{}
	outcome Outcome // when settled
}

// Outcome is what became of a delivery.
type Outcome struct {
	Acked    bool          // in time, once, and rightly
	Answer   string        // what the acknowledgement said
	Attempts int           // how often it was brought
	Took     time.Duration // until it was acknowledged, or given up
	Status   int           // of HTTP, of the last attempt; 0 over a socket
	Why      string        // it was not acknowledged
}

// Wait waits until the delivery is acknowledged or given up, at most twice
// as long as Slack waits, and says what became of it.
func (d *Delivery) Wait() Outcome {
	d.s.t.Helper()
	select {
	case <-d.settled:
	case <-time.After(10 * time.Second):
		d.s.t.Fatalf("slack: waited ten seconds in vain for what becomes of %s", d.what)
	}
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	return d.outcome
}

// Acked waits like [Delivery.Wait], and fails the test unless the delivery
// was acknowledged.
func (d *Delivery) Acked() Outcome {
	d.s.t.Helper()
	o := d.Wait()
	if !o.Acked {
		d.s.t.Fatalf("slack: %s was not acknowledged: %s", d.what, o.Why)
	}
	return o
}

// Deliver brings a payload to the app as it is, whatever is in it: forged,
// stale, foreign, or of a kind that does not exist. It comes on the way on
// which all else comes.
func (s *Slack) Deliver(kind string, payload map[string]any) *Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.newDelivery(kind, payload)
	s.bring(d)
	return d
}

// Again brings a delivery that is settled once more, with the same envelope
// id: what Slack does when its left hand does not know what the right did.
// Nothing more comes of what the app answers.
func (d *Delivery) Again() *Delivery {
	<-d.settled
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	again := d.s.newDelivery(d.kind, d.payload)
	again.id, again.what = d.id, d.what+", again"
	d.s.bring(again)
	return again
}

// Payload is a copy of what is brought, to be altered and delivered.
func (d *Delivery) Payload() map[string]any { return copied(d.payload) }

func (s *Slack) newDelivery(kind string, payload map[string]any) *Delivery {
	what, _ := payload["type"].(string)
	d := &Delivery{
		s: s, kind: kind, payload: copied(payload), what: strings.TrimSpace(kind + " " + what),
		id: uuid(), started: time.Now(), settled: make(chan struct{}),
	}
	d.converses = kind == Command || kind == Interactive && what == "view_submission"
	return d
}

// bring brings a delivery for the first time. It needs the lock.
func (s *Slack) bring(d *Delivery) {
	if d.user != "" {
		delete(s.wire.marks, d.user)
	}
	s.attempt(d, "")
	s.touch()
}

// attempt brings a delivery, for the first time or because of something that
// went wrong the last time. It needs the lock.
func (s *Slack) attempt(d *Delivery, because string) {
	d.outcome.Attempts++
	if s.wire.requests != "" {
		s.request(d, because)
		return
	}
	s.envelop(d, because)
}

// acked takes an acknowledgement, and what it says. It needs the lock.
func (d *Delivery) acked(answer json.RawMessage) {
	if d.isSettled() {
		return
	}
	d.outcome.Acked, d.outcome.Answer, d.outcome.Why = true, string(answer), ""
	if d.then != nil {
		d.then(answer)
	}
	d.settle()
}

// missed notes that an attempt failed. An event is brought again; a person
// is told, and has to do it again themselves. It needs the lock.
func (d *Delivery) missed(why string) {
	if d.isSettled() {
		return
	}
	d.outcome.Why = why
	retries := d.s.wire.pace.Retries
	if n := d.outcome.Attempts; d.kind == Event && n <= len(retries) {
		d.s.later(retries[n-1], func() { d.s.attempt(d, why) })
		return
	}
	if d.user != "" {
		d.s.wire.marks[d.user] = append(d.s.wire.marks[d.user], d.what+": "+d.s.world.App.Name+" did not answer")
	}
	d.settle()
}

func (d *Delivery) isSettled() bool {
	select {
	case <-d.settled:
		return true
	default:
		return false
	}
}

func (d *Delivery) settle() {
	d.outcome.Took = time.Since(d.started)
	close(d.settled)
	d.s.touch()
}

// byHand says whether it was a person who did it.
func (d *Delivery) byHand() bool { return d.kind != Event }

// copied is a deep copy, as it would come out of JSON.
func copied(payload map[string]any) map[string]any {
	text, err := json.Marshal(payload)
	if err != nil {
		panic(fmt.Sprintf("slacktest: a payload that is no JSON: %v", err))
	}
	var c map[string]any
	_ = json.Unmarshal(text, &c) // it was made a line above
	return c
}

// also is a payload with more fields.
func also(payload, more map[string]any) map[string]any {
	maps.Copy(payload, more)
	return payload
}

// uuid is a random UUID of version 4.
func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
