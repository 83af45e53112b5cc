package bridgetest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/authbridge/authbridge/bridge"
)

// Roster is a chat's groups, as far as a bridge asks for them. It knows no
// group that it was not given.
type Roster struct {
	mu     sync.Mutex
	groups map[string][]bridge.Address
	fault  error
	calls  int
	gate   chan struct{} // nil = open

	reserved bool
}

// NewRoster returns a chat with one group.
func NewRoster(group string, users ...bridge.Address) *Roster {
	return &Roster{groups: map[string][]bridge.Address{group: users}}
}

// Put says who is in a group from now on.
func (r *Roster) Put(group string, users ...bridge.Address) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.groups[group] = users
}

// Fail has every call fail, until it is told nil.
func (r *Roster) Fail(err error) { r.mu.Lock(); defer r.mu.Unlock(); r.fault = err }

// Reserve has it speak of nobody whom it was not asked about.
func (r *Roster) Reserve() { r.mu.Lock(); defer r.mu.Unlock(); r.reserved = true }

// Calls is how often somebody was asked for.
func (r *Roster) Calls() int { r.mu.Lock(); defer r.mu.Unlock(); return r.calls }

// Hold keeps calls waiting until release.
func (r *Roster) Hold() (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gate := make(chan struct{})
	r.gate = gate
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.gate = nil
		close(gate)
	}
}

// Members is [bridge.Roster.Members].
func (r *Roster) Members(ctx context.Context, group string, among []bridge.Address) ([]bridge.Address, error) {
	r.mu.Lock()
	r.calls++
	gate := r.gate
	r.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	users, known := r.groups[group]
	if r.reserved {
		users = slices.DeleteFunc(slices.Clone(users), func(u bridge.Address) bool { return !slices.Contains(among, u) })
	}
	switch {
	case r.fault != nil:
		return nil, r.fault
	case !known:
		return nil, fmt.Errorf("there is no group %s", group)
	}
	return slices.Clone(users), nil
}
