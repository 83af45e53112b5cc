package oauth

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSymmetricAlgorithmsAreNeverTaken: with HS256 whoever knows the client
// secret, or publishes a key of that kind, could write an id_token.
func TestSymmetricAlgorithmsAreNeverTaken(t *testing.T) {
	offered := []string{"HS256", "RS256", "none", "None", "ES512", "HS512", "", "EdDSA", "RSA1_5"}
	if diff := cmp.Diff([]string{"RS256", "ES512", "EdDSA"}, publicKeyAlgorithms(offered)); diff != "" {
		t.Error(diff)
	}
	if offered[0] != "HS256" {
		t.Error("the metadata was changed")
	}
}

func TestUserCodes(t *testing.T) {
	for code, want := range map[string]bool{
		"WDJB-MJHT":                true,
		"wdjb mjht":                true,
		"12345678":                 true,
		"ABC-DEF-GHI":              true,
		"ABCDEFGHIJKLMNOP":         true, // 16
		"ABCDE-FGHIJ-KLMNOP":       true,
		"A":                        true,
		"ABCDEFGHIJKLMNOPQ":        false, // 17
		"AB-CD-EF-GH":              false,
		"AB--CD":                   false,
		"-ABCD":                    false,
		"ABCD ":                    false,
		"":                         false,
		"-":                        false,
		"ABCD_EFGH":                false,
		"ABCD.EFGH":                false,
		"<b>AB</b>":                false,
		"AB\nCD":                   false,
		"AB\tCD":                   false,
		"\u0410\u0412\u0421\u0415": false, // Cyrillic letters that look like ABCE
		"AB\u200bCD":               false,
		"AB\u202eCD":               false,
		"\uff21\uff22":             false, // wide letters
		"@channel":                 false,
		"*ABCD*":                   false,
	} {
		if err := vetUserCode(code); (err == nil) != want {
			t.Errorf("%q: %v, want accepted: %v", code, err, want)
		}
	}
}

func TestLinks(t *testing.T) {
	const (
		name   = "https://login.example.co.uk"
		single = "https://keycloak"
		page   = "https://alice.github.io"
		ip     = "https://93.184.216.34"
		local  = "http://127.0.0.1:8080"
	)
	for _, at := range []struct {
		issuer, link string
		loopback     bool
		want         bool
	}{
		{name, name, false, true},
		{name, name + "/device", false, true},
		{name, name + "/device?user_code=WDJB-MJHT&x=%20y", false, true},
		{name, "HTTPS://LOGIN.EXAMPLE.CO.UK/device", false, true},
		{name, "https://login.example.co.uk:8443/device", false, true},
		{name, "https://example.co.uk/device", false, true},
		{name, "https://www.example.co.uk/device", false, true},
		{name, "https://a.b.example.co.uk/device", false, true},
		{name, "https://evil.example/device", false, false},
		{name, "https://evil.co.uk/device", false, false},
		{name, "https://co.uk/device", false, false},
		{name, "https://uk/device", false, false},
		{name, "https://example.co.uk.evil.example/device", false, false},
		{name, "https://evilexample.co.uk/device", false, false},
		{name, "https://login.example.co.uk.", false, false},
		{name, "https://login.example.co.uk@evil.example/", false, false},
		{name, "https://login.example.co.uk:pw@evil.example/", false, false},
		{name, "https://user@login.example.co.uk/", false, false},
		{name, `https://evil.example\.example.co.uk/`, false, false},
		{name, "https://evil.example#.example.co.uk/", false, false},
		{name, "https://evil.example?.example.co.uk/", false, false},
		{name, "https://evil.example%2f.example.co.uk/", false, false},
		{name, "https://evil.example%00.example.co.uk/", false, false},
		{name, name + "/device#", false, false},
		{name, name + "/device#fragment", false, false},
		{name, "http://login.example.co.uk/device", false, false},
		{name, "http://login.example.co.uk/device", true, false},
		{name, "javascript:alert(1)", false, false},
		{name, "javascript://login.example.co.uk/%0aalert(1)", false, false},
		{name, "data:text/html,x", false, false},
		{name, "slack://login.example.co.uk/", false, false},
		{name, "//login.example.co.uk/device", false, false},
		{name, "https:login.example.co.uk/device", false, false},
		{name, "https:/login.example.co.uk/device", false, false},
		{name, "https:///login.example.co.uk/device", false, false},
		{name, "login.example.co.uk/device", false, false},
		{name, "", false, false},
		{name, name + "/a b", false, false},
		{name, name + "/a\nb", false, false},
		{name, name + "/a|b", false, false},
		{name, name + "/<b>", false, false},
		{name, name + `/"x"`, false, false},
		{name, name + "/`x`", false, false},
		{name, name + "/\u202e", false, false},
		{name, "https://login.ex\u0430mple.co.uk/", false, false},
		{name, "https://login.xn--exmple-4nf.co.uk/", false, false},
		{name, name + "/%zz", false, false},
		{name, name + "/?a=%zz", false, false},
		{name, "https://login.example.co.uk:port/", false, false},
		{name, "https://-.example.co.uk/", false, false},
		{name, "https://_.example.co.uk/", false, false},
		{name, "https://..example.co.uk/", false, false},
		{name, name + "/" + strings.Repeat("a", 484), false, true}, // 512 in all
		{name, name + "/" + strings.Repeat("a", 485), false, false},
		{single, "https://keycloak/device", false, true},
		{single, "https://evil/device", false, false},
		{single, "https://a.keycloak/device", false, false},
		{page, "https://alice.github.io/device", false, true},
		{page, "https://a.alice.github.io/device", false, true},
		{page, "https://bob.github.io/device", false, false},
		{page, "https://github.io/device", false, false},
		{ip, "https://93.184.216.34/device", false, true},
		{ip, "https://1.184.216.34/device", false, false},
		{ip, "https://93.184.216.35/device", false, false},
		{ip, "https://a.93.184.216.34/device", false, false},
		{local, "http://127.0.0.1:8080/device", true, true},
		{local, "http://127.0.0.1:8080/device", false, false},
		{local, "http://127.0.0.2:8080/device", true, false},
		{local, "http://localhost:8080/device", true, false},
		{"http://localhost:1", "http://localhost:1/device", true, true},
		{"http://localhost:1", "http://evil.localhost:1/device", true, false},
	} {
		issuer, err := url.Parse(at.issuer)
		if err != nil {
			t.Fatal(err)
		}
		err = vetLink(at.link, issuer, NetworkPolicy{AllowHTTPLoopback: at.loopback})
		if (err == nil) != at.want {
			t.Errorf("issuer %s, link %q: %v, want accepted: %v", at.issuer, at.link, err, at.want)
		}
		if err != nil && strings.Contains(err.Error(), "evil") {
			t.Errorf("the cause repeats the link: %q", err)
		}
	}
}
