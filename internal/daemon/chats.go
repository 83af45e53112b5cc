package daemon

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/discord"
	"github.com/authbridge/authbridge/adapters/slack"
	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/doctor"
	"github.com/authbridge/authbridge/oauth"
)

// What the chats are called in requests, in metrics and in the configuration.
const (
	slackChannel   = "slack"
	discordChannel = "discord"
)

// chatTimeout bounds one call to a chat; who waits for it has less patience.
const chatTimeout = 15 * time.Second

// adapter is our side of one chat.
type adapter interface {
	bridge.Messenger
	bridge.Roster
	Run(ctx context.Context) error
	Handler() http.Handler
	Health() chat.Health
	Disputed() bool
	Try(ctx context.Context, to bridge.Address) (took time.Duration, err error)
}

// platform is a chat that is configured.
type platform struct {
	channel string
	adapter adapter
}

// chats are the platforms on which people are reached. They and the bridge know
// each other: the maps are given to the bridge when it is made, and hold the
// adapters before it runs.
type chats struct {
	all        []platform
	messengers map[string]bridge.Messenger
	rosters    map[string]bridge.Roster
}

// newChats has room for what open makes.
func newChats() chats {
	return chats{messengers: map[string]bridge.Messenger{}, rosters: map[string]bridge.Roster{}}
}

// open makes the adapters that are configured. It calls nobody.
func (c *chats) open(d *Daemon) error {
	if d.cfg.Slack != nil {
		a, err := d.newSlack()
		if err != nil {
			return fmt.Errorf("slack: %w", err)
		}
		c.add(slackChannel, a)
	}
	if d.cfg.Discord != nil {
		a, err := d.newDiscord()
		if err != nil {
			return fmt.Errorf("discord: %w", err)
		}
		c.add(discordChannel, a)
	}
	return nil
}

func (c *chats) add(channel string, a adapter) {
	c.all = append(c.all, platform{channel, a})
	c.messengers[channel], c.rosters[channel] = a, a
}

func (d *Daemon) newSlack() (*slack.Adapter, error) {
	s := d.cfg.Slack
	return slack.New(slack.Options{
		Desk: d.bridge, BotToken: s.BotToken, AppToken: s.AppToken, SigningSecret: s.SigningSecret,
		Mode: s.Mode, APIURL: s.APIURL, HTTP: d.chatCalls(), Log: d.log,
		AllowShared: d.mayBeShared, AllowGuests: d.guestsMay,
	})
}

func (d *Daemon) newDiscord() (*discord.Adapter, error) {
	s := d.cfg.Discord
	return discord.New(discord.Options{
		Desk: d.bridge, Token: s.BotToken, PublicKey: s.PublicKey,
		Mode: s.Mode, APIURL: s.APIURL, HTTP: d.chatCalls(), Log: d.log, Version: d.Version,
		Fallback: d.fallback,
	})
}

// chatCalls calls out to one chat.
func (d *Daemon) chatCalls() *http.Client {
	calls := oauth.NewHTTPClient(oauth.NetworkPolicy(d.cfg.Network))
	calls.Timeout = chatTimeout
	return calls
}

// mayBeShared reports whether the configuration of now lets a channel be shared
// with another workspace.
func (d *Daemon) mayBeShared(channel string) bool {
	s := d.calls.Load().cfg.Slack
	return s != nil && slices.Contains(s.AllowShared, channel)
}

// guestsMay reports whether it lets guests of the workspace be asked.
func (d *Daemon) guestsMay() bool {
	s := d.calls.Load().cfg.Slack
	return s != nil && s.AllowGuests
}

// fallback is the channel in Discord for whom no direct message reaches, as the
// configuration of now has it; "" = none.
func (d *Daemon) fallback() string {
	if s := d.calls.Load().cfg.Discord; s != nil {
		return s.Fallback
	}
	return ""
}

// run works until ctx ends.
func (c *chats) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range c.all {
		group.Go(func() error { return p.adapter.Run(ctx) })
	}
	return group.Wait()
}

// disputed says why the bridge is not ready although it runs: what people
// press may reach another one. "" = nothing is disputed.
func (c *chats) disputed() string {
	for _, p := range c.all {
		if p.adapter.Disputed() {
			return p.channel + ": " + p.adapter.Health().Why
		}
	}
	return ""
}

// beside serves what chats call at the port for people, and lets everything
// else pass. They prove who they are by themselves.
func (c *chats) beside(next http.Handler) http.Handler {
	if len(c.all) == 0 {
		return next
	}
	mux := http.NewServeMux()
	for _, p := range c.all {
		mux.Handle("/"+p.channel+"/", p.adapter.Handler())
	}
	mux.Handle("/", next)
	return mux
}

// health is how the adapters find themselves.
func (c *chats) health() []admin.Finding {
	var found []admin.Finding
	for _, p := range c.all {
		found = append(found, healthOf(p))
	}
	return found
}

func healthOf(p platform) admin.Finding {
	switch h := p.adapter.Health(); h.State {
	case chat.Ready:
		return doctor.OK(p.channel, "the bridge is connected")
	case chat.Starting:
		return doctor.Warn(p.channel, "look again in a few seconds", "%s", h.Why)
	case chat.Degraded:
		return doctor.Warn(p.channel, "", "%s", h.Why)
	default:
		return doctor.Fail(p.channel, "", "%s", h.Why)
	}
}
