package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// heard is one thing that came in.
type heard struct {
	id       string
	patience time.Duration
}

func (h heard) Matter() (string, time.Duration) { return h.id, h.patience }

// ackPatience is that of an inbound which can be answered in its
// acknowledgement.
const ackPatience = 800 * time.Millisecond

// acks notes when, and with what, copies of inbounds were acknowledged.
type acks struct {
	began time.Time
	at    []time.Duration
	said  []any
}

func noting() *acks { return &acks{began: time.Now()} }

func (a *acks) reply(body any) error {
	a.at, a.said = append(a.at, time.Since(a.began)), append(a.said, body)
	return nil
}

// TestBehaviour27AcknowledgementsDoNotWait: however slow the work is, and it
// is slow when the store is, the acknowledgement is not.
func TestBehaviour27AcknowledgementsDoNotWait(t *testing.T) {
	t.Parallel()
	for _, work := range []time.Duration{0, 500 * time.Millisecond, 5 * time.Second} {
		for _, patience := range []time.Duration{0, ackPatience} {
			t.Run(fmt.Sprint(patience, " ", work), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var done, late time.Duration
					began := time.Now()
					in := NewIntake(func(context.Context, heard) Answer {
						<-time.After(work)
						done = time.Since(began)
						return Answer{Body: "the answer", Late: func(context.Context) { late = time.Since(began) }}
					})
					in.Open(t.Context())
					acked := noting()
					if err := in.Take(t.Context(), heard{"1", patience}, acked.reply); err != nil {
						t.Fatal(err)
					}
					if took := time.Since(began); took != 0 {
						t.Errorf("taking it took %s", took)
					}
					<-time.After(10 * time.Second)
					in.Stop()

					wantAt, wantSaid := time.Duration(0), any(nil)
					if patience > 0 {
						wantAt, wantSaid = min(work, ackPatience), "the answer"
						if work > ackPatience {
							wantSaid = nil
						}
					}
					if !slices.Equal(acked.at, []time.Duration{wantAt}) || !slices.Equal(acked.said, []any{wantSaid}) {
						t.Errorf("acknowledged after %v with %v, want %v with %v", acked.at, acked.said, wantAt, wantSaid)
					}
					if done != work {
						t.Errorf("the work was done after %s", done)
					}
					if wantSaid == nil && late != work || wantSaid != nil && late != 0 {
						t.Errorf("the answer went another way after %s", late)
					}
				})
			})
		}
	}
}

// TestBehaviour27Crowd: two hundred at once, each of which waits half a second
// for the store, are all acknowledged within one.
func TestBehaviour27Crowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var busy, most, done atomic.Int32
		in := NewIntake(func(context.Context, heard) Answer {
			if now := busy.Add(1); now > most.Load() {
				most.Store(now)
			}
			<-time.After(500 * time.Millisecond)
			busy.Add(-1)
			done.Add(1)
			return Answer{}
		})
		in.Open(t.Context())
		acked := make([]*acks, 200)
		for i := range acked {
			acked[i] = noting()
			if err := in.Take(t.Context(), heard{fmt.Sprint(i), ackPatience}, acked[i].reply); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Minute)
		in.Stop()
		for i, a := range acked {
			if len(a.at) != 1 || a.at[0] > time.Second {
				t.Errorf("%d was acknowledged after %v", i, a.at)
			}
		}
		if done.Load() != 200 || most.Load() != workers {
			t.Errorf("%d were done, at most %d at a time", done.Load(), most.Load())
		}
	})
}

