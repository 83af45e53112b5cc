package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// checkPlace refuses a file or directory that others could change, or that
// cannot hold a store, before anything opens it. A file that is missing is
// fine.
func checkPlace(path string) error {
	if err := checkDir(filepath.Dir(path)); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the store: %w", err)
	}
	mode := info.Mode()
	switch {
	case mode.IsDir():
		return unsafe("the store %s is a directory: name a file in it", path)
	case !mode.IsRegular():
		return unsafe("the store %s is not a plain file: name another", path)
	case mode.Perm()&0o077 != 0:
		return unsafe("others can read or change the store %s (mode %04o): run chmod 600 on it", path, mode.Perm())
	case mode.Perm()&0o200 == 0:
		return unsafe("the store %s is read-only (mode %04o): run chmod 600 on it", path, mode.Perm())
	}
	return nil
}

func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return store.Fault(fs.ErrNotExist, fmt.Sprintf("the directory %s of the store does not exist: make it, for the bridge's user alone", dir))
	case err != nil:
		return fmt.Errorf("look at the store's directory: %w", err)
	case !info.IsDir():
		return unsafe("the store is to be in %s, which is not a directory", dir)
	case info.Mode().Perm()&0o022 != 0:
		return unsafe("others can change the directory %s of the store (mode %04o): run chmod go-w on it", dir, info.Mode().Perm())
	}
	return nil
}

// inPlace refuses to write to a file that a restart would not find, or that
// was cut short: what is acknowledged then would be lost.
func (s *Store) inPlace(size int64) error {
	now, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: the file was removed or moved away: put it back, or stop the bridge and put a backup there", bridge.ErrStoreUnavailable)
	case err != nil:
		return err
	case !os.SameFile(now, s.file):
		return fmt.Errorf("%w: another file was put in its place: start the bridge anew to use that", bridge.ErrStoreUnavailable)
	case now.Size() < size:
		return fmt.Errorf("%w: it should have %d bytes and has %d: stop the bridge and put a backup there", errPart, size, now.Size())
	}
	return nil
}

// least is the size of the smallest store that bbolt makes.
var least = int64(4 * os.Getpagesize())

// unmake empties a file again in which bbolt could not make a store, for want
// of room: the next start would take what is there for a damaged one.
func unmake(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil // another process makes it
	}
	if info, err := file.Stat(); err != nil || info.Size() >= least {
		return err
	}
	return file.Truncate(0)
}

func unsafe(format string, args ...any) error {
	return store.Fault(store.ErrUnsafe, fmt.Sprintf(format, args...))
}

func damaged(path, how string) error {
	return store.Fault(store.ErrDamaged, fmt.Sprintf(
		"the store %s is damaged or is no store of authbridge (%s): put a backup in its place; it was left as it is", path, how))
}
