package client

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Key is an agent's key to the bridge, "abk_…". It is a secret: it cannot be
// printed, logged or encoded, and no error of this package holds it. The zero
// Key is none.
type Key struct{ reveal func() string } // a func: what prints a struct by reflection finds an address

// NewKey takes a key as the operator handed it out; "" is none.
func NewKey(text string) Key {
	if text == "" {
		return Key{}
	}
	return Key{func() string { return text }}
}

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.reveal == nil }

const redacted = "[key]"

var (
	errKeyEncoded = errors.New("a key cannot be encoded")
	errKeyShape   = errors.New("the key holds characters that no key may have; see that it is the whole key and nothing else, on one line")
)

// String returns a placeholder.
func (Key) String() string { return redacted }

// GoString returns a placeholder.
func (Key) GoString() string { return redacted }

// Format writes a placeholder whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns a placeholder.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON refuses.
func (Key) MarshalJSON() ([]byte, error) { return nil, errKeyEncoded }

// MarshalText refuses.
func (Key) MarshalText() ([]byte, error) { return nil, errKeyEncoded }

// header is the value of Authorization (RFC 6750, section 2.1), "" without a
// key.
func (k Key) header() (string, error) {
	if k.IsZero() {
		return "", nil
	}
	plain := k.reveal()
	if strings.ContainsFunc(plain, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", errKeyShape
	}
	return "Bearer " + plain, nil
}
