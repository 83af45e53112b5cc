package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/config"
)

// A shell that completes a word waits for us, and shows what we print: so a
// bridge that is slow or not there means no proposals, soon and without a word.
const (
	completeWithin = 500 * time.Millisecond
	completeAtMost = 50
)

// proposals are words that may stand at a place, newest or likeliest first.
type proposals func(ctx context.Context, c *cobra.Command, args []string) []cobra.Completion

// complete has shells propose what a bridge or the configuration knows. Where
// nothing is to be proposed, nothing is: not even the files of the directory.
func (a *app) complete(root *cobra.Command) {
	words, values := a.words(), a.values()
	var all func(*cobra.Command)
	all = func(c *cobra.Command) {
		if c.ValidArgsFunction == nil {
			c.ValidArgsFunction = words[strings.TrimPrefix(c.CommandPath(), "authbridge ")]
		}
		if c.ValidArgsFunction == nil {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
		for name, f := range values {
			if c.LocalFlags().Lookup(name) != nil {
				_ = c.RegisterFlagCompletionFunc(name, f) // fails only for a flag that is not there
			}
		}
		for _, sub := range c.Commands() {
			all(sub)
		}
	}
	all(root)
}

// words proposes arguments, by the path of the command.
func (a *app) words() map[string]cobra.CompletionFunc {
	return map[string]cobra.CompletionFunc{
		"wait":          first(a.requestsIn(api.Asked, api.Coded, api.Held, api.Granted)),
		"cancel":        first(a.requestsIn(api.Asked, api.Coded, api.Held, api.Granted)),
		"status":        first(a.requestsIn()),
		"revoke":        first(a.liveGrants),
		"admin revoke":  first(a.everybodys),
		"admin release": first(a.claimed),
		"admin lift":    propose(a.suspended),
		"human unlink":  first(a.humans),
		"human link":    first(a.humans),
		"inbox link":    first(a.humans),
		"config check":  files("yaml", "yml"),
		"backup":        cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		"exec":          cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
	}
}

// values proposes values of flags.
func (a *app) values() map[string]cobra.CompletionFunc {
	var states []cobra.Completion
	for _, s := range api.States() {
		states = append(states, cobra.Completion(s))
	}
	all := map[string]cobra.CompletionFunc{
		"format":   cobra.FixedCompletions([]cobra.Completion{"token", "json", "header", "env"}, cobra.ShellCompDirectiveNoFileComp),
		"mode":     cobra.FixedCompletions(slackModes, cobra.ShellCompDirectiveNoFileComp),
		"state":    cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp),
		"provider": propose(a.providers), "scope": propose(a.scopes), "human": propose(a.asked), "team": propose(a.teams),
		"press": propose(a.humans), "details": files("json"),
		"about": propose(a.everybodys), "issuer": propose(a.issuers), "config": files("yaml", "yml"),
	}
	for _, name := range []string{
		"url", "resource", "reason", "session", "min-validity", "timeout", "env", "limit", "since",
		"agent", "application", "client-id", "client-secret", "email", "own-scope", "public-url", "slack-app-token", "slack-bot-token", "slack-user", "discord-bot-token", "discord-user", "uid",
	} {
		all[name] = cobra.NoFileCompletions
	}
	return all
}

func files(endings ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(endings, cobra.ShellCompDirectiveFilterFileExt)
}

// propose bounds the time that proposals take.
func propose(what proposals) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(c.Context(), completeWithin)
		defer cancel()
		found := what(ctx, c, args)
		return found[:min(len(found), completeAtMost)], cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// first proposes for the first word of a command, which is its only one.
func first(what proposals) cobra.CompletionFunc {
	return propose(func(ctx context.Context, c *cobra.Command, args []string) []cobra.Completion {
		if len(args) > 0 {
			return nil
		}
		return what(ctx, c, args)
	})
}

// word is a proposal with what it is, both harmless on a terminal and on one
// line, however they came to us.
func (a *app) word(choice, what string) cobra.Completion {
	return cobra.CompletionWithDesc(a.plain(choice), a.plain(what))
}

func (a *app) requestsIn(states ...api.State) proposals {
	return func(ctx context.Context, _ *cobra.Command, _ []string) (found []cobra.Completion) {
		agent, err := a.agent()
		if err != nil {
			return nil
		}
		for r, err := range agent.Requests(ctx, client.Filter{States: states, Max: completeAtMost}) {
			if err != nil {
				break
			}
			found = append(found, a.word(r.ID, string(r.State)+" · "+describe(r)))
		}
		return found
	}
}

func (a *app) liveGrants(ctx context.Context, _ *cobra.Command, _ []string) (found []cobra.Completion) {
	agent, err := a.agent()
	if err != nil {
		return nil
	}
	for g, err := range agent.Grants(ctx, api.DefaultLimit) {
		if err != nil {
			break
		}
		if g.State == api.GrantLive || g.State == api.GrantNeedsReauth {
			found = append(found, a.word(g.ID, given(g)))
		}
	}
	return found
}

