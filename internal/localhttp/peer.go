package localhttp

import (
	"context"
	"net"
	"syscall"
)

// callerKey is the key of a caller's uid in a context.
type callerKey struct{}

// ConnContext is for [net/http.Server]: it notes with a connection which
// user opened it, as the kernel says, and whether there is room for it. Where
// the user cannot be known, none is noted.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if secured, is := c.(interface{ NetConn() net.Conn }); is {
		c = secured.NetConn()
	}
	var who peer
	if g, bounded := c.(*guest); bounded {
		who = g.peer
		ctx = context.WithValue(ctx, guestKey{}, g)
	} else {
		who = peerOf(c)
	}
	if !who.known {
		return ctx
	}
	return WithUID(ctx, who.uid)
}

// peerOf asks the kernel who opened a connection: which user of this machine,
// or which other machine. Of IPv6 the first half counts: the rest is whatever
// they like.
func peerOf(c net.Conn) peer {
	if at, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		addr := at.AddrPort().Addr().Unmap()
		if addr.Is6() {
			half, _ := addr.WithZone("").Prefix(64)
			addr = half.Addr()
		}
		return peer{from: addr}
	}
	conn, ok := c.(syscall.Conn)
	if !ok {
		return peer{}
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return peer{}
	}
	uid, ok := peerUID(raw)
	if !ok {
		return peer{}
	}
	return peer{uid: uid, known: true}
}

// WithUID notes who calls.
func WithUID(ctx context.Context, uid uint32) context.Context {
	return context.WithValue(ctx, callerKey{}, uid)
}

// UID is the uid of who calls; false means that it is not known.
func UID(ctx context.Context) (uint32, bool) {
	uid, ok := ctx.Value(callerKey{}).(uint32)
	return uid, ok
}
