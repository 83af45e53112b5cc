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
		"a channel's name":   {"slack: {bot_token: env:BOT, app_token: env:APP, allow_shared: [oncall]}", `1: slack.allow_shared[0]: "oncall" is a name; the id of a channel looks like C0123456789`},
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

const withSlack = "slack: {bot_token: env:BOT, app_token: env:APP}\n"

// TestPeopleInSlackAreJudged: what leads nowhere in Slack is refused, first of
// all a name in the place of an id.
func TestPeopleInSlackAreJudged(t *testing.T) {
	const channelHint = "in Slack, press the channel's name at its top: the id stands at the end of About, to be copied"
	const groupHint = "in Slack, open More, People, User groups, and the group; press ⋮, Copy group ID"
	ops := func(settings string) string { return withSlack + team(settings) }
	for name, c := range map[string]struct{ text, want, hint string }{
		"a channel's name":        {ops("members: [operator], slack: '#oncall'"), "3: teams.ops.slack: that is a name; the id of a channel looks like C0123456789", channelHint},
		"the same without its #":  {ops("members: [operator], slack: oncall"), `3: teams.ops.slack: "oncall" is a name; the id of a channel looks like C0123456789`, channelHint},
		"a user as a channel":     {ops("members: [operator], slack: U024BE7LH"), `3: teams.ops.slack: "U024BE7LH" is not the id of a channel; the id of a channel looks like C0123456789`, channelHint},
		"a private talk":          {ops("members: [operator], slack: D0123456"), `3: teams.ops.slack: "D0123456" is not the id of a channel; the id of a channel looks like C0123456789`, channelHint},
		"a group's name":          {ops("slack_group: '@oncall'"), "3: teams.ops.slack_group: that is a name; the id of a user group looks like S0123456789", groupHint},
		"a mention of a group":    {ops("slack_group: '<!subteam^S0123456>'"), "3: teams.ops.slack_group: that is a name; the id of a user group looks like S0123456789", groupHint},
		"a channel as a group":    {ops("slack_group: C0123456"), `3: teams.ops.slack_group: "C0123456" is not the id of a user group; the id of a user group looks like S0123456789`, groupHint},
		"a group and members":     {ops("members: [operator], slack_group: S0123456"), "3: teams.ops.slack_group: given together with members, so it would be open who is in it", "keep one of the two"},
		"no members and no group": {ops("slack: C0123456"), "3: teams.ops: has no members", "members: [operator]"},
		"a token that slipped in": {ops("members: [operator], slack: xoxb-1-canary"), "3: teams.ops.slack: that is a name; the id of a channel looks like C0123456789", channelHint},
		"nobody knows who she is": {withSlack + human("via: [slack, web]"), "3: humans.alice.via: slack, but neither slack nor email says who they are there", "slack: U024BE7LH, or leave via out and tie their account with authbridge human link alice"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := faultsOf(t, c.text, slackTokens())
			got, hint, _ := strings.Cut(faults.List[0].String(), "\n")
			if len(faults.List) != 1 || got != "  "+c.want || strings.TrimSpace(hint) != "hint: "+c.hint {
				t.Errorf("got  %v\nwant   %s\n%s", faults, c.want, c.hint)
			}
			if strings.Contains(faults.Error(), "canary") {
				t.Error("a secret is repeated")
			}
		})
	}
}

// TestPeopleInSlack: what the domain gets to know of them.
func TestPeopleInSlack(t *testing.T) {
	cfg, err := config.Parse("authbridge.yaml", []byte(withSlack+`
request: {remind: 0}
humans:
  alice: {slack: U024BE7LH, via: [slack, web], timezone: Europe/Berlin}
  bob: {email: bob@example.com, via: [slack]}
  carol: {}
teams:
  listed: {members: [alice], slack: C0123456}
  oncall: {slack_group: S0123456, slack: G0123456}
agents:
  ci: {uid: 7, may: [{provider: "*", scopes: ["*"], ask: [oncall, listed]}]}
`), slackTokens())
	if err != nil {
		t.Fatal(err)
	}
	d := cfg.Directory
	if alice := d.Humans["alice"]; !slices.Equal(alice.Via, []string{"slack", "web"}) || alice.Timezone == nil || alice.Timezone.String() != "Europe/Berlin" {
		t.Errorf("alice is %+v", alice)
	}
	if bob, carol := d.Humans["bob"], d.Humans["carol"]; !slices.Equal(bob.Via, []string{"slack"}) || carol.Via != nil || carol.Timezone != nil {
		t.Errorf("bob is %+v, carol %+v", bob, carol)
	}
	listed, oncall := d.Teams["listed"], d.Teams["oncall"]
	if listed.Slack != "C0123456" || listed.Groups != nil || oncall.Slack != "G0123456" || len(oncall.Members) != 0 || oncall.Groups["slack"] != "S0123456" {
		t.Errorf("the teams are %+v and %+v", listed, oncall)
	}
	if again := mustParse(t, withSlack+human("timezone: Asia/Tokyo"), slackTokens()); !config.Same(again, mustParse(t, withSlack+human("timezone: Asia/Tokyo"), slackTokens())) {
		t.Error("the same zone is another one when it is read again")
	}
	if d.Limits.Remind != 0 {
		t.Errorf("reminders after %s", d.Limits.Remind)
	}
}
