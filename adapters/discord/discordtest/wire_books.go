package discordtest

import "time"

// End is how a connection ended.
type End string

// The ends of connections; an open one has none.
const (
	Orderly End = "orderly" // the closing handshake was completed
	Cut     End = "cut"     // Discord's side was cut, by the test
	Dropped End = "dropped" // the app went away, gave no sign of life, or did not finish the handshake
)

// Connection is what became of a connection of the app's.
type Connection struct {
	Identified bool // it was let in
	Resumed    bool // with a session that it had before
	Signs      int  // of life, that came from the app
	Brought    int  // what people did that was written to it
	End        End
	Code       int // the close code that came first, from either side; 0 = none
}

// Connections is what became of all connections so far, oldest first.
func (s *Discord) Connections() []Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Connection, len(s.wire.connections))
	for n, c := range s.wire.connections {
		all[n] = c.Connection
	}
	return all
}

// Connected is how many connections the app has that were let in.
func (s *Discord) Connected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.live())
}

// Identifications is how often the app was let in so far.
func (s *Discord) Identifications() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.wire.identified)
}

// Interaction is something that somebody did, and what became of it. Times are
// those of Discord's clock.
type Interaction struct {
	ID   string
	User string
	At   time.Time

	Written  bool // it is on its way to a connection that was let in, or went by a call
	Cut      bool // whatever it was written to was cut by the test: it may be lost
	Answered bool // in time
	With     int  // the type of the answer
	After    time.Duration
	Failed   bool // they were told that it failed
}

// Lost says whether it was brought and should have been answered, and was not,
// or not yet.
func (i Interaction) Lost() bool { return i.Written && !i.Cut && !i.Answered }

// Interactions returns how what people have done was brought and answered.
func (s *Discord) Interactions() []Interaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Interaction, len(s.wire.interactions))
	for n, i := range s.wire.interactions {
		all[n] = i.book()
	}
	return all
}

// book is what is told of an interaction. It needs the lock.
func (i *interaction) book() Interaction {
	b := Interaction{
		ID: i.id, User: i.user, At: i.at, Failed: i.failed, With: i.with,
		Written: i.queued > 0 || i.called || len(i.reached) > 0, Answered: !i.answered.IsZero(),
	}
	if b.Answered {
		b.After = i.answered.Sub(i.at)
	}
	b.Cut = len(i.reached) > 0 && i.queued == 0
	for _, c := range i.reached {
		b.Cut = b.Cut && c.End == Cut
	}
	return b
}
