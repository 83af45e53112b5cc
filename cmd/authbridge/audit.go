package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/admin"
)

func (a *app) auditCommand() *cobra.Command {
	var verify bool
	var filter admin.AuditFilter
	var since span
	c := &cobra.Command{
		Use:   "audit",
		Short: "Print the audit log, or look whether somebody changed it (operator)",
		Long: `Prints the audit log as it is kept, oldest first, one JSON object a line: who did
what, to what, and what came of it. Each line holds, as "prev", the SHA-256 of
the line before, without its newline.

With --verify the bridge looks through the whole log instead, and the exit is 8
when it finds a line that is not as it was written. Note the hash that it prints
somewhere else: a log that was cut back together with its seal, as by somebody
who puts an old file in its place, can only be told by that.`,
		Example: `  authbridge audit --since 24h
  authbridge audit --about req_0123456789abcdefghij012345
  authbridge audit --verify`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			about, back := c.Flags().Changed("about"), c.Flags().Changed("since")
			switch {
			case verify && (about || back):
				return usage("--verify looks through the whole log; leave out --about and --since")
			case verify:
				return a.verifyAudit(c)
			case about && filter.About == "":
				return usage("--about is empty; leave it out to see everything")
			case back && since <= 0:
				return usage("--since says how far back, such as 24h or 7d")
			case back:
				filter.Since = time.Now().Add(-time.Duration(since))
			}
			return a.operator().Audit(c.Context(), filter, a.out)
		},
	}
	c.Flags().BoolVar(&verify, "verify", false, "look whether the log is as it was written")
	c.Flags().StringVar(&filter.About, "about", "", "only lines about this request or grant, by its `id`")
	c.Flags().Var(&since, "since", "only lines that are no older than this, such as 24h or 7d")
	return uses(c, "admin-socket", "json")
}

func (a *app) verifyAudit(c *cobra.Command) error {
	report, err := a.operator().VerifyAudit(c.Context())
	if err != nil {
		return err
	}
	if err := a.printReport(report); err != nil || report.Fault == nil {
		return err
	}
	return &failure{exit: exitOther, err: fmt.Errorf("the audit log is not as it was written: %s", report.Fault.Detail), hint: report.Fault.Hint}
}

// printReport says on one line what was found.
func (a *app) printReport(r admin.AuditReport) error {
	var err error
	switch {
	case a.asJSON:
		return a.json(r)
	case r.Fault != nil:
		_, err = fmt.Fprintf(a.out, "line %d: %s\n", r.Fault.Line, a.plain(r.Fault.Detail))
	case r.First > r.Last:
		_, err = fmt.Fprintln(a.out, "the audit log is empty")
	default:
		_, err = fmt.Fprintf(a.out, "lines %d to %d are as they were written; the last one is %s\n", r.First, r.Last, a.plain(r.Head))
	}
	return err
}
