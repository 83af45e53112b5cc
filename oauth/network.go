package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	maxAnswer   = 1 << 20 // bytes of one answer, after decompression
	callTimeout = 30 * time.Second
)

var (
	errLarge     = errors.New("its answer is larger than 1 MiB")
	errRedirect  = errors.New("it redirects the call elsewhere, and redirects are not followed")
	errForbidden = errors.New("outgoing calls may not go there")
)

// forbidden says why it is errForbidden.
type forbidden string

func (f forbidden) Error() string        { return errForbidden.Error() + ": " + string(f) }
func (f forbidden) Is(target error) bool { return target == errForbidden }

// redirected is an errRedirect that knows where to. That is foreign text.
type redirected string

func (redirected) Error() string        { return errRedirect.Error() }
func (redirected) Is(target error) bool { return target == errRedirect }

// astray is an errRedirect of a call that is redirected, but not there. It
// says why.
type astray string

func (a astray) Error() string        { return string(a) }
func (a astray) Is(target error) bool { return target == errRedirect }

// NetworkPolicy says where outgoing calls may go. The zero policy allows
// https to public addresses and nothing else.
type NetworkPolicy struct {
	// AllowHTTPLoopback allows loopback addresses, and http to them: for
	// tests and the demo.
	AllowHTTPLoopback bool

	// AllowPrivate lists ranges that may be reached although they are not
	// public.
	AllowPrivate []netip.Prefix
}

func (n NetworkPolicy) equal(other NetworkPolicy) bool {
	return n.AllowHTTPLoopback == other.AllowHTTPLoopback && slices.Equal(n.AllowPrivate, other.AllowPrivate)
}

// NewHTTPClient returns a client for all outgoing calls of the process, so
// that connections are shared. It follows no redirect (calls for metadata
// see to theirs themselves), cuts answers at 1 MiB
// with an error, gives up after 30 s, and refuses addresses outside the
// policy when it dials, after names were resolved: a name that changes its
// address gains nothing. A proxy named by the environment (HTTPS_PROXY) is
// used and is itself exempt; it then resolves names and has to guard them.
func NewHTTPClient(policy NetworkPolicy) *http.Client {
	client, _ := harden(&http.Client{Transport: newDialer(policy).transport()}, policy)
	return client
}

// harden gives a client the manners that no call may do without, and returns
// the gate that it goes through. A gate within a gate would only do the same
// again.
func harden(client *http.Client, policy NetworkPolicy) (*http.Client, gate) {
	next := client.Transport
	if next == nil {
		next = newDialer(policy).transport()
	}
	if inner, ok := next.(gate); ok && inner.policy.equal(policy) {
		next = inner.next
	}
	timeout := client.Timeout
	if timeout <= 0 || timeout > callTimeout {
		timeout = callTimeout
	}
	way := gate{policy, next}
	return &http.Client{Transport: way, Timeout: timeout}, way
}

// gate is the one way out: every call of this package, and of the libraries
// it uses, passes here.
type gate struct {
	policy NetworkPolicy
	next   http.RoundTripper
}

// apart returns a gate to the same places in which each call has a connection
// of its own. One that is fresh is known to be open, so that a call which
// gets no answer is not one that went into a connection long dead.
func (g gate) apart() gate {
	shared, ok := g.next.(*http.Transport)
	if !ok {
		return g
	}
	single := shared.Clone()
	single.DisableKeepAlives = true
	return gate{g.policy, single}
}

