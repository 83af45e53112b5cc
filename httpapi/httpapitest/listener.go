package httpapitest

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/authbridge/authbridge/internal/localhttp"
)

// Listener listens in memory: unlike on sockets, waiting on its connections
// counts as idle in a testing/synctest bubble. The zero value is not usable.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewListener returns an open listener.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects, as long as the listener is open.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for a connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listener; connections stay.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns a placeholder.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: "memory"} }

// Client returns a client that talks to the listener, whatever the host, and
// a function that ends its connections.
func (l *Listener) Client() (*http.Client, func()) {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx) },
	}
	return &http.Client{Transport: transport}, transport.CloseIdleConnections
}

// As makes every connection of a server come from a user; it is a ConnContext
// of [http.Server].
func As(uid uint32) func(context.Context, net.Conn) context.Context {
	return func(ctx context.Context, _ net.Conn) context.Context { return localhttp.WithUID(ctx, uid) }
}
