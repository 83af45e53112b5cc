package chat

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"time"
)

// Backoff is the wait after so many failures in a row: twice as long after
// each, from least to most, and somewhere between half of that and all of it.
func Backoff(least, most time.Duration, failures int) time.Duration {
	full := most
	if failures < 16 {
		full = min(most, least<<max(0, failures-1))
	}
	return full/2 + rand.N(full/2+1) //nolint:gosec // jitter, nothing to guess
}

// Sparingly says yes once a minute. Its zero value is ready, and it is safe for
// concurrent use.
type Sparingly struct {
	mu   sync.Mutex
	last time.Time
}

// Now reports whether it is time again.
func (s *Sparingly) Now() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.last) < time.Minute {
		return false
	}
	s.last = time.Now()
	return true
}

// Mishap is what went wrong, without the address that it went wrong at, which
// may be a credential.
func Mishap(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if n, ok := errors.AsType[net.Error](err); (ok && n.Timeout()) || errors.Is(err, context.DeadlineExceeded) {
		return "it does not answer"
	}
	return err.Error()
}
