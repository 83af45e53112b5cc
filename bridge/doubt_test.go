package bridge_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// Who waits for a change is woken by it also when its commit was in doubt.
func TestWhoWaitsIsWokenByAChangeThatWasInDoubt(t *testing.T) {
	for _, c := range []struct {
		name  string
		bring func(w *bridgetest.World) (id bridge.RequestID, happen func())
	}{
		{"deny", func(w *bridgetest.World) (bridge.RequestID, func()) {
			id := w.MustAsk(bridge.Ask{}).ID
			return id, func() { _, _, _ = w.Click(ctx, bridge.Clicker{Human: "alice"}, id, bridge.VerbDeny) }
		}},
		{"the code", func(w *bridgetest.World) (bridge.RequestID, func()) {
			arrive := w.Corp.HoldBegin()
			id := w.MustAsk(bridge.Ask{}).ID
			w.Press("alice", id, bridge.VerbShowCode)
			return id, arrive
		}},
		{"the token", func(w *bridgetest.World) (bridge.RequestID, func()) {
			w.Corp.HoldIdentify()
			id, arrive := inFlight(w)
			return id, arrive
		}},
		{"the account", unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				doubtful := &doubtfulStore{Store: openStore(t)}
				w := bridgetest.Start(t, bridgetest.Directory(), doubtful, bridgetest.New("https://login.example.com"))
				id, happen := c.bring(w)
				before := w.See(id).State
				wait, stop := context.WithTimeout(ctx, time.Minute)
				defer stop()
				woken := make(chan bridge.Request, 1)
				go func() {
					r, err := w.Await(wait, "helper", id, func(r bridge.Request) bool { return r.State != before })
					if err != nil {
						t.Error(err)
					}
					woken <- r
				}()
				synctest.Wait()
				doubtful.doubts.Add(1)
				happen()
				begun := time.Now()
				if r := <-woken; r.State == before || time.Since(begun) > time.Second {
					t.Errorf("woken after %v, and it is %s", time.Since(begun), r.State)
				}
			})
		})
	}
}
