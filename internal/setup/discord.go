package setup

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/doctor"
)

// offerDiscord asks whether people are to be reached in Discord.
func (s *session) offerDiscord(ctx context.Context, human string) error {
	if s.o.Given.discord() {
		return s.addDiscord(ctx, human)
	}
	if s.o.Unattended {
		return nil
	}
	yes, err := s.confirm(ctx, "Reach people in Discord", false)
	if errors.Is(err, ErrSilent) { // nothing else is open, so that is no
		return nil
	}
	if err != nil || !yes {
		return err
	}
	return s.addDiscord(ctx, human)
}

// addDiscordFor adds Discord to a configuration that is there.
func (s *session) addDiscordFor(ctx context.Context) error {
	human, err := s.pick(ctx, "For whom", slices.Sorted(maps.Keys(s.cfg.Directory.Humans)))
	if err != nil {
		return err
	}
	return s.addDiscord(ctx, human)
}

// addDiscord asks for the bot's token, and who a human is there.
func (s *session) addDiscord(ctx context.Context, human string) error {
	if s.cfg.Discord == nil {
		s.say("1. At https://discord.com/developers/applications press New Application.",
			"2. Under Bot press Reset Token, and copy the token. No privileged intent is needed.",
			"   It goes into a file that only you can read; or say where it is: env:NAME or file:/path.")
	}
	t := token{"discord", "bot_token", s.o.Given.DiscordBot, "discord-bot-token", "Bot token (not shown)"}
	if err := s.askToken(ctx, t, s.cfg.Discord != nil); err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	if !s.o.Offline && !strings.HasPrefix(s.cfg.Discord.BotToken.Reveal(), config.ToBeSet) {
		s.report(doctor.Discord(ctx, s.cfg, nil)...)
	}
	s.say("3. Open what authbridge discord invite prints: it lets the bot into your server.")
	return s.askDiscordUser(ctx, human)
}

// askDiscordUser asks who a human is there. Nobody is found by an address.
func (s *session) askDiscordUser(ctx context.Context, human string) error {
	if human == "" {
		return nil
	}
	is := s.cfg.Directory.Humans[human].Discord
	if is != "" && s.o.Given.DiscordUser == "" {
		s.say(human + " is " + is + " in Discord already.")
		return nil
	}
	id, err := s.ask(ctx, question{
		words: human + "'s user ID in Discord (Developer Mode on; profile, ⋯, Copy User ID; none = later, with a code)",
		flag:  "discord-user", given: s.o.Given.DiscordUser, optional: true,
		check: func(id string) error {
			return s.try(func(d *config.Draft) error { return d.SetText("humans", human, "discord", id) })
		},
	})
	if err != nil {
		return err
	}
	if id == "" {
		s.result.Next = append(s.result.Next, "authbridge human link "+human)
		return nil
	}
	return s.alter("humans", human, "discord", is, id, "--discord-user")
}
