package bridge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// TestAnAgentInALoopMakesFewCodes: where the code is made with the ask, an agent
// that asks and withdraws has no human to slow it down.
func TestAnAgentInALoopMakesFewCodes(t *testing.T) {
	story(t, codeAtOnce, func(t *testing.T, w *bridgetest.World) {
		loop := func(times int) {
			for range times {
				r := w.MustAsk(bridge.Ask{})
				synctest.Wait()
				if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		loop(30)
		if n := w.Corp.Codes(); n != 10 {
			t.Errorf("%d codes were made for 30 asks", n)
		}
		r := w.MustAsk(bridge.Ask{})
		w.Expect(r.ID, bridge.Asked, "")
		w.Press("alice", r.ID, bridge.VerbShowCode) // who presses gets one all the same
		w.Expect(r.ID, bridge.Coded, "")
		if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(3 * time.Minute)
		loop(10)
		if n := w.Corp.Codes(); n != 14 {
			t.Errorf("%d codes after three minutes more", n-11)
		}
	})
}
