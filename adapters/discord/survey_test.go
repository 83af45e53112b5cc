package discord

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// places are what a right configuration names of the office.
func places() Places {
	return Places{
		Channels: map[string]string{discordtest.Deploys: "oncall"}, People: map[string]string{discordtest.Alice: "alice"},
		Roles: map[string]string{discordtest.OnCall: "oncall"}, Fallback: discordtest.Deploys,
	}
}

// surveyed looks at a Discord and returns what it found, a line each that
// begins with fine, doubt or fault.
func surveyed(t *testing.T, d *discordtest.Discord, o Options, p Places) []string {
	t.Helper()
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	t.Cleanup(web.CloseIdleConnections)
	o.APIURL, o.HTTP = d.URL(), web
	if o.Token.Reveal() == "" {
		o.Token = bridge.NewSecret(d.Token())
	}
	var lines []string
	for _, f := range Survey(t.Context(), o, p) {
		lines = append(lines, []string{"fine: ", "doubt: ", "fault: "}[f.Grade]+f.What+" → "+f.Hint)
		if strings.Contains(f.What+f.Hint, o.Token.Reveal()) {
			t.Errorf("the token is told: %s", f.What)
		}
	}
	return lines
}

// What is as it should be is told too. Nothing is changed, and nobody is
// written to.
func TestASurveyThatFindsNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if err := o.adapter.register(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := len(o.discord.Exchanges())
	found := surveyed(t, o.discord, Options{Mode: ModeGateway}, places())
	for _, want := range []string{
		"fine: the application is authbridge (150000000000000001) → ", "fine: the bot may connect ", "fine: /authbridge is registered → ",
		"fine: the channel of oncall is deploys (" + discordtest.Deploys + ") → ", "fine: fallback_channel is deploys (",
		"fine: alice (" + discordtest.Alice + ") shares a server with the bot → ", "fine: the role of oncall (" + discordtest.OnCall + ") is there → ",
	} {
		if !slices.ContainsFunc(found, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("want %s in\n%s", want, strings.Join(found, "\n"))
		}
	}
	for _, line := range found {
		if !strings.HasPrefix(line, "fine: ") {
			t.Error(line)
		}
	}
	for _, e := range o.discord.Exchanges()[before:] {
		if !strings.HasPrefix(e.Where, "GET ") {
			t.Errorf("the survey did %s", e.Where)
		}
	}
}

// Each thing that a set-up lacks is found, and told with what to do.
func TestWhatASurveyFinds(t *testing.T) {
	t.Parallel()
	channel := func(id string) func(*Places) {
		return func(p *Places) { p.Channels = map[string]string{id: "oncall"} }
	}
	person := func(id string) func(*Places) {
		return func(p *Places) { p.People = map[string]string{id: "carol"} }
	}
	role := func(id string) func(*Places) {
		return func(p *Places) { p.Roles = map[string]string{id: "nights"} }
	}
	for name, c := range map[string]struct {
		world   func(*discordtest.World)
		places  func(*Places)
		options Options // ModeGateway
		fails   string  // a route, once
		with    discordtest.Fault
		want    string
	}{
		"the token was replaced": {
			world: func(w *discordtest.World) { w.App.Revoked = true },
			want:  "fault: the bot token is not taken: ",
		},
		"a bot that anybody can have": {
			world: func(w *discordtest.World) { w.App.Public = true },
			want:  "doubt: anybody can add the bot to a server of theirs, and use up what Discord lets it ask → on the application's page, Installation, ",
		},
		"Discord is away": {
			fails: "GET /applications/@me", with: discordtest.Fault{Status: 503},
			want: "fault: Discord cannot be asked: read the application: the answer is status 503: nothing was sent → look at the network and at discord.api_url",
		},
		"calls are signed, and the gateway is waited at": {
			world: func(w *discordtest.World) { w.App.Endpoint = "https://bridge.example/discord/interactions" },
			want:  "fault: an address for interactions is set, so nothing that is pressed comes over the gateway → empty it ",
		},
		"the gateway is used, and calls are waited for": {
			options: Options{Mode: ModeHTTP}, want: "fault: Discord does not know where to bring what is pressed → ",
		},
		"the key of another application": {
			world:   func(w *discordtest.World) { w.App.Endpoint = "https://bridge.example/discord/interactions" },
			options: Options{Mode: ModeHTTP, PublicKey: strings.Repeat("ab", 32)}, want: "fault: discord.public_key is that of another application → copy it ",
		},
		"no gateway": {
			fails: "GET /gateway/bot", with: discordtest.Fault{Status: 500}, want: "fault: the gateway is not to be had: ",
		},
		"commands of another version": {want: "doubt: /authbridge is not registered as this version has it → start the bridge"},
		"commands that cannot be read": {
			fails: "GET /applications/{app}/commands", with: discordtest.Fault{Status: 500}, want: "fault: the commands cannot be read: ",
		},
		"no server": {
			world: func(w *discordtest.World) { w.Guild(discordtest.Acme).Remove("150000000000000002") },
			want:  "fault: the bot is in no server, so it reaches nobody → open what authbridge discord invite prints",
		},
		"servers that cannot be read": {
			fails: "GET /users/@me/guilds", with: discordtest.Fault{Status: 500}, want: "fault: the bot's servers cannot be read: ",
		},
		"a closed channel": {
			places: channel(discordtest.Secret),
			want:   "fault: the channel of oncall (" + discordtest.Secret + ") is closed to the bot → give the bot's role View Channel",
		},
		"no such channel": {
			places: channel("599999999999999999"), want: "fault: the channel of oncall (599999999999999999) is closed to the bot → ",
		},
		"a closed fallback": {
			places: func(p *Places) { p.Fallback = discordtest.Secret },
			want:   "fault: fallback_channel (" + discordtest.Secret + ") is closed to the bot → ",
		},
		"a channel that cannot be read just now": {
			fails: "GET /channels/{channel}", with: discordtest.Fault{Status: 500}, want: "doubt: the channel of oncall (" + discordtest.Deploys + ") cannot be read: ",
		},
		"somebody elsewhere": {
			places: person(discordtest.Eve),
			want:   "fault: carol (" + discordtest.Eve + ") shares no server with the bot, which cannot write to them → they join a server of the bot's; or correct humans.carol.discord",
		},
		"nobody": {places: person("399999999999999999"), want: "fault: carol (399999999999999999) shares no server with the bot"},
		"a person who cannot be looked up": {
			fails: routeMember, with: discordtest.Fault{Status: 500}, want: "doubt: it is not known whether alice (" + discordtest.Alice + ") is in a server of the bot's: ",
		},
		"no such role": {
			places: role("499999999999999999"), want: "fault: no server of the bot's has the role of nights (499999999999999999) → correct teams.nights.discord_role",
		},
		"everyone's role": {
			places: role(discordtest.Acme), want: "fault: the role of nights (" + discordtest.Acme + ") is everyone's → name another role",
		},
		"roles that cannot be read": {
			fails: "GET /guilds/{guild}/roles", with: discordtest.Fault{Status: 500}, want: "doubt: the roles of a server cannot be read: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := discordtest.Office(), places()
			if w.Unlimited = true; c.world != nil {
				c.world(&w)
			}
			if c.places != nil {
				c.places(&p)
			}
			if c.options.Mode == "" {
				c.options.Mode = ModeGateway
			}
			d := discordtest.Start(t, w)
			if c.fails != "" {
				d.Fail(c.fails, 1, c.with)
			}
			found := surveyed(t, d, c.options, p)
			if !slices.ContainsFunc(found, func(line string) bool { return strings.HasPrefix(line, c.want) }) {
				t.Errorf("found\n%s\nwant %s", strings.Join(found, "\n"), c.want)
			}
		})
	}
}

