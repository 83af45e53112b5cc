package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// over is a context with which Changes does not wait.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// follower is an agent that follows what changes.
type follower struct {
	t     *testing.T
	w     *bridgetest.World
	agent string
	at    bridge.Cursor
}

// follow begins at the present.
func follow(t *testing.T, w *bridgetest.World, agent string) *follower {
	t.Helper()
	f := &follower{t, w, agent, ""}
	if !f.read().Missed {
		t.Error("a new follower is not told to read what is there")
	}
	return f
}

func (f *follower) read() bridge.Changes {
	f.t.Helper()
	changes, err := f.w.Changes(over(), f.agent, f.at)
	if err != nil {
		f.t.Fatal(err)
	}
	f.at = changes.Next
	return changes
}

// sees wants these changes since the last time, each as "state" of a request
// or "grant state/revocation".
func (f *follower) sees(want ...string) {
	f.t.Helper()
	synctest.Wait()
	changes := f.read()
	var got []string
	for _, c := range changes.All {
		if c.Request != nil {
			got = append(got, string(c.Request.State))
		} else {
			got = append(got, fmt.Sprintf("grant %s/%s", c.Grant.State, c.Grant.Revocation))
		}
	}
	if changes.Missed || strings.Join(got, ", ") != strings.Join(want, ", ") {
		f.t.Errorf("seen: %s; want: %s (missed: %v)", strings.Join(got, ", "), strings.Join(want, ", "), changes.Missed)
	}
}

func TestEverythingThatChangesIsSeen(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		helper, other := follow(t, w, "helper"), follow(t, w, "other")
		r := w.MustAsk(bridge.Ask{})
		helper.sees("asked")
		w.MustAsk(bridge.Ask{}) // joins
		helper.sees()
		in, err := w.Inbox(ctx, "alice")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := w.Seen(ctx, "alice", "web", in.Waiting); err != nil {
				t.Fatal(err)
			}
		}
		if c := helper.read(); len(c.All) != 1 || c.All[0].Request.Surfaces[0].State != bridge.DeliveryShown || c.All[0].Request.Version != 2 {
			t.Errorf("that the card was shown is seen as %+v", c.All)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode) // two changes: the press, the code
		helper.sees("coded")
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		helper.sees("grant live/none", "granted")
		for range 2 { // the second one within the grace
			if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
				t.Fatal(err)
			}
		}
		helper.sees("collected", "grant live/none") // used twice
		bridgetest.Pass(9 * time.Hour)              // nobody may use it any longer
		helper.sees("grant ended/done")
		other.sees()
		if c, err := w.Changes(over(), "other", helper.at); err != nil || !c.Missed || len(c.All) != 0 {
			t.Errorf("with another's cursor: %+v, %v", c, err)
		}
	})
}

func TestAPollIsNoChange(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		f := follow(t, w, "helper")
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		f.sees("coded")
		w.Corp.SlowDown()
		bridgetest.Pass(time.Minute)
		f.sees()
	})
}

func TestAGrantThatIsReplacedOrTakenBack(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		granted(t, w, bridge.Ask{})
		f := follow(t, w, "helper")
		second := granted(t, w, bridge.Ask{Fresh: true})
		f.sees("grant live/none", "granted", "grant ended/done")
		if _, err := w.Cancel(ctx, "helper", second.ID); err != nil {
			t.Fatal(err)
		}
		f.sees("cancelled", "grant revoked/done")
	})
}

// TestAnyCursorCanBeGoneBackTo: who has seen part of what changed gets the
// rest.
func TestAnyCursorCanBeGoneBackTo(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		f := follow(t, w, "helper")
		start := f.at
		for i := range 3 {
			w.MustAsk(bridge.Ask{Session: fmt.Sprint(i)})
		}
		all := f.read().All
		for i := range all {
			f.at = all[i].Cursor
			if rest := f.read(); rest.Missed || len(rest.All) != len(all)-i-1 {
				t.Errorf("after change %d there are %d", i, len(rest.All))
			}
		}
		w.Restart()
		if c, err := w.Changes(over(), "helper", start); err != nil || c.Missed {
			t.Errorf("the old bridge: %+v, %v", c, err)
		}
	})
}

