package config

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// Slack is our app in one Slack workspace.
type Slack struct {
	BotToken      bridge.Secret
	AppToken      bridge.Secret // with ModeSocket
	SigningSecret bridge.Secret // with ModeHTTP
	Mode          string        // ModeSocket or ModeHTTP
	APIURL        string        // the base of the Web API methods, with its last slash
	AllowShared   []string      // ids of channels that other workspaces may share
	AllowGuests   bool          // whether guests of the workspace may act
}

// How Slack tells the bridge what people press.
const (
	ModeSocket = "socket" // over connections that the bridge opens
	ModeHTTP   = "http"   // by calls to listen.web
)

// slackAPI is where Slack's methods are.
const slackAPI = "https://slack.com/api/"

var slackChannel = regexp.MustCompile(`^[CG][A-Z0-9]{5,20}$`)

// slack declares the section.
func (d *decoder) slack() setting {
	s := &Slack{Mode: ModeSocket, APIURL: slackAPI}
	section := d.section(
		"slack", "The bridge's app in one Slack workspace; `authbridge slack manifest` prints what it is made from. A change needs a restart.",
		setting{
			key: "bot_token", read: d.secret(&s.BotToken, "bot_token: env:SLACK_BOT_TOKEN"), example: "env:SLACK_BOT_TOKEN",
			means: "The app's bot token, `xoxb-…`. It must be given.",
		},
		setting{
			key: "app_token", read: d.secret(&s.AppToken, "app_token: env:SLACK_APP_TOKEN"), example: "env:SLACK_APP_TOKEN",
			means: "Its app-level token, `xapp-…`, with the scope `connections:write`. `mode: socket` needs it.",
		},
		setting{
			key: "signing_secret", read: d.secret(&s.SigningSecret, "signing_secret: env:SLACK_SIGNING_SECRET"), example: "env:SLACK_SIGNING_SECRET",
			means: "What Slack signs its calls with. `mode: http` needs it.",
		},
		setting{
			key: "mode", read: d.choice(&s.Mode, []string{ModeSocket, ModeHTTP}), example: "http",
			means: "How Slack tells the bridge what people press: `socket`, over connections that the bridge opens, or `http`, by calls to `/slack/interactions`, `/slack/commands` and `/slack/events` of `listen.web`.",
		},
		setting{
			key: "api_url", read: d.usualURL(&s.APIURL), example: "https://slack.com/api/",
			means: "The base of Slack's Web API methods, for tests and proxies.",
		},
		setting{
			key: "allow_shared", read: d.texts("channel ids", &s.AllowShared, d.checkSlackChannel), example: "[C0123456]",
			means: "Channels of teams that may be shared with other workspaces, whose people then see who asks for what. Without this a shared channel is refused.",
		},
		setting{
			key: "allow_guests", read: d.flag(&s.AllowGuests), example: "false",
			means: "Whether humans who are guests of the workspace may be asked and act.",
		},
	)
	take := section.read.take
	section.read.take = func(path string, v value) {
		d.config.Slack = s
		take(path, v)
	}
	return section
}

// checkSlackChannel refuses what is not the id of a channel, first of all its
// name: names can be given to other channels.
func (d *decoder) checkSlackChannel(path, s string) bool {
	ok := slackChannel.MatchString(s)
	if !ok {
		d.fault(path, d.misnamed(s, "a channel", "C0123456789"), "in Slack, press the channel's name at its top: the id stands at the end of About, to be copied")
	}
	return ok
}

// checkSlack refuses tokens in each other's place and a mode without what it
// needs. What the other mode needs may stay, for who goes back and forth. No
// token is ever repeated.
func (d *decoder) checkSlack() {
	s := d.config.Slack
	if s == nil {
		return
	}
	d.checkSlackToken("slack.bot_token", s.BotToken, "xoxb-")
	if s.Mode == ModeSocket || d.given("slack.app_token") {
		d.checkSlackToken("slack.app_token", s.AppToken, "xapp-")
	}
	d.checkSlackHTTP(s)
	d.checkSlackURL(s)
}

