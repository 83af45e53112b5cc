//go:build unix

package bench

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

// playBridge is the bridge as the daemon wires it, without doors: the real
// store in the task's directory, the real client of providers.
func playBridge(ctx context.Context, t task) (func(command) report, error) {
	var log faults
	began := time.Now()
	kept, err := openStore(ctx, t.Dir)
	if err != nil {
		return nil, err
	}
	b, err := newBridge(kept, t.Issuer, slog.New(&log))
	if err != nil {
		return nil, err
	}
	failed := make(chan error, 1)
	go func() { failed <- b.Run(ctx) }()
	select {
	case <-b.Ready():
	case err := <-failed:
		return nil, err
	}
	took := time.Since(began)
	return func(command) report {
		r := report{Took: took, Faults: log.seen.Load()}
		if info, err := os.Stat(filepath.Join(t.Dir, bolt.Backend().File)); err == nil {
			r.LastWrite = info.ModTime()
		}
		return r
	}, nil
}

func openStore(ctx context.Context, dir string) (bridge.Store, error) {
	return store.Open(ctx, store.Options{StateDir: dir}, bolt.Backend())
}

// newBridge makes a bridge with one provider, one human and one agent.
func newBridge(kept bridge.Store, issuer string, log *slog.Logger) (*bridge.Bridge, error) {
	network := oauth.NetworkPolicy{AllowHTTPLoopback: true}
	provider, err := oauth.New(oauth.Config{Issuer: "http://" + issuer, ClientID: "authbridge", Network: network}, oauth.NewHTTPClient(network))
	if err != nil {
		return nil, err
	}
	return bridge.New(bridge.Options{
		Directory: directory("http://" + issuer), Store: kept, Log: log,
		Providers: map[string]bridge.Provider{"corp": provider},
	}), nil
}

func directory(issuer string) *bridge.Directory {
	return &bridge.Directory{
		Humans: map[string]bridge.Human{"alice": {Name: "alice", Email: "alice@example.com"}},
		Agents: map[string]bridge.Agent{"helper": {Name: "helper", Owner: "alice", May: []bridge.Rule{
			{Provider: "corp", Scopes: []string{"files.*"}, Ask: []string{"alice"}},
		}}},
		Providers: map[string]bridge.ProviderInfo{"corp": {Name: "corp", Issuer: issuer, ClientID: "authbridge", Scopes: []string{"openid", "email"}}},
		Channels:  []string{"web"},
		Limits:    bridge.DefaultLimits(),
	}
}

// faults is a log that only counts.
type faults struct{ seen atomic.Int64 }

func (f *faults) Enabled(_ context.Context, at slog.Level) bool { return at >= slog.LevelWarn }
func (f *faults) Handle(context.Context, slog.Record) error     { f.seen.Add(1); return nil }
func (f *faults) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f *faults) WithGroup(string) slog.Handler                 { return f }
