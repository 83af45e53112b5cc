package demo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// shortDir is a directory in which sockets can be.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "abd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestAPlaceThatWillNotDo(t *testing.T) {
	dir := shortDir(t)
	open, file := filepath.Join(dir, "open"), filepath.Join(dir, "file")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for base, why := range map[string]string{
		open:                           "others can replace what is in",
		file:                           "is not a directory",
		filepath.Join(dir, "absent"):   "no such file",
		"/" + strings.Repeat("x", 100): "a socket's path has room for",
	} {
		_, err := newPlace([]string{base})
		if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "set TMPDIR") {
			t.Errorf("%s: %v", base, err)
		}
	}
	p, err := newPlace([]string{open, dir})
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(p.dir) != dir {
		t.Errorf("the place is %s", p.dir)
	}
	if err := p.remove(); err != nil {
		t.Error(err)
	}
}

// TestTheLongestPathIsGoodForASocket: what checkBase lets through, the
// system's bound lets through, whatever number the directory gets.
func TestTheLongestPathIsGoodForASocket(t *testing.T) {
	longest := strings.Repeat("x", longestBase) + "/" + namePrefix + "4294967295/"
	for _, name := range []string{"agent.sock", "admin.sock"} {
		if n := len(longest + name); n != 103 {
			t.Errorf("the path of %s has up to %d bytes", name, n)
		}
	}
}

// TestNoLivingDemoIsCleared: many come and go at once, and each of them clears.
func TestNoLivingDemoIsCleared(t *testing.T) {
	base := shortDir(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				p, err := newPlace([]string{base})
				if err != nil {
					t.Error(err)
					return
				}
				if gone := sweep(base); len(gone) > 0 {
					t.Errorf("cleared %v", gone)
				}
				if _, err := os.Stat(p.path(lockName)); err != nil {
					t.Errorf("somebody else's clearing took it: %v", err)
				}
				if err := p.remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestOnlyWhatIsSurelyOursIsCleared(t *testing.T) {
	base := shortDir(t)
	dead, err := newPlace([]string{base})
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.lock.Close() // as the kernel does for a demo that is killed
	for name, text := range map[string]string{"begun": "", "cut": lockText[:9], "other": lockText + "not\n"} {
		dir := filepath.Join(base, namePrefix+name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, lockName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	linked := filepath.Join(base, namePrefix+"linked")
	if err := os.Mkdir(linked, 0o700); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(shortDir(t), lockName)
	if err := os.WriteFile(outside, []byte(lockText), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(linked, lockName)); err != nil {
		t.Fatal(err)
	}
	if gone := sweep(base); !slices.Equal(gone, []string{dead.dir}) {
		t.Errorf("cleared %v, want %s alone", gone, dead.dir)
	}
	if left, err := os.ReadDir(base); err != nil || len(left) != 4 {
		t.Errorf("there are left %v, error %v", left, err)
	}
}
