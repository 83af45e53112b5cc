package daemon

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/slack"
	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/doctor"
	"github.com/authbridge/authbridge/oauth"
)

// slackChannel is what Slack is called in requests, in metrics and in the
// configuration.
const slackChannel = "slack"

// slackTimeout bounds one call to Slack; who waits for it has less patience.
const slackTimeout = 15 * time.Second

// chats are the platforms on which people are reached. They and the bridge know
// each other: the maps are given to the bridge when it is made, and hold the
// adapters before it runs.
type chats struct {
	slack      *slack.Adapter // nil = none
	messengers map[string]bridge.Messenger
	rosters    map[string]bridge.Roster
}

// newChats has room for what open makes.
func newChats() chats {
	return chats{messengers: map[string]bridge.Messenger{}, rosters: map[string]bridge.Roster{}}
}

// open makes the adapters that are configured. It calls nobody.
func (c *chats) open(d *Daemon) error {
	s := d.cfg.Slack
	if s == nil {
		return nil
	}
	calls := oauth.NewHTTPClient(oauth.NetworkPolicy(d.cfg.Network))
	calls.Timeout = slackTimeout
	adapter, err := slack.New(slack.Options{
		Desk: d.bridge, BotToken: s.BotToken, AppToken: s.AppToken, SigningSecret: s.SigningSecret,
		Mode: s.Mode, APIURL: s.APIURL, HTTP: calls, Log: d.log,
		AllowShared: d.mayBeShared, AllowGuests: d.guestsMay,
	})
	if err != nil {
		return fmt.Errorf("slack: %w", err)
	}
	c.slack = adapter
	c.messengers[slackChannel], c.rosters[slackChannel] = adapter, adapter
	return nil
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

// run works until ctx ends.
func (c *chats) run(ctx context.Context) error {
	if c.slack == nil {
		return nil
	}
	return c.slack.Run(ctx)
}

// disputed says why the bridge is not ready although it runs: what people
// press may reach another one. "" = nothing is disputed.
func (c *chats) disputed() string {
	if c.slack == nil || !c.slack.Disputed() {
		return ""
	}
	return "slack: " + c.slack.Health().Why
}

// beside serves what chats call at the port for people, and lets everything
// else pass. They prove who they are by themselves.
func (c *chats) beside(next http.Handler) http.Handler {
	if c.slack == nil {
		return next
	}
	mux := http.NewServeMux()
	mux.Handle("/slack/", c.slack.Handler())
	mux.Handle("/", next)
	return mux
}

// health is how the adapters find themselves.
func (c *chats) health() []admin.Finding {
	if c.slack == nil {
		return nil
	}
	switch h := c.slack.Health(); h.State {
	case chat.Ready:
		return []admin.Finding{doctor.OK(slackChannel, "the bridge is connected")}
	case chat.Starting:
		return []admin.Finding{doctor.Warn(slackChannel, "look again in a few seconds", "%s", h.Why)}
	case chat.Degraded:
		return []admin.Finding{doctor.Warn(slackChannel, "", "%s", h.Why)}
	default:
		return []admin.Finding{doctor.Fail(slackChannel, "", "%s", h.Why)}
	}
}
