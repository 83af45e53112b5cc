package slacktest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// eyes are whose reading it is: names and dates depend on them.
type eyes struct {
	zone *time.Location
	now  time.Time
	name func(id string) string // what an id is shown as
}

// readMarkup reads mrkdwn. What is found is put aside under a mark that no
// text contains, so that no later step finds anything in it.
func (e eyes) readMarkup(text string, find seek) Reading {
	w := &markup{eyes: e, find: find}
	text = strings.Map(dropAside, text)
	text = marked.ReplaceAllStringFunc(text, w.construct)
	if find.unstyled {
		text = w.words(text)
	} else {
		text = w.styled(text)
	}
	w.Visible = w.restore(unescape(text))
	return w.Reading
}

// markup is one text while it is read.
type markup struct {
	eyes
	Reading
	find  seek
	aside []string
}

// The marks are private characters.
const (
	firstAside = 0xF0000
	lastAside  = 0xFFFFD
)

func dropAside(r rune) rune {
	if r >= firstAside && r <= lastAside {
		return -1
	}
	return r
}

func (w *markup) put(visible string) string {
	w.aside = append(w.aside, visible)
	return string(rune(firstAside + len(w.aside) - 1))
}

// restore puts back what was put aside, the last first: it may hold others.
func (w *markup) restore(text string) string {
	for i, visible := range slices.Backward(w.aside) {
		text = strings.ReplaceAll(text, string(rune(firstAside+i)), visible)
	}
	return text
}

// construct reads what stands between angle brackets.
func (w *markup) construct(whole string) string {
	inner, label, _ := strings.Cut(whole[1:len(whole)-1], "|")
	rest := inner[1:]
	switch {
	case inner[0] == '@', inner[0] == '#':
		w.Mentions = append(w.Mentions, rest)
		return w.put(inner[:1] + w.called(rest, label))
	case strings.HasPrefix(rest, "subteam^"):
		id := strings.TrimPrefix(rest, "subteam^")
		w.Mentions = append(w.Mentions, id)
		return w.put("@" + w.called(id, label))
	case strings.HasPrefix(rest, "date^"):
		return w.put(w.date(rest, label))
	case inner[0] == '!':
		w.Mentions = append(w.Mentions, "@"+rest)
		return w.put("@" + rest)
	}
	return w.link(unescape(inner), unescape(label))
}

func (w *markup) called(id, label string) string {
	if w.name != nil {
		if name := w.name(id); name != "" {
			return name
		}
	}
	if label != "" {
		return label
	}
	return id
}

func (w *markup) link(address, label string) string {
	w.Links = append(w.Links, Link{URL: address, Label: label})
	if label == "" || label == address {
		return w.put("<" + address + ">")
	}
	return w.put(label + " <" + address + ">")
}

// styled takes out code, and then reads the marks of style in the rest.
func (w *markup) styled(text string) string {
	text = preformatted.ReplaceAllStringFunc(text, func(m string) string {
		inner := preformatted.FindStringSubmatch(m)[1]
		return w.style("pre", "\n| "+strings.ReplaceAll(unescape(inner), "\n", "\n| ")+"\n")
	})
	text = inlineCode.ReplaceAllStringFunc(text, func(m string) string {
		return w.style("code", "`"+unescape(m[1:len(m)-1])+"`")
	})
	text = quoted.ReplaceAllStringFunc(text, func(string) string { return w.style("quote", "> ") })
	text = w.words(text)
	text = w.between(text, "*", "bold")
	text = w.between(text, "_", "italic")
	return w.between(text, "~", "strike")
}

// between drops the marks of a style around words.
func (w *markup) between(text, mark, style string) string {
	return pairs[mark].ReplaceAllStringFunc(text, func(m string) string {
		at := strings.Index(m, mark)
		w.Styles = append(w.Styles, style)
		return m[:at] + strings.TrimSuffix(m[at+len(mark):], mark)
	})
}

// style puts aside what is shown in a style.
func (w *markup) style(name, visible string) string {
	w.Styles = append(w.Styles, name)
	return w.put(visible)
}

// pairs find words between two marks of style.
var pairs = map[string]*regexp.Regexp{"*": pairOf("*"), "_": pairOf("_"), "~": pairOf("~")}

func pairOf(mark string) *regexp.Regexp {
	q := regexp.QuoteMeta(mark)
	return regexp.MustCompile(`(?:^|[^\pL\pN` + q + `])` + q + `[^\s` + q + `](?:[^` + q + `\n]*[^\s` + q + `])?` + q)
}

// words finds what is not marked: addresses, names and emoji.
func (w *markup) words(text string) string {
	if w.find.addresses {
		text = bareAddress.ReplaceAllStringFunc(text, func(m string) string { return w.link(unescape(m), "") })
	}
	if w.find.mentions {
		w.Mentions = append(w.Mentions, findAll(bareMention, text)...)
	}
	w.Emoji = append(w.Emoji, findAll(emojiName, text)...)
	return text
}

// date shows "date^UNIX^FORMAT", in the reader's zone, or the fallback.
func (w *markup) date(spec, fallback string) string {
	parts := strings.SplitN(spec, "^", 4)
	if len(parts) < 3 {
		return fallback
	}
	unix, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return fallback
	}
	zone := w.zone
	if zone == nil {
		zone = time.UTC
	}
	at := time.Unix(unix, 0).In(zone)
	day := func(layout string, pretty bool) string { return w.day(at, layout, pretty) }
	shown := strings.NewReplacer(
		"{date_num}", at.Format("2006-01-02"), "{time}", at.Format("15:04"), "{time_secs}", at.Format("15:04:05"),
		"{date}", day("January 2, 2006", false), "{date_pretty}", day("January 2, 2006", true),
		"{date_short}", day("Jan 2, 2006", false), "{date_short_pretty}", day("Jan 2, 2006", true),
		"{date_long}", day("Monday, January 2, 2006", false), "{date_long_pretty}", day("Monday, January 2, 2006", true),
	).Replace(parts[2])
	if len(parts) == 4 {
		w.Links = append(w.Links, Link{URL: parts[3], Label: shown})
		return fmt.Sprintf("%s <%s>", shown, parts[3])
	}
	return shown
}

// day names the days around today where that is wanted.
func (w *markup) day(at time.Time, layout string, pretty bool) string {
	now := w.now.In(at.Location())
	same := func(days int) bool { return now.AddDate(0, 0, days).Format(time.DateOnly) == at.Format(time.DateOnly) }
	switch {
	case !pretty || w.now.IsZero():
	case same(0):
		return "today"
	case same(1):
		return "tomorrow"
	case same(-1):
		return "yesterday"
	}
	return at.Format(layout)
}
