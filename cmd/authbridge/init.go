package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/setup"
)

func (a *app) initCommand() *cobra.Command {
	var o setup.Options
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a first configuration, or add to one (operator)",
		Long: `Asks for a provider, a human and an agent, one thing at a time, then for Slack, if people
are to be reached there, and writes a commented authbridge.yaml. Each answer is looked at
when it is given: the issuer is called, and a device authorization request tells whether
it knows the client (its codes are dropped unseen and never polled). A secret is typed
without being shown, into a file of its own. In Slack a hello is written to the human;
their press tells who they are there.

Nothing is written before the last answer, and Ctrl-C leaves all as it is. Where there is
a configuration already, init adds to it or, with --change, changes a value; everything
else in the file stays byte for byte.

What a flag says is not asked. With --yes nothing is: what is neither said nor has a
default is a mistake in the call. Then doctor looks at the result. The exit is 0 when the
file is as it should be, whatever doctor found.`,
		Example: `  authbridge init
  authbridge init --yes --issuer https://login.example.com --client-id authbridge \
    --client-secret env:CORP_SECRET --human alice --email alice@example.com \
    --agent helper --uid 1001 --scope "files:*"`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Given.Key && o.Given.UID != "" {
				return usage("--key and --uid are two ways to know an agent; give one of them")
			}
			return a.setUp(c.Context(), o)
		},
	}
	g, f := &o.Given, c.Flags()
	f.StringVar(&g.Issuer, "issuer", "", "`url` of a provider's issuer")
	f.StringVar(&g.Provider, "provider", "", "`name` for the provider, of your choice")
	f.StringVar(&g.ClientID, "client-id", "", "the bridge's `id` at the provider")
	f.StringVar(&g.Secret, "client-secret", "", "`where` its secret is: env:NAME or file:/path")
	f.StringArrayVar(&g.OwnScopes, "own-scope", nil, "a `scope` that the bridge adds itself (repeatable)")
	f.BoolVar(&g.HTTPLoopback, "allow-http-loopback", false, "let a provider on this machine be called without TLS (tests)")
	f.StringVar(&g.Human, "human", "", "`name` of somebody who can be asked")
	f.StringVar(&g.Email, "email", "", "their e-mail `address` at the provider")
	f.StringVar(&g.SlackBot, "slack-bot-token", "", "`where` the bot token of the app in Slack is: env:NAME or file:/path")
	f.StringVar(&g.SlackApp, "slack-app-token", "", "`where` its app-level token is, likewise")
	f.StringVar(&g.SlackUser, "slack-user", "", "the member `ID` of the human in Slack")
	f.StringVar(&g.DiscordBot, "discord-bot-token", "", "`where` the token of the bot in Discord is: env:NAME or file:/path")
	f.StringVar(&g.DiscordUser, "discord-user", "", "the user `ID` of the human in Discord")
	f.StringVar(&g.Agent, "agent", "", "`name` of somebody who may ask")
	f.StringVar(&g.UID, "uid", "", "the local `user` that the agent runs as: a uid or a name")
	f.BoolVar(&g.Key, "key", false, "the agent is not on this machine, and shows a key")
	f.StringArrayVar(&g.Scopes, "scope", nil, "a `scope` that the agent may ask for (repeatable)")
	f.BoolVar(&o.Unattended, "yes", false, "ask nothing, and take the defaults")
	f.BoolVar(&o.Change, "change", false, "let what is said take the place of what the file says")
	f.BoolVar(&o.Offline, "offline", false, "call no provider and no chat, and do not run doctor")
	return uses(c, "config", "admin-socket", "json")
}

// setUp has the conversation, and looks at what came of it.
func (a *app) setUp(ctx context.Context, o setup.Options) error {
	o.File, o.Env, o.Talk = a.configToWrite(), config.SystemEnv(), a.talk()
	done, err := setup.Run(ctx, o)
	if err != nil {
		return ofSetup(err)
	}
	a.config = o.File
	found, absent := []admin.Finding{}, true
	if !o.Offline {
		if found, absent, err = a.examine(ctx); err != nil {
			return fmt.Errorf("the configuration is written; look at the bridge: %w", err)
		}
	}
	if absent {
		done.Next = slices.Insert(done.Next, 0, "authbridge serve --config "+quoted(filepath.Clean(o.File)))
	}
	return a.printSetup(done, found)
}

// configToWrite is the file that serve would take or, if there is none, the
// one where it would look first: root's is for the whole machine.
func (a *app) configToWrite() string {
	path, found, tried := config.Find(a.config, a.env)
	switch {
	case found:
		return path
	case os.Geteuid() == 0 && a.env("XDG_CONFIG_HOME") == "":
		return tried[len(tried)-1]
	}
	return tried[0]
}

// ofSetup finds the exit for what kept a configuration from being written.
func ofSetup(err error) error {
	if no, is := errors.AsType[*setup.Refusal](err); is {
		return &failure{exit: exitUsage, err: errors.New(no.What), hint: no.Hint}
	}
	if errors.Is(err, setup.ErrSilent) {
		return &failure{exit: exitUsage, err: err, hint: "give the answers with flags and --yes; see authbridge init --help"}
	}
	if faults, are := errors.AsType[*config.Faults](err); are {
		return &failure{exit: exitUsage, err: fmt.Errorf("%s; mend it first, nothing was written\n%w", faults.Summary(), faults)}
	}
	return err
}

// setUpDone is what init --json prints.
type setUpDone struct {
	setup.Result

	Findings []admin.Finding `json:"findings"`
}

func (a *app) printSetup(done setup.Result, found []admin.Finding) error {
	if a.asJSON {
		return a.json(setUpDone{done, found})
	}
	fmt.Fprintln(a.err)
	for _, what := range done.Done {
		fmt.Fprintln(a.err, a.plain(what))
	}
	if !done.Changed {
		fmt.Fprintln(a.err, "nothing has changed")
	}
	for _, file := range done.SecretFiles {
		fmt.Fprintf(a.err, "a secret is in %s, for this user's eyes only\n", a.plain(file))
	}
	if err := a.writeFindings(a.err, found); err != nil {
		return err
	}
	fmt.Fprintln(a.err, "next:")
	for _, command := range done.Next {
		fmt.Fprintln(a.err, "  "+a.plain(command))
	}
	_, err := fmt.Fprintln(a.out, filepath.Clean(done.File))
	return err
}
