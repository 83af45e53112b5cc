package bridge

import (
	"cmp"
	"slices"
	"strings"
)

// permit is what the policy lets an ask have. A team is asked, or a human; who
// of the team gives is known only of a request that somebody has claimed.
type permit struct {
	rule     Rule
	team     Team
	human    Human
	provider ProviderInfo
	scopes   []string // what is asked for, sorted, without doubles
}

// permit finds the first rule that allows the whole ask: this agent, this
// provider, this human or team, all of these scopes. It is asked before
// anything is looked up for the agent, so a forbidden name and an unknown one
// look alike.
func (d *Directory) permit(agent Agent, provider, whom string, scopes []string) (permit, bool) {
	h, known := d.human(whom)
	team := Team{}
	if !known {
		team, known = d.team(whom)
	}
	p, configured := d.Providers[provider]
	if !known || !configured {
		return permit{}, false
	}
	may := permit{human: h, team: team, provider: p}
	for _, rule := range agent.May {
		if wanted, ok := rule.allows(provider, may.whom(), scopes); ok {
			may.rule, may.scopes = rule, wanted
			return may, true
		}
	}
	return permit{}, false
}

// permitted asks the policy once more about a request: what it asks for may
// still be asked, and who gives it is still in the team.
func (d *Directory) permitted(agent Agent, r Request) (permit, bool) {
	may, ok := d.permit(agent, r.Target.Provider, r.Whom(), r.Scopes)
	if ok && r.Team != "" && r.giver() != "" {
		may.human, ok = d.keeps(r.Team, r.giver())
	}
	return may, ok
}

// whom names the human or the team that is asked.
func (p permit) whom() string { return cmp.Or(p.team.Name, p.human.Name) }

// allows reports whether the rule covers an ask, and the scopes it comes to.
// An ask without scopes is for the default ones; without those it is for
// whatever the provider gives, which only "*" covers.
func (r Rule) allows(provider, whom string, scopes []string) ([]string, bool) {
	if r.Provider != "*" && r.Provider != provider || !slices.Contains(r.Ask, whom) {
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
func notAllowed(agent Agent, provider, whom string, scopes []string) *Problem {
	what := "at " + provider
	if len(scopes) > 0 {
		what = "for " + strings.Join(scopes, " ") + " " + what
	} else if agent.mayName(provider, whom) {
		what += " without saying for which scopes"
	}
	return problem(ProblemNotAllowed, "agent %q may not ask %s %s", agent.Name, whom, what).hint("%s", agent.mayAsk())
}

// mayName reports whether the agent has a rule about them at all, so that
// nothing but scopes is missing.
func (a Agent) mayName(provider, whom string) bool {
	return slices.ContainsFunc(a.May, func(r Rule) bool {
		return (r.Provider == "*" || r.Provider == provider) && slices.Contains(r.Ask, whom)
	})
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
