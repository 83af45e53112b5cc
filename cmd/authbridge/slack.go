package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/setup"
)

func (a *app) slackCommand() *cobra.Command {
	return group("slack", "Make the app in Slack that reaches people", a.manifestCommand())
}

// The ways in which Slack tells the bridge what people press.
var slackModes = []string{config.ModeSocket, config.ModeHTTP}

func (a *app) manifestCommand() *cobra.Command {
	var mode, public string
	c := &cobra.Command{
		Use:   "manifest",
		Short: "Print what the bridge's app in Slack is made from",
		Long: `Prints the manifest of the bridge's app in Slack. At https://api.slack.com/apps press
Create New App, From a manifest, choose your workspace, and paste it. Then install the
app, and copy two things: the bot token (OAuth & Permissions, begins with xoxb-), and an
app-level token with the scope connections:write (Basic Information, begins with xapp-).

Mode socket, the default, needs no address that Slack could reach: the bridge opens the
connections. Mode http has Slack call the bridge at its public address; instead of the
app-level token it needs the signing secret (Basic Information).

An app that is there already takes the same text at App Manifest, and then wants to be
installed again. With --json the same in JSON, which Slack takes as well.`,
		Example: `  authbridge slack manifest
  authbridge slack manifest --mode http --public-url https://authbridge.example.com`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			public, err := a.slackCalls(mode, public)
			if err != nil {
				return err
			}
			m, err := setup.NewManifest(public)
			if err != nil {
				return usage("--public-url: %v", err)
			}
			if a.asJSON {
				return a.json(m)
			}
			text, err := m.YAML()
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.out, text)
			return err
		},
	}
	c.Flags().StringVar(&mode, "mode", config.ModeSocket, "`how` Slack tells what people press: socket or http")
	c.Flags().StringVar(&public, "public-url", "", "the bridge's public `address`, with mode http (default: public_url of the configuration)")
	return uses(c, "config", "json")
}

// slackCalls is the address for Slack to call; "" = none.
func (a *app) slackCalls(mode, public string) (string, error) {
	switch {
	case mode == config.ModeSocket && public != "":
		return "", usage("--public-url is for mode http; in mode socket Slack calls nobody")
	case mode == config.ModeSocket, public != "" && mode == config.ModeHTTP:
		return public, nil
	case mode != config.ModeHTTP:
		return "", usage("--mode is %q; it is one of: %s, %s", mode, slackModes[0], slackModes[1])
	}
	path, found, _ := config.Find(a.config, a.env)
	if !found {
		return "", usage("mode http needs the bridge's public address; give it with --public-url")
	}
	cfg, err := config.Load(path, config.SystemEnv())
	if err != nil {
		return "", err
	}
	if cfg.PublicURL == "" {
		return "", usage("mode http needs the bridge's public address; %s has no public_url, so give it with --public-url", path)
	}
	return cfg.PublicURL, nil
}
