package web

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// renderer writes cards as HTML. It is the only place where they become
// markup, and html/template escapes all of it: no word of an agent does more
// than stand there.
type renderer struct {
	pages *template.Template
	key   []byte
}

// newKey draws the key of a renderer's digests.
func newKey() []byte {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	return key
}

func newRenderer(key []byte) *renderer {
	pages := template.New("cards.html").Funcs(template.FuncMap{
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"utc":   func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") },
		"span":  span,
		"path":  url.PathEscape,
		"plain": plain,
		"host":  func(address string) string { host, _ := atPath(plain(address)); return host },
		"below": func(address string) string { _, path := atPath(plain(address)); return path },
	})
	return &renderer{template.Must(pages.ParseFS(page, "page/cards.html", "page/inbox.html")), key}
}

// shown is a card as the template sees it.
type shown struct {
	bridge.Card
	QR     *picture // of the plain address; nil without a code
	Digest string   // changes with what is seen of the card, and with nothing else
}

// Long reports whether a code is too long for one line of the largest letters
// on a narrow page.
func (c shown) Long() bool { return len(c.Code.UserCode.Reveal()) > 10 }

// OwnClaim reports whether the one who looks has taken a team's request, which
// then has an end before its own.
func (c shown) OwnClaim() bool { return !c.Shared && !c.Claim.Until.IsZero() }

// Approved reports whether the human gave what was asked, even if this request
// ended otherwise because another one of the agent had it.
func (c shown) Approved() bool {
	revocable := slices.ContainsFunc(c.Buttons, func(b bridge.Button) bool { return b.Verb == bridge.VerbRevoke })
	return c.State == bridge.Granted || c.State == bridge.Collected || !c.Until.IsZero() || revocable
}

// Held reports whether the human has said yes and only the account is left to
// check: there is nothing to wait for any more, and nowhere to go.
func (c shown) Held() bool { return c.State == bridge.Held && !c.Shared }

// Unasked reports whether that needs nothing more from the human.
func (c shown) Unasked() bool { return c.Held() && c.Question == "" }

// Takes reports whether a button takes the digits that the agent shows.
func (c shown) Takes(b bridge.Button) bool {
	return c.Digits && (b.Verb == bridge.VerbShowCode || b.Verb == bridge.VerbClaim)
}

// Spoken is what is read out when the card appears or changes: never a code.
func (c shown) Spoken() string {
	switch {
	case c.Ending != "":
		return c.Headline + ": " + c.Title + ". " + c.Ending
	case c.Code != nil:
		return c.Title + ". The code is here."
	case c.Question != "":
		return c.Title + ". " + c.Question
	case c.Minting:
		return c.Title + ". The code is on its way."
	case c.Note != "":
		return c.Title + ". " + c.Note
	}
	return c.Headline + ": " + c.Title + "."
}

// card writes one card.
func (t *renderer) card(c bridge.Card) ([]byte, error) {
	s, err := t.digested(c)
	if err != nil {
		return nil, err
	}
	return t.execute("card", s)
}

// digested writes the card once without a digest to make one of it.
func (t *renderer) digested(c bridge.Card) (shown, error) {
	s := shown{Card: c}
	if c.Code != nil {
		s.QR = pictureOf(c.Code.Address)
	}
	bare, err := t.execute("card", s)
	s.Digest = t.digest(bare)
	return s, err
}

// stopped is an agent that may not ask somebody, as the template sees it.
type stopped struct {
	bridge.Suspension
	Own    bool // it is the one who looks at it that can allow it again
	Digest string
}

// whole is all that a human sees, as the template sees it.
type whole struct {
	Human                   string
	Count                   int // of what waits for this human, and not for another of the team
	Waiting, Given, Earlier []shown
	GivenMore               int
	Stopped                 []stopped
	Sessions                []shownSession // the one that looks first, then the newest
}

// shownSession is a session as the template sees it.
type shownSession struct {
	session
	Here   bool // it is the one that looks at it
	Others bool // there are others
	Digest string
}

// inbox writes all that a human sees.
func (t *renderer) inbox(to session, sessions []session, in bridge.Inbox) ([]byte, error) {
	all := whole{Human: to.Human, GivenMore: in.GivenMore}
	for _, s := range hereFirst(sessions, to) {
		one, err := t.session(shownSession{session: s, Here: s.note == to.note, Others: len(sessions) > 1})
		if err != nil {
			return nil, err
		}
		all.Sessions = append(all.Sessions, one)
	}
	for _, part := range []struct {
		to    *[]shown
		cards []bridge.Card
	}{{&all.Waiting, in.Waiting}, {&all.Given, in.Given}, {&all.Earlier, in.Earlier}} {
		for _, c := range part.cards {
			s, err := t.digested(c)
			if err != nil {
				return nil, err
			}
			*part.to = append(*part.to, s)
		}
	}
	for _, c := range in.Waiting {
		if !c.Shared || c.Claim.By == "" {
			all.Count++
		}
	}
	for _, s := range in.Stopped {
		one := stopped{Suspension: s, Own: s.Human == to.Human}
		bare, err := t.execute("stopped", one)
		if err != nil {
			return nil, err
		}
		one.Digest = t.digest(bare)
		all.Stopped = append(all.Stopped, one)
	}
	return t.execute("inbox", all)
}

// hereFirst puts the session that looks at the list on top of it.
func hereFirst(sessions []session, here session) []session {
	first := slices.Clone(sessions)
	slices.SortStableFunc(first, func(a, b session) int {
		switch here.note {
		case a.note:
			return -1
		case b.note:
			return 1
		}
		return 0
	})
	return first
}

func (t *renderer) session(s shownSession) (shownSession, error) {
	bare, err := t.execute("session", s)
	s.Digest = t.digest(bare)
	return s, err
}

// page writes what everybody sees first. provider is through whom people may
// sign in there, "" = nobody.
func (t *renderer) page(provider string) ([]byte, error) {
	return t.execute("inbox.html", map[string]string{"SignIn": provider})
}

func (t *renderer) execute(name string, data any) ([]byte, error) {
	var out bytes.Buffer
	if err := t.pages.ExecuteTemplate(&out, name, data); err != nil {
		return nil, fmt.Errorf("write the %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// etag names a version of the inbox.
func (t *renderer) etag(html []byte) string { return `"` + t.digest(html) + `"` }

// digest is keyed: a plain hash of a text with a short code in it would give
// the code away to whoever tries them all.
func (t *renderer) digest(html []byte) string {
	mac := hmac.New(sha256.New, t.key)
	mac.Write(html)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:12])
}

// plain is an address as people write it.
func plain(address string) string { return strings.TrimPrefix(address, "https://") }

// atPath cuts a plain address where a line may best break.
func atPath(address string) (host, path string) {
	from := 0
	if i := strings.Index(address, "://"); i >= 0 {
		from = i + len("://")
	}
	if i := strings.Index(address[from:], "/"); i >= 0 {
		return address[:from+i], address[from+i:]
	}
	return address, ""
}

// span says a length of time in words.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d < time.Minute {
		return count(d/time.Second, "second")
	}
	var words []string
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := d / unit.of; n > 0 {
			words = append(words, count(n, unit.name))
		}
		d %= unit.of
	}
	return strings.Join(words, " ")
}

func count(n time.Duration, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
