package oauth

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestAddressesThatMayBeReached(t *testing.T) {
	zero := NetworkPolicy{}
	intranet := NetworkPolicy{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}}
	linkLocal := NetworkPolicy{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("fe80::/10")}}
	local := NetworkPolicy{AllowHTTPLoopback: true}
	for _, at := range []struct {
		policy NetworkPolicy
		ip     string
		want   bool
	}{
		{zero, "93.184.216.34", true},
		{zero, "2606:2800:220:1::1", true},
		{zero, "::ffff:93.184.216.34", true},
		{zero, "64:ff9b::5db8:d822", true}, // 93.184.216.34 through NAT64
		{zero, "10.0.0.1", false},
		{zero, "172.16.0.1", false},
		{zero, "172.31.255.255", false},
		{zero, "192.168.1.1", false},
		{zero, "127.0.0.1", false},
		{zero, "127.255.0.1", false},
		{zero, "0.0.0.0", false},
		{zero, "0.1.2.3", false},
		{zero, "100.64.0.1", false},
		{zero, "100.127.255.255", false},
		{zero, "169.254.169.254", false},
		{zero, "168.63.129.16", false},
		{zero, "192.0.0.192", false},
		{zero, "198.18.0.1", false},
		{zero, "224.0.0.1", false},
		{zero, "255.255.255.255", false},
		{zero, "240.0.0.1", false},
		{zero, "::", false},
		{zero, "::1", false},
		{zero, "::7f00:1", false},
		{zero, "::ffff:10.0.0.1", false},
		{zero, "::ffff:169.254.169.254", false},
		{zero, "64:ff9b::a9fe:a9fe", false}, // 169.254.169.254 through NAT64
		{zero, "2002:7f00:1::", false},      // 127.0.0.1 through 6to4
		{zero, "fe80::1", false},
		{zero, "fe80::1%eth0", false},
		{zero, "fc00::1", false},
		{zero, "fd00:ec2::254", false},
		{zero, "fec0::1", false},
		{zero, "ff02::1", false},
		{intranet, "10.20.3.4", true},
		{intranet, "::ffff:10.20.3.4", true},
		{intranet, "10.21.0.1", false},
		{linkLocal, "fe80::1%eth0", true},
		{intranet, "127.0.0.1", false},
		{local, "127.0.0.1", true},
		{local, "::1", true},
		{local, "::ffff:127.0.0.1", true},
		{local, "10.0.0.1", false},
		{local, "169.254.169.254", false},
	} {
		err := at.policy.permits(netip.MustParseAddr(at.ip))
		if (err == nil) != at.want || err != nil && !errors.Is(err, errForbidden) {
			t.Errorf("%s: %v, want allowed: %v", at.ip, err, at.want)
		}
	}
}

func TestURLsThatMayBeCalled(t *testing.T) {
	zero, local := NetworkPolicy{}, NetworkPolicy{AllowHTTPLoopback: true}
	for _, at := range []struct {
		policy NetworkPolicy
		url    string
		want   bool
	}{
		{zero, "https://login.example.com/a?b=c", true},
		{zero, "https://login.example.com:8443", true},
		{zero, "http://login.example.com", false},
		{zero, "http://127.0.0.1", false},
		{zero, "http://localhost", false},
		{zero, "https://127.0.0.1", false},
		{zero, "https://[::1]", false},
		{zero, "https://[::ffff:7f00:1]", false},
		{zero, "https://[fe80::1%25eth0]", false},
		{zero, "ftp://login.example.com", false},
		{zero, "https:login.example.com", false},
		{zero, "https://", false},
		{zero, "https://:443", false},
		{zero, "https://user@login.example.com", false},
		{zero, "https://login.example.com/#", false},
		{zero, "https://login.example.com/\n", false},
		{zero, "login.example.com", false},
		{zero, "", false},
		{local, "http://127.0.0.1:8080/x", true},
		{local, "http://LOCALHOST:8080/x", true},
		{local, "http://[::1]:8080/x", true},
		{local, "https://127.0.0.1:8080/x", true},
		{local, "http://localhost.example.com", false},
		{local, "http://127.0.0.1.example.com", false},
		{local, "http://10.0.0.1", false},
		{local, "http://login.example.com", false},
	} {
		if _, err := at.policy.parse(at.url); (err == nil) != at.want {
			t.Errorf("%q: %v, want allowed: %v", at.url, err, at.want)
		}
	}
}

// victim is a service on loopback that nobody from outside should reach. Its
// certificate is for example.com.
type victim struct {
	*httptest.Server
	visits atomic.Int32
}

func newVictim(t *testing.T) *victim {
	v := &victim{}
	v.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	v.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			v.visits.Add(1)
		}
	}
	v.StartTLS()
	t.Cleanup(v.Close)
	return v
}

