package bridge

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// flights are the refreshes that somebody waits for, and the grants whose
// provider could not refresh them a moment ago. It holds nothing for the
// others.
type flights struct {
	mu    sync.Mutex
	all   map[packed]*flight
	lulls map[packed]lull
}

// flight is what those wait for who need a token that lives longer than one
// that was issued at a certain time.
type flight struct {
	issued time.Time
	done   chan struct{}
	err    error // once done; nil = look at the grant again
}

// lull is how long a grant is left alone after so many faults in a row.
type lull struct {
	faults int
	until  time.Time
}

// join finds the flight for a token that lives longer than the one that was
// issued at a time, or begins it. There is none while the provider is left
// alone: then wait says how long.
func (f *flights) join(key packed, issued time.Time) (joined *flight, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if wait = time.Until(f.lulls[key].until); wait > 0 {
		return nil, wait
	}
	if f.all == nil {
		f.all = make(map[packed]*flight)
	}
	joined = f.all[key]
	if joined == nil {
		joined = &flight{done: make(chan struct{})}
		f.all[key] = joined
	}
	joined.issued = latest(joined.issued, issued)
	return joined, 0
}

// want reports whether somebody waits for a token after the one that was
// issued at a time.
func (f *flights) want(key packed, issued time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	joined := f.all[key]
	return joined != nil && !issued.After(joined.issued)
}

// land ends the flight of a grant, if there is one.
func (f *flights) land(key packed, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end(key, err)
}

func (f *flights) end(key packed, err error) {
	if landed := f.all[key]; landed != nil {
		landed.err = err
		close(landed.done)
		delete(f.all, key)
	}
}

// landBefore ends the flight of a grant if its token was issued after the one
// that was too short. A flight that has just begun goes on: its turn comes.
func (f *flights) landBefore(key packed, issued time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if joined := f.all[key]; joined != nil && joined.issued.Before(issued) {
		f.end(key, nil)
	}
}

// fault lengthens the time that a grant is left alone, and returns it: as long
// as the provider asks, or twice as long each time.
func (f *flights) fault(key packed, asked time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lulls == nil {
		f.lulls = make(map[packed]lull)
	}
	faults := f.lulls[key].faults + 1
	wait := max(faultWait(faults), asked)
	f.lulls[key] = lull{faults, time.Now().Add(wait)}
	return wait
}

// forget forgets the faults of a grant.
func (f *flights) forget(key packed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.lulls, key)
}

// stale is a grant that answers, but for its token, which has to be refreshed
// first. It is found out in a transaction, and seen to outside.
type stale struct{ grant Grant }

func (s *stale) Error() string {
	return fmt.Sprintf("the token of grant %s lives too short", s.grant.ID)
}

// aheadOfAll brings a grant for which somebody waits before those for which
// nobody does, however long they have been due.
const aheadOfAll = 10 * 365 * 24 * time.Hour

// freshen has a grant refreshed and waits until that is over, whichever way:
// with nil the caller looks at the grant again. It waits no longer than ctx
// and one call to a provider.
func (b *Bridge) freshen(ctx context.Context, g Grant) error {
	if b.store.refusing() {
		return fmt.Errorf("refresh grant %s: %w", g.ID, ErrStoreUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	key := pack(g.ID)
	joined, wait := b.flights.join(key, g.AccessIssuedAt)
	if joined == nil {
		return providerUnavailable(g, wait)
	}
	b.refreshes.at(g.Issuer, key, time.Now().Add(-aheadOfAll))
	select {
	case <-joined.done:
		return joined.err
	case <-b.refreshes.stopped:
		return shuttingDown()
	case <-ctx.Done():
		return providerUnavailable(g, longestRest)
	}
}

// providerUnavailable is an outage: it is not the human's matter.
func providerUnavailable(g Grant, wait time.Duration) *Problem {
	p := problem(ProblemProviderUnavailable, "the token of the grant has to be refreshed, and %s cannot do that now", g.target().named()).
		hint("send the same call again in a moment; the human need not be asked")
	p.RetryAfter = wait
	return p
}

func shuttingDown() *Problem {
	p := problem(ProblemShuttingDown, "the bridge is ending").hint("send the same call again in a moment")
	p.RetryAfter = refreshAgain
	return p
}
