package oauth

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
)

// TestARepeatedSecretIsBlottedOut in whatever form a provider repeats it, also
// one that nobody told clean about.
func TestARepeatedSecretIsBlottedOut(t *testing.T) {
	const hidden, foreign, letters = "BCDF-GHJK", "rt.9Qf3Kz7LmW2/+=xY4", "qwkzptnbxmvhgyrdslcfojaueixw"
	for _, secret := range []string{hidden, foreign, letters} {
		raw := []byte(secret)
		for _, form := range []string{
			secret, url.QueryEscape(secret), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
			base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
			"Basic " + base64.StdEncoding.EncodeToString([]byte("client:"+secret)),
		} {
			got := clean("sent <"+form+"> to us", 200, bridge.NewSecret(hidden))
			if strings.Contains(got, strings.TrimPrefix(form, "Basic ")) || !strings.HasPrefix(got, "sent <") || !strings.HasSuffix(got, "> to us") {
				t.Errorf("%s: %q", form, got)
			}
		}
	}
}

func TestWordsOfAProviderAreLeftAlone(t *testing.T) {
	for _, text := range []string{
		"AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
		"invalid scope: unbelievably-long-scope.readwrite.all, see https://login.example.com/docs/errors",
		"unsupported grant_type urn:ietf:params:oauth:grant-type:device_code", "IMPORTANT_CONFIGURATION_MISSING",
	} {
		if got := clean(text, 200); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
