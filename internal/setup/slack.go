package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/authbridge/authbridge/adapters/slack"
	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/doctor"
)

// helloWithin is how long somebody has to press the button of a hello.
const helloWithin = 3 * time.Minute

// errUnpressed is why a hello is over after that.
var errUnpressed = errors.New("nobody pressed it")

// greeting is what a test has otherwise.
type greeting struct {
	api  string                                                      // the base of Slack's methods; "" = as the configuration says
	wait func(context.Context) (context.Context, context.CancelFunc) // ends with errUnpressed; nil = after helloWithin
}

func (g greeting) waits(ctx context.Context) (context.Context, context.CancelFunc) {
	if g.wait != nil {
		return g.wait(ctx)
	}
	return context.WithTimeoutCause(ctx, helloWithin, errUnpressed)
}

// reaches is the configuration, with Slack where it is.
func (g greeting) reaches(cfg *config.Config) *config.Config {
	if g.api == "" {
		return cfg
	}
	there, app := *cfg, *cfg.Slack
	app.APIURL = g.api
	there.Slack = &app
	return &there
}

// offerSlack asks whether people are to be reached in Slack.
func (s *session) offerSlack(ctx context.Context, human string) error {
	if s.o.Given.slack() {
		return s.addSlack(ctx, human)
	}
	if s.o.Unattended {
		return nil
	}
	s.say("People can be reached in Slack too; the inbox is always there. You need a workspace in which",
		"you may install apps. It can also be added later.")
	yes, err := s.confirm(ctx, "Reach people in Slack", false)
	if errors.Is(err, ErrSilent) { // nothing else is open, so that is no
		return nil
	}
	if err != nil || !yes {
		return err
	}
	return s.addSlack(ctx, human)
}

// addSlackFor adds Slack to a configuration that is there.
func (s *session) addSlackFor(ctx context.Context) error {
	human, err := s.pick(ctx, "For whom", slices.Sorted(maps.Keys(s.cfg.Directory.Humans)))
	if err != nil {
		return err
	}
	return s.addSlack(ctx, human)
}

// addSlack asks for the tokens of the app, and finds out who a human is there.
func (s *session) addSlack(ctx context.Context, human string) error {
	if s.cfg.Slack == nil {
		s.say("1. At https://api.slack.com/apps press Create New App, From a manifest, and paste what",
			"   authbridge slack manifest prints, in another terminal.",
			"2. Press Install to Workspace.",
			"3. Copy the bot token (OAuth & Permissions) and make an app-level token with the scope",
			"   connections:write (Basic Information). Each goes into a file that only you can read;",
			"   or say where it is: env:NAME or file:/path.")
	}
	for _, t := range []token{
		{"slack", "bot_token", s.o.Given.SlackBot, "slack-bot-token", "Bot token, xoxb-… (not shown)"},
		{"slack", "app_token", s.o.Given.SlackApp, "slack-app-token", "App-level token, xapp-… (not shown)"},
	} {
		if err := s.askToken(ctx, t, s.cfg.Slack != nil); err != nil {
			return err
		}
	}
	if err := s.settle(); err != nil {
		return err
	}
	return s.askSlackUser(ctx, human)
}

// askSlackUser learns who a human is in Slack: by a hello that they answer, or
// by their id.
func (s *session) askSlackUser(ctx context.Context, human string) error {
	is := s.cfg.Directory.Humans[human].Slack
	switch {
	case human == "":
		return nil
	case is != "" && s.o.Given.SlackUser == "":
		s.say(human + " is " + is + " in Slack already.")
		return nil
	}
	if !s.o.Offline {
		s.report(s.inSlack(ctx)...)
	}
	id := ""
	if !s.o.Offline && !s.o.Unattended && s.o.Given.SlackUser == "" && !s.untold() && s.cfg.Slack.Mode == config.ModeSocket {
		var err error
		if id, err = s.hello(ctx, human); err != nil {
			return err
		}
	}
	if id == "" {
		var err error
		if id, err = s.ask(ctx, question{
			words: human + "'s member ID in Slack (profile, ⋮, Copy member ID)", flag: "slack-user", given: s.o.Given.SlackUser, optional: true,
			check: func(id string) error {
				return s.try(func(d *config.Draft) error { return d.SetText("humans", human, "slack", id) })
			},
		}); err != nil || id == "" {
			return err
		}
	}
	return s.alter("humans", human, "slack", s.cfg.Directory.Humans[human].Slack, id, "--slack-user")
}

// untold reports whether a token is in a variable that is unset here.
func (s *session) untold() bool {
	app := s.cfg.Slack
	return strings.HasPrefix(app.BotToken.Reveal(), config.ToBeSet) || strings.HasPrefix(app.AppToken.Reveal(), config.ToBeSet)
}

// inSlack looks at the app.
func (s *session) inSlack(ctx context.Context) []admin.Finding {
	if s.untold() {
		return []admin.Finding{doctor.Warn("slack", "set it where the bridge runs; authbridge doctor tries the tokens then",
			"the tokens were not tried: a variable that holds one is not set here")}
	}
	return doctor.Slack(ctx, s.o.greeting.reaches(s.cfg), nil)
}

// hello writes to somebody and waits until they say that it is them. "" means
// that it did not come to that, and why was told.
func (s *session) hello(ctx context.Context, human string) (id string, err error) {
	s.say("The bridge can write a hello to "+human+" now. Whoever presses This is me there is "+human+" from",
		"then on: make sure that it is them.")
	email, err := s.ask(ctx, question{
		words: human + "'s e-mail address in Slack (none = say the id yourself)", otherwise: s.cfg.Directory.Humans[human].Email, optional: true,
		check: func(answer string) error {
			if answer == "none" || strings.Contains(answer, "@") {
				return nil
			}
			return refuse("", "that is no e-mail address")
		},
	})
	if err != nil || email == "" || email == "none" {
		return "", err
	}
	ctx, cancel := s.o.greeting.waits(ctx)
	defer cancel()
	s.o.Talk.Say("  Writing to " + email + ", and waiting for the press, " + fmt.Sprintf("%.0f", helloWithin.Minutes()) + " minutes at most.")
	app, calls := s.o.greeting.reaches(s.cfg).Slack, doctor.Calls(s.cfg.Network)
	defer calls.CloseIdleConnections()
	id, err = slack.Hello(ctx, slack.Options{
		BotToken: app.BotToken, AppToken: app.AppToken, Mode: slack.ModeSocket, APIURL: app.APIURL,
		HTTP: calls, Log: slog.New(slog.DiscardHandler), AllowGuests: func() bool { return app.AllowGuests },
	}, email)
	switch {
	case err == nil:
		s.o.Talk.Say("  It is " + id + ".")
		return id, nil
	case errors.Is(context.Cause(ctx), errUnpressed):
		s.o.Talk.Say("  Nobody pressed it.")
		return "", nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	s.o.Talk.Say("  " + err.Error())
	return "", nil
}
