package oauth

import (
	"net/url"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// clean makes foreign text fit to be quoted: as [bridge.Clean] does, without
// a quotation mark that could end the quotation, and without the hidden
// secrets. They are blotted out after the cleaning, which could have put one
// together, and before the cut, which could leave the half of one.
func clean(text string, limit int, hidden ...bridge.Secret) string {
	text = bridge.Clean(strings.ReplaceAll(text, `"`, "'"), len(text)+1)
	for _, secret := range hidden {
		if secret.IsZero() {
			continue
		}
		for _, form := range []string{secret.Reveal(), url.QueryEscape(secret.Reveal())} {
			text = strings.ReplaceAll(text, form, secret.String())
		}
	}
	return bridge.Clean(text, limit)
}
