package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

func fresh(t *testing.T) *Store {
	dir := t.TempDir()
	return open(t, file(dir), newKey(t, filepath.Join(dir, "seal.key")))
}

func ask(t *testing.T, s *Store) (bridge.RequestID, error) {
	t.Helper()
	r := request(time.Now())
	return r.ID, s.Update(t.Context(), func(tx bridge.Tx) error {
		tx.PutRequest(r, nil)
		return nil
	})
}

func holds(t *testing.T, s *Store, id bridge.RequestID) bool {
	t.Helper()
	err := s.View(t.Context(), func(tx bridge.ReadTx) error {
		_, err := tx.Request(id)
		return err
	})
	if err != nil && !errors.Is(err, bridge.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// TestADiskThatFailsAndRecovers takes the file's descriptor away under the
// store, as a full or failing disk would refuse the writes, and gives it back.
func TestADiskThatFailsAndRecovers(t *testing.T) {
	s := fresh(t)
	before, err := ask(t, s)
	if err != nil {
		t.Fatal(err)
	}
	heal := breakDisk(t, s)
	for range 3 {
		id, err := ask(t, s)
		if !errors.Is(err, bridge.ErrStoreUnavailable) || !strings.Contains(err.Error(), s.path) {
			t.Fatalf("got %v, want ErrStoreUnavailable that names the file", err)
		}
		if holds(t, s, id) {
			t.Error("what could not be written is there")
		}
	}
	if !holds(t, s, before) {
		t.Error("what was there before cannot be read")
	}
	heal()
	id, err := ask(t, s)
	if err != nil || !holds(t, s, id) {
		t.Errorf("with the disk back: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, s.path, s.sealer)
	if !holds(t, again, before) || !holds(t, again, id) {
		t.Error("after a restart something is lost")
	}
}

// breakDisk makes all writes to the store's file fail until heal is called.
func breakDisk(t *testing.T, s *Store) (heal func()) {
	t.Helper()
	fd := descriptor(t, s.path)
	keep, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	readOnly, err := os.Open(s.path)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(to int) {
		if err := unix.Dup3(to, fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	swap(int(readOnly.Fd()))
	return func() {
		swap(keep)
		_ = unix.Close(keep)
		_ = readOnly.Close()
	}
}

// descriptor finds the one open descriptor of a file.
func descriptor(t *testing.T, path string) int {
	t.Helper()
	var want unix.Stat_t
	if err := unix.Stat(path, &want); err != nil {
		t.Fatal(err)
	}
	for fd := 3; fd < 1024; fd++ {
		var got unix.Stat_t
		if unix.Fstat(fd, &got) == nil && got.Ino == want.Ino && got.Dev == want.Dev {
			return fd
		}
	}
	t.Fatal("the store's file is not open")
	return -1
}

var errSync = errors.New("the last sync failed")

// TestACommitThatIsSeenAfterAll is about the last sync of a commit: it fails,
// but readers see the change, so it must not be reported as refused if it can
// still be made durable.
func TestACommitThatIsSeenAfterAll(t *testing.T) {
	for _, c := range []struct {
		what  string
		fails int // how many syncs in a row
		want  error
	}{
		{"once", 1, nil},
		{"twice", 2, bridge.ErrStoreUnavailable},
	} {
		t.Run(c.what, func(t *testing.T) {
			s, left := fresh(t), c.fails
			s.commit = func(tx *bbolt.Tx) error {
				err := tx.Commit()
				if left--; err == nil && left >= 0 {
					err = errSync
				}
				return err
			}
			id, err := ask(t, s)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if errors.Is(err, bridge.ErrInDoubt) != (c.want != nil) {
				t.Errorf("got %v; it is in doubt only after two failures", err)
			}
			if !holds(t, s, id) {
				t.Error("this test is to show a change that is seen")
			}
			if _, err := ask(t, s); err != nil {
				t.Errorf("the next one: %v", err)
			}
		})
	}
}

func TestACommitThatPanicsStopsTheWriterOnly(t *testing.T) {
	s := fresh(t)
	before, err := ask(t, s)
	if err != nil {
		t.Fatal(err)
	}
	s.commit = func(*bbolt.Tx) error { panic("page 12 already freed") }
	for range 2 {
		if _, err := ask(t, s); !errors.Is(err, bridge.ErrStoreUnavailable) || !errors.Is(err, store.ErrDamaged) {
			t.Errorf("got %v, want ErrStoreUnavailable because of ErrDamaged", err)
		}
	}
	if !holds(t, s, before) {
		t.Error("what was there before cannot be read")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestAFileThatIsCutShortWhileOpen truncates the file under the store: its
// mapped memory faults, and the process lives on.
func TestAFileThatIsCutShortWhileOpen(t *testing.T) {
	path, sealer := lived(t)
	s := open(t, path, sealer)
	var id bridge.RequestID
	err := s.View(t.Context(), func(tx bridge.ReadTx) error {
		for r, err := range tx.OpenFor("alice") {
			if err != nil {
				return err
			}
			id = r.ID
		}
		return os.Truncate(path, int64(2*os.Getpagesize()))
	})
	if err != nil || id == "" {
		t.Fatalf("error %v, id %q", err, id)
	}
	err = s.View(t.Context(), func(tx bridge.ReadTx) error {
		_, err := tx.Request(id)
		return err
	})
	if !errors.Is(err, store.ErrDamaged) || !errors.Is(err, bridge.ErrStoreUnavailable) || errors.Is(err, bridge.ErrUnreadable) {
		t.Errorf("a view: got %v, want ErrStoreUnavailable because of ErrDamaged: no record is to blame", err)
	}
	for range 2 {
		if _, err := ask(t, s); !errors.Is(err, bridge.ErrStoreUnavailable) && !errors.Is(err, store.ErrDamaged) {
			t.Errorf("an update: got %v, want an error", err)
		}
	}
}
