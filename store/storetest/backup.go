package storetest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

func (lab Lab) backup(t *testing.T) {
	t.Run("has everything of its moment and nothing of later", lab.backedUp)
	t.Run("is noticed until that is dealt with", lab.noticed)
	t.Run("to a writer that fails, and for nobody", lab.backupFails)
}

// copied is a store that was opened from a backup of this one.
func (b *bench) copied() *bench {
	b.Helper()
	var text bytes.Buffer
	if err := b.Backup(context.Background(), &text); err != nil {
		b.Fatalf("back up: %v", err)
	}
	c := &bench{TB: b.TB, lab: b.lab, dir: b.TempDir()}
	b.lab.Place(b.TB, c.dir, text.Bytes())
	c.open()
	b.Cleanup(func() { _ = c.Close() })
	return c
}

func (lab Lab) backedUp(t *testing.T) {
	b := lab.fresh(t)
	b.survives(t, func(b *bench) { // and is what the store goes on with
		c := b.copied()
		b.do(func(tx bridge.Tx) { tx.PutNote("web", "k", []byte("of after the backup"), time.Time{}) })
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b.Store, b.dir = c.Store, c.dir
	})
	b.whole(1, 3)
	b.tells(3, 1)
	b.whole(1, 4)
}

func (lab Lab) noticed(t *testing.T) {
	b := lab.fresh(t)
	why := func(b *bench) (why string) {
		b.see(func(tx bridge.ReadTx) {
			r, err := tx.Restored()
			if err != nil {
				missing(t, "where the store came from", err)
			}
			why = r.Why
		})
		return why
	}
	c := b.copied()
	same(t, "the store itself is restored", why(b), "")
	for range 2 {
		if why(c) == "" {
			t.Error("the copy is not known for one")
		}
		c.restart()
	}
	err := c.Update(t.Context(), func(tx bridge.Tx) error {
		tx.SettleRestore()
		return errNo
	})
	if !errors.Is(err, errNo) || why(c) == "" {
		t.Errorf("error %v; what a transaction that failed dealt with is forgotten", err)
	}
	c.do(func(tx bridge.Tx) { tx.SettleRestore() })
	same(t, "once dealt with, it is restored", why(c), "")
	c.restart()
	same(t, "after a restart, it is restored", why(c), "")
	if why(c.copied()) == "" {
		t.Error("a copy of the copy is not known for one")
	}
}

// full is a writer that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errNo }

func (lab Lab) backupFails(t *testing.T) {
	b := lab.fresh(t)
	if err := b.Backup(t.Context(), full{}); !errors.Is(err, errNo) {
		t.Errorf("to a writer that fails: %v, want its error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Backup(ctx, new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
		t.Errorf("for a caller who is gone: %v", err)
	}
	b.tells(0, 1)
	b.whole(1, 1)
}
