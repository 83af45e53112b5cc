package setup

import (
	"context"
	"errors"
	"strings"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
)

// token is one that a chat's section needs.
type token struct {
	section, key string
	given, flag  string // where it is, as a flag said; "" = it did not
	words        string // to ask for it
}

func (t token) path() string { return t.section + "." + t.key }

// set says in a file where the token is.
func (t token) set(d *config.Draft, reference string) error {
	return d.SetChat(t.section, t.key, reference)
}

// in is the token of a configuration; zero = it has none.
func (t token) in(cfg *config.Config) bridge.Secret {
	switch {
	case t.section == "slack" && cfg.Slack != nil && t.key == "app_token":
		return cfg.Slack.AppToken
	case t.section == "slack" && cfg.Slack != nil:
		return cfg.Slack.BotToken
	case t.section == "discord" && cfg.Discord != nil:
		return cfg.Discord.BotToken
	}
	return bridge.Secret{}
}

// askToken asks for one token, unless the chat's section is there. Several are
// only then right together, so what is missing beside it does not count here.
func (s *session) askToken(ctx context.Context, t token, there bool) error {
	if t.given == "" && there {
		return nil
	}
	if t.given != "" {
		s.mayBeUnset(t.given)
		if what, hint := s.wrongToken(t, t.given); what != "" {
			return refuse(hint, "--%s: %s", t.flag, what)
		}
		return s.takeToken(t, there)
	}
	if s.o.Unattended {
		return refuse("", "--%s is needed when nothing is to be asked", t.flag)
	}
	for range maxTries {
		answer, err := s.o.Talk.AskSecret(ctx, t.words+": ")
		if err != nil {
			return err
		}
		text := strings.TrimSpace(answer.Reveal())
		reference := text
		switch {
		case text == "":
			s.o.Talk.Say("  this one is needed")
			continue
		case strings.HasPrefix(text, "env:"), strings.HasPrefix(text, "file:"):
			s.mayBeUnset(text)
		default:
			reference = "env:" + variable(len(s.secrets))
			s.secrets = append(s.secrets, typed{t.path(), bridge.NewSecret(text), t.set})
		}
		what, hint := s.wrongToken(t, reference)
		if what == "" {
			s.result.Done = append(s.result.Done, "took "+t.path())
			return t.set(s.draft, reference)
		}
		s.o.Talk.Say("  "+what, "  hint: "+hint)
	}
	return refuse("", "that was asked %d times; nothing was written", maxTries)
}

// takeToken has a token be where a flag says. What it is now can be seen; how
// the file words it cannot.
func (s *session) takeToken(t token, there bool) error {
	if there {
		now := config.NewDraft(s.o.File, s.draft.Text(), s.o.Env)
		if err := t.set(now, t.given); err != nil {
			return err
		}
		next, err := now.Check()
		if err == nil && t.in(next).Equal(t.in(s.cfg)) {
			return nil
		}
		if !t.in(s.cfg).IsZero() && !s.o.Change {
			return refuse("--change changes it; without --"+t.flag+" it stays", "%s has another %s already", t.section, t.key)
		}
	}
	s.result.Done = append(s.result.Done, "took "+t.path()+" from "+t.given)
	return t.set(s.draft, t.given)
}

// wrongToken says what would be wrong with a token; what else is missing yet
// is no fault of it.
func (s *session) wrongToken(t token, reference string) (what, hint string) {
	d := config.NewDraft(s.o.File, s.draft.Text(), s.o.Env)
	if err := t.set(d, reference); err != nil {
		return err.Error(), ""
	}
	_, err := d.Check()
	if faults, are := errors.AsType[*config.Faults](err); are {
		for _, f := range faults.List {
			if f.Key == t.path() {
				return f.What, f.Hint
			}
		}
	}
	return "", ""
}
