package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// fullStore refuses every change while it is full, as a disk does.
type fullStore struct {
	bridge.Store
	full atomic.Bool
}

func (s *fullStore) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	if !s.full.Load() {
		return s.Store.Update(ctx, fn)
	}
	var nothing error
	err := s.Store.Update(ctx, func(tx bridge.Tx) error {
		w := &wroteTx{Tx: tx}
		if err := fn(w); err != nil || w.wrote {
			nothing = errors.Join(err, errFull)
		}
		return nothing
	})
	if errors.Is(nothing, errFull) {
		return fmt.Errorf("%w: no space left on device", bridge.ErrStoreUnavailable)
	}
	return err // a full disk takes what is nothing
}

var errFull = errors.New("full")

// wroteTx knows whether anything of substance was written.
type wroteTx struct {
	bridge.Tx
	wrote bool
}

func (tx *wroteTx) PutRequest(r bridge.Request, e *bridge.AuditLine) {
	tx.wrote = true
	tx.Tx.PutRequest(r, e)
}

func onAFullDisk(t *testing.T, tell func(t *testing.T, w *bridgetest.World, full *fullStore)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		full := &fullStore{Store: openStore(t)}
		tell(t, bridgetest.Start(t, bridgetest.Directory(), full, bridgetest.New("https://login.example.com")), full)
	})
}

// A token that arrives while the disk is full waits in memory; meanwhile no
// other code is polled, since its token would have to wait as well.
func TestATokenOutlivesAFullDisk(t *testing.T) {
	onAFullDisk(t, func(t *testing.T, w *bridgetest.World, full *fullStore) {
		first, second := w.MustAsk(bridge.Ask{}), w.MustAsk(bridge.Ask{Session: "two"})
		w.Press("alice", first.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(time.Second)
		w.Press("alice", second.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		full.full.Store(true)
		bridgetest.Pass(5 * time.Minute)
		if n := w.Corp.Issued(); n != 1 {
			t.Errorf("%d tokens were fetched while nothing could be stored, want 1", n)
		}
		w.Expect(first.ID, bridge.Coded, "")
		full.full.Store(false)
		bridgetest.Pass(20 * time.Second)
		w.Expect(first.ID, bridge.Granted, "")
		w.Expect(second.ID, bridge.Granted, "")
		if len(w.Corp.Revoked()) != 0 || w.Corp.Early() != 0 {
			t.Errorf("revoked %v, %d early polls", w.Corp.Revoked(), w.Corp.Early())
		}
	})
}

// pagelessStore has a request on a page that cannot be read.
type pagelessStore struct {
	bridge.Store
	bad bridge.RequestID
}

func (s *pagelessStore) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	return s.Store.Update(ctx, func(tx bridge.Tx) error { return fn(pagelessTx{tx, s.bad}) })
}

type pagelessTx struct {
	bridge.Tx
	bad bridge.RequestID
}

func (tx pagelessTx) Request(id bridge.RequestID) (bridge.Request, error) {
	if id == tx.bad {
		return bridge.Request{}, fmt.Errorf("%w: a page of it is damaged", bridge.ErrStoreUnavailable)
	}
	return tx.Tx.Request(id)
}

// A page that cannot be read is no full disk: all the rest goes on.
func TestWhatCannotBeReadStopsNoPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pageless := &pagelessStore{Store: openStore(t)}
		w := bridgetest.Start(t, bridgetest.Directory(), pageless, bridgetest.New("https://login.example.com"))
		r, bad := w.MustAsk(bridge.Ask{}), w.MustAsk(bridge.Ask{Session: "two"})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		pageless.bad = bad.ID
		for range 20 { // the agent tries again and again
			if _, err := w.Cancel(ctx, "helper", bad.ID); !errors.Is(err, bridge.ErrStoreUnavailable) {
				t.Fatalf("cancel: %v", err)
			}
			bridgetest.Pass(time.Second)
		}
		w.Expect(r.ID, bridge.Granted, "")
	})
}

