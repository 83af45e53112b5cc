//go:build !unix

package client

import "net"

// listener knows nobody: here a bridge is reached by a URL, with a key.
func listener(net.Conn, string) (uid uint32, known bool) { return 0, false }