func TestARestartForgetsCursors(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		f := follow(t, w, "helper")
		w.MustAsk(bridge.Ask{})
		f.w = w.Restart()
		if c := f.read(); !c.Missed || len(c.All) != 0 {
			t.Errorf("after a restart: %+v", c)
		}
		f.w.MustAsk(bridge.Ask{Session: "2"})
		f.sees("asked")
	})
}

// refusingStore takes no change.
type refusingStore struct {
	bridge.Store
	err error // of a commit; nil = it takes them
}

func (s *refusingStore) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	if s.err == nil {
		return s.Store.Update(ctx, fn)
	}
	failed := s.err
	err := s.Store.Update(ctx, func(tx bridge.Tx) error { return errors.Join(fn(tx), failed) })
	return err
}

func TestOnlyWhatIsCommittedIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &refusingStore{Store: openStore(t)}
		w := bridgetest.Start(t, bridgetest.Directory(), s, bridgetest.New("https://login.example.com"))
		f := follow(t, w, "helper")
		for _, s.err = range []error{errors.New("refused"), bridge.ErrStoreUnavailable} {
			if _, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}}); err == nil {
				t.Fatal("the ask was taken")
			}
			f.sees()
		}
		s.err = nil
		w.MustAsk(bridge.Ask{})
		f.sees("asked")
	})
}

func TestAChangeInDoubtIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &doubtfulStore{Store: openStore(t)}
		w := bridgetest.Start(t, bridgetest.Directory(), s, bridgetest.New("https://login.example.com"))
		f := follow(t, w, "helper")
		s.doubts.Add(1)
		if _, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}}); !errors.Is(err, bridge.ErrStoreUnavailable) {
			t.Fatal(err)
		}
		f.sees("asked")
	})
}

func TestWhoFollowsIsWoken(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		at := follow(t, w, "helper").at
		start := time.Now()
		time.AfterFunc(time.Hour, func() { w.MustAsk(bridge.Ask{}) })
		c, err := w.Changes(ctx, "helper", at)
		if took := time.Since(start); err != nil || len(c.All) != 1 || took != time.Hour {
			t.Errorf("%d changes, %v, after %s", len(c.All), err, took)
		}
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if c, err = w.Changes(limited, "helper", c.Next); err != nil || c.Missed || len(c.All) != 0 {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// TestTheLastStateAlwaysArrives, and no version after a later one, however
// many change things at once.
func TestTheLastStateAlwaysArrives(t *testing.T) {
	story(t, func(d *bridge.Directory) {
		d.Limits.MaxOpenPerHuman, d.Limits.MaxOpenPerAgentAndHuman = 1000, 1000
	}, func(t *testing.T, w *bridgetest.World) {
		at := follow(t, w, "helper").at
		const agents, each = 8, 25
		var work sync.WaitGroup
		for n := range agents {
			work.Go(func() {
				for i := range each {
					r := w.MustAsk(bridge.Ask{Session: fmt.Sprintf("%d/%d", n, i)})
					if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
						t.Error(err)
					}
				}
			})
		}
		versions, over := map[bridge.RequestID]uint64{}, 0
		for over < agents*each {
			c, err := w.Changes(ctx, "helper", at)
			if err != nil || c.Missed {
				t.Fatalf("%+v, %v", c, err)
			}
			for _, r := range c.All {
				if last := versions[r.Request.ID]; r.Request.Version < last {
					t.Errorf("version %d after %d", r.Request.Version, last)
				} else if r.Request.State == bridge.Cancelled && last < 2 {
					over++
				}
				versions[r.Request.ID] = r.Request.Version
			}
			at = c.Next
		}
		work.Wait()
		if len(versions) != agents*each {
			t.Errorf("%d requests were seen", len(versions))
		}
	})
}
