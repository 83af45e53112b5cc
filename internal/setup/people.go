package setup

import (
	"context"
	"strconv"
	"strings"

	"github.com/authbridge/authbridge/config"
)

// addHuman asks for somebody who can be asked.
func (s *session) addHuman(ctx context.Context) (string, error) {
	s.say("A human is asked in the inbox, and grants by signing in at the provider. The e-mail",
		"address is how the bridge knows that it was them, and not somebody else.")
	var h config.DraftHuman
	var err error
	if h.Name, err = s.ask(ctx, question{
		words: "Name of a human", flag: "human", given: s.o.Given.Human, otherwise: whoIAm(),
		check: s.newName("human", func(d *config.Draft, name string) error { return d.AddHuman(config.DraftHuman{Name: name}) }),
	}); err != nil {
		return "", err
	}
	if h.Email, err = s.ask(ctx, question{
		words: "Their e-mail address at the provider", flag: "email", given: s.o.Given.Email, optional: true,
		check: func(email string) error {
			return s.try(func(d *config.Draft) error { return d.AddHuman(config.DraftHuman{Name: h.Name, Email: email}) })
		},
	}); err != nil {
		return "", err
	}
	return h.Name, s.do(func(d *config.Draft) error { return d.AddHuman(h) }, "added the human %s", h.Name)
}

// addAgent asks for somebody who may ask, and for what.
func (s *session) addAgent(ctx context.Context, provider, human string) error {
	s.say("An agent is a program that may ask. It is known by the local user that it runs as, or,",
		"on another machine, by a key. One that runs as the bridge's own user can read its files.")
	a := config.DraftAgent{Owner: human}
	var err error
	if a.Name, err = s.ask(ctx, question{
		words: "Name of an agent", flag: "agent", given: s.o.Given.Agent, otherwise: "helper",
		check: s.newName("agent", func(*config.Draft, string) error { return nil }),
	}); err != nil {
		return err
	}
	keyed, err := s.askWho(ctx, &a)
	if err != nil {
		return err
	}
	if provider != "" {
		scopes, err := s.askWhatFor(ctx, provider)
		if err != nil {
			return err
		}
		a.May = []config.DraftRule{{Provider: provider, Scopes: scopes, Ask: []string{human}}}
	}
	if keyed {
		s.keyed = a.Name
		s.o.Talk.Say("", "An agent with a key is not written yet: its key is made by the running bridge, with",
			"  authbridge agent add "+a.Name, "and the line that it prints goes into the file, as", "  "+keyedAgent(a))
		return nil
	}
	return s.do(func(d *config.Draft) error { return d.AddAgent(a) }, "added the agent %s (uid %d)", a.Name, a.UID)
}

// keyedAgent is the entry for an agent that shows a key.
func keyedAgent(a config.DraftAgent) string {
	may := ""
	if len(a.May) > 0 {
		r := a.May[0]
		may = ", may: [{provider: " + r.Provider + `, scopes: ["` + strings.Join(r.Scopes, `", "`) + `"], ask: [` + strings.Join(r.Ask, ", ") + "]}]"
	}
	return "agents: {" + a.Name + `: {key_hash: "abh1$…", owner: ` + a.Owner + may + "}}"
}

// askWho asks which user an agent runs as, or whether it has a key.
func (s *session) askWho(ctx context.Context, a *config.DraftAgent) (keyed bool, err error) {
	if s.o.Given.Key {
		return true, nil
	}
	own := strconv.FormatUint(uint64(s.o.Env.UID), 10)
	if here := users(); s.o.Given.UID == "" && len(here) > 0 {
		s.say("Users of this machine: " + strings.Join(here, ", ") + ". You are uid " + own + ".")
	}
	answer, err := s.ask(ctx, question{
		words: "User that it runs as (uid or name; key = it has none here)", flag: "uid", given: s.o.Given.UID, otherwise: own,
		check: func(answer string) error {
			if answer == "key" {
				return nil
			}
			uid, err := uidOf(answer)
			if err != nil {
				return err
			}
			return s.try(func(d *config.Draft) error { return d.AddAgent(config.DraftAgent{Name: a.Name, UID: uid}) })
		},
	})
	if err != nil || answer == "key" {
		return answer == "key", err
	}
	a.UID, err = uidOf(answer)
	return false, err
}

// askWhatFor asks for scopes. There is no default: what an agent may is
// somebody's decision.
func (s *session) askWhatFor(ctx context.Context, provider string) ([]string, error) {
	s.say("Scopes that it may ask for at "+provider+", in the provider's words and with spaces between",
		"them: files:read, files:* for all that begin so, * for all there are.")
	answer, err := s.ask(ctx, question{
		words: "It may ask for", flag: "scope", given: strings.Join(s.o.Given.Scopes, " "), check: scopesOnly(true),
	})
	return words(answer), err
}
