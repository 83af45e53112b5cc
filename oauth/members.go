package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/authbridge/authbridge/bridge"
)

// members is an answer's content. Providers disagree about types, so the
// members are read one by one and forgivingly.
type members map[string]any

// text returns a member that is a text or a number; else "".
func (m members) text(name string) string {
	switch v := m[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// secret returns a member that nobody may see.
func (m members) secret(name string) bridge.Secret { return bridge.NewSecret(m.text(name)) }

// truth returns a member that is true or "true".
func (m members) truth(name string) bool { return m[name] == true || m[name] == "true" }

// seconds returns a span given as 900, 900.0 or "900", at most 100 years
// either way; given is false where the member is missing, null or "".
func (m members) seconds(name string) (span time.Duration, given bool, err error) {
	if v := m[name]; v == nil || v == "" {
		return 0, false, nil
	}
	const longest = 100 * 365 * 24 * 3600
	n, err := strconv.ParseFloat(strings.TrimSpace(m.text(name)), 64)
	if err != nil || math.IsNaN(n) {
		return 0, true, errors.New("not a number")
	}
	return time.Duration(min(max(n, -longest), longest) * float64(time.Second)), true, nil
}

// words returns a list: a JSON array, or a text with spaces or commas
// between (GitHub).
func (m members) words(name string) []string {
	if list, ok := m[name].([]any); ok {
		var found []string
		for _, v := range list {
			if word, ok := v.(string); ok && word != "" {
				found = append(found, word)
			}
		}
		return found
	}
	return strings.FieldsFunc(m.text(name), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// complaint says which OAuth error was answered (RFC 6749, section 5.2), in
// the provider's words where it has any. The hidden secrets are blotted out
// should it repeat them.
func (m members) complaint(hidden ...bridge.Secret) string {
	cause := fmt.Sprintf("the provider answered %q", clean(m.text("error"), 60, hidden...))
	if said := clean(m.text("error_description"), 200, hidden...); said != "" {
		cause += fmt.Sprintf("; in its words: \"%s\"", said)
	}
	return cause
}
