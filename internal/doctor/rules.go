package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
)

// Rules looks for what nobody can use: agents, rules and providers that lead
// to nothing, humans whom nothing reaches, and agents who could as well be the
// bridge. uid is whom the bridge runs as.
func Rules(cfg *config.Config, uid uint32) []admin.Finding {
	found := slices.Concat(network(cfg), humans(cfg), providers(cfg))
	for _, name := range slices.Sorted(maps.Keys(cfg.Directory.Agents)) {
		a := cfg.Directory.Agents[name]
		if cfg.File != "" && a.UID != nil && *a.UID == uid {
			found = append(found, Warn("agents."+name, "give the agent, or the bridge, a user of its own",
				"runs as the bridge's own user: it can read the bridge's files and call its admin socket"))
		}
		found = append(found, rules(cfg, a)...)
	}
	if len(found) == 0 {
		found = append(found, OK("rules", "each agent may ask somebody, and each provider may be asked"))
	}
	return found
}

func network(cfg *config.Config) []admin.Finding {
	if !cfg.Network.AllowHTTPLoopback {
		return nil
	}
	return []admin.Finding{Warn("network", "remove network.allow_http_loopback, unless this is a test",
		"providers on this machine may be called without TLS: whoever can listen here could be one")}
}

// humans are reached by the channels that are on. There is one kind of them
// yet, and it reaches everybody.
func humans(cfg *config.Config) []admin.Finding {
	if len(cfg.Directory.Channels) > 0 {
		return nil
	}
	return []admin.Finding{Fail("humans", "set listen.web, such as 127.0.0.1:8741",
		"nobody can be reached: there is no inbox and no chat, so a request would end in human_unreachable")}
}

func providers(cfg *config.Config) []admin.Finding {
	if len(cfg.Providers) == 0 && len(cfg.Directory.Resources) == 0 {
		return []admin.Finding{Warn("providers", "add one: authbridge init", "there are none, so there is nothing to ask for")}
	}
	var found []admin.Finding
	for _, name := range slices.Sorted(maps.Keys(cfg.Providers)) {
		asked := false
		for _, a := range cfg.Directory.Agents {
			asked = asked || slices.ContainsFunc(a.May, func(r bridge.Rule) bool {
				return at(r, name) || r.Resource != "" && listedAnywhere(cfg, cfg.Providers[name].Issuer)
			})
		}
		if !asked {
			found = append(found, Warn("providers."+name, "name it in a rule under agents, or remove it", "no agent may ask there"))
		}
	}
	return found
}

// rules looks at what one agent may.
func rules(cfg *config.Config, a bridge.Agent) []admin.Finding {
	key := "agents." + a.Name
	if len(a.May) == 0 {
		return []admin.Finding{Warn(key, "add a rule: may: [{provider: …, scopes: […], ask: […]}]", "has no rule, so it may ask for nothing")}
	}
	var found []admin.Finding
	for i, r := range a.May {
		here := fmt.Sprintf("%s.may[%d]", key, i)
		if first := slices.IndexFunc(a.May[:i], func(before bridge.Rule) bool { return hides(before, r) }); first >= 0 {
			found = append(found, Warn(here, "remove it, or move it up", "is never used: may[%d] comes first, and covers all of it", first))
		}
		if r.Resource != "" && !mayBeListed(cfg, r.Resource) {
			found = append(found, Warn(here, "list it under resources, with the issuers that may give tokens for it", "is for %s, which no entry of resources lists", r.Resource))
		}
		if empty := slices.DeleteFunc(slices.Clone(r.Ask), func(whom string) bool { return somebody(cfg, whom) }); len(empty) > 0 {
			found = append(found, Warn(here, "give it members, or remove it", "lets the agent ask %s, where nobody is", few(empty)))
		}
	}
	return found
}

// somebody reports whether there is anybody behind a name.
func somebody(cfg *config.Config, whom string) bool {
	_, human := cfg.Directory.Humans[whom]
	team := cfg.Directory.Teams[whom]
	return human || len(team.Members)+len(team.Groups) > 0
}

// hides reports whether every ask that a rule allows is decided by one before
// it.
func hides(before, r bridge.Rule) bool {
	if before.Resource != r.Resource || before.Provider != "*" && before.Provider != r.Provider {
		return false // patterns for resources are compared as texts
	}
	everybody := !slices.ContainsFunc(r.Ask, func(whom string) bool { return !slices.Contains(before.Ask, whom) })
	everything := !slices.ContainsFunc(r.Scopes, func(scope string) bool { return !within(scope, before.Scopes) })
	everything = everything && !slices.ContainsFunc(r.Details, func(kind string) bool { return !slices.Contains(before.Details, kind) })
	return everybody && everything && (!silent(r) || silent(before))
}

// silent reports whether a rule allows an ask that names no scopes.
func silent(r bridge.Rule) bool { return len(r.DefaultScopes) > 0 || slices.Contains(r.Scopes, "*") }

// within reports whether all that a pattern stands for is covered by others.
func within(pattern string, others []string) bool {
	plain := strings.TrimSuffix(pattern, "*")
	return slices.ContainsFunc(others, func(o string) bool {
		prefix, open := strings.CutSuffix(o, "*")
		return o == pattern || open && strings.HasPrefix(plain, prefix)
	})
}
