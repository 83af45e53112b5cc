package oauth

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// clean makes foreign text fit to be quoted: as [bridge.Clean] does, without
// a quotation mark that could end the quotation, without the hidden secrets,
// and without whatever else may be one. They are blotted out after the
// cleaning, which could have put one together, and before the cut, which could
// leave the half of one.
func clean(text string, limit int, hidden ...bridge.Secret) string {
	text = bridge.Clean(strings.ReplaceAll(text, `"`, "'"), len(text)+1)
	for _, secret := range hidden {
		if secret.IsZero() {
			continue
		}
		for _, form := range written(secret.Reveal()) {
			text = strings.ReplaceAll(text, form, secret.String())
		}
	}
	return bridge.Clean(opaque.ReplaceAllStringFunc(text, blot), limit)
}

// written are the forms in which a provider may repeat a secret.
func written(secret string) []string {
	raw := []byte(secret)
	return []string{
		secret, url.QueryEscape(secret), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
		base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	}
}

// opaque is a run of what secrets are written with, in base64, hexadecimal and
// URLs too: a provider that repeats what it was sent need not do so as it is.
var opaque = regexp.MustCompile(`[A-Za-z0-9+/=_.~%&;-]{16,}`)

// unspoken is longer than the words that people write.
var unspoken = regexp.MustCompile(`[A-Za-z]{24,}`)

// blot hides a run that has a digit or letters of both sizes, as words and
// addresses seldom have, or more letters on end than a word.
func blot(run string) string {
	mixed := strings.ToLower(run) != run && strings.ToUpper(run) != run
	if mixed || strings.ContainsAny(run, "0123456789") || unspoken.MatchString(run) {
		return bridge.NewSecret(run).String()
	}
	return run
}
