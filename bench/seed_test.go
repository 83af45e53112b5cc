//go:build unix

package bench

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// seedBatch is how many requests are stored in one transaction.
const seedBatch = 5000

// seed fills a store in dir with pending requests whose humans have a code.
// The first becomes so as every request does, asked and pressed through a
// bridge, and is then copied: each copy has its own id, human and device code.
func seed(t testing.TB, dir, issuer string, grants int) {
	t.Helper()
	ctx := t.Context()
	kept, err := openStore(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	}()
	if grants == 0 {
		return
	}
	pattern, err := firstRequest(ctx, kept, issuer)
	if err != nil {
		t.Fatalf("bring a request to where it is polled: %v", err)
	}
	for from := 0; from < grants; from += seedBatch {
		err := kept.Update(ctx, func(tx bridge.Tx) error {
			for i := from; i < min(from+seedBatch, grants); i++ {
				pattern.copy(tx, i)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// pattern is a request and the plain text of its sealed code, in which the
// device code stands as it is.
type pattern struct {
	request bridge.Request
	code    string
	created time.Time
}

// copy stores copy number i; the pattern itself becomes the first.
func (p *pattern) copy(tx bridge.Tx, i int) {
	r := p.request
	if i > 0 {
		r.ID = bridge.NewRequestID(p.created.Add(time.Duration(i) * time.Millisecond))
	}
	tx.PutRequest(r, nil)
	tx.PutSecret(bridge.CodeSecret(r.ID), bridge.NewSecret(strings.ReplaceAll(p.code, deviceCode(freshCode, 0), deviceCode(i, 0))))
}

// firstRequest runs a bridge on the store until one request has its code.
func firstRequest(ctx context.Context, kept bridge.Store, issuer string) (*pattern, error) {
	b, err := newBridge(kept, issuer, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	go func() { done <- b.Run(running) }()
	r, err := coded(ctx, b)
	stop()
	if ended := <-done; err == nil {
		err = ended
	}
	if err != nil {
		return nil, err
	}
	p := &pattern{request: r, created: r.CreatedAt}
	err = kept.View(ctx, func(tx bridge.ReadTx) error {
		secret, err := tx.Secret(bridge.CodeSecret(r.ID))
		p.code = secret.Reveal()
		return err
	})
	if n := strings.Count(p.code, deviceCode(freshCode, 0)); err == nil && n != 1 {
		err = fmt.Errorf("the device code stands %d times in what is sealed, and has to stand there once", n)
	}
	return p, err
}

// coded asks, presses and waits for the code.
func coded(ctx context.Context, b *bridge.Bridge) (bridge.Request, error) {
	agent := directory("").Agents["helper"]
	r, _, err := b.Ask(ctx, agent, bridge.Ask{Provider: "corp", Scopes: []string{"files.read"}, Human: "alice", Reason: "summarise the Q3 planning folder"})
	if err != nil {
		return r, err
	}
	if _, _, err := b.Click(ctx, bridge.Clicker{Human: "alice", Channel: "web"}, r.ID, bridge.VerbShowCode); err != nil {
		return r, err
	}
	r, err = b.Await(ctx, agent.Name, r.ID, func(r bridge.Request) bool { return r.State == bridge.Coded || r.Note != "" || r.State.Ended() })
	if err == nil && r.State != bridge.Coded {
		err = fmt.Errorf("the request is %s: %s", r.State, r.Note)
	}
	return r, err
}
