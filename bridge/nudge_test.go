package bridge_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// Who says that they have finished need not wait for the next poll, only for
// what the provider's interval demands, however often they say it.
func TestIHaveFinished(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(6 * time.Second) // the first poll
		w.Press("alice", r.ID, bridge.VerbOpened)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(time.Second)
		for range 20 {
			if _, word := w.Press("alice", r.ID, bridge.VerbFinished); !strings.Contains(word, "login.example.com") {
				t.Errorf("the answer to the click is %q", word)
			}
		}
		bridgetest.Pass(4 * time.Second)
		w.Expect(r.ID, bridge.Coded, "") // 5 s after the poll before: the interval, and no more
		bridgetest.Pass(200 * time.Millisecond)
		w.Expect(r.ID, bridge.Granted, "")
		if w.Corp.Early() != 0 {
			t.Errorf("%d polls came early", w.Corp.Early())
		}
		if _, word := w.Press("alice", r.ID, bridge.VerbFinished); word == "" {
			t.Error("a late click is not answered")
		}
	})
}

// Nor can impatience make a poll early that was told to wait longer.
func TestIHaveFinishedDoesNotOutrunTheProvider(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Fail("Poll", &bridge.Unavailable{RetryAfter: 40 * time.Second, Err: errors.New("busy")})
		bridgetest.Pass(6 * time.Second)
		polls := w.Corp.Polls()
		for range 39 {
			w.Press("alice", r.ID, bridge.VerbFinished)
			bridgetest.Pass(time.Second)
		}
		bridgetest.Pass(999 * time.Millisecond)
		if n := w.Corp.Polls(); n != polls {
			t.Errorf("%d polls came although the provider asked for 40 s", n-polls)
		}
		bridgetest.Pass(time.Second)
		if n := w.Corp.Polls(); n != polls+1 {
			t.Errorf("%d polls came when the 40 s were over, want 1", n-polls)
		}
	})
}

// A provider that has nothing new may say how long to leave the code alone.
func TestAPendingAnswerMayAskForPatience(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.RetryAfter = 25 * time.Second
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(6 * time.Second)
		w.Corp.Approve(bridgetest.Alice)
		w.Press("alice", r.ID, bridge.VerbFinished)
		bridgetest.Pass(24900 * time.Millisecond)
		w.Expect(r.ID, bridge.Coded, "")
		bridgetest.Pass(2 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
	})
}

// Where there is nothing to finish, the answer to the click is true.
func TestThereIsNothingToFinish(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		if _, word := w.Press("alice", r.ID, bridge.VerbFinished); !strings.Contains(word, "no code") {
			t.Errorf("before there was a code: %q", word)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(11 * time.Minute)
		w.Expect(r.ID, bridge.Asked, "")
		if _, word := w.Press("alice", r.ID, bridge.VerbFinished); !strings.Contains(word, "no code") {
			t.Errorf("after the code lapsed: %q", word)
		}
	})
}

// An agent that withdraws what it asked while the human reads does not get
// away: who says that they did not ask is heard.
func TestNotMeAfterTheAgentWithdrew(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
			t.Fatal(err)
		}
		if _, word := w.Press("alice", r.ID, bridge.VerbNotMe); !strings.Contains(word, "may not ask you again") {
			t.Errorf("the answer to the click is %q", word)
		}
		w.Expect(r.ID, bridge.Cancelled, bridge.OutcomeCancelled)
		var p *bridge.Problem
		if _, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}}); !errors.As(err, &p) || p.Code != bridge.ProblemSuspended {
			t.Errorf("the next ask: %v", err)
		}
	})
}

// To others the request does not exist, whatever they press.
func TestNobodyElseHasFinished(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		for _, verb := range []bridge.Verb{bridge.VerbOpened, bridge.VerbFinished} {
			if _, _, err := w.Click(ctx, bridge.Clicker{Human: "bob"}, r.ID, verb); !errors.Is(err, bridge.ErrNotFound) {
				t.Errorf("bob presses %s: %v", verb, err)
			}
		}
	})
}
