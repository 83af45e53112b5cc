package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
)

// Talk is how somebody is asked.
type Talk interface {
	// Say tells something, a line each.
	Say(lines ...string)
	// Ask returns one line of answer, without its end. [ErrSilent] means that
	// none will come.
	Ask(ctx context.Context, question string) (string, error)
	// AskSecret is Ask for what must not be seen while it is typed.
	AskSecret(ctx context.Context, question string) (bridge.Secret, error)
}

// ErrSilent means that the answers have come to an end.
var ErrSilent = errors.New("the answers ended before the questions; nothing was written")

// Refusal is an answer, or a want of one, that no configuration can be made of.
// Nothing was written.
type Refusal struct {
	What string
	Hint string // "" = What says it
}

// Error says what is wrong.
func (r *Refusal) Error() string { return r.What }

func refuse(hint, format string, args ...any) error {
	return &Refusal{What: fmt.Sprintf(format, args...), Hint: hint}
}

// question is one thing to be told.
type question struct {
	words     string // what is asked
	flag      string // what answers it on the command line
	given     string // what that said; "" = nothing
	otherwise string // what an empty answer means; "" = there has to be one
	optional  bool   // an empty answer will do
	check     func(answer string) error
}

// maxTries bounds how often one question is asked.
const maxTries = 10

// ask returns an answer that is fit.
func (s *session) ask(ctx context.Context, q question) (string, error) {
	if q.given != "" || s.o.Unattended {
		return s.settled(q)
	}
	words := q.words
	switch {
	case q.otherwise != "":
		words += " [" + q.otherwise + "]"
	case q.optional:
		words += " [none]"
	}
	for range maxTries {
		answer, err := s.o.Talk.Ask(ctx, words+": ")
		if err != nil {
			return "", err
		}
		answer = cmp.Or(strings.TrimSpace(answer), q.otherwise)
		switch {
		case answer == "" && q.optional:
			return "", nil
		case answer == "":
			s.o.Talk.Say("  this one is needed")
			continue
		}
		err = q.fits(answer)
		if err == nil {
			return answer, nil
		}
		s.complain(err)
	}
	return "", refuse("", "that was asked %d times; nothing was written", maxTries)
}

// settled is ask where nobody is asked.
func (s *session) settled(q question) (string, error) {
	answer := cmp.Or(q.given, q.otherwise)
	if answer == "" && q.optional {
		return "", nil
	}
	if answer == "" {
		return "", refuse("", "--%s is needed when nothing is to be asked", q.flag)
	}
	if err := q.fits(answer); err != nil {
		no, is := errors.AsType[*Refusal](err)
		if !is {
			no = &Refusal{What: err.Error()}
		}
		return "", refuse(no.Hint, "--%s: %s", q.flag, no.What)
	}
	return answer, nil
}

func (q question) fits(answer string) error {
	if len(answer) > 2000 {
		return refuse("", "that is too long")
	}
	if q.check == nil {
		return nil
	}
	return q.check(answer)
}

func (s *session) complain(err error) {
	s.o.Talk.Say("  " + err.Error())
	if no, is := errors.AsType[*Refusal](err); is && no.Hint != "" {
		s.o.Talk.Say("  hint: " + no.Hint)
	}
}

// confirm asks yes or no. Where nobody is asked it is as given.
func (s *session) confirm(ctx context.Context, words string, given bool) (bool, error) {
	if given || s.o.Unattended {
		return given, nil
	}
	answer, err := s.ask(ctx, question{words: words + " (yes or no)", otherwise: "no", check: oneOf("yes", "no", "y", "n")})
	return strings.HasPrefix(answer, "y"), err
}

// oneOf accepts a few words.
func oneOf(words ...string) func(string) error {
	return func(answer string) error {
		if slices.Contains(words, answer) {
			return nil
		}
		return refuse("", "it has to be one of: %s", strings.Join(words, ", "))
	}
}

func hintOf(err error) string {
	if no, is := err.(*Refusal); is { //nolint:errorlint // try makes them itself
		return no.Hint
	}
	return ""
}

func (s *session) report(found ...admin.Finding) {
	for _, f := range found {
		s.o.Talk.Say("  " + string(f.Level) + ": " + f.What)
		if f.Hint != "" {
			s.o.Talk.Say("  → " + f.Hint)
		}
	}
}

// say explains something, to whoever is asked.
func (s *session) say(lines ...string) {
	if !s.o.Unattended {
		s.o.Talk.Say(append([]string{""}, lines...)...)
	}
}

// newName accepts a name that nothing of its kind has yet.
func (s *session) newName(what string, add func(d *config.Draft, name string) error) func(string) error {
	return func(name string) error {
		switch {
		case !bridge.IsName(name):
			return refuse(bridge.NameRule, "this cannot be a name")
		case s.has(what, name):
			return refuse("", "there is a %s called %s already", what, name)
		}
		return s.try(func(d *config.Draft) error { return add(d, name) })
	}
}

// has reports whether the file itself, and no default, has a name.
func (s *session) has(what, name string) bool {
	return s.cfg.Line(what+"s."+name) > 0
}

func scopesOnly(patterns bool) func(string) error {
	return func(answer string) error {
		for _, scope := range words(answer) {
			if !config.IsScope(scope) || !patterns && strings.HasSuffix(scope, "*") {
				return refuse("a scope has no quotes or backslashes; put spaces between several", "%q is not a scope", bridge.Clean(scope, 60))
			}
		}
		return nil
	}
}

func words(answer string) []string {
	return slices.Compact(strings.FieldsFunc(answer, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }))
}

// Secret is text that must not be seen.
type Secret = bridge.Secret

// NewSecret wraps it.
func NewSecret(plain string) Secret { return bridge.NewSecret(plain) }
