package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/doctor"
)

func (a *app) doctorCommand() *cobra.Command {
	press := ""
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong, and say what to do (operator)",
		Long: `Looks at the bridge and all that it depends on: the configuration, its files and who
can read or change them, the store and its audit log, room on the disk, the inbox, who
may ask whom for what, the clock, and every provider. The running bridge looks itself,
from where it is; without one, what can be seen from here is looked at.

At each provider it makes a real device authorization request, to see whether the
provider knows the bridge's client: the codes are dropped unseen and never polled, and
nobody is asked anything. It waits at most twenty seconds for all of them.

With --press, the bridge then writes to a human in their chats and waits a minute for them
to press the button: that shows that they can be written to, and that what they press
arrives. It grants nothing.

The exit is 0 without failures (warnings are none), 5 when all that fails is that no
bridge runs, and 8 otherwise.`,
		Example: "  authbridge doctor\n  authbridge doctor --press alice\n  authbridge doctor --json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			at, found, absent, err := a.look(c.Context())
			if err == nil && press != "" && !absent {
				found, err = a.tryPress(c.Context(), at, press, found)
			}
			if err != nil {
				return err
			}
			return a.printDiagnosis(found, absent)
		},
	}
	c.Flags().StringVar(&press, "press", "", "`human` who is sent a button in their chats, to see whether the press arrives")
	return uses(c, "admin-socket", "config", "json")
}

// tryPress adds whether a human's press arrives.
func (a *app) tryPress(ctx context.Context, at admin.Client, human string, found []admin.Finding) ([]admin.Finding, error) {
	fmt.Fprintf(a.err, "the bridge sends %s a button in each of their chats; the press is waited for, a minute at most\n", a.plain(human))
	seen, err := at.Press(ctx, human)
	return append(found, seen...), err
}

// examine has the running bridge look at itself, or looks from here when it is
// absent; that is a finding too.
func (a *app) examine(ctx context.Context) (found []admin.Finding, absent bool, err error) {
	_, found, absent, err = a.look(ctx)
	return found, absent, err
}

// look is examine, and says which bridge it was.
func (a *app) look(ctx context.Context) (at admin.Client, found []admin.Finding, absent bool, err error) {
	path, _, _ := config.Find(a.config, a.env)
	cfg, faults := config.Empty(config.SystemEnv())
	if path != "" {
		cfg, faults = config.Load(path, config.SystemEnv())
	}
	at = a.operatorOf(cfg)
	seen, err := at.Findings(ctx)
	if errors.Is(err, client.ErrNoBridge) {
		at, seen, err = a.elsewhere(ctx, cfg, at, err)
	}
	none, isAbsent := errors.AsType[*client.NoBridge](err)
	p, refused := errors.AsType[*client.Problem](err)
	switch {
	case isAbsent:
		return at, append(fromHere(ctx, cfg, faults), doctor.Fail("bridge", none.Hint, "%s", strings.TrimSuffix(err.Error(), "; "+none.Hint))), true, nil
	case refused && p.Code == api.ProblemNotFound:
		return at, []admin.Finding{doctor.Fail("bridge", "restart it, so that it is of this version", "answers at %s, and is too old to look at itself", at.Socket)}, false, nil
	case err != nil:
		return at, nil, false, err
	}
	return at, slices.Concat(running(at.Socket, seen), a.another(seen), seen.Findings), false, nil
}

// operatorOf calls the bridge where a flag or a variable says, else where the
// configuration does.
func (a *app) operatorOf(cfg *config.Config) admin.Client {
	if a.adminSocket == "" && cfg != nil && cfg.File != "" {
		return admin.Client{Socket: cfg.Listen.Admin, Trust: foundIn(filepath.Dir(cfg.Listen.Admin))}
	}
	return a.operator()
}

// elsewhere looks for the bridge of this configuration where the other commands
// would: a service manager gives it directories that are not in our
// environment, so that its sockets are not where the file leads from here. Any
// other bridge is not the one that is meant, and then there is still none.
func (a *app) elsewhere(ctx context.Context, cfg *config.Config, at admin.Client, none error) (admin.Client, admin.Findings, error) {
	other := a.operator()
	if cfg == nil || cfg.File == "" || a.adminSocket != "" || other.Socket == at.Socket {
		return at, admin.Findings{}, none
	}
	seen, err := other.Findings(ctx)
	if err != nil || !sameFile(cfg.File, seen.File) {
		return at, admin.Findings{}, none
	}
	return other, seen, nil
}

