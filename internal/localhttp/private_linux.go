package localhttp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// private narrows a socket before it gets its name: Linux makes the file with
// the mode that the socket has. So there is no moment at which others could
// open it, and the umask, which belongs to the whole process, stays as it is.
func private(_, _ string, conn syscall.RawConn) error {
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = unix.Fchmod(int(fd), 0o600) }); err != nil {
		return err
	}
	return failed
}
