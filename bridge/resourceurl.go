package bridge

import (
	"errors"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// longestResource bounds the URL of a resource, and a pattern for them.
const longestResource = 1024

// CanonicalResource returns the form in which the URL of a resource is
// compared and sent (RFC 8707, section 2; MCP 2026-07-28, "Canonical Server
// URI"): scheme and host in lower case, no default port, no dot segments and
// no slash at the end. It takes https, and http on loopback, which the
// configuration has to allow besides. A URL with a user name, a query or a
// fragment is none; neither is one whose path hides a slash or a control
// character in an escape, since two programs could read it differently.
func CanonicalResource(raw string) (string, error) {
	u, err := readResource(raw)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(raw, "*") {
		return "", errors.New("it has a star; a resource is named in full")
	}
	return u.scheme + "://" + u.authority() + u.path, nil
}

// CheckResourcePattern says what is wrong with a pattern for [ResourceFits].
func CheckResourcePattern(pattern string) error {
	_, err := readResource(pattern)
	return err
}

// ResourceFits reports whether the canonical URL of a resource fits a pattern.
// Scheme and port must be the same. A "*" stands for any characters within one
// label of the host or one segment of the path, and for at least one where it
// is all of it; "**" stands for any number of whole labels or segments. An
// unreadable pattern fits nothing.
func ResourceFits(pattern, resource string) bool {
	p, err := readResource(pattern)
	if err != nil {
		return false
	}
	r, err := readResource(resource)
	return err == nil && p.scheme == r.scheme && p.port == r.port &&
		partsFit(strings.Split(p.host, "."), strings.Split(r.host, ".")) &&
		partsFit(segments(p.path), segments(r.path))
}

// resourceURL is a URL taken apart, or a pattern for one. The host of an IPv6
// address has its brackets.
type resourceURL struct {
	scheme, host, port, path string
}

func (u resourceURL) authority() string {
	if u.port == "" {
		return u.host
	}
	return u.host + ":" + u.port
}

func readResource(raw string) (resourceURL, error) {
	if len(raw) > longestResource {
		return resourceURL{}, errors.New("it is longer than 1024 characters")
	}
	for _, c := range []byte(raw) {
		if c <= ' ' || c > '~' || strings.IndexByte(`"<>\^{|}`+"`", c) >= 0 {
			return resourceURL{}, errors.New("it has characters that no URL has")
		}
	}
	if strings.ContainsAny(raw, "?#") {
		return resourceURL{}, errors.New("it has a query or a fragment; a resource is named without")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Hostname() == "":
		return resourceURL{}, errors.New("it is no absolute URL, such as https://files.example.com/mcp")
	case u.User != nil:
		return resourceURL{}, errors.New("it has a user name")
	}
	r := resourceURL{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	if strings.Contains(r.host, ":") {
		r.host = "[" + r.host + "]"
	}
	if strings.HasSuffix(u.Host, ":") || strings.HasSuffix(r.host, ".") {
		return resourceURL{}, errors.New("its host ends in a dot or a colon")
	}
	if r.scheme == "https" && r.port == "443" || r.scheme == "http" && r.port == "80" {
		r.port = ""
	}
	if r.scheme != "https" && (r.scheme != "http" || !loopbackHost(u.Hostname())) {
		return resourceURL{}, errors.New("it is not https")
	}
	r.path, err = plainPath(u.EscapedPath())
	return r, err
}

func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// plainPath is the path with its escapes in one form, and without dot segments
// and a slash at its end (RFC 3986, sections 6.2.2 and 6.2.3).
func plainPath(escaped string) (string, error) {
	var plain strings.Builder
	for rest := escaped; rest != ""; {
		if rest[0] != '%' {
			plain.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		c, err := strconv.ParseUint(rest[1:min(3, len(rest))], 16, 8)
		switch {
		case err != nil || len(rest) < 3:
			return "", errors.New("its path has a broken escape")
		case c < ' ' || c == 0x7f || strings.IndexByte(`/\*%`, byte(c)) >= 0:
			return "", errors.New("its path hides a slash, a star, a percent or a control character in an escape")
		case isUnreserved(byte(c)):
			plain.WriteByte(byte(c))
		default:
			plain.WriteString(strings.ToUpper(rest[:3]))
		}
		rest = rest[3:]
	}
	if strings.Contains(plain.String(), "//") {
		return "", errors.New("its path has an empty segment")
	}
	if clean := path.Clean("/" + plain.String()); clean != "/" {
		return clean, nil
	}
	return "", nil
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

func segments(p string) []string {
	if p == "" {
		return nil
	}
	return strings.Split(strings.TrimPrefix(p, "/"), "/")
}

// partsFit compares labels or segments with those of a pattern, by dynamic
// programming: however many stars there are, it takes no longer than their
// number times that of the parts.
func partsFit(pattern, parts []string) bool {
	fits := make([]bool, len(parts)+1) // the pattern so far fits so many of the parts
	fits[0] = true
	for _, want := range pattern {
		after := make([]bool, len(parts)+1)
		for n := range after {
			switch {
			case want == "**":
				after[n] = fits[n] || n > 0 && after[n-1]
			case n > 0:
				after[n] = fits[n-1] && partFits(want, parts[n-1])
			}
		}
		fits = after
	}
	return fits[len(parts)]
}

// partFits compares one label or segment; a star in it stands for anything,
// but a lone star for something.
func partFits(want, part string) bool {
	if want == "*" {
		return part != ""
	}
	first, rest, open := strings.Cut(want, "*")
	if !open {
		return want == part
	}
	if !strings.HasPrefix(part, first) {
		return false
	}
	part = part[len(first):]
	for {
		next, more, again := strings.Cut(rest, "*")
		if !again {
			return strings.HasSuffix(part, rest)
		}
		at := strings.Index(part, next)
		if at < 0 {
			return false
		}
		part, rest = part[at+len(next):], more
	}
}
