package bolt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// restored is what a store says of where it came from, "" = it is the one that
// was last in its place.
func restored(t *testing.T, s *Store) bridge.Restore {
	t.Helper()
	var r bridge.Restore
	err := s.View(t.Context(), func(tx bridge.ReadTx) (err error) {
		r, err = tx.Restored()
		return err
	})
	if err != nil && !errors.Is(err, bridge.ErrNotFound) {
		t.Fatal(err)
	}
	return r
}

func settle(t *testing.T, s *Store) {
	t.Helper()
	err := s.Update(t.Context(), func(tx bridge.Tx) error {
		tx.SettleRestore()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// backup writes a copy of a store to a place of its own.
func backup(t *testing.T, s *Store) (path string) {
	t.Helper()
	var copied bytes.Buffer
	if err := s.Backup(t.Context(), &copied); err != nil {
		t.Fatal(err)
	}
	path = file(t.TempDir())
	if err := os.WriteFile(path, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestABackupHasAllOfOneMoment, while others write.
func TestABackupHasAllOfOneMoment(t *testing.T) {
	s := fresh(t)
	const pairs = 400
	put := func(i int) {
		err := s.Update(t.Context(), func(tx bridge.Tx) error {
			r := request(time.UnixMilli(int64(i)))
			tx.PutRequest(r, &bridge.AuditLine{Request: r.ID, Event: bridge.OnAsk})
			tx.PutSecret(bridge.CodeSecret(r.ID), bridge.NewSecret("code of "+string(r.ID)))
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	for i := range pairs {
		put(i)
	}
	var wg sync.WaitGroup
	over := make(chan struct{})
	wg.Go(func() {
		for i := pairs; ; i++ {
			select {
			case <-over:
				return
			default:
				put(i)
			}
		}
	})
	path := backup(t, s)
	close(over)
	wg.Wait()
	copied := open(t, path, s.sealer)
	n := 0
	err := copied.View(t.Context(), func(tx bridge.ReadTx) error {
		for r, err := range tx.RequestsOf("helper", "") {
			if err != nil {
				return err
			}
			n++
			if code, err := tx.Secret(bridge.CodeSecret(r.ID)); err != nil || code.Reveal() != "code of "+string(r.ID) {
				t.Errorf("%s has no code, or another's: %v", r.ID, err)
			}
		}
		return nil
	})
	if r := verify(t, copied); err != nil || n < pairs || r.Fault != nil || r.Last != uint64(n) {
		t.Errorf("error %v, %d requests, %d lines of audit, %+v", err, n, r.Last, r.Fault)
	}
}

// TestABackupIsNoticedOnce: in the copy and not in the store, at its first
// start, until it is dealt with.
func TestABackupIsNoticedOnce(t *testing.T) {
	s := fresh(t)
	path := backup(t, s)
	if got := restored(t, s); got.Why != "" {
		t.Errorf("the store itself: %+v", got)
	}
	closed(t, s)
	for range 2 { // also the second time, if nobody dealt with it at the first
		c := open(t, path, s.sealer)
		got := restored(t, c)
		if !strings.Contains(got.Why, "authbridge backup") || time.Since(got.Taken) > time.Minute || time.Since(got.Noticed) > time.Minute {
			t.Errorf("the copy: %+v", got)
		}
		closed(t, c)
	}
	c := open(t, path, s.sealer)
	settle(t, c)
	closed(t, c)
	c = open(t, path, s.sealer)
	if got := restored(t, c); got.Why != "" {
		t.Errorf("noticed again: %+v", got)
	}
	next := backup(t, c) // a copy of what was a copy
	closed(t, c)
	if got := restored(t, open(t, next, s.sealer)); got.Why == "" {
		t.Error("a copy of what was a copy is not noticed")
	}
	again := open(t, s.path, s.sealer)
	if got := restored(t, again); got.Why != "" {
		t.Errorf("the store itself, after a restart: %+v", got)
	}
}

// TestAMarkThatIsWrittenOver: the copy grows over its mark, and is still known.
func TestAMarkThatIsWrittenOver(t *testing.T) {
	s := fresh(t)
	c := open(t, backup(t, s), s.sealer)
	settle(t, c)
	err := c.Update(t.Context(), func(tx bridge.Tx) error {
		tx.PutSecret("req_1/code", bridge.NewSecret(strings.Repeat("x", step)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	closed(t, c)
	if m, err := readTrailer(c.path); m.id != "" || err != nil {
		t.Fatalf("the mark is still there: %v", err)
	}
	if got := restored(t, open(t, c.path, s.sealer)); got.Why != "" {
		t.Errorf("noticed again: %+v", got)
	}
}

// TestAFileThatIsPutBack: a plain copy that somebody made, whenever that was.
func TestAFileThatIsPutBack(t *testing.T) {
	crash := func(t *testing.T, s *Store) *Store { // as a kill would leave it, in the same place
		dir := t.TempDir()
		copyFile(t, s.path, file(dir))
		copyFile(t, besidePath(s.path), besidePath(file(dir)))
		closed(t, s)
		return open(t, file(dir), s.sealer)
	}
	restart := func(t *testing.T, s *Store) *Store {
		closed(t, s)
		return open(t, s.path, s.sealer)
	}
	for what, c := range map[string]struct {
		do   func(t *testing.T, s *Store) *Store // returns the store whose place is asked about
		says string
	}{
		"nothing, but a restart":  {restart, ""},
		"nothing, but two":        {func(t *testing.T, s *Store) *Store { return restart(t, restart(t, s)) }, ""},
		"nothing, but a crash":    {crash, ""},
		"nothing, after a crash":  {func(t *testing.T, s *Store) *Store { return restart(t, crash(t, s)) }, ""},
		"a copy of when it stood": {func(t *testing.T, s *Store) *Store { closed(t, s); return putBack(t, s, restart) }, "older"},
		"a copy of when it ran": {func(t *testing.T, s *Store) *Store {
			return putBack(t, s, func(_ *testing.T, s *Store) *Store { return s })
		}, "older"},
		"a copy elsewhere": {func(t *testing.T, s *Store) *Store {
			to := file(t.TempDir())
			closed(t, s)
			copyFile(t, s.path, to)
			return open(t, to, s.sealer)
		}, "missing"},
		"another store": {func(t *testing.T, s *Store) *Store {
			o := fresh(t)
			closed(t, o)
			closed(t, s)
			replaceFile(t, o.path, s.path)
			return open(t, s.path, o.sealer)
		}, "another store"},
		"its small file was lost": {func(t *testing.T, s *Store) *Store {
			closed(t, s)
			remove(t, besidePath(s.path))
			return open(t, s.path, s.sealer)
		}, "missing"},
		"its small file is spoilt": {func(t *testing.T, s *Store) *Store {
			closed(t, s)
			overwrite(t, besidePath(s.path), "\x00")
			return open(t, s.path, s.sealer)
		}, "missing"},
		"an upgrade": {func(t *testing.T, _ *Store) *Store {
			path, sealer, _, _ := ofFormat1(t)
			remove(t, besidePath(path))
			return open(t, path, sealer)
		}, ""},
		"a crash between the two counts": {func(t *testing.T, s *Store) *Store {
			before, err := os.ReadFile(besidePath(s.path))
			if err != nil {
				t.Fatal(err)
			}
			closed(t, s)
			overwrite(t, besidePath(s.path), string(before))
			return open(t, s.path, s.sealer)
		}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			s := c.do(t, fresh(t))
			got := restored(t, s)
			if (got.Why == "") != (c.says == "") || !strings.Contains(got.Why, c.says) {
				t.Errorf("noticed %q, want %q", got.Why, c.says)
			}
			settle(t, s)
			if got := restored(t, restart(t, s)); got.Why != "" {
				t.Errorf("once dealt with, noticed again: %q", got.Why)
			}
		})
	}
}

// putBack copies the file, lets the store live on, and puts the copy back.
func putBack(t *testing.T, s *Store, live func(*testing.T, *Store) *Store) *Store {
	t.Helper()
	kept := file(t.TempDir())
	copyFile(t, s.path, kept)
	closed(t, live(t, s))
	replaceFile(t, kept, s.path)
	return open(t, s.path, s.sealer)
}

func replaceFile(t *testing.T, from, to string) {
	t.Helper()
	remove(t, to)
	copyFile(t, from, to)
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// failing takes so many bytes and no more.
type failing struct {
	left int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}

// TestABackupThatCannotBeWritten fails, and the store goes on.
func TestABackupThatCannotBeWritten(t *testing.T) {
	s := fresh(t)
	full := errors.New("no space left")
	for _, room := range []int{0, 5000, 9000} {
		if err := s.Backup(t.Context(), &failing{room, full}); !errors.Is(err, full) || errors.Is(err, bridge.ErrStoreUnavailable) {
			t.Errorf("with room for %d bytes: %v, want the writer's own error", room, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Backup(ctx, new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
		t.Errorf("for nobody: %v", err)
	}
	works(t, s)
	closed(t, s)
	if err := s.Backup(t.Context(), new(bytes.Buffer)); !errors.Is(err, bridge.ErrStoreUnavailable) {
		t.Errorf("of a closed store: %v", err)
	}
}

// TestABackupThatWasCutShort is no store: nobody starts with half of one.
func TestABackupThatWasCutShort(t *testing.T) {
	path, sealer := lived(t)
	s := open(t, path, sealer)
	var copied bytes.Buffer
	if err := s.Backup(t.Context(), &copied); err != nil {
		t.Fatal(err)
	}
	cut := file(t.TempDir())
	overwrite(t, cut, string(copied.Bytes()[:copied.Len()-trailer-os.Getpagesize()]))
	refused(t, cut, sealer, store.ErrDamaged)
	other := newKey(t, filepath.Join(t.TempDir(), "other.key"))
	refused(t, backup(t, s), other, store.ErrWrongKey)
}
