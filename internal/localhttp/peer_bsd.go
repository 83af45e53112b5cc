//go:build darwin || freebsd

package localhttp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// solLocal is SOL_LOCAL, the level of options of unix sockets.
const solLocal = 0

// peerUID asks who connected the other end; only a unix socket answers.
func peerUID(conn syscall.RawConn) (uid uint32, ok bool) {
	err := conn.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptXucred(int(fd), solLocal, unix.LOCAL_PEERCRED)
		if err != nil {
			return
		}
		uid, ok = cred.Uid, true
	})
	return uid, ok && err == nil
}
