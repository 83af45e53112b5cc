package bridge_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

// BenchmarkAsksDuringAReload: how long asks take that come one after the
// other, when nothing else happens, while a new configuration looks through
// 100,000 grants, and while one ends them all.
func BenchmarkAsksDuringAReload(b *testing.B) {
	const grants = 100_000
	kept, err := store.Open(ctx, store.Options{StateDir: filepath.Join(b.TempDir(), "state")}, bolt.Backend())
	if err != nil {
		b.Fatal(err)
	}
	give(b, kept, grants)
	corp := bridgetest.New("https://login.example.com")
	providers := map[string]bridge.Provider{"corp": corp}
	w := bridge.New(bridge.Options{Directory: configured(), Store: kept, Providers: providers, Log: slog.New(slog.DiscardHandler)})
	life, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(life) }()
	<-w.Ready()
	if _, err := w.Reload(ctx, configured(), providers); err != nil { // the start has looked, too
		b.Fatal(err)
	}

	onlyBob := configured(rules(func(r *bridge.Rule) { r.Ask = []string{"bob"} }))
	for b.Loop() {
		asksUntil(b, w, "quiet", func() { <-time.After(3 * time.Second) })
		for _, next := range []struct {
			what string
			dir  *bridge.Directory
		}{{"looking", configured()}, {"ending", onlyBob}} {
			what, dir := next.what, next.dir
			asksUntil(b, w, what, func() {
				began := time.Now()
				did, err := w.Reload(ctx, dir, providers)
				if err != nil || what == "ending" && did.Grants == 0 && b.N == 1 {
					b.Errorf("reload: %+v, %v", did, err)
				}
				b.ReportMetric(time.Since(began).Seconds(), what+"-s")
			})
		}
	}
	stop()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	if err := kept.Close(); err != nil {
		b.Error(err)
	}
}

// asksUntil asks bob again and again until something is done.
func asksUntil(b *testing.B, w *bridge.Bridge, what string, do func()) {
	b.Helper()
	over := make(chan struct{})
	go func() { defer close(over); do() }()
	var took []time.Duration
	for agent := configured().Agents["helper"]; ; {
		began := time.Now()
		r, _, err := w.Ask(ctx, agent, bridge.Ask{Provider: "corp", Human: "bob", Scopes: []string{"files:read"}, Session: "bench"})
		took = append(took, time.Since(began))
		if err == nil {
			_, err = w.Cancel(ctx, "helper", r.ID)
		}
		if err != nil {
			b.Fatal(err)
		}
		select {
		case <-over:
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), what+"-p50-us")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), what+"-p99-us")
			b.ReportMetric(float64(took[len(took)-1].Microseconds()), what+"-max-us")
			return
		default:
		}
	}
}
