package bolt_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

func Example() {
	dir, err := os.MkdirTemp("", "authbridge")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()

	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{URL: "bolt", StateDir: dir}, bolt.Backend())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = s.Close() }()

	now := time.Now()
	asked, _ := bridge.Request{ID: bridge.NewRequestID(now), Agent: "helper", Human: "alice"}.
		Apply(bridge.Event{Kind: bridge.OnAsk}, now)
	err = s.Update(ctx, func(tx bridge.Tx) error {
		tx.PutRequest(asked, nil)
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.View(ctx, func(tx bridge.ReadTx) error {
		for r, err := range tx.OpenFor("alice") {
			if err != nil {
				return err
			}
			fmt.Println(r.Agent, "has", r.State)
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: helper has asked
}
