package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
)

func (a *app) adminCommand() *cobra.Command {
	return group("admin", "The operator's hand on everybody's requests and grants", a.adminListCommand(), a.adminRevokeCommand(), a.adminReleaseCommand(), a.adminLiftCommand(), a.adminIssuersCommand())
}

func (a *app) adminIssuersCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "issuers",
		Short: "List issuers that resources named and no one has listed (operator)",
		Long: `Lists the issuers that resources want tokens of and that the configuration does not
list for them. The bridge asks none of these: whoever runs a resource could name an
issuer of their own. A line each, those that were named last first: the issuer, the
resource, the agent that asked, and when it last did.

If an issuer is the one that you trust to give tokens for this resource, add it to the
resource's entry in authbridge.yaml, and reload:

  resources:
    - {match: "https://files.mcp.example.com/mcp", issuers: [https://login.example.com]}`,
		Example: "  authbridge admin issuers\n  authbridge admin issuers --json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := atMost(a, "issuers", 1000, a.operator().Issuers(c.Context()))
			if err != nil {
				return err
			}
			return a.printIssuers(all)
		},
	}, "admin-socket", "json")
}

func (a *app) printIssuers(all []admin.Issuer) error {
	if a.asJSON {
		return a.json(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(a.err, "no resource has named an issuer that is not listed")
		return nil
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, u := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", a.plain(u.Issuer), a.plain(u.Resource), a.plain(u.Agent), u.Last.Local().Format(time.DateTime))
	}
	return t.Flush()
}

func (a *app) adminListCommand() *cobra.Command {
	limit := count(1000)
	c := &cobra.Command{
		Use:   "list",
		Short: "List everybody's open requests, grants and suspensions (operator)",
		Long: `Lists what is going on: the requests that are open, the grants that are not over, and
which agents may not ask which humans, because those said that they did not ask for
them. A line each, oldest first: what it is, its id, its state, the agent, the human
or team, what it is about, and until when it lasts (of suspensions: since when).`,
		Example: "  authbridge admin list\n  authbridge admin list --json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := a.everything(c.Context(), int(limit))
			if err != nil {
				return err
			}
			return a.printEverything(all)
		},
	}
	c.Flags().Var(&limit, "limit", "at most this many of each")
	return uses(c, "admin-socket", "json")
}

// everything is what admin list prints.
type everything struct {
	Requests    []admin.Request    `json:"requests"`
	Grants      []admin.Grant      `json:"grants"`
	Suspensions []admin.Suspension `json:"suspensions"`
}

func (a *app) everything(ctx context.Context, limit int) (all everything, err error) {
	o := a.operator()
	if all.Requests, err = atMost(a, "requests", limit, o.Requests(ctx)); err != nil {
		return all, err
	}
	if all.Grants, err = atMost(a, "grants", limit, o.Grants(ctx)); err != nil {
		return all, err
	}
	all.Suspensions, err = atMost(a, "suspensions", limit, o.Suspensions(ctx))
	return all, err
}

// atMost reads so many of a sequence, and says when there are more.
func atMost[T any](a *app, what string, limit int, all iter.Seq2[T, error]) ([]T, error) {
	found := []T{}
	for v, err := range all {
		if err != nil {
			return nil, err
		}
		if len(found) == limit {
			fmt.Fprintf(a.err, "there are more %s than these %d; see them with --limit\n", what, limit)
			break
		}
		found = append(found, v)
	}
	return found, nil
}

func (a *app) printEverything(all everything) error {
	if a.asJSON {
		return a.json(all)
	}
	if len(all.Requests)+len(all.Grants)+len(all.Suspensions) == 0 {
		fmt.Fprintln(a.err, "nothing is open, nothing is given, nobody is barred")
		return nil
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	line := func(what, id, state, agent, whom, about string, at time.Time) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", what, a.plain(id), a.plain(state), a.plain(agent), a.plain(whom), a.plain(about), at.Local().Format(time.DateTime))
	}
	for _, r := range all.Requests {
		whom := whose(r.Human, r.Team)
		if r.ClaimedBy != "" {
			whom += ", claimed by " + string(r.ClaimedBy)
		}
		line("request", r.ID, r.State, r.Agent, whom, about(r.Scopes, r.Resource, r.Provider, r.Issuer), r.ExpiresAt)
	}
	for _, g := range all.Grants {
		line("grant", g.ID, g.State, g.Agent, whose(g.Human, g.Team), about(g.Scopes, g.Resource, g.Provider, g.Issuer), g.ReuseUntil)
	}
	for _, s := range all.Suspensions {
		line("suspended", "-", "-", s.Agent, s.Human, "-", s.Since)
	}
	return t.Flush()
}

