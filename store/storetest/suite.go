// Package storetest is the conformance suite of the bridge's Store port: what
// every store must do, whatever lies under it. A store's own test calls [Run]
// and adds the faults that only it can have.
package storetest

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/authbridge/authbridge/bridge"
)

// Lab is how the suite gets at the store under test. Each directory holds one
// store.
type Lab struct {
	// Open opens the store in a directory, and makes it when there is none.
	Open func(t testing.TB, dir string) bridge.Store

	// Crash copies to another directory what would be left if the process
	// were killed now. The store in the first stays open.
	Crash func(t testing.TB, from, to string)

	// Place makes what Backup wrote the store of a directory that has none.
	Place func(t testing.TB, dir string, copied []byte)

	// Move gives the sealed bytes of one secret to another name, behind the
	// store's back. The store is closed.
	Move func(t testing.TB, dir string, from, to bridge.SecretRef)
}

// Run runs the suite.
func Run(t *testing.T, lab Lab) {
	t.Run("transactions", lab.transactions)
	t.Run("requests", lab.requests)
	t.Run("grants", lab.grants)
	t.Run("audit log", lab.audit)
	t.Run("keepsakes", lab.keepsakes)
	t.Run("secrets", lab.secrets)
	t.Run("prune", lab.prune)
	t.Run("a restart", lab.restart)
	t.Run("a backup", lab.backup)
	t.Run("any life of requests agrees with a map", lab.model)
}

// bench is one store with the helpers that tests speak in.
type bench struct {
	testing.TB
	bridge.Store
	lab Lab
	dir string
}

func (lab Lab) fresh(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, lab: lab, dir: t.TempDir()}
	b.open()
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func (b *bench) open() {
	b.Helper()
	b.Store = b.lab.Open(b.TB, b.dir)
}

// restart closes the store and opens it again.
func (b *bench) restart() {
	b.Helper()
	if err := b.Close(); err != nil {
		b.Fatalf("close: %v", err)
	}
	b.open()
}

// crash goes on with what a killed process would have left.
func (b *bench) crash() {
	b.Helper()
	to := b.TempDir()
	b.lab.Crash(b.TB, b.dir, to)
	if err := b.Close(); err != nil {
		b.Fatalf("close: %v", err)
	}
	b.dir = to
	b.open()
}

// do writes in one transaction.
func (b *bench) do(fn func(tx bridge.Tx)) {
	b.Helper()
	err := b.Update(context.Background(), func(tx bridge.Tx) error {
		fn(tx)
		return nil
	})
	if err != nil {
		b.Fatalf("update: %v", err)
	}
}

// see reads in one view.
func (b *bench) see(fn func(tx bridge.ReadTx)) {
	b.Helper()
	err := b.View(context.Background(), func(tx bridge.ReadTx) error {
		fn(tx)
		return nil
	})
	if err != nil {
		b.Fatalf("view: %v", err)
	}
}

// all collects what an iterator yields, and fails on its first error.
func all[T any](t testing.TB, what string, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var list []T
	for item, err := range seq {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		list = append(list, item)
	}
	return list
}

// same compares by content; times by their moment.
func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := difference(got, want); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// difference asks the slow and kind one only when the quick one says no.
func difference[T any](got, want T) string {
	if reflect.DeepEqual(got, want) {
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty())
}

// missing checks that an error is bridge.ErrNotFound.
func missing(t testing.TB, what string, err error) {
	t.Helper()
	if !errors.Is(err, bridge.ErrNotFound) {
		t.Errorf("%s: got %v, want ErrNotFound", what, err)
	}
}

// noon is when stories begin.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// asked is a fresh ask of helper to alice at github.
func asked(at time.Time) bridge.Request {
	r, _ := bridge.Request{
		ID: bridge.NewRequestID(at), Agent: "helper", Session: "s1", Human: "alice",
		Target:    bridge.Target{Provider: "github", Issuer: "https://github.example", ClientID: "c1"},
		Scopes:    []string{"repo"},
		Reason:    "open a PR",
		CreatedAt: at, ExpiresAt: at.Add(24 * time.Hour),
		Surfaces: []bridge.Surface{{Channel: "web", State: bridge.DeliveryWaiting}},
	}.Apply(bridge.Event{Kind: bridge.OnAsk}, at)
	return r
}

// then folds an event that the table must list.
func then(t testing.TB, r bridge.Request, e bridge.Event, at time.Time) bridge.Request {
	t.Helper()
	after, ok := r.Apply(e, at)
	if !ok {
		t.Fatalf("%s in state %s changes nothing", e.Kind, r.State)
	}
	return after
}

// line is the line of the audit log for an event.
func line(before, after bridge.Request, kind bridge.Kind, at time.Time) *bridge.AuditLine {
	return &bridge.AuditLine{
		Time: at, Event: kind, Request: after.ID, Agent: after.Agent, Session: after.Session, Human: after.Human,
		By: bridge.ByAgent, Actor: after.Agent, From: before.State, To: after.State, Version: after.Version,
	}
}
