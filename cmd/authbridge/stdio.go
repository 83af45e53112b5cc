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

// plain keeps what came from elsewhere from steering a terminal: control and
// direction characters are dropped, line ends kept.
func (s *stdio) plain(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || unicode.IsPrint(c) {
			return c
		}
		return -1
	}, text)
}