func (v *victim) port(t *testing.T) string {
	_, port, err := net.SplitHostPort(v.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// client dials as the product does, with a resolver in the attacker's hand.
func (v *victim) client(t *testing.T, policy NetworkPolicy, resolver *net.Resolver) *http.Client {
	d := newDialer(policy)
	d.plain.Resolver, d.guarded.Resolver = resolver, resolver
	transport := d.transport()
	transport.TLSClientConfig = v.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	t.Cleanup(transport.CloseIdleConnections)
	client, _ := harden(&http.Client{Transport: transport}, policy)
	return client
}

func get(t *testing.T, client *http.Client, address string) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// nameServer answers IPv4 questions with the addresses in turn, the last one
// for ever.
func nameServer(t *testing.T, addresses ...string) *net.Resolver {
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-done })
	go func() {
		defer close(done)
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var question dnsmessage.Message
			if question.Unpack(buffer[:n]) != nil || len(question.Questions) == 0 {
				continue
			}
			reply := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: question.ID, Response: true, Authoritative: true},
				Questions: question.Questions,
			}
			if q := question.Questions[0]; q.Type == dnsmessage.TypeA {
				reply.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addresses[0]).As4()},
				}}
				addresses = addresses[min(1, len(addresses)-1):]
			}
			packed, err := reply.Pack()
			if err != nil {
				continue
			}
			_, _ = conn.WriteTo(packed, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// TestANameThatTurnsInwards is the attacker who owns a name and lets it point
// at our own machine: at once, or only after somebody has looked (DNS
// rebinding). The guard sees the address that is dialled.
func TestANameThatTurnsInwards(t *testing.T) {
	const name = "example.com"
	for _, policy := range []NetworkPolicy{{}, {AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}} {
		v := newVictim(t)
		resolver := nameServer(t, "93.184.216.34", "127.0.0.1")
		seen, err := resolver.LookupNetIP(t.Context(), "ip4", name)
		if err != nil || seen[0].String() != "93.184.216.34" {
			t.Fatalf("the first look saw %v: %v", seen, err)
		}
		err = get(t, v.client(t, policy, resolver), "https://"+name+":"+v.port(t))
		if !errors.Is(err, errForbidden) || !strings.Contains(err.Error(), "127.0.0.1 is not a public address") {
			t.Errorf("got %v", err)
		}
		if n := v.visits.Load(); n != 0 {
			t.Errorf("the victim was visited %d times", n)
		}
	}
	// The same with the address allowed arrives: it is the guard that held.
	v := newVictim(t)
	open := NetworkPolicy{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	if err := get(t, v.client(t, open, nameServer(t, "127.0.0.1")), "https://"+name+":"+v.port(t)); err != nil || v.visits.Load() != 1 {
		t.Errorf("visits %d: %v", v.visits.Load(), err)
	}
}

func TestNamesThatTheSystemTakesForAddresses(t *testing.T) {
	v := newVictim(t)
	client := v.client(t, NetworkPolicy{}, nil)
	for _, host := range []string{"localhost", "2130706433", "0x7f000001", "017700000001", "127.1", "0"} {
		if err := get(t, client, "https://"+host+":"+v.port(t)); err == nil {
			t.Errorf("%s was reached", host)
		}
	}
	if n := v.visits.Load(); n != 0 {
		t.Errorf("the victim was visited %d times", n)
	}
}

// TestTheProxyOfTheOperator: it may live on a private address, and it does
// not open that address to anybody else.
func TestTheProxyOfTheOperator(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.Host)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	d := newDialer(NetworkPolicy{})
	if _, err := d.dial(t.Context(), "tcp", at.Host); !errors.Is(err, errForbidden) {
		t.Errorf("before it is a proxy: %v", err)
	}
	d.environment = func(*http.Request) (*url.URL, error) { return at, nil }
	transport := d.transport()
	t.Cleanup(transport.CloseIdleConnections)
	client, _ := harden(&http.Client{Transport: transport}, NetworkPolicy{})
	if err := get(t, client, "https://login.example.com/"); err == nil || errors.Is(err, errForbidden) {
		t.Errorf("through the proxy: %v", err)
	}
	if err := get(t, client, "https://169.254.169.254/"); !errors.Is(err, errForbidden) {
		t.Errorf("a private address through the proxy: %v", err)
	}
	if len(asked) != 1 || asked[0] != "CONNECT login.example.com:443" {
		t.Errorf("the proxy was asked %q", asked)
	}
	if _, err := d.dial(t.Context(), "tcp", "127.0.0.1:1"); !errors.Is(err, errForbidden) {
		t.Errorf("another port of the proxy's host: %v", err)
	}
}

func TestAnswersAreCapped(t *testing.T) {
	size := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var out io.Writer = w
		if r.URL.Path == "/bomb" {
			w.Header().Set("Content-Encoding", "gzip")
			packer := gzip.NewWriter(w)
			defer func() { _ = packer.Close() }()
			out = packer
		}
		_, _ = io.Copy(out, io.LimitReader(zeros{}, int64(size)))
	}))
	t.Cleanup(server.Close)
	client := NewHTTPClient(NetworkPolicy{AllowHTTPLoopback: true})
	t.Cleanup(client.CloseIdleConnections)
	for _, at := range []struct {
		path string
		size int
		fits bool
	}{{"/", maxAnswer, true}, {"/", maxAnswer + 1, false}, {"/bomb", maxAnswer, true}, {"/bomb", 50 << 20, false}} {
		size = at.size
		err := get(t, client, server.URL+at.path)
		if (err == nil) != at.fits || err != nil && reason(err) != "its answer is larger than 1 MiB" {
			t.Errorf("%s of %d bytes: %v", at.path, at.size, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestDialAddress(t *testing.T) {
	for at, want := range map[string]string{
		"http://proxy": "proxy:80", "https://proxy": "proxy:443", "socks5://proxy": "proxy:1080", "http://[::1]:3128": "[::1]:3128",
	} {
		u, err := url.Parse(at)
		if err != nil || dialAddress(u) != want {
			t.Errorf("%s: %s", at, dialAddress(u))
		}
	}
}
