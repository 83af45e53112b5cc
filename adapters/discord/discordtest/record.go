package discordtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Exchange is one request or frame and its answer, as they were on the wire,
// except that the credential of the call is left out.
type Exchange struct {
	At     time.Time
	Where  string            // the route ("POST /channels/{channel}/messages"), or "gateway"
	Path   map[string]string // what stood in the path, by the names of the route; without a token
	Asked  string            // the body that came from whoever asked
	Answer string            // the body of the answer
	Status int               // of HTTP; 0 for a frame of the gateway
	Code   int               // the error code that was answered
}

// Exchanges returns all traffic so far, oldest first.
func (s *Discord) Exchanges() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.exchanges)
}

// Calls returns the calls of a route so far, oldest first, whatever was
// answered.
func (s *Discord) Calls(route string) []Exchange {
	var of []Exchange
	for _, e := range s.Exchanges() {
		if e.Where == route {
			of = append(of, e)
		}
	}
	return of
}

// Leaks says where any of some secrets occurs in the traffic, in whichever
// encoding it went: in what the app sent, and in what it was told.
func (s *Discord) Leaks(secrets ...string) []string {
	var found []string
	for i, e := range s.Exchanges() {
		for n, secret := range secrets {
			if secret != "" && strings.Contains(e.plain(), secret) {
				found = append(found, fmt.Sprintf("secret %d in exchange %d (%s)", n, i, e.Where))
			}
		}
	}
	return found
}

// plain is all that was said, as it was and with every encoding undone.
func (e Exchange) plain() string {
	return strings.Join([]string{e.Asked, e.Answer, decoded(e.Asked), decoded(e.Answer)}, "\n")
}

// decoded is every string in a JSON text.
func decoded(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return ""
	}
	var all []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			all = append(all, v)
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				all = append(all, name)
				walk(v[name])
			}
		}
	}
	walk(v)
	return strings.Join(all, "\n")
}

// record keeps an exchange. It needs the lock.
func (s *Discord) record(e Exchange) {
	e.At = s.now()
	e.Path = maps.Clone(e.Path)
	delete(e.Path, "token")
	s.exchanges = append(s.exchanges, e)
}
