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

	"github.com/authbridge/authbridge/bridge"
)

// Slack reads markup out of a text of type mrkdwn: bold, links, mentions,
// emoji, dates. Only two kinds of text are of that type here: what stands in
// this package word for word, and what has no sign in it that markup could be
// made of. All other text is of type plain_text, in which Slack reads nothing.

// span is a piece of a text.
type span struct {
	text string
	bold bool
}

func words(s string) span { return span{text: s} }
func bold(s string) span  { return span{text: s, bold: true} }

// clean is a text from elsewhere as it may stand on a card: one line of at most
// limit characters, in which no client finds an address.
func clean(s string, limit int) string { return bridge.Inert(bridge.Clean(s, limit)) }

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
func textOf(spans ...span) *slackgo.TextBlockObject {
	var flat, marked strings.Builder
	for _, s := range spans {
		flat.WriteString(s.text)
		if s.bold && s.text != "" {
			marked.WriteString("*" + s.text + "*")
		} else {
			marked.WriteString(s.text)
		}
	}
	if tame(flat.String()) {
		return markup(marked.String())
	}
	return plainText(flat.String())
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
	return fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), utc(t))
}

func utc(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

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

// lookalike reports whether a letter is of an alphabet of which some look like
// Latin ones.
func lookalike(c rune) bool {
	return unicode.In(c, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee)
}

// mixes reports whether a word has letters of the Latin alphabet beside ones
// of another that look the same.
func mixes(s string) bool {
	if !strings.ContainsFunc(s, lookalike) {
		return false
	}
	for word := range strings.FieldsFuncSeq(s, func(c rune) bool { return !unicode.IsLetter(c) }) {
		latin := strings.ContainsFunc(word, func(c rune) bool { return unicode.Is(unicode.Latin, c) })
		alike := strings.ContainsFunc(word, lookalike)
		if latin && alike {
			return true
		}
	}
	return false
}

// counted says how long a time is, in words.
func counted(d time.Duration) string {
	const day = 24 * time.Hour
	var words []string
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		n := d / unit.of
		d %= unit.of
		switch n {
		case 0:
		case 1:
			words = append(words, "1 "+unit.name)
		default:
			words = append(words, fmt.Sprintf("%d %ss", n, unit.name))
		}
	}
	return strings.Join(words, " ")
}
