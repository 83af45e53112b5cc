package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/api"
)

func (a *app) grantsCommand() *cobra.Command {
	limit := count(api.DefaultLimit)
	c := &cobra.Command{
		Use:   "grants",
		Short: "List what humans have given this agent, newest first",
		Long: `Lists what humans have given this agent, newest first, also what is over. One that
is live answers this agent's next ask for it without anybody being asked, until the
time that is shown. One that is needs_reauth answers nothing until its human renews it.`,
		Example: "  authbridge grants\n  authbridge grants --json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			found := []api.Grant{}
			for g, err := range agent.Grants(c.Context(), int(limit)) {
				if err != nil {
					return err
				}
				found = append(found, g)
			}
			return a.printGrants(found)
		},
	}
	c.Flags().Var(&limit, "limit", "at most this many")
	return uses(c, "socket", "url", "json")
}

func (a *app) revokeCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "revoke ID",
		Short: "Give up a grant, so that it is over for everybody",
		Long: `Gives up one of this agent's grants. The bridge hands out nothing from it any more,
and has the provider revoke its tokens: these, and no others of the same human. It
goes on trying while the provider does not answer; a provider that cannot revoke
lets the token live until it lapses. One that is over stays as it ended; that is no
error. authbridge grants lists the ids.`,
		Example: "  authbridge revoke grt_0123456789abcdefghij012345",
		Args:    oneArg("grant id"),
		RunE: func(c *cobra.Command, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			g, err := agent.GiveUp(c.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printGrant(g)
		},
	}, "socket", "url", "json")
}

func (a *app) printGrants(all []api.Grant) error {
	if a.asJSON {
		return a.json(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(a.err, "no grants; authbridge token --provider NAME --scope SCOPE asks for one")
		return nil
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, g := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", a.plain(g.ID), a.plain(string(g.State)), g.ReuseUntil.Local().Format(time.DateTime), a.plain(given(g)))
	}
	return t.Flush()
}

// given says in one line what a grant is of.
func given(g api.Grant) string {
	text := fmt.Sprintf("%s at %s", orNone(g.Scopes), atWhom(g))
	if g.Human != "" {
		text += " by " + string(g.Human)
	}
	if g.Session != "" {
		text += " in session " + string(g.Session)
	}
	return text
}

func atWhom(g api.Grant) string {
	return string(cmp.Or(g.Resource, g.Provider, g.Issuer))
}

// printGrant prints one grant, a fact a line.
func (a *app) printGrant(g api.Grant) error {
	if a.asJSON {
		return a.json(g)
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, a.plain(value))
		}
	}
	line("id", g.ID)
	line("state", string(g.State))
	line("given", given(g))
	line("account", string(g.Account))
	line("provider told", told(g))
	return t.Flush()
}

// told says how far the provider knows that a grant is over, and what that
// means for its token.
func told(g api.Grant) string {
	switch g.Revocation {
	case api.RevocationDone:
		return "yes"
	case api.RevocationPending:
		return "not yet; the bridge goes on trying"
	case api.RevocationUnsupported:
		if g.AccessExpiresAt == nil {
			return "it cannot revoke; the token lives on, nobody says how long"
		}
		return "it cannot revoke; the token lives until " + clock(*g.AccessExpiresAt)
	case api.RevocationNone:
		return "no; another grant has the same token"
	}
	return string(g.Revocation)
}
