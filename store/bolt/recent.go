package bolt

import (
	"slices"
	"sync"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// recent remembers what the requests that were read last decode to, since
// decoding costs more than finding them. It goes by the stored bytes and by
// nothing else: what has changed in the file, was rolled back or is damaged
// has other bytes, so it can be forgotten too late but never be wrong. All
// readers share it; who goes through many requests once stays out of it.
type recent struct {
	mu         sync.Mutex
	young, old map[string]*bridge.Request // by their stored form; nobody changes them
}

const (
	// recentMost is how many requests a generation has. When the young one is
	// full the old one is forgotten, so at most twice as many are remembered.
	recentMost = 256

	// recentSize is the longest stored form that is remembered.
	recentSize = 4 << 10
)

// decode is [store.Decode] for requests. What it returns is the caller's own.
func (m *recent) decode(stored []byte) (bridge.Request, error) {
	if r := m.find(stored); r != nil {
		return ownRequest(*r), nil
	}
	r, err := store.Decode[bridge.Request](stored)
	if err != nil || len(stored) > recentSize {
		return r, err
	}
	m.keep(string(stored), &r)
	return ownRequest(r), nil
}

// find returns nil for what it does not know. What is stored may fault while
// it is compared.
func (m *recent) find(stored []byte) *bridge.Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.young[string(stored)]; r != nil {
		return r
	}
	r := m.old[string(stored)]
	if r != nil {
		m.add(string(stored), r)
	}
	return r
}

func (m *recent) keep(stored string, r *bridge.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(stored, r)
}

func (m *recent) add(stored string, r *bridge.Request) {
	if m.young == nil || len(m.young) >= recentMost {
		m.young, m.old = make(map[string]*bridge.Request, recentMost), m.young
	}
	m.young[stored] = r
}

// ownRequest is a copy that shares nothing that can be changed.
func ownRequest(r bridge.Request) bridge.Request {
	r.Scopes, r.Added, r.Granted = slices.Clone(r.Scopes), slices.Clone(r.Added), slices.Clone(r.Granted)
	r.Context, r.LapsedClaims = slices.Clone(r.Context), slices.Clone(r.LapsedClaims)
	r.Surfaces = slices.Clone(r.Surfaces)
	if r.Outcome != nil {
		outcome := *r.Outcome
		r.Outcome = &outcome
	}
	return r
}
