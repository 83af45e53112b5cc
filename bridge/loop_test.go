package bridge

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// runs a loop in the bubble until the returned function is called.
func runs[K comparable](l *loop[K], start map[K]time.Time) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	for key, at := range start {
		l.seed("lane", key, at)
	}
	l.settle()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.run(ctx, context.WithoutCancel(ctx))
	}()
	synctest.Wait()
	return func() { cancel(); <-done }
}

// Whatever is asked for, no key is worked on before its time, late, or by two
// workers at once, and the earliest time that was asked for counts.
func TestLoopIsPunctual(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) [2]int {
			return [2]int{rapid.IntRange(0, 9).Draw(rt, "key"), rapid.IntRange(0, 60).Draw(rt, "second")}
		}), 1, 40).Draw(rt, "plan")
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			want, got := map[int]time.Duration{}, map[int]time.Duration{}
			var mu sync.Mutex
			l := newLoop(3, func(_ context.Context, key int) next {
				mu.Lock()
				defer mu.Unlock()
				if _, twice := got[key]; twice {
					t.Errorf("key %d was worked on twice", key)
				}
				got[key] = time.Since(begun)
				return next{}
			})
			stop := runs(l, nil)
			for _, p := range plan {
				at := time.Duration(p[1]+1) * time.Second
				l.at("lane", p[0], begun.Add(at))
				if before, known := want[p[0]]; !known || at < before {
					want[p[0]] = at
				}
			}
			<-time.After(2 * time.Minute)
			stop()
			if !maps.Equal(want, got) {
				t.Errorf("worked at %v, want %v", got, want)
			}
		})
	})
}

func TestLoopNeverGivesAKeyToTwoWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var busy, runsSoFar atomic.Int32
		l := newLoop(8, func(context.Context, string) next {
			if busy.Add(1) > 1 {
				t.Error("two workers have the key")
			}
			<-time.After(10 * time.Second)
			busy.Add(-1)
			runsSoFar.Add(1)
			return next{}
		})
		stop := runs(l, map[string]time.Time{"key": time.Now()})
		for range 5 {
			l.at("lane", "key", time.Now())
		}
		<-time.After(time.Minute)
		stop()
		if n := runsSoFar.Load(); n != 2 {
			t.Errorf("the key was worked on %d times, want twice: once more for all the wakes meanwhile", n)
		}
	})
}

func TestLoopComesBackWhenTheWorkerSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Duration
		begun := time.Now()
		l := newLoop(1, func(context.Context, string) next {
			times = append(times, time.Since(begun))
			if len(times) == 3 {
				return next{}
			}
			return next{at: time.Now().Add(7 * time.Second)}
		})
		stop := runs(l, map[string]time.Time{"key": begun.Add(time.Second)})
		<-time.After(time.Minute)
		stop()
		if len(times) != 3 || times[0] != time.Second || times[2] != 15*time.Second {
			t.Errorf("worked at %v", times)
		}
	})
}

func TestLoopForgetsWhatIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(1, func(context.Context, string) next {
			t.Error("a dropped key was worked on")
			return next{}
		})
		stop := runs(l, map[string]time.Time{"key": time.Now().Add(time.Minute)})
		l.drop("lane", "key")
		l.drop("lane", "nobody")
		<-time.After(time.Hour)
		stop()
	})
}

func TestLoopEndsAfterItsWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finished := false
		l := newLoop(2, func(context.Context, string) next {
			<-time.After(5 * time.Second)
			finished = true
			return next{at: time.Now()}
		})
		stop := runs(l, map[string]time.Time{"key": time.Now()})
		stop()
		if !finished {
			t.Error("the loop ended before its worker")
		}
		l.at("lane", "key", time.Now()) // must not block: nobody is there any more
		l.drop("lane", "key")
	})
}

func TestNobodyWaitsForALoopThatNeverRuns(t *testing.T) {
	l := newLoop(1, func(context.Context, string) next { return next{} })
	l.abandon()
	l.at("lane", "key", time.Now())
}

func TestGapIsNeverShorterThanTheInterval(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		time.Second:      2 * time.Second,
		5 * time.Second:  6 * time.Second,
		10 * time.Second: 12 * time.Second,
	} {
		if got := gap(interval); got != want {
			t.Errorf("the gap at an interval of %v is %v, want %v", interval, got, want)
		}
	}
}

func TestGapsDoubleAndAreForgotten(t *testing.T) {
	var g gaps
	key := polling(NewRequestID(time.Now()), 1)
	for i, want := range []time.Duration{12, 24, 48} {
		if got := g.fault(key, 6*time.Second); got != want*time.Second {
			t.Errorf("fault %d: %v, want %v", i, got, want*time.Second)
		}
	}
	g.forget(key)
	if len(g.all) != 0 {
		t.Error("a forgotten code leaves something behind")
	}
}

// What goes by the wall clock follows it both ways, within half a minute; what
// goes by the monotonic clock does not notice.
func TestTheWallClockIsSet(t *testing.T) {
	for name, c := range map[string]struct {
		wall bool
		step time.Duration
		want time.Duration // after the step, on a clock that nobody sets
	}{
		"forward, by the wall": {true, 50 * time.Minute, 10 * time.Minute},
		"past it, by the wall": {true, 24 * time.Hour, 0},
		"back, by the wall":    {true, -30 * time.Minute, 90 * time.Minute},
		"forward, by no clock": {false, 24 * time.Hour, time.Hour},
		"back, by no clock":    {false, -24 * time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				var set atomic.Int64 // by how much the wall clock was set
				var done time.Duration
				worked := false
				l := newLoop(1, func(context.Context, int) next {
					done, worked = time.Since(begun), true
					return next{}
				})
				if c.wall { // else the monotonic part counts, which nobody sets
					l = byWallClock(l)
					l.clock = func() time.Time { return time.Now().Add(time.Duration(set.Load())) }
				}
				l.seed("lane", 1, begun.Add(time.Hour))
				stop := runs(l, nil)
				set.Store(int64(c.step))
				<-time.After(3 * time.Hour)
				stop()
				if late := done - c.want; !worked || late < 0 || late > longestNap {
					t.Errorf("it was worked on after %v, want %v, at most %v late", done, c.want, longestNap)
				}
			})
		})
	}
}
