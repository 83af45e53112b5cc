package profile_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/oauth/profile"
)

// What stands in the place of a key can be nothing but what the key is for:
// no value leads a call to another host, or to another place there.
func TestValuesCannotChangeWhatIsAroundThem(t *testing.T) {
	for form, texts := range map[profile.Form]map[string]bool{
		profile.FormHost: {
			"login.example.com": true, "login.example.com:8443": true, "a": true, "127.0.0.1": true,
			"": false, "evil.example/": false, "evil.example#": false, "evil.example?x": false, "me@evil.example": false,
			"a..b": false, "LOGIN.example.com": false, "a b": false, "{host}": false, "-a": false, "a:b": false, "[::1]": false, "ex\u00e4mple.com": false,
		},
		profile.FormWord: {
			"master": true, "my_realm-2.x": true, "A": true,
			"": false, "a/b": false, "../a": false, "..": false, "a..b": false, "a?b": false, "a#b": false, "a%2fb": false, "{a}": false, "a b": false, ".": false,
		},
		profile.FormUUID: {
			"8f1c3b52-2a0e-4f1d-9f0a-6c1f0d0c7e11": true,
			"common":                               false, "organizations": false, "contoso.example.com": false, "8F1C3B52-2A0E-4F1D-9F0A-6C1F0D0C7E11": false, "8f1c3b52-2a0e-4f1d-9f0a-6c1f0d0c7e11/": false,
		},
		profile.FormURL: {
			"https://d-1234567890.awsapps.com/start": true,
			"http://a.example":                       false, "https://me@a.example": false, "https://{host}": false, "https://": false, "javascript:alert(1)": false, "/start": false,
		},
		profile.FormText: {
			"Example Bridge": true,
			"":               false, "{app_name}": false, "a\nb": false, strings.Repeat("a", 81): false,
		},
	} {
		for text, fits := range texts {
			if form.Fits(text) != fits {
				t.Errorf("%q fits as %s: %v", text, form, !fits)
			}
		}
	}
}

// All that stands in profiles makes sense.
func TestProfiles(t *testing.T) {
	names := map[string]bool{}
	for _, p := range profile.All() {
		t.Run(p.Name, func(t *testing.T) {
			if names[p.Name] || p.Name == "" || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
				t.Error("its name is taken, or none")
			}
			names[p.Name] = true
			if p.Title == "" || !slices.Contains([]profile.Proof{profile.ProofLive, profile.ProofDocumented, profile.ProofConstructed}, p.Proof) {
				t.Errorf("it is called %q, and sure as %q", p.Title, p.Proof)
			}
			if p.Proof != profile.ProofConstructed && len(p.Sources) == 0 {
				t.Errorf("it is %s and names no source", p.Proof)
			}
			if p.Fixed && (p.Endpoints.Device == "" || p.Endpoints.Token == "" || p.Issuer == "") {
				t.Error("it spares the metadata and does not know the endpoints")
			}
			if p.NeedsScope && len(p.Scopes) == 0 {
				t.Error("it wants scopes and says none")
			}
			for name := range p.Parameters {
				if profile.Reserved(name) {
					t.Errorf("it sends %s, which is the bridge's", name)
				}
			}
			for _, caveat := range append(slices.Clone(p.Caveats), p.Title+".") {
				if !strings.HasSuffix(caveat, ".") || strings.Contains(caveat, "\n") {
					t.Errorf("not a sentence: %q", caveat)
				}
			}
			wantHTTPS(t, p)
		})
	}
	if p, known := profile.Find(""); !known || p.Name != profile.Generic {
		t.Errorf("without a name it is %q", p.Name)
	}
	if _, known := profile.Find("githbu"); known {
		t.Error("a profile that nobody knows was found")
	}
}

// wantHTTPS fills a profile in and looks at all its addresses.
func wantHTTPS(t *testing.T, p profile.Profile) {
	t.Helper()
	given, issuer := map[string]string{}, ""
	for _, k := range p.Keys() {
		given[k.Name] = strings.Trim(k.Example, `"`)
	}
	if p.Issuer == "" {
		issuer = "https://login.example.com"
	}
	filled, faults := p.With(issuer, given)
	if len(faults) > 0 {
		t.Fatalf("its own examples do not do: %v", faults)
	}
	e := filled.Endpoints
	for _, address := range []string{filled.Issuer, e.Device, e.Token, e.Revocation, e.Userinfo, e.Keys, filled.Account.URL, strings.ReplaceAll(filled.Revocation.Delete, "{client_id}", "a")} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" || u.Host == "" || strings.ContainsAny(address, "{}")) {
			t.Errorf("%q is no address to call", address)
		}
	}
	for _, host := range filled.Hosts {
		if !profile.FormHost.Fits(host) || strings.Contains(host, ":") {
			t.Errorf("%q is no host", host)
		}
	}
}

// Filling a profile in leaves the one that it was made of as it was.
func TestFillingInChangesNothingElse(t *testing.T) {
	entra, _ := profile.Find("entra")
	before := entra.Issuer
	filled, faults := entra.With("", map[string]string{"tenant": "8f1c3b52-2a0e-4f1d-9f0a-6c1f0d0c7e11"})
	if len(faults) > 0 || entra.Issuer != before || filled.Issuer == before {
		t.Errorf("%v: %q became %q", faults, before, entra.Issuer)
	}
	more := filled.Add(map[string]string{"prompt": "login"})
	if len(filled.Parameters) != 0 || more.Parameters["prompt"] != "login" {
		t.Errorf("%v became %v", filled.Parameters, more.Parameters)
	}
}
