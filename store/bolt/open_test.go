package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// lived returns the path of a closed store that has seen some life, and its
// key.
func lived(t *testing.T) (string, *store.Sealer) {
	t.Helper()
	sealer := newKey(t, filepath.Join(t.TempDir(), "seal.key"))
	path := file(t.TempDir())
	s := open(t, path, sealer)
	for i := range 50 {
		err := s.Update(t.Context(), func(tx bridge.Tx) error {
			r := request(time.Now().Add(time.Duration(i) * time.Second))
			tx.PutRequest(r, &bridge.AuditLine{Request: r.ID, Version: r.Version, Event: bridge.OnAsk})
			tx.PutSecret(bridge.CodeSecret(r.ID), bridge.NewSecret("device-code"))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, sealer
}

func request(at time.Time) bridge.Request {
	r, _ := bridge.Request{
		ID: bridge.NewRequestID(at), Agent: "helper", Human: "alice", Target: bridge.Target{Provider: "github"},
		Scopes: []string{"repo"}, Reason: "open a PR for the planner", CreatedAt: at, ExpiresAt: at.Add(24 * time.Hour),
	}.Apply(bridge.Event{Kind: bridge.OnAsk}, at)
	return r
}

// refused checks that a store does not open, for this reason, in one sentence
// that names the file, and that the file is as it was.
func refused(t *testing.T, path string, sealer *store.Sealer, kind error, words ...string) {
	t.Helper()
	before, _ := os.ReadFile(path)
	s, err := Open(t.Context(), path, sealer)
	if err == nil {
		_ = s.Close()
		t.Fatal("it opened")
	}
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want it to be: %v", err, kind)
	}
	for _, w := range append(words, filepath.Dir(path)) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.ContainsAny(err.Error(), "\n") {
		t.Errorf("%q is more than a sentence", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

func TestOpenRefusesWhatOthersCanChange(t *testing.T) {
	path, sealer := lived(t)
	for _, c := range []struct {
		what string
		mode os.FileMode
		say  string
	}{
		{"readable by the group", 0o640, "chmod 600"},
		{"writable by all", 0o602, "chmod 600"},
		{"read-only", 0o400, "read-only"},
	} {
		t.Run(c.what, func(t *testing.T) {
			chmod(t, path, c.mode)
			refused(t, path, sealer, store.ErrUnsafe, c.say)
		})
	}
	chmod(t, path, 0o600)
	t.Run("a directory writable by others", func(t *testing.T) {
		chmod(t, filepath.Dir(path), 0o777)
		refused(t, path, sealer, store.ErrUnsafe, "chmod go-w")
		chmod(t, filepath.Dir(path), 0o700)
	})
	t.Run("a directory in its place", func(t *testing.T) {
		refused(t, t.TempDir(), sealer, store.ErrUnsafe, "is a directory")
	})
	t.Run("a pipe in its place", func(t *testing.T) {
		pipe := file(t.TempDir())
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), pipe, sealer)
		if !errors.Is(err, store.ErrUnsafe) {
			t.Errorf("got %v, %v", s, err)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		refused(t, file(filepath.Join(t.TempDir(), "none")), sealer, fs.ErrNotExist, "does not exist")
	})
	open(t, path, sealer) // and with the modes put right it opens
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestAFreshStoreIsItsOwnersAlone(t *testing.T) {
	path, _ := lived(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v; want 0600", info.Mode(), err)
	}
}

func TestASecondProcessIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the wait for the lock takes no time
		sealer := newKey(t, filepath.Join(t.TempDir(), "seal.key"))
		path := file(t.TempDir())
		first, err := Open(t.Context(), path, sealer)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		refused(t, path, sealer, store.ErrInUse, "another authbridge has "+path+" open", "stop it first")
		if waited := time.Since(start); waited < lockWait/2 || waited > 2*lockWait {
			t.Errorf("waited %v for the lock, want about %v", waited, lockWait)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		second, err := Open(t.Context(), path, sealer)
		if err != nil {
			t.Fatalf("after the first is closed: %v", err)
		}
		_ = second.Close()
	})
}

func TestADamagedFileIsRefusedAndLeftAlone(t *testing.T) {
	whole, sealer := lived(t)
	good, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	for what, damage := range map[string]func(b []byte) []byte{
		"one byte":              func(b []byte) []byte { return b[:1] },
		"not a whole page":      func(b []byte) []byte { return b[:page-1] },
		"one page":              func(b []byte) []byte { return b[:page] },
		"two pages":             func(b []byte) []byte { return b[:2*page] },
		"three pages":           func(b []byte) []byte { return b[:3*page] },
		"cut before its end":    func(b []byte) []byte { return b[:highWater(b, page)-page] },
		"all zero":              func(b []byte) []byte { return make([]byte, len(b)) },
		"text":                  func([]byte) []byte { return bytes.Repeat([]byte("dear diary "), 10_000) },
		"zero after its heads":  func(b []byte) []byte { return append(b[:2*page:2*page], make([]byte, len(b)-2*page)...) },
		"noise after its heads": func(b []byte) []byte { return append(b[:2*page:2*page], noise(len(b)-2*page)...) },
		"both heads with noise": func(b []byte) []byte { copy(b[16:], noise(64)); copy(b[page+16:], noise(64)); return b },
	} {
		t.Run(what, func(t *testing.T) {
			path := file(t.TempDir())
			if err := os.WriteFile(path, damage(bytes.Clone(good)), 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first look leaves no lock behind
				refused(t, path, sealer, store.ErrDamaged, path, "is damaged", "backup")
			}
		})
	}
}

// highWater reads from the heads of a file where its last page ends.
func highWater(b []byte, page int) int {
	last := uint64(0)
	for _, head := range []int{0, page} {
		last = max(last, binary.NativeEndian.Uint64(b[head+16+40:]))
	}
	return int(last) * page
}

// noise is the same on each run.
func noise(n int) []byte {
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func TestANewerStoreIsRefused(t *testing.T) {
	path, sealer := lived(t)
	raw(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("7")) })
	refused(t, path, sealer, store.ErrNewer, path, "format 7", "format 2", "use the newer version")
}

func TestAFileOfAnotherProgramIsRefused(t *testing.T) {
	_, sealer := lived(t)
	path := file(t.TempDir())
	raw(t, path, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("somebody's"))
		return err
	})
	refused(t, path, sealer, store.ErrDamaged, "no store of authbridge")
}

