package canary

import (
	"bytes"
	"encoding/hex"
	"html"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// reading is a text with escapes undone.
type reading struct {
	how  string
	text []byte
}

// unescapings are the escapes that can be undone anywhere, without knowing
// where an escaped text begins.
var unescapings = []struct {
	how  string
	undo func([]byte) []byte
}{
	{"with a backslash", unquote},
	{"with per cent signs", unpercent},
	{"as a form", func(text []byte) []byte { return unpercent(bytes.ReplaceAll(text, []byte{'+'}, []byte{' '})) }},
	{"with HTML entities", func(text []byte) []byte { return []byte(html.UnescapeString(string(text))) }},
}

// depth is how many escapes inside one another are undone: HTML in JSON in a
// log line in JSON has three.
const depth = 3

// readings are all ways to read a text, itself first.
func readings(text []byte) []reading {
	all := []reading{{"", text}}
	seen := map[string]bool{string(text): true}
	for from, level := 0, 0; level < depth; level++ {
		to := len(all)
		for _, read := range all[from:to] {
			for _, u := range unescapings {
				plain := u.undo(read.text)
				if seen[string(plain)] {
					continue
				}
				seen[string(plain)] = true
				all = append(all, reading{read.how + ", escaped " + u.how, plain})
			}
		}
		from = to
	}
	return all
}

// unquote undoes the escapes of JSON and Go. What is none stays.
//
//go:norace
func unquote(text []byte) []byte {
	if !bytes.Contains(text, []byte{'\\'}) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			i++
			continue
		}
		plain, length := unquoteOne(text[i:])
		out = append(out, plain...)
		i += length
	}
	return out
}

// short are the escapes of one letter.
var short = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\'': '\'', '\\': '\\', '/': '/'}

// unquoteOne undoes the escape that text begins with, and returns how long it
// was.
func unquoteOne(text []byte) (plain []byte, length int) {
	if c, ok := short[text[1]]; ok {
		return []byte{c}, 2
	}
	if text[1] == 'x' && len(text) >= 4 {
		if raw, err := hex.DecodeString(string(text[2:4])); err == nil {
			return raw, 4
		}
	}
	first, ok := codeUnit(text)
	if !ok {
		return text[:1], 1
	}
	if second, ok := codeUnit(text[6:]); ok && utf16.IsSurrogate(first) {
		return utf8.AppendRune(nil, utf16.DecodeRune(first, second)), 12
	}
	return utf8.AppendRune(nil, first), 6
}

// codeUnit reads \u and four digits.
func codeUnit(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}

// unpercent undoes the escapes of URLs. What is none stays, and so does "+".
//
//go:norace
func unpercent(text []byte) []byte {
	if !bytes.Contains(text, []byte{'%'}) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if raw, err := hex.DecodeString(string(text[i+1 : i+3])); err == nil {
				out = append(out, raw...)
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	return out
}
