package oauthtest

import (
	"encoding/json"
	"net/http"
	"slices"
)

// checkDetails refuses authorization details that are none, and those of types
// that the issuer does not take (RFC 9396, section 5).
func (i *Issuer) checkDetails(asked string) *answer {
	if asked == "" {
		return nil
	}
	var all []map[string]any
	bad := wrong(http.StatusBadRequest, "invalid_authorization_details", "not the details that this issuer takes")
	if json.Unmarshal([]byte(asked), &all) != nil || len(all) == 0 {
		return &bad
	}
	for _, one := range all {
		kind, _ := one["type"].(string)
		if kind == "" || i.settings.DetailTypes != nil && !slices.Contains(i.settings.DetailTypes, kind) {
			return &bad
		}
	}
	return nil
}

// decided is what a token answer says of them (RFC 9396, section 7); nil =
// nothing.
func (i *Issuer) decided(asked string) any {
	if i.settings.Decide != nil {
		return i.settings.Decide(asked)
	}
	if asked == "" {
		return nil
	}
	return json.RawMessage(asked)
}
