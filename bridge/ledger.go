package bridge

import "sync"

// ledger counts the things of one kind that the store holds, from what each
// transaction found and what it left behind, so that nobody ever counts the
// store. Transactions run one after the other and have numbers in that order;
// what became of them is heard in any order.
type ledger struct {
	mu sync.Mutex
	n  int

	// early is what the first transaction that touched a thing found of it,
	// until the start has counted: it may see that transaction or not.
	early map[string]bool
	taken bool // the start has counted

	open    map[string]posting // of what is being changed, or doubted
	doubted int
}

// posting is what is known of a thing while it is being changed.
type posting struct {
	counted bool   // n has it
	by      uint64 // the last transaction that n knows of it
	under   int    // transactions of which nothing was heard yet
	doubt   bool   // whether transaction by was kept is not known: the next one looks
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
// transaction, before it is committed; book, doubt or drop comes after it.
func (l *ledger) touch(id string, was bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, known := l.open[id]
	if !known {
		e.counted = was
	}
	e.under++
	l.keep(id, e)
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

// book counts what a committed transaction has made of a thing, unless a later
// one has been heard of.
func (l *ledger) book(tx uint64, id string, is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.open[id]
	e.under--
	if tx >= e.by {
		l.settled(&e, tx, is)
	}
	l.keep(id, e)
}

// doubt notes that a transaction may have changed a thing.
func (l *ledger) doubt(tx uint64, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.open[id]
	e.under--
	switch {
	case tx < e.by: // a later one has told what there is
	case e.doubt:
		e.by = tx
	case l.doubted < mostDoubted:
		e.by, e.doubt = tx, true
		l.doubted++
	}
	l.keep(id, e)
}

// drop forgets a transaction that changed nothing.
func (l *ledger) drop(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.open[id]
	e.under--
	l.keep(id, e)
}

// settle counts what was doubted, which found looks up within a transaction.
func (l *ledger) settle(tx uint64, found func(id string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.doubted == 0 {
		return
	}
	for id, e := range l.open {
		if e.doubt {
			l.settled(&e, tx, found(id))
			l.keep(id, e)
		}
	}
}

// settled takes over how a transaction left a thing, or found it.
func (l *ledger) settled(e *posting, tx uint64, is bool) {
	l.n += more(e.counted, is)
	if e.doubt {
		l.doubted--
	}
	e.counted, e.by, e.doubt = is, tx, false
}

// keep keeps a posting for as long as it is needed.
func (l *ledger) keep(id string, e posting) {
	if e.under <= 0 && !e.doubt {
		delete(l.open, id)
		return
	}
	if l.open == nil {
		l.open = make(map[string]posting)
	}
	l.open[id] = e
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
