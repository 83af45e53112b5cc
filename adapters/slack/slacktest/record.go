package slacktest

import (
	"slices"
	"time"
)

// Exchange is one request or frame and its answer, as they were on the wire,
// except that the credential of the call is left out.
type Exchange struct {
	At     time.Time
	Where  string // the method ("chat.postMessage"), the path, or "socket"
	Asked  string // the body that came from whoever asked
	Answer string // the body of the answer
	Status int    // of HTTP; 0 for a frame of a socket
}

// Exchanges returns all traffic so far, oldest first.
func (s *Slack) Exchanges() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.exchanges)
}

// record keeps an exchange. It needs the lock.
func (s *Slack) record(e Exchange) {
	e.At = s.now()
	s.exchanges = append(s.exchanges, e)
}
