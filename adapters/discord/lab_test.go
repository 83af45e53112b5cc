package discord

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// The suites that every chat's adapter passes, in Discord.

func TestSuiteCards(t *testing.T)    { t.Parallel(); chattest.RunCards(t, newLab) }
func TestSuitePeople(t *testing.T)   { t.Parallel(); chattest.RunPeople(t, newLab) }
func TestSuiteFailures(t *testing.T) { t.Parallel(); chattest.RunFailures(t, newLab) }

// TestSuitePeopleByCalls: what people do comes by signed calls, and is theirs
// all the same.
func TestSuitePeopleByCalls(t *testing.T) { t.Parallel(); chattest.RunPeople(t, newLabByCalls) }

// lab is a Discord whose adapter runs, as the suites need it.
type lab struct {
	t       *testing.T
	discord *discordtest.Discord
	adapter *Adapter
	desk    *chattest.Desk
}

const newMessages = "POST /channels/{channel}/messages"

func newLab(t *testing.T) chattest.Lab {
	t.Helper()
	return startLab(t, ModeGateway)
}

func newLabByCalls(t *testing.T) chattest.Lab {
	t.Helper()
	l := startLab(t, ModeHTTP)
	srv := httptest.NewServer(l.adapter.Handler())
	t.Cleanup(srv.Close)
	l.discord.RequestsTo(srv.URL)
	return l
}

func startLab(t *testing.T, mode string) *lab {
	t.Helper()
	w := discordtest.Office()
	w.Unlimited = true
	l := &lab{t: t, discord: discordtest.Start(t, w), desk: chattest.NewDesk(channelName, map[bridge.Address]string{
		discordtest.Alice: "alice", discordtest.Bob: "bob", discordtest.Dave: "dave",
	})}
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	t.Cleanup(web.CloseIdleConnections)
	a, err := New(Options{
		Desk: l.desk, Token: bridge.NewSecret(l.discord.Token()), Mode: mode, PublicKey: l.discord.PublicKey(), APIURL: l.discord.URL(),
		HTTP: web, Log: slog.New(slog.DiscardHandler), Version: "1",
	})
	if err != nil {
		t.Fatal(err)
	}
	l.adapter, a.line.timing = a, quick()
	l.run()
	return l
}

// run runs the adapter until the test ends.
func (l *lab) run() {
	l.t.Helper()
	ctx, cancel := context.WithCancel(l.t.Context())
	over := make(chan error, 1)
	go func() { over <- l.adapter.Run(ctx) }()
	l.t.Cleanup(func() {
		cancel()
		if err := soon(l.t, "the adapter to end", over); err != nil {
			l.t.Errorf("run: %v", err)
		}
	})
	until(l.t, "the adapter is ready, and its commands are there", func() bool {
		return l.adapter.Health().State == chat.Ready && len(l.discord.Calls("PUT /applications/{app}/commands")) > 0
	})
}

func (l *lab) Adapter() bridge.Messenger { return l.adapter }
func (l *lab) Desk() *chattest.Desk      { return l.desk }

func (l *lab) Places() chattest.Places {
	return chattest.Places{
		Alice: discordtest.Alice, Bob: discordtest.Bob, Carol: discordtest.Carol, Outsider: discordtest.Dave, Channel: discordtest.Deploys,
	}
}

func (l *lab) Person(who bridge.Address) chattest.Person {
	return labPerson{Person: l.discord.Person(string(who)), discord: l.discord, id: string(who)}
}

func (l *lab) Until(what string, holds func() bool) { until(l.t, what, holds) }

func (l *lab) Fail(how chattest.Fault) {
	l.discord.Fail(newMessages, 1, map[chattest.Fault]discordtest.Fault{
		chattest.Limited:     {Limited: 7 * time.Second},
		chattest.LostAnswer:  {Committed: true, Reset: true},
		chattest.BrokenAfter: {Committed: true, Status: 500},
		chattest.NoAnswer:    {Committed: true, Delay: time.Minute},
	}[how])
}

func (l *lab) Posts() int { return len(l.discord.Calls(newMessages)) }

func (l *lab) CloseMessages(who bridge.Address) {
	l.discord.Change(func(w *discordtest.World) { w.Person(string(who)).Closed = true })
}

func (l *lab) LeaveChannel() {
	l.discord.Change(func(w *discordtest.World) {
		c := w.Channel(discordtest.Deploys)
		c.Overwrites = append(c.Overwrites, discordtest.Overwrite{ID: w.App.Bot, Member: true, Deny: discordtest.ViewChannel})
	})
}

func (l *lab) TakeBack() {
	l.discord.Change(func(w *discordtest.World) { w.App.Revoked = true })
	l.discord.Tolerate(0)
}

func (l *lab) Refused() string {
	if h := l.adapter.Health(); h.State == chat.Refused {
		return h.Why
	}
	return ""
}

func (l *lab) Secrets() []string                { return []string{l.discord.Token()} }
func (l *lab) Leaks(secrets ...string) []string { return l.discord.Leaks(secrets...) }

// labPerson is somebody in front of Discord, as the suites know people.
type labPerson struct {
	*discordtest.Person

	discord *discordtest.Discord
	id      string
}

func (p labPerson) Pushes() []string { return p.discord.Pushes(p.id) }

func (p labPerson) Loud() []string {
	r := p.Reading()
	loud := slices.Concat(r.Mentions, r.Emoji, r.Commands)
	for _, l := range r.Links {
		loud = append(loud, l.URL)
	}
	return loud
}

func (p labPerson) Press(label string) { p.Person.Press(label) }

func (p labPerson) Enter(typed string) {
	p.Type("The four digits that the agent shows", typed)
	p.Submit()
}

// Command types an option by the name that the command has for it.
func (p labPerson) Command(name, argument string) {
	if argument != "" {
		option := map[string]string{"revoke": "name"}[name]
		if option == "" {
			option = "code"
		}
		argument = option + ":" + argument
	}
	p.CommandIn(discordtest.Deploys, strings.TrimSpace("/authbridge "+name+" "+argument))
}
