package bridge_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// situations are the states in which a bridge may be told to end.
var situations = map[string]func(t *testing.T, w *bridgetest.World){
	"nothing asked": func(*testing.T, *bridgetest.World) {},
	"asked":         func(_ *testing.T, w *bridgetest.World) { w.MustAsk(bridge.Ask{}) },
	"a code under way": func(_ *testing.T, w *bridgetest.World) {
		w.Corp.HoldBegin()
		w.Press("alice", w.MustAsk(bridge.Ask{}).ID, bridge.VerbShowCode)
	},
	"coded": func(_ *testing.T, w *bridgetest.World) {
		w.Press("alice", w.MustAsk(bridge.Ask{}).ID, bridge.VerbShowCode)
	},
	"a poll in flight":        func(_ *testing.T, w *bridgetest.World) { inFlight(w) },
	"an account being learnt": func(_ *testing.T, w *bridgetest.World) { unknown(w) },
	"granted":                 func(t *testing.T, w *bridgetest.World) { granted(t, w, bridge.Ask{}) },
	"collected":               func(t *testing.T, w *bridgetest.World) { collected(t, w) },
	"a revocation under way":  func(t *testing.T, w *bridgetest.World) { w.Corp.HoldRevoke(); revoking(t, w) },
	"a revocation that failed": func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Revoke", errors.New("bad gateway"))
		revoking(t, w)
	},
	"somebody waiting": func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		wait, stop := context.WithTimeout(ctx, time.Minute)
		t.Cleanup(stop)
		_, forget := w.WatchInbox("alice")
		forget()
		short, end := context.WithTimeout(wait, time.Second)
		defer end()
		if _, err := w.Await(short, "helper", r.ID, func(bridge.Request) bool { return false }); err != nil {
			t.Error(err)
		}
	},
}

func collected(t *testing.T, w *bridgetest.World) {
	t.Helper()
	if _, err := w.Collect(ctx, w.Agent("helper"), granted(t, w, bridge.Ask{}).ID); err != nil {
		t.Fatal(err)
	}
}

func revoking(t *testing.T, w *bridgetest.World) {
	t.Helper()
	cancels(t, w, granted(t, w, bridge.Ask{}).ID)
}

// When Run has returned, nothing of the bridge runs any more.
func TestNoGoroutineIsLeft(t *testing.T) {
	for name, bring := range situations {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opened := openStore(t)
				before := goleak.IgnoreCurrent()
				w := bridgetest.Start(t, bridgetest.Directory(), opened, bridgetest.New("https://login.example.com"))
				if goleak.Find(before) == nil {
					t.Fatal("not even a running bridge is seen")
				}
				bring(t, w)
				begun := time.Now()
				w.Stop()
				if took := time.Since(begun); took > 10*time.Second {
					t.Errorf("it took %v to end", took)
				}
				if err := goleak.Find(before); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// deafStore cannot be read.
type deafStore struct{ bridge.Store }

var errDeaf = errors.New("the disk is gone")

func (deafStore) View(context.Context, func(bridge.ReadTx) error) error { return errDeaf }

// The same when it could not even begin; and nobody who calls it waits for
// ever.
func TestNoGoroutineIsLeftOfABridgeThatCannotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := deafStore{openStore(t)}
		before := goleak.IgnoreCurrent()
		dir := bridgetest.Directory()
		b := bridge.New(bridge.Options{
			Directory: dir, Store: opened, Log: slog.New(slog.DiscardHandler),
			Providers: map[string]bridge.Provider{"corp": bridgetest.New("https://login.example.com")},
		})
		if err := b.Run(ctx); !errors.Is(err, errDeaf) {
			t.Errorf("it ended with %v", err)
		}
		select {
		case <-b.Ready():
			t.Error("it says that it is ready")
		default:
		}
		if _, _, err := b.Ask(ctx, dir.Agents["helper"], bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}}); err != nil {
			t.Errorf("ask: %v", err)
		}
		if err := goleak.Find(before); err != nil {
			t.Error(err)
		}
	})
}
