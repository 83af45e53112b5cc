package config_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/config"
)

// discordTokens are variables with what Discord would have given, or nearly.
func discordTokens() config.Env {
	return environment("BOT", "MTEy.canary.abc-_1", "WORD", "Bot MTEy.canary.abc-_1", "SECRET", "canary0123456789canary0123456789", "OTHER", "MTEy.other.abc-_1")
}

const (
	withDiscord = "discord: {bot_token: env:BOT}\n"
	key64       = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

func TestDiscordIsRead(t *testing.T) {
	c := mustParse(t, `discord: {bot_token: env:BOT, api_url: "", fallback_channel: "112233445566778899"}`, discordTokens())
	s := c.Discord
	if s == nil || s.Mode != config.ModeGateway || s.APIURL != "https://discord.com" || s.BotToken.Reveal() != "MTEy.canary.abc-_1" || s.Fallback != "112233445566778899" {
		t.Errorf("read as %+v", s)
	}
	if !slices.Contains(c.Directory.Channels, "discord") {
		t.Errorf("channels %v", c.Directory.Channels)
	}
	if c := mustParse(t, "", discordTokens()); c.Discord != nil || slices.Contains(c.Directory.Channels, "discord") {
		t.Error("an empty file has Discord")
	}
	c = mustParse(t, "network: {allow_http_loopback: true}\ndiscord: {bot_token: env:BOT, public_key: "+key64+", mode: http, api_url: \"http://127.0.0.1:99/\"}", discordTokens())
	if c.Discord.APIURL != "http://127.0.0.1:99" || c.Discord.Mode != config.ModeHTTP || c.Discord.PublicKey != key64 {
		t.Errorf("read as %+v", c.Discord)
	}
}

// Each mistake is told in words, and no token is repeated.
func TestDiscordIsJudged(t *testing.T) {
	ops := func(settings string) string { return withDiscord + team(settings) }
	for name, c := range map[string]struct{ text, want string }{
		"no bot token":        {"discord: {mode: gateway}", "1: discord: has no bot_token"},
		"the word before it":  {"discord: {bot_token: env:WORD}", "1: discord.bot_token: begins with the word Bot; the token alone belongs here"},
		"a client secret":     {"discord: {bot_token: env:SECRET}", "1: discord.bot_token: not the token of a bot: that has three parts with dots between them; a client secret or a public key is something else"},
		"a literal token":     {"discord: {bot_token: MTEy.canary.abc}", "1: discord.bot_token: a literal secret; put it in a file or the environment"},
		"no public key":       {"discord: {bot_token: env:BOT, mode: http}", "1: discord: has no public_key, and mode: http needs it"},
		"half a public key":   {"discord: {bot_token: env:BOT, public_key: abcd}", "1: discord.public_key: not a public key: it has 64 hexadecimal digits"},
		"nowhere to call":     {"listen: {web: \"\"}\ndiscord: {bot_token: env:BOT, mode: http, public_key: " + key64 + "}", "2: discord.mode: http, but listen.web is off, and Discord has nowhere to call"},
		"a mode of Slack's":   {"discord: {bot_token: env:BOT, mode: socket}", "1: discord.mode: not known"},
		"plain http":          {"discord: {bot_token: env:BOT, api_url: \"http://discord.example\"}", "1: discord.api_url: http, but tokens travel over https only"},
		"loopback":            {"discord: {bot_token: env:BOT, api_url: \"http://127.0.0.1\"}", "1: discord.api_url: http on loopback is not allowed"},
		"a path":              {"discord: {bot_token: env:BOT, api_url: \"https://discord.com/api\"}", "1: discord.api_url: not a scheme and a host"},
		"a name of a channel": {"discord: {bot_token: env:BOT, fallback_channel: general}", `1: discord.fallback_channel: "general" is not an id; the id of a channel has 17 to 20 digits`},
		"a team's channel":    {ops("members: [operator], discord: '#ops'"), "3: teams.ops.discord: that is not an id; the id of a channel has 17 to 20 digits"},
		"everyone as a role":  {ops("discord_role: '@everyone'"), "3: teams.ops.discord_role: that is not an id; the id of a role has 17 to 20 digits"},
		"a role and members":  {ops("members: [operator], discord_role: '112233445566778899'"), "3: teams.ops.discord_role: given together with members, so it would be open who is in it"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := faultsOf(t, c.text, discordTokens())
			got, _, _ := strings.Cut(faults.List[0].String(), "\n")
			if len(faults.List) != 1 || got != "  "+c.want {
				t.Errorf("got  %v\nwant   %s", faults, c.want)
			}
			if strings.Contains(faults.Error(), "canary") {
				t.Errorf("a secret is repeated: %v", faults)
			}
		})
	}
}

// Another application, or the same one reached in another way, needs a
// restart; the fallback does not.
func TestDiscordIsKeptOverAReload(t *testing.T) {
	running := mustParse(t, withDiscord, discordTokens())
	if err := config.CheckReload(running, mustParse(t, `discord: {bot_token: env:BOT, fallback_channel: "112233445566778899"}`, discordTokens())); err != nil {
		t.Error(err)
	}
	for name, next := range map[string]string{
		"gone":          "",
		"another token": "discord: {bot_token: env:OTHER}",
		"another mode":  "discord: {bot_token: env:BOT, mode: http, public_key: " + key64 + "}",
	} {
		var faults *config.Faults
		if err := config.CheckReload(running, mustParse(t, next, discordTokens())); !errors.As(err, &faults) || faults.List[0].Key != "discord" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPeopleInDiscord: what the domain gets to know of them.
func TestPeopleInDiscord(t *testing.T) {
	cfg := mustParse(t, withDiscord+`
humans:
  alice: {discord: "80351110224678912", via: [discord, web]}
  bob: {via: [discord]}
teams:
  listed: {members: [alice], discord: "112233445566778899"}
  oncall: {discord_role: "223344556677889900"}
agents:
  ci: {uid: 7, may: [{provider: "*", scopes: ["*"], ask: [oncall, listed]}]}
`, discordTokens())
	d := cfg.Directory
	if alice := d.Humans["alice"]; alice.Discord != "80351110224678912" || !slices.Equal(alice.Via, []string{"discord", "web"}) {
		t.Errorf("alice is %+v", alice)
	}
	listed, oncall := d.Teams["listed"], d.Teams["oncall"]
	if listed.Discord != "112233445566778899" || oncall.Groups["discord"] != "223344556677889900" || len(oncall.Members) != 0 {
		t.Errorf("teams are %+v and %+v", listed, oncall)
	}
}
