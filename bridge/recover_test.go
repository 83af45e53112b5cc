package bridge_test

import (
	"context"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// What a stop between two steps leaves behind, taken up by the next start.

func TestARestartGoesOnPollingAndIsNeverEarly(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		for range 5 {
			bridgetest.Pass(7 * time.Second)
			w = w.Restart()
		}
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(12 * time.Second) // a gap, and a share of another
		w.Expect(r.ID, bridge.Granted, "")
		if w.Corp.Early() != 0 {
			t.Errorf("%d polls came early", w.Corp.Early())
		}
	})
}

func TestACodeThatWasOnItsWayIsAskedForAgain(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Stop()
		// The press was committed by a bridge that died before it asked.
		err := w.Store.Update(ctx, func(tx bridge.Tx) error {
			pressed, taken := r.Apply(bridge.Event{Kind: bridge.OnShowCode}, time.Now())
			if !taken {
				t.Error("the press was not taken")
			}
			tx.PutRequest(pressed, nil)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := w.See(r.ID); !got.Minting || w.Corp.Codes() != 0 {
			t.Fatalf("minting %v with %d codes", got.Minting, w.Corp.Codes())
		}
		w = w.Restart()
		w.Expect(r.ID, bridge.Coded, "")
	})
}

func TestAHeldTokenIsCheckedAfterARestart(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Identify", context.DeadlineExceeded)
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(7 * time.Second)
		w.Expect(r.ID, bridge.Held, "")
		w = w.Restart()
		w.Expect(r.ID, bridge.Granted, "")
		if w.Corp.Issued() != 1 {
			t.Errorf("%d tokens were issued", w.Corp.Issued())
		}
	})
}

func TestWhatLapsedWhileTheBridgeWasDown(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r, s := w.MustAsk(bridge.Ask{TTL: time.Hour}), w.MustAsk(bridge.Ask{Session: "two"})
		w.Press("alice", s.ID, bridge.VerbShowCode)
		w.Stop()
		bridgetest.Pass(2 * time.Hour)
		polls := w.Corp.Polls()
		w = w.Restart()
		w.Expect(r.ID, bridge.Expired, bridge.OutcomeExpired)
		w.Expect(s.ID, bridge.Asked, "")
		if w.Corp.Polls() != polls {
			t.Error("a code that had lapsed was polled")
		}
	})
}

func TestAwaitIsWokenByTheChange(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		woken := make(chan time.Duration)
		begun := time.Now()
		go func() {
			_, err := w.Await(ctx, "helper", r.ID, func(r bridge.Request) bool { return r.State.Ended() })
			if err != nil {
				t.Error(err)
			}
			woken <- time.Since(begun)
		}()
		bridgetest.Pass(20 * time.Minute)
		w.Press("alice", r.ID, bridge.VerbDeny)
		if after := <-woken; after != 20*time.Minute {
			t.Errorf("woken after %v", after)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if got, err := w.Await(short, "helper", r.ID, func(bridge.Request) bool { return false }); err != nil || got.State != bridge.Denied {
			t.Errorf("at the end of the wait: %s, %v", got.State, err)
		}
	})
}

func TestTheAgentLearnsThatTheCardWasSeen(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		in, err := w.Inbox(ctx, "alice")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Seen(ctx, "bob", "web", in.Waiting); err != nil {
			t.Fatal(err)
		}
		if got := w.See(r.ID); got.Surfaces[0].State != bridge.DeliveryWaiting {
			t.Error("bob's page counts as alice's")
		}
		for range 3 {
			if err := w.Seen(ctx, "alice", "web", in.Waiting); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.See(r.ID); got.Surfaces[0].State != bridge.DeliveryShown || got.Version != r.Version+1 {
			t.Errorf("delivery %s, version %d after %d", got.Surfaces[0].State, got.Version, r.Version)
		}
	})
}

func TestListIsPagedNewestFirst(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		var all []bridge.RequestID
		for _, session := range []string{"1", "2", "3"} {
			all = append(all, w.MustAsk(bridge.Ask{Session: session}).ID)
			bridgetest.Pass(time.Second)
		}
		w.Press("alice", all[1], bridge.VerbDeny)
		page, next, err := w.List(ctx, "helper", nil, "", 2)
		if err != nil || len(page) != 2 || page[0].ID != all[2] || next != all[1] {
			t.Fatalf("the first page: %d requests, next %q, %v", len(page), next, err)
		}
		page, next, err = w.List(ctx, "helper", nil, next, 2)
		if err != nil || len(page) != 1 || page[0].ID != all[0] || next != "" {
			t.Errorf("the second page: %d requests, next %q, %v", len(page), next, err)
		}
		page, _, _ = w.List(ctx, "helper", []bridge.State{bridge.Denied}, "", 10)
		if len(page) != 1 || page[0].ID != all[1] {
			t.Errorf("the denied ones: %d", len(page))
		}
		if page, _, _ := w.List(ctx, "other", nil, "", 10); len(page) != 0 {
			t.Errorf("another agent sees %d", len(page))
		}
	})
}

// Whatever an agent asks and withdraws later, what it still has stays in view.
func TestWhatIsLiveStaysInTheInbox(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := granted(t, w, bridge.Ask{})
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Fatal(err)
		}
		for range 15 {
			noise := w.MustAsk(bridge.Ask{Session: "noise"})
			if _, err := w.Cancel(ctx, "helper", noise.ID); err != nil {
				t.Fatal(err)
			}
			bridgetest.Pass(time.Second)
		}
		in, err := w.Inbox(ctx, "alice")
		if err != nil || len(in.Earlier) != 10 || len(in.Given) != 1 || in.Given[0].Request != r.ID {
			t.Errorf("%d earlier cards and %d given, %v; want ten and the live one", len(in.Earlier), len(in.Given), err)
		}
	})
}
