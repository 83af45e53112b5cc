package canary_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/e2e/canary"
)

// awkward has something for every escape in it.
const awkward = `at.Xq7/+="<&>%41\u0041 'é` + "\t" + `7Wd`

// plain is what most secrets look like.
const plain = "rt-9Qf3Kz7LmW2"

func scanner(t *testing.T, secrets ...canary.Secret) *canary.Scanner {
	t.Helper()
	s, err := canary.NewScanner(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ways are ways in which a secret gets somewhere.
var ways = map[string]func(string) string{
	"as it is":        func(s string) string { return s },
	"JSON":            marshal,
	"JSON in JSON":    func(s string) string { return marshal("msg " + marshal(s)) },
	"JSON, all of it": func(s string) string { return each(s, func(r rune) string { return fmt.Sprintf(`\u%04x`, r) }) },
	"Go":              func(s string) string { return fmt.Sprintf("%q", s) },
	"Go, ASCII":       func(s string) string { return fmt.Sprintf("%+q", s) },
	"a struct":        func(s string) string { return fmt.Sprintf("%#v", struct{ T string }{s}) },
	"bytes":           func(s string) string { return fmt.Sprintf("%d", []byte("x"+s)) },
	"bytes, Go":       func(s string) string { return fmt.Sprintf("%v", struct{ T []byte }{[]byte(s)}) },
	"numbers":         func(s string) string { return numbers(s) },
	"hex":             func(s string) string { return fmt.Sprintf("%x", s) },
	"HEX":             func(s string) string { return fmt.Sprintf("%X", "ab"+s) },
	"hex dump":        func(s string) string { return hex.EncodeToString([]byte(marshal(s))) },
	"base64":          func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64, URL":     func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"base64, later":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x" + s + "yz")) },
	"base64, at 2":    func(s string) string { return base64.URLEncoding.EncodeToString([]byte("xy" + s + "z")) },
	"base64 of JSON":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(`{"a":` + marshal(s) + `}`)) },
	"basic": func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte("client:" + url.QueryEscape(s)))
	},
	"a query":         func(s string) string { return "https://x.test/?t=" + url.QueryEscape(s) },
	"a path":          func(s string) string { return "https://x.test/" + url.PathEscape(s) },
	"a query in JSON": func(s string) string { return marshal("https://x.test/?a=1&t=" + url.QueryEscape(s)) },
	"URL, all of it":  func(s string) string { return each(s, func(r rune) string { return percent(string(r)) }) },
	"HTML":            html.EscapeString,
	"HTML in JSON":    func(s string) string { return marshal("<p>" + html.EscapeString(s) + "</p>") },
	"HTML, by number": func(s string) string { return each(s, func(r rune) string { return fmt.Sprintf("&#%d;", r) }) },
	"a template":      inTemplate,
	"a log in JSON": func(s string) string {
		return logged(s, func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) })
	},
	"a log in text": func(s string) string {
		return logged(s, func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) })
	},
	"bytes in a log":   func(s string) string { return loggedBytes(s) },
	"JSON in URL":      func(s string) string { return url.QueryEscape(`{"t":` + marshal(s) + `}`) },
	"URL in a log too": func(s string) string { return marshal(marshal(url.QueryEscape(s))) },
}

func marshal(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

func each(s string, as func(rune) string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(as(r))
	}
	return b.String()
}

func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

func numbers(s string) string {
	all := make([]int, 0, len(s))
	for _, c := range []byte(s) {
		all = append(all, int(c))
	}
	text, _ := json.Marshal(all)
	return string(text)
}

func inTemplate(s string) string {
	var b strings.Builder
	page := template.Must(template.New("").Parse(`<a title="{{.}}" href="/x?t={{.}}">x</a>`))
	_ = page.Execute(&b, s)
	return b.String()
}

func logged(s string, handler func(*bytes.Buffer) slog.Handler) string {
	var b bytes.Buffer
	slog.New(handler(&b)).Info("what", "err", fmt.Errorf("the provider says %q", s))
	return b.String()
}

func loggedBytes(s string) string {
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("what", "body", []byte("{"+s+"}"))
	return b.String()
}

