package slacktest

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Reading is what becomes of a text at Slack: what is seen, and what happens
// because it is there.
type Reading struct {
	Visible  string
	Mentions []string // who would be notified: "U0BOB", "S0ONCALL", "C0RANDOM", "@channel"
	Links    []Link   // what could be pressed, or fetched
	Styles   []string // "bold", "italic", "strike", "code", "pre", "quote"
	Emoji    []string // the names that become pictures
}

// Link is an address and the words that it is hidden behind.
type Link struct{ URL, Label string }

// Inert says whether a text does nothing but be seen.
func (r Reading) Inert() bool {
	return len(r.Mentions)+len(r.Links)+len(r.Styles)+len(r.Emoji) == 0
}

func (r Reading) add(o Reading) Reading {
	if r.Visible != "" && o.Visible != "" {
		r.Visible += "\n"
	}
	r.Visible += o.Visible
	r.Mentions = append(r.Mentions, o.Mentions...)
	r.Links = append(r.Links, o.Links...)
	r.Styles = append(r.Styles, o.Styles...)
	r.Emoji = append(r.Emoji, o.Emoji...)
	return r
}

// ReadMrkdwn reads mrkdwn as in a text object. With verbatim nothing is found
// in it that is not marked.
func ReadMrkdwn(text string, verbatim bool) Reading {
	return eyes{}.read(textObject{text: text, markup: true, verbatim: verbatim})
}

// ReadPlain reads plain_text, with or without emoji.
func ReadPlain(text string, emoji bool) Reading {
	return eyes{}.read(textObject{text: text, emoji: emoji})
}

// ReadBlocks reads all texts of a list of blocks, as JSON.
func ReadBlocks(blocks []byte) (Reading, error) {
	var items []any
	if err := json.Unmarshal(blocks, &items); err != nil {
		return Reading{}, err
	}
	return eyes{}.readAll(asBlocks(items)), nil
}

func (e eyes) readAll(blocks []block) Reading {
	var all Reading
	for _, t := range texts(blocks) {
		all = all.add(e.read(t))
	}
	return all
}

func (e eyes) read(t textObject) Reading {
	if !t.markup {
		r := Reading{Visible: unescape(t.text)}
		if t.emoji {
			r.Emoji = findAll(emojiName, r.Visible)
		}
		return r
	}
	find := seek{addresses: !t.verbatim, mentions: !t.verbatim}
	return e.readMarkup(t.text, find)
}

// readTop reads the text of a message, which has settings of its own.
func (e eyes) readTop(m *message) Reading {
	find := seek{addresses: m.parse != "none", mentions: m.parse == "full" || m.names}
	if !m.markup || m.parse == "full" {
		find.unstyled = true
	}
	return e.readMarkup(m.text, find)
}

// seek is what is looked for in a text beyond what is marked in it.
type seek struct {
	addresses bool // bare addresses become links
	mentions  bool // bare @names and #names do, too
	unstyled  bool // marks of style stay as they are
}

var (
	marked       = regexp.MustCompile(`<([^<>\n]+)>`)
	bareAddress  = regexp.MustCompile(`(?i)\b(?:https?://|www\.)[^\s<>|]+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|dev|io|example)\b[^\s<>|]*`)
	bareMention  = regexp.MustCompile(`(?:^|[\s(])([@#][a-z0-9._-]+)`)
	preformatted = regexp.MustCompile("(?s)```\n?(.+?)\n?```")
	inlineCode   = regexp.MustCompile("`([^`\n]+)`")
	quoted       = regexp.MustCompile(`(?m)^(?:&gt;|>)+ ?`)
	emojiName    = regexp.MustCompile(`:([a-z0-9_+-]+):`)
)

// unescape turns the three entities of Slack, and no others, into what they
// stand for.
func unescape(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

func findAll(what *regexp.Regexp, text string) []string {
	var all []string
	for _, m := range what.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}
