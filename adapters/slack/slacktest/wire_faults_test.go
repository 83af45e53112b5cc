package slacktest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// careful acknowledges all that comes, until the socket ends.
func (l *link) careful() {
	for {
		envelope, err := l.read()
		if err != nil {
			return
		}
		if envelope["envelope_id"] != nil && l.tryAck(envelope, nil) != nil {
			return
		}
	}
}

func TestTrafficGoesOnUntilASocketEnds(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{Warning, RefreshRequested} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			c := office(t)
			c.s.SetPace(func(p *Pace) { p.Warning = 300 * time.Millisecond })
			c.card("U0ALICE", nil)
			l := c.connect()
			c.s.Disconnect(reason)
			if frame := l.next(); frame["type"] != "disconnect" || frame["reason"] != reason {
				t.Fatalf("it is told %v", frame)
			}
			d := c.s.Person("U0ALICE").Press("Press")
			l.answer(nil)
			d.Acked()
			if _, err := l.read(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				t.Errorf("the socket ends with %v", err)
			}
			c.s.Until("the end is booked", func() bool { return c.s.Sockets()[0].End == Orderly })
			if b := c.s.Books(); b.Orderly != (Tally{Sockets: 1, Clicks: 1, Acked: 1}) {
				t.Errorf("the books say %+v", b)
			}
		})
	}
}

func TestWhoeverIsWarnedHasTenSeconds(t *testing.T) {
	t.Parallel()
	if p := usualPace(); p.Warning != 10*time.Second || p.Ack != 3*time.Second || p.Ping != 10*time.Second {
		t.Errorf("Slack's usual pace is %+v", p)
	}
}

func TestSocketModeCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	c := office(t)
	l := c.connect()
	c.s.DisableSocketMode()
	if frame := l.next(); frame["reason"] != "link_disabled" {
		t.Fatalf("it is told %v", frame)
	}
	if _, err := l.read(); err == nil {
		t.Error("the socket is still open")
	}
	// Naive: after a disconnect it connects, and connects, and connects.
	for range 3 {
		c.refused(c.address(), "socket_mode_not_enabled")
	}
	c.s.EnableSocketMode()
	c.connect()
}

func TestACutTakesWhatWasOnItsWay(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.card("U0ALICE", nil)
	l := c.connect()
	d := c.s.Person("U0ALICE").Press("Press")
	l.next()
	c.s.Cut()
	if o := d.Wait(); o.Acked || o.Why != "its socket ended" {
		t.Errorf("it went like this: %+v", o)
	}
	var orderly *websocket.CloseError
	if _, err := l.read(); errors.As(err, &orderly) && orderly.Code != websocket.CloseAbnormalClosure {
		t.Errorf("the socket was taken leave of: %v", err)
	}
	if b := c.s.Books(); b.Cut != (Tally{Sockets: 1, Clicks: 1}) || b.Cut.Lost() != 1 {
		t.Errorf("the books say %+v", b)
	}
}

func TestWhoGoesAwayWithoutAWordIsBookedSo(t *testing.T) {
	t.Parallel()
	c := office(t)
	_ = c.connect().conn.Close() // as if the process had ended
	l := c.connect()
	_ = l.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	c.s.Until("both ends are booked", func() bool {
		b := c.s.Books()
		return b.Dropped.Sockets == 1 && b.Orderly.Sockets == 1
	})
}

func TestWhoDoesNotFinishTheHandshakeIsCutOff(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.SetPace(func(p *Pace) { p.Warning, p.Parting = 0, 50*time.Millisecond })
	l := c.connect()
	l.conn.SetCloseHandler(func(int, string) error { return nil })
	c.s.Disconnect(Warning)
	c.s.Until("the end is booked", func() bool { return c.s.Sockets()[0].End == Dropped })
}

