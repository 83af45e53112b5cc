package client

import (
	"net"
	"syscall"
)

// listener is the uid of who listens at the other end, as the kernel noted it
// when they began to.
func listener(conn net.Conn, _ string) (uid uint32, known bool) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		if err == nil {
			uid, known = cred.Uid, true
		}
	})
	return uid, known && err == nil
}
