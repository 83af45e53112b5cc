package bridge

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// One issuer that hangs takes the workers of its own lane and nobody else's.
func TestALaneThatHangsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var hanging, most, served atomic.Int32
		l := newLoop(4, func(_ context.Context, key int) next {
			if key < 100 {
				most.Store(max(most.Load(), hanging.Add(1)))
				<-hang
				hanging.Add(-1)
				return next{}
			}
			served.Add(1)
			return next{}
		})
		for key := range 200 {
			l.seed(map[bool]string{true: "dead", false: "alive"}[key < 100], key, time.Now())
		}
		stop := runs(l, nil)
		synctest.Wait()
		if most.Load() != 4 || served.Load() != 100 {
			t.Errorf("%d hang at once, want 4; %d of the other lane were served, want 100", most.Load(), served.Load())
		}
		close(hang)
		stop()
	})
}

// every is work that takes a moment and comes again.
func every(gap time.Duration, done *[]time.Duration, begun time.Time) func(context.Context, int) next {
	return func(context.Context, int) next {
		*done = append(*done, time.Since(begun))
		return next{at: time.Now().Add(gap), well: true}
	}
}

// What falls due all at once is spread over about the time in which it comes
// again; after that it stays spread.
func TestAPaceSpreadsWhatIsDueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const keys, gap = 6000, 6 * time.Second
		var done []time.Duration
		l := atAPace(newLoop(1, every(gap, &done, time.Now())))
		for key := range keys {
			l.seed("lane", key, time.Now())
		}
		stop := runs(l, nil)
		<-time.After(20 * time.Second)
		stop()
		seconds := make([]int, 21)
		for _, at := range done {
			seconds[int(at/time.Second)]++
		}
		for s, n := range seconds[:20] {
			if most := int(1.35 * keys / gap.Seconds()); n > most {
				t.Errorf("in second %d there were %d, want at most %d", s, n, most)
			}
		}
		if n := len(done); n < 3*keys*9/10 {
			t.Errorf("%d were done in 20 s, want about %d", n, keys*20/6)
		}
	})
}

// Few keys are not held up by a pace.
func TestAPaceHoldsUpNobodyAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done []time.Duration
		l := atAPace(newLoop(1, every(time.Hour, &done, time.Now())))
		stop := runs(l, nil)
		<-time.After(time.Minute)
		for key := range leastBurst {
			l.at("lane", key, time.Now())
		}
		synctest.Wait()
		if len(done) != leastBurst {
			t.Errorf("%d of %d were done at once", len(done), leastBurst)
		}
		stop()
	})
}

// A party that is ill is left alone but for single tries, further and further
// apart, and is back in full when one of them goes well.
func TestWhoIsIllIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		well := begun.Add(2 * time.Minute)
		var mu sync.Mutex
		var ill, good []time.Duration
		l := atAPace(newLoop(8, func(context.Context, int) next {
			mu.Lock()
			defer mu.Unlock()
			if time.Now().Before(well) {
				ill = append(ill, time.Since(begun))
				return next{at: time.Now().Add(6 * time.Second), ill: true}
			}
			good = append(good, time.Since(begun))
			return next{at: time.Now().Add(6 * time.Second), well: true}
		}))
		for key := range 600 {
			l.seed("lane", key, begun)
		}
		stop := runs(l, nil)
		<-time.After(3 * time.Minute)
		stop()
		// 5 to notice, up to 3 more that were under way, then after 1, 2, 4, 8, 16, 30, 30 and 30 s.
		if len(ill) > 20 || len(good) < 600 {
			t.Errorf("%d calls met the illness, want at most 20; %d were good", len(ill), len(good))
		}
		if good[0] > 2*time.Minute+longestRest+time.Second {
			t.Errorf("the first good call came after %v", good[0])
		}
		if burst := within(good, good[0], time.Second); burst > 200 {
			t.Errorf("%d calls in the first second after the illness: a burst", burst)
		}
	})
}

func within(times []time.Duration, from, span time.Duration) (n int) {
	for _, at := range times {
		if at >= from && at < from+span {
			n++
		}
	}
	return n
}

// Who asks to be left alone for longer gets that, within reason.
func TestWhoIsIllMayAskForLonger(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{0: firstRest, time.Minute: time.Minute, 24 * time.Hour: longestAsked} {
		p := newPace()
		for range illAfter {
			p.heard(next{ill: true, wait: asked}, time.Second, time.Hour)
		}
		if got := p.after(time.Hour) - time.Hour; got != want {
			t.Errorf("asked for %v, it is left alone for %v, want %v", asked, got, want)
		}
	}
}

// One fault among good answers is no illness.
func TestAFaultIsNoIllness(t *testing.T) {
	p := newPace()
	for i := range 100 {
		p.heard(next{ill: i%5 != 0, well: i%5 == 0}, time.Second, 0)
		if p.rest != 0 {
			t.Fatalf("taken for ill after %d answers", i)
		}
	}
}

