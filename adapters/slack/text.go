package slack

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// Slack reads markup out of a text of type mrkdwn: bold, links, mentions,
// emoji, dates. Only two kinds of text are of that type here: what stands in
// this package word for word, and what has no sign in it that markup could be
// made of. All other text is of type plain_text, in which Slack reads nothing.

// escape keeps the three signs from being read that mean something to Slack
// in every type of text.
func escape(s string) string { return signs.Replace(s) }

var signs = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// tame reports whether a text has nothing in it that Slack could read as
// markup: letters, digits, space and a few signs, a colon that begins no
// emoji, an underscore and an at sign only inside a word.
func tame(s string) bool {
	return !strings.ContainsFunc(s, wild) && !emoji.MatchString(s) && !edge.MatchString(s)
}

func wild(c rune) bool {
	return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(" \n.,:;?!'\"()/+-_@=%…·•“”’", c)
}

var (
	emoji = regexp.MustCompile(`:[\pL\pN_+'’-]*:`)
	// An underscore at the edge of a word may begin or end italics, and an at
	// sign may begin a name.
	edge = regexp.MustCompile(`(?:^|[^\pL\pN_])[_@]|_(?:[^\pL\pN_]|$)`)
)

// textOf is a text of bold and plain pieces, or all plain if any of them could
// be read as more than it says.
func textOf(spans ...chat.Span) *slackgo.TextBlockObject {
	var flat, told, marked strings.Builder
	for _, s := range spans {
		flat.WriteString(s.Text)
		told.WriteString(s.Text)
		switch {
		case !s.At.IsZero():
			marked.WriteString(date(s.At))
			told.WriteString(chat.UTC(s.At))
		case s.Bold && s.Text != "":
			marked.WriteString("*" + s.Text + "*")
		default:
			marked.WriteString(s.Text)
		}
	}
	if tame(flat.String()) {
		return markup(marked.String())
	}
	return plainText(told.String())
}

// plainText is a text in which Slack reads nothing.
func plainText(s string) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.PlainTextType, escape(s), false, false)
}

// markup is a text that Slack reads. It must be of this package's own words, or
// tame.
func markup(s string) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.MarkdownType, s, false, true)
}

// date is a time in the zone of whoever reads it, as markup.
func date(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), chat.UTC(t))
}

// length is how long a text is once it is escaped, as Slack counts.
func length(s string) int {
	n := 0
	for _, c := range escape(s) {
		n += utf16.RuneLen(c)
	}
	return n
}

// within is a text of one line, cut so that it is no longer than most once it
// is escaped.
func within(s string, most int) string {
	if most < 1 {
		return ""
	}
	s = bridge.Clean(s, most)
	if length(s) <= most {
		return s
	}
	fits := sort.Search(most, func(n int) bool { return length(bridge.Clean(s, n+1)) > most })
	if fits == 0 {
		return ""
	}
	return bridge.Clean(s, fits)
}

// bare is a text of which nothing is left that could be markup, for the one
// place where Slack reads a text as markup whatever it is told: what a
// notification says.
func bare(s string) string {
	if tame(s) {
		return s
	}
	without := strings.Map(func(c rune) rune {
		if strings.ContainsRune("*_~`:@", c) {
			return ' '
		}
		return c
	}, s)
	return strings.Join(strings.Fields(strings.TrimLeft(without, "> ")), " ")
}
