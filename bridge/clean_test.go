package bridge

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain words":               "plain words",
		"  two\n\tlines  ":          "two lines",
		"turned \u202eround":        "turned round",
		"zero\u200bwidth\ufeff":     "zerowidth",
		"tag\U000E0041s":            "tags",
		"bad \xff byte":             "bad byte",
		"e\u0301\u0301\u0301\u0301": "e\u0301\u0301",
		"\u3164filler":              "filler",
		"":                          "",
	} {
		if got := Clean(in, 100); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Clean(strings.Repeat("ab ", 100), 10); got != "ab ab ab…" {
		t.Errorf("a long text is cut to %q", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("line\none", 10)
	f.Add("\u202e\u0301", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 2 + abs(limit)%300
		got := Clean(text, limit)
		if n := utf8.RuneCountInString(got); n > limit {
			t.Fatalf("%d characters, at most %d are wanted", n, limit)
		}
		if !utf8.ValidString(got) || got != strings.TrimSpace(got) {
			t.Fatalf("%q is not tidy", got)
		}
		for _, c := range got {
			if c != ' ' && !unicode.IsPrint(c) {
				t.Fatalf("%q holds %U", got, c)
			}
		}
	})
}

func abs(n int) int { return max(n, -n-1) }

// An address that nobody marked as one is read, and is no link.
func TestInert(t *testing.T) {
	for text, want := range map[string]string{
		"see https://evil.example/x":  "see https :// evil.example/x",
		"slack://open WWW.evil.test":  "slack :// open WWW .evil.test",
		"no address: a//b, w.w.w, :/": "no address: a//b, w.w.w, :/",
		":// x://:// ://":             " :// x ://  ://  :// ",
		"":                            "",
	} {
		got := Inert(text)
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
		if again := Inert(got); again != got {
			t.Errorf("%q twice is %q", text, again)
		}
	}
}
