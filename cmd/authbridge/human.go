package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (a *app) humanCommand() *cobra.Command {
	later := &cobra.Command{
		Use: "link", Hidden: true, DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error { return usage("human link is not in this version") },
	}
	return group("human", "Untie humans from accounts", a.unlinkCommand(), later)
}

func (a *app) unlinkCommand() *cobra.Command {
	var issuer string
	c := &cobra.Command{
		Use:   "unlink NAME",
		Short: "Forget which accounts a human is tied to (operator)",
		Long: `Forgets which accounts a human is tied to, and prints them: an issuer and its name
for the account a line. A human is tied to the first account that they grant with
at an issuer, and from then on no other will do, whatever the configuration says of
them. Use this when they have got another account there, or when the wrong one was
tied to them.

Nothing that the human has given is taken back. Their next grant there is checked
as if it were the first: by the configured account, else by e-mail, else, where
trust: first_use says so, by asking them.`,
		Example: `  authbridge human unlink alice
  authbridge human unlink alice --issuer https://login.example.com`,
		Args: oneArg("name of a human"),
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("issuer") && issuer == "" {
				return usage("--issuer is empty; leave it out to mean all issuers")
			}
			done, err := a.operator().Unlink(c.Context(), args[0], issuer)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.json(done)
			}
			if len(done.Accounts) == 0 {
				fmt.Fprintf(a.err, "%s was tied to no account%s; nothing has changed\n", args[0], at(issuer))
				return nil
			}
			t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for _, account := range done.Accounts {
				fmt.Fprintf(t, "%s\t%s\n", a.plain(account.Issuer), a.plain(account.Subject))
			}
			fmt.Fprintf(a.err, "%s is not tied to these any more; what they have given stays\n", args[0])
			return t.Flush()
		},
	}
	c.Flags().StringVar(&issuer, "issuer", "", "only at the issuer with this `url`")
	return uses(c, "admin-socket", "json")
}

// at names an issuer after a verb; "" stays silent.
func at(issuer string) string {
	if issuer == "" {
		return ""
	}
	return " at " + issuer
}
