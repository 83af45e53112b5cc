package main

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
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
		"alice is looking at it · code lapses at ",
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

// TestTheGrantIsToldAsItStands: until when no human is asked again, and not
// until when this token is good.
func TestTheGrantIsToldAsItStands(t *testing.T) {
	d := newDesk(t)
	token := tokenOf("tok-123")
	token.Grant = d.gives("", func(g *bridge.Grant) { g.ReuseUntil = time.Now().Add(20 * time.Hour) })
	d.grants(token)
	got := d.call("token", "--provider", "corp").expect(t, exitDone)
	if want := "granted by alice@example.com · files.read · until " + clock(time.Now().Add(20*time.Hour)); !strings.HasSuffix(got.err, want+"\n") {
		t.Errorf("it said %q, want %q in the end", got.err, want)
	}
}

// screen is what a terminal was sent, and its width.
type screen struct {
	width int

	mu   sync.Mutex
	text []byte
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	return len(p), nil
}

// take is what was sent since it was last looked at.
func (s *screen) take() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	text := string(s.text)
	s.text = nil
	return text
}

func (s *screen) progress() *progress {
	return &progress{s: &stdio{err: s}, width: func() int { return s.width }}
}

func (s *screen) says(t *testing.T, want string) {
	t.Helper()
	if got := s.take(); got != want {
		t.Errorf("the terminal got %q, want %q", got, want)
	}
}

const home = "\r\x1b[K" // the line is written over

func TestOnATerminalProgressIsOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{width: 80}
		p := s.progress()
		r := open()
		p.show(r)
		p.show(r)
		s.says(t, home+"asked alice in their inbox · check phrase amber falcon 42 · waiting, 24 h left")
		r.State = api.Held
		p.show(r)
		p.end()
		p.end()
		s.says(t, home+"alice granted; the account is being checked\n")
	})
}

// TestTheTimeLeftTicks: sparsely before, once a second near the end; and not
// when the line has ended.
func TestTheTimeLeftTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{width: 80}
		p := s.progress()
		r := open()
		lapse := time.Now().Add(3*time.Minute + 20*time.Second)
		r.State, r.CodeExpiresAt = api.Coded, &lapse
		told := func(left string) string {
			return home + "alice is looking at it · code lapses in " + left + " · check phrase amber falcon 42"
		}
		p.show(r)
		s.says(t, told("3 min"))
		<-time.After(time.Minute)
		s.says(t, told("2 min"))
		<-time.After(20*time.Second + 2*time.Millisecond)
		s.says(t, told("120 s"))
		<-time.After(2 * time.Second)
		s.says(t, told("119 s")+told("118 s"))
		<-time.After(118 * time.Second)
		s.take()
		<-time.After(3 * time.Hour)
		s.says(t, "") // it is over, and the bridge will say so
		p.end()
		s.says(t, "\n")
		<-time.After(3 * time.Hour)
		s.says(t, "")
	})
}

// TestANarrowTerminalGetsWhatMatters: the phrase and the time.
func TestANarrowTerminalGetsWhatMatters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{width: 40}
		p := s.progress()
		p.show(open())
		s.says(t, home+"amber falcon 42 · waiting, 24 h left")
		s.width = 20
		p.redraw() // as when the terminal says that its size has changed
		s.says(t, "\n"+home+"amber falcon 42 · …")
		s.width = 100
		p.redraw()
		s.says(t, home+"asked alice in their inbox · check phrase amber falcon 42 · waiting, 24 h left")
		p.end()
	})
}

