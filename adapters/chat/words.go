package chat

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

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
