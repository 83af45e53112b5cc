package slacktest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
)

func TestAPressComesOverASocketAndIsAcknowledged(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.card("U0ALICE", nil)
	l := c.connect()
	d := c.s.Person("U0ALICE").Press("Press")
	envelope := l.answer(nil)
	if envelope["type"] != "interactive" || envelope["accepts_response_payload"] != false {
		t.Errorf("the envelope is %v", envelope)
	}
	if id, _ := envelope["envelope_id"].(string); len(id) != 36 || strings.Count(id, "-") != 4 {
		t.Errorf("the envelope's id is no UUID: %s", id)
	}
	if o := d.Acked(); o.Attempts != 1 || o.Took > 5*time.Second {
		t.Errorf("it went like this: %+v", o)
	}
}

func TestAHelloTellsHowManySocketsThereAre(t *testing.T) {
	t.Parallel()
	c := office(t)
	for n := 1; n <= 3; n++ {
		hello := said{body: c.knock().next()}
		if hello.body["num_connections"] != float64(n) || hello.in("connection_info")["app_id"] != "A0BRIDGE" {
			t.Errorf("socket %d is greeted with %v", n, hello.body)
		}
	}
}

func TestAHelloCanBeWithheld(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.card("U0ALICE", nil)
	c.s.SetPace(func(p *Pace) { p.Hello = -1 })
	c.knock()
	c.s.Until("the socket is there", func() bool { return len(c.s.Sockets()) == 1 })
	if o := c.s.Person("U0ALICE").Press("Press").Wait(); o.Why != "no socket is open" || c.s.Connected() != 0 {
		t.Errorf("a socket that was not greeted counts: %+v", o)
	}
}

func TestATicketIsGoodOnceAndNotForLong(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate("bad_ticket")
	used := c.granted(c.address()).text("url")
	if _, err := c.dial(used, 0); err != nil {
		t.Fatal(err)
	}
	// Naive: the address of the last socket is dialed again.
	if _, err := c.dial(used, 0); err == nil {
		t.Error("a ticket was good twice")
	}
	old := c.granted(c.address()).text("url")
	c.s.Advance(ticketLife + time.Second)
	if _, err := c.dial(old, 0); err == nil {
		t.Error("a ticket was good after its time")
	}
	if _, err := c.dial(strings.Replace(old, "ticket=", "ticket=f", 1), 0); err == nil {
		t.Error("a ticket that was made up was good")
	}
}

func TestAnAppHasTenSockets(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate("too_many_websockets")
	for range maxSockets {
		c.connect()
	}
	// Naive: a socket is opened whenever one might help.
	l := c.knock()
	if frame := l.next(); frame["type"] != "disconnect" || frame["reason"] != "too_many_websockets" {
		t.Errorf("the eleventh socket is told %v", frame)
	}
	if _, err := l.read(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("the eleventh socket ends with %v", err)
	}
	if n := c.s.Connected(); n != maxSockets {
		t.Errorf("%d sockets are left", n)
	}
}

func TestEverySocketGetsItsShare(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.card("U0ALICE", nil)
	for range 2 {
		go c.connect().careful()
	}
	for range 64 {
		c.s.Person("U0ALICE").Press("Press").Acked()
	}
	for i, life := range c.s.Sockets() {
		if life.Clicks == 0 || life.Acked != life.Clicks {
			t.Errorf("socket %d got %d presses, and acknowledged %d", i, life.Clicks, life.Acked)
		}
	}
}

func TestAPressThatFailsIsToldToWhoPressed(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.card("U0ALICE", nil)
	alice := c.s.Person("U0ALICE")
	failed := "(!) Press: authbridge did not answer"
	if o := alice.Press("Press").Wait(); o.Acked || !strings.Contains(alice.Screen(), failed) {
		t.Errorf("without a socket: %+v, alice sees\n%s", o, alice.Screen())
	}
	l := c.connect()
	d := alice.Press("Press")
	if strings.Contains(alice.Screen(), failed) {
		t.Error("the mark is still there when she presses again")
	}
	l.answer(nil)
	d.Acked()
	if strings.Contains(c.s.Person("U0BOB").Screen(), failed) {
		t.Error("bob is told of alice's failure")
	}
}

func TestWhoIsSlowIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate("ack_late")
	c.s.SetPace(func(p *Pace) { p.Ack = 50 * time.Millisecond })
	c.card("U0ALICE", nil)
	l := c.connect()
	d := c.s.Person("U0ALICE").Press("Press")
	envelope := l.next()
	// Naive: the work is done before it is acknowledged.
	if o := d.Wait(); o.Acked || o.Why != "timeout" || o.Attempts != 1 {
		t.Errorf("it went like this: %+v", o)
	}
	l.ack(envelope, nil)
	c.s.Until("the slip is noted", func() bool { return len(c.slips()) == 1 })
	if diff := cmp.Diff([]string{"ack_late"}, c.slips()); diff != "" {
		t.Error(diff)
	}
}

