package doctor

import (
	"context"
	"fmt"
	"net/http"

	"github.com/authbridge/authbridge/adapters/discord"
	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/config"
)

// Discord looks at the application in Discord, as far as its token lets it:
// who it is, whether it can connect, and the people, channels and roles that
// the configuration names. Nobody is written to. calls may be nil. Without a
// section there is nothing to find.
func Discord(ctx context.Context, cfg *config.Config, calls *http.Client) []admin.Finding {
	s := cfg.Discord
	if s == nil {
		return nil
	}
	if calls == nil {
		calls = Calls(cfg.Network)
		defer calls.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(ctx, chatWithin)
	defer cancel()
	var found []admin.Finding
	o := discord.Options{Token: s.BotToken, PublicKey: s.PublicKey, Mode: s.Mode, APIURL: s.APIURL, HTTP: calls}
	for _, f := range discord.Survey(ctx, o, inDiscord(cfg)) {
		found = append(found, finding(grades[f.Grade], "discord", f.Hint, "%s", []any{f.What}))
	}
	return found
}

// inDiscord are the ids that the configuration names.
func inDiscord(cfg *config.Config) discord.Places {
	p := discord.Places{Channels: map[string]string{}, People: map[string]string{}, Roles: map[string]string{}, Fallback: cfg.Discord.Fallback}
	for name, h := range cfg.Directory.Humans {
		if h.Discord != "" {
			p.People[h.Discord] = name
		}
	}
	for name, t := range cfg.Directory.Teams {
		if t.Discord != "" {
			p.Channels[t.Discord] = name
		}
		if role := t.Groups["discord"]; role != "" {
			p.Roles[role] = name
		}
	}
	return p
}

// Invitation is a link that lets the application in Discord into a server.
type Invitation struct {
	Application string `json:"application"` // its id
	URL         string `json:"url"`
}

// Invite makes the link for an application, or, when that is "", for the one
// that Discord says the configured token is of.
func Invite(ctx context.Context, cfg *config.Config, application string) (Invitation, error) {
	base := ""
	if s := cfg.Discord; s != nil {
		base = s.APIURL
	}
	if application == "" {
		calls := Calls(cfg.Network)
		defer calls.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(ctx, chatWithin)
		defer cancel()
		id, _, err := discord.Application(ctx, discord.Options{Token: cfg.Discord.BotToken, APIURL: base, HTTP: calls})
		if err != nil {
			return Invitation{}, fmt.Errorf("ask Discord which application the bot token is of: %w", err)
		}
		application = id
	}
	return Invitation{application, discord.InviteURL(base, application)}, nil
}