// TestBehaviour28TheSameTwice: copies have one effect, and the same answer.
func TestBehaviour28TheSameTwice(t *testing.T) {
	t.Parallel()
	for _, patience := range []time.Duration{0, ackPatience} {
		t.Run(patience.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				done := 0
				in := NewIntake(func(context.Context, heard) Answer {
					<-time.After(300 * time.Millisecond)
					done++
					return Answer{Body: fmt.Sprint("answer ", done)}
				})
				in.Open(t.Context())
				acked := noting()
				for range 5 { // three before the work is done, and two after
					if err := in.Take(t.Context(), heard{"1", patience}, acked.reply); err != nil {
						t.Fatal(err)
					}
					<-time.After(120 * time.Millisecond)
				}
				<-time.After(rememberFor - 2*time.Second)
				if err := in.Take(t.Context(), heard{"1", patience}, acked.reply); err != nil {
					t.Fatal(err)
				}
				in.Stop()
				want := any(nil)
				if patience > 0 {
					want = "answer 1"
				}
				if !slices.Equal(acked.said, slices.Repeat([]any{want}, 6)) || done != 1 {
					t.Errorf("done %d times, acknowledged with %v", done, acked.said)
				}
			})
		})
	}
}

func TestAFullIntakeTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		in := NewIntake(func(context.Context, heard) Answer { <-over; return Answer{} })
		never := func(any) error { t.Error("it was acknowledged"); return nil }
		if err := in.Take(t.Context(), heard{"early", 0}, never); !errors.Is(err, ErrFull) {
			t.Errorf("before it is open: %v", err)
		}
		in.Open(t.Context())
		acked := noting()
		for i := range maxWaiting {
			if err := in.Take(t.Context(), heard{fmt.Sprint(i), 0}, acked.reply); err != nil {
				t.Fatal(err)
			}
		}
		if err := in.Take(t.Context(), heard{"one more", 0}, never); !errors.Is(err, ErrFull) {
			t.Errorf("when it is full: %v", err)
		}
		close(over)
		synctest.Wait()
		if err := in.Take(t.Context(), heard{"one more", 0}, acked.reply); err != nil {
			t.Errorf("what was not taken in is not taken the next time: %v", err)
		}
		in.Stop()
		if err := in.Take(t.Context(), heard{"late", 0}, never); !errors.Is(err, ErrFull) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestTheEndWaitsForWorkAndNotForEver(t *testing.T) {
	t.Parallel()
	for work, want := range map[time.Duration]time.Duration{0: 0, time.Second: time.Second, time.Hour: stopGrace} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			in := NewIntake(func(ctx context.Context, _ heard) Answer {
				select {
				case <-time.After(work):
				case <-ctx.Done():
				}
				return Answer{}
			})
			in.Open(ctx)
			if err := in.Take(t.Context(), heard{"1", 0}, noting().reply); err != nil {
				t.Fatal(err)
			}
			cancel()
			began := time.Now()
			in.Stop()
			if took := time.Since(began); took != want {
				t.Errorf("with work of %s the end took %s, want %s", work, took, want)
			}
		})
	}
}

func TestWorkHasALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, took := time.Now(), time.Duration(0)
		in := NewIntake(func(ctx context.Context, _ heard) Answer {
			<-ctx.Done()
			took = time.Since(began)
			return Answer{}
		})
		in.Open(t.Context())
		if err := in.Take(t.Context(), heard{"1", 0}, noting().reply); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		in.Stop()
		if took != workLimit {
			t.Errorf("it took %s", took)
		}
	})
}

// TestMemoryIsBounded: what is remembered stays for its period and no more of
// it than there is room for.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRecent[int](time.Minute, 3)
		for i := range 3 {
			if !r.Put(fmt.Sprint(i), i) {
				t.Fatalf("no room for %d", i)
			}
		}
		if r.Put("one more", 0) {
			t.Error("there was room for one more")
		}
		<-time.After(time.Minute)
		if v, ok := r.Get("2"); !ok || v != 2 {
			t.Error("it was forgotten within its period")
		}
		if !r.Put("one more", 0) {
			t.Error("there was no room in the next period")
		}
		<-time.After(time.Minute)
		if _, ok := r.Get("2"); ok {
			t.Error("it was remembered for ever")
		}
		<-time.After(time.Hour)
		if _, ok := r.Get("one more"); ok {
			t.Error("it was remembered for ever")
		}

		all := newMatters()
		for i := range 5 * maxRemembered {
			all.of(fmt.Sprint(i), func() {})
		}
		if n := len(all.recent.young) + len(all.recent.old); n > 2*maxRemembered {
			t.Errorf("%d matters are remembered", n)
		}
	})
}