// A key that is hurried goes sooner, once before each turn, and before others
// while it is warm.
func TestAHurriedKeyGoesSoonerAndFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var turns []time.Duration
		l := atAPace(newLoop(1, func(_ context.Context, key int) next {
			if key == 0 {
				turns = append(turns, time.Since(begun))
				return next{at: time.Now().Add(6 * time.Second), well: true}
			}
			return next{at: time.Now().Add(time.Hour), well: true}
		}))
		for key := range 5000 {
			l.seed("lane", key, begun.Add(6*time.Second))
		}
		stop := runs(l, nil)
		for range 3 { // an impatient human
			l.hurry("lane", 0, 900*time.Millisecond, begun.Add(time.Minute))
		}
		l.hurry("lane", -1, time.Second, begun.Add(time.Minute)) // nobody knows it
		<-time.After(9 * time.Second)
		l.hurry("lane", 0, 900*time.Millisecond, begun.Add(time.Minute))
		<-time.After(9 * time.Second)
		stop()
		want := []time.Duration{5100 * time.Millisecond, 10200 * time.Millisecond, 16200 * time.Millisecond}
		if len(turns) != len(want) {
			t.Fatalf("it had its turns at %v, want %v", turns, want)
		}
		for i := range want {
			if turns[i] != want[i] {
				t.Errorf("it had its turns at %v, want %v", turns, want)
			}
		}
	})
}

// What was warm and is done or dropped leaves nothing behind.
func TestAWarmKeyLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := atAPace(newLoop(1, func(context.Context, int) next { return next{} }))
		stop := runs(l, nil)
		for key := range 3 {
			l.at("lane", key, time.Now().Add(time.Minute))
			l.hurry("lane", key, 0, time.Now().Add(time.Hour))
		}
		l.drop("lane", 0)
		<-time.After(2 * time.Minute)
		stop()
		if lane := l.lanes["lane"]; len(lane.heat) != 0 || lane.warm.Len() != 0 || lane.cold.Len() != 0 || len(lane.busy) != 0 {
			t.Errorf("left behind: %v warm, %d and %d waiting", lane.heat, lane.warm.Len(), lane.cold.Len())
		}
	})
}

// A worker that was held up says when its key was due, which may be long ago.
func TestALateAnswerDoesNotStopALane(t *testing.T) {
	p, epoch := newPace(), time.Now()
	for range 1000 {
		p.heard(next{well: true, at: epoch}, -time.Hour, 0)
	}
	if p.allows(0, 2000, epoch, time.Second); p.limit.Limit() < paceFloor {
		t.Errorf("the limit is %v", p.limit.Limit())
	}
}

// What a party did long ago is not held against it.
func TestAnOldIllnessIsForgotten(t *testing.T) {
	p := newPace()
	for range illAfter {
		p.heard(next{ill: true}, time.Second, 0)
	}
	if p.most(8) != 1 {
		t.Fatal("it is not taken for ill")
	}
	p.heard(next{ill: true}, time.Second, forgetIll+time.Minute)
	if p.most(8) != 8 {
		t.Error("one fault the next day is an illness")
	}
}

// Who is warm goes first, but not always.
func TestWarmKeysLeaveTurnsToCold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := map[bool]int{}
		l := newLoop(1, func(_ context.Context, key int) next {
			turns[key == 0]++
			<-time.After(time.Second)
			return next{at: time.Now().Add(time.Second)}
		})
		stop := runs(l, nil)
		for key := range 11 {
			l.at("lane", key, time.Now())
			if key > 0 {
				l.hurry("lane", key, 0, time.Now().Add(time.Hour))
			}
		}
		<-time.After(10 * time.Minute)
		stop()
		if turns[true] < 100 || turns[false] < 300 {
			t.Errorf("the cold key had %d turns and the ten warm ones %d", turns[true], turns[false])
		}
	})
}

// Who hurries while the worker has the key has hurried all the same.
func TestHurryingIsNotLostOnABusyKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var turns []time.Duration
		l := newLoop(1, func(context.Context, int) next {
			turns = append(turns, time.Since(begun))
			<-time.After(time.Second)
			return next{at: time.Now().Add(6 * time.Second)}
		})
		l.seed("lane", 1, begun)
		stop := runs(l, nil)
		for range 3 {
			l.hurry("lane", 1, 900*time.Millisecond, begun.Add(time.Hour))
		}
		<-time.After(7 * time.Second)
		l.hurry("lane", 1, 900*time.Millisecond, begun.Add(time.Hour)) // it has its turn just now
		<-time.After(7 * time.Second)
		stop()
		want := []time.Duration{0, 6100 * time.Millisecond, 12200 * time.Millisecond}
		if len(turns) != 3 || turns[1] != want[1] || turns[2] != want[2] {
			t.Errorf("it had its turns at %v, want %v", turns, want)
		}
	})
}

// Who only makes sure that a key is thought of changes no time that is set.
func TestMakingSureChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		turns := map[int][]time.Duration{}
		l := newLoop(1, func(_ context.Context, key int) next {
			turns[key] = append(turns[key], time.Since(begun))
			if key == 2 && len(turns[key]) == 1 {
				<-time.After(10 * time.Second)
				return next{at: time.Now().Add(time.Minute)}
			}
			return next{}
		})
		l.seed("lane", 1, begun.Add(time.Minute))
		l.seed("lane", 2, begun)
		stop := runs(l, nil)
		for key := range 3 {
			l.ensure("lane", key, begun.Add(20*time.Second))
		}
		<-time.After(5 * time.Minute)
		stop()
		if len(turns[0]) != 1 || turns[0][0] != 20*time.Second {
			t.Errorf("a key that nobody thought of had its turns at %v", turns[0])
		}
		if len(turns[1]) != 1 || turns[1][0] != time.Minute {
			t.Errorf("a key that waited had its turns at %v", turns[1])
		}
		if len(turns[2]) != 2 || turns[2][1] != 70*time.Second {
			t.Errorf("a key that was busy had its turns at %v", turns[2])
		}
	})
}
