package bridge

import "sync"

// ledger counts the things of one kind that the store holds, from what each
// transaction found and what it left behind, so that nobody ever counts the
// store. Transactions run one after the other, but what they changed is booked
// in any order: the sum is the same.
type ledger struct {
	mu sync.Mutex
	n  int

	// early is what the first transaction that touched a thing found of it,
	// until the start has counted: it may see that transaction or not.
	early map[string]bool
	taken bool // the start has counted

	// doubted is what n holds of a thing whose last commit may be kept or not.
	// The next transaction looks.
	doubted map[string]bool
}

// mostDoubted bounds how many doubts are remembered. With more of them between
// two transactions the count may stay off by the rest until the next start.
const mostDoubted = 1000

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// touch notes what a transaction found of a thing. It comes within the
// transaction, before it is committed.
func (l *ledger) touch(id string, was bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken {
		return
	}
	if l.early == nil {
		l.early = make(map[string]bool)
	}
	if _, known := l.early[id]; !known {
		l.early[id] = was
	}
}

// book counts what a committed transaction has made of a thing.
func (l *ledger) book(was, is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += more(was, is)
}

// more is by how much there is more of something.
func more(was, is bool) int {
	switch {
	case is && !was:
		return 1
	case was && !is:
		return -1
	}
	return 0
}

// settle counts what was doubted, which found looks up within a transaction.
func (l *ledger) settle(found func(id string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, was := range l.doubted {
		l.n += more(was, found(id))
	}
	l.doubted = nil
}

// doubt notes that a transaction may have changed a thing.
func (l *ledger) doubt(id string, was bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.doubted == nil {
		l.doubted = make(map[string]bool)
	}
	if _, known := l.doubted[id]; !known && len(l.doubted) < mostDoubted {
		l.doubted[id] = was
	}
}

// begin takes in what the start has counted in one view of the store, in which
// found looks up a thing.
func (l *ledger) begin(n int, found func(id string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken {
		return
	}
	l.n += n
	for id, was := range l.early {
		l.n += more(found(id), was)
	}
	l.early, l.taken = nil, true
}
