package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/daemon"
)

func (a *app) serveCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "serve",
		Short: "Run the bridge (operator)",
		Long: `Runs the bridge until it is told to stop by SIGINT or SIGTERM; it then answers who
is waiting and stops within ten seconds. Without a configuration it runs with
one human, "operator", and one agent, "local", who is whoever runs it.`,
		Example: "  authbridge serve --config authbridge.yaml",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			return a.serve(c.Context(), cfg)
		},
	}, "config")
}

func (a *app) serve(ctx context.Context, cfg *config.Config) error {
	// Whoever asks twice to stop does not want to wait for a clean end.
	defer context.AfterFunc(ctx, func() { signal.Reset(syscall.SIGINT, syscall.SIGTERM) })()
	log := logger(a.err, cfg.Log)
	d, err := daemon.Start(ctx, cfg, log)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // told to stop before it had begun
	case err != nil:
		return &failure{exit: exitOfStart(err), err: fmt.Errorf("cannot start: %w", err)}
	}
	log.Info("authbridge started", "version", version)
	defer onHangUp(func() { log.Warn("SIGHUP: reload is not in this version; restart to take a changed configuration") })()
	return d.Run(ctx)
}

// exitOfStart is the exit of a start that failed. Almost all that can be wrong
// then is for the operator to set right, in the configuration or in what it
// names: a path, a port, a key. That the machine has no room or no working
// disk is neither's fault, and a service manager may well try again.
func exitOfStart(err error) int {
	for _, short := range []syscall.Errno{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS,
	} {
		if errors.Is(err, short) {
			return exitInternal
		}
	}
	return exitUsage
}

// onHangUp calls tell at every SIGHUP, which would end the process otherwise,
// until stop is called.
func onHangUp(tell func()) (stop func()) {
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-hangUps:
				tell()
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(hangUps); close(done) }
}

// logger writes text for people and JSON for everything else.
func logger(w io.Writer, l config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.Level}
	f, ok := w.(*os.File)
	if l.Format == config.LogText || l.Format == config.LogAuto && ok && term.IsTerminal(int(f.Fd())) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// load finds and reads the configuration. Without one it says so, and where
// it looked.
func (a *app) load() (*config.Config, error) {
	path, found, tried := config.Find(a.config, a.env)
	env := config.SystemEnv()
	if !found && path == "" {
		fmt.Fprintf(a.err, "authbridge: no configuration at %s; running with the defaults\n", join(tried))
		return config.Empty(env)
	}
	return config.Load(path, env)
}

func (a *app) configCommand() *cobra.Command {
	check := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration and change nothing",
		Long: `Checks a configuration: the given file, or the one that serve would take. All that
is wrong with it is told at once, with line, key and hint.`,
		Example: "  authbridge config check authbridge.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("config check takes one file at most")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.config = args[0]
			}
			cfg, err := a.load()
			if faults, are := errors.AsType[*config.Faults](err); are {
				return a.printFaults(faults)
			}
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.json(map[string]any{"file": cfg.File, "faults": []config.Fault{}})
			}
			_, err = fmt.Fprintf(a.out, "%s is fine: %s\n", named(cfg), summary(cfg))
			return err
		},
	}
	return group("config", "The configuration", uses(check, "config", "json"))
}

// printFaults reports what is wrong with a file that nobody wanted to start
// with.
func (a *app) printFaults(faults *config.Faults) error {
	if a.asJSON {
		if err := a.json(map[string]any{"file": faults.File, "faults": faults.List}); err != nil {
			return err
		}
	}
	return &failure{exit: exitUsage, err: errors.New(faults.Summary() + "\n" + faults.Error())}
}

func named(cfg *config.Config) string {
	if cfg.File == "" {
		return "the default configuration"
	}
	return filepath.Clean(cfg.File)
}

func summary(cfg *config.Config) string {
	d := cfg.Directory
	return fmt.Sprintf("%s, %s, %s", many(len(d.Providers), "provider"), many(len(d.Humans), "human"), many(len(d.Agents), "agent"))
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
