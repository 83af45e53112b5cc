package config_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/config"
)

// slackTokens are variables with what Slack would have given.
func slackTokens() config.Env {
	return environment("BOT", "xoxb-1-canary", "APP", "xapp-1-canary", "SIGN", "8f742231b10e8888abcd99yyyzzz85a5", "USER", "xoxp-1-canary", "ROTATES", "xoxe.xoxb-1-canary")
}

func TestSlackIsRead(t *testing.T) {
	c := mustParse(t, "slack: {bot_token: env:BOT, app_token: env:APP, api_url: \"\", allow_shared: [C0123456]}", slackTokens())
	s := c.Slack
	if s == nil || s.Mode != config.ModeSocket || s.APIURL != "https://slack.com/api/" || s.BotToken.Reveal() != "xoxb-1-canary" || s.AppToken.Reveal() != "xapp-1-canary" {
		t.Errorf("read as %+v", s)
	}
	if !slices.Contains(c.Directory.Channels, "slack") || s.AllowGuests || !slices.Equal(s.AllowShared, []string{"C0123456"}) {
		t.Errorf("read as %+v, channels %v", s, c.Directory.Channels)
	}
	if c := mustParse(t, "", slackTokens()); c.Slack != nil || slices.Contains(c.Directory.Channels, "slack") {
		t.Error("an empty file has Slack")
	}
	c = mustParse(t, "network: {allow_http_loopback: true}\nslack: {bot_token: env:BOT, signing_secret: env:SIGN, mode: http, api_url: \"http://127.0.0.1:99/api\"}", slackTokens())
	if c.Slack.APIURL != "http://127.0.0.1:99/api/" || c.Slack.Mode != config.ModeHTTP {
		t.Errorf("read as %+v", c.Slack)
	}
}

// Each mistake with tokens is told in words, with where the right one is to be
// had, and no token is repeated.
func TestSlackIsJudged(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no bot token":       {"slack: {app_token: env:APP}", "1: slack: has no bot_token"},
		"no app token":       {"slack: {bot_token: env:BOT}", "1: slack: has no app_token"},
		"no signing secret":  {"slack: {bot_token: env:BOT, mode: http}", "1: slack: has no signing_secret, and mode: http needs it"},
		"an app token first": {"slack: {bot_token: env:APP, app_token: env:APP}", "1: slack.bot_token: an app-level token; a bot token belongs here, which begins with xoxb-"},
		"a bot token second": {"slack: {bot_token: env:BOT, app_token: env:BOT}", "1: slack.app_token: a bot token; an app-level token belongs here, which begins with xapp-"},
		"a user's token":     {"slack: {bot_token: env:USER, app_token: env:APP}", "1: slack.bot_token: a user's token; a bot token belongs here, which begins with xoxb-"},
		"no token at all":    {"slack: {bot_token: env:SIGN, app_token: env:APP}", "1: slack.bot_token: not a token of Slack; a bot token belongs here, which begins with xoxb-"},
		"one that rotates":   {"slack: {bot_token: env:ROTATES, app_token: env:APP}", "1: slack.bot_token: a token that expires, and the bridge does not renew it: switch token rotation off; a bot token belongs here, which begins with xoxb-"},
		"a token that signs": {"slack: {bot_token: env:BOT, signing_secret: env:BOT, mode: http}", "1: slack.signing_secret: a token, not the signing secret"},
		"nowhere to call":    {"listen: {web: \"\"}\nslack: {bot_token: env:BOT, signing_secret: env:SIGN, mode: http}", "2: slack.mode: http, but listen.web is off, and Slack has nowhere to call"},
		"a literal token":    {"slack: {bot_token: xoxb-1-canary, app_token: env:APP}", "1: slack.bot_token: a literal secret; put it in a file or the environment"},
		"plain http":         {"slack: {bot_token: env:BOT, app_token: env:APP, api_url: \"http://slack.example/api/\"}", "1: slack.api_url: http, but tokens travel over https only"},
		"loopback":           {"slack: {bot_token: env:BOT, app_token: env:APP, api_url: \"http://127.0.0.1/api/\"}", "1: slack.api_url: http on loopback is not allowed"},
		"no URL":             {"slack: {bot_token: env:BOT, app_token: env:APP, api_url: \"https://u:p@slack.com/api/\"}", "1: slack.api_url: not the base of an API"},
		"a channel's name":   {"slack: {bot_token: env:BOT, app_token: env:APP, allow_shared: [oncall]}", `1: slack.allow_shared[0]: "oncall" is not the id of a channel; one looks like C0123456789`},
		"another mode":       {"slack: {bot_token: env:BOT, app_token: env:APP, mode: rtm}", "1: slack.mode: not known"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := faultsOf(t, c.text, slackTokens())
			got, _, _ := strings.Cut(faults.List[0].String(), "\n")
			if len(faults.List) != 1 || got != "  "+c.want {
				t.Errorf("got  %v\nwant   %s", faults, c.want)
			}
			if strings.Contains(faults.Error(), "canary") || strings.Contains(faults.Error(), "8f742231") {
				t.Errorf("a secret is repeated: %v", faults)
			}
		})
	}
}

// Another app, or the same one reached in another way, needs a restart.
func TestSlackIsKeptOverAReload(t *testing.T) {
	const before = "slack: {bot_token: env:BOT, app_token: env:APP}"
	running := mustParse(t, before, slackTokens())
	if err := config.CheckReload(running, mustParse(t, before+"\nretain: 30d", slackTokens())); err != nil {
		t.Error(err)
	}
	for name, next := range map[string]string{
		"gone":         "",
		"another mode": "slack: {bot_token: env:BOT, signing_secret: env:SIGN, mode: http}",
	} {
		var faults *config.Faults
		if err := config.CheckReload(running, mustParse(t, next, slackTokens())); !errors.As(err, &faults) || faults.List[0].Key != "slack" {
			t.Errorf("%s: %v", name, err)
		}
	}
	rotated := environment("BOT", "xoxb-2", "APP", "xapp-1-canary")
	if err := config.CheckReload(running, mustParse(t, before, rotated)); err == nil {
		t.Error("another bot token is taken over without a restart")
	}
}