// rules are what this agent may ask, as far as it fits what is typed already.
func (a *app) rules(ctx context.Context, c *cobra.Command) (who api.Whoami, fitting []api.May) {
	agent, err := a.agent()
	if err != nil {
		return who, nil
	}
	if who, err = agent.Whoami(ctx); err != nil {
		return who, nil
	}
	provider := ""
	if f := c.Flag("provider"); f != nil {
		provider = f.Value.String()
	}
	for _, m := range who.May {
		if provider == "" || string(m.Provider) == provider || m.Provider == "*" {
			fitting = append(fitting, m)
		}
	}
	return who, fitting
}

func (a *app) providers(ctx context.Context, c *cobra.Command, _ []string) []cobra.Completion {
	who, rules := a.rules(ctx, c)
	var names []string
	for _, m := range rules {
		switch m.Provider {
		case "*":
			names = append(names, who.Providers...)
		case "": // of resources
		default:
			names = append(names, string(m.Provider))
		}
	}
	return a.once(names)
}

func (a *app) scopes(ctx context.Context, c *cobra.Command, _ []string) []cobra.Completion {
	_, rules := a.rules(ctx, c)
	var names []string
	for _, m := range rules {
		names = append(names, m.DefaultScopes...)
		names = append(names, slices.DeleteFunc(slices.Clone(m.Scopes), func(s string) bool { return strings.HasSuffix(s, "*") })...)
	}
	return a.once(names)
}

func (a *app) asked(ctx context.Context, c *cobra.Command, _ []string) []cobra.Completion {
	return a.once(a.whom(ctx, c, false))
}

func (a *app) teams(ctx context.Context, c *cobra.Command, _ []string) []cobra.Completion {
	return a.once(a.whom(ctx, c, true))
}

func (a *app) whom(ctx context.Context, c *cobra.Command, team bool) (names []string) {
	who, rules := a.rules(ctx, c)
	for _, m := range rules {
		for _, name := range m.Ask {
			if slices.Contains(who.Teams, name) == team {
				names = append(names, name)
			}
		}
	}
	return names
}

// once keeps the first of equal names.
func (a *app) once(names []string) (found []cobra.Completion) {
	for i, name := range names {
		if !slices.Contains(names[:i], name) {
			found = append(found, a.plain(name))
		}
	}
	return found
}

func (a *app) everybodys(ctx context.Context, _ *cobra.Command, _ []string) (found []cobra.Completion) {
	for r, err := range a.operator().Requests(ctx) {
		if err != nil || len(found) == completeAtMost {
			break
		}
		found = append(found, a.word(r.ID, r.Agent+" asks "+whose(r.Human, r.Team)+" for "+about(r.Scopes, r.Resource, r.Provider, r.Issuer)))
	}
	for g, err := range a.operator().Grants(ctx) {
		if err != nil || len(found) == 2*completeAtMost {
			break
		}
		found = append(found, a.word(g.ID, g.Agent+" has of "+whose(g.Human, g.Team)+" "+about(g.Scopes, g.Resource, g.Provider, g.Issuer)))
	}
	return found
}

func (a *app) claimed(ctx context.Context, _ *cobra.Command, _ []string) (found []cobra.Completion) {
	for r, err := range a.operator().Requests(ctx) {
		if err != nil || len(found) == completeAtMost {
			break
		}
		if r.ClaimedBy != "" {
			found = append(found, a.word(r.ID, "claimed by "+string(r.ClaimedBy)))
		}
	}
	return found
}

// suspended proposes the agent, and then the human who has suspended it.
func (a *app) suspended(ctx context.Context, _ *cobra.Command, args []string) []cobra.Completion {
	var names []string
	for s, err := range a.operator().Suspensions(ctx) {
		switch {
		case err != nil:
			return nil
		case len(args) == 0:
			names = append(names, s.Agent)
		case len(args) == 1 && s.Agent == args[0]:
			names = append(names, s.Human)
		}
	}
	return a.once(names)
}

func (a *app) humans(context.Context, *cobra.Command, []string) []cobra.Completion {
	return a.once(slices.Sorted(maps.Keys(a.configured().Directory.Humans)))
}

func (a *app) issuers(context.Context, *cobra.Command, []string) []cobra.Completion {
	var all []string
	for _, p := range a.configured().Providers {
		all = append(all, p.Issuer)
	}
	slices.Sort(all)
	return a.once(all)
}

// configured is the configuration that the operator's shell can see, or none.
// That a secret is in the daemon's environment and not in this one does not
// matter here.
func (a *app) configured() *config.Config {
	env := config.SystemEnv()
	env.Getenv = func(name string) string { return cmp.Or(a.env(name), "/elsewhere") }
	if path, found, _ := config.Find(a.config, a.env); found {
		if cfg, err := config.Load(path, env); err == nil {
			return cfg
		}
	}
	return &config.Config{}
}

func subcommands(_ context.Context, c *cobra.Command, args []string) (found []cobra.Completion) {
	at, rest, err := c.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return nil
	}
	for _, sub := range at.Commands() {
		if sub.IsAvailableCommand() {
			found = append(found, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return found
}
