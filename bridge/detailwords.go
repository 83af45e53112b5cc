package bridge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How much of details is shown.
const (
	maxDetailLines = 10
	maxDetailLine  = 200 // characters
	maxDetail      = 150 // of one member
)

// detailLines are the authorization details in words.
func (r Request) detailLines() []string {
	if r.Grant != "" {
		return r.GrantedDetails.lines()
	}
	return r.Details.lines()
}

// lines are the details in words, for a card: each begins a line with its type,
// and what does not fit there goes on in others. Whatever is not shown is
// counted in a last line.
func (d Details) lines() (lines []string) {
	shown, all := 0, 0
	for _, one := range d.objects() {
		for n, word := range memberWords(one) {
			all++
			last := len(lines) - 1
			switch {
			case n > 0 && last >= 0 && all == shown+1 && utf8.RuneCountInString(lines[last]+word)+2 <= maxDetailLine:
				lines[last] += "; " + word
			case len(lines) == maxDetailLines, all > shown+1:
				continue
			case n > 0:
				lines = append(lines, "and "+word)
			default:
				lines = append(lines, word)
			}
			shown++
		}
	}
	if more := all - shown; more > 0 {
		lines = append(lines, fmt.Sprintf("… and %d more, too many to show. If you do not know what they are, deny this.", more))
	}
	return lines
}

// memberWords are the members of one of them in words, the type first.
func memberWords(one map[string]any) []string {
	kind, _ := one["type"].(string)
	words := []string{Inert(Clean("type: "+worded(kind), maxDetailLine))}
	for _, name := range slices.Sorted(maps.Keys(one)) {
		if name != "type" {
			words = append(words, Inert(Clean(worded(name)+": "+detailWords(one[name], true), maxDetail)))
		}
	}
	return words
}

// detailWords says a value in words. Brackets show what belongs together below
// the first level.
func detailWords(v any, first bool) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return worded(v)
	case []any:
		var words []string
		for _, in := range v {
			words = append(words, detailWords(in, false))
		}
		if first && len(words) > 0 {
			return strings.Join(words, ", ")
		}
		return "[" + strings.Join(words, ", ") + "]"
	case map[string]any:
		var words []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			words = append(words, worded(name)+": "+detailWords(v[name], false))
		}
		return "(" + strings.Join(words, ", ") + ")"
	}
	return fmt.Sprint(v) // a number as it was written, true, false
}

// worded is a text of details among our own signs: in quotes, unless there is
// nothing in it that could be taken for one of them, or not be seen.
func worded(s string) string {
	if s != "" && s == Clean(s, len(s)) && !strings.ContainsFunc(s, sign) {
		return s
	}
	return "“" + strings.NewReplacer("“", "\"", "”", "\"").Replace(s) + "”"
}

// sign reports whether a character is none of a plain word.
func sign(c rune) bool {
	return !unicode.In(c, unicode.L, unicode.N, unicode.M) && !strings.ContainsRune(" -_./@+€$£%", c)
}
