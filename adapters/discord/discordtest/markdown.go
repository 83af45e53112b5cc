package discordtest

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// markdown is one text while it is read: from its beginning to its end, where
// the first rule that fits takes what it is about.
type markdown struct {
	eyes
	Reading
}

// rule is one thing that a text can hold, by its name. It fits nothing that
// does not begin with one of some signs.
type rule struct {
	name   string
	begins string
	fits   *regexp.Regexp
}

// inner is text in which a backslash keeps what follows from ending it.
const inner = `((?:\\.|[^\\])+?)`

// atLineStart holds at the beginning of a line, anywhere also elsewhere, in
// this order. Nothing changes them.
var (
	atLineStart = []rule{
		{"heading", "#", regexp.MustCompile(`^#{1,3} +`)},
		{"small", "-", regexp.MustCompile(`^-# +`)},
		{"quote", ">", regexp.MustCompile(`^>(?:>>)? `)},
		{"list", " -*+", regexp.MustCompile(`^ *[-*+] `)},
		{"numbered", " 0123456789", regexp.MustCompile(`^ *(\d{1,9}[.)]) `)},
	}
	anywhere = []rule{
		{"escape", "\\", regexp.MustCompile(`^\\([^0-9A-Za-z\s])`)},
		{"pre", "`", regexp.MustCompile("(?s)^```(?:[A-Za-z0-9_+.#-]*\n)?\n*(.+?)\n*```")},
		{"code", "`", regexp.MustCompile("(?s)^``(.+?)``")},
		{"code", "`", regexp.MustCompile("(?s)^`([^`]+)`")},
		{"mention", "<", regexp.MustCompile(`^<(@&|@|#)!?(\d+)>`)},
		{"time", "<", regexp.MustCompile(`^<t:(-?\d+)(?::([A-Za-z]))?>`)},
		{"emoji", "<", regexp.MustCompile(`^<a?:(\w+):\d+>`)},
		{"command", "<", regexp.MustCompile(`^</([^:>]+):\d+>`)},
		{"command", "<", regexp.MustCompile(`^<id:(\w+)(?::\d+)?>`)},
		{"quiet link", "<", regexp.MustCompile(`(?i)^<((?:https?|discord|mailto|tel):[^\s<>]+|[^\s<>@]+@[^\s<>@]+|\+\d[\d ]+)>`)},
		{"masked link", "[", regexp.MustCompile(`(?is)^\[((?:\\.|[^\[\]\\]|\[[^\[\]]*\])+)\]\(\s*(<?)((?:https?|discord):[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+["'][^"']*["'])?\s*\)`)},
		{"link", "hHdD", regexp.MustCompile(`(?i)^(?:https?|discord)://[^\s<]*[^\s<.,:;"')\]]`)},
		{"link", "dD", regexp.MustCompile(`(?i)^discord(?:\.(?:gg|gift|new)|(?:app)?\.com/(?:invite|template|gifts))/[\w-]+`)}, // becomes an invitation
		{"everybody", "@", regexp.MustCompile(`^@(?:everyone|here)`)},
		{"bold", "*", regexp.MustCompile(`(?s)^\*\*` + inner + `\*\*`)},
		{"underline", "_", regexp.MustCompile(`(?s)^__` + inner + `__`)},
		{"strike", "~", regexp.MustCompile(`(?s)^~~` + inner + `~~`)},
		{"spoiler", "|", regexp.MustCompile(`(?s)^\|\|` + inner + `\|\|`)},
		{"italic", "*", regexp.MustCompile(`(?s)^\*([^\s*\\]|[^\s*](?:\\.|[^\\*])*?(?:\\.|[^\s*\\]))\*`)},
		{"emoji", ":", regexp.MustCompile(`^:([a-z0-9_+-]*[a-z][a-z0-9_+-]*):`)},
	}
	underscored = regexp.MustCompile(`(?s)^_((?:\\.|[^\\_])+?)_(?:\W|$)`)
)

// spans reads a text. start says whether it begins a line.
func (w *markdown) spans(text string, start bool) string {
	var out strings.Builder
	before := ' '
	if start {
		before = '\n'
	}
	for text != "" {
		shown, n := w.next(text, before)
		out.WriteString(shown)
		before, _ = utf8.DecodeLastRuneInString(text[:n])
		text = text[n:]
	}
	return out.String()
}

// next reads what a text begins with, and returns what is shown of it and how
// much it takes.
func (w *markdown) next(text string, before rune) (shown string, n int) {
	if before == '\n' {
		if shown, n = w.first(atLineStart, text); n > 0 {
			return shown, n
		}
	}
	if n = plain(text); n > 0 {
		return text[:n], n
	}
	if shown, n = w.first(anywhere, text); n > 0 {
		return shown, n
	}
	if m := underscored.FindStringSubmatch(text); m != nil && !isWord(before) {
		w.Styles = append(w.Styles, "italic")
		return w.spans(m[1], false), len(m[1]) + 2
	}
	_, n = utf8.DecodeRuneInString(text)
	return text[:n], n
}

// plain is how much of a text no rule can begin in.
func plain(text string) int {
	n := strings.IndexAny(text, "\\`<[@*_~|:hHdD\n")
	if n < 0 {
		return len(text)
	}
	return n
}

// first reads by the first rule that fits.
func (w *markdown) first(rules []rule, text string) (shown string, n int) {
	for _, r := range rules {
		if strings.IndexByte(r.begins, text[0]) < 0 {
			continue
		}
		if m := r.fits.FindStringSubmatch(text); m != nil {
			return w.show(r.name, m), len(m[0])
		}
	}
	return "", 0
}

func isWord(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// show is what is seen of something that a rule found.
func (w *markdown) show(name string, m []string) string {
	switch name {
	case "escape":
		return m[1]
	case "mention":
		return w.mention(m[1], m[2])
	case "everybody":
		w.Mentions = append(w.Mentions, m[0])
		return m[0]
	case "emoji":
		w.Emoji = append(w.Emoji, m[1])
		return ":" + m[1] + ":"
	case "command":
		w.Commands = append(w.Commands, m[1])
		return "/" + m[1]
	case "quiet link":
		w.Links = append(w.Links, Link{URL: m[1], Quiet: true})
		return "<" + m[1] + ">"
	case "link":
		w.Links = append(w.Links, Link{URL: m[0]})
		return "<" + m[0] + ">"
	case "masked link":
		words := w.spans(m[1], false)
		w.Links = append(w.Links, Link{URL: m[3], Label: words, Quiet: m[2] != ""})
		return words + " <" + m[3] + ">"
	case "numbered":
		w.Styles = append(w.Styles, "list")
		return m[1] + " "
	default:
		w.Styles = append(w.Styles, name)
		return w.styled(name, m)
	}
}

// styled is what is seen of something in a style.
func (w *markdown) styled(style string, m []string) string {
	switch style {
	case "heading":
		return "# "
	case "small":
		return ". "
	case "quote":
		return "> "
	case "list":
		return "- "
	case "pre":
		return "\n| " + strings.ReplaceAll(m[1], "\n", "\n| ") + "\n"
	case "code":
		return "`" + m[1] + "`"
	case "time":
		return w.moment(m[1], m[2])
	default:
		return w.spans(m[1], false)
	}
}

func (w *markdown) mention(mark, id string) string {
	shown := "@"
	switch mark {
	case "@&":
		mark = "&"
	case "#":
		shown = "#"
	}
	w.Mentions = append(w.Mentions, mark+id)
	return shown + w.called(id)
}
