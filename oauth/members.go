package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
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

// unreadableScope stands for all that a provider calls a scope and that is
// none: dropping it would make what was granted look smaller than it is. No
// rule but "*" is meant to name it.
const unreadableScope = "unreadable-scope"

// How much of a list of scopes is read.
const (
	maxScopes = 100
	maxScope  = 200 // bytes
)

// scopes returns a list of scopes, at most 100 of at most 200 bytes each: a
// JSON array, or a text with spaces or commas between (GitHub). What is no
// scope (RFC 6749, section 3.3) or one too many is told by one word,
// unreadableScope.
func (m members) scopes(name string) []string {
	var found []string
	unreadable := false
	for _, word := range m.words(name) {
		if !isScope(word) || len(found) == maxScopes {
			unreadable = true
			continue
		}
		found = append(found, word)
	}
	if unreadable && !slices.Contains(found, unreadableScope) {
		found = append(found, unreadableScope)
	}
	return found
}

// words splits a list into its non-empty words, not checked. An element that
// is no text gives a word that is none either.
func (m members) words(name string) []string {
	const none = "\x00"
	switch list := m[name].(type) {
	case nil:
		return nil
	case string, json.Number:
		return strings.FieldsFunc(m.text(name), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	case []any:
		var found []string
		for _, v := range list {
			word, ok := v.(string)
			switch {
			case !ok:
				found = append(found, none)
			case word != "":
				found = append(found, word)
			}
		}
		return found
	}
	return []string{none}
}

// details returns the authorization details that were granted (RFC 9396,
// section 7): as asked, if the answer does not say.
func (m members) details(asked bridge.Details) bridge.Details {
	said := m["authorization_details"]
	if said == nil {
		return asked
	}
	text, err := json.Marshal(said)
	if err != nil {
		return bridge.UnreadableDetails
	}
	details, err := bridge.ReadDetails(text)
	if err != nil {
		return bridge.UnreadableDetails
	}
	return details
}

// isScope reports whether a text is one scope token.
func isScope(word string) bool {
	return word != "" && len(word) <= maxScope && !strings.ContainsFunc(word, func(r rune) bool {
		return r < 0x21 || r > 0x7e || r == '"' || r == '\\'
	})
}

// complaint says which OAuth error was answered (RFC 6749, section 5.2), in
// the provider's words where it has any. The hidden secrets are blotted out
// should it repeat them.
func (m members) complaint(hidden ...bridge.Secret) string {
	cause := fmt.Sprintf("the provider answered %q", clean(m.text("error"), 60, hidden...))
	if said := clean(m.text("error_description"), 200, hidden...); said != "" {
		cause += fmt.Sprintf("; in its words: \"%s\"", said)
	}
	switch m.text("error") {
	case "invalid_client", "unauthorized_client":
		cause += "; the operator has to check the id of our client, its credentials and what it may do there"
	case "invalid_scope":
		cause += "; the operator has to let this client ask for these scopes there"
	}
	return cause
}
