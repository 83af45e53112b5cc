package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
)

func (a *app) tokenCommand() *cobra.Command {
	var w what
	var format string
	c := &cobra.Command{
		Use:   "token",
		Short: "Ask for a token, wait for the human, and print it",
		Long: `Asks, waits until the human has decided, and prints the token on standard output
and nothing else there. While an earlier grant holds, it answers at once.

Prefer exec where a language model runs the command: exec puts the token into the
environment of one program, while what token prints stands in the model's context.`,
		Example: `  authbridge token --provider corp --scope files.read --reason "summarise Q3"
  authbridge token --resource https://files.mcp.example.com/mcp
  curl -H "$(authbridge token --provider corp --format header)" https://api.example.com/`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.checkFormat(&format); err != nil {
				return err
			}
			token, err := a.obtain(c.Context(), w)
			if err != nil {
				return err
			}
			return a.printToken(token, format)
		},
	}
	w.flags(c)
	c.Flags().StringVar(&format, "format", "token", "how to print it: "+formatNames)
	return uses(c, "socket", "url", "json")
}

func (a *app) execCommand() *cobra.Command {
	var w what
	var name string
	c := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARGUMENT...]",
		Short: "Run a command with a token in its environment",
		Long: `Asks and waits as token does, then runs the command with the token in its
environment: never on a screen, in a file, or in a list of processes' arguments.
The agent's own key is taken out: the command gets this token, and not the means
to ask for others. With --env AUTHBRIDGE_KEY the token stands there in its place.

Once the command runs, its exit is ours: 128+N for a signal, 126 if it cannot be
run, 127 if it is not found. Our own exits come only before that, with a line that
begins with "authbridge:" on standard error.`,
		Example: `  authbridge exec --provider corp --scope repo --env GITHUB_TOKEN -- gh pr create --fill`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("exec needs a command: authbridge exec --provider NAME -- COMMAND")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if !variable(name) {
				return usage("%q cannot be the name of an environment variable", name)
			}
			token, err := a.obtain(c.Context(), w)
			if err != nil {
				return err
			}
			if strings.ContainsRune(token.AccessToken, 0) {
				return &failure{exit: exitOther, err: errors.New("the token holds a zero byte and fits into no environment")}
			}
			a.exit = a.runChild(args, name, token.AccessToken)
			return nil
		},
	}
	c.Flags().SetInterspersed(false)
	w.flags(c)
	c.Flags().StringVar(&name, "env", tokenVariable, "`name` of the variable that holds the token")
	return uses(c, "socket", "url")
}

// variable reports whether a text can name an environment variable.
func variable(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func (a *app) askCommand() *cobra.Command {
	var w what
	c := &cobra.Command{
		Use:     "ask",
		Short:   "Ask, print the request's id, and do not wait",
		Example: "  id=$(authbridge ask --provider corp --scope files.read)\n  authbridge wait \"$id\"",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if w.timeout != 0 {
				return usage("ask does not wait, and has no use for --timeout; wait, token and exec have")
			}
			ask, agent, err := a.prepare(w)
			if err != nil {
				return err
			}
			r, err := agent.Ask(c.Context(), ask, client.AskOptions{})
			if err != nil {
				return err
			}
			p := a.progress()
			p.show(r)
			p.end()
			if a.asJSON {
				return a.json(r)
			}
			_, err = fmt.Fprintln(a.out, r.ID)
			return err
		},
	}
	w.flags(c)
	_ = c.Flags().MarkHidden("timeout") // it is there to be refused in words
	return uses(c, "socket", "url", "json")
}

func (a *app) waitCommand() *cobra.Command {
	var timeout span
	var format string
	c := &cobra.Command{
		Use:     "wait ID",
		Short:   "Wait for a request, then collect and print its token",
		Example: `  authbridge wait req_0123456789abcdefghij012345 --timeout 10m`,
		Args:    oneArg("request id"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.checkFormat(&format); err != nil {
				return err
			}
			agent, err := a.agent()
			if err != nil {
				return err
			}
			p := a.progress()
			defer p.end()
			agent.Away = p.away
			token, err := a.await(c.Context(), agent, p, args[0], 0, time.Duration(timeout))
			if err != nil {
				return err
			}
			return a.printToken(token, format)
		},
	}
	c.Flags().Var(&timeout, "timeout", "stop waiting after this long; the request lives on (default: until it ends)")
	c.Flags().StringVar(&format, "format", "token", "how to print the token: "+formatNames)
	return uses(c, "socket", "url", "json")
}

// checkFormat refuses an unknown format before anything is asked; --json is
// short for one of them.
func (a *app) checkFormat(format *string) error {
	if a.asJSON {
		*format = "json"
	}
	if formats[*format] == nil {
		return usage("there is no format %q; use %s", *format, formatNames)
	}
	return nil
}

// prepare makes the ask and the client for it.
func (a *app) prepare(w what) (api.Ask, *client.Client, error) {
	ask, err := w.ask()
	if err != nil {
		return api.Ask{}, nil, err
	}
	agent, err := a.agent()
	return ask, agent, err
}

// obtain asks and waits for the token.
func (a *app) obtain(ctx context.Context, w what) (api.Token, error) {
	ask, agent, err := a.prepare(w)
	if err != nil {
		return api.Token{}, err
	}
	p := a.progress()
	defer p.end()
	agent.Away = p.away
	r, err := agent.Ask(ctx, ask, client.AskOptions{})
	if err != nil {
		return api.Token{}, err
	}
	if r.State == api.Granted {
		return agent.Collect(ctx, r.ID)
	}
	p.show(r)
	return a.await(ctx, agent, p, r.ID, r.Version, time.Duration(w.timeout))
}

// errGaveUp is the cause of a wait that our own timeout ended.
var errGaveUp = errors.New("gave up waiting")

// await waits for a request and collects it, telling what has changed since a
// version.
func (a *app) await(ctx context.Context, agent *client.Client, p *progress, id string, after uint64, timeout time.Duration) (api.Token, error) {
	waiting := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeoutCause(ctx, timeout, errGaveUp)
		defer cancel()
	}
	token, err := agent.WaitToken(waiting, id, after, p.show)
	if err == nil {
		p.granted(ctx, agent, token)
	}
	p.end()
	none, lost := errors.AsType[*client.NoBridge](err)
	switch {
	case err == nil:
		return token, nil
	case errors.Is(context.Cause(waiting), errGaveUp):
		return api.Token{}, &failure{exit: exitGaveUp, err: fmt.Errorf("gave up waiting after %s; the request lives on", api.Duration(timeout)), hint: resume(id)}
	case ctx.Err() != nil:
		return api.Token{}, &failure{exit: exitInterrupted, err: fmt.Errorf("interrupted; request %s lives on", id), hint: resume(id)}
	case lost && after > 0:
		return api.Token{}, &failure{exit: exitNoBridge, err: errors.New(none.Reason()), hint: "the request lives on with the bridge; when it is back, " + resume(id)}
	}
	return api.Token{}, err
}

// resume says how to go on with a request, or not.
func resume(id string) string {
	return fmt.Sprintf("go on with: authbridge wait %s · withdraw it with: authbridge cancel %s", id, id)
}
