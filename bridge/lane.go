package bridge

import (
	"slices"
	"time"

	"github.com/authbridge/authbridge/internal/due"
)

// lane is what a loop does with one party outside. Only the owner of the loop
// touches it, but for the channel of its workers.
type lane[K comparable] struct {
	cold due.Heap[K]   // nearly all keys
	warm due.Heap[K]   // those that somebody waits for; they go first
	busy map[K]wake[K] // with a worker; the wake that came meanwhile, if set
	heat map[K]heat    // of the warm keys

	seeds [][]due.Item[K]

	work  chan K
	hands int // workers so far
	given int // keys handed out so far
	pace  *pace
}

// heat is how long a key stays warm, by how much it is to be brought forward
// when its worker brings it back, and whether it was since it was last worked
// on.
type heat struct {
	until   time.Duration
	slack   time.Duration
	hurried bool
}

// fairShare is which of the keys handed out is a cold one, if one is due: warm
// ones go first, but not always.
const fairShare = 4

// The first seeds of a lane, and the most that are kept together.
const (
	fewSeeds  = 64
	manySeeds = 64 << 10
)

// seed is put for an empty lane, and settle has to come before anything else.
// Seeds are kept in pieces: a slice that grew to a million would be copied
// five times.
func (l *lane[K]) seed(key K, at time.Duration) {
	last := len(l.seeds) - 1
	if last < 0 || len(l.seeds[last]) == cap(l.seeds[last]) {
		last++
		l.seeds = append(l.seeds, make([]due.Item[K], 0, min(fewSeeds<<min(last, 10), manySeeds)))
	}
	l.seeds[last] = append(l.seeds[last], due.Item[K]{Key: key, At: at})
}

func (l *lane[K]) settle() {
	l.cold.Fill(slices.Concat(l.seeds...))
	l.seeds = nil
}

// put sets when a key is due.
func (l *lane[K]) put(key K, at time.Duration) {
	if _, warm := l.heat[key]; warm {
		l.warm.Put(key, at)
		return
	}
	l.cold.Put(key, at)
}

// at returns when a key is due, and whether it waits here at all.
func (l *lane[K]) at(key K) (time.Duration, bool) {
	if at, ok := l.cold.At(key); ok {
		return at, true
	}
	return l.warm.At(key)
}

// wake makes a key due, unless it is due earlier.
func (l *lane[K]) wake(w wake[K]) {
	if meanwhile, busy := l.busy[w.key]; busy {
		if !meanwhile.set || meanwhile.what == workSometime || w.at < meanwhile.at {
			w.set = true
			l.busy[w.key] = w
		}
		return
	}
	if at, known := l.at(w.key); !known || w.at < at {
		l.put(w.key, w.at)
	}
}

// ensure makes a key due that is due at no time.
func (l *lane[K]) ensure(w wake[K]) {
	meanwhile, busy := l.busy[w.key]
	if _, waits := l.at(w.key); waits || meanwhile.set {
		return
	}
	if w.set = busy; busy {
		l.busy[w.key] = w
		return
	}
	l.put(w.key, w.at)
}

// drop forgets a key, and what was asked of it while a worker has it.
func (l *lane[K]) drop(key K) {
	if _, busy := l.busy[key]; busy {
		l.busy[key] = wake[K]{}
		return
	}
	l.cold.Remove(key)
	l.cool(key)
}

// cool takes a key out of the warm ones.
func (l *lane[K]) cool(key K) {
	l.warm.Remove(key)
	delete(l.heat, key)
}

// hurry warms a key and, if it was not yet since it was last worked on, brings
// it forward.
func (l *lane[K]) hurry(key K, slack, until time.Duration) {
	at, waits := l.at(key)
	_, busy := l.busy[key]
	if !waits && !busy {
		return
	}
	if l.heat == nil {
		l.heat = make(map[K]heat)
	}
	h := l.heat[key]
	h.until = max(h.until, until)
	if !waits {
		h.slack = max(h.slack, slack)
	} else {
		l.cold.Remove(key)
		if slack > 0 && !h.hurried {
			at, h.hurried = at-slack, true
		}
		l.warm.Put(key, at)
	}
	l.heat[key] = h
}

// back takes a key from its worker: what came meanwhile and what the worker
// says are both kept, the earlier wins.
func (l *lane[K]) back(key K, n next, epoch time.Time, now time.Duration) {
	meanwhile := l.busy[key]
	delete(l.busy, key)
	at := n.at.Sub(epoch)
	switch h, warm := l.heat[key]; {
	case warm && (n.at.IsZero() || now >= h.until):
		l.cool(key)
	case warm:
		at -= h.slack
		l.heat[key] = heat{until: h.until, hurried: h.slack > 0}
	}
	if !n.at.IsZero() {
		l.put(key, at)
	}
	if meanwhile.set && (meanwhile.what == workAt || n.at.IsZero()) {
		l.wake(meanwhile)
	}
	if l.pace != nil {
		l.pace.heard(n, n.at.Sub(epoch)-now, now)
	}
}

// turn returns when the lane has something to hand out, if it may.
func (l *lane[K]) turn(most int, epoch time.Time, now time.Duration) (time.Duration, bool) {
	if len(l.busy) >= l.pace.most(most) {
		return 0, false
	}
	_, warm, anyWarm := l.warm.Next()
	_, cold, anyCold := l.cold.Next()
	if anyCold {
		cold = l.pace.allows(cold, l.cold.Len(), epoch, now)
	}
	switch {
	case !anyWarm && !anyCold:
		return 0, false
	case !anyCold || anyWarm && warm < cold:
		cold = warm
	}
	return l.pace.after(cold), true
}

// hand takes out the key whose turn it is, and says when it was due.
func (l *lane[K]) hand(epoch time.Time, now time.Duration) (key K, due time.Duration, ok bool) {
	warm, warmAt, some := l.warm.Next()
	someWarm := some && warmAt <= now
	cold, coldAt, some := l.cold.Next()
	someCold := some && coldAt <= now && (!someWarm || l.given%fairShare == fairShare-1) && l.pace.spend(epoch, now)
	switch {
	case someCold:
		key, due = cold, coldAt
		l.cold.Remove(key)
	case someWarm:
		key, due = warm, warmAt
		l.warm.Remove(key)
	default:
		return key, 0, false
	}
	l.given++
	l.busy[key] = wake[K]{}
	return key, due, true
}
