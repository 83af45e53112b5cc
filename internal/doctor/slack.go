package doctor

import (
	"context"
	"net/http"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"

	"github.com/authbridge/authbridge/adapters/slack"
	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
)

// chatWithin bounds the look at a chat.
const chatWithin = 15 * time.Second

// Slack looks at the app in Slack, as far as its tokens let it: what it may
// do, whether it can connect, and the people, channels and groups that the
// configuration names. Nobody is written to. calls may be nil. Without a section there is
// nothing to find.
func Slack(ctx context.Context, cfg *config.Config, calls *http.Client) []admin.Finding {
	s := cfg.Slack
	if s == nil {
		return nil
	}
	if calls == nil {
		calls = Calls(cfg.Network)
		defer calls.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(ctx, chatWithin)
	defer cancel()
	app := s.AppToken
	if s.Mode != config.ModeSocket {
		app = bridge.Secret{}
	}
	var found []admin.Finding
	for _, f := range slack.Survey(ctx, s.APIURL, calls, s.BotToken, app, inSlack(cfg)) {
		found = append(found, finding(grades[f.Grade], "slack", f.Hint, "%s", []any{f.What}))
	}
	return found
}

var grades = map[chat.Grade]admin.Level{chat.Fine: admin.OK, chat.Doubt: admin.Warn, chat.Fault: admin.Fail}

// inSlack are the ids that the configuration names.
func inSlack(cfg *config.Config) slack.Places {
	p := slack.Places{
		Channels: map[string]string{}, People: map[string]string{}, Groups: map[string]string{},
		Shared: cfg.Slack.AllowShared, AllowGuests: cfg.Slack.AllowGuests,
	}
	for name, h := range cfg.Directory.Humans {
		if h.Slack != "" {
			p.People[h.Slack] = name
		}
	}
	for name, t := range cfg.Directory.Teams {
		if t.Slack != "" {
			p.Channels[t.Slack] = name
		}
		if group := t.Groups["slack"]; group != "" {
			p.Groups[group] = name
		}
	}
	return p
}