func TestABridgeThatIsAwayIsSaid(t *testing.T) {
	away := &client.NoBridge{Socket: "/run/x", Err: errors.New("connection refused")}
	synctest.Test(t, func(t *testing.T) {
		s := &screen{width: 80}
		p := s.progress()
		p.show(open())
		s.take()
		p.away(away, time.Now().Add(30*time.Second))
		s.says(t, home+"the bridge is away, waiting for it, 30 s")
		<-time.After(time.Second + 2*time.Millisecond)
		s.says(t, home+"the bridge is away, waiting for it, 29 s")
		p.away(nil, time.Time{})
		s.says(t, home+"asked alice in their inbox · check phrase amber falcon 42 · waiting, 23 h left")
		p.end()

		var plain bytes.Buffer
		p = &progress{s: &stdio{err: &plain}}
		for range 2 {
			p.away(away, time.Now().Add(30*time.Second))
			p.away(nil, time.Time{})
		}
		p.away(&client.Problem{Problem: api.Problem{Code: api.ProblemTooManyOpen}}, time.Time{})
		p.end()
		want := strings.Repeat("the bridge is away, waiting for it, 30 s\nthe bridge is back\n", 2) + "the bridge has no room now, waiting for some\n"
		if plain.String() != want {
			t.Errorf("it said %q, want %q", plain.String(), want)
		}
	})
}

func TestHowARequestIsTold(t *testing.T) {
	for want, change := range map[string]func(*api.Request){
		"asked oncall in Slack and Discord · check phrase amber falcon 42 · waiting, until": func(r *api.Request) {
			r.Human, r.Team = "", "oncall"
			r.Delivery = []api.Delivery{{Channel: "slack", State: api.Waiting}, {Channel: "discord", State: api.Unreachable}}
		},
		"asked oncall in their inbox · check phrase amber falcon 42 · claimed by one of them, until": func(r *api.Request) {
			r.Human, r.Team, r.Claimed = "", "oncall", true
		},
		"somebody of oncall is looking at it · check phrase amber falcon 42": func(r *api.Request) {
			r.Human, r.Team, r.Claimed, r.State = "", "oncall", true, api.Coded
		},
		"asked alice in their inbox · check phrase amber falcon 4271 (they are asked for 4271) · waiting, until": func(r *api.Request) {
			r.CheckPhrase = "amber falcon 4271"
		},
		"asked alice in their inbox to renew grt_1 · check phrase amber falcon 42 · waiting, until": func(r *api.Request) { r.Renews = "grt_1" },
		"asked alice in Slack · check phrase amber falcon 42 · not delivered yet, until": func(r *api.Request) {
			r.Delivery = []api.Delivery{{Channel: "slack", State: api.Retrying}}
		},
		"asked alice in Slack · check phrase amber falcon 42 · not reached there, until": func(r *api.Request) {
			r.Delivery = []api.Delivery{{Channel: "slack", State: api.Unreachable}}
		},
	} {
		var plain bytes.Buffer
		p := &progress{s: &stdio{err: &plain}}
		r := open()
		change(&r)
		if p.show(r); !strings.HasPrefix(plain.String(), want) {
			t.Errorf("it said %q, want %q", plain.String(), want)
		}
	}
}

func TestTimeLeft(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", time.Millisecond: "1 s", 83 * time.Second: "83 s", 2 * time.Minute: "2 min", 119*time.Minute + time.Second: "119 min",
		2 * time.Hour: "2 h", 47*time.Hour + 59*time.Minute: "47 h", 48 * time.Hour: "2 days", 200 * time.Hour: "8 days",
	} {
		if got := left(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
		if next := nextTick(d); d > 0 && left(d-next) == left(d) && left(d-next-time.Second) == left(d) {
			t.Errorf("%s: after %s it still reads %q", d, next, left(d))
		}
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
		{"山田太郎", 9, "山田太郎"}, // two columns each
		{"山田太郎", 8, "山田太…"},
		{"e\u0301e\u0301e", 4, "e\u0301e\u0301e"},
	} {
		if got := fitted([]string{c.line}, c.width); got != c.want {
			t.Errorf("%q in %d columns: %q, want %q", c.line, c.width, got, c.want)
		}
	}
	if got := fitted([]string{"the whole of it", "half of it", "a bit"}, 12); got != "half of it" {
		t.Errorf("of three %q is taken", got)
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
		"Slack and their inbox": {"slack", "web"},
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
