package bridge

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/authbridge/authbridge/internal/due"
)

// loop hands keys, each when its time comes, to a bounded number of workers.
// One goroutine owns the heap of what is due; workers only do the work. A key
// is never with two workers at once. A key holds nothing but its place in the
// heap while it waits, so a hundred thousand of them are no goroutines.
//
// What a worker does starts from the store, so a wake-up that is too early,
// late or double does no harm.
type loop[K comparable] struct {
	workers int
	do      func(ctx context.Context, key K) (again time.Time) // zero = done with it

	epoch   time.Time
	wakes   chan wake[K]
	work    chan K
	done    chan wake[K]
	stopped chan struct{}

	heap due.Heap[K]
	busy map[K]wake[K] // with a worker; the wake that came meanwhile
}

// wake asks for a key to be worked on at a time; drop forgets it instead.
type wake[K comparable] struct {
	key  K
	at   time.Duration
	set  bool
	drop bool
}

// newLoop makes a loop that goes by the monotonic clock: what it is given are
// times from now, and the wall clock may be set meanwhile.
func newLoop[K comparable](workers int, do func(context.Context, K) time.Time) *loop[K] {
	return &loop[K]{
		workers: workers, do: do, epoch: time.Now(),
		wakes: make(chan wake[K]), work: make(chan K), done: make(chan wake[K]),
		stopped: make(chan struct{}), busy: make(map[K]wake[K]),
	}
}

// byWallClock makes a loop that goes by the wall clock instead: its times come
// from the store.
func byWallClock[K comparable](l *loop[K]) *loop[K] {
	l.epoch = l.epoch.Round(0)
	return l
}

// at asks for the key to be worked on at the given time; if it is already
// due earlier, it stays so.
func (l *loop[K]) at(key K, at time.Time) { l.send(wake[K]{key: key, at: at.Sub(l.epoch), set: true}) }

// drop forgets the key, unless a worker has it: then its answer decides.
func (l *loop[K]) drop(key K) { l.send(wake[K]{key: key, drop: true}) }

func (l *loop[K]) send(w wake[K]) {
	select {
	case l.wakes <- w:
	case <-l.stopped:
	}
}

// run works until ctx ends and then waits for the workers. It begins with
// the keys of start. The workers' context is work; it may outlive ctx so
// that what is under way can be finished.
func (l *loop[K]) run(ctx, work context.Context, start iter.Seq2[K, time.Time]) {
	defer close(l.stopped)
	for key, at := range start {
		l.heap.Put(key, at.Sub(l.epoch))
	}
	var workers sync.WaitGroup
	for range l.workers {
		workers.Go(func() { l.labour(work) })
	}
	l.own(ctx)
	close(l.work)
	go func() {
		workers.Wait()
		close(l.done)
	}()
	for {
		select {
		case _, more := <-l.done:
			if !more {
				return
			}
		case <-l.wakes:
		}
	}
}

// abandon is for a loop that is never run: nobody waits for it any more.
func (l *loop[K]) abandon() { close(l.stopped) }

// labour is one worker.
func (l *loop[K]) labour(ctx context.Context) {
	for key := range l.work {
		again := l.do(ctx, key)
		l.done <- wake[K]{key: key, at: again.Sub(l.epoch), set: !again.IsZero()}
	}
}

// own is the owner of the heap; it never blocks on anything but its select.
func (l *loop[K]) own(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		key, at, some := l.heap.Next()
		var hand chan K
		if now := time.Since(l.epoch); some && at <= now {
			hand = l.work
		} else if some {
			timer.Reset(min(at-now, longestNap))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case hand <- key:
			l.heap.Remove(key)
			l.busy[key] = wake[K]{}
		case w := <-l.wakes:
			l.take(w)
		case w := <-l.done:
			l.back(w)
		case <-timer.C:
		}
	}
}

// longestNap is how long the owner sleeps before it looks at the clock again:
// the wall clock may be set, and stands still for nobody while the machine
// sleeps.
const longestNap = 30 * time.Second

// take follows a wake from outside.
func (l *loop[K]) take(w wake[K]) {
	if meanwhile, busy := l.busy[w.key]; busy {
		if !meanwhile.set || w.drop || w.at < meanwhile.at {
			l.busy[w.key] = w
		}
		return
	}
	if w.drop {
		l.heap.Remove(w.key)
		return
	}
	if at, known := l.heap.At(w.key); !known || w.at < at {
		l.heap.Put(w.key, w.at)
	}
}

// back takes a key from its worker: what came meanwhile and what the worker
// says are both kept, the earlier wins.
func (l *loop[K]) back(w wake[K]) {
	meanwhile := l.busy[w.key]
	delete(l.busy, w.key)
	if w.set {
		l.heap.Put(w.key, w.at)
	}
	if meanwhile.set {
		l.take(meanwhile)
	}
}
