package config

import (
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// Discord is our application in Discord.
type Discord struct {
	BotToken  bridge.Secret
	PublicKey string // 64 hexadecimal digits, with ModeHTTP
	Mode      string // ModeGateway or ModeHTTP
	APIURL    string // scheme and host, without a slash
	Fallback  string // the channel for whom no direct message reaches; "" = none
}

// ModeGateway has Discord tell what people press over a connection that the
// bridge opens.
const ModeGateway = "gateway"

const discordAPI = "https://discord.com"

var (
	discordID    = regexp.MustCompile(`^[0-9]{17,20}$`)
	discordToken = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)
)

// discord declares the section.
func (d *decoder) discord() setting {
	s := &Discord{Mode: ModeGateway, APIURL: discordAPI}
	section := d.section(
		"discord", "The bridge's application in Discord; `authbridge discord invite` prints the link that lets it into a server. A change needs a restart, except of `fallback_channel`.",
		setting{
			key: "bot_token", read: d.secret(&s.BotToken, "bot_token: env:DISCORD_BOT_TOKEN"), example: "env:DISCORD_BOT_TOKEN",
			means: "The token of the application's bot. It must be given.",
		},
		setting{
			key: "mode", read: d.choice(&s.Mode, []string{ModeGateway, ModeHTTP}), example: "http",
			means: "How Discord tells the bridge what people press: `gateway`, over a connection that the bridge opens, or `http`, by calls to `/discord/interactions` of `listen.web`. While an address for these calls stands on the application's page, nothing comes over the gateway.",
		},
		setting{
			key: "public_key", read: d.publicKey(&s.PublicKey), example: strings.Repeat("0123456789abcdef", 4),
			means: "The application's public key, with which Discord's calls are checked. `mode: http` needs it. It is no secret.",
		},
		setting{
			key: "fallback_channel", read: d.snowflake(&s.Fallback, "a channel"), example: `"112233445566778899"`,
			means:     "The id of a channel in which somebody is told that they have a request when they take no direct messages, without a word about it; a button shows it to them alone.",
			otherwise: "nowhere: the next of their ways is taken",
		},
		setting{
			key: "api_url", read: d.usualURL(&s.APIURL), example: discordAPI,
			means: "The scheme and host of Discord, for tests and proxies. Where the gateway is comes from there.",
		},
	)
	take := section.read.take
	section.read.take = func(path string, v value) {
		d.config.Discord = s
		take(path, v)
	}
	return section
}

// snowflake reads an id of Discord's. Ids are longer than what a number of YAML
// holds, so they stand in quotes.
func (d *decoder) snowflake(into *string, of string) reader {
	return reader{form: "17 to 20 digits, in quotes", now: held(into), take: func(path string, v value) {
		if s, ok := d.scalarText(path, v); ok && d.checkSnowflake(path, s, of) {
			*into = s
		}
	}}
}

func (d *decoder) checkSnowflake(path, s, of string) bool {
	ok := discordID.MatchString(s)
	if !ok {
		d.fault(path, quoted(s)+" is not an id; the id of "+of+" has 17 to 20 digits", copyID[of])
	}
	return ok
}

// copyID says where people find ids.
var copyID = map[string]string{
	"a channel": "in Discord, turn on Developer Mode, press the channel with the right button, Copy Channel ID",
	"a role":    "in Discord, turn on Developer Mode, Server Settings, Roles, press ⋯ beside the role, Copy Role ID",
}

// discordRole reads the role whose people are a team.
func (d *decoder) discordRole(t *bridge.Team) reader {
	var role string
	ids := d.snowflake(&role, "a role")
	return reader{form: ids.form, take: func(path string, v value) {
		if ids.take(path, v); role != "" {
			addGroup(t, "discord", role)
		}
	}}
}

func (d *decoder) publicKey(into *string) reader {
	return reader{form: "64 hexadecimal digits", now: held(into), take: func(path string, v value) {
		s, ok := d.scalarText(path, v)
		if !ok {
			return
		}
		if key, err := hex.DecodeString(s); err != nil || len(key) != 32 {
			d.fault(path, "not a public key: it has 64 hexadecimal digits", discordPage+"General Information, Public Key")
			return
		}
		*into = s
	}}
}

const discordPage = "in the Developer Portal, the application's page, "

// checkDiscord refuses what cannot be a token, and a mode without what it
// needs. No token is ever repeated.
func (d *decoder) checkDiscord() {
	s := d.config.Discord
	if s == nil {
		return
	}
	const where = discordPage + "Bot, Reset Token"
	switch token := s.BotToken.Reveal(); {
	case d.faulted("discord.bot_token"), strings.HasPrefix(token, ToBeSet):
	case !d.given("discord.bot_token"):
		d.fault("discord", "has no bot_token", "bot_token: env:DISCORD_BOT_TOKEN; "+where)
	case strings.HasPrefix(token, "Bot "):
		d.fault("discord.bot_token", "begins with the word Bot; the token alone belongs here", where)
	case !discordToken.MatchString(token):
		d.fault("discord.bot_token", "not the token of a bot: that has three parts with dots between them; a client secret or a public key is something else", where)
	}
	if s.Mode == ModeHTTP {
		d.checkDiscordHTTP()
	}
	d.checkDiscordURL(s)
}

func (d *decoder) checkDiscordHTTP() {
	if !d.given("discord.public_key") {
		d.fault("discord", "has no public_key, and mode: http needs it", discordPage+"General Information, Public Key")
	}
	if d.config.Listen.Web == "" && !d.faulted("listen.web") {
		d.fault("discord.mode", "http, but listen.web is off, and Discord has nowhere to call", `listen: {web: "127.0.0.1:8741"}`)
	}
}

// checkDiscordURL goes by the rules of outgoing calls.
func (d *decoder) checkDiscordURL(s *Discord) {
	const key = "discord.api_url"
	s.APIURL = strings.TrimSuffix(s.APIURL, "/")
	u, err := url.Parse(s.APIURL)
	switch {
	case d.faulted(key):
	case err != nil || u.Hostname() == "" || s.APIURL != u.Scheme+"://"+u.Host || u.Scheme != "https" && u.Scheme != "http":
		d.fault(key, "not a scheme and a host", "such as "+discordAPI)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		d.fault(key, "http, but tokens travel over https only", "such as "+discordAPI)
	case u.Scheme == "http" && !d.config.Network.AllowHTTPLoopback && !d.faulted("network.allow_http_loopback"):
		d.fault(key, "http on loopback is not allowed", "for tests: network: {allow_http_loopback: true}")
	}
}

// same reports whether two are the same application, reached in the same way.
func (s *Discord) same(other *Discord) bool {
	if s == nil || other == nil {
		return s == other
	}
	return s.BotToken.Equal(other.BotToken) && s.PublicKey == other.PublicKey && s.Mode == other.Mode && s.APIURL == other.APIURL
}
