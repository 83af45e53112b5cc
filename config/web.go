package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// publicExample is how the public address is usually given.
const publicExample = "https://authbridge.example.com"

// web declares how others than this machine's own people come to the inbox.
func (d *decoder) web(l *Listen) []setting {
	return []setting{
		{
			key: "trusted_proxy", read: d.proxies(&l.TrustedProxy), example: "[10.0.0.0/8]",
			means:     "The reverse proxies before `web`: they alone say who calls, for which host and over https (`X-Forwarded-For`, `-Host`, `-Proto`, or `Forwarded`). Nobody else may connect to a `web` beyond loopback then.",
			otherwise: "none: what such a header says is not believed",
		},
		{
			key: "sign_in", read: d.signIn(&l.SignIn), example: "corp",
			means:     "The provider through which people sign in to the inbox under `public_url`; `public_url` and `/callback` is the redirect URI to register there. Without it the inbox is served on loopback alone.",
			otherwise: "none",
		},
	}
}

// publicURL declares the address under which others reach the bridge.
func (d *decoder) publicURL() setting {
	return setting{
		key: "public_url", read: d.origin(&d.config.PublicURL), example: publicExample,
		means:     "Where other machines reach `listen.web`, directly over `listen.tls` or through a `listen.trusted_proxy`. Links of `inbox link` begin with it.",
		otherwise: "none: `listen.web` is for browsers on this machine",
	}
}

// proxies reads the ranges in which our proxies are.
func (d *decoder) proxies(into *[]netip.Prefix) reader {
	return d.each("address ranges", func(path, s string) {
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil:
			d.fault(path, "not an address range", "such as 10.0.0.0/8, or 10.0.0.7/32 for a single one")
		case p != p.Masked():
			d.fault(path, "an address within a range, not a range", "the range is "+p.Masked().String())
		case p.Bits() == 0:
			d.fault(path, "everybody: then anybody could say who calls", "the addresses that the proxy connects from, such as 10.0.0.7/32")
		default:
			*into = append(*into, p)
		}
	})
}

// signIn reads the name of a provider.
func (d *decoder) signIn(into *string) reader {
	return reader{form: "the name of a provider", take: func(path string, v value) {
		if s, ok := d.scalarText(path, v); ok {
			*into = s
			d.refer(v.line, path, "provider", s)
		}
	}}
}

// plainHost is a name as browsers write it: no dot at the end, no letters
// beyond ASCII (RFC 3490 writes those as xn--).
var plainHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// origin reads scheme, host and port, as a browser writes them in Origin.
func (d *decoder) origin(into *string) reader {
	return reader{form: "an https URL without a path", take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		u, err := url.Parse(s)
		switch {
		case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
			d.fault(path, "not a URL", "such as "+publicExample)
		case u.User != nil || strings.Trim(u.Path, "/") != "" || strings.ContainsAny(s, "?#"):
			d.fault(path, "more than a scheme, a host and a port", "such as "+publicExample)
		case !isHost(u):
			d.fault(path, "not a host as browsers write it", "such as "+publicExample+"; letters beyond ASCII as xn--…, no dot at the end")
		case u.Scheme == "http" && !isLoopback(u.Hostname()):
			d.fault(path, "http, but sessions travel over https only", "such as "+publicExample)
		default:
			*into = originOf(u)
		}
	}}
}

func isHost(u *url.URL) bool {
	_, err := strconv.ParseUint(u.Port(), 10, 16)
	name := strings.ToLower(u.Hostname())
	addr, notIP := netip.ParseAddr(name)
	literal := notIP == nil && addr.Zone() == "" && addr.String() == name
	return (err == nil || u.Port() == "" && !strings.HasSuffix(u.Host, ":")) && (literal || notIP != nil && plainHost.MatchString(name))
}

// originOf leaves out the scheme's own port, as browsers do.
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host
}

// checkWeb refuses an inbox that others can reach and nothing protects, and
// what is said of one that is not there.
func (d *decoder) checkWeb() {
	const web, tls, proxy, signIn, public = "listen.web", "listen.tls", "listen.trusted_proxy", "listen.sign_in", "public_url"
	l := d.config.Listen
	host, _, _ := net.SplitHostPort(l.Web)
	safe := d.given(tls) || d.given(proxy)
	if d.faulted(web) {
		return
	}
	if l.Web == "" {
		for _, key := range []string{proxy, signIn} {
			if d.given(key) && !d.faulted(key) {
				d.fault(key, "but listen.web is off", `web: "127.0.0.1:8741"`)
			}
		}
		return
	}
	if !isLoopback(host) && !safe {
		d.fault(web, "can be reached from other machines, which needs listen.tls or listen.trusted_proxy", "an address on loopback, such as 127.0.0.1:8741")
	}
	if strings.HasPrefix(d.config.PublicURL, "https:") && !safe {
		d.fault(public, "https, which nobody here speaks", "listen: {tls: …}, or listen: {trusted_proxy: […]} with the proxy that speaks it")
	}
	if strings.HasPrefix(d.config.PublicURL, "http:") && !d.config.Network.AllowHTTPLoopback && !d.faulted("network.allow_http_loopback") {
		d.fault(public, "http on loopback is not allowed", "for tests: network: {allow_http_loopback: true}")
	}
	if strings.HasPrefix(d.config.PublicURL, "http:") && d.given(tls) {
		d.fault(public, "http, but listen.tls is set, and then https is spoken at listen.web", "https in the place of http")
	}
	if d.given(signIn) && !d.given(public) && !d.faulted(signIn) {
		d.fault(signIn, "but there is no public_url, to which the provider could send people back", "public_url: "+publicExample)
	}
}

// Reachable reports whether other machines can connect to the inbox: it
// listens there, or is said to be behind something that does.
func (c *Config) Reachable() bool {
	host, _, _ := net.SplitHostPort(c.Listen.Web)
	return c.Listen.Web != "" && (!isLoopback(host) || c.PublicURL != "")
}
