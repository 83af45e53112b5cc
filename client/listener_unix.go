//go:build unix && !linux

package client

import (
	"net"
	"os"
	"syscall"
)

// listener is the uid of who owns the socket's file.
func listener(_ net.Conn, path string) (uid uint32, known bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode().Type() != os.ModeSocket {
		return 0, false
	}
	return owner.Uid, true
}
