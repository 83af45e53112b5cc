package main

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"unicode"
)

// stdio is where a command reads and writes: results on out and nothing
// else there; progress, prompts and hints on err.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
}

func standardIO() *stdio {
	return &stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv}
}

// json prints one value as one line of JSON.
func (s *stdio) json(v any) error {
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// plain keeps what came from elsewhere from steering a terminal, or from
// passing for a line of ours: control and direction characters are dropped,
// and it becomes one line.
func (s *stdio) plain(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case unicode.IsPrint(c):
			return c
		}
		return -1
	}, text)
}

// lines is plain for our own texts of several lines.
func (s *stdio) lines(text string) string {
	all := strings.Split(text, "\n")
	for i, line := range all {
		all[i] = s.plain(line)
	}
	return strings.Join(all, "\n")
}
