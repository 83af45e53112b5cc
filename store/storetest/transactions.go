package storetest

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

func (lab Lab) transactions(t *testing.T) {
	t.Run("reads inside see what was, not what is being written", lab.readsBeforeWrites)
	t.Run("all of a transaction or nothing", lab.atomic)
	t.Run("one that fails leaves the others of its group alone", lab.failingAmongOthers)
	t.Run("one that panics leaves the others of its group alone", lab.panicking)
	t.Run("one that ends its goroutine leaves the store working", lab.goexit)
	t.Run("64 writers lose no increment", lab.counters)
	t.Run("a view sees one moment", lab.snapshot)
	t.Run("who gives up waiting changes nothing", lab.cancelled)
	t.Run("once it runs it is finished", lab.cancelledTooLate)
	t.Run("after Close nothing works and nothing hangs", lab.closed)
}

func (lab Lab) readsBeforeWrites(t *testing.T) {
	b, r := lab.fresh(t), asked(noon())
	b.do(func(tx bridge.Tx) {
		tx.PutRequest(r, nil)
		_, err := tx.Request(r.ID)
		missing(t, "a request put in the same transaction", err)
		same(t, "open requests", len(all(t, "open", tx.OpenFor("alice"))), 0)
	})
	b.do(func(tx bridge.Tx) {
		tx.PutRequest(then(t, r, bridge.Event{Kind: bridge.OnDeny}, noon()), nil)
		got, err := tx.Request(r.ID)
		if err != nil || got.State != bridge.Asked {
			t.Errorf("got state %q, error %v; want the request as it was: asked", got.State, err)
		}
	})
}

var errNo = errors.New("no")

func (lab Lab) atomic(t *testing.T) {
	b, r := lab.fresh(t), asked(noon())
	write := func(tx bridge.Tx) {
		tx.PutRequest(r, line(bridge.Request{}, r, bridge.OnAsk, noon()))
		tx.PutSecret(bridge.CodeSecret(r.ID), bridge.NewSecret("code"))
		tx.PutNote("room", "key", []byte("value"), time.Time{})
	}
	err := b.Update(t.Context(), func(tx bridge.Tx) error {
		write(tx)
		return errNo
	})
	if !errors.Is(err, errNo) {
		t.Fatalf("got %v, want the error of fn", err)
	}
	there := func() (n int) {
		b.see(func(tx bridge.ReadTx) {
			_, request := tx.Request(r.ID)
			_, secret := tx.Secret(bridge.CodeSecret(r.ID))
			_, note := tx.Note("room", "key", noon())
			for _, err := range []error{request, secret, note} {
				if err == nil {
					n++
				}
			}
			n += len(all(t, "audit", told(tx)))
			n += len(all(t, "open", tx.OpenFor("alice")))
			n += len(all(t, "pending", tx.Pending()))
		})
		return n
	}
	same(t, "traces of a failed transaction", there(), 0)
	b.do(write)
	same(t, "traces of a good one", there(), 6)
}

// together runs transactions that wait in line while the first is held up.
func (b *bench) together(fns ...func(tx bridge.Tx) error) []error {
	b.Helper()
	running, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- b.Update(context.Background(), func(bridge.Tx) error {
			close(running)
			<-release
			return nil
		})
	}()
	<-running
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	for i, fn := range fns {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = errPanicked
				}
			}()
			errs[i] = b.Update(context.Background(), fn)
		})
	}
	for range 100 {
		runtime.Gosched() // let them line up; the outcome does not depend on it
	}
	close(release)
	wg.Wait()
	if err := <-first; err != nil {
		b.Errorf("the first of the group: %v", err)
	}
	return errs
}

var errPanicked = errors.New("panicked")

// put puts a request of its own; add is what happens next.
func put(r bridge.Request, next func() error) func(bridge.Tx) error {
	return func(tx bridge.Tx) error {
		tx.PutRequest(r, nil)
		return next()
	}
}

func fine() error { return nil }

func (lab Lab) failingAmongOthers(t *testing.T) {
	b := lab.fresh(t)
	one, two, three := asked(noon()), asked(noon().Add(1)), asked(noon().Add(2))
	errs := b.together(put(one, fine), put(two, func() error { return errNo }), put(three, fine))
	if errs[0] != nil || !errors.Is(errs[1], errNo) || errs[2] != nil {
		t.Errorf("got %v, want only the second to fail, with its own error", errs)
	}
	b.onlyThere([]bridge.Request{one, three}, []bridge.Request{two})
}

