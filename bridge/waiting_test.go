package bridge_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// readStore counts the looks at the store.
type readStore struct {
	bridge.Store
	views atomic.Int64
}

func (s *readStore) View(ctx context.Context, fn func(bridge.ReadTx) error) error {
	s.views.Add(1)
	return s.Store.View(ctx, fn)
}

// Whoever waits, for a request, for events or at an inbox, costs the store
// nothing until something happens.
func TestWaitingReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &readStore{Store: openStore(t)}
		w := bridgetest.Start(t, bridgetest.Directory(), store, bridgetest.New("https://login.example.com"))
		r := w.MustAsk(bridge.Ask{})
		start, err := w.Changes(ctx, "helper", "")
		if err != nil {
			t.Fatal(err)
		}
		until, stop := context.WithTimeout(ctx, time.Hour)
		defer stop()
		for range 50 {
			go func() {
				_, _ = w.Await(until, "helper", r.ID, func(now bridge.Request) bool { return now.State.Ended() })
			}()
			go func() { _, _ = w.Changes(until, "helper", start.Next) }()
			changed, leave := w.WatchInbox("alice")
			go func() {
				defer leave()
				select {
				case <-changed:
				case <-until.Done():
				}
			}()
		}
		synctest.Wait()
		before := store.views.Load()
		bridgetest.Pass(59 * time.Minute)
		if n := store.views.Load() - before; n != 0 {
			t.Errorf("a hundred and fifty who wait looked at the store %d times in an hour", n)
		}
		bridgetest.Pass(2 * time.Minute)
	})
}
