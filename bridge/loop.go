package bridge

import (
	"context"
	"sync"
	"time"

	"github.com/authbridge/authbridge/internal/due"
)

// loop hands keys, each when its time comes, to workers. Keys are in lanes,
// one for each party outside that the work depends on, and no lane waits for
// another: one that hangs holds up only itself. One goroutine owns the lanes;
// workers only do the work, so many at once in each lane as the loop allows. A
// key is never with two workers at once. While it waits it is nothing but its
// place in a heap, so a hundred thousand of them are no goroutines.
//
// What a worker does starts from the store, so a wake-up that is too early,
// late or double does no harm.
type loop[K comparable] struct {
	most int          // workers in each lane
	pace func() *pace // of each lane; nil = none
	do   func(ctx context.Context, key K) next
	late func(by time.Duration) // hears how late each key is handed out; nil = nobody does

	epoch   time.Time
	clock   func() time.Time // [time.Now], unless a test sets the clock
	wakes   chan wake[K]
	done    chan finished[K]
	stopped chan struct{}
	workers sync.WaitGroup

	lanes map[string]*lane[K]
	turns due.Heap[*lane[K]] // the lanes that have something to hand out, by when
}

// next is what a worker says of its key.
type next struct {
	at   time.Time     // when to work on it again; zero = done with it
	ill  bool          // the party outside did not do its part
	well bool          // it did; neither = nothing was learnt of it
	wait time.Duration // ill: how long it asked to be left alone
}

// timed is work that says nothing but when to do it again.
func timed[K comparable](do func(context.Context, K) time.Time) func(context.Context, K) next {
	return func(ctx context.Context, key K) next { return next{at: do(ctx, key)} }
}

// wake asks for a key of a lane to be worked on at a time.
type wake[K comparable] struct {
	lane string
	key  K
	what order
	at   time.Duration
	set  bool // it came while a worker had the key

	slack time.Duration // hurry
	until time.Duration // hurry
}

// order is what a wake asks for.
type order int

const (
	workAt order = iota
	workSometime
	forget
	hurryUp
)

// finished is a key that comes back from its worker.
type finished[K comparable] struct {
	lane *lane[K]
	key  K
	next next
}

// newLoop makes a loop with so many workers for each lane. It goes by the
// monotonic clock: what it is given are times from now, and the wall clock may
// be set meanwhile.
func newLoop[K comparable](most int, do func(context.Context, K) next) *loop[K] {
	return &loop[K]{
		most: most, do: do, epoch: time.Now(), clock: time.Now,
		wakes: make(chan wake[K]), done: make(chan finished[K], most), stopped: make(chan struct{}),
		lanes: make(map[string]*lane[K]),
	}
}

// byWallClock makes a loop that goes by the wall clock instead: its times come
// from the store.
func byWallClock[K comparable](l *loop[K]) *loop[K] {
	l.epoch = l.epoch.Round(0)
	return l
}

// atAPace makes a loop whose lanes have a pace.
func atAPace[K comparable](l *loop[K]) *loop[K] {
	l.pace = newPace
	return l
}

// withRests makes a loop whose lanes leave alone who is ill, and go as quickly
// as they can otherwise.
func withRests[K comparable](l *loop[K]) *loop[K] {
	l.pace = func() *pace { return new(pace) }
	return l
}

// at asks for the key to be worked on at the given time; if it is already
// due earlier, it stays so.
func (l *loop[K]) at(lane string, key K, at time.Time) {
	l.send(wake[K]{lane: lane, key: key, at: at.Sub(l.epoch)})
}

// ensure is at for a key of which nobody else has thought: when it waits
// already, or is with a worker who says when to come again, that stays.
func (l *loop[K]) ensure(lane string, key K, at time.Time) {
	l.send(wake[K]{lane: lane, key: key, what: workSometime, at: at.Sub(l.epoch)})
}

// drop forgets the key, unless a worker has it: then its answer decides.
func (l *loop[K]) drop(lane string, key K) { l.send(wake[K]{lane: lane, key: key, what: forget}) }

// hurry brings the key forward by slack, once before each time it is worked
// on, and until the given time lets it go before others of its lane. The time
// that the key has must leave room for that.
func (l *loop[K]) hurry(lane string, key K, slack time.Duration, until time.Time) {
	l.send(wake[K]{lane: lane, key: key, what: hurryUp, slack: slack, until: until.Sub(l.epoch)})
}