func TestALostPartIsRefused(t *testing.T) {
	path, sealer := lived(t)
	raw(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("pin.subject")) })
	refused(t, path, sealer, store.ErrDamaged, "pin.subject")
}

func TestAWrongKeyIsRefused(t *testing.T) {
	path, sealer := lived(t)
	other := newKey(t, filepath.Join(t.TempDir(), "other.key"))
	refused(t, path, other, store.ErrWrongKey, path, "put back the key")
	open(t, path, sealer)
}

func TestACrashAtTheFirstStartLeavesNothingInTheWay(t *testing.T) {
	for what, leave := range map[string]func(path string){
		"an empty file": func(path string) { _ = os.WriteFile(path, nil, 0o600) },
		"a bare bbolt":  func(path string) { raw(t, path, func(*bbolt.Tx) error { return nil }) },
	} {
		t.Run(what, func(t *testing.T) {
			path := file(t.TempDir())
			leave(path)
			s := open(t, path, newKey(t, filepath.Join(t.TempDir(), "seal.key")))
			err := s.Update(t.Context(), func(tx bridge.Tx) error {
				tx.PutNote("web", "k", []byte("v"), time.Time{})
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenForACallerWhoIsGone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := file(t.TempDir())
	if _, err := Open(ctx, path, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it made a file all the same")
	}
}
