package bolt

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/authbridge/authbridge/bridge"
)

// refuses checks that an ask fails as one does when the disk does: nothing was
// changed, and that is known.
func refuses(t *testing.T, s *Store, why error) {
	t.Helper()
	id, err := ask(t, s)
	if !errors.Is(err, bridge.ErrStoreUnavailable) || errors.Is(err, bridge.ErrInDoubt) || errors.Is(err, bridge.ErrUnreadable) {
		t.Errorf("got %v, want ErrStoreUnavailable, and no doubt", err)
	}
	if why != nil && !errors.Is(err, why) {
		t.Errorf("got %v, which does not say: %v", err, why)
	}
	if holds(t, s, id) {
		t.Error("what was refused is there")
	}
}

// works checks that asks are taken and survive a restart.
func works(t *testing.T, s *Store) {
	t.Helper()
	id, err := ask(t, s)
	if err != nil {
		t.Fatalf("with the disk back: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !holds(t, open(t, s.path, s.sealer), id) {
		t.Error("after a restart it is lost")
	}
}

// TestEachKindOfFault: whatever the system says of a commit, the store says
// the same thing of it, and goes on when it is over.
func TestEachKindOfFault(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.ENOSPC, unix.EDQUOT, unix.EFBIG, unix.EROFS, unix.EIO} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			s := fresh(t)
			commit := s.commit
			s.commit = func(*bbolt.Tx) error { return errno } // and leaves its locks, as bbolt does at times
			refuses(t, s, errno)
			refuses(t, s, errno)
			s.commit = commit
			works(t, s)
		})
	}
}

// TestEachStepOfACommit puts something else under the store's descriptor that
// fails at a step of its own.
func TestEachStepOfACommit(t *testing.T) {
	for _, c := range []struct{ step, device string }{
		{"writing", "/dev/full"},           // no space left
		{"making it durable", "/dev/null"}, // takes all and cannot sync
	} {
		t.Run(c.step, func(t *testing.T) {
			s := fresh(t)
			heal := under(t, s, c.device)
			refuses(t, s, nil)
			refuses(t, s, nil)
			heal()
			works(t, s)
		})
	}
}

// under puts a device in the place of the store's file until heal is called.
func under(t *testing.T, s *Store, device string) (heal func()) {
	t.Helper()
	fd := descriptor(t, s.path)
	keep, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	swap := func(to int) {
		if err := unix.Dup3(to, fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	swap(int(other.Fd()))
	return func() {
		swap(keep)
		_ = unix.Close(keep)
		_ = other.Close()
	}
}

// TestAFileThatMayNotGrow sets a limit on the size of files, as a full disk
// does when the file has to become longer.
func TestAFileThatMayNotGrow(t *testing.T) {
	if !alone(t) {
		return
	}
	s := fresh(t)
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	lift := limitFiles(t, info.Size())
	defer lift()
	grow := func() error {
		return s.Update(t.Context(), func(tx bridge.Tx) error {
			tx.PutSecret("req_1/code", bridge.NewSecret(strings.Repeat("x", step)))
			return nil
		})
	}
	for range 2 {
		if err := grow(); !errors.Is(err, bridge.ErrStoreUnavailable) || errors.Is(err, bridge.ErrInDoubt) {
			t.Errorf("got %v, want ErrStoreUnavailable, and no doubt", err)
		}
	}
	lift()
	if err := grow(); err != nil {
		t.Errorf("with room again: %v", err)
	}
	works(t, s)
}

// alone runs a test in a process of its own, and reports whether this is that
// one: a bound on all files would meet those of the test's framework too.
func alone(t *testing.T) bool {
	t.Helper()
	const told = "AUTHBRIDGE_TEST_ALONE"
	if os.Getenv(told) != "" {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), told+"=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v:\n%s", err, out)
	}
	return false
}

// limitFiles bounds the size of the files of this process until it is lifted.
func limitFiles(t *testing.T, size int64) (lift func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(l unix.Rlimit) {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &l); err != nil {
			t.Fatal(err)
		}
	}
	set(unix.Rlimit{Cur: uint64(size), Max: before.Max})
	return func() { set(before) }
}

// TestAFirstStartWithoutRoom: what it leaves must not look like a store that
// was damaged.
func TestAFirstStartWithoutRoom(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := t.TempDir()
	sealer := newKey(t, filepath.Join(dir, "seal.key"))
	for _, room := range []int64{0, 8192, int64(6 * os.Getpagesize())} {
		lift := limitFiles(t, room)
		_, err := Open(t.Context(), file(dir), sealer)
		lift()
		if err == nil || !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "file too large") || strings.Contains(err.Error(), "\n") {
			t.Errorf("with room for %d bytes: got %v, want one line that says what the system said", room, err)
		}
	}
	works(t, open(t, file(dir), sealer))
}

// TestAFileThatIsTakenAway: what is written to a file that no restart would
// find must not be acknowledged.
func TestAFileThatIsTakenAway(t *testing.T) {
	s := fresh(t)
	before, err := ask(t, s)
	if err != nil {
		t.Fatal(err)
	}
	away := s.path + ".away"
	for what, put := range map[string]func() error{
		"moved":    func() error { return nil },
		"replaced": func() error { return os.WriteFile(s.path, []byte("another"), 0o600) },
	} {
		if err := errors.Join(os.Rename(s.path, away), put()); err != nil {
			t.Fatal(err)
		}
		refuses(t, s, nil)
		if !holds(t, s, before) {
			t.Errorf("%s: what was there before cannot be read", what)
		}
		if err := os.Rename(away, s.path); err != nil {
			t.Fatal(err)
		}
	}
	works(t, s)
}

// TestAStartWithoutRoom: what is there can be read and given up, so a full
// disk must not keep the bridge from starting.
func TestAStartWithoutRoom(t *testing.T) {
	if !alone(t) {
		return
	}
	s := fresh(t)
	id, err := ask(t, s)
	if err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	old := file(t.TempDir())
	copyFile(t, s.path, old)

	lift := limitFiles(t, 0)
	defer lift()
	s = open(t, s.path, s.sealer)
	if !holds(t, s, id) {
		t.Error("what was there before cannot be read")
	}
	refuses(t, s, syscall.EFBIG)
	lift()
	if _, err := ask(t, s); err != nil {
		t.Fatal(err)
	}
	crashed := file(t.TempDir()) // as a kill would leave it
	copyFile(t, s.path, crashed)
	copyFile(t, besidePath(s.path), besidePath(crashed))
	if got := restored(t, open(t, crashed, s.sealer)); got.Why != "" {
		t.Errorf("a crash is taken for a store that was put back: %q", got.Why)
	}
	copyFile(t, besidePath(s.path), besidePath(old))
	if got := restored(t, open(t, old, s.sealer)); got.Why == "" {
		t.Error("a copy of before that start is put back, and nobody notices")
	}
}

// TestAStoreThatWasPutBackWithoutRoom is refused: what is to be noted of it
// would be forgotten.
func TestAStoreThatWasPutBackWithoutRoom(t *testing.T) {
	if !alone(t) {
		return
	}
	s := fresh(t)
	copied := backup(t, s)
	lift := limitFiles(t, 0)
	defer lift()
	if _, err := Open(t.Context(), copied, s.sealer); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("got %v, want what the system said", err)
	}
	lift()
	if got := restored(t, open(t, copied, s.sealer)); got.Why == "" {
		t.Error("with room again it is not noticed")
	}
}
