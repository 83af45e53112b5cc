package slacktest

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
	Status  int    // of HTTP, without JSON: 500, 502, 503
	Limited int    // 429, to be tried again after so many seconds
	Error   string // of the method: "fatal_error", "channel_not_found"
	Reset   bool   // the connection is reset
	Garbage bool   // status 200, and not JSON
}

// Fail makes the next n calls of a method go wrong ("*": of any method).
// Faults of one method come one after the other, in the order in which they
// were told.
func (s *Slack) Fail(method string, n int, how Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.faults[method] = append(s.faults[method], how)
	}
}

// Recover takes back all faults that did not happen yet.
func (s *Slack) Recover() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
}

// nextFault takes what is to go wrong with this call.
func (s *Slack) nextFault(method string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range []string{method, "*"} {
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
	return f.Status != 0 || f.Limited != 0 || f.Error != "" || f.Reset || f.Garbage
}

func (f Fault) response() response {
	switch {
	case f.Reset:
		return response{cut: true, code: "reset"}
	case f.Limited != 0:
		l := limited{after: time.Duration(f.Limited) * time.Second}
		return l.response()
	case f.Status != 0:
		return response{status: f.Status, body: []byte("<html>sorry</html>"), code: http.StatusText(f.Status)}
	case f.Garbage:
		return response{status: http.StatusOK, body: []byte("<html>sorry</html>"), code: "garbage"}
	default:
		return response{
			status: http.StatusOK,
			header: map[string]string{"Content-Type": "application/json; charset=utf-8"},
			body:   []byte(`{"ok":false,"error":"` + f.Error + `"}`),
			code:   f.Error,
		}
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
