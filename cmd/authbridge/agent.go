package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/admin"
)

func (a *app) agentCommand() *cobra.Command {
	return group("agent", "Make keys for agents", a.agentAddCommand())
}

func (a *app) agentAddCommand() *cobra.Command {
	return uses(&cobra.Command{
		Use:   "add NAME",
		Short: "Make a key for an agent (operator)",
		Long: `Makes a key for an agent that has no user of its own on this machine, because it runs
elsewhere or in a container, and prints it, and below it the line for the configuration.
The bridge keeps neither, and changes no file: the agent is known by the key once that
line stands under its name in authbridge.yaml and the bridge has been told by SIGHUP.

An agent that has a key gets another in the same way. The old one ends with the SIGHUP;
what the agent was given stays its own.`,
		Example: `  authbridge agent add ci
  authbridge agent add ci --json`,
		Args: oneArg("name of an agent"),
		RunE: func(c *cobra.Command, args []string) error {
			key, err := a.operator().NewAgentKey(c.Context(), args[0])
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.json(key)
			}
			if _, err := fmt.Fprintf(a.out, "%s\nkey_hash: %q\n", a.plain(key.Key), key.KeyHash); err != nil {
				return err
			}
			a.sayWhereItGoes(key)
			return nil
		},
	}, "admin-socket", "json")
}

// sayWhereItGoes tells what is left to do, for the key and for the other line.
func (a *app) sayWhereItGoes(key admin.AgentKey) {
	fmt.Fprintf(a.err, "the first line is the key: give it to %s alone, as AUTHBRIDGE_KEY; it is not shown again\n", key.Agent)
	file := string(key.File)
	if file == "" {
		file = "an authbridge.yaml, which the bridge does not have yet"
	}
	where := "under agents: " + key.Agent
	switch {
	case key.Renewed:
		where += ", in the place of the one that is there: that one ends"
	case !key.Known:
		where += ", which is new and needs an owner and a may as well"
	}
	fmt.Fprintf(a.err, "the second line goes into %s, %s\n", a.plain(file), where)
	if key.File == "" {
		fmt.Fprintln(a.err, "then start the bridge with it: authbridge serve --config authbridge.yaml")
		return
	}
	fmt.Fprintf(a.err, "then have the bridge read it: kill -HUP %d\n", key.PID)
}
