package bridge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// unreviewed runs a test in a world that has taken over a configuration, and
// has not come to what that forbids: this is when arranged has come back.
func unreviewed(t *testing.T, before, after *bridge.Directory, arranged func(t *testing.T, w *bridgetest.World), tell func(t *testing.T, w *bridgetest.World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		gated := &gatedStore{Store: openStore(t), gate: make(chan struct{})}
		w := bridgetest.Start(t, before, gated, bridgetest.New("https://login.example.com"))
		arranged(t, w)
		gated.shut.Store(true)
		over := make(chan struct{})
		go func() { defer close(over); reload(t, w, after) }()
		synctest.Wait()
		w.Directory = after
		tell(t, w)
		gated.shut.Store(false)
		close(gated.gate)
		<-over
	})
}

// TestWhatAGrantHoldsNowIsAskedAbout: it may hold more by now than its request
// was granted, or less may be known of its account than is wanted.
func TestWhatAGrantHoldsNowIsAskedAbout(t *testing.T) {
	for what, c := range map[string]struct {
		before, after func(*bridge.Directory)
		arranged      func(t *testing.T, w *bridgetest.World) bridge.Request
		want          bridge.ProblemCode
	}{
		"a refresh brought more": {nil, rules(func(r *bridge.Rule) { r.Scopes = []string{"files:read"} }), func(t *testing.T, w *bridgetest.World) bridge.Request {
			w.Corp.Change(func(p *bridgetest.Provider) { p.TokenLifetime = 40 * time.Second })
			r := granted(t, w, bridge.Ask{})
			if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
				t.Fatal(err)
			}
			w.Corp.Change(func(p *bridgetest.Provider) { p.Scopes = []string{"files:read", "files:write"} })
			bridgetest.Pass(40 * time.Second)
			return r
		}, bridge.ProblemNotAllowed},
		"nobody knows the account": {trusting(bridge.TrustNone), nil, func(t *testing.T, w *bridgetest.World) bridge.Request {
			w.Corp.Fail("Identify", bridge.ErrNoIdentity)
			return granted(t, w, bridge.Ask{})
		}, bridge.ProblemGone},
	} {
		t.Run(what, func(t *testing.T) {
			var r bridge.Request
			unreviewed(t, configured(c.before), configured(c.after), func(t *testing.T, w *bridgetest.World) {
				r = c.arranged(t, w)
			}, func(t *testing.T, w *bridgetest.World) {
				if token, err := w.Collect(ctx, w.Agent("helper"), r.ID); problemCode(err) != c.want {
					t.Errorf("it is handed out for %v: %v", token.Scopes, err)
				}
			})
		})
	}
}
