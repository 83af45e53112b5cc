package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/doctor"
)

func (a *app) discordCommand() *cobra.Command {
	return group("discord", "Let the application in Discord that reaches people into a server", a.inviteCommand())
}

func (a *app) inviteCommand() *cobra.Command {
	var application string
	c := &cobra.Command{
		Use:   "invite",
		Short: "Print the link that lets the bridge's application into a Discord server",
		Long: `Prints a link. Who manages a Discord server opens it and chooses the server: that lets
the bridge's bot and its command, /authbridge, into it. The bot may see channels, write
in them and in their threads, and answer messages there. It asks for nothing else, and
reads nobody's messages.

Which application it is Discord says to the token in the configuration, discord.bot_token;
or name its id with --application (on the application's page, General Information).`,
		Example: `  authbridge discord invite
  authbridge discord invite --application 150000000000000001`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, found, _ := config.Find(a.config, a.env)
			cfg, err := config.Empty(config.SystemEnv())
			if found {
				cfg, err = config.Load(path, config.SystemEnv())
			}
			switch {
			case err != nil && application == "":
				return err
			case err != nil:
				cfg, _ = config.Empty(config.SystemEnv()) // the file is not needed
			case cfg.Discord == nil && application == "":
				return usage("no configuration has a section discord with the bot's token; name the application with --application")
			}
			invite, err := doctor.Invite(c.Context(), cfg, application)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.json(invite)
			}
			_, err = fmt.Fprintln(a.out, invite.URL)
			return err
		},
	}
	c.Flags().StringVar(&application, "application", "", "the application's `id` (default: that of discord.bot_token)")
	return uses(c, "config", "json")
}