func (lab Lab) panicking(t *testing.T) {
	b := lab.fresh(t)
	one, two, three := asked(noon()), asked(noon().Add(1)), asked(noon().Add(2))
	errs := b.together(put(one, fine), put(two, func() error { panic("oh") }), put(three, fine))
	if errs[0] != nil || !errors.Is(errs[1], errPanicked) || errs[2] != nil {
		t.Errorf("got %v, want only the second to panic", errs)
	}
	b.onlyThere([]bridge.Request{one, three}, []bridge.Request{two})
}

func (b *bench) onlyThere(there, absent []bridge.Request) {
	b.Helper()
	b.see(func(tx bridge.ReadTx) {
		for _, r := range there {
			if _, err := tx.Request(r.ID); err != nil {
				b.Errorf("a good transaction is lost: %v", err)
			}
		}
		for _, r := range absent {
			_, err := tx.Request(r.ID)
			missing(b, "what a failed transaction put", err)
		}
	})
}

func (lab Lab) goexit(t *testing.T) {
	b := lab.fresh(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.Update(context.Background(), func(bridge.Tx) error {
			runtime.Goexit() // as t.FailNow does
			return nil
		})
	}()
	<-done
	b.do(func(tx bridge.Tx) { tx.PutNote("room", "key", []byte("works"), time.Time{}) })
}

func (lab Lab) counters(t *testing.T) {
	const writers, each = 64, 5
	b := lab.fresh(t)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := b.Update(context.Background(), increment); err != nil {
					t.Errorf("increment: %v", err)
				}
			}
		})
	}
	wg.Wait()
	b.see(func(tx bridge.ReadTx) {
		got, err := tx.Note("counter", "n", noon())
		if want := strconv.Itoa(writers * each); err != nil || string(got) != want {
			t.Errorf("got %q, error %v; want %s", got, err, want)
		}
	})
}

func increment(tx bridge.Tx) error {
	text, err := tx.Note("counter", "n", noon())
	if err != nil && !errors.Is(err, bridge.ErrNotFound) {
		return err
	}
	n, _ := strconv.Atoi(string(text))
	tx.PutNote("counter", "n", []byte(strconv.Itoa(n+1)), time.Time{})
	return nil
}

func (lab Lab) snapshot(t *testing.T) {
	b, r := lab.fresh(t), asked(noon())
	b.do(func(tx bridge.Tx) { tx.PutRequest(r, nil) })
	b.see(func(tx bridge.ReadTx) {
		changed := make(chan error, 1)
		go func() {
			changed <- b.Update(context.Background(), func(w bridge.Tx) error {
				after, _ := r.Apply(bridge.Event{Kind: bridge.OnDeny}, noon())
				w.PutRequest(after, nil)
				return nil
			})
		}()
		if err := <-changed; err != nil {
			t.Fatalf("update beside a view: %v", err)
		}
		got, err := tx.Request(r.ID)
		if err != nil || got.State != bridge.Asked {
			t.Errorf("got state %q, error %v; want the request as it was when the view began", got.State, err)
		}
		same(t, "open requests in the old view", len(all(t, "open", tx.OpenFor("alice"))), 1)
	})
	b.see(func(tx bridge.ReadTx) {
		same(t, "open requests in a new view", len(all(t, "open", tx.OpenFor("alice"))), 0)
	})
}

func (lab Lab) cancelled(t *testing.T) {
	b := lab.fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	ran := false
	err := b.Update(t.Context(), func(bridge.Tx) error { // keeps the line waiting
		waiting := make(chan error, 1)
		go func() {
			waiting <- b.Update(ctx, func(bridge.Tx) error {
				ran = true
				return nil
			})
		}()
		cancel()
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		return nil
	})
	if err != nil || ran {
		t.Errorf("error %v, ran %v; want neither", err, ran)
	}
	if err := b.View(ctx, func(bridge.ReadTx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a view for a caller who is gone: got %v, want context.Canceled", err)
	}
}

func (lab Lab) cancelledTooLate(t *testing.T) {
	b, r := lab.fresh(t), asked(noon())
	ctx, cancel := context.WithCancel(t.Context())
	err := b.Update(ctx, func(tx bridge.Tx) error {
		cancel()
		tx.PutRequest(r, nil)
		return nil
	})
	if err != nil {
		t.Errorf("got %v; a transaction that ran tells how its commit ended", err)
	}
	b.onlyThere([]bridge.Request{r}, nil)
}

func (lab Lab) closed(t *testing.T) {
	b := lab.fresh(t)
	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	update := b.Update(t.Context(), func(bridge.Tx) error { return nil })
	view := b.View(t.Context(), func(bridge.ReadTx) error { return nil })
	_, prune := b.Prune(t.Context(), noon(), 1)
	for _, err := range []error{update, view, prune} {
		if !errors.Is(err, bridge.ErrStoreUnavailable) {
			t.Errorf("got %v, want ErrStoreUnavailable", err)
		}
	}
}
