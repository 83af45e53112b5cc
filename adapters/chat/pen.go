package chat

import (
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Pen draws the lines of a card in one platform's way. It sees to it that the
// platform reads nothing out of them that they do not say.
type Pen interface {
	// Line adds a paragraph, if it has words.
	Line(spans ...Span)
	// List adds items below a label, and below them a last line, if it has
	// words. A pen that has no room for all the items says how many are left
	// out, as [Fit] does.
	List(label Span, items []string, last string)
	// Quote adds what an agent says: lines of which nothing is ever read as
	// more than letters.
	Quote(lines []string)
	// Aside adds small print, if it has words.
	Aside(spans ...Span)
	// Code adds a code, so that it can be copied.
	Code(code bridge.Secret)
	// Buttons adds some buttons of a card.
	Buttons(c bridge.Card, all []bridge.Button)
	// Length is how long a text is once it is drawn, as the platform counts.
	Length(s string) int
}

// Span is a piece of a line: words, or a moment that each reader sees in their
// own time.
type Span struct {
	Text string
	Bold bool
	At   time.Time
}

// Words is a piece of a line.
func Words(s string) Span { return Span{Text: s} }

// Bold is one that stands out.
func Bold(s string) Span { return Span{Text: s, Bold: true} }

// At is a moment.
func At(t time.Time) Span { return Span{At: t} }

// Clean is a text from elsewhere as it may stand on a card: one line of at most
// limit characters, in which no client finds an address.
func Clean(s string, limit int) string { return bridge.Inert(bridge.Clean(s, limit)) }

// How much of a text is shown, in characters.
const (
	MaxTitle  = 200
	MaxLine   = 300 // who, notes
	MaxEnding = 600
	MaxPhrase = 60
	MaxScope  = 200
	MaxDetail = 300 // a line of authorization details

	maxReason = 300
	maxMore   = 100 // of what an agent says besides its reason
	maxSays   = 9
)
