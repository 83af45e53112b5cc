package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/internal/demo"
)

func (a *app) demoCommand() *cobra.Command {
	var noOpen bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "See the whole story on this machine: no accounts, no network",
		Long: `Runs a bridge, a provider and an agent, tells what happens line by line, and stays
until Ctrl-C. The agent asks alice for her documents: press Show code in her inbox,
sign in at the provider as alice with any password, and press Allow. The agent has
its token within a second or two. Sign in as bob to see that his account is not taken
for hers.

Everything is in one directory for temporary files, on ports that are free, and gone
at the end. No configuration is read, and no other bridge is touched. The pages are at
127.0.0.1: from another machine, forward their ports; over ssh it is said how.`,
		Example: `  authbridge demo
  authbridge demo --no-open`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			program, err := self()
			if err != nil {
				return err
			}
			return a.demo(c.Context(), demo.Options{Out: a.out, Err: a.err, Env: a.env, Program: program, Version: version, NoOpen: noOpen, JSON: a.asJSON})
		},
	}
	c.Flags().BoolVar(&noOpen, "no-open", false, "do not open a browser")
	return uses(c, "json")
}

func (a *app) demo(ctx context.Context, o demo.Options) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP) // a terminal that is closed ends the demo, too
	defer stop()
	broken := make(chan os.Signal, 1) // else a closed pipe would end the process with all that it made left behind; as it is, the demo sees it
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // where the provider's library tells whom it refused
	d, err := demo.Start(ctx, o)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // told to stop before it had begun
	case err != nil:
		return &failure{exit: exitOfStart(err), err: fmt.Errorf("cannot start the demo: %w", err)}
	}
	if err := d.Run(ctx); err != nil {
		return fmt.Errorf("the demo came to an end: %w", err)
	}
	fmt.Fprintln(a.err, "\nThe demo is over, and nothing of it is left.")
	return nil
}

// self is how this program is called from another terminal.
func self() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find out where this program is: %w", err)
	}
	found, err := exec.LookPath("authbridge")
	if err != nil {
		return path, nil
	}
	us, err := os.Stat(path)
	if err != nil {
		return path, nil
	}
	if it, err := os.Stat(found); err != nil || !os.SameFile(us, it) {
		return path, nil
	}
	return "authbridge", nil
}
