package discord

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

const (
	botID   = "150000000000000002"
	botRole = "410000000000000001"
	another = "410000000000000002" // the bot's too
)

// roomy is the office with a role for the bot, and one channel as it is said.
func roomy(everyone, role uint64, overwrites ...discordtest.Overwrite) discordtest.World {
	w := discordtest.Office()
	w.Unlimited = true
	g := w.Guild(discordtest.Acme)
	g.Roles = append(g.Roles, discordtest.Role{ID: discordtest.Acme, Name: "@everyone", Permissions: everyone}, discordtest.Role{ID: botRole, Name: "bridges", Permissions: role}, discordtest.Role{ID: another, Name: "guests"})
	g.Member(botID).Roles = []string{botRole, another}
	w.Channel(discordtest.Deploys).Overwrites = overwrites
	return w
}

// theChannel is what a survey finds of the one channel that is named.
func theChannel(t *testing.T, d *discordtest.Discord, id string) chat.Found {
	t.Helper()
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	t.Cleanup(web.CloseIdleConnections)
	o := Options{Mode: ModeGateway, APIURL: d.URL(), HTTP: web, Token: bridge.NewSecret(d.Token())}
	for _, f := range Survey(t.Context(), o, Places{Channels: map[string]string{id: "the channel of oncall"}}) {
		if strings.HasPrefix(f.What, "the channel of ") {
			return f
		}
	}
	t.Fatal("nothing was found out about the channel")
	return chat.Found{}
}

// What the doctor says of a channel is what comes of a card there: the bot's
// rights are those that Discord goes by.
func TestTheDoctorKnowsWhereTheBotMayWrite(t *testing.T) {
	t.Parallel()
	const usual, view, send, threads, history = discordtest.Usual, discordtest.ViewChannel, discordtest.SendMessages, discordtest.SendInThreads, discordtest.ReadHistory
	by := func(id string, allow, deny uint64) discordtest.Overwrite {
		return discordtest.Overwrite{ID: id, Member: id == botID, Allow: allow, Deny: deny}
	}
	all := func(o ...discordtest.Overwrite) []discordtest.Overwrite { return o }
	for name, c := range map[string]struct {
		everyone, role  uint64
		overwrites      []discordtest.Overwrite
		channel, thread string // what is lacking there; "closed" = it cannot even be seen
	}{
		"as usual":                             {usual, 0, nil, "", ""},
		"by the bot's role alone":              {0, view | send | threads | history, nil, "", ""},
		"nothing":                              {0, 0, nil, "closed", "closed"},
		"nobody writes":                        {usual &^ send, 0, nil, "Send Messages", ""},
		"nobody writes in threads":             {usual &^ threads, 0, nil, "", "Send Messages in Threads"},
		"the channel is for some":              {usual, 0, all(by(discordtest.Acme, 0, view), by(discordtest.OnCall, view, 0)), "closed", "closed"},
		"the channel is for some, and the bot": {usual, 0, all(by(discordtest.Acme, 0, view), by(botRole, view, 0)), "", ""},
		"only read":                            {usual, 0, all(by(discordtest.Acme, 0, send|threads)), "Send Messages", "Send Messages in Threads"},
		"only read, but for the bot's role":    {usual, 0, all(by(botRole, send|threads, 0), by(discordtest.Acme, 0, send|threads)), "", ""},
		"only read, but for another role":      {usual, 0, all(by(discordtest.OnCall, send|threads, 0), by(discordtest.Acme, 0, send|threads)), "Send Messages", "Send Messages in Threads"},
		"the role may, the bot may not":        {usual, 0, all(by(botID, 0, send), by(botRole, send, 0)), "Send Messages", ""},
		"the role may not, the bot may":        {usual, 0, all(by(botID, send, 0), by(botRole, 0, send)), "", ""},
		"one role may not, another may":        {usual, 0, all(by(another, send, 0), by(botRole, 0, send)), "", ""},
		"somebody else may not":                {usual, 0, all(discordtest.Overwrite{ID: discordtest.Bob, Member: true, Deny: view | send}), "", ""},
		"an administrator":                     {usual, discordtest.Administrator, all(by(botID, 0, view|send|threads|history)), "", ""},
		"no history":                           {usual, 0, all(by(discordtest.Acme, 0, history)), "Read Message History", "Read Message History"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := officeOf(t, roomy(c.everyone, c.role, c.overwrites...))
			for id, lacks := range map[string]string{discordtest.Deploys: c.channel, discordtest.Rollout: c.thread} {
				f := theChannel(t, o.discord, id)
				_, err := o.adapter.Post(t.Context(), bridge.Address(id), teamCard(claim), id)
				want := chat.Fault
				switch lacks {
				case "":
					want = chat.Fine
				case rightToRead.name:
					want = chat.Doubt
				}
				if f.Grade != want || lacks != "closed" && lacks != "" && (!strings.HasSuffix(f.What, " lacks "+lacks) || !strings.Contains(f.Hint, lacks+" there")) {
					t.Errorf("in %s the bot lacks %q, and it is said %+v", id, lacks, f)
				}
				if posted := err == nil; posted != (f.Grade != chat.Fault) || err != nil && !errors.Is(err, bridge.ErrRoute) {
					t.Errorf("of %s it is said %q, and a card there: %v", id, f.What, err)
				}
			}
		})
	}
}

