package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// scalarText reads text that is not empty.
func (d *decoder) scalarText(path string, v value) (string, bool) {
	if !d.is(path, v, text) {
		return "", false
	}
	if v.text == "" {
		d.fault(path, "is empty", text.whenEmpty())
		return "", false
	}
	return v.text, true
}

// word reads text without spaces: an id, a URL, an address.
func (d *decoder) word(into *string) reader {
	return reader{form: "text without spaces", now: held(into), take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
			d.fault(path, "has a space or an invisible character in it", "is a line below it indented by mistake?")
			return
		}
		*into = s
	}}
}

// phrase reads text that is shown to people: one line, at most limit
// characters, nothing invisible.
func (d *decoder) phrase(into *string, limit int) reader {
	form := fmt.Sprintf("one line of at most %d characters", limit)
	return reader{form: form, now: held(into), take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		switch {
		case !ok:
		case utf8.RuneCountInString(s) > limit:
			d.fault(path, fmt.Sprintf("longer than %d characters", limit), "")
		case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
			d.fault(path, "has a line break or an invisible character in it", "write it on one line")
		default:
			*into = s
		}
	}}
}

// path reads an absolute path.
func (d *decoder) path(into *string) reader {
	return reader{form: "an absolute path", now: held(into), take: func(path string, v value) {
		if s, ok := d.scalarText(path, v); ok {
			*into = d.absolute(path, s)
		}
	}}
}

// absolute returns the clean path, or faults and returns "".
func (d *decoder) absolute(path, file string) string {
	if !filepath.IsAbs(file) {
		d.fault(path, "not an absolute path", "begin it with /; ~ and variables are not expanded")
		return ""
	}
	return filepath.Clean(file)
}

// flag reads true or false.
func (d *decoder) flag(into *bool) reader {
	now := func() string { return strconv.FormatBool(*into) }
	return reader{form: "`true` or `false`", now: now, take: func(path string, v value) {
		if d.is(path, v, truth) {
			*into = v.text == "true"
		}
	}}
}

// count reads a whole number within bounds, both included.
func (d *decoder) count(least, most int64, set func(int64)) reader {
	form := fmt.Sprintf("a whole number from %d to %d", least, most)
	return reader{form: form, take: func(path string, v value) {
		if !d.is(path, v, number) {
			return
		}
		n, err := strconv.ParseInt(v.text, 10, 64)
		if err != nil || n < least || n > most {
			d.fault(path, "not "+form, "")
			return
		}
		set(n)
	}}
}

// held shows a text that is held.
func held(text *string) func() string { return func() string { return *text } }

const day = 24 * time.Hour

// duration reads a duration within bounds, both included.
func (d *decoder) duration(into *time.Duration, least, most time.Duration) reader {
	form := "a duration from " + shortly(least) + " to " + shortly(most)
	now := func() string { return shortly(*into) }
	return reader{form: form, now: now, take: func(path string, v value) {
		if v.kind != number && !d.is(path, v, text) {
			return
		}
		got, ok := parseDuration(v.text)
		switch {
		case !ok:
			d.fault(path, "not a duration", "a number and a unit: 90d, 12h, 15m, 60s")
		case got < least:
			d.fault(path, "too short", "at least "+shortly(least))
		case got > most:
			d.fault(path, "too long", "at most "+shortly(most))
		default:
			*into = got
		}
	}}
}

// parseDuration reads Go's durations, and days ("d") before the rest.
func parseDuration(s string) (time.Duration, bool) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		got, err := time.ParseDuration(s)
		return got, err == nil
	}
	if days == "" || strings.Trim(days, "0123456789.") != "" || strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		return 0, false
	}
	hours, err := time.ParseDuration(days + "h")
	if err != nil || hours > 1<<62/24 {
		return 0, false
	}
	if rest == "" {
		return 24 * hours, true
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more > 1<<62 {
		return 0, false
	}
	return 24*hours + more, true
}

