package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// Challenge is how a resource refused an agent: the value of its
// WWW-Authenticate (RFC 6750, section 3), of several joined by commas. It is
// written as that text, and read from it or from an object with the members
// "error" and "scope", of which nothing else is read.
type Challenge string

// UnmarshalJSON takes a string, an object, or null for none.
func (c *Challenge) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = Challenge(text)
		return nil
	}
	var parts struct{ Error, Scope string }
	if data[0] != '{' || json.Unmarshal(data, &parts) != nil {
		// This type of error is the one that the decoder adds the field to.
		return &json.UnmarshalTypeError{Value: string(data), Type: reflect.TypeFor[Challenge]()}
	}
	*c = Challenge(`Bearer error=` + quote(parts.Error) + `, scope=` + quote(parts.Scope))
	return nil
}

// quote writes a quoted-string (RFC 9110, section 5.6.4).
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
