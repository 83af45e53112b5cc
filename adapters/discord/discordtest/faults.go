package discordtest

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Fault is what goes wrong with one call. Its parts may be combined.
type Fault struct {
	// Delay passes before the call is looked at, or, with Committed, before
	// it is answered. Hold does the same until it is closed.
	Delay time.Duration
	Hold  <-chan struct{}

	// Committed: the call has its effect before things go wrong.
	Committed bool

	// At most one of these takes the place of the answer.
	Status  int           // of HTTP, without JSON: 500, 502, 503
	Limited time.Duration // 429, to be tried again after that long
	Code    int           // an error code: CannotMessage, MissingAccess
	Reset   bool          // the connection is reset
	Garbage bool          // status 200, and not JSON

	Global bool // of a limit: it is the application's, for all routes
	Shared bool // of a limit: it is the place's, and not held against the application
}

// Fail makes the next n calls of a route go wrong ("*": of any route). Faults
// of one route come one after the other, in the order in which they were
// told.
func (s *Discord) Fail(route string, n int, how Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.faults[route] = append(s.faults[route], how)
	}
}

// Recover takes back all faults that did not happen yet.
func (s *Discord) Recover() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
}

// nextFault takes what is to go wrong with this call.
func (s *Discord) nextFault(route string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range []string{route, "*"} {
		if queue := s.faults[name]; len(queue) > 0 {
			s.faults[name] = queue[1:]
			return queue[0]
		}
	}
	return Fault{}
}

// before waits until the call is looked at, after until it is answered. They
// say whether whoever called is still there.
func (f Fault) before(ctx context.Context) bool { return f.Committed || f.wait(ctx) }

func (f Fault) after(ctx context.Context) bool { return !f.Committed || f.wait(ctx) }

func (f Fault) wait(ctx context.Context) bool {
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-ctx.Done():
			return false
		}
	}
	if f.Hold != nil {
		select {
		case <-f.Hold:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// spoils says whether something takes the place of the answer.
func (f Fault) spoils() bool {
	return f.Status != 0 || f.Limited != 0 || f.Code != 0 || f.Reset || f.Garbage
}

func (f Fault) response() response {
	switch {
	case f.Reset:
		return response{cut: true}
	case f.Limited != 0:
		l := limited{after: f.Limited, global: f.Global, shared: f.Shared}
		return l.response(window{})
	case f.Status != 0:
		return response{status: f.Status, body: []byte("<html>sorry</html>")}
	case f.Garbage:
		return response{status: http.StatusOK, body: []byte("<html>sorry</html>")}
	default:
		return (&refusal{code: f.Code}).response()
	}
}

// reset ends a connection as a cut cable does: with data unread and unsent.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // the close below tells of any trouble
	}
	_ = conn.Close()
}
