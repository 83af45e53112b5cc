package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"time"
)

// door is where a client's bridge is, once it is known that its settings go
// together.
type door struct {
	base string // scheme and host that calls are made to
	http *http.Client
	err  error // why no call can be made
}

// dialWithin bounds how long one connection may take to be made.
const dialWithin = 10 * time.Second

var (
	errNowhere   = errors.New("no socket is named")
	errBoth      = errors.New("the client has both a Socket and a URL; a client talks to one bridge")
	errStrayTLS  = errors.New("the client has TLS settings and no https URL to use them at")
	errURLKey    = errors.New("a bridge at a URL knows its agents by their keys, and the client has none; the operator makes one with: authbridge agent add NAME")
	errOffLocal  = errors.New("a key sent over http could be read on the way, and the host is not on this machine; use https")
	errSomewhere = errors.New("the address is not of this machine, and over http the key could be read on the way")
)

// reach finds the door, once.
func (c *Client) reach() door {
	c.once.Do(func() { c.door = c.find() })
	return c.door
}

func (c *Client) find() door {
	if c.URL == "" {
		if c.TLS != nil {
			return door{err: errStrayTLS}
		}
		return door{base: "http://localhost", http: c.callsOver(func(ctx context.Context, _, _ string) (net.Conn, error) { return c.connect(ctx) })}
	}
	u, err := url.Parse(c.URL)
	switch {
	case c.Socket != "":
		return door{err: errBoth}
	case err != nil || u.Host == "" || u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return door{err: errors.New("the URL of the bridge is to be scheme, host and port alone, such as https://bridge.example.com:8740")}
	case u.Scheme != "http" && u.Scheme != "https":
		return door{err: fmt.Errorf("the URL of the bridge begins with %q; it has to be https, or http on this machine", u.Scheme)}
	case c.Key.IsZero():
		return door{err: errURLKey}
	case u.Scheme == "https":
		return door{base: "https://" + u.Host, http: c.callsOver(new(net.Dialer).DialContext)}
	case c.TLS != nil:
		return door{err: errStrayTLS}
	case !onThisMachine(u.Hostname()):
		return door{err: errOffLocal}
	}
	return door{base: "http://" + u.Host, http: c.callsOver(dialLocal)}
}

// callsOver makes the HTTP client. It knows no proxy: a key goes to the
// bridge and to nobody on the way.
func (c *Client) callsOver(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, dialWithin)
				defer cancel()
				return dial(ctx, network, addr)
			},
			TLSClientConfig:     c.TLS.Clone(),
			TLSHandshakeTimeout: dialWithin,
			DisableCompression:  true,
			IdleConnTimeout:     time.Minute,
			// All connections go to one place, and each waits on its own.
			MaxIdleConnsPerHost: 64,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// onThisMachine is about a host as it is written.
func onThisMachine(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// dialLocal connects on this machine: what the name stands for is believed
// only when the connection is there.
func dialLocal(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if remote, ok := conn.RemoteAddr().(*net.TCPAddr); !ok || !remote.IP.IsLoopback() {
		_ = conn.Close()
		return nil, errSomewhere
	}
	return conn, nil
}

// connect opens the socket, and looks who listens at it before a word is said.
func (c *Client) connect(ctx context.Context) (net.Conn, error) {
	switch {
	case c.dial != nil:
		return c.dial(ctx)
	case c.Socket == "":
		return nil, errNowhere
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", c.Socket)
	if err != nil {
		return nil, err
	}
	if err := c.accept(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// Stranger is why a socket is not used: somebody listens there who may be no
// bridge. What an agent says is not for them, and a token of theirs could be
// anybody's.
type Stranger struct{ UID uint32 }

// Error says who.
func (s *Stranger) Error() string {
	return fmt.Sprintf("uid %d listens there, which is neither this user nor root", s.UID)
}

var errUnseen = errors.New("who listens there cannot be seen on this system")

// accept decides whether whoever listens is to be taken for the bridge.
func (c *Client) accept(conn net.Conn) error {
	uid, known := listener(conn, c.Socket)
	switch {
	case c.Trust != nil && known && c.Trust(uid), c.Trust == nil && known && ours(uid):
		return nil
	case !known:
		return errUnseen
	}
	return &Stranger{uid}
}

// ours reports whether a uid can do anyway what we can.
func ours(uid uint32) bool { return uid == 0 || int64(uid) == int64(os.Geteuid()) }