func (d *decoder) checkSlackHTTP(s *Slack) {
	const where = "in Slack, the app's page, Basic Information, App Credentials"
	if strings.HasPrefix(s.SigningSecret.Reveal(), "xox") || strings.HasPrefix(s.SigningSecret.Reveal(), "xapp-") {
		d.fault("slack.signing_secret", "a token, not the signing secret", where)
	}
	if s.Mode != ModeHTTP {
		return
	}
	if !d.given("slack.signing_secret") {
		d.fault("slack", "has no signing_secret, and mode: http needs it", "signing_secret: env:SLACK_SIGNING_SECRET; "+where)
	}
	if d.config.Listen.Web == "" && !d.faulted("listen.web") {
		d.fault("slack.mode", "http, but listen.web is off, and Slack has nowhere to call", `listen: {web: "127.0.0.1:8741"}`)
	}
}

// slackTokens are the kinds of Slack's tokens and what they are called.
var slackTokens = []struct{ begins, called, at string }{
	{"xoxb-", "a bot token", "OAuth & Permissions, Bot User OAuth Token"},
	{"xapp-", "an app-level token", "Basic Information, App-Level Tokens, with the scope connections:write"},
	{"xoxp-", "a user's token", ""},
	{"xoxe", "a token that expires, and the bridge does not renew it: switch token rotation off", ""},
}

func (d *decoder) checkSlackToken(key string, token bridge.Secret, begins string) {
	name := strings.TrimPrefix(key, "slack.")
	wanted, got := "", "not a token of Slack"
	where := ""
	for _, kind := range slackTokens {
		if kind.begins == begins {
			wanted, where = kind.called, "in Slack, the app's page, "+kind.at
		}
		if strings.HasPrefix(token.Reveal(), kind.begins) {
			got = kind.called
		}
	}
	switch {
	case d.faulted(key), strings.HasPrefix(token.Reveal(), ToBeSet):
	case !d.given(key):
		d.fault("slack", "has no "+name, name+": env:SLACK_"+strings.ToUpper(name)+"; "+where)
	case !strings.HasPrefix(token.Reveal(), begins):
		d.fault(key, got+"; "+wanted+" belongs here, which begins with "+begins, where)
	}
}

// usualURL reads where a platform is; "" is where it usually is.
func (d *decoder) usualURL(into *string) reader {
	word := d.word(into)
	return reader{form: "a URL", now: word.now, take: func(path string, v value) {
		if v.kind != text || v.text != "" {
			word.take(path, v)
		}
	}}
}

// checkSlackURL goes by the rules of outgoing calls.
func (d *decoder) checkSlackURL(s *Slack) {
	const key = "slack.api_url"
	u, err := url.Parse(s.APIURL)
	switch {
	case d.faulted(key):
	case err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(s.APIURL, "?#") || u.Scheme != "https" && u.Scheme != "http":
		d.fault(key, "not the base of an API", "such as "+slackAPI)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		d.fault(key, "http, but tokens travel over https only", "such as "+slackAPI)
	case u.Scheme == "http" && !d.config.Network.AllowHTTPLoopback && !d.faulted("network.allow_http_loopback"):
		d.fault(key, "http on loopback is not allowed", "for tests: network: {allow_http_loopback: true}")
	case !strings.HasSuffix(u.Path, "/"):
		s.APIURL += "/"
	}
}

// same reports whether two are the same app, reached in the same way.
func (s *Slack) same(other *Slack) bool {
	if s == nil || other == nil {
		return s == other
	}
	return s.BotToken.Equal(other.BotToken) && s.AppToken.Equal(other.AppToken) && s.SigningSecret.Equal(other.SigningSecret) &&
		s.Mode == other.Mode && s.APIURL == other.APIURL
}
