package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/config"
)

// The exits are a promise to scripts: see the help of the command.
const (
	exitDone        = 0
	exitInternal    = 1
	exitUsage       = 2
	exitDenied      = 3
	exitExpired     = 4
	exitNoBridge    = 5
	exitRefused     = 6
	exitGaveUp      = 7
	exitOther       = 8
	exitInterrupted = 130
)

// failure is an error with its exit and a word on what to do next.
type failure struct {
	exit int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usage is a mistake in the call itself.
func usage(format string, args ...any) error {
	return &failure{exit: exitUsage, err: fmt.Errorf(format, args...)}
}

// exitOf is the exit for a request by how it stands.
func exitOf(r api.Request) int {
	switch r.State {
	case api.Denied:
		return exitDenied
	case api.Expired, api.Cancelled:
		return exitExpired
	case api.Asked, api.Coded, api.Held, api.Granted:
		return exitGaveUp
	case api.Collected, api.Failed:
	}
	return exitOther
}

// classify finds the exit and the hint for any error of a command.
func classify(err error) *failure {
	var f *failure
	var faults *config.Faults
	var p *client.Problem
	var none *client.NoBridge
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &faults):
		return &failure{exit: exitUsage, err: errors.New(faults.Summary() + "; nothing was started\n" + faults.Error())}
	case errors.As(err, &p):
		return ofProblem(p)
	case errors.As(err, &none):
		return &failure{exit: exitNoBridge, err: errors.New(none.Reason()), hint: none.Hint}
	case errors.Is(err, context.Canceled):
		return &failure{exit: exitInterrupted, err: errors.New("interrupted")}
	}
	return &failure{exit: exitInternal, err: err}
}

// ofProblem finds the exit for a refusal of the bridge.
func ofProblem(p *client.Problem) *failure {
	f := &failure{exit: exitOther, err: fmt.Errorf("%s: %s", words(p.Code), p.Detail), hint: asCommands(string(p.Hint))}
	switch {
	case p.Request != nil && p.Code == api.ProblemGone:
		f.exit = exitOf(*p.Request)
		if o := p.Request.Outcome; o != nil {
			f.err = fmt.Errorf("%s: %s", o.Code, o.Message)
		}
	case p.Code == api.ProblemInvalidRequest:
		f.exit = exitUsage
	case p.Code == api.ProblemInternal:
		f.exit = exitInternal
	case p.Status == 401, p.Status == 403:
		f.exit = exitRefused
	}
	return f
}

// asCommands puts commands in the place of routes: a hint of the bridge is for
// whoever calls its API.
func asCommands(hint string) string {
	hint = strings.NewReplacer(
		"GET "+api.RequestsPath+" lists yours", "authbridge list shows yours",
		"GET "+api.GrantsPath+" lists yours", "authbridge grants shows yours",
	).Replace(hint)
	if strings.Contains(hint, api.EventsPath) {
		return "wait for fewer requests at a time"
	}
	return hint
}

// words turns a code into words: "not_allowed" into "not allowed".
func words(code api.ProblemCode) string { return strings.ReplaceAll(string(code), "_", " ") }

// report prints a failure as people read it: what failed, then what to do.
func (s *stdio) report(f *failure) {
	fmt.Fprintf(s.err, "authbridge: %s\n", s.lines(f.err.Error()))
	if f.hint != "" {
		fmt.Fprintf(s.err, "  hint: %s\n", s.plain(f.hint))
	}
}
