package chat

import (
	"sync"
	"time"
)

// Recent remembers values under keys for at least a period and at most two,
// and at most max of them in each. It has no lock of its own.
type Recent[V any] struct {
	period time.Duration
	max    int
	turned time.Time
	young  map[string]V
	old    map[string]V
}

// NewRecent remembers nothing yet.
func NewRecent[V any](period time.Duration, most int) *Recent[V] {
	return &Recent[V]{period: period, max: most, turned: time.Now(), young: map[string]V{}, old: map[string]V{}}
}

// Get returns what stands under key.
func (r *Recent[V]) Get(key string) (V, bool) {
	r.age()
	if v, ok := r.young[key]; ok {
		return v, true
	}
	v, ok := r.old[key]
	return v, ok
}

// Put remembers a value, and reports whether there was room.
func (r *Recent[V]) Put(key string, v V) bool {
	r.age()
	if len(r.young) >= r.max {
		return false
	}
	r.young[key] = v
	return true
}

func (r *Recent[V]) age() {
	switch past := time.Since(r.turned); {
	case past >= 2*r.period:
		r.old = map[string]V{}
		fallthrough
	case past >= r.period:
		r.Turn()
	}
}

// Turn forgets the older half.
func (r *Recent[V]) Turn() {
	if len(r.young) > 0 || len(r.old) > 0 {
		r.old, r.young = r.young, map[string]V{}
	}
	r.turned = time.Now()
}

const (
	// rememberFor is how long copies of an inbound are known as such:
	// Slack brings an event at most three times, the last after five minutes.
	rememberFor = 10 * time.Minute
	// maxRemembered bounds the memory. What is forgotten early is caught by
	// the bridge, which does the same thing once.
	maxRemembered = 10_000
)

// matters are the occurrences of the last minutes.
type matters struct {
	mu     sync.Mutex
	recent *Recent[*matter]
}

func newMatters() *matters { return &matters{recent: NewRecent[*matter](rememberFor, maxRemembered)} }

// of returns the matter with an id, and whether this is its first copy. over
// is called once the first is settled.
func (s *matters) of(id string, over func()) (m *matter, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.recent.Get(id); ok {
		return m, false
	}
	m = &matter{over: over}
	if !s.recent.Put(id, m) {
		s.recent.Turn()
		s.recent.Put(id, m)
	}
	return m, true
}

// matter is one occurrence, and what its acknowledgements say.
type matter struct {
	mu      sync.Mutex
	waiting []Reply
	settled bool
	body    any
	over    func() // called once, after it was settled
}

// join has a copy acknowledged with the others, or at once after them.
func (m *matter) join(ack Reply) {
	m.mu.Lock()
	settled := m.settled
	if !settled {
		m.waiting = append(m.waiting, ack)
	}
	m.mu.Unlock()
	if settled {
		_ = ack(m.body)
	}
}

// settle acknowledges all copies, once, and reports whether body was said.
func (m *matter) settle(body any) (said bool) {
	m.mu.Lock()
	if m.settled {
		m.mu.Unlock()
		return false
	}
	acks := m.waiting
	m.settled, m.body, m.waiting = true, body, nil
	m.mu.Unlock()
	for _, ack := range acks {
		said = ack(body) == nil && body != nil || said
	}
	m.over()
	return said
}
