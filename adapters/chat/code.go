package chat

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// A code and the address where it is typed were vetted before they came here.
// What goes between backticks, or behind a button, is vetted again: nothing
// that is no code gets out of the one, and no other address into the other.

var (
	goodCode    = regexp.MustCompile(`^[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+){0,2}$`)
	goodAddress = regexp.MustCompile(`^https?://[A-Za-z0-9\[][A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*$`)
)

const (
	maxCode    = 18 // sixteen letters and digits in three groups
	maxAddress = 512
)

var (
	errShared  = errors.New("a code on a card that is not for one human's eyes alone")
	errOver    = errors.New("a code on the card of what is over")
	errCode    = errors.New("the code is none that a human could type")
	errAddress = errors.New("the address is none that a human could be sent to")
)

// vet refuses a card with a code that must not be seen there.
func vet(c bridge.Card) error {
	var fault error
	switch {
	case c.Code == nil:
		return nil
	case Shared(c):
		fault = errShared
	case c.Ending != "":
		fault = errOver
	case len(c.Code.UserCode.Reveal()) > maxCode, !goodCode.MatchString(c.Code.UserCode.Reveal()):
		fault = errCode
	case !IsAddress(c.Code.Address), !IsAddress(c.Code.Open.Reveal()):
		fault = errAddress
	default:
		return nil
	}
	return fmt.Errorf("%w: %w", bridge.ErrInvalid, fault)
}

// IsAddress reports whether a text is an address that a human could be sent to.
func IsAddress(s string) bool {
	if len(s) > maxAddress || !goodAddress.MatchString(s) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != "" && u.User == nil
}

// Plain is an address as people write it.
func Plain(address string) string { return strings.TrimPrefix(address, "https://") }

// AtPath cuts a plain address into where it leads and the rest.
func AtPath(address string) (at, below string) {
	address = Plain(address)
	from := 0
	if i := strings.Index(address, "://"); i >= 0 {
		from = i + len("://")
	}
	if i := strings.IndexAny(address[from:], "/?"); i >= 0 {
		return address[:from+i], address[from+i:]
	}
	return address, ""
}

// Spelled is a code as a screen reader can say it.
func Spelled(code string) string {
	var groups []string
	for group := range strings.FieldsFuncSeq(code, func(c rune) bool { return c == '-' || c == ' ' }) {
		groups = append(groups, strings.Join(strings.Split(group, ""), " "))
	}
	return strings.Join(groups, ", ") + " (" + code + ")"
}
