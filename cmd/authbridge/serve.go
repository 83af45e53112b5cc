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
one human, "operator", and one agent, "local", who is whoever runs it.

SIGHUP has it read its configuration again, all or nothing: a file with any
fault changes nothing, and all faults are in the log. What the new file forbids
ends at once: requests that are open, and what was given, which is revoked. What
it newly allows helps new asks. A change of state_dir, store, seal, listen or
log needs a restart, and is refused; what is in the files of listen.tls is read
again, so that a certificate that was renewed is taken.

A service manager that sets NOTIFY_SOCKET (systemd, with Type=notify) is told when
the bridge is ready, reloading and stopping.`,
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
	// Whoever asks twice to stop does not want to wait for a clean end: from
	// before the bridge says that it stops, the next signal ends the process.
	told := ctx
	ctx, stop := context.WithCancel(context.WithoutCancel(told))
	defer stop()
	defer context.AfterFunc(told, func() {
		signal.Reset(syscall.SIGINT, syscall.SIGTERM)
		stop()
	})()
	log := logger(a.err, cfg.Log)
	hangUps := make(chan os.Signal, 1) // it would end the process otherwise
	signal.Notify(hangUps, syscall.SIGHUP)
	defer signal.Stop(hangUps)
	d, err := daemon.Start(ctx, cfg, log)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // told to stop before it had begun
	case err != nil:
		return &failure{exit: exitOfStart(err), err: fmt.Errorf("cannot start: %w", err)}
	}
	d.Version = version
	log.Info("authbridge started", "version", version)
	return a.run(ctx, d, cfg.File, hangUps, log)
}

// run runs the bridge, and has it take its configuration anew at every SIGHUP.
func (a *app) run(ctx context.Context, d *daemon.Daemon, file string, hangUps <-chan os.Signal, log *slog.Logger) error {
	turns, stop := context.WithCancel(ctx)
	over := make(chan struct{})
	tell := func(states ...string) {
		if err := manager(a.env("NOTIFY_SOCKET")).tell(states...); err != nil {
			log.Warn("the service manager does not hear how the bridge stands", "err", err)
		}
	}
	go func() {
		defer close(over)
		ready := d.Ready()
		for {
			select {
			case <-ready:
				ready = nil
				tell(isReady, status("ready"))
			case <-hangUps:
				tell(isReloading)
				tell(isReady, status(a.reload(turns, d, file, log)))
			case <-turns.Done():
				tell(isStopping, status("stopping"))
				return
			}
		}
	}()
	err := d.Run(ctx)
	stop()
	<-over
	return err
}

// reload reads the file that the bridge was started with, and no other: one
// that is gone is no reason to run with none. Without one it looks again. It
// returns what came of it, in words.
func (a *app) reload(ctx context.Context, d *daemon.Daemon, file string, log *slog.Logger) string {
	load := a.load
	if file != "" {
		load = func() (*config.Config, error) { return config.Load(file, config.SystemEnv()) }
	}
	next, err := load()
	if err == nil {
		err = d.Reload(ctx, next)
	}
	if err == nil || ctx.Err() != nil {
		return "ready"
	}
	if faults, are := errors.AsType[*config.Faults](err); are {
		for _, f := range faults.List {
			log.Error("fault in the configuration", "file", f.File, "line", f.Line, "key", f.Key, "what", f.What, "hint", f.Hint)
		}
		err = errors.New(faults.Summary())
	}
	log.Error("not reloaded: the bridge goes on with the configuration that it has", "err", err)
	return "ready, with the configuration of before: the last reload was refused, and the log says why"
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
	return group("config", "Check a configuration", uses(check, "config", "json"))
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
