package discordtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"
)

// rate is how often a route may be called in one bucket: n times in each
// window. Discord does not say its numbers, and an app reads them from the
// headers; these are of the order that is met.
type rate struct {
	n   int
	per time.Duration
}

// The rates of the routes.
func posting() rate { return rate{n: 5, per: 5 * time.Second} }
func reading() rate { return rate{n: 50, per: time.Second} }
func opening() rate { return rate{n: 10, per: 10 * time.Second} }

// Everything together, but for the answers to interactions.
const globally = 50

// window is the state of a bucket after a call.
type window struct {
	bucket string
	rate   rate
	left   int
	resets time.Time
	after  time.Duration
}

// header is what Discord tells of a bucket with each answer.
func (w window) header() map[string]string {
	if w.rate.n == 0 {
		return nil
	}
	return map[string]string{
		"X-RateLimit-Bucket":      w.bucket,
		"X-RateLimit-Limit":       strconv.Itoa(w.rate.n),
		"X-RateLimit-Remaining":   strconv.Itoa(w.left),
		"X-RateLimit-Reset":       fmt.Sprintf("%.3f", float64(w.resets.UnixMilli())/1000),
		"X-RateLimit-Reset-After": fmt.Sprintf("%.3f", w.after.Seconds()),
	}
}

// limited is the answer to a call too many.
type limited struct {
	after  time.Duration
	global bool
	shared bool
}

func (l *limited) response(w window) response {
	seconds := math.Ceil(l.after.Seconds()*1000) / 1000
	body, _ := json.Marshal(map[string]any{ // strings and numbers
		"message": "You are being rate limited.", "retry_after": seconds, "global": l.global,
	})
	header := jsonHeader()
	maps.Copy(header, w.header())
	header["Retry-After"] = strconv.Itoa(int(math.Ceil(seconds)))
	header["X-RateLimit-Scope"] = l.scope()
	if l.global {
		header["X-RateLimit-Global"] = "true"
	}
	return response{status: http.StatusTooManyRequests, header: header, body: body, shared: l.shared}
}

func (l *limited) scope() string {
	switch {
	case l.global:
		return "global"
	case l.shared:
		return "shared"
	default:
		return "user"
	}
}

// bucket is what is left of a window.
type bucket struct {
	used   int
	resets time.Time
}

// limit counts a call, or refuses it. It needs the lock.
func (s *Discord) limit(q request, r route) (window, *limited) {
	if s.world.Unlimited {
		return window{}, nil
	}
	if !r.open {
		if over := s.limitAll(); over != nil {
			return window{}, over
		}
	}
	if r.rate.n == 0 {
		return window{}, nil
	}
	return s.limitBucket(q, r.rate)
}

// limitAll is the limit of the application over all routes.
func (s *Discord) limitAll() *limited {
	_, over := s.take("", rate{n: globally, per: time.Second})
	if over != nil {
		over.global = true
	}
	return over
}

func (s *Discord) limitBucket(q request, r rate) (window, *limited) {
	w, over := s.take(q.pattern+" "+q.major(), r)
	w.bucket = digest(q.pattern)
	return w, over
}

// take takes one out of a bucket.
func (s *Discord) take(name string, r rate) (window, *limited) {
	now := s.now()
	b := s.buckets[name]
	if !now.Before(b.resets) {
		b = bucket{resets: now.Add(r.per)}
	}
	after := b.resets.Sub(now)
	if b.used >= r.n {
		return window{rate: r, resets: b.resets, after: after}, &limited{after: after}
	}
	b.used++
	s.buckets[name] = b
	return window{rate: r, left: r.n - b.used, resets: b.resets, after: after}, nil
}

// major is what of the path has buckets of its own.
func (q *request) major() string {
	return q.path["channel"] + q.path["guild"] + q.path["app"] + q.path["token"]
}