// shortly writes a duration as people would in the file.
func shortly(got time.Duration) string {
	switch {
	case got == 0:
		return "0"
	case got%day == 0:
		return fmt.Sprintf("%dd", got/day)
	case got%time.Hour == 0:
		return fmt.Sprintf("%dh", got/time.Hour)
	case got%time.Minute == 0:
		return fmt.Sprintf("%dm", got/time.Minute)
	}
	return got.String()
}

// either reads one of two words, of which the second makes it true.
func (d *decoder) either(into *bool, no, yes string) reader {
	var word string
	choice := d.choice(&word, []string{no, yes})
	return reader{
		form: choice.form,
		now: func() string {
			if *into {
				return yes
			}
			return no
		},
		take: func(path string, v value) {
			choice.take(path, v)
			*into = word == yes
		},
	}
}

// choice reads one of a few words.
func (d *decoder) choice(into *string, words []string) reader {
	return reader{form: oneOf(words), now: held(into), take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		if d.chosen(path, s, words) {
			*into = s
		}
	}}
}

// oneOf is the form of a choice.
func oneOf(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return "`" + words[0] + "`"
	}
	return "`" + strings.Join(words[:last], "`, `") + "` or `" + words[last] + "`"
}

// chosen never repeats what it refuses: an indentation that is off by a step
// can glue a secret to any value.
func (d *decoder) chosen(path, s string, words []string) bool {
	near := nearest(s, words)
	switch {
	case slices.Contains(words, s):
		return true
	case near == "":
		d.fault(path, "not known", "what there is: "+strings.Join(words, ", "))
	default:
		d.fault(path, fmt.Sprintf("not known; did you mean %q?", near), "")
	}
	return false
}

// each reads a list of texts that are not empty and hands each to take. of
// says what is listed.
func (d *decoder) each(of string, take func(path, s string)) reader {
	return reader{form: "a list of " + of, take: func(path string, v value) {
		if !d.is(path, v, list) {
			return
		}
		for i, item := range v.items {
			at := d.item(path, i, item)
			if s, ok := d.scalarText(at, item); ok {
				take(at, s)
			}
		}
	}}
}

// texts keeps what check accepts of a list of texts. check faults the rest.
func (d *decoder) texts(of string, into *[]string, check func(path, s string) bool) reader {
	return d.each(of, func(path, s string) {
		if check(path, s) {
			*into = append(*into, s)
		}
	})
}

// mapped reads a mapping of names to values, each read by what each returns.
// of says what is mapped to what.
func (d *decoder) mapped(of string, each func(name string) reader) reader {
	return reader{form: "a mapping of " + of, take: func(path string, v value) {
		if !d.is(path, v, mapping) {
			return
		}
		for _, p := range d.pairs(path, v) {
			if p.value.kind == nothing {
				d.faultAt(p.line, path, "a key without a value", "write it as key: value, with a space after the colon")
				continue
			}
			each(p.key).take(p.path, p.value)
		}
	}}
}

// prefixes reads a list of address ranges that are private.
func (d *decoder) prefixes(into *[]netip.Prefix) reader {
	return d.each("private address ranges", func(path, s string) {
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil:
			d.fault(path, "not an address range", "such as 10.20.0.0/16 or fd00:20::/32")
		case p != p.Masked():
			d.fault(path, "an address within a range, not a range", "the range is "+p.Masked().String())
		case !isPrivate(p):
			d.fault(path, "not within one private range", "private are "+strings.Join(privateRanges(), ", "))
		default:
			*into = append(*into, p)
		}
	})
}

// privateRanges are what outgoing calls do not reach unless the operator lists
// it. Link-local addresses are not among them: no provider lives there, and a
// cloud machine's own credentials do.
func privateRanges() []string {
	return []string{
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128",
	}
}

func isPrivate(p netip.Prefix) bool {
	return slices.ContainsFunc(privateRanges(), func(s string) bool {
		r := netip.MustParsePrefix(s)
		return r.Bits() <= p.Bits() && r.Contains(p.Addr())
	})
}
