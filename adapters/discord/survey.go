package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// Places are what a configuration names of Discord's.
type Places struct {
	Channels map[string]string // ids of channels to what they are the channel of
	People   map[string]string // ids of people to who they are
	Roles    map[string]string // ids of roles to whose members they are
	Fallback string            // the channel for whom no direct message reaches; "" = none
}

// mostSurveyed bounds how many of each are looked at.
const mostSurveyed = 20

// fewLeft is how many identifications an operator should know of.
const fewLeft = 200

// Application is the id and the name of the application that a bot's token is
// for.
func Application(ctx context.Context, o Options) (id, name string, err error) {
	var me application
	c := newCaller(o.usual(), chat.NewSides("Discord"))
	if err = c.application(ctx, &me); err != nil {
		return "", "", err
	}
	return me.ID, me.Name, nil
}

// usual has what is left out as it usually is.
func (o Options) usual() Options {
	if o.APIURL == "" {
		o.APIURL = DefaultAPIURL
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

type application struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Endpoint  string `json:"interactions_endpoint_url"`
	VerifyKey string `json:"verify_key"`
	Public    bool   `json:"bot_public"`
	Bot       struct {
		ID string `json:"id"`
	} `json:"bot"` // its user
}

func (c *caller) application(ctx context.Context, into *application) error {
	return c.do(ctx, call{name: "read the application", method: http.MethodGet, path: "/applications/@me", bucket: "application", into: into})
}

// Survey looks at the application from outside, as its token lets it: who it
// is, whether it can connect, whether its commands are there, and the places.
// It changes nothing and writes nobody. What it says repeats no token.
func Survey(ctx context.Context, o Options, places Places) []chat.Found {
	s := survey{ctx: ctx, options: o.usual()}
	s.calls = newCaller(s.options, chat.NewSides("Discord"))
	if !s.who() {
		return s.found
	}
	s.connection()
	s.commands()
	s.servers()
	for _, id := range some(places.Channels) {
		s.channel(id, "the channel of "+places.Channels[id])
	}
	if places.Fallback != "" {
		s.channel(places.Fallback, "fallback_channel")
	}
	for _, id := range some(places.People) {
		s.person(id, places.People[id])
	}
	for _, id := range some(places.Roles) {
		s.role(id, places.Roles[id])
	}
	return s.found
}

// some are the first ids, in order.
func some(all map[string]string) []string {
	ids := slices.Sorted(maps.Keys(all))
	return ids[:min(len(ids), mostSurveyed)]
}

// survey is one look.
type survey struct {
	ctx     context.Context
	options Options
	calls   *caller
	app     application
	guilds  []guild
	found   []chat.Found
}

func (s *survey) add(g chat.Grade, hint, format string, args ...any) {
	s.found = append(s.found, chat.Found{Grade: g, What: fmt.Sprintf(format, args...), Hint: hint})
}

const invite = "open what authbridge discord invite prints"

// who asks whose the token is, and where Discord brings what is pressed.
func (s *survey) who() bool {
	err := s.calls.application(s.ctx, &s.app)
	switch {
	case errors.Is(err, bridge.ErrAuth):
		s.add(chat.Fault, "on the application's page, Bot, Reset Token; put the new one where discord.bot_token says", "the bot token is not taken: %v", err)
		return false
	case err != nil:
		s.add(chat.Fault, "look at the network and at discord.api_url", "Discord cannot be asked: %v", err)
		return false
	}
	s.add(chat.Fine, "", "the application is %s (%s)", chat.Clean(s.app.Name, chat.MaxTitle), s.app.ID)
	if s.app.Public {
		s.add(chat.Doubt, "on the application's page, Installation, Install Link: None; then Bot, switch Public Bot off",
			"anybody can add the bot to a server of theirs, and use up what Discord lets it ask")
	}
	const page = "on the application's page, General Information, Interactions Endpoint URL"
	switch {
	case s.options.Mode == ModeGateway && s.app.Endpoint != "":
		s.add(chat.Fault, "empty it "+page, "an address for interactions is set, so nothing that is pressed comes over the gateway")
	case s.options.Mode == ModeHTTP && s.app.Endpoint == "":
		s.add(chat.Fault, "once the bridge runs, put public_url and /discord/interactions there: "+page, "Discord does not know where to bring what is pressed")
	case s.options.Mode == ModeHTTP && s.app.VerifyKey != "" && !strings.EqualFold(s.app.VerifyKey, s.options.PublicKey):
		s.add(chat.Fault, "copy it again from the application's page, General Information, Public Key", "discord.public_key is that of another application")
	}
	return true
}

// connection asks how often the bot may still connect today.
func (s *survey) connection() {
	if s.options.Mode != ModeGateway {
		return
	}
	var g struct {
		Limit struct {
			Total     int `json:"total"`
			Remaining int `json:"remaining"`
		} `json:"session_start_limit"`
	}
	err := s.calls.do(s.ctx, call{name: "ask for the gateway", method: http.MethodGet, path: "/gateway/bot", bucket: "gateway", into: &g})
	switch {
	case err != nil:
		s.add(chat.Fault, "look at the network", "the gateway is not to be had: %v", err)
	case g.Limit.Remaining < fewLeft:
		s.add(chat.Doubt, "look for what ends the connections, or for another program that uses the token",
			"the bot may connect %d more times today, of %d; Discord takes the token away after that", g.Limit.Remaining, g.Limit.Total)
	default:
		s.add(chat.Fine, "", "the bot may connect %d more times today", g.Limit.Remaining)
	}
}

func (s *survey) commands() {
	var there []command
	err := s.calls.do(s.ctx, call{name: "read the commands", method: http.MethodGet, path: "/applications/" + s.app.ID + "/commands", bucket: "commands", into: &there})
	switch {
	case err != nil:
		s.add(chat.Fault, "", "the commands cannot be read: %v", err)
	case !sameCommands(there):
		s.add(chat.Doubt, "start the bridge: it registers them", "/authbridge is not registered as this version has it")
	default:
		s.add(chat.Fine, "", "/authbridge is registered")
	}
}

func (s *survey) servers() {
	var err error
	s.guilds, err = s.calls.guilds(s.ctx)
	switch {
	case err != nil:
		s.add(chat.Fault, "", "the bot's servers cannot be read: %v", err)
	case len(s.guilds) == 0:
		s.add(chat.Fault, invite, "the bot is in no server, so it reaches nobody")
	}
}

// channel looks whether the bot may do in a channel what it is there for.
func (s *survey) channel(id, what string) {
	ch, err := s.calls.room(s.ctx, id)
	switch {
	case errors.Is(err, bridge.ErrRoute):
		s.add(chat.Fault, "give the bot's role View Channel and Send Messages there, or "+invite+" once more", "%s (%s) is closed to the bot", what, id)
	case err != nil:
		s.add(chat.Doubt, "", "%s (%s) cannot be read: %v", what, id, err)
	case ch.isDirect():
		s.add(chat.Fault, "name a channel of a server", "%s (%s) is somebody's direct messages", what, id)
	case !ch.holdsMessages():
		s.add(chat.Fault, "name a text channel", "%s (%s) is of a kind that no message is written to", what, id)
	default:
		s.mayWrite(ch, fmt.Sprintf("%s is %s (%s)", what, chat.Clean(ch.Name, chat.MaxTitle), id))
	}
}

// mayWrite says what the bot lacks in a channel, if Discord tells.
func (s *survey) mayWrite(ch room, what string) {
	may, err := s.rights(ch)
	if err != nil {
		s.add(chat.Doubt, "", "%s; it is not known what the bot may do there: %v", what, err)
		return
	}
	var lacks []string
	for _, r := range ch.needs() {
		if may&r.bit == 0 {
			lacks = append(lacks, r.name)
		}
	}
	switch {
	case len(lacks) > 0:
		missing := strings.Join(lacks, " and ")
		s.add(chat.Fault, "give the bot's role "+missing+" there", "%s, where the bot may not write: it lacks %s", what, missing)
	case may&rightToRead.bit == 0:
		s.add(chat.Doubt, "give the bot's role "+rightToRead.name+" there", "%s, where no reminder can answer a card: the bot lacks %s", what, rightToRead.name)
	default:
		s.add(chat.Fine, "", "%s", what)
	}
}

// person looks whether somebody shares a server with the bot.
func (s *survey) person(id, who string) {
	for _, guild := range s.guilds {
		err := s.calls.do(s.ctx, memberCall(guild.ID, id, nil))
		if err == nil {
			s.add(chat.Fine, "", "%s (%s) shares a server with the bot", who, id)
			return
		}
		if !errors.Is(err, errUnknownMember) && !errors.Is(err, bridge.ErrUnreachable) {
			s.add(chat.Doubt, "", "it is not known whether %s (%s) is in a server of the bot's: %v", who, id, err)
			return
		}
	}
	s.add(chat.Fault, "they join a server of the bot's; or correct humans."+who+".discord", "%s (%s) shares no server with the bot, which cannot write to them", who, id)
}

func (s *survey) role(id, team string) {
	for _, guild := range s.guilds {
		if guild.ID == id {
			s.add(chat.Fault, "name another role", "the role of %s (%s) is everyone's", team, id)
			return
		}
		if has, err := s.calls.hasRole(s.ctx, guild.ID, id); err != nil {
			s.add(chat.Doubt, "", "the roles of a server cannot be read: %v", err)
			return
		} else if has {
			s.add(chat.Fine, "", "the role of %s (%s) is there", team, id)
			return
		}
	}
	s.add(chat.Fault, "correct teams."+team+".discord_role", "no server of the bot's has the role of %s (%s)", team, id)
}
