package slacktest

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// rate is how often a method may be called: calls in any minute. perChannel
// is the special limit of posting.
type rate int

const (
	unlimited  rate = 0
	tier1      rate = 1
	tier2      rate = 20
	tier3      rate = 50
	tier4      rate = 100
	perChannel rate = -1
)

// Posting into one channel: a message a second, after a short burst.
const (
	postEvery = time.Second
	postBurst = 5
)

// limited is the answer to a call too many.
type limited struct{ after time.Duration }

func (l *limited) Error() string { return "ratelimited" }

// response has whole seconds in its header, and promises nothing of its body.
func (l *limited) response() response {
	seconds := max(1, int(math.Ceil(l.after.Seconds())))
	return response{
		status: http.StatusTooManyRequests,
		header: map[string]string{"Retry-After": strconv.Itoa(seconds), "Content-Type": "text/plain"},
		body:   []byte("slow down\n"),
		code:   "ratelimited",
	}
}

// limit counts a call, or refuses it. It needs the lock.
func (s *Slack) limit(r rate, method, channel string) error {
	switch {
	case s.world.Unlimited || r == unlimited:
		return nil
	case r == perChannel:
		return s.limitPosts(channel)
	default:
		return s.limitCalls(method, int(r))
	}
}

// limitCalls allows n calls within any minute.
func (s *Slack) limitCalls(method string, n int) error {
	now := s.now()
	recent := s.calls[method]
	for len(recent) > 0 && now.Sub(recent[0]) >= time.Minute {
		recent = recent[1:]
	}
	if len(recent) >= n {
		s.calls[method] = recent
		return &limited{after: recent[0].Add(time.Minute).Sub(now)}
	}
	s.calls[method] = append(recent, now)
	return nil
}

// limitPosts keeps for each channel when its allowance is whole again.
func (s *Slack) limitPosts(channel string) error {
	if s.world.Person(channel) != nil {
		channel = dm(channel)
	}
	now := s.now()
	whole := s.whole[channel]
	if whole.Before(now) {
		whole = now
	}
	if wait := whole.Sub(now) - (postBurst-1)*postEvery; wait > 0 {
		return &limited{after: wait}
	}
	s.whole[channel] = whole.Add(postEvery)
	return nil
}