// TestAcknowledgementsThatAreWrong has a client for each mistake.
func TestAcknowledgementsThatAreWrong(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", maxAck)
	for name, tt := range map[string]struct {
		slip    string
		mistake func(c caller, l *link, envelope fields)
	}{
		"of nothing": {"ack_unknown", func(_ caller, l *link, _ fields) { l.ack(fields{"envelope_id": uuid()}, nil) }},
		"over another socket": {"ack_elsewhere", func(c caller, _ *link, envelope fields) {
			c.connect().ack(envelope, nil)
		}},
		"too big": {"ack_too_big", func(_ caller, l *link, envelope fields) { l.ack(envelope, fields{"text": big}) }},
		"no JSON": {"ack_malformed", func(_ caller, l *link, _ fields) { l.say(websocket.TextMessage, "ok") }},
		"no text": {"ack_malformed", func(_ caller, l *link, e fields) {
			l.say(websocket.BinaryMessage, `{"envelope_id":"`+e["envelope_id"].(string)+`"}`)
		}},
		"something else": {"ack_malformed", func(_ caller, l *link, e fields) {
			l.say(websocket.TextMessage, `{"envelope_id":"`+e["envelope_id"].(string)+`","ok":true}`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := office(t)
			c.s.Tolerate(tt.slip)
			c.s.SetPace(func(p *Pace) { p.Ack = 200 * time.Millisecond })
			l := c.connect()
			d := c.s.Person("U0ALICE").Command("/authbridge help")
			tt.mistake(c, l, l.next())
			if o := d.Wait(); o.Acked {
				t.Errorf("it counts: %+v", o)
			}
			if diff := cmp.Diff([]string{tt.slip}, c.slips()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func (l *link) say(kind int, text string) {
	if err := l.conn.WriteMessage(kind, []byte(text)); err != nil {
		l.t.Errorf("saying %s: %v", text, err)
	}
}

func TestAnAcknowledgementIsOneFrame(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate("ack_in_pieces")
	c.s.SetPace(func(p *Pace) { p.Ack = 200 * time.Millisecond })
	// Naive: the websocket library is used with the buffer that it comes with.
	l, err := c.dial(c.granted(c.address()).text("url"), 0)
	if err != nil {
		t.Fatal(err)
	}
	l.next()
	small := c.s.Person("U0ALICE").Command("/authbridge list")
	l.answer(fields{"text": "short"})
	small.Acked()
	large := c.s.Person("U0ALICE").Command("/authbridge list")
	l.answer(fields{"text": strings.Repeat("long", 2000)})
	if o := large.Wait(); o.Acked {
		t.Errorf("two frames count: %+v", o)
	}
}

func TestAnAcknowledgementCountsOnce(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.Tolerate("ack_twice", "ack_with_answer")
	c.card("U0ALICE", nil)
	l := c.connect()
	d := c.s.Person("U0ALICE").Press("Press")
	envelope := l.answer(fields{"text": "unasked"})
	l.ack(envelope, nil)
	d.Acked()
	c.s.Until("both slips are noted", func() bool { return len(c.slips()) == 2 })
	if diff := cmp.Diff([]string{"ack_with_answer", "ack_twice"}, c.slips()); diff != "" {
		t.Error(diff)
	}
	if life := c.s.Sockets()[0]; life.Clicks != 1 || life.Acked != 1 {
		t.Errorf("the books say %+v", life)
	}
}

func TestAnEventIsBroughtAgain(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.SetPace(func(p *Pace) {
		p.Ack, p.Retries = 50*time.Millisecond, []time.Duration{0, time.Millisecond, time.Millisecond}
	})
	l := c.connect()
	d := c.s.Person("U0ALICE").OpenHome()
	// Naive: every envelope is an event of its own.
	envelopes, events := map[any]bool{}, map[any]bool{}
	for n := range 4 {
		e := said{body: l.next()}
		if e.body["retry_attempt"] != float64(n) || e.body["retry_reason"] != map[bool]string{true: "timeout"}[n > 0] {
			t.Errorf("attempt %d: %v, %v", n, e.body["retry_attempt"], e.body["retry_reason"])
		}
		envelopes[e.body["envelope_id"]], events[e.in("payload")["event_id"]] = true, true
		if n == 3 {
			l.ack(e.body, nil)
		}
	}
	if o := d.Acked(); o.Attempts != 4 || len(envelopes) != 4 || len(events) != 1 {
		t.Errorf("%+v: %d envelopes of %d events", o, len(envelopes), len(events))
	}
}

func TestAnEventWaitsForASocket(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.SetPace(func(p *Pace) { p.Retries = []time.Duration{time.Millisecond, 2 * time.Second} })
	d := c.s.Person("U0ALICE").OpenHome()
	c.connect().answer(nil)
	d.Acked()
}

func TestThatAPressIsNotBroughtAgain(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.SetPace(func(p *Pace) { p.Ack, p.Retries = 30*time.Millisecond, []time.Duration{0} })
	c.card("U0ALICE", nil)
	l := c.connect()
	c.s.Person("U0ALICE").Press("Press").Wait()
	second := c.s.Person("U0ALICE").OpenHome()
	if first, then := l.next(), l.answer(nil); first["type"] != "interactive" || then["type"] != "events_api" {
		t.Errorf("first %v came, then %v", first["type"], then["type"])
	}
	second.Acked()
}

func TestTheSameEnvelopeCanComeTwice(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.card("U0ALICE", nil)
	l := c.connect()
	d := c.s.Person("U0ALICE").Press("Press")
	first := l.answer(nil)
	d.Acked()
	again := d.Again()
	// Naive: it is done twice.
	if diff := cmp.Diff(first, l.answer(nil)); diff != "" {
		t.Error(diff)
	}
	again.Acked()
}

func TestWhatIsForgedComesAsItIs(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.card("U0ALICE", nil)
	l := c.connect()
	d := c.s.Person("U0ALICE").Press("Press")
	l.answer(nil)
	d.Acked()
	forged := d.Payload()
	forged["user"].(map[string]any)["id"] = "U0MALLORY"
	foreign := c.s.Deliver(Interactive, forged)
	if got := (said{body: l.answer(nil)}).in("payload"); (said{body: got}).in("user")["id"] != "U0MALLORY" {
		t.Errorf("it came as %v", got)
	}
	foreign.Acked()
}
