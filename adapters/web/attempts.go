package web

import (
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// How many sign-ins may be begun in ten minutes: by everybody, and from one
// address. Those that signed somebody in count no longer.
const (
	maxAttempts   = 1000
	maxAttemptsOf = 50
)

// attempts counts the sign-ins that are under way, and for as long those that
// came to nothing. Anybody may begin one and come back with a made-up code, so
// this bounds the notes about them, what the provider is asked as our client,
// and the lines about who was turned away. The zero value is ready.
type attempts struct {
	mu   sync.Mutex
	open []attempt // the oldest first
}

type attempt struct {
	from netip.Addr
	over time.Time
}

// begin counts one more, if there is room for it.
func (a *attempts) begin(from netip.Addr) bool {
	from = network(from)
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	live := a.open[:0]
	same := 0
	for _, one := range a.open {
		if !now.Before(one.over) {
			continue
		}
		live = append(live, one)
		if one.from == from {
			same++
		}
	}
	a.open = live
	if len(live) >= maxAttempts || same >= maxAttemptsOf {
		return false
	}
	a.open = append(a.open, attempt{from, now.Add(signInLife)})
	return true
}

// end takes one away again: the oldest from that address.
func (a *attempts) end(from netip.Addr) {
	from = network(from)
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, one := range a.open {
		if one.from == from {
			a.open = append(a.open[:i], a.open[i+1:]...)
			return
		}
	}
}

// clientOf is where a request comes from.
func clientOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// network is what counts as one address: of IPv6 the /64, since a single
// machine has as many addresses in it as it likes.
func network(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return addr
	}
	wide, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return wide.Addr()
}
