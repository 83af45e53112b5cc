package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/authbridge/authbridge/api"
)

// progress tells on standard error how a request goes: on a terminal in one
// line that is written over, elsewhere one plain line for each change.
type progress struct {
	s     *stdio
	width func() int // of the terminal, 0 = not known; nil when there is none
	last  string
	open  bool // a line is begun
}

func (s *stdio) progress() *progress {
	p := &progress{s: s}
	if f, ok := s.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.width = func() int {
			width, _, _ := term.GetSize(int(f.Fd()))
			return width
		}
	}
	return p
}

// show tells how a request stands now, if that is news.
func (p *progress) show(r api.Request) {
	p.say(standing(r))
}

// granted tells what came of it: whose account granted, and what.
func (p *progress) granted(t api.Token) {
	line := fmt.Sprintf("granted by %s · %s", cmp.Or(string(t.Account), string(t.Human)), orNone(t.Scopes))
	if t.ExpiresAt != nil {
		line += " · the token is good until " + clock(*t.ExpiresAt)
	}
	p.say(line)
}

func (p *progress) say(text string) {
	line := p.s.plain(text)
	if line == "" || line == p.last {
		return
	}
	p.last = line
	if p.width == nil {
		fmt.Fprintln(p.s.err, line)
		return
	}
	fmt.Fprintf(p.s.err, "\r\x1b[K%s", fitted(line, p.width()))
	p.open = true
}

// fitted cuts a line to a terminal: one that went on in the next row could
// not be written over.
func fitted(line string, width int) string {
	letters := []rune(line)
	if width < 2 || len(letters) < width {
		return line
	}
	return string(letters[:width-2]) + "…"
}

// end leaves the last line standing.
func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.s.err)
		p.open = false
	}
}

// standing says in one line how an open request stands. A grant is told with
// its token, other ends by the command's result.
func standing(r api.Request) string {
	phrase := "check phrase " + r.CheckPhrase
	switch r.State {
	case api.Asked:
		return fmt.Sprintf("asked %s in %s · %s · %s, until %s", cmp.Or(r.Human, r.Team), place(r), phrase, seen(r), clock(r.ExpiresAt))
	case api.Coded:
		lapse := ""
		if r.CodeExpiresAt != nil {
			lapse = " · it lapses at " + clock(*r.CodeExpiresAt)
		}
		return fmt.Sprintf("%s has a code%s · %s", who(r), lapse, phrase)
	case api.Held:
		return fmt.Sprintf("%s granted; the account is being checked", who(r))
	case api.Granted, api.Collected, api.Denied, api.Expired, api.Cancelled, api.Failed:
	}
	return ""
}

// who is the human who acts: of a team it is not told who that is.
func who(r api.Request) string {
	if r.Human == "" && r.Team != "" {
		return "somebody of " + string(r.Team)
	}
	return string(r.Human)
}

// place names where the human is asked.
func place(r api.Request) string {
	var names []string
	for _, d := range r.Delivery {
		name := d.Channel
		if name == "web" {
			name = "their inbox"
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "their inbox"
	}
	return strings.Join(names, " and ")
}

func seen(r api.Request) string {
	for _, d := range r.Delivery {
		if d.State == api.Shown {
			return "seen"
		}
	}
	return "waiting"
}

// clock writes a time for people: the hour today, the day too otherwise.
func clock(t time.Time) string {
	t = t.Local()
	now := time.Now()
	switch {
	case sameDay(t, now):
		return t.Format("15:04")
	case sameDay(t, now.AddDate(0, 0, 1)):
		return "tomorrow " + t.Format("15:04")
	}
	return t.Format("2 Jan 15:04")
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}
