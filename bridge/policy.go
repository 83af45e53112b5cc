package bridge

import (
	"slices"
	"strings"
)

// permit is what the policy lets an ask have.
type permit struct {
	rule     Rule
	human    Human
	provider ProviderInfo
	scopes   []string // what is asked for, sorted, without doubles
}

// permit finds the first rule that allows the whole ask: this agent, this
// provider, this human, all of these scopes. It is asked before anything is
// looked up for the agent, so a forbidden name and an unknown one look alike.
func (d *Directory) permit(agent Agent, provider, human string, scopes []string) (permit, bool) {
	h, known := d.human(human)
	p, configured := d.Providers[provider]
	if !known || !configured {
		return permit{}, false
	}
	for _, rule := range agent.May {
		if wanted, ok := rule.allows(provider, h.Name, scopes); ok {
			return permit{rule: rule, human: h, provider: p, scopes: wanted}, true
		}
	}
	return permit{}, false
}

// allows reports whether the rule covers an ask, and the scopes it comes to.
// An ask without scopes is for the default ones; without those it is for
// whatever the provider gives, which only "*" covers.
func (r Rule) allows(provider, human string, scopes []string) ([]string, bool) {
	if r.Provider != "*" && r.Provider != provider || !slices.Contains(r.Ask, human) {
		return nil, false
	}
	if len(scopes) == 0 {
		scopes = r.DefaultScopes
	}
	if len(scopes) == 0 && !slices.Contains(r.Scopes, "*") {
		return nil, false
	}
	wanted := slices.Compact(slices.Sorted(slices.Values(scopes)))
	return wanted, r.Covers(wanted...)
}

// Covers reports whether every scope fits one of the rule's patterns: the
// scope itself, or its beginning followed by "*".
func (r Rule) Covers(scopes ...string) bool {
	for _, s := range scopes {
		if !slices.ContainsFunc(r.Scopes, func(pattern string) bool { return scopeFits(pattern, s) }) {
			return false
		}
	}
	return true
}

// scopeFits compares a scope with a pattern; "*" stands for any ending, and
// only at the end of the pattern.
func scopeFits(pattern, scope string) bool {
	if prefix, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(scope, prefix)
	}
	return pattern == scope
}

// beyond returns the granted scopes that the rule does not allow. The
// bridge's own scopes do not count: it asked for them itself.
func (p permit) beyond(granted []string) []string {
	var over []string
	for _, s := range granted {
		if !slices.Contains(p.provider.Scopes, s) && !p.rule.Covers(s) {
			over = append(over, s)
		}
	}
	return over
}

// notAllowed refuses an ask and says what this agent may ask instead.
func notAllowed(agent Agent, provider, human string, scopes []string) *Problem {
	what := "at " + provider
	if len(scopes) > 0 {
		what = "for " + strings.Join(scopes, " ") + " " + what
	}
	return problem(ProblemNotAllowed, "agent %q may not ask %s %s", agent.Name, human, what).hint("%s", agent.mayAsk())
}

// mayAsk tells in one line what the agent may ask.
func (a Agent) mayAsk() string {
	if len(a.May) == 0 {
		return "it may ask nothing; the operator gives rights under agents." + a.Name + ".may"
	}
	var all []string
	for _, r := range a.May {
		all = append(all, "ask "+strings.Join(r.Ask, " or ")+" for "+strings.Join(r.Scopes, ", ")+" at "+r.Provider)
	}
	return "it may " + strings.Join(all, "; ")
}
