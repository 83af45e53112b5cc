package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (a *app) humanCommand() *cobra.Command {
	return group("human", "Tie humans to accounts, and untie them", a.linkCommand(), a.unlinkCommand())
}

func (a *app) linkCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "link NAME",
		Short: "Make a code that ties a chat account to a human (operator)",
		Long: `Makes a code for a human and prints what they type in the chat, once and within ten
minutes: from then on the account that typed it is theirs there. Give the code to nobody
else, since whoever types it can grant and revoke as this human.

It is for people whose id the configuration does not name and who are not found by their
e-mail. Where they were tied to another account, the new one takes its place; an account
that is somebody else's stays theirs. Another code for the same human voids this one.`,
		Example: `  authbridge human link alice
  authbridge human link alice --json`,
		Args: oneArg("name of a human"),
		RunE: func(c *cobra.Command, args []string) error {
			link, err := a.operator().ChatLink(c.Context(), args[0])
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.json(link)
			}
			if _, err := fmt.Fprintln(a.out, a.plain(link.Type)); err != nil {
				return err
			}
			fmt.Fprintf(a.err, "to be typed in %s by %s, once, until %s; it is not shown again\n",
				strings.Join(chatNames(link.Chats), " or "), args[0], clock(link.ExpiresAt))
			return nil
		},
	}, "admin-socket", "json")
}

// chatNames are the names of chats as people write them.
func chatNames(chats []string) []string {
	names := make([]string, len(chats))
	for i, chat := range chats {
		names[i] = strings.ToUpper(chat[:1]) + chat[1:]
	}
	return names
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

Who they are in a chat, by their e-mail or by a code, is forgotten as well, unless one
issuer alone is meant, and printed as chat and account. What the configuration itself
says of them stays.

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
			if len(done.Accounts)+len(done.Chats) == 0 {
				fmt.Fprintf(a.err, "%s was tied to no account%s; nothing has changed\n", args[0], at(issuer))
				return nil
			}
			t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for _, account := range done.Accounts {
				fmt.Fprintf(t, "%s\t%s\n", a.plain(account.Issuer), a.plain(account.Subject))
			}
			for _, account := range done.Chats {
				fmt.Fprintf(t, "%s\t%s\n", a.plain(account.Channel), a.plain(account.User))
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
