package discord

import (
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/authbridge/authbridge/bridge"
)

// Discord reads markup out of every text: styles, quotes, lists, mentions,
// links, times. So each sign that it could be made of is escaped in all words
// of a card, whoever they are from, and the few that are to be read are put
// around them afterwards.

// signs are those that mean something to Discord, wherever they stand. None is
// read after a backslash. Without a slash nothing is an invitation: clients make
// a card of "discord.gg/x", which needs no scheme.
const signs = "\\`*_~|<>#-+[]():@/"

// escape is a text of one line in which Discord reads nothing.
func escape(s string) string {
	var out strings.Builder
	out.Grow(2 * len(s))
	list := true // so far there are digits alone: with a dot they would begin a list
	for i, c := range s {
		if isSign(c) || c == '.' && list && i > 0 {
			out.WriteByte('\\')
		}
		out.WriteRune(c)
		list = list && unicode.IsDigit(c)
	}
	return out.String()
}

func isSign(c rune) bool { return c < utf8.RuneSelf && strings.ContainsRune(signs, c) }

// length is how long a text is, as Discord counts: in units of UTF-16.
func length(s string) int {
	n := 0
	for _, c := range s {
		n += utf16.RuneLen(c)
	}
	return n
}

// within is a text of one line, cut if it is longer than most once it is
// escaped.
func within(s string, most int) string {
	switch {
	case most < 1:
		return ""
	case length(escape(s)) <= most:
		return s
	}
	fits := sort.Search(most, func(n int) bool { return length(escape(bridge.Clean(s, n+1))) > most })
	if fits == 0 {
		return ""
	}
	return bridge.Clean(s, fits)
}

// clock is a time in the zone of whoever reads it, and how far off it is,
// which goes on counting by itself.
func clock(t time.Time) string { return fmt.Sprintf("<t:%d:f> (<t:%d:R>)", t.Unix(), t.Unix()) }
