package oauth

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

const (
	maxLink       = 512
	maxCode       = 16 // letters and digits
	maxCodeGroups = 3
)

// vetUserCode accepts what a human can read out and type: ASCII letters and
// digits, at most 16, in at most 3 groups with one hyphen or space between.
func vetUserCode(code string) error {
	separator := func(r rune) bool { return r == '-' || r == ' ' }
	signs := 0
	for _, r := range code {
		switch {
		case isAlphanumeric(r):
			signs++
		case !separator(r):
			return errors.New("it has signs other than letters and digits")
		}
	}
	groups := strings.Split(strings.ReplaceAll(code, " ", "-"), "-")
	switch {
	case signs == 0:
		return errors.New("it is empty")
	case signs > maxCode:
		return fmt.Errorf("it is longer than %d letters and digits", maxCode)
	case len(groups) > maxCodeGroups:
		return fmt.Errorf("it has more than %d groups", maxCodeGroups)
	}
	if slices.Contains(groups, "") {
		return errors.New("it has an empty group")
	}
	return nil
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// errForeign marks a link to a host that is not of the issuer.
var errForeign = errors.New("it leads to a host that is not of the issuer")

// vetLink accepts what the function of that name does, and links to hosts of
// which the profile knows that the provider sends people there.
func (p *Provider) vetLink(link string) error {
	err := vetLink(link, p.issuer, p.network)
	if !errors.Is(err, errForeign) {
		return err
	}
	if u, no := url.Parse(link); no == nil && u.Scheme == "https" && u.Port() == "" &&
		slices.Contains(p.profile.Hosts, strings.ToLower(u.Hostname())) {
		return nil
	}
	return err
}

// vetLink accepts a link that a human may be sent to: https (http where the
// policy allows it on loopback), only signs that RFC 3986 knows, no user
// name, no fragment (the sign # is not among them), at most 512 bytes, and on a host of the issuer.
func vetLink(link string, issuer *url.URL, network NetworkPolicy) error {
	if len(link) > maxLink {
		return fmt.Errorf("it is longer than %d bytes", maxLink)
	}
	if strings.ContainsFunc(link, func(r rune) bool {
		return !isAlphanumeric(r) && !strings.ContainsRune("-._~:/?[]@!$&'()*+,;=%", r)
	}) {
		return errors.New("it has signs that an address does not have")
	}
	u, err := url.Parse(link)
	if err == nil {
		_, err = url.QueryUnescape(u.RawQuery)
	}
	switch {
	case err != nil || u.Opaque != "":
		return errors.New("it is no address")
	case u.User != nil:
		return errors.New("it carries a user name")
	case u.Scheme != "https" && (u.Scheme != "http" || !network.AllowHTTPLoopback || !isLoopback(u.Hostname())):
		return errors.New("it is not https")
	case !sameHouse(u.Hostname(), issuer.Hostname()):
		return errForeign
	}
	return nil
}

// sameHouse reports whether two hosts belong together: they are equal, or
// names under one registrable domain. An IP address has no domain, and a
// public suffix (co.uk, github.io) belongs to nobody.
func sameHouse(host, issuer string) bool {
	host, issuer = strings.ToLower(host), strings.ToLower(issuer)
	if host == issuer {
		return host != ""
	}
	domain, err := registrable(host)
	if err != nil {
		return false
	}
	own, err := registrable(issuer)
	return err == nil && own == domain
}

func registrable(host string) (string, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		return "", errors.New("an IP address has no domain")
	}
	for label := range strings.SplitSeq(host, ".") {
		if !isLabel(label) {
			return "", errors.New("not a host name")
		}
	}
	return publicsuffix.EffectiveTLDPlusOne(host)
}

func isLabel(label string) bool {
	return label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-' &&
		!strings.ContainsFunc(label, func(r rune) bool { return !isAlphanumeric(r) && r != '-' })
}
