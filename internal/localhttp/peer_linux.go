package localhttp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// peerUID asks who connected the other end. A TCP socket has an answer, too,
// but it says nothing, so only unix sockets are asked.
func peerUID(conn syscall.RawConn) (uid uint32, ok bool) {
	err := conn.Control(func(fd uintptr) {
		family, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err != nil || family != unix.AF_UNIX {
			return
		}
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			return
		}
		uid, ok = cred.Uid, true
	})
	return uid, ok && err == nil
}