func (l *loop[K]) send(w wake[K]) {
	select {
	case l.wakes <- w:
	case <-l.stopped:
	}
}

// seed is at for the time before settle, when nobody else has the loop. Each
// key comes once.
func (l *loop[K]) seed(lane string, key K, at time.Time) {
	l.lane(lane).seed(key, at.Sub(l.epoch))
}

// settle takes in what was seeded; run comes after it.
func (l *loop[K]) settle() {
	for _, lane := range l.lanes {
		lane.settle()
	}
}

// lane finds a lane, or makes it.
func (l *loop[K]) lane(name string) *lane[K] {
	known, ok := l.lanes[name]
	if !ok {
		known = &lane[K]{work: make(chan K, l.most), busy: make(map[K]wake[K])}
		if l.pace != nil {
			known.pace = l.pace()
		}
		l.lanes[name] = known
	}
	return known
}

// run works until ctx ends and then waits for the workers. The workers'
// context is work; it may outlive ctx so that what is under way can be
// finished.
func (l *loop[K]) run(ctx, work context.Context) {
	defer close(l.stopped)
	l.own(ctx, work)
	for _, lane := range l.lanes {
		close(lane.work)
	}
	ended := make(chan struct{})
	go func() { l.workers.Wait(); close(ended) }()
	for {
		select {
		case <-l.done:
		case <-l.wakes:
		case <-ended:
			return
		}
	}
}

// abandon is for a loop that is never run: nobody waits for it any more.
func (l *loop[K]) abandon() { close(l.stopped) }

// own is the owner of the lanes; it never blocks on anything but its select.
func (l *loop[K]) own(ctx, work context.Context) {
	for _, lane := range l.lanes {
		l.queue(lane, l.now())
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l.handOut(work)
		if _, at, some := l.turns.Next(); some {
			timer.Reset(min(at-l.now(), longestNap))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case w := <-l.wakes:
			l.take(w)
		case f := <-l.done:
			l.takeBack(f)
		case <-timer.C:
		}
	}
}

// takeBack takes keys from the workers, all that are ready.
func (l *loop[K]) takeBack(f finished[K]) {
	for {
		now := l.now()
		f.lane.back(f.key, f.next, l.epoch, now)
		select {
		case more := <-l.done:
			if more.lane != f.lane {
				l.queue(f.lane, now)
			}
			f = more
		default:
			l.queue(f.lane, now)
			return
		}
	}
}

// longestNap is how long the owner sleeps before it looks at the clock again:
// the wall clock may be set, and stands still for nobody while the machine
// sleeps.
const longestNap = 30 * time.Second

// now is the time on the loop's own clock.
func (l *loop[K]) now() time.Duration { return l.clock().Sub(l.epoch) }

// handOut gives the workers all that is due and may go.
func (l *loop[K]) handOut(work context.Context) {
	for {
		lane, at, some := l.turns.Next()
		now := l.now()
		if !some || at > now {
			return
		}
		if key, due, ok := lane.hand(l.epoch, now); ok {
			l.give(work, lane, key)
			if l.late != nil {
				l.late(now - due)
			}
		}
		l.queue(lane, now)
	}
}

// give hands a key to an idle worker of its lane, or to a new one: the lane
// has room for it, so this never blocks.
func (l *loop[K]) give(work context.Context, lane *lane[K], key K) {
	if lane.hands < len(lane.busy) {
		lane.hands++
		l.workers.Go(func() { l.labour(work, lane) })
	}
	lane.work <- key
}

// labour is one worker of a lane.
func (l *loop[K]) labour(ctx context.Context, lane *lane[K]) {
	for key := range lane.work {
		l.done <- finished[K]{lane, key, l.do(ctx, key)}
	}
}

// queue puts a lane where its next turn is.
func (l *loop[K]) queue(lane *lane[K], now time.Duration) {
	if at, some := lane.turn(l.most, l.epoch, now); some {
		l.turns.Put(lane, at)
	} else {
		l.turns.Remove(lane)
	}
}

// take follows a wake from outside.
func (l *loop[K]) take(w wake[K]) {
	lane := l.lane(w.lane)
	switch w.what {
	case workAt:
		lane.wake(w)
	case workSometime:
		lane.ensure(w)
	case forget:
		lane.drop(w.key)
	case hurryUp:
		lane.hurry(w.key, w.slack, w.until)
	}
	l.queue(lane, l.now())
}
