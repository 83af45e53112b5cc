package chat

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// postcard is an offer that was written, and what became of it.
type postcard struct {
	slow  time.Duration // how long writing takes
	fault error

	says, nonce, became string
}

func (p *postcard) Write(ctx context.Context, says, _, nonce string) error {
	select {
	case <-time.After(p.slow):
	case <-ctx.Done():
		return ctx.Err()
	}
	p.says, p.nonce = says, nonce
	return p.fault
}

func (p *postcard) Become(_ context.Context, words string) { p.became = words }

// awaited is how an offer ended.
type awaited struct {
	took time.Duration
	err  error
}

func (p *postcard) await(ctx context.Context, t *Trials, user string) <-chan awaited {
	ended := make(chan awaited, 1)
	go func() {
		took, err := t.Await(ctx, user, Offer{Says: "Press.", Label: "Here", Thanks: "Thanks.", Over: "Over."}, p)
		ended <- awaited{took, err}
	}()
	return ended
}

// TestATrialIsTheirs: only the person, and only with what they alone were
// sent; twice is once.
func TestATrialIsTheirs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, hers, his := NewTrials(), &postcard{slow: time.Second}, &postcard{}
		ended, other := hers.await(t.Context(), all, "alice"), his.await(t.Context(), all, "bob")
		<-time.After(4 * time.Second)
		synctest.Wait()
		for name, c := range map[string]struct{ user, nonce string }{
			"by bob":              {"bob", hers.nonce},
			"with bob's nonce":    {"alice", his.nonce},
			"with half a nonce":   {"alice", hers.nonce[:13]},
			"without a nonce":     {"alice", ""},
			"by nobody":           {"", hers.nonce},
			"by somebody unasked": {"carol", hers.nonce},
		} {
			if all.Take(c.user, c.nonce) {
				t.Errorf("a press %s counts", name)
			}
		}
		if synctest.Wait(); len(ended)+len(other) > 0 || hers.became != "" {
			t.Error("it has ended by a press that is not theirs")
		}
		for range 2 {
			if !all.Take("alice", hers.nonce) {
				t.Error("her own does not count")
			}
		}
		if got := <-ended; got.err != nil || got.took != 3*time.Second || hers.became != "Thanks." {
			t.Errorf("it ended with %v, and became %q", got, hers.became)
		}
		if all.Take("alice", hers.nonce) {
			t.Error("it counts when it is over")
		}
		if !all.Take("bob", his.nonce) || (<-other).err != nil {
			t.Error("bob's does not count")
		}
	})
}

func TestATrialEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]time.Duration{"while it is written": time.Second / 2, "later": time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), when)
				defer cancel()
				all, p := NewTrials(), &postcard{slow: time.Second}
				if got := <-p.await(ctx, all, "alice"); !errors.Is(got.err, context.DeadlineExceeded) || p.became != "Over." {
					t.Errorf("it ended with %v, and became %q", got, p.became)
				}
				if all.Take("alice", p.nonce) {
					t.Error("it counts when it is over")
				}
			})
		})
	}
}

// TestOneTrialAtATime with each person; one that was not made is not one.
func TestOneTrialAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, lost := NewTrials(), errors.New("lost")
		for range 2 {
			p := &postcard{fault: lost}
			if got := <-p.await(t.Context(), all, "alice"); !errors.Is(got.err, lost) || p.became != "" {
				t.Errorf("one that was not written: %v, and became %q", got.err, p.became)
			}
		}
		never := &postcard{slow: time.Hour}
		if got := <-never.await(t.Context(), all, "alice"); !errors.Is(got.err, context.DeadlineExceeded) {
			t.Errorf("one that takes for ever to write: %v", got.err)
		}
		first := &postcard{}
		ended := first.await(t.Context(), all, "alice")
		synctest.Wait()
		second := &postcard{}
		if got := <-second.await(t.Context(), all, "alice"); !errors.Is(got.err, ErrTrying) || second.says != "" {
			t.Errorf("a second one: %v", got.err)
		}
		if !all.Take("alice", first.nonce) || (<-ended).err != nil {
			t.Error("the second has ended the first")
		}
	})
}
