package provider

import (
	"strings"
	"testing"
)

func TestEachIssuerHasACookieOfItsOwn(t *testing.T) {
	if a, b := cookieFor("http://127.0.0.1:1"), cookieFor("http://127.0.0.1:2"); a.Name == b.Name {
		t.Error("two providers on one host share a cookie")
	}
	if secure := cookieFor("https://login.example.com"); !secure.Secure {
		t.Error("the cookie of an https issuer goes over http")
	}
}

func TestTheExampleHasTheFormOfACode(t *testing.T) {
	for want, format := range map[string]UserCodeFormat{
		"BCDF-GHJK":   Base20(),
		"0123":        {Charset: "0123456789", Length: 4},
		"012-345-678": {Charset: "0123456789", Length: 9, Group: 3},
	} {
		if got := format.example(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzNormalCode(f *testing.F) {
	f.Add("bcdf-ghjk")
	f.Add(" WDJB MJHT\n")
	f.Add("\u017fecret\u0131")
	f.Fuzz(func(t *testing.T, typed string) {
		normal := normalCode(typed)
		for _, r := range normal {
			if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
				t.Errorf("%q is left in", r)
			}
		}
		if normalCode(normal) != normal || normalCode(strings.ToLower(normal)) != normal {
			t.Errorf("%q does not stay what it is", normal)
		}
	})
}
