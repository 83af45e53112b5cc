package bridge

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
)

// Secret is text that must not be seen: a token, a device code, a client
// secret. It refuses to be printed, logged or encoded; only Reveal tells it,
// so every place that handles the plain text can be found by that name.
// The zero Secret is empty.
type Secret struct{ plain string }

const redacted = "[secret]"

// errSecret is what an encoder gets that tries to write a secret.
var errSecret = errors.New("a secret cannot be encoded: seal it instead")

// NewSecret wraps plain text.
func NewSecret(plain string) Secret { return Secret{plain: plain} }

// Reveal returns the plain text.
func (s Secret) Reveal() string { return s.plain }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.plain == "" }

// Equal compares in constant time for texts of equal length.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.plain), []byte(other.plain)) == 1
}

// String returns a placeholder.
func (Secret) String() string { return redacted }

// Format writes a placeholder whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns a placeholder.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON refuses.
func (Secret) MarshalJSON() ([]byte, error) { return nil, errSecret }

// MarshalText refuses.
func (Secret) MarshalText() ([]byte, error) { return nil, errSecret }

// GobEncode refuses.
func (Secret) GobEncode() ([]byte, error) { return nil, errSecret }
