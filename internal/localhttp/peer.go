package localhttp

import (
	"context"
	"net"
	"syscall"
)

// callerKey is the key of a caller's uid in a context.
type callerKey struct{}

// ConnContext is for [net/http.Server]: it notes with a connection which
// user opened it, as the kernel says. Where that cannot be known, nothing is
// noted.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	conn, ok := c.(syscall.Conn)
	if !ok {
		return ctx
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return ctx
	}
	uid, ok := peerUID(raw)
	if !ok {
		return ctx
	}
	return WithUID(ctx, uid)
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
