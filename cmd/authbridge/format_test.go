package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

func contains(r result, text string) bool {
	return strings.Contains(r.out, text) || strings.Contains(r.err, text)
}

func TestFormats(t *testing.T) {
	for format, want := range map[string]string{
		"token":  "tok-123\n",
		"header": "Authorization: Bearer tok-123\n",
		"env":    "AUTHBRIDGE_TOKEN='tok-123'\n",
	} {
		d := newDesk(t)
		d.grants(tokenOf("tok-123"))
		got := d.call("token", "--provider", "corp", "--format", format).expect(t, exitDone)
		if got.out != want || strings.Contains(got.err, "tok-123") {
			t.Errorf("%s: %q on standard output, %q on standard error", format, got.out, got.err)
		}
	}
}

func TestFormatJSON(t *testing.T) {
	for _, flags := range [][]string{{"--format", "json"}, {"--json"}} {
		d := newDesk(t)
		d.grants(tokenOf("tok-123"))
		var token api.Token
		d.call(append([]string{"token", "--provider", "corp"}, flags...)...).expect(t, exitDone).object(t, &token)
		if token.AccessToken != "tok-123" || token.Account != "alice@example.com" {
			t.Errorf("%v: %q of %s", flags, token.AccessToken, token.Account)
		}
	}
}

func TestAnUnknownFormatAsksNobody(t *testing.T) {
	d := newDesk(t)
	d.call("token", "--provider", "corp", "--format", "xml").expect(t, exitUsage, `there is no format "xml"; use token, json, header or env`)
	d.call("wait", "req_0123456789abcdefghij012345", "--format", "").expect(t, exitUsage)
	if n := d.Calls(); n != 0 {
		t.Errorf("the bridge got %d calls", n)
	}
}

// TestHostileTokens: a provider chooses the token, and must not choose what
// our output means.
func TestHostileTokens(t *testing.T) {
	for name, token := range map[string]bridge.Token{
		"a second line":             tokenOf("tok\nAUTHBRIDGE_TOKEN=other"),
		"a header of its own":       tokenOf("tok\r\nX-Admin: yes"),
		"an escape of the terminal": tokenOf("tok\x1b[2J"),
		"an eight-bit escape":       tokenOf("tok\u009b2J"),
		"a zero byte":               tokenOf("tok\x00"),
		"a direction character":     tokenOf("tok\u202e"),
		"a header in the type":      withType(tokenOf("tok"), "Bearer x\r\nX-Admin: yes"),
	} {
		for _, format := range []string{"token", "header", "env"} {
			d := newDesk(t)
			d.grants(token)
			got := d.call("token", "--provider", "corp", "--format", format).expect(t, exitOther, "hint: take it with --format json")
			if got.out != "" || strings.Contains(got.err, "tok") && !strings.Contains(got.err, "token") {
				t.Errorf("%s as %s: %q", name, format, got.out)
			}
		}
		d := newDesk(t)
		d.grants(token)
		var whole api.Token
		d.call("token", "--provider", "corp", "--json").expect(t, exitDone).object(t, &whole)
		if whole.AccessToken != token.Access.Reveal() {
			t.Errorf("%s: JSON changes it to %q", name, whole.AccessToken)
		}
	}
}

func withType(t bridge.Token, name string) bridge.Token {
	t.Type = name
	return t
}

// TestAShellReadsBackWhatEnvPrints, also when a token is made to break out of
// its quotes.
func TestAShellReadsBackWhatEnvPrints(t *testing.T) {
	for _, secret := range []string{"plain", "it's", `"; echo broken "`, "'; echo broken '", "$(echo broken)", "`echo broken`", `back\slash`, "'", "a b"} {
		d := newDesk(t)
		d.grants(tokenOf(secret))
		line := d.call("token", "--provider", "corp", "--format", "env").expect(t, exitDone).out
		back, err := exec.CommandContext(t.Context(), "sh", "-c", line+`printf %s "$AUTHBRIDGE_TOKEN"`).Output()
		if err != nil || string(back) != secret {
			t.Errorf("%q is read back as %q (%v)", secret, back, err)
		}
	}
}

func FuzzQuoted(f *testing.F) {
	for _, seed := range []string{"", "'", "it's", "''", `\'`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := unquoted(t, quoted(text)); got != text {
			t.Errorf("%q is read back as %q", text, got)
		}
	})
}

// unquoted reads a word as a POSIX shell does: quotes, and a backslash
// outside of them; anything else outside would not be inert.
func unquoted(t *testing.T, word string) string {
	var text strings.Builder
	for word != "" {
		if rest, is := strings.CutPrefix(word, `\'`); is {
			text.WriteByte('\'')
			word = rest
			continue
		}
		inner, rest, closed := strings.Cut(strings.TrimPrefix(word, "'"), "'")
		if word[0] != '\'' || !closed {
			t.Fatalf("%q leaves the quotes", word)
		}
		text.WriteString(inner)
		word = rest
	}
	return text.String()
}