// What cannot be found out is said to be so, and is not taken for well.
func TestWhatTheDoctorCannotKnowOfAChannel(t *testing.T) {
	t.Parallel()
	closed := discordtest.Overwrite{ID: botRole, Deny: discordtest.SendMessages}
	for name, c := range map[string]struct {
		fails, channel string
		want           string
	}{
		"the bot's roles":   {"GET /guilds/{guild}/members/{user}", discordtest.Deploys, "it is not known what the bot may do there"},
		"the bot's servers": {"GET /users/@me/guilds", discordtest.Deploys, "it is not known what the bot may do there"},
		"the channel":       {"GET /channels/{channel}", discordtest.Deploys, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := discordtest.Start(t, roomy(discordtest.Usual, 0, closed))
			d.Fail(c.fails, 1, discordtest.Fault{Status: http.StatusServiceUnavailable})
			if f := theChannel(t, d, c.channel); f.Grade != chat.Doubt || !strings.Contains(f.What, c.want) {
				t.Errorf("it is said %+v", f)
			}
		})
	}
}

// Where nobody writes messages, no card can be.
func TestAChannelOfAKindWithoutMessages(t *testing.T) {
	t.Parallel()
	w := roomy(discordtest.Usual, 0)
	w.Channel(discordtest.Deploys).Type = discordtest.Category
	if f := theChannel(t, discordtest.Start(t, w), discordtest.Deploys); f.Grade != chat.Fault || !strings.Contains(f.What, "of a kind that no message is written to") {
		t.Errorf("it is said %+v", f)
	}
}

// A reminder that may not answer its card is the channel's fault, and not one
// of the bridge.
func TestAReminderWithoutTheRightToRead(t *testing.T) {
	t.Parallel()
	o := officeOf(t, roomy(discordtest.Usual, 0))
	ref := o.post(discordtest.Deploys, teamCard(claim), "team's")
	o.discord.Change(func(w *discordtest.World) {
		w.Channel(discordtest.Deploys).Overwrites = []discordtest.Overwrite{{ID: botRole, Deny: discordtest.ReadHistory}}
	})
	o.discord.Tolerate(discordtest.NoHistory)
	reminder := card()
	reminder.View, reminder.Under, reminder.Phrase = bridge.ViewReminder, ref, ""
	if _, err := o.adapter.Post(t.Context(), discordtest.Deploys, reminder, "reminder"); !errors.Is(err, bridge.ErrRoute) {
		t.Errorf("it is %v", err)
	}
}