func TestPingsCanStop(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.s.SetPace(func(p *Pace) { p.Ping = 20 * time.Millisecond })
	pings := make(chan struct{}, 1000)
	l := c.connect()
	answer := l.conn.PingHandler()
	l.conn.SetPingHandler(func(data string) error {
		pings <- struct{}{}
		return answer(data)
	})
	go l.careful()
	<-pings
	c.s.Until("a ping is answered", func() bool {
		c.s.Person("U0ALICE").OpenHome().Acked() // something that makes it look
		return c.s.Sockets()[0].Pongs > 0
	})
	c.s.StopPings()
	for quiet := false; !quiet; {
		select {
		case <-pings:
		case <-time.After(200 * time.Millisecond):
			quiet = true
		}
	}
	// Naive: what is said to be open is believed to be. It stays so.
	if c.s.Connected() != 1 {
		t.Error("the socket ended of itself")
	}
	c.s.ResumePings()
	<-pings
}

// successor keeps an app connected under rotation. early makes it as naive
// as to end a socket when it is told that it will end.
type successor struct {
	c     caller
	early bool
	all   sync.WaitGroup
}

// serve opens a socket and serves it, and says when it is greeted.
func (a *successor) serve(greeted func()) {
	l, err := a.c.dial(a.c.address().text("url"), 0)
	if err != nil {
		return // Socket Mode was switched off: the test is over
	}
	for {
		frame, err := l.read()
		switch {
		case err != nil:
			return
		case frame["type"] == "hello":
			greeted()
		case frame["type"] == "disconnect" && a.early:
			_ = l.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
			_ = l.conn.Close()
			a.all.Go(func() { a.serve(func() {}) })
			return
		case frame["type"] == "disconnect":
			a.all.Go(func() { a.serve(func() {}) })
		case l.tryAck(frame, nil) != nil:
			return
		}
	}
}

// rotated presses while sockets are replaced, and returns the books.
func rotated(t *testing.T, early bool, r Rotation) Books {
	t.Helper()
	w := Office()
	w.Unlimited = true
	c := caller{t: t, s: Start(t, w)}
	c.card("U0ALICE", nil)
	greeted := make(chan struct{})
	a := &successor{c: c, early: early}
	a.all.Go(func() { a.serve(func() { close(greeted) }) })
	<-greeted
	stop := c.s.Rotate(r)
	var pressed []*Delivery
	for ends := 0; ends < 8; {
		pressed = append(pressed, c.s.Person("U0ALICE").Press("Press"))
		pressed[len(pressed)-1].Wait()
		b := c.s.Books()
		ends = b.Orderly.Sockets + b.Cut.Sockets + b.Dropped.Sockets
	}
	stop()
	for _, d := range pressed {
		d.Wait()
	}
	b := c.s.Books()
	c.s.DisableSocketMode()
	a.all.Wait()
	if got := b.Open.Clicks + b.Orderly.Clicks + b.Cut.Clicks + b.Dropped.Clicks + b.Unsent; got != len(pressed) {
		t.Errorf("%d presses are in the books of %d: %+v", got, len(pressed), b)
	}
	t.Logf("%d presses: %+v", len(pressed), b)
	return b
}

func TestWhoOverlapsLosesNothingUnderRotation(t *testing.T) {
	t.Parallel()
	b := rotated(t, false, Rotation{Every: 40 * time.Millisecond, Warning: 200 * time.Millisecond})
	if b.Orderly.Lost() != 0 || b.Unsent != 0 || b.Dropped.Sockets != 0 || b.Orderly.Clicks == 0 {
		t.Errorf("the books say %+v", b)
	}
}

func TestWhoClosesFirstLosesPressesUnderRotation(t *testing.T) {
	t.Parallel()
	b := rotated(t, true, Rotation{Every: 40 * time.Millisecond, Warning: 200 * time.Millisecond})
	if b.Orderly.Lost()+b.Dropped.Lost()+b.Unsent == 0 {
		t.Errorf("the naive app lost nothing: %+v", b)
	}
}

func TestARotationCanCut(t *testing.T) {
	t.Parallel()
	c := office(t)
	for range 4 {
		go c.connect().careful()
	}
	c.s.Until("all are there", func() bool { return c.s.Connected() == 4 })
	stop := c.s.Rotate(Rotation{Every: time.Millisecond, CutEach: 2})
	c.s.Until("all are gone", func() bool {
		b := c.s.Books()
		return b.Orderly.Sockets == 2 && b.Cut.Sockets == 2
	})
	stop()
}
