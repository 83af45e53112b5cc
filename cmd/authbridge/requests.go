package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
)

func (a *app) statusCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "status ID",
		Short: "Print how a request stands",
		Long: `Prints how a request stands, and does not wait. The exit says only whether it could
be looked up.`,
		Example: "  authbridge status req_0123456789abcdefghij012345 --json",
		Args:    oneArg("request id"),
		RunE: func(c *cobra.Command, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			r, err := agent.Request(c.Context(), args[0], 0, 0)
			if err != nil {
				return err
			}
			return a.printRequest(r)
		},
	}, "socket", "url", "json")
}

func (a *app) cancelCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:     "cancel ID",
		Short:   "Withdraw a request, for everyone who joined it",
		Long:    "Withdraws a request. One that has ended stays as it ended; that is no error.",
		Example: "  authbridge cancel req_0123456789abcdefghij012345",
		Args:    oneArg("request id"),
		RunE: func(c *cobra.Command, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			r, err := agent.Cancel(c.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printRequest(r)
		},
	}, "socket", "url", "json")
}

func (a *app) listCommand() *cobra.Command {
	var states []string
	limit := count(api.DefaultLimit)
	c := &cobra.Command{
		Use:     "list",
		Short:   "List this agent's requests, newest first",
		Example: "  authbridge list --state asked,coded",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := filterOf(states, int(limit))
			if err != nil {
				return err
			}
			agent, err := a.agent()
			if err != nil {
				return err
			}
			found := []api.Request{}
			for r, err := range agent.Requests(c.Context(), filter) {
				if err != nil {
					return err
				}
				found = append(found, r)
			}
			return a.printList(found)
		},
	}
	c.Flags().StringSliceVar(&states, "state", nil, "only those in this `state`; may be given many times")
	c.Flags().Var(&limit, "limit", "at most this many")
	return uses(c, "socket", "url", "json")
}

func filterOf(words []string, limit int) (client.Filter, error) {
	f := client.Filter{Max: limit}
	known := map[string]api.State{}
	for _, s := range api.States() {
		known[string(s)] = s
	}
	for _, w := range words {
		s, ok := known[w]
		if !ok {
			return client.Filter{}, usage("there is no state %q; there are %v", w, api.States())
		}
		f.States = append(f.States, s)
	}
	return f, nil
}

func (a *app) printList(all []api.Request) error {
	if a.asJSON {
		return a.json(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(a.err, "no requests; authbridge ask --provider NAME makes one")
		return nil
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, r := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", a.plain(r.ID), a.plain(string(r.State)), r.CreatedAt.Local().Format(time.DateTime), a.plain(describe(r)))
	}
	return t.Flush()
}

// printRequest prints one request, a fact a line.
func (a *app) printRequest(r api.Request) error {
	if a.asJSON {
		return a.json(r)
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", a.plain(name), a.plain(value))
		}
	}
	line("id", r.ID)
	line("state", string(r.State))
	line("asks", describe(r))
	line("reason", r.Reason)
	if r.State.Open() {
		line("check phrase", r.CheckPhrase)
		line("waits until", clock(r.ExpiresAt))
	}
	if r.CodeExpiresAt != nil {
		line("code lapses", clock(*r.CodeExpiresAt))
	}
	for _, d := range r.Delivery {
		line("card in "+d.Channel, string(d.State)+" "+string(d.Detail))
	}
	if r.Outcome != nil {
		line("outcome", string(r.Outcome.Code)+": "+r.Outcome.Message)
	}
	line("grant", string(r.Grant))
	return t.Flush()
}

func (a *app) inboxCommand() *cobra.Command {
	link := &cobra.Command{
		Use:     "link NAME",
		Short:   "Print a link that signs a human in to their inbox (operator)",
		Long:    "Prints a link that signs a human in to their inbox: once, within two minutes. Give it to that human alone.",
		Example: "  authbridge inbox link alice",
		Args:    oneArg("name of a human"),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := a.operator().InboxLink(c.Context(), args[0])
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.json(l)
			}
			fmt.Fprintf(a.err, "signs in as %s, once, until %s\n", args[0], clock(l.ExpiresAt))
			_, err = fmt.Fprintln(a.out, l.URL)
			return err
		},
	}
	return group("inbox", "Let humans into their inbox", uses(link, "admin-socket", "json"))
}

func (a *app) versionCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  authbridge version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.asJSON {
				return a.json(map[string]string{"version": version})
			}
			_, err := fmt.Fprintln(a.out, "authbridge", version)
			return err
		},
	}, "json")
}
