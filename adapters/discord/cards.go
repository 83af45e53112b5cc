package discord

import (
	"slices"
	"sort"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// message is what stands in a place: its text as Discord reads it, and the
// buttons below. Whoever sends it allows it to mention nobody.
type message struct {
	Content    string
	Components []discordgo.MessageComponent
}

// cardMessage lays out a card as a message. A card with a code that is not for
// one human's eyes alone, and one with a code or an address that is none, is
// [bridge.ErrInvalid].
func cardMessage(c bridge.Card) (message, error) {
	var s sheet
	if err := chat.Draw(&s, c); err != nil {
		return message{}, err
	}
	return s.message(), nil
}

// maxContent is how long a message gets: Discord takes 2000 units.
const maxContent = 1900

// sheet is a message that is being written: the [chat.Pen] of Discord. Its
// buttons stand below all of its lines.
type sheet struct {
	lines []textLine
	rows  []discordgo.MessageComponent

	carried map[string]int // how often a custom_id was wanted
}

// textLine is one line of a message. What it gives up, when not all of them fit,
// goes by its kind.
type textLine struct {
	kind  kindOfLine
	spans []chat.Span
	fixed string // of a fixedLine, in place of spans
}

type kindOfLine int

const (
	saidLine  kindOfLine = iota
	smallLine            // small print
	quoteLine            // what an agent says
	itemLine             // of a list
	fixedLine            // as it is
)

// begins is what a line of this kind begins with, for Discord to read.
func (k kindOfLine) begins() string {
	switch k { //nolint:exhaustive // the others begin with nothing
	case smallLine:
		return "-# "
	case quoteLine:
		return "> "
	}
	return ""
}

// Line implements [chat.Pen].
func (s *sheet) Line(spans ...chat.Span) { s.add(saidLine, spans) }

// Aside implements [chat.Pen].
func (s *sheet) Aside(spans ...chat.Span) { s.add(smallLine, spans) }

// List implements [chat.Pen].
func (s *sheet) List(label chat.Span, items []string, last string) {
	s.Line(label)
	for _, one := range items {
		s.add(itemLine, []chat.Span{chat.Words(one)})
	}
	s.Line(chat.Words(last))
}

// Quote implements [chat.Pen].
func (s *sheet) Quote(lines []string) {
	for _, one := range lines {
		s.add(quoteLine, []chat.Span{chat.Words(one)})
	}
}

// Code implements [chat.Pen]: in a block that can be copied, and for who hears
// it spelled out. A code has nothing in it that ends the block.
func (s *sheet) Code(code bridge.Secret) {
	s.lines = append(s.lines, textLine{kind: fixedLine, fixed: "```\n" + code.Reveal() + "\n```"})
	s.Aside(chat.Words("Letter by letter: " + chat.Spelled(code.Reveal())))
}

// Length implements [chat.Pen].
func (s *sheet) Length(text string) int { return length(escape(text)) }

// add adds lines, one for each in the text, if they have words.
func (s *sheet) add(kind kindOfLine, spans []chat.Span) {
	now := textLine{kind: kind}
	for _, p := range spans {
		for i, part := range strings.Split(p.Text, "\n") {
			if i > 0 {
				s.end(now)
				now = textLine{kind: kind}
			}
			now.spans = append(now.spans, chat.Span{Text: part, Bold: p.Bold, At: p.At})
		}
	}
	s.end(now)
}

func (s *sheet) end(l textLine) {
	if slices.ContainsFunc(l.spans, func(p chat.Span) bool { return p.Text != "" || !p.At.IsZero() }) {
		s.lines = append(s.lines, l)
	}
}

// message is what has been written, short enough for Discord.
func (s *sheet) message() message {
	s.fit()
	return message{s.text(), s.buttons()}
}

// buttons is never nil: an edit takes away those that were there.
func (s *sheet) buttons() []discordgo.MessageComponent {
	return append([]discordgo.MessageComponent{}, s.rows...)
}

func (s *sheet) text() string {
	all := make([]string, len(s.lines))
	for i, l := range s.lines {
		all[i] = l.String()
	}
	return strings.Join(all, "\n")
}

// String is the line as Discord reads it.
func (l textLine) String() string {
	if l.kind == fixedLine {
		return l.fixed
	}
	var out strings.Builder
	out.WriteString(l.kind.begins())
	for _, p := range l.spans {
		out.WriteString(marked(p))
	}
	return out.String()
}

// marked is a piece of a line as Discord reads it.
func marked(p chat.Span) string {
	text := escape(p.Text)
	if p.Bold && text != "" {
		text = "**" + text + "**"
	}
	if !p.At.IsZero() {
		text += clock(p.At)
	}
	return text
}

// How much of what an agent says is left before a scope is left out: it could
// say much to hide what it wants.
const (
	leastQuote  = 60 // of one saying
	leastQuotes = 3
)

// fit cuts what is too long for one message: first what the agent says, then
// how many scopes are named, at last whatever is longest. Small print is of
// words that are ours, and short.
func (s *sheet) fit() {
	over := func() int { return length(s.text()) - maxContent }
	if over() > 0 {
		s.level(leastQuote, func(k kindOfLine) bool { return k == quoteLine })
	}
	if over() > 0 {
		s.quoteLess()
	}
	if n := over(); n > 0 {
		s.fewer(n)
	}
	if over() > 0 {
		s.level(1, func(k kindOfLine) bool { return k != fixedLine && k != smallLine })
	}
}

// level cuts the longest pieces of some kinds of lines, all to the same length,
// which is least at the least.
func (s *sheet) level(least int, some func(kindOfLine) bool) {
	whole := s.lines
	cutTo := func(most int) {
		s.lines = slices.Clone(whole)
		for i, l := range whole {
			if some(l.kind) {
				s.lines[i].spans = beginnings(l.spans, most)
			}
		}
	}
	n := sort.Search(maxContent-least, func(n int) bool {
		cutTo(maxContent - n)
		return length(s.text()) <= maxContent
	})
	cutTo(maxContent - n)
}

// beginnings are pieces of a line, none longer than most once it is escaped.
func beginnings(spans []chat.Span, most int) []chat.Span {
	all := slices.Clone(spans)
	for i, p := range all {
		said := strings.TrimLeft(p.Text, " ")
		all[i].Text = p.Text[:len(p.Text)-len(said)] + within(said, most)
	}
	return all
}

// quoteLess leaves out what an agent says after its first sayings.
func (s *sheet) quoteLess() {
	from := slices.IndexFunc(s.lines, func(l textLine) bool { return l.kind == quoteLine }) + leastQuotes
	to := from
	for to < len(s.lines) && s.lines[to].kind == quoteLine {
		to++
	}
	if to > from {
		rest := textLine{kind: quoteLine, spans: []chat.Span{chat.Words("…")}}
		s.lines = slices.Concat(s.lines[:from], []textLine{rest}, s.lines[to:])
	}
}

// fewer leaves out items of the list, so that so much is gained; but not the
// first.
func (s *sheet) fewer(gain int) {
	first := slices.IndexFunc(s.lines, func(l textLine) bool { return l.kind == itemLine })
	if first < 0 {
		return
	}
	var items []string
	size := 0
	for _, l := range s.lines[first:] {
		if l.kind == itemLine {
			items = append(items, l.spans[0].Text)
			size += s.itemLength(l.spans[0].Text)
		}
	}
	some := chat.Fit(items, s.itemLength, max(size-gain-roomForRest, s.itemLength(items[0])))
	rest := slices.Clone(s.lines[first+len(items):])
	s.lines = s.lines[:first]
	for _, one := range some {
		s.add(itemLine, []chat.Span{chat.Words(one)})
	}
	s.lines = append(s.lines, rest...)
}

// roomForRest is for the line that says how many items are left out.
const roomForRest = 100

// itemLength is how long an item is, with the end of its line.
func (s *sheet) itemLength(text string) int { return s.Length(text) + 1 }

// fallbackMessage stands in the channel for those whom no direct message
// reaches, and tells all who see it nothing but whom it is for: a user, "" =
// it is not known any more. Whoever sends it allows it to mention that user.
func fallbackMessage(user string, c bridge.Card) message {
	var s sheet
	switch {
	case c.Ending != "" && c.State.Open():
		return message{"This access request has been shown privately. Type /authbridge pending to see it again.", s.buttons()}
	case c.Ending != "":
		return message{"This access request is over.", s.buttons()}
	}
	whom := "Somebody"
	if user != "" {
		whom = "<@" + user + ">"
	}
	s.row([]discordgo.Button{{Label: "Show privately", Style: discordgo.SecondaryButton, CustomID: customID(doPrivately, string(c.Request))}})
	return message{whom + " has an access request.", s.buttons()}
}

// closedMessage is what is left where a card was shown to one human for as long
// as Discord lets that be changed. That of a team's request stands in its
// channel, too; of another nothing may be left to press.
func closedMessage(team bool) message {
	if team {
		return wordMessage("This view is closed. Press Show again on the team's card to see it anew.")
	}
	return wordMessage("This view is closed. Type /authbridge pending to see it anew.")
}
