package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/api"
)

// what are the flags that say what is asked for.
type what struct {
	provider, resource string
	scopes             []string
	details            string
	human, team        string
	reason, session    string
	minValidity        span
	fresh              bool
	timeout            span
}

func (w *what) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&w.provider, "provider", "", "`name` of the configured provider to ask")
	f.StringVar(&w.resource, "resource", "", "`URL` of what the token is for, such as an MCP server: it says itself who gives tokens for it")
	f.StringArrayVar(&w.scopes, "scope", nil, "a `scope` to ask for; may be given many times")
	f.StringVar(&w.details, "details", "", "authorization details (RFC 9396): a JSON array, or the `file` that has it")
	f.StringVar(&w.human, "human", "", "who is asked: a configured `name`, an e-mail address, slack:U… or discord:…; the agent's owner if not given")
	f.StringVar(&w.team, "team", "", "`name` of a team to ask: whoever of it claims the request")
	f.StringVar(&w.reason, "reason", "", "why, in `words` that the human is shown, marked as yours")
	f.StringVar(&w.session, "session", "", "keep what is granted apart under this `name`")
	f.Var(&w.minValidity, "min-validity", "how long the token must still be good for, such as 10m (default 1m)")
	f.BoolVar(&w.fresh, "fresh", false, "ask the human even if an earlier grant would do")
	f.Var(&w.timeout, "timeout", "stop waiting after this long, such as 10m or 1d; the request lives on (default: until it ends)")
}

// span is a duration as a flag: Go's form, and days.
type span api.Duration

// Set implements pflag.Value.
func (s *span) Set(text string) error {
	d, err := api.ParseDuration(text)
	if err != nil {
		return errors.New("say it as 90s, 1h30m or 7d")
	}
	*s = span(d)
	return nil
}

// String implements pflag.Value.
func (s *span) String() string {
	if *s == 0 {
		return ""
	}
	return api.Duration(*s).String()
}

// Type implements pflag.Value.
func (s *span) Type() string { return "duration" }

// ask checks the flags and makes the ask.
func (w *what) ask() (api.Ask, error) {
	switch {
	case w.resource != "" && w.provider != "":
		return api.Ask{}, usage("--resource and --provider are two ways to say what is asked for; give one of them")
	case w.human != "" && w.team != "":
		return api.Ask{}, usage("--human and --team are two ways to say who is asked; give one of them")
	case w.provider == "" && w.resource == "":
		return api.Ask{}, usage("nothing to ask for; say at which provider with --provider, or for which URL with --resource")
	}
	details, err := readDetails(w.details)
	if err != nil {
		return api.Ask{}, err
	}
	return api.Ask{
		Provider: w.provider, Resource: w.resource, Scopes: w.scopes, AuthorizationDetails: details, Human: w.human, Team: w.team, Reason: w.reason, Session: w.session,
		MinValidity: api.Duration(w.minValidity), Fresh: w.fresh,
	}, nil
}

// readDetails reads authorization details from an array, or from the file that
// is named in its place.
func readDetails(given string) (api.Details, error) {
	text := []byte(given)
	if given != "" && !strings.HasPrefix(strings.TrimSpace(given), "[") {
		var err error
		if text, err = os.ReadFile(given); err != nil { //nolint:gosec // G304: whoever calls names it
			return nil, usage("--details: %v", err)
		}
	}
	if len(text) > 0 && !json.Valid(text) {
		return nil, usage("--details is no JSON; give an array of objects, each with a \"type\", or a file that has it")
	}
	return text, nil
}

// describe is what is asked for, in one line.
func describe(r api.Request) string {
	text := fmt.Sprintf("%s at %s", orNone(r.Scopes), cmp.Or(r.Resource, r.Provider))
	if whom := cmp.Or(r.Human, r.Team); whom != "" {
		text += " from " + string(whom)
	}
	return text
}

func orNone(scopes []string) string {
	if len(scopes) == 0 {
		return "default scopes"
	}
	return join(scopes)
}