// A token that cannot be stored for longer than that is given back, and the
// request says what became of it.
func TestATokenThatCannotBeKeptIsGivenBack(t *testing.T) {
	onAFullDisk(t, func(t *testing.T, w *bridgetest.World, full *fullStore) {
		w.Corp.Lifetime = time.Hour
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		full.full.Store(true)
		bridgetest.Pass(11 * time.Minute)
		if got := w.Corp.Revoked(); len(got) != 1 || got[0] != "access-1" {
			t.Errorf("given back: %v", got)
		}
		full.full.Store(false)
		bridgetest.Pass(time.Minute)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeTokenLost)
	})
}

// A stop does not wait for the disk, and gives back as well.
func TestAStopOnAFullDiskGivesTheTokenBack(t *testing.T) {
	onAFullDisk(t, func(t *testing.T, w *bridgetest.World, full *fullStore) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		full.full.Store(true)
		bridgetest.Pass(8 * time.Second)
		before := time.Now()
		w.Stop()
		if took := time.Since(before); took > 9*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if got := w.Corp.Revoked(); len(got) != 1 {
			t.Errorf("given back: %v", got)
		}
	})
}

// tornStore has lines in its indexes that cannot be read.
type tornStore struct{ bridge.Store }

func (s tornStore) View(ctx context.Context, fn func(bridge.ReadTx) error) error {
	return s.Store.View(ctx, func(tx bridge.ReadTx) error { return fn(tornTx{tx}) })
}

func (s tornStore) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	return s.Store.Update(ctx, func(tx bridge.Tx) error { return fn(tornUpdate{tx, tornTx{tx}}) })
}

type tornTx struct{ bridge.ReadTx }

// torn begins with a line that cannot be read and goes on with the others.
func torn[T any](seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var nothing T
		if yield(nothing, fmt.Errorf("a line: %w", bridge.ErrUnreadable)) {
			seq(yield)
		}
	}
}

func (tx tornTx) Pending() iter.Seq2[bridge.Due, error] { return torn(tx.ReadTx.Pending()) }

func (tx tornTx) CurrentGrants() iter.Seq2[bridge.Grant, error] {
	return torn(tx.ReadTx.CurrentGrants())
}

func (tx tornTx) Revocations() iter.Seq2[bridge.Revoking, error] {
	return torn(tx.ReadTx.Revocations())
}

func (tx tornTx) OpenFor(whom string) iter.Seq2[bridge.Request, error] {
	return torn(tx.ReadTx.OpenFor(whom))
}

func (tx tornTx) EndedFor(whom string) iter.Seq2[bridge.Request, error] {
	return torn(tx.ReadTx.EndedFor(whom))
}

type tornUpdate struct {
	bridge.Tx
	torn tornTx
}

func (tx tornUpdate) OpenFor(whom string) iter.Seq2[bridge.Request, error] {
	return tx.torn.OpenFor(whom)
}

// What cannot be read is left alone, and keeps nothing else from going on.
func TestOneTornLineStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bridgetest.Start(t, bridgetest.Directory(), tornStore{openStore(t)}, bridgetest.New("https://login.example.com"))
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w = w.Restart()
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(20 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		if in, err := w.Inbox(ctx, "alice"); err != nil || len(in.Given) != 1 {
			t.Errorf("the inbox: %+v, %v", in, err)
		}
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Errorf("collect: %v", err)
		}
	})
}

// A provider that refuses to revoke is not asked for ever.
func TestRevokingIsGivenUp(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := granted(t, w, bridge.Ask{})
		for range 400 {
			w.Corp.Fail("Revoke", errors.New("invalid_client"))
		}
		if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(6 * 24 * time.Hour)
		if n := owed(t, w); n != 1 {
			t.Errorf("%d sets of tokens are to be revoked after six days, want 1", n)
		}
		bridgetest.Pass(2 * 24 * time.Hour)
		if n := owed(t, w); n != 0 {
			t.Errorf("%d sets of tokens are to be revoked after eight days, want none", n)
		}
		err := w.Store.View(ctx, func(tx bridge.ReadTx) error {
			g, err := tx.Grant(w.See(r.ID).Grant)
			if err == nil && g.Revocation != bridge.RevocationUnsupported {
				t.Errorf("the grant says %s", g.Revocation)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// owed counts the tokens that are still to be revoked.
func owed(t *testing.T, w *bridgetest.World) (n int) {
	t.Helper()
	err := w.Store.View(ctx, func(tx bridge.ReadTx) error {
		for _, err := range tx.Revocations() {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return n
}