// CloseIdleConnections lets [http.Client.CloseIdleConnections] through.
func (g gate) CloseIdleConnections() {
	if t, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// RoundTrip vets the address, caps the answer, and refuses a redirect.
func (g gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.policy.vet(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	answer, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	if redirects(answer) {
		_, _ = io.Copy(io.Discard, answer.Body) // so that the connection can be used again
		_ = answer.Body.Close()
		return nil, redirected(answer.Header.Get("Location"))
	}
	return answer, nil
}

// redirects reports whether a client would have to go elsewhere (RFC 9110,
// section 15.4).
func redirects(answer *http.Response) bool {
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return answer.Header.Get("Location") != ""
	}
	return false
}

// dialer guards every connection but those to the operator's own proxy,
// which mostly lives on a private address.
type dialer struct {
	plain, guarded net.Dialer
	environment    func(*http.Request) (*url.URL, error)
	proxies        sync.Map // "host:port" of the proxies in use
}

func newDialer(policy NetworkPolicy) *dialer {
	d := &dialer{environment: http.ProxyFromEnvironment}
	d.plain = net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	d.guarded = d.plain
	d.guarded.ControlContext = policy.control
	return d
}

// connections is how many connections a host gets at most, and all of them
// may stay for the next call. The bridge never has more than 64 polls under way
// with an issuer; the others are for codes, accounts and revocations, which
// are not to wait behind polls of a server that hangs, and for issuers that
// share a host.
const connections = 256

// transport is tuned for few hosts and many short calls. How long a call may
// take is in its context, so that one timer is enough. An HTTP/2 connection
// carries many calls and outlives all of them: a silent one is pinged, and
// given up 25 s after the other side was last heard, so that the next poll
// finds another.
func (d *dialer) transport() *http.Transport {
	return &http.Transport{
		Proxy:                  d.proxy,
		DialContext:            d.dial,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           4 * connections,
		MaxIdleConnsPerHost:    connections,
		MaxConnsPerHost:        connections,
		MaxResponseHeaderBytes: 64 << 10,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout:  15 * time.Second,
			PingTimeout:      10 * time.Second,
			WriteByteTimeout: 15 * time.Second,
		},
	}
}

func (d *dialer) proxy(r *http.Request) (*url.URL, error) {
	proxy, err := d.environment(r)
	if proxy != nil {
		d.proxies.Store(dialAddress(proxy), true)
	}
	return proxy, err
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if _, ok := d.proxies.Load(address); ok {
		return d.plain.DialContext(ctx, network, address)
	}
	return d.guarded.DialContext(ctx, network, address)
}

func dialAddress(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// control sees each address right before the connection is made.
func (n NetworkPolicy) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return forbidden(fmt.Sprintf("%q is no address", address))
	}
	return n.permits(at.Addr())
}

// notPublic are the ranges that netip has no method for, by RFC 6890 and its
// registries; 168.63.129.16 is a cloud's metadata service.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// nat64 carries an IPv4 address in its last four bytes (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// permits says whether a call may go to an address.
func (n NetworkPolicy) permits(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		bytes := ip.As16()
		ip = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if contains(n.AllowPrivate, ip) || n.AllowHTTPLoopback && ip.IsLoopback() {
		return nil
	}
	// IsGlobalUnicast leaves out loopback, link-local, multicast and the
	// unspecified address.
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || contains(notPublic, ip) {
		return forbidden(fmt.Sprintf("%s is not a public address; list its range under network.allow_private if it is meant", ip))
	}
	return nil
}

func contains(ranges []netip.Prefix, ip netip.Addr) bool {
	for _, r := range ranges {
		if r.Contains(ip) {
			return true
		}
	}
	return false
}

// vet refuses a URL that could never be called. Names are judged when they
// are dialled.
func (n NetworkPolicy) vet(u *url.URL) error {
	host := u.Hostname()
	switch {
	case host == "":
		return forbidden("the address names no host")
	case u.Scheme == "https":
	case u.Scheme == "http" && n.AllowHTTPLoopback && isLoopback(host):
	case u.Scheme == "http":
		return forbidden("http is allowed on loopback alone, with network.allow_http_loopback; use https")
	default:
		return forbidden("only https is spoken")
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return n.permits(ip)
	}
	return nil
}

// parse reads an endpoint's address.
func (n NetworkPolicy) parse(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("it is no address")
	case u.User != nil:
		return nil, errors.New("it carries a user name")
	case strings.Contains(raw, "#"):
		return nil, errors.New("it carries a fragment")
	}
	if err := n.vet(u); err != nil {
		return nil, err
	}
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
