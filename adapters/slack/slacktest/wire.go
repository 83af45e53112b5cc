package slacktest

import (
	"context"
	"sync"
	"time"
)

// Pace is how patient Slack is with the app over its sockets and signed
// requests. All of it is real time: [Slack.Advance] does not touch it.
type Pace struct {
	Ack     time.Duration   // for an acknowledgement; 3 s
	Ping    time.Duration   // between two pings of a socket; 10 s
	Hello   time.Duration   // from a socket's opening to its hello; 0. Below 0 it never comes
	Warning time.Duration   // from the warning to the end of a socket; 10 s
	Parting time.Duration   // for the app's half of a closing handshake; 3 s
	Retries []time.Duration // before each redelivery of an event; 0, 1 min, 5 min
}

func usualPace() Pace {
	return Pace{
		Ack: 3 * time.Second, Ping: 10 * time.Second,
		Warning: 10 * time.Second, Parting: 3 * time.Second,
		Retries: []time.Duration{0, time.Minute, 5 * time.Minute},
	}
}

// SetPace alters how patient Slack is, from now on.
func (s *Slack) SetPace(how func(*Pace)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how(&s.wire.pace)
}

// wire is what brings people's doings to the app: sockets, and signed
// requests. The lock of Slack guards it.
type wire struct {
	ctx   context.Context // ends with the test
	end   context.CancelFunc
	over  bool           // the test is ending
	tasks sync.WaitGroup // what runs beside the test

	pace    Pace
	unsent  int  // what people did while no socket was open
	refused bool // Socket Mode is switched off
	silent  bool // no pings are sent

	tickets  map[string]*ticket
	sockets  []*socket // all there ever were
	attempts map[string]*attempt
	marks    map[string][]string // what Slack tells somebody that failed

	requests  string // the base of the app's request addresses; "" is Socket Mode
	responses map[string]*responseURL
}

// serveWire registers the routes and methods of the wire.
func (s *Slack) serveWire() {
	w := &s.wire
	w.ctx, w.end = context.WithCancel(context.Background())
	w.pace = usualPace()
	w.tickets, w.attempts = map[string]*ticket{}, map[string]*attempt{}
	w.marks, w.responses = map[string][]string{}, map[string]*responseURL{}
	s.provide("apps.connections.open", method{
		kind: appToken, scopes: []string{"connections:write"}, rate: tier3, do: (*call).openConnection,
	})
	s.handle("GET "+linkPath, s.serveSocket)
	s.handle("POST "+responsePath+"{team}/{secret}", s.serveResponse)
}

// closeWire ends what the wire holds open, and returns when it is at rest.
func (s *Slack) closeWire() {
	s.mu.Lock()
	s.wire.over = true
	for _, k := range s.wire.sockets {
		k.cut()
	}
	s.wire.end()
	s.mu.Unlock()
	s.wire.tasks.Wait()
}

// later does something after a while, with the lock, unless the test ended
// before. It needs the lock.
func (s *Slack) later(d time.Duration, do func()) *time.Timer {
	return time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.wire.over {
			do()
			s.touch()
		}
	})
}

// beside runs something beside the test, which waits for it at its end. It
// needs the lock.
func (s *Slack) beside(do func(context.Context)) {
	if s.wire.over {
		return
	}
	s.wire.tasks.Go(func() { do(s.wire.ctx) })
}
