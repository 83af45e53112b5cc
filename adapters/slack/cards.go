package slack

import (
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// message is what stands in a place, and the text of it that a notification
// shows and a screen reader reads instead.
type message struct {
	text   string
	blocks []slackgo.Block
}

// cardMessage lays out a card as a message. A card with a code that is not for
// one human's eyes alone, and one with a code or an address that is none, is
// [bridge.ErrInvalid].
func cardMessage(c bridge.Card) (message, error) {
	var s sheet
	if err := chat.Draw(&s, c); err != nil {
		return message{}, err
	}
	return message{fallback(c), s.blocks}, nil
}

// sheet is a list of blocks that is being written: the [chat.Pen] of Slack.
type sheet struct{ blocks []slackgo.Block }

func (s *sheet) add(b slackgo.Block) { s.blocks = append(s.blocks, b) }

// Line implements [chat.Pen].
func (s *sheet) Line(spans ...chat.Span) {
	if slices.ContainsFunc(spans, func(p chat.Span) bool { return p.Text != "" }) {
		s.section(textOf(spans...))
	}
}

// section adds a text that is never folded away behind "see more".
func (s *sheet) section(t *slackgo.TextBlockObject) {
	s.add(slackgo.NewSectionBlock(t, nil, nil, slackgo.SectionBlockOptionExpand(true)))
}

// Aside implements [chat.Pen].
func (s *sheet) Aside(spans ...chat.Span) {
	if t := textOf(spans...); t.Text != "" {
		s.add(slackgo.NewContextBlock("", t))
	}
}

// maxScopes is how long all the scopes of a card get, escaped.
const maxScopes = 5000

// List implements [chat.Pen]: in as many blocks as it needs.
func (s *sheet) List(label chat.Span, items []string, last string) {
	const most = 2800
	part, size := []chat.Span{label}, 0
	lines := chat.Fit(items, length, maxScopes)
	if last != "" {
		lines = append(slices.Clone(lines), last)
	}
	for _, line := range lines {
		if n := length(line) + 1; size+n > most {
			s.Line(part...)
			part, size = nil, 0
		}
		if len(part) > 0 {
			line = "\n" + line
		}
		part, size = append(part, chat.Words(line)), size+length(line)+1
	}
	s.Line(part...)
}

// Quote implements [chat.Pen]. What an agent says fits into one block.
func (s *sheet) Quote(lines []string) { s.section(plainText(strings.Join(lines, "\n"))) }

// Code implements [chat.Pen], in a block that a click copies.
func (s *sheet) Code(code bridge.Secret) { s.section(markup("```" + code.Reveal() + "```")) }

// Length implements [chat.Pen].
func (s *sheet) Length(text string) int { return length(text) }
