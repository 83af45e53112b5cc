package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	namePrefix = "authbridge-demo-"
	// lockName is a file that a demo holds locked for as long as it lives, and
	// lockText what is in it: a directory that has it, unlocked, was left by one
	// that was killed.
	lockName = "demo.lock"
	lockText = "This directory belongs to authbridge demo.\n"
	// longestBase is how long the path of the directory for temporary files may
	// be: the path of a socket has at most 103 bytes.
	longestBase = 103 - len("/"+namePrefix+"4294967295/agent.sock")
)

// place is the directory in which all is that a demo makes.
type place struct {
	dir  string
	lock *os.File
}

// newPlace makes a directory in the first of bases that will do. Its error
// says what is wrong with each.
func newPlace(bases []string) (*place, error) {
	var faults []error
	for _, base := range bases {
		p, err := placeIn(base)
		if err == nil {
			return p, nil
		}
		faults = append(faults, err)
	}
	return nil, fmt.Errorf("there is no place for the demo's files: %w; set TMPDIR to a short path of a directory that you can write to", errors.Join(faults...))
}

func placeIn(base string) (*place, error) {
	if err := checkBase(base); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(base, namePrefix)
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	lock, err := newLock(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mark %s as ours: %w", dir, err), os.RemoveAll(dir))
	}
	return &place{dir, lock}, nil
}

// checkBase refuses a directory in which a socket's path would be too long, or
// in which others could put a directory of theirs in the place of ours.
func checkBase(base string) error {
	if len(base) > longestBase {
		return fmt.Errorf("%s is %d bytes long, and a socket's path has room for %d", base, len(base), longestBase)
	}
	info, err := os.Stat(base)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", base)
	case info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("others can replace what is in %s (mode %04o, and no sticky bit)", base, info.Mode().Perm())
	case !ownedByOneOf(info, 0, os.Geteuid()):
		return fmt.Errorf("%s belongs to somebody else", base)
	}
	return nil
}

// newLock takes the lock before it says what it is: who finds the text in the
// file, and the file unlocked, finds what is left of a demo.
func newLock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // G304: in the directory that was just made
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.WriteString(lockText); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

// write makes a file that only its owner can read.
func (p *place) write(name string, text []byte) error {
	if err := os.WriteFile(p.path(name), text, 0o600); err != nil {
		return fmt.Errorf("write the demo's %s: %w", name, err)
	}
	return nil
}

// remove leaves nothing. The lock is held until then.
func (p *place) remove() error {
	err := os.RemoveAll(p.dir)
	if err != nil {
		err = fmt.Errorf("remove what the demo has made: %w", err)
	}
	return errors.Join(err, p.lock.Close())
}

// sweep removes what demos of this user left in base that were killed, and
// returns which directories those were. Whatever is not surely one of them is
// left alone, and nothing that goes wrong here is worth a word.
func sweep(base string) (removed []string) {
	if checkBase(base) != nil {
		return nil
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), namePrefix) && sweepOne(root, e.Name()) {
			removed = append(removed, filepath.Join(base, e.Name()))
		}
	}
	return removed
}

// sweepOne removes a directory, if it is ours and its demo is dead. The lock
// is held meanwhile, so that two demos do not do it at once.
func sweepOne(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 || !ownedByOneOf(info, os.Geteuid()) {
		return false
	}
	file := filepath.Join(name, lockName)
	if info, err = root.Lstat(file); err != nil || !info.Mode().IsRegular() || !ownedByOneOf(info, os.Geteuid()) {
		return false
	}
	lock, err := root.Open(file)
	if err != nil {
		return false
	}
	defer func() { _ = lock.Close() }()
	text := make([]byte, len(lockText)+1)
	n, _ := lock.Read(text)
	if !bytes.Equal(text[:n], []byte(lockText)) || syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return false
	}
	return isStill(root, file, lock) && root.RemoveAll(name) == nil
}

// isStill tells whether a file is the one that was opened: a demo that has just
// ended by itself has let go of a lock that is not there any more.
func isStill(root *os.Root, file string, opened *os.File) bool {
	now, err := root.Lstat(file)
	if err != nil {
		return false
	}
	then, err := opened.Stat()
	return err == nil && os.SameFile(now, then)
}

func ownedByOneOf(info fs.FileInfo, uids ...int) bool {
	owner, known := info.Sys().(*syscall.Stat_t)
	for _, uid := range uids {
		if known && int(owner.Uid) == uid {
			return true
		}
	}
	return false
}
