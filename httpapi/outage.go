package httpapi

import (
	"sync"
	"time"
)

// outages remember which routes the store does not serve just now, so that
// the log has two lines about an outage and not one about each call.
type outages struct {
	mu sync.Mutex
	by map[string]*outage // route
}

type outage struct {
	since time.Time
	last  time.Time
	calls int // that failed
}

// calmFor is how long no call must have failed before an outage is over: what
// changes nothing is served even by a full disk.
const calmFor = 10 * time.Second

func newOutages() *outages { return &outages{by: make(map[string]*outage)} }

// failed counts one more call, and reports whether it is the first.
func (o *outages) failed(route string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if out := o.by[route]; out != nil {
		out.calls++
		out.last = time.Now()
		return false
	}
	o.by[route] = &outage{time.Now(), time.Now(), 1}
	return true
}

// over ends the outage of a route whose call went well; ok is false when there
// was none.
func (o *outages) over(route string) (was outage, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := o.by[route]
	if out == nil || time.Since(out.last) < calmFor {
		return outage{}, false
	}
	delete(o.by, route)
	return *out, true
}
