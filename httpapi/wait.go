package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// await waits for a request, until the time is over, the caller has gone or
// the bridge is stopping, and returns it as it is then, if the caller still is
// the agent.
func (h *handler) await(r *http.Request, agent bridge.Agent, id bridge.RequestID, wait time.Duration, enough func(bridge.Request) bool) (bridge.Request, error) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(h.stopping, cancel)() //nolint:contextcheck // a second end, not a second parent
	request, err := h.desk.Await(ctx, agent.Name, id, enough)
	if err == nil {
		err = h.still(r, agent)
	}
	return request, err
}

// maxWaits is how many calls of one agent may wait at once.
const maxWaits = 1000

// enter lets one more call of an agent wait, until leave. A call that does
// not wait needs no place.
func (h *handler) enter(agent string, wait time.Duration) (leave func(), err error) {
	if wait == 0 {
		return func() {}, nil
	}
	leave, ok := h.waits.take(agent)
	if !ok {
		return nil, localhttp.Refuse(api.ProblemTooManyOpen, "agent %q has %d calls waiting, and may have no more", agent, maxWaits).
			WithHint("follow %s, which tells of all requests at once, or call without waiting", api.EventsPath)
	}
	return leave, nil
}

// places counts what each agent has under way, up to a bound.
type places struct {
	most int

	mu sync.Mutex
	by map[string]int // agent
}

func newPlaces(most int) *places { return &places{most: most, by: make(map[string]int)} }

// take takes one more place for an agent, until leave; none when all are
// taken.
func (p *places) take(agent string) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by[agent] >= p.most {
		return nil, false
	}
	p.by[agent]++
	return func() { p.leave(agent) }, true
}

func (p *places) leave(agent string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by[agent]--; p.by[agent] == 0 {
		delete(p.by, agent)
	}
}

// readWait reads ?after=V&wait=N; after is nil when it is not there.
func readWait(r *http.Request) (after *uint64, wait time.Duration, err error) {
	q, err := readQuery(r, "after", "wait")
	if err != nil {
		return nil, 0, err
	}
	if q.Has("wait") {
		if wait, err = seconds(q.Get("wait")); err != nil {
			return nil, 0, err
		}
	}
	if !q.Has("after") {
		return nil, wait, nil
	}
	version, err := strconv.ParseUint(q.Get("after"), 10, 64)
	if err != nil {
		return nil, 0, localhttp.Refuse(api.ProblemInvalidRequest, "\"after\" has to be the version of a request, a whole number")
	}
	return &version, wait, nil
}

// seconds reads how long to wait.
func seconds(text string) (time.Duration, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n > api.MaxWait {
		return 0, localhttp.Refuse(api.ProblemInvalidRequest, "\"wait\" has to be a whole number of seconds from 0 to %d", api.MaxWait).
			WithHint("to wait longer, call again")
	}
	return time.Duration(n) * time.Second, nil
}

// preferredWait finds the wait in Prefer headers (RFC 7240, section 4.3). Of
// several the first counts (section 2), and what we do not know is passed by.
func preferredWait(headers []string) (wait time.Duration, stated bool, err error) {
	for preference := range strings.SplitSeq(unquote(strings.Join(headers, ",")), ",") {
		preference, _, _ = strings.Cut(preference, ";") // parameters: wait has none
		name, value, _ := strings.Cut(preference, "=")
		if strings.EqualFold(strings.TrimSpace(name), "wait") {
			wait, err = seconds(strings.TrimSpace(value))
			return wait, err == nil, err
		}
	}
	return 0, false, nil
}

// unquote drops the quotes from a header, and what would be taken for a
// separator within them.
func unquote(header string) string {
	quoted, escaped := false, false
	return strings.Map(func(c rune) rune {
		switch {
		case escaped:
			escaped = false
			c = within(c)
		case quoted && c == '\\':
			escaped = true
			return -1
		case c == '"':
			quoted = !quoted
			return -1
		case quoted:
			c = within(c)
		}
		return c
	}, header)
}

// within is a character inside quotes: a separator is none there.
func within(c rune) rune {
	if strings.ContainsRune(",;=", c) {
		return '_'
	}
	return c
}