// A token that is none is told once, and nothing more is called.
func TestASurveyWithAWrongToken(t *testing.T) {
	t.Parallel()
	d := discordtest.Start(t, discordtest.Office())
	d.Tolerate(0)
	found := surveyed(t, d, Options{Mode: ModeGateway, Token: bridge.NewSecret("no.token.ofours")}, places())
	if len(found) != 1 || !strings.HasPrefix(found[0], "fault: the bot token is not taken: ") || !strings.Contains(found[0], "Reset Token") || len(d.Exchanges()) != 1 {
		t.Errorf("after %d calls found\n%s", len(d.Exchanges()), strings.Join(found, "\n"))
	}
}

// The configuration may write the key in capitals: it is the same one.
func TestASurveyTakesAKeyInCapitals(t *testing.T) {
	t.Parallel()
	w := discordtest.Office()
	w.App.Endpoint = "https://bridge.example/discord/interactions"
	d := discordtest.Start(t, w)
	for _, line := range surveyed(t, d, Options{Mode: ModeHTTP, PublicKey: strings.ToUpper(d.PublicKey())}, places()) {
		if strings.Contains(line, "public_key") || strings.Contains(line, "connect") {
			t.Error(line)
		}
	}
}

// Of very many places some are looked at: Discord counts the calls.
func TestASurveyLooksAtSome(t *testing.T) {
	t.Parallel()
	o, p := newOffice(t), Places{People: map[string]string{}}
	for _, digit := range "123456789" {
		for _, other := range "123456789" {
			p.People["39999999999999"+string(digit)+string(other)] = "somebody"
		}
	}
	surveyed(t, o.discord, Options{Mode: ModeGateway}, p)
	if n := len(o.discord.Calls(routeMember)); n != mostSurveyed {
		t.Errorf("%d people were looked up", n)
	}
}

// Somebody's direct messages are no channel of a team, and few connections
// left are told; what an application is called is shown as text.
func TestASurveyOfOddAnswers(t *testing.T) {
	t.Parallel()
	d, s := scriptedCaller(t)
	s.answer = func(r *http.Request) reply {
		body := `{"id":"1","name":"bridge\u202e\u001b[31m","type":1}`
		switch strings.TrimPrefix(r.URL.Path, apiPath) {
		case "/gateway/bot":
			body = `{"session_start_limit":{"total":1000,"remaining":7}}`
		case "/users/@me/guilds", "/applications/1/commands":
			body = `[]`
		}
		return always(http.StatusOK, body)(r)
	}
	var all strings.Builder
	for _, f := range Survey(t.Context(), Options{Token: d.token, HTTP: d.http, Mode: ModeGateway}, places()) {
		all.WriteString(f.What + "\n")
	}
	for _, want := range []string{"is somebody's direct messages", "the bot may connect 7 more times today, of 1000", "the bot is in no server"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("want %q in\n%s", want, all.String())
		}
	}
	if strings.ContainsAny(all.String(), "\u202e\x1b") {
		t.Errorf("it is told what moves the terminal: %q", all.String())
	}
}
