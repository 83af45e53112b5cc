package slacktest

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
	Where  string            // the method ("chat.postMessage"), the path, or "socket"
	Asked  string            // the body that came from whoever asked
	Args   map[string]string // of a method; what is no string is here as its JSON text
	Answer string            // the body of the answer
	Status int               // of HTTP; 0 for a frame of a socket
	Error  string            // what was answered instead of "ok"
}

// Exchanges returns all traffic so far, oldest first.
func (s *Slack) Exchanges() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.exchanges)
}

// Calls returns the calls of a method so far, oldest first, whatever was
// answered.
func (s *Slack) Calls(method string) []Exchange {
	var of []Exchange
	for _, e := range s.Exchanges() {
		if e.Where == method {
			of = append(of, e)
		}
	}
	return of
}

// Leaks says where any of some secrets occurs in the traffic, in whichever
// encoding it went: in what the app sent, and in what it was told.
func (s *Slack) Leaks(secrets ...string) []string {
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
	said := []string{e.Asked, e.Answer, decoded(e.Asked), decoded(e.Answer)}
	for _, name := range slices.Sorted(maps.Keys(e.Args)) {
		said = append(said, e.Args[name], decoded(e.Args[name]))
	}
	return strings.Join(said, "\n")
}

// decoded is every string in a JSON text, also in JSON that is in a string.
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
			all = append(all, v, decoded(v))
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
func (s *Slack) record(e Exchange) {
	e.At = s.now()
	s.exchanges = append(s.exchanges, e)
}