// whose names a human and their team, as far as there are such.
func whose(human, team api.Optional) string {
	switch {
	case team == "":
		return string(human)
	case human == "":
		return string(team)
	}
	return string(human) + " of " + string(team)
}

// about says what is asked for: of the names of where, the first that there is.
func about(scopes []string, where ...api.Optional) string {
	return orNone(scopes) + " at " + string(cmp.Or(where...))
}

func (a *app) adminRevokeCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke a grant, or end a request (operator)",
		Long: `Revokes anybody's grant by its id: the bridge hands out nothing from it any more, and
has the provider revoke its tokens, for as long as that takes.

With the id of a request it ends the request: one that is open is cancelled as
policy_changed, for the human and the agent alike; one that has led to a grant has
that grant revoked. What was over already stays as it ended; that is no error.`,
		Example: `  authbridge admin revoke grt_0123456789abcdefghij012345
  authbridge admin revoke req_0123456789abcdefghij012345`,
		Args: oneArg("grant or request id"),
		RunE: func(c *cobra.Command, args []string) error {
			done, err := a.operator().Revoke(c.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printTaken(done)
		},
	}, "admin-socket", "json")
}

func (a *app) printTaken(done admin.Taken) error {
	if a.asJSON {
		return a.json(done)
	}
	if !done.Changed {
		fmt.Fprintln(a.err, "it was over already; nothing has changed")
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	if r := done.Request; r != nil {
		a.rowOf(t, *r)
	}
	if g := done.Grant; g != nil {
		fmt.Fprintf(t, "grant\t%s\t%s\t%s\t%s\n", a.plain(g.ID), a.plain(g.State), a.plain(g.Agent), a.plain(whose(g.Human, g.Team)))
	}
	return t.Flush()
}

func (a *app) rowOf(t *tabwriter.Writer, r admin.Request) {
	fmt.Fprintf(t, "request\t%s\t%s\t%s\t%s\n", a.plain(r.ID), a.plain(r.State), a.plain(r.Agent), a.plain(whose(r.Human, r.Team)))
}

func (a *app) adminReleaseCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "release REQUEST",
		Short: "End the claim of a team's request (operator)",
		Long: `Ends the claim that somebody holds of a team's request: the code that they were shown
is burnt, and the others of the team can claim the request. It fails if nobody holds
a claim. authbridge admin list shows who does.`,
		Example: "  authbridge admin release req_0123456789abcdefghij012345",
		Args:    oneArg("request id"),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := a.operator().Release(c.Context(), args[0])
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.json(r)
			}
			t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			a.rowOf(t, r)
			return t.Flush()
		},
	}, "admin-socket", "json")
}

func (a *app) adminLiftCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "lift AGENT HUMAN",
		Short: "Let an agent ask a human again who did not ask for it (operator)",
		Long: `Ends a suspension: somebody has pressed "I did not ask for this" on a request of the
agent, and until that is lifted it may not ask them, and gets nothing of what they
gave it. They can lift it themselves with Allow again; ask them before you do. Where
there is none nothing changes; that is no error.`,
		Example: "  authbridge admin lift helper alice",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 || args[0] == "" || args[1] == "" {
				return &failure{exit: exitUsage, err: fmt.Errorf("%s takes the names of an agent and a human", c.CommandPath()), hint: "see " + c.CommandPath() + " --help"}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			done, err := a.operator().Lift(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.json(done)
			}
			if !done.Lifted {
				fmt.Fprintln(a.err, "it was not suspended; nothing has changed")
			}
			_, err = fmt.Fprintf(a.out, "%s may ask %s\n", a.plain(done.Agent), a.plain(done.Human))
			return err
		},
	}, "admin-socket", "json")
}