// running says that there is a bridge, and of which version.
func running(socket string, seen admin.Findings) []admin.Finding {
	if seen.Version != version {
		return []admin.Finding{doctor.Warn("bridge", "restart the bridge, so that it runs what is installed",
			"answers at %s, and is version %s while this is %s", socket, seen.Version, version)}
	}
	return []admin.Finding{doctor.OK("bridge", "answers at %s, version %s", socket, version)}
}

// another warns who has named a file that the bridge does not run with.
func (a *app) another(seen admin.Findings) []admin.Finding {
	named, found, _ := config.Find(a.config, a.env)
	if !found || sameFile(named, seen.File) {
		return nil
	}
	return []admin.Finding{doctor.Warn("config", "name it to both, with --config or AUTHBRIDGE_CONFIG", "the bridge runs with %s, and from here %s is found",
		orDefaults(seen.File), named)}
}

func orDefaults(file string) string {
	if file == "" {
		return "no file"
	}
	return file
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, other := os.Stat(b)
	return filepath.Clean(a) == filepath.Clean(b) || err == nil && other == nil && os.SameFile(x, y)
}

// fromHere looks at what can be seen without a bridge.
func fromHere(ctx context.Context, cfg *config.Config, faults error) []admin.Finding {
	if faults != nil {
		return doctor.Faults(faults)
	}
	uid := uint32(os.Geteuid()) //nolint:gosec // G115: a uid has 32 bits
	if info, err := os.Stat(cfg.StateDir); err == nil {
		if sys, ok := info.Sys().(*syscall.Stat_t); ok {
			uid = sys.Uid // whose state it is runs the bridge
		}
	}
	return slices.Concat(
		[]admin.Finding{doctor.File(cfg)}, doctor.Files(cfg, uid), doctor.Certificate(cfg, time.Now()),
		doctor.Rules(cfg, uid), doctor.Slack(ctx, cfg, nil), doctor.Discord(ctx, cfg, nil), doctor.Providers(ctx, cfg, nil), doctor.Resources(ctx, cfg, nil),
	)
}

// diagnosis is what doctor --json prints.
type diagnosis struct {
	Findings []admin.Finding `json:"findings"`
	OK       int             `json:"ok"`
	Warnings int             `json:"warnings"`
	Failures int             `json:"failures"`
}

// printDiagnosis prints findings, and is an error if there are failures. An
// absent bridge is one of them.
func (a *app) printDiagnosis(found []admin.Finding, absent bool) error {
	d := diagnosis{Findings: found}
	for _, f := range found {
		switch f.Level {
		case admin.OK:
			d.OK++
		case admin.Warn:
			d.Warnings++
		case admin.Fail:
			d.Failures++
		}
	}
	if err := a.writeDiagnosis(d); err != nil || d.Failures == 0 {
		return err
	}
	f := &failure{exit: exitOther, err: fmt.Errorf("%s; what to do stands beside each", many(d.Failures, "failure"))}
	if absent && d.Failures == 1 {
		f = &failure{exit: exitNoBridge, err: errors.New("no bridge runs; nothing else fails")}
	}
	return f
}

func (a *app) writeDiagnosis(d diagnosis) error {
	if a.asJSON {
		return a.json(d)
	}
	if err := a.writeFindings(a.out, d.Findings); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "%d ok, %s, %s (doctor --json for machines)\n", d.OK, many(d.Warnings, "warning"), many(d.Failures, "failure"))
	return err
}

// writeFindings writes each on a line, and what to do on the next.
func (a *app) writeFindings(w io.Writer, found []admin.Finding) error {
	wide := 0
	for _, f := range found {
		wide = max(wide, len([]rune(a.plain(f.About))))
	}
	for _, f := range found {
		_, err := fmt.Fprintf(w, "%-4s  %-*s  %s\n", a.plain(string(f.Level)), wide, a.plain(f.About), a.plain(f.What))
		if f.Hint != "" && err == nil {
			_, err = fmt.Fprintf(w, "%s→ %s\n", strings.Repeat(" ", wide+8), a.plain(f.Hint))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
