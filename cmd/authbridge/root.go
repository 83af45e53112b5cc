package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// app is what all commands share.
type app struct {
	*stdio
	config      string
	socket      string
	url         string
	adminSocket string
	asJSON      bool

	begun bool // a command is at work: what fails now is no mistake in the call
	exit  int  // of exec's command, once it has run
}

// run is the whole program but for the end of the process.
func run(args []string, s *stdio) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	a := &app{stdio: s}
	root := a.root()
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		f := a.failed(err)
		s.report(f)
		return f.exit
	}
	return a.exit
}

// failed finds the exit for any error. What fails before a command is at work
// is a mistake in the call.
func (a *app) failed(err error) *failure {
	var known *failure
	if a.begun || errors.As(err, &known) {
		return classify(err)
	}
	return &failure{exit: exitUsage, err: err, hint: "see authbridge --help"}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "authbridge",
		Short: "The bridge to the human, for agents that have no browser",
		Long: `authbridge lets an agent ask a human for access to a provider, and hands it the
token once the human has granted it there. The human is asked in their inbox,
presses Show code, and signs in at the provider; nothing is granted anywhere else.

See it first with: authbridge demo. Then: authbridge init, authbridge serve.

A command finds the bridge of its own user, else the one in /run/authbridge. Another
one is named by a flag, or by AUTHBRIDGE_SOCKET, AUTHBRIDGE_ADMIN_SOCKET, or, over TCP,
AUTHBRIDGE_URL with AUTHBRIDGE_KEY (AUTHBRIDGE_CA, if no system trusts its certificate;
AUTHBRIDGE_CERT and AUTHBRIDGE_CERT_KEY, if it wants one of yours). Results are on
standard output and nothing else is; with --json they are JSON.

Exits: 0 done · 1 internal · 2 usage or configuration · 3 the human said no ·
4 expired or cancelled · 5 no bridge at the socket · 6 not allowed ·
7 gave up waiting · 8 any other end · 130 interrupted`,
		Example: `  authbridge exec --provider corp --scope files.read --reason "tidy up" -- ./tidy
  authbridge token --provider corp --scope files.read`,
		SilenceErrors: true, SilenceUsage: true,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },

		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			a.begun = true
			return refuseUnused(c)
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(badFlag)
	f := root.PersistentFlags()
	f.StringVar(&a.socket, "socket", a.env("AUTHBRIDGE_SOCKET"), "`path` of the agents' socket (AUTHBRIDGE_SOCKET)")
	f.StringVar(&a.url, "url", a.env("AUTHBRIDGE_URL"), "where the bridge is over TCP, as a `URL` (AUTHBRIDGE_URL); the key is taken from AUTHBRIDGE_KEY")
	f.StringVar(&a.adminSocket, "admin-socket", a.env("AUTHBRIDGE_ADMIN_SOCKET"), "`path` of the operator's socket (AUTHBRIDGE_ADMIN_SOCKET)")
	f.StringVar(&a.config, "config", "", "`path` of the configuration (AUTHBRIDGE_CONFIG)")
	f.BoolVar(&a.asJSON, "json", false, "print JSON")
	addGroup(root, "To begin with:", a.demoCommand(), a.initCommand(), a.serveCommand(), a.configCommand(), a.providersCommand(), a.doctorCommand())
	addGroup(
		root, "For agents:", a.tokenCommand(), a.execCommand(), a.askCommand(), a.waitCommand(),
		a.statusCommand(), a.listCommand(), a.cancelCommand(), a.grantsCommand(), a.revokeCommand(),
	)
	addGroup(root, "For operators:", a.inboxCommand(), a.humanCommand(), a.agentCommand(), a.slackCommand(), a.discordCommand(), a.adminCommand(), a.auditCommand(), a.backupCommand())
	root.AddCommand(a.versionCommand())
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args, c.RunE = noArgs, needsOne
		}
	}
	a.complete(root)
	explain := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		hideUnused(c)
		explain(c, args)
	})
	return root
}

// addGroup adds commands under a title of their own.
func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, c := range commands {
		c.GroupID = title
		root.AddCommand(c)
	}
}

// general are the flags that belong to no single command.
var general = []string{"socket", "url", "admin-socket", "config", "json"}

// uses marks a command with the general flags that mean something to it. They
// may stand anywhere in a call, but one that a command has no use for is
// refused: what is ignored is taken for obeyed.
func uses(c *cobra.Command, flags ...string) *cobra.Command {
	c.Annotations = map[string]string{"uses": join(flags)}
	return c
}

func refuseUnused(c *cobra.Command) error {
	if _, isMarked := c.Annotations["uses"]; !isMarked {
		return nil // a command that only explains
	}
	for _, name := range general {
		if c.Flags().Changed(name) && !hasUse(c, name) {
			return &failure{exit: exitUsage, err: fmt.Errorf("%s has no use for --%s", c.CommandPath(), name), hint: "see " + c.CommandPath() + " --help"}
		}
	}
	return nil
}

// hideUnused leaves out of a command's help what it would refuse. The program
// as a whole explains all of them.
func hideUnused(c *cobra.Command) {
	for _, name := range general {
		c.Root().PersistentFlags().Lookup(name).Hidden = c.HasParent() && !hasUse(c, name)
	}
}

func hasUse(c *cobra.Command, flag string) bool {
	return slices.Contains(strings.Fields(c.Annotations["uses"]), flag)
}

// helpCommand is cobra's, but for a word that is no command: that is a
// mistake here as everywhere.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Explain a command",
		Example: "  authbridge help config check",

		ValidArgsFunction: propose(subcommands),
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return &failure{exit: exitUsage, err: fmt.Errorf("there is no command %q to explain", join(args)), hint: "see authbridge --help"}
			}
			return c.Help()
		},
	}
}

// noArgs refuses words that a command has no use for.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &failure{exit: exitUsage, err: fmt.Errorf("%s knows no %q", c.CommandPath(), args[0]), hint: unknownCommand(c, args[0])}
	}
	return nil
}

// oneArg wants exactly one word.
func oneArg(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return &failure{exit: exitUsage, err: errors.New(c.CommandPath() + " takes one " + name), hint: "see " + c.CommandPath() + " --help"}
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, of ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: noArgs, RunE: needsOne}
	c.AddCommand(of...)
	return c
}

func needsOne(c *cobra.Command, _ []string) error {
	return &failure{exit: exitUsage, err: errors.New(c.CommandPath() + " needs one of its commands"), hint: "see " + c.CommandPath() + " --help"}
}

func join(words []string) string { return strings.Join(words, " ") }
