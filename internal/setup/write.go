package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/authbridge/authbridge/bridge"
)

// write puts the draft in the place of the file, whole or not at all. Files
// with secrets come first, under names that nothing has; if anything fails they
// go again.
func (s *session) write() (err error) {
	if s.was != nil && s.draft.Text() == string(s.was) {
		return nil
	}
	path, err := s.target()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return refuse("name a place where you may write, with --config", "cannot make the directory of the configuration: %v", reason(err))
	}
	var made []string
	defer func() {
		if err != nil {
			for _, file := range made {
				_ = os.Remove(file)
			}
		}
	}()
	for i, t := range s.secrets {
		if !strings.Contains(s.draft.Text(), "env:"+variable(i)) {
			continue // it was typed once more
		}
		file, err := writeSecret(filepath.Dir(path), t)
		if err != nil {
			return err
		}
		made = append(made, file)
		if err := t.set(s.draft, "file:"+file); err != nil {
			return err
		}
		s.result.SecretFiles = append(s.result.SecretFiles, file)
	}
	if err := s.settle(); err != nil {
		return err
	}
	if err := s.replace(path); err != nil {
		return err
	}
	s.result.Changed, made = true, nil
	return settleDir(filepath.Dir(path))
}

// target is the file itself, behind all links.
func (s *session) target() (string, error) {
	path, err := filepath.Abs(s.o.File)
	if err != nil {
		return "", err
	}
	if s.was == nil {
		return path, nil
	}
	return filepath.EvalSymlinks(path)
}

// maxSecrets bounds how many files with secrets of one kind may lie in one
// directory.
const maxSecrets = 100

// writeSecret makes a new file for a secret: what is there may be in use.
func writeSecret(dir string, t typed) (string, error) {
	for n := range maxSecrets {
		name := t.of + ".secret"
		if n > 0 {
			name = fmt.Sprintf("%s.%d.secret", t.of, n+1)
		}
		path := filepath.Join(dir, name)
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // G304: beside the file that the operator named
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", cannotWrite(err)
		}
		_, err = f.WriteString(t.secret.Reveal() + "\n")
		if err := errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
			_ = os.Remove(path)
			return "", cannotWrite(err)
		}
		return path, nil
	}
	return "", refuse("remove those that are not in use", "there are %d files with secrets of %s in %s", maxSecrets, t.of, dir)
}

// replace writes beside the file, and then gives that its name. The mode and
// the owner stay as they were.
func (s *session) replace(path string) (err error) {
	part, err := os.CreateTemp(filepath.Dir(path), ".authbridge-*.yaml") // with mode 0600
	if err != nil {
		return cannotWrite(err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part.Name())
		}
	}()
	_, err = part.WriteString(s.draft.Text())
	if err == nil && s.was != nil {
		err = dressAs(part, path)
	}
	if err = errors.Join(err, part.Sync(), part.Close()); err != nil {
		return cannotWrite(err)
	}
	if err := s.untouched(path); err != nil {
		return err
	}
	if s.was == nil {
		err = os.Link(part.Name(), path) // takes nobody's place
		if err == nil {
			err = os.Remove(part.Name())
		}
	} else {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return cannotWrite(err)
	}
	return nil
}

// dressAs gives a file the mode and the owner of another.
func dressAs(f *os.File, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := f.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok && (int(sys.Uid) != os.Geteuid() || int(sys.Gid) != os.Getegid()) {
		return f.Chown(int(sys.Uid), int(sys.Gid))
	}
	return nil
}

// untouched makes sure that nobody has written into the file meanwhile.
func (s *session) untouched(path string) error {
	now, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the file
	if s.was == nil && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cannotWrite(err)
	}
	if s.was == nil || !bytes.Equal(now, s.was) {
		return refuse("look at it, and call init again", "%s was changed by somebody else meanwhile; it is as they left it", path)
	}
	return nil
}

// settleDir makes the new name last.
func settleDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // G304: of the file that the operator named
	if err != nil {
		return fmt.Errorf("make the configuration durable: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func cannotWrite(err error) error {
	return refuse("make room or name another place with --config", "cannot write the configuration: %s; all is as it was", bridge.Clean(reason(err).Error(), 200))
}

// reason is what lies under an error of the file system.
func reason(err error) error {
	if at, is := errors.AsType[*fs.PathError](err); is {
		return at.Err
	}
	if at, is := errors.AsType[*os.LinkError](err); is {
		return at.Err
	}
	return err
}
