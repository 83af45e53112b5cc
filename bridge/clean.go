package bridge

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How much of an agent's words is shown.
const (
	maxReason  = 300
	maxContext = 100
	maxMarks   = 2 // combining marks on one letter
)

// Clean makes a text from outside safe to stand beside ours: one line, no
// control or direction characters, nothing invisible, no tower of marks, at
// most limit characters. What a chat platform gives a meaning to is the
// matter of its adapter.
func Clean(text string, limit int) string {
	var out strings.Builder
	count, marks, space := 0, 0, false
	for _, c := range text {
		switch {
		case unicode.IsSpace(c):
			space = out.Len() > 0
			continue
		case !shown(c):
			continue
		case unicode.Is(unicode.M, c):
			if marks++; marks > maxMarks {
				continue
			}
		default:
			marks = 0
		}
		need := 1
		if space {
			need++
		}
		if count+need > limit {
			return cut(out.String(), limit)
		}
		if space {
			out.WriteByte(' ')
			space = false
		}
		out.WriteRune(c)
		count += need
	}
	return out.String()
}

// Inert is a text from outside in which no client finds an address to make a
// link of: people can still read it. To make one inert twice changes nothing.
func Inert(text string) string {
	return world.ReplaceAllString(scheme.ReplaceAllString(text, " :// "), "$1 .")
}

// What clients know addresses by that nobody marked as such.
var (
	scheme = regexp.MustCompile(`\s*://\s*`)
	world  = regexp.MustCompile(`(?i)(www)\.`)
)

// cut ends a text of at most limit characters in an ellipsis.
func cut(text string, limit int) string {
	for utf8.RuneCountInString(text) > limit-1 {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return strings.TrimRight(text, " ") + "…"
}

// shown reports whether a character is seen where it stands and nowhere else.
func shown(c rune) bool {
	return c != utf8.RuneError && unicode.IsPrint(c) && !invisible(c)
}

// invisible lists what is printable to Unicode and yet not to be seen:
// fillers, variation selectors and the tag block. Controls, bidirectional
// marks and zero-width characters are not printable in the first place.
func invisible(c rune) bool {
	switch {
	case c == 0x115F, c == 0x1160, c == 0x3164, c == 0xFFA0, c == 0x2800, c == 0x034F, c == 0x17B4, c == 0x17B5:
		return true
	case c >= 0xFE00 && c <= 0xFE0F, c >= 0xE0000 && c <= 0xE0FFF:
		return true
	}
	return false
}
