package discordtest

import (
	"slices"
	"time"
)

// Greeting is how a connection begins.
type Greeting struct {
	First int  // an operation that comes in the place of hello, or right after it: 7, 9; 1 comes before it; 0 = none
	After bool // it comes after hello, and not in its place
	Close int  // the close code with which the identification is answered; 0 = none
	Mute  bool // nothing comes at all
}

// Greet says how the next connections begin, one after the other.
func (s *Discord) Greet(all ...Greeting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.greetings = append(s.wire.greetings, all...)
}

// Left says how often the app may still identify today. One that identifies
// more often loses its token.
func (s *Discord) Left(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.left = n
}

// Beat is the time between signs of life that the next connections are told. A
// connection is given up after three times as long without one.
func (s *Discord) Beat(every time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.beat = every
}

// Silence has signs of life be answered no more, or again.
func (s *Discord) Silence(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.silent = silent
}

// each does something to all connections that were let in.
func (s *Discord) each(do func(*connection)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.live() {
		do(c)
	}
	s.touch()
}

// AskSign asks the app for a sign of life at once (op 1). A connection that
// gives none within a beat is given up.
func (s *Discord) AskSign() { s.each(func(c *connection) { c.frame(opHeartbeat, nil) }) }

// Reconnect asks the app for new connections (op 7). Those that are there go on
// for a while.
func (s *Discord) Reconnect() { s.each(func(c *connection) { c.frame(opReconnect, nil) }) }

// Invalidate ends the app's sessions (op 9): what people do from now on is
// brought to those that begin after it.
func (s *Discord) Invalidate() {
	s.each(func(c *connection) {
		s.forget(c.session)
		c.frame(opInvalid, false)
	})
}

// Drop ends the app's connections: with a code, after all that is on its way,
// or without a word if it is 0.
func (s *Discord) Drop(code int) {
	s.each(func(c *connection) {
		if code == 0 {
			c.cut(false)
		} else {
			c.shut(code)
		}
	})
}

// Reset ends the app's connections by a reset: what was on its way is lost.
func (s *Discord) Reset() { s.each(func(c *connection) { c.cut(true) }) }

// Hold keeps back what people do, until Release.
func (s *Discord) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.holding = true
}

// Release brings what was kept back, the last first: Discord promises no order.
func (s *Discord) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.holding = false
	for _, i := range slices.Backward(s.wire.held) {
		s.bring(i)
	}
	s.wire.held = nil
}

// Repeat brings what was done last once more: Discord may.
func (s *Discord) Repeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.wire.interactions); n > 0 {
		s.bring(s.wire.interactions[n-1])
	}
}

// Deliver brings an event that nobody's doing has caused: one that no app knows,
// another application's, or nonsense. By calls it is only the data.
func (s *Discord) Deliver(name string, data any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wire.requestsTo != "" {
		s.mail(data, nil)
		return
	}
	for _, n := range s.wire.sessions {
		n.tell(name, data, nil)
	}
}
