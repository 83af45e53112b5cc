package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/authbridge/authbridge/api"
)

// formats are the ways in which a token is printed.
var formats = map[string]func(*stdio, api.Token, string) error{
	"token": func(s *stdio, t api.Token, _ string) error {
		_, err := fmt.Fprintln(s.out, t.AccessToken)
		return err
	},
	"json": func(s *stdio, t api.Token, _ string) error { return s.json(t) },
	"header": func(s *stdio, t api.Token, _ string) error {
		_, err := fmt.Fprintf(s.out, "Authorization: %s %s\n", t.TokenType, t.AccessToken)
		return err
	},
	"env": func(s *stdio, t api.Token, name string) error {
		_, err := fmt.Fprintf(s.out, "%s=%s\n", name, quoted(t.AccessToken))
		return err
	},
}

const formatNames = "token, json, header or env"

// printToken prints a token in one of the formats. What would break out of
// its line, or steer a terminal, is not printed at all: no token of RFC 6749
// (appendix A.12) holds anything but visible ASCII and spaces.
func (s *stdio) printToken(t api.Token, format string) error {
	if format != "json" && strings.ContainsFunc(t.AccessToken+t.TokenType, func(c rune) bool { return c < 0x20 || c > 0x7e }) {
		return &failure{exit: exitOther, err: errors.New("the token holds characters that no token may have"), hint: "take it with --format json"}
	}
	return formats[format](s, t, tokenVariable)
}

// tokenVariable is where a command finds its token unless it is told
// otherwise.
const tokenVariable = "AUTHBRIDGE_TOKEN" //nolint:gosec // G101: where a token will be, not one

// quoted makes a text one word of a POSIX shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
