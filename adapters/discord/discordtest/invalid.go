package discordtest

import (
	"net/http"
	"time"
)

// within is how long an invalid request is held against an address.
const within = 10 * time.Minute

// Invalid is how many requests of the last ten minutes got 401, 403 or 429,
// the limits of places left out. World.Ban of them get the address banned.
func (s *Discord) Invalid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.countInvalid()
}

func (s *Discord) countInvalid() int {
	now := s.now()
	for len(s.invalid) > 0 && now.Sub(s.invalid[0]) >= within {
		s.invalid = s.invalid[1:]
	}
	return len(s.invalid)
}

// counted holds an answer against the address if it is of those. It needs
// the lock.
func (s *Discord) counted(r response) response {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		if !r.shared {
			s.invalid = append(s.invalid, s.now())
		}
	}
	return r
}

// banned says whether the address is banned. It needs the lock.
func (s *Discord) banned() bool { return s.countInvalid() >= s.world.Ban }

// banned is not Discord's own answer, but that of what stands before it.
func banned() response {
	return response{
		status: http.StatusTooManyRequests,
		header: map[string]string{"Content-Type": "text/html", "Retry-After": "3600"},
		body:   []byte("error code: 1015"),
		shared: true,
	}
}
