package bridge_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// Whatever happens in whatever order, when the chat works again it shows how
// the request stands, and nobody got more messages than answers were lost.
func TestWhateverHappensTheScreenIsTrueInTheEnd(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		memory := rapid.SampledFrom([]time.Duration{bridgetest.NoMemory, bridgetest.ShortMemory}).Draw(rt, "memory")
		plan := rapid.SliceOfN(rapid.SampledFrom(mishaps()), 1, 25).Draw(rt, "plan")
		chatStory(t, memory, []string{"web"}, func(t *testing.T, w *chatting) {
			r := w.MustAsk(bridge.Ask{})
			lost, again := 0, 0
			for _, m := range plan {
				switch m {
				case "lose an answer", "kill":
					lost++
				case "show again":
					again++
				}
				w.suffer(t, r.ID, m)
			}
			w.slack.Up()
			bridgetest.Pass(7 * time.Hour) // the longest wait after so many lost answers
			got := w.See(r.ID)
			all := w.slack.Messages(alicesSlack)
			if got.Owes() || len(all) > 1+again+lost || got.State.Open() && lost < 6 && len(all) == 0 {
				t.Fatalf("after %v: owes %v, %d messages", plan, got.Owes(), len(all))
			}
			for _, msg := range all {
				if now := msg.Now(); !trueOf(got, msg.Ref, now) {
					t.Fatalf("after %v: the request is %s (card %d), and its card says %s (%d):\n%s", plan, got.State, got.Card, now.State, now.Version, bridgetest.Text(now))
				}
			}
		})
	})
}

// trueOf reports whether a message shows what its surface is to show. One that
// no surface knows any more may show what was.
func trueOf(r bridge.Request, ref bridge.MessageRef, now bridge.Card) bool {
	for _, s := range r.Surfaces {
		switch {
		case s.Ref != ref || s.State != bridge.DeliveryShown:
		case s.Over != "":
			return now.Ending == s.Over && now.Code == nil
		default:
			return (now.State == r.State || r.State == bridge.Collected) && now.Version == r.Card
		}
	}
	return true
}

func mishaps() []string {
	return []string{
		"show code", "show code", "no code", "approve", "deny", "cancel", "collect", "a moment", "a moment", "half an hour",
		"show again", "fail", "limit", "limit all", "refuse", "lose an answer", "go down", "come up", "kill", "stop",
	}
}

// suffer lets one thing happen.
func (w *chatting) suffer(t *testing.T, id bridge.RequestID, what string) {
	t.Helper()
	alice := bridge.Clicker{Human: "alice", Channel: "slack"}
	switch what {
	case "show code":
		_, _, _ = w.Click(ctx, alice, id, bridge.VerbShowCode)
	case "no code":
		w.Corp.Fail("Begin", errors.New("bad gateway"))
		_, _, _ = w.Click(ctx, alice, id, bridge.VerbShowCode)
	case "approve":
		if w.Corp.Codes() > 0 {
			w.Corp.Approve(bridgetest.Alice)
		}
	case "deny":
		_, _, _ = w.Click(ctx, alice, id, bridge.VerbDeny)
	case "cancel":
		_, _ = w.Cancel(ctx, "helper", id)
	case "collect":
		_, _ = w.Collect(ctx, w.Agent("helper"), id)
	case "show again":
		_, _, _ = w.Click(ctx, alice, id, bridge.VerbShowAgain)
	case "a moment":
		bridgetest.Pass(3 * time.Second)
	case "half an hour":
		bridgetest.Pass(30 * time.Minute)
	case "fail":
		w.slack.Fail(bridge.ErrNotSent)
	case "limit", "limit all":
		w.slack.Fail(&bridge.Limited{After: 20 * time.Second, All: what == "limit all"})
	case "refuse":
		w.slack.Fail(bridge.ErrAuth)
	case "lose an answer":
		w.slack.Lose(1)
	case "go down":
		w.slack.Down(errors.Join(bridge.ErrNotSent))
	case "come up":
		w.slack.Up()
	case "kill":
		release := w.slack.HoldAnswer()
		bridgetest.Pass(2 * time.Second)
		w.die(release, func() {})
	case "stop":
		w.restart()
	}
	synctest.Wait()
}
