package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// open is a request that waits for alice.
func open() api.Request {
	return api.Request{
		ID: "req_0123456789abcdefghij012345", State: api.Asked, Version: 1, Human: "alice", Provider: "corp",
		Scopes: []string{"files.read"}, CheckPhrase: "amber falcon 42", ExpiresAt: time.Now().Add(24 * time.Hour),
		Delivery: []api.Delivery{{Channel: "web", State: api.Waiting}},
	}
}

func TestProgressIsOnePlainLineForEachChange(t *testing.T) {
	d := newDesk(t)
	d.changes(sees)
	d.changes(presses)
	d.changes(presses) // says nothing new
	d.changes(func(r *bridge.Request) { r.State, r.CodeExpiresAt = bridge.Held, time.Time{} })
	d.grants(tokenOf("tok-123"))
	got := d.call("token", "--provider", "corp").expect(t, exitDone)
	lines := strings.Split(strings.TrimSuffix(got.err, "\n"), "\n")
	want := []string{
		"asked alice in their inbox · check phrase amber falcon 42 · waiting, until tomorrow ",
		"asked alice in their inbox · check phrase amber falcon 42 · seen, until tomorrow ",
		"alice has a code · it lapses at ",
		"alice granted; the account is being checked",
		"granted by alice@example.com · files.read · the token is good until ",
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines:\n%s", len(lines), got.err)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d is %q, want %q", i, line, want[i])
		}
	}
	if got.out != "tok-123\n" || strings.ContainsFunc(strings.ReplaceAll(got.err, "\n", ""), unicode.IsControl) {
		t.Errorf("%q on standard output, %q on standard error", got.out, got.err)
	}
}

func TestOnATerminalProgressIsOneLine(t *testing.T) {
	var screen bytes.Buffer
	p := &progress{s: &stdio{err: &screen}, width: func() int { return 40 }}
	r := open()
	p.show(r)
	p.show(r)
	r.State = api.Held
	p.show(r)
	p.end()
	p.end()
	const want = "\r\x1b[Kasked alice in their inbox · check phr…" + "\r\x1b[Kalice granted; the account is being ch…" + "\n"
	if got := screen.String(); got != want {
		t.Errorf("the terminal got %q, want %q", got, want)
	}
}

func TestLinesFitTheTerminal(t *testing.T) {
	for _, c := range []struct {
		line  string
		width int
		want  string
	}{
		{"short", 80, "short"},
		{"exactly10!", 11, "exactly10!"},
		{"exactly10!", 10, "exactly1…"}, // the last column would wrap on some
		{"über·all", 5, "übe…"},
		{"of an unknown width", 0, "of an unknown width"},
		{"narrow", 1, "narrow"},
	} {
		if got := fitted(c.line, c.width); got != c.want {
			t.Errorf("%q in %d columns: %q, want %q", c.line, c.width, got, c.want)
		}
	}
}

// TestHostileTextsCannotSteerATerminal: whatever an agent or a provider makes
// the bridge repeat stays text, and stays on its line.
func TestHostileTextsCannotSteerATerminal(t *testing.T) {
	const hostile = "al\x1b]0;owned\x07ice\r\ngranted by alice\u202e\u200b\u0085\u009b2J\x00"
	d := newDesk(t)
	id := strings.TrimSpace(d.call("ask", "--provider", "corp").expect(t, exitDone).out)
	d.Change(bridge.RequestID(id), func(r *bridge.Request) {
		r.Human, r.CheckPhrase, r.Reason, r.Session = hostile, hostile, hostile, hostile
		r.Scopes = []string{hostile}
		r.Surfaces = []bridge.Surface{{Channel: hostile, State: bridge.DeliveryRetrying, Detail: hostile}}
	})
	d.ends(bridge.Failed, bridge.OutcomeProviderError)
	for name, got := range map[string]result{
		"wait":   d.call("wait", id),
		"status": d.call("status", id),
		"list":   d.call("list"),
	} {
		all := got.out + got.err
		if !strings.Contains(all, "]0;ownedice") {
			t.Fatalf("%s: the hostile text is not there at all: %q", name, all)
		}
		if strings.ContainsFunc(strings.ReplaceAll(all, "\n", ""), func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Errorf("%s steers the terminal: %q", name, all)
		}
		if strings.Contains(all, "\ngranted by alice") {
			t.Errorf("%s lets it make a line of its own: %q", name, all)
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, seed := range []string{"plain", "\x1b[2J", "a\r\nb", "\xff\xfe", "\u202e", "\u009b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := new(stdio)
		if got := s.plain(text); strings.ContainsFunc(got, func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Errorf("%q stays in %q", text, got)
		}
		if got := s.lines(text); strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q has other lines than %q", got, text)
		}
	})
}

func TestTimesAreForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for _, c := range []struct {
			at   time.Time
			want string
		}{
			{now, now.Local().Format("15:04")},
			{now.AddDate(0, 0, 1), "tomorrow " + now.Local().Format("15:04")},
			{now.AddDate(0, 0, 7), now.AddDate(0, 0, 7).Local().Format("2 Jan 15:04")},
			{now.AddDate(1, 0, 0), now.Local().Format("2 Jan 15:04")},
		} {
			if got := clock(c.at); got != c.want {
				t.Errorf("%s is shown as %q, want %q", c.at, got, c.want)
			}
		}
	})
}

func TestPlaces(t *testing.T) {
	for want, channels := range map[string][]string{
		"their inbox":           {"web"},
		"slack and their inbox": {"slack", "web"},
	} {
		r := open()
		r.Delivery = nil
		for _, c := range channels {
			r.Delivery = append(r.Delivery, api.Delivery{Channel: c})
		}
		if got := place(r); got != want {
			t.Errorf("%v: %q, want %q", channels, got, want)
		}
	}
}
