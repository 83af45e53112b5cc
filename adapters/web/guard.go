package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxBody bounds what anybody may send.
const maxBody = 4 << 10

// policy lets the page load its own files and call its own server, and
// nothing else: no inline script or style, no frame around it, and markup
// only through the script's one named policy.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types inbox"

// hstsLife is how long a browser speaks nothing but TLS to the public address
// (RFC 6797).
const hstsLife = "max-age=31536000"

// protect sets what every answer carries, the refusals too.
func (in *Inbox) protect(h http.Header, r *http.Request) {
	if in.place(r) == beyond && strings.HasPrefix(in.public, "https://") {
		h.Set("Strict-Transport-Security", hstsLife)
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// place is from where a request is served.
type place int

const (
	nowhere place = iota // not at all: the address is not ours
	local                // under a name of loopback
	beyond               // under the public address
)

// place goes by the Host header, which a page on another site cannot choose.
// A name is ours as it is written, but for the case: one with a dot at its
// end, another port or another spelling of an address is not.
func (in *Inbox) place(r *http.Request) place {
	host := strings.ToLower(r.Host)
	switch {
	case slices.Contains(in.named, host):
		return beyond
	case slices.Contains(in.hosts, host):
		return local
	}
	return nowhere
}

// foreign tells why a request cannot come from our own page; status 0 means
// that it can. A loopback listener can be reached by every page that the
// human's browser shows: under a name that an attacker points at 127.0.0.1
// (then Host is foreign), or as a cross-origin call.
func (in *Inbox) foreign(r *http.Request) (status int, why string) {
	switch in.place(r) {
	case nowhere:
		return http.StatusMisdirectedRequest, "This address is not the inbox's. Open the one that the bridge printed when it started."
	case beyond:
		if in.signIn() == nil {
			return http.StatusNotFound, "The inbox is not served here: nobody could sign in (listen.sign_in is not set)."
		}
	case local:
	}
	switch r.Method {
	case http.MethodGet:
		if !opened(r) {
			return http.StatusForbidden, "Only the inbox's own page may load this."
		}
	case http.MethodPost, http.MethodDelete:
		if !in.sameOrigin(r) {
			return http.StatusForbidden, "Only the inbox's own page may do this."
		}
	default:
		return http.StatusMethodNotAllowed, "The inbox knows GET, POST and DELETE."
	}
	return 0, ""
}

// opened reports whether a GET comes from our page or from somebody who opens
// it; another site may link here, and not more. Another port of the same host
// counts as another site's page.
func opened(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return true
	}
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// sameOrigin reports whether a browser says that a call comes from our own
// page. Every browser says so one way or the other, so silence is no.
func (in *Inbox) sameOrigin(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site != "" && site != "same-origin" {
		return false
	}
	if origin == "" {
		return site != ""
	}
	return strings.EqualFold(origin, in.origin(r))
}

// origin is that of our page where a request is served.
func (in *Inbox) origin(r *http.Request) string {
	switch {
	case in.place(r) == beyond:
		return in.public
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// hostsOf lists the values of the Host header that stand for an origin:
// browsers leave its scheme's own port out, others may not.
func hostsOf(origin string) []string {
	scheme, host, found := strings.Cut(strings.ToLower(origin), "://")
	if !found {
		return nil
	}
	if _, _, err := net.SplitHostPort(host); err == nil {
		return []string{host}
	}
	return []string{host, host + map[string]string{"http": ":80", "https": ":443"}[scheme]}
}

// Hosts lists the Host values under which a listener serves the browsers of
// this machine: its own address and the names of loopback with its port. Where
// others can connect, too, there are none.
func Hosts(address net.Addr) []string {
	at, err := netip.ParseAddrPort(address.String())
	if err != nil || !at.Addr().Unmap().IsLoopback() {
		return nil
	}
	own, port, _ := net.SplitHostPort(address.String())
	var hosts []string
	for _, name := range []string{own, "localhost", "127.0.0.1", "::1"} {
		hosts = append(hosts, net.JoinHostPort(name, port))
		if port == "80" { // browsers leave it out
			hosts = append(hosts, strings.TrimSuffix(net.JoinHostPort(name, port), ":80"))
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
