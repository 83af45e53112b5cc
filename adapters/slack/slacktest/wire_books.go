package slacktest

import "time"

// End is how a socket ended.
type End string

// The ends of sockets; an open one has none.
const (
	Orderly End = "orderly" // the closing handshake was completed
	Cut     End = "cut"     // Slack's side was cut, by the test
	Dropped End = "dropped" // the app went away, or did not finish the handshake
)

// SocketLife is what became of a socket. Times are real ones; what did not
// happen is zero.
type SocketLife struct {
	Opened time.Time
	Warned time.Time // the app was told that it will end
	Ended  time.Time
	End    End

	Clicks int // what people did that was given to it
	Acked  int // those that were acknowledged in time
	Pongs  int
}

// Sockets is what became of all sockets so far, in the order in which they
// were opened.
func (s *Slack) Sockets() []SocketLife {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []SocketLife
	for _, k := range s.wire.sockets {
		all = append(all, k.SocketLife)
	}
	return all
}

// Connected is how many sockets are open and had their hello.
func (s *Slack) Connected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, k := range s.live() {
		if k.greeted {
			n++
		}
	}
	return n
}

// Tally counts what people did that was given to some sockets.
type Tally struct{ Sockets, Clicks, Acked int }

// Lost is what was not acknowledged, or not yet.
func (t Tally) Lost() int { return t.Clicks - t.Acked }

// Books say what became of all that people did, by the end of the socket
// that it was given to. A press that was given to no socket is Unsent.
type Books struct {
	Open, Orderly, Cut, Dropped Tally
	Unsent                      int
}

// Books closes the books as they are now. They are exact when no delivery is
// under way.
func (s *Slack) Books() Books {
	s.mu.Lock()
	b := Books{Unsent: s.wire.unsent}
	s.mu.Unlock()
	for _, life := range s.Sockets() {
		t := map[End]*Tally{"": &b.Open, Orderly: &b.Orderly, Cut: &b.Cut, Dropped: &b.Dropped}[life.End]
		t.Sockets++
		t.Clicks += life.Clicks
		t.Acked += life.Acked
	}
	return b
}
