package web

import (
	"net"
	"net/http"
	"net/url"
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

// protect sets what every answer carries, the refusals too.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// foreign tells why a request cannot come from our own page; status 0 means
// that it can. A loopback listener can be reached by every page that the
// human's browser shows: under a name that an attacker points at 127.0.0.1
// (then Host is foreign), or as a cross-origin call.
func (in *Inbox) foreign(r *http.Request) (status int, why string) {
	if !slices.Contains(in.hosts, strings.ToLower(r.Host)) {
		return http.StatusMisdirectedRequest, "This address is not the inbox's. Open the one that the bridge printed when it started."
	}
	switch r.Method {
	case http.MethodGet:
		if !opened(r) {
			return http.StatusForbidden, "Only the inbox's own page may load this."
		}
	case http.MethodPost, http.MethodDelete:
		if !sameOrigin(r) {
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
func sameOrigin(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site != "" && site != "same-origin" {
		return false
	}
	if origin == "" {
		return site != ""
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, r.Host)
}

// Hosts lists the Host values under which a listener on this machine is
// served: its own address and the names of loopback with its port.
func Hosts(address net.Addr) []string {
	own, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return nil
	}
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
