package setup

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/authbridge/authbridge/config"
)

// menu adds to a configuration, or changes it, until that is enough.
func (s *session) menu(ctx context.Context) error {
	for {
		otherwise := "keep"
		if len(s.result.Done) > 0 {
			otherwise = "done"
		}
		s.say("keep it as it is; add a provider, a human, an agent, a rule, Slack or Discord; change one of them.")
		what, err := s.ask(ctx, question{
			words: "What now (keep, provider, human, agent, rule, slack, discord, change, done)", otherwise: otherwise,
			check: oneOf("keep", "provider", "human", "agent", "rule", "slack", "discord", "change", "done"),
		})
		if err != nil {
			return err
		}
		switch what {
		case "keep":
			s.draft, s.secrets, s.result.Done = config.NewDraft(s.o.File, string(s.was), s.o.Env), nil, []string{}
			return s.settle()
		case "done":
			return nil
		case "provider":
			_, err = s.addProvider(ctx)
		case "human":
			_, err = s.addHuman(ctx)
		case "agent":
			err = s.addAnotherAgent(ctx)
		case "rule":
			err = s.addRule(ctx)
		case "slack":
			err = s.addSlackFor(ctx)
		case "discord":
			err = s.addDiscordFor(ctx)
		case "change":
			err = s.change(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// addGiven adds what was given, as far as it is not there. Where it is there
// and differs, it is changed only if that is wanted.
func (s *session) addGiven(ctx context.Context) error {
	g := s.o.Given
	provider, human := g.Provider, g.Human
	if g.provider() {
		provider = cmp.Or(provider, nameFor(g.Issuer))
		if s.has("provider", provider) {
			if err := s.alterProvider(provider); err != nil {
				return err
			}
		} else if _, err := s.addProvider(ctx); err != nil {
			return err
		}
	}
	if g.human() {
		human = cmp.Or(human, whoIAm())
		if s.has("human", human) {
			if err := s.alter("humans", human, "email", s.cfg.Directory.Humans[human].Email, g.Email, "--email"); err != nil {
				return err
			}
		} else if _, err := s.addHuman(ctx); err != nil {
			return err
		}
	}
	if g.slack() {
		if err := s.addSlack(ctx, cmp.Or(human, only(s.cfg.Directory.Humans))); err != nil {
			return err
		}
	}
	if g.discord() {
		if err := s.addDiscord(ctx, cmp.Or(human, only(s.cfg.Directory.Humans))); err != nil {
			return err
		}
	}
	if !g.agent() {
		return nil
	}
	provider = cmp.Or(provider, only(s.cfg.Directory.Providers))
	human = cmp.Or(human, only(s.cfg.Directory.Humans))
	if provider == "" || human == "" {
		return refuse("name them with --provider and --human", "it is open at which provider the agent may ask, and whom")
	}
	if name := cmp.Or(g.Agent, "helper"); s.has("agent", name) {
		return s.alterAgent(ctx, name, provider, human)
	}
	return s.addAgent(ctx, provider, human)
}

// only is the name of the one thing there is; "" if there is another number.
func only[T any](all map[string]T) string {
	if names := slices.Sorted(maps.Keys(all)); len(names) == 1 {
		return names[0]
	}
	return ""
}

// alterProvider has a provider be as given.
func (s *session) alterProvider(name string) error {
	g, p := s.o.Given, s.cfg.Providers[name]
	if g.Issuer != "" && g.Issuer != p.Issuer && isPlain(g.Issuer) && g.HTTPLoopback && !s.cfg.Network.AllowHTTPLoopback {
		if err := s.do((*config.Draft).AllowHTTPLoopback, "allowed http on this machine"); err != nil {
			return err
		}
	}
	if err := s.alter("providers", name, "issuer", p.Issuer, g.Issuer, "--issuer"); err != nil {
		return err
	}
	if err := s.alter("providers", name, "client_id", p.ClientID, g.ClientID, "--client-id"); err != nil {
		return err
	}
	if g.Secret == "" {
		return nil
	}
	// What a reference names now can be seen; how the file words it cannot.
	s.mayBeUnset(g.Secret)
	now := config.NewDraft(s.o.File, s.draft.Text(), s.o.Env)
	if err := now.SetText("providers", name, "client_secret", g.Secret); err != nil {
		return err
	}
	if next, err := now.Check(); err == nil && next.Providers[name].ClientSecret.Equal(p.ClientSecret) {
		return nil
	}
	return s.alter("providers", name, "client_secret", "another", g.Secret, "--client-secret")
}

// alter has one text be as given; "" = as it is.
func (s *session) alter(section, name, key, is, wanted, flag string) error {
	if wanted == "" || wanted == is {
		return nil
	}
	if is != "" && !s.o.Change {
		return refuse("--change changes it; without "+flag+" it stays", "%s.%s has another %s already", section, name, key)
	}
	set := func(d *config.Draft) error { return d.SetText(section, name, key, wanted) }
	if err := s.try(set); err != nil {
		return refuse(hintOf(err), "%s: %v", flag, err)
	}
	return s.do(set, "changed %s of %s.%s", key, section, name)
}

// alterAgent has an agent be as given, and gives it a rule for what it may not
// ask for yet.
func (s *session) alterAgent(ctx context.Context, name, provider, human string) error {
	a := s.cfg.Directory.Agents[name]
	if s.o.Given.UID != "" {
		uid, err := uidOf(s.o.Given.UID)
		if err != nil {
			return err
		}
		if err := s.setUID(name, a.UID, uid); err != nil {
			return err
		}
	}
	if len(s.o.Given.Scopes) == 0 {
		return nil
	}
	scopes, err := s.askWhatFor(ctx, provider)
	if err != nil {
		return err
	}
	for _, r := range a.May {
		if (r.Provider == provider || r.Provider == "*") && slices.Contains(r.Ask, human) && covers(r.Scopes, scopes) {
			return nil
		}
	}
	return s.giveRule(name, config.DraftRule{Provider: provider, Scopes: scopes, Ask: []string{human}})
}

// covers reports whether patterns hold all of others, each as it stands.
func covers(patterns, others []string) bool {
	return !slices.ContainsFunc(others, func(o string) bool { return !slices.Contains(patterns, o) && !slices.Contains(patterns, "*") })
}

func (s *session) setUID(name string, is *uint32, uid uint32) error {
	if is != nil && *is == uid {
		return nil
	}
	if !s.o.Change {
		return refuse("--change changes it; without --uid it stays", "agents.%s has another uid already", name)
	}
	set := func(d *config.Draft) error { return d.SetUID(name, uid) }
	if err := s.try(set); err != nil {
		return err
	}
	return s.do(set, "changed uid of agents.%s", name)
}

func (s *session) giveRule(agent string, r config.DraftRule) error {
	give := func(d *config.Draft) error { return d.AddRule(agent, r) }
	if err := s.try(give); err != nil {
		return err
	}
	return s.do(give, "let %s ask %s for %s at %s", agent, strings.Join(r.Ask, " "), strings.Join(r.Scopes, " "), r.Provider)
}

// addAnotherAgent adds an agent beside others.
func (s *session) addAnotherAgent(ctx context.Context) error {
	provider, err := s.pick(ctx, "At which provider may it ask", slices.Sorted(maps.Keys(s.cfg.Directory.Providers)))
	if err != nil {
		return err
	}
	human, err := s.pick(ctx, "Whom may it ask", slices.Sorted(maps.Keys(s.cfg.Directory.Humans)))
	if err != nil {
		return err
	}
	return s.addAgent(ctx, provider, human)
}

// addRule lets an agent that is there ask for more.
func (s *session) addRule(ctx context.Context) error {
	agents := slices.DeleteFunc(slices.Sorted(maps.Keys(s.cfg.Directory.Agents)), func(name string) bool { return !s.has("agent", name) })
	if len(agents) == 0 || len(s.cfg.Providers) == 0 {
		s.o.Talk.Say("  A rule is about an agent and a provider; add those first.")
		return nil
	}
	agent, err := s.pick(ctx, "Which agent", agents)
	if err != nil {
		return err
	}
	provider, err := s.pick(ctx, "At which provider may it ask", slices.Sorted(maps.Keys(s.cfg.Directory.Providers)))
	if err != nil {
		return err
	}
	human, err := s.pick(ctx, "Whom may it ask", slices.Sorted(maps.Keys(s.cfg.Directory.Humans)))
	if err != nil {
		return err
	}
	scopes, err := s.askWhatFor(ctx, provider)
	if err != nil {
		return err
	}
	return s.giveRule(agent, config.DraftRule{Provider: provider, Scopes: scopes, Ask: []string{human}})
}

// pick asks for one of several names; the only one is the answer if nothing
// else is said. Of none it is "".
func (s *session) pick(ctx context.Context, words string, names []string) (string, error) {
	if len(names) == 0 {
		return "", nil
	}
	return s.ask(ctx, question{words: words + " (" + strings.Join(names, ", ") + ")", otherwise: names[0], check: oneOf(names...)})
}

// change asks for new values of what is there; an empty answer keeps one.
func (s *session) change(ctx context.Context) error {
	var all []string
	for _, what := range []struct {
		kind  string
		names []string
	}{
		{"provider", slices.Sorted(maps.Keys(s.cfg.Directory.Providers))},
		{"human", slices.Sorted(maps.Keys(s.cfg.Directory.Humans))},
		{"agent", slices.Sorted(maps.Keys(s.cfg.Directory.Agents))},
	} {
		for _, name := range what.names {
			if s.has(what.kind, name) {
				all = append(all, what.kind+" "+name)
			}
		}
	}
	if len(all) == 0 {
		s.o.Talk.Say("  There is nothing in it to change.")
		return nil
	}
	which, err := s.pick(ctx, "Which", all)
	if err != nil {
		return err
	}
	s.o.Change = true
	switch kind, name, _ := strings.Cut(which, " "); kind {
	case "provider":
		return s.changeProvider(ctx, name)
	case "human":
		return s.changeText(ctx, "humans", name, "email", s.cfg.Directory.Humans[name].Email)
	default:
		return s.changeUID(ctx, name)
	}
}

func (s *session) changeProvider(ctx context.Context, name string) error {
	if err := s.changeText(ctx, "providers", name, "issuer", s.cfg.Providers[name].Issuer); err != nil {
		return err
	}
	if err := s.changeText(ctx, "providers", name, "client_id", s.cfg.Providers[name].ClientID); err != nil {
		return err
	}
	p := config.DraftProvider{Name: name}
	s.say("A new secret, or env:NAME or file:/path. To keep what there is, press Enter.")
	if err := s.typeSecret(ctx, &p, func(d *config.Draft, secret string) error {
		return d.SetText("providers", name, "client_secret", secret)
	}); err != nil || p.Secret == "" {
		return err
	}
	return s.do(func(d *config.Draft) error { return d.SetText("providers", name, "client_secret", p.Secret) }, "changed client_secret of providers.%s", name)
}

func (s *session) changeText(ctx context.Context, section, name, key, is string) error {
	text, err := s.ask(ctx, question{
		words: key, otherwise: is, optional: is == "",
		check: func(text string) error {
			return s.try(func(d *config.Draft) error { return d.SetText(section, name, key, text) })
		},
	})
	if err != nil {
		return err
	}
	return s.alter(section, name, key, is, text, key)
}

func (s *session) changeUID(ctx context.Context, name string) error {
	is := ""
	uid := s.cfg.Directory.Agents[name].UID
	if uid != nil {
		is = strconv.FormatUint(uint64(*uid), 10)
	}
	answer, err := s.ask(ctx, question{words: "uid, or the name of a user", otherwise: is, optional: is == "", check: func(answer string) error {
		_, err := uidOf(answer)
		return err
	}})
	if err != nil || answer == "" {
		return err
	}
	next, err := uidOf(answer)
	if err != nil {
		return err
	}
	return s.setUID(name, uid, next)
}
