package localhttp_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/internal/localhttp"
)

var proxies = localhttp.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("127.0.0.1/32")}

// call is one that comes from an address, with headers "Name: value".
func call(from string, headers ...string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "http://bridge.example.com/", nil)
	r.RemoteAddr = from
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestProxiesSayForWhomTheyCall(t *testing.T) {
	for name, c := range map[string]struct {
		headers           []string
		from, host, proto string
	}{
		"as usual":                 {[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: pub.example", "X-Forwarded-Proto: https"}, "203.0.113.9:0", "pub.example", "https"},
		"the host passed on":       {[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: HTTPS"}, "203.0.113.9:0", "bridge.example.com", "https"},
		"what a caller wrote":      {[]string{"X-Forwarded-For: 198.51.100.1, 10.9.9.9, 203.0.113.9"}, "203.0.113.9:0", "bridge.example.com", ""},
		"in a line of its own":     {[]string{"X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 203.0.113.9"}, "203.0.113.9:0", "bridge.example.com", ""},
		"two proxies":              {[]string{"X-Forwarded-For: 203.0.113.9, 10.0.0.3"}, "203.0.113.9:0", "bridge.example.com", ""},
		"two proxies, IPv6":        {[]string{"X-Forwarded-For: 2001:db8::7, [fd00::3]:4711"}, "[2001:db8::7]:0", "bridge.example.com", ""},
		"with a port":              {[]string{"X-Forwarded-For: 203.0.113.9:4711"}, "203.0.113.9:0", "bridge.example.com", ""},
		"IPv4 as IPv6":             {[]string{"X-Forwarded-For: ::ffff:203.0.113.9"}, "203.0.113.9:0", "bridge.example.com", ""},
		"nobody but proxies":       {[]string{"X-Forwarded-For: 10.0.0.3, 10.0.0.4"}, "10.0.0.3:0", "bridge.example.com", ""},
		"garbage behind a proxy":   {[]string{"X-Forwarded-For: 198.51.100.1, \x1b[31m, 10.0.0.3"}, "10.0.0.3:0", "bridge.example.com", ""},
		"garbage":                  {[]string{"X-Forwarded-For: unknown"}, "10.0.0.2:80", "bridge.example.com", ""},
		"RFC 7239":                 {[]string{`Forwarded: for=203.0.113.9;host=pub.example;proto=https`}, "203.0.113.9:0", "pub.example", "https"},
		"RFC 7239, quoted":         {[]string{`Forwarded: For="[2001:db8::7]:4711"; Host="pub.example:8443"; Proto=https`}, "[2001:db8::7]:0", "pub.example:8443", "https"},
		"RFC 7239, caller's own":   {[]string{`Forwarded: for=198.51.100.1;host=evil.example;proto=http, for=203.0.113.9;proto=https`}, "203.0.113.9:0", "bridge.example.com", "https"},
		"RFC 7239, hidden by one":  {[]string{`Forwarded: for="_hidden", for=10.0.0.3`}, "10.0.0.3:0", "bridge.example.com", ""},
		"RFC 7239, quoted comma":   {[]string{`Forwarded: for="198.51.100.1, for=192.0.2.1", for=203.0.113.9`}, "203.0.113.9:0", "bridge.example.com", ""},
		"RFC 7239, in two headers": {[]string{`Forwarded: for=198.51.100.1`, `Forwarded: for=203.0.113.9`}, "203.0.113.9:0", "bridge.example.com", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, proto, forwarded, err := proxies.Trace(call("10.0.0.2:80", c.headers...))
			if err != nil || !forwarded {
				t.Fatalf("forwarded %v, %v", forwarded, err)
			}
			if got.RemoteAddr != c.from || got.Host != c.host || proto != c.proto {
				t.Errorf("got %s, %s, %q; want %s, %s, %q", got.RemoteAddr, got.Host, proto, c.from, c.host, c.proto)
			}
		})
	}
}

// TestStrangersSayNothing: whatever anybody else writes into such headers is
// not believed, and does not get any further.
func TestStrangersSayNothing(t *testing.T) {
	lies := []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: 127.0.0.1:8741", "X-Forwarded-Proto: https", "Forwarded: for=127.0.0.1"}
	for _, from := range []string{"203.0.113.9:4711", "[2001:db8::7]:4711", "11.0.0.1:80", "not an address", ""} {
		for _, p := range []localhttp.Proxies{proxies, nil} {
			got, proto, forwarded, err := p.Trace(call(from, lies...))
			if !errors.Is(err, localhttp.ErrStranger) || forwarded || proto != "" {
				t.Errorf("%s: forwarded %v by %q, %v", from, forwarded, proto, err)
			}
			if got.RemoteAddr != from || got.Host != "bridge.example.com" || len(got.Header) != 0 {
				t.Errorf("%s: came through as %s to %s with %v", from, got.RemoteAddr, got.Host, got.Header)
			}
		}
	}
}

// TestWhatContradictsItself is refused: one half of it is the caller's.
func TestWhatContradictsItself(t *testing.T) {
	for name, headers := range map[string][]string{
		"both kinds":              {"X-Forwarded-For: 203.0.113.9", "Forwarded: for=127.0.0.1"},
		"two hosts":               {"X-Forwarded-Host: a.example", "X-Forwarded-Host: b.example"},
		"a list of hosts":         {"X-Forwarded-Host: a.example, b.example"},
		"two schemes":             {"X-Forwarded-Proto: http", "X-Forwarded-Proto: https"},
		"a list of schemes":       {"X-Forwarded-Proto: http,https"},
		"a quote that stays open": {`Forwarded: for="203.0.113.9, for=10.0.0.1`},
		"no name":                 {"Forwarded: 203.0.113.9"},
		"quotes in the middle":    {`Forwarded: for=2"03.0.113".9`},
		"backslashes":             {`Forwarded: for="203.0.113\.9"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, forwarded, err := proxies.Trace(call("10.0.0.2:80", headers...)); !errors.Is(err, localhttp.ErrUnclear) || forwarded {
				t.Errorf("forwarded %v, %v", forwarded, err)
			}
		})
	}
}

// TestAProxyOnThisMachine shares its address with everybody here.
func TestAProxyOnThisMachine(t *testing.T) {
	if got, _, forwarded, err := proxies.Trace(call("127.0.0.1:4711")); err != nil || forwarded || got.RemoteAddr != "127.0.0.1:4711" {
		t.Errorf("a browser here: forwarded %v as %s, %v", forwarded, got.RemoteAddr, err)
	}
	if _, _, forwarded, err := proxies.Trace(call("127.0.0.1:4711", "X-Forwarded-Proto: https")); err != nil || !forwarded {
		t.Errorf("the proxy here: forwarded %v, %v", forwarded, err)
	}
}

func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{"for=1.2.3.4", `for="a;b,c\"";host=x`, ",;=\"", `"`, "for=[::1"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, standard, usual string) {
		r := call("10.0.0.2:80")
		r.Header["Forwarded"] = []string{standard}
		got, _, _, err := proxies.Trace(r)
		r.Header = http.Header{"X-Forwarded-For": {usual}}
		also, _, _, failed := proxies.Trace(r)
		for _, c := range []struct {
			r   *http.Request
			err error
		}{{got, err}, {also, failed}} {
			if _, bad := netip.ParseAddrPort(c.r.RemoteAddr); bad != nil {
				t.Errorf("came through as %q (%v)", c.r.RemoteAddr, c.err)
			}
		}
	})
}