// TestAPlantedSecretIsFound is the positive control: what this scanner does
// not find is really not there.
func TestAPlantedSecretIsFound(t *testing.T) {
	t.Parallel()
	for name, write := range ways {
		for _, secret := range []string{plain, awkward} {
			s := scanner(t, canary.Secret{Kind: "a token", Text: secret}, canary.Secret{Kind: "another", Text: "never-told-to-anybody"})
			text := []byte(strings.Repeat("all is well\n", 50) + write(secret) + strings.Repeat("\nall is well", 50))
			found := s.Find(canary.Source{Name: "the log", Text: text})
			if len(found) == 0 {
				t.Errorf("%s: %q is not found in %s", name, secret, write(secret))
			}
			for _, f := range found {
				if f.Kind != "a token" || f.Source != "the log" || strings.Contains(f.String(), secret) {
					t.Errorf("%s: %s", name, f)
				}
			}
		}
	}
}

// TestNothingElseIsFound: not what is like a secret, nor a piece of one.
func TestNothingElseIsFound(t *testing.T) {
	t.Parallel()
	s := scanner(t, canary.Secret{Kind: "a token", Text: plain}, canary.Secret{Kind: "another", Text: awkward})
	for name, write := range ways {
		for _, other := range []string{plain[:len(plain)-1] + "x", plain[1:], awkward[:len(awkward)-1], "b" + awkward[1:], ""} {
			if found := s.Find(canary.Source{Name: "the log", Text: []byte(write(other))}); len(found) > 0 {
				t.Errorf("%s: %q: %s", name, other, found)
			}
		}
	}
	if found := s.Find(canary.Source{Text: []byte{'\\'}}, canary.Source{Text: []byte(`\u12`)}, canary.Source{Text: []byte("%4")}, canary.Source{}); len(found) > 0 {
		t.Errorf("in what breaks off: %s", found)
	}
}

// TestWhatMayBeThereIsNoFinding, and every other secret still is.
func TestWhatMayBeThereIsNoFinding(t *testing.T) {
	t.Parallel()
	s := scanner(t, canary.Secret{Kind: "an access token", Text: plain}, canary.Secret{Kind: "a refresh token", Text: awkward})
	answer := []byte(`{"access_token":"` + plain + `","refresh_token":` + marshal(awkward) + `}`)
	found := s.Find(
		canary.Source{Name: "the answer", Text: answer, May: []string{"an access token"}},
		canary.Source{Name: "the other", Text: []byte(plain), May: []string{"an access token", "a refresh token"}},
	)
	if len(found) == 0 {
		t.Error("a refresh token passes with an access token")
	}
	for _, f := range found {
		if f.Kind != "a refresh token" || f.Source != "the answer" {
			t.Errorf("found: %s", f)
		}
	}
}

func TestAShortSecretIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1234567"} {
		if _, err := canary.NewScanner(canary.Secret{Kind: "a code", Text: text}); err == nil {
			t.Errorf("%q is taken for a secret that can be found", text)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("before", plain, "after")
	f.Add(`\`, awkward, "%4")
	f.Add(`\u00`, `\u0041%41&amp;`, `;`)
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		if len(secret) < canary.Shortest {
			return
		}
		s := scanner(t, canary.Secret{Kind: "it", Text: secret})
		for name, wrap := range map[string]func([]byte) string{
			"plain": func(b []byte) string { return string(b) }, "hexadecimal": hex.EncodeToString, "base64": base64.StdEncoding.EncodeToString,
		} {
			if text := wrap([]byte(before + secret + after)); len(s.Find(canary.Source{Text: []byte(text)})) == 0 {
				t.Errorf("%q is not found in %s: %q", secret, name, text)
			}
		}
	})
}

// BenchmarkFind reads a log and a store's file of a usual size.
func BenchmarkFind(b *testing.B) {
	var secrets []canary.Secret
	for n := range 40 {
		secrets = append(secrets, canary.Secret{Kind: "a token", Text: fmt.Sprintf("%d-%s", n, plain)})
	}
	s, err := canary.NewScanner(secrets...)
	if err != nil {
		b.Fatal(err)
	}
	log := bytes.Repeat([]byte(`{"msg":"the provider says \"no\"","at":"http://127.0.0.1:1/x?a=%41","n":1}`+"\n"), 1000)
	file := make([]byte, 256<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(file)
	b.SetBytes(int64(len(log) + len(file)))
	for b.Loop() {
		if found := s.Find(canary.Source{Text: log}, canary.Source{Text: file}); len(found) > 0 {
			b.Fatal(found)
		}
	}
}
