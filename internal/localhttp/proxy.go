package localhttp

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the reverse proxies that may say for whom they call.
type Proxies []netip.Prefix

var (
	// ErrStranger means that a call did not come from one of the proxies.
	ErrStranger = errors.New("not one of the proxies")
	// ErrUnclear means that what a proxy says of a call contradicts itself.
	ErrUnclear = errors.New("what the proxy says of the call is not clear")
)

// forwarding are the headers in which proxies say for whom they call.
var forwarding = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// Trace returns a call as its caller made it: with their address as
// RemoteAddr, and the host that they called as Host. proto is the scheme that
// they spoke with the proxy, "" if it does not say. From a stranger's call the
// headers that say such things are taken out, and the error is ErrStranger.
// A proxy on this machine shares its address with everybody here: a call
// without such headers is one of theirs (forwarded is false).
//
// Of X-Forwarded-For, and of the elements of Forwarded (RFC 7239), the last
// that is not a proxy itself counts: all before it is what the caller wrote.
// The two kinds together are ErrUnclear, since a proxy that knows only one
// lets callers write the other.
func (p Proxies) Trace(r *http.Request) (traced *http.Request, proto string, forwarded bool, err error) {
	traced = r.Clone(r.Context())
	for _, name := range forwarding {
		traced.Header.Del(name)
	}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !p.trust(at.Addr()) {
		return traced, "", false, ErrStranger
	}
	said, err := saidOf(r.Header)
	if err != nil || said.none {
		return traced, "", false, err
	}
	if client := p.client(said.hops); client.IsValid() {
		traced.RemoteAddr = netip.AddrPortFrom(client, 0).String()
	}
	if said.host != "" {
		traced.Host = said.host
	}
	return traced, strings.ToLower(said.proto), true, nil
}

func (p Proxies) trust(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(r netip.Prefix) bool { return r.Contains(addr) })
}

// client goes back from the last hop to the first that is none of ours, but
// not behind one that cannot be read.
func (p Proxies) client(hops []string) (last netip.Addr) {
	for _, hop := range slices.Backward(hops) {
		addr, err := addressOf(hop)
		if err != nil {
			return last
		}
		if last = addr; !p.trust(addr) {
			return last
		}
	}
	return last
}

// addressOf reads a hop: an address, with a port or without.
func addressOf(hop string) (netip.Addr, error) {
	if at, err := netip.ParseAddrPort(hop); err == nil {
		return at.Addr().Unmap().WithZone(""), nil
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	return addr.Unmap().WithZone(""), err
}

// said is what the headers of a proxy tell.
type said struct {
	none        bool
	hops        []string // the oldest first
	host, proto string
}

func saidOf(h http.Header) (said, error) {
	standard := h.Values("Forwarded")
	var s said
	for _, list := range h.Values("X-Forwarded-For") {
		for hop := range strings.SplitSeq(list, ",") {
			s.hops = append(s.hops, strings.TrimSpace(hop))
		}
	}
	hosts, protos := h.Values("X-Forwarded-Host"), h.Values("X-Forwarded-Proto")
	usual := len(s.hops)+len(hosts)+len(protos) > 0
	switch {
	case !usual && len(standard) == 0:
		return said{none: true}, nil
	case usual && len(standard) > 0, len(hosts) > 1, len(protos) > 1:
		return said{}, ErrUnclear
	case len(standard) > 0:
		return readForwarded(standard)
	}
	s.host, s.proto = strings.Join(hosts, ""), strings.Join(protos, "")
	if strings.Contains(s.host+s.proto, ",") { // several proxies, and it is open which of them is ours
		return said{}, ErrUnclear
	}
	return s, nil
}

// readForwarded reads the elements of RFC 7239, section 4. Host and scheme are
// those of the last element, which our proxy wrote.
func readForwarded(lists []string) (said, error) {
	var s said
	elements, ok := split(strings.Join(lists, ","), ',')
	for _, element := range elements {
		pairs, whole := split(element, ';')
		s.host, s.proto = "", ""
		hop := ""
		for _, pair := range pairs {
			name, value, found := strings.Cut(strings.TrimSpace(pair), "=")
			value, fine := unquoted(value)
			ok = ok && whole && found && fine
			switch strings.ToLower(name) {
			case "for":
				hop = value
			case "host":
				s.host = value
			case "proto":
				s.proto = value
			}
		}
		s.hops = append(s.hops, hop)
	}
	if !ok {
		return said{}, ErrUnclear
	}
	return s, nil
}

// split cuts a text at a separator outside of quotes; false means that a quote
// is not closed.
func split(text string, at rune) (parts []string, closed bool) {
	quoted, escaped := false, false
	parts = strings.FieldsFunc(text, func(r rune) bool {
		switch {
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		}
		return r == at && !quoted
	})
	return parts, !quoted
}

// unquoted takes the quotes off a value. None that we read has anything in it
// that needs a backslash.
func unquoted(value string) (text string, ok bool) {
	text, quoted := strings.CutPrefix(value, `"`)
	if quoted {
		text, ok = strings.CutSuffix(text, `"`)
		return text, ok && !strings.ContainsAny(text, `"\`)
	}
	return text, !strings.Contains(text, `"`)
}
