// Package canary looks for secrets in what a program has said or left behind,
// in whatever form they may have got there: as they are, cut out of something
// that is written in base64 or hexadecimal, as a list of bytes, and escaped as
// JSON, Go, URLs and HTML do it, one inside the other too.
package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Shortest is the least length of a secret in bytes: a shorter one could be
// found by chance.
const Shortest = 8

// Secret is what must not be told.
type Secret struct {
	Kind string // such as "a refresh token"
	Text string
}

// Source is something that was said or left behind.
type Source struct {
	Name string
	Text []byte
	May  []string // the kinds of secrets that are meant to be in it
}

// Finding is a secret in a source. It does not tell the secret.
type Finding struct {
	Kind   string
	Source string
	Form   string // how it was written
	Before string // what stands before it, to find the place by
}

// String says where what was found.
func (f Finding) String() string {
	return fmt.Sprintf("%s stands in %s, %s, after %q", f.Kind, f.Source, f.Form, f.Before)
}

// Scanner looks for a set of secrets. It is safe for concurrent use.
//
// It has all ways to write them by their first eight bytes: a text is gone
// through once, however many there are.
type Scanner struct {
	begins  [1 << 16]bool // by a hash of the eight bytes: most places in a text are passed by with this alone
	needles map[uint64][]needle
}

// needle is one way to write one secret.
type needle struct {
	kind, form string
	text       []byte
}

// NewScanner returns a scanner for secrets. A secret that is too short is an
// error.
func NewScanner(secrets ...Secret) (*Scanner, error) {
	s := &Scanner{needles: map[uint64][]needle{}}
	for _, one := range secrets {
		if len(one.Text) < Shortest {
			return nil, fmt.Errorf("%s of %d bytes is too short to be told from chance: at least %d", one.Kind, len(one.Text), Shortest)
		}
		for _, n := range needles(one) {
			s.add(n)
		}
	}
	return s, nil
}

// needles are the ways to write a secret that cannot be undone where they
// stand, because nobody knows where they begin.
func needles(secret Secret) (all []needle) {
	seen := map[string]bool{}
	add := func(form, text string) {
		if !seen[text] {
			seen[text] = true
			all = append(all, needle{secret.Kind, form, []byte(text)})
		}
	}
	for _, as := range escaped(secret.Text) {
		add(as.form, as.text)
		for offset := range 3 {
			add(as.form+" in base64", inBase64(base64.RawStdEncoding, as.text, offset))
			add(as.form+" in base64 for URLs", inBase64(base64.RawURLEncoding, as.text, offset))
		}
		add(as.form+" in hexadecimal", hex.EncodeToString([]byte(as.text)))
		add(as.form+" in hexadecimal", strings.ToUpper(hex.EncodeToString([]byte(as.text))))
		list := inside(fmt.Sprintf("%d", []byte(as.text)))
		add(as.form+" as a list of bytes", list)
		add(as.form+" as a list of bytes", strings.ReplaceAll(list, " ", ","))
	}
	return all
}

type rendering struct{ form, text string }

// escaped are the usual ways to write a text that is to be encoded further.
func escaped(text string) []rendering {
	return []rendering{
		{"as it is", text},
		{"escaped for JSON", inJSON(text, true)},
		{"escaped for JSON", inJSON(text, false)},
		{"quoted as Go does", inside(strconv.Quote(text))},
		{"escaped for URLs", url.QueryEscape(text)},
		{"escaped for URLs", url.PathEscape(text)},
		{"escaped for HTML", html.EscapeString(text)},
	}
}

func inJSON(text string, forHTML bool) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(forHTML)
	_ = encoder.Encode(text) // a string can always be written
	return inside(strings.TrimSuffix(b.String(), "\n"))
}

// inside takes away the marks around a text.
func inside(quoted string) string { return quoted[1 : len(quoted)-1] }

// inBase64 is the part of a text's encoding that is the same whatever stands
// around the text, if it begins so many bytes after a group of three.
func inBase64(e *base64.Encoding, text string, offset int) string {
	whole := e.EncodeToString(append(make([]byte, offset), text...))
	begins := []int{0, 2, 3}[offset]
	return whole[begins : 8*(offset+len(text))/6]
}

// Find returns what stands in sources and may not: for each source each kind
// of secret once, where it was found first.
func (s *Scanner) Find(sources ...Source) (all []Finding) {
	for _, source := range sources {
		seen := slices.Clone(source.May)
		for _, read := range readings(source.Text) {
			s.search(read.text, func(n needle, at int) {
				if !slices.Contains(seen, n.kind) {
					seen = append(seen, n.kind)
					all = append(all, Finding{
						Kind: n.kind, Source: source.Name, Form: n.form + read.how, Before: string(read.text[max(0, at-60):at]),
					})
				}
			})
		}
	}
	return all
}

func hash(begin uint64) uint64 { return begin * 0x9E3779B97F4A7C15 >> 48 }

func (s *Scanner) add(n needle) {
	begin := binary.LittleEndian.Uint64(n.text)
	s.begins[hash(begin)] = true
	s.needles[begin] = append(s.needles[begin], n)
}

// search calls found for every needle in a text. It shares the text with
// nobody, and would take ten times as long under the race detector.
//
//go:norace
func (s *Scanner) search(text []byte, found func(n needle, at int)) {
	for at := range max(0, len(text)-Shortest+1) {
		begin := binary.LittleEndian.Uint64(text[at:])
		if !s.begins[hash(begin)] {
			continue
		}
		for _, n := range s.needles[begin] {
			if bytes.HasPrefix(text[at:], n.text) {
				found(n, at)
			}
		}
	}
}
