package localhttp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

var (
	// ErrInUse means that another process answers at the socket.
	ErrInUse = errors.New("another authbridge is listening")
	// ErrUnsafe means that others could put a socket of theirs in the place of
	// ours.
	ErrUnsafe = errors.New("the directory of the socket is not safe")
)

// maxSocketPath is what fits into a unix socket address on every system that
// we run on, with its closing zero.
const maxSocketPath = 103

// Group lets a group of users open a socket, besides its owner.
type Group struct{ ID int }

// Listen opens a unix socket that only this process's user can connect to,
// and the group's members if one is given: the file has mode 0600, or 0660.
// It is never wider than that, whatever the umask. A missing directory is
// made with mode 0700, or 0710 for the group; one in which others could
// replace the socket is ErrUnsafe. A socket file that nobody answers at any
// more is replaced; ErrInUse says that somebody does. Closing the listener
// removes the file.
func Listen(ctx context.Context, path string, group *Group) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("listen at %s: the path has %d bytes, and a socket's has at most %d: choose a shorter one", path, len(path), maxSocketPath)
	}
	if err := makeDir(filepath.Dir(path), group); err != nil {
		return nil, fmt.Errorf("make the directory of a socket: %w", err)
	}
	if err := checkDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := clearStale(ctx, path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: private}
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", path, err)
	}
	if err := open(path, group); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// open gives the socket its final mode. The group comes first: in between it
// is still closed to it.
func open(path string, group *Group) error {
	mode := fs.FileMode(0o600)
	if group != nil {
		mode = 0o660
		if err := os.Chown(path, -1, group.ID); err != nil {
			return fmt.Errorf("give a socket to its group: %w", err)
		}
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("set the mode of a socket: %w", err)
	}
	return nil
}

// makeDir leaves a directory alone that is there.
func makeDir(dir string, group *Group) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil || group == nil {
		return err
	}
	if err := os.Chown(dir, -1, group.ID); err != nil {
		return err
	}
	return os.Chmod(dir, 0o710) //nolint:gosec // the group has to get through to the socket
}

// checkDir refuses a directory in which others could put a socket of theirs
// in the place of ours: agents would send them what is meant for the bridge,
// and take for the bridge's what they answer. In one with the sticky bit, such
// as /tmp, only the owner of a file or of the directory can do that.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the directory of a socket: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("the socket is to be in %s, which is not a directory", dir)
	case ok && owner.Uid != 0 && int(owner.Uid) != os.Geteuid():
		return fmt.Errorf("%w: %s belongs to uid %d, who could replace the socket in it: choose a directory of the bridge's own user or of root", ErrUnsafe, dir, owner.Uid)
	case info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("%w: others can write to %s (mode %04o), and so replace the socket in it: run chmod go-w on it, or name a directory below it that does not exist yet, which the bridge then makes for itself", ErrUnsafe, dir, info.Mode().Perm())
	}
	return nil
}

// clearStale removes what a bridge left behind that did not end by itself.
// It touches nothing but a socket that refuses connections.
func clearStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at the socket: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and is no socket: move it away, or choose another path", path)
	}
	dialer := net.Dialer{Timeout: 2 * time.Second}
	c, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = c.Close()
		return fmt.Errorf("%w at %s: stop it, or choose another path", ErrInUse, path)
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("see whether somebody listens at %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a socket that nobody listens at: %w", err)
	}
	return nil
}
