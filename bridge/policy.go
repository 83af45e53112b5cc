package bridge

import (
	"cmp"
	"slices"
	"strings"
)

// want is what an ask comes to before anybody has looked whether it may.
type want struct {
	target  Target // of a provider only its name counts
	scopes  []string
	details Details

	// cut says that the agent named no scopes itself: of those that the
	// resource wants it asks for what it may.
	cut bool

	// refused is why nobody can give it, if that is known already.
	refused *Refusal
}

// permit is what the policy lets an ask have. A team is asked, or a human; who
// of the team gives is known only of a request that somebody has claimed.
type permit struct {
	rule     Rule
	team     Team
	human    Human
	target   Target
	provider ProviderInfo
	scopes   []string // what is asked for, sorted, without doubles
	details  Details  // likewise, as of the want
	refused  *Refusal // as of the want
}

// permit finds the first rule that allows the whole ask: this agent, this
// provider or resource, this human or team, all of these scopes. It is asked
// before anything is looked up for the agent, so a forbidden name and an
// unknown one look alike.
func (d *Directory) permit(agent Agent, w want, whom string) (permit, bool) {
	may, known := d.asked(whom)
	if w.target.Resource == "" {
		p := d.Providers[w.target.Provider]
		w.target.Issuer, w.target.ClientID = p.Issuer, p.ClientID
	}
	info, usable := d.info(w.target)
	if !known || !usable {
		return permit{}, false
	}
	may.target, may.provider = w.target, info
	for _, rule := range agent.May {
		if wanted, ok := rule.allows(w, may.whom()); ok {
			may.rule, may.scopes, may.details = rule, wanted, w.details
			return may, true
		}
	}
	return permit{}, false
}

// asked finds the human or the team of that name.
func (d *Directory) asked(whom string) (permit, bool) {
	if h, ok := d.human(whom); ok {
		return permit{human: h}, true
	}
	team, ok := d.team(whom)
	return permit{team: team}, ok
}

// want is what a request asks for.
func (r Request) want() want { return want{target: r.Target, scopes: r.Scopes, details: r.Details} }

// permitted asks the policy once more about a request: what it asks for may
// still be asked, and who gives it is still in the team.
func (d *Directory) permitted(agent Agent, r Request) (permit, bool) {
	may, ok := d.permit(agent, r.want(), r.Whom())
	if ok && r.Team != "" && r.giver() != "" {
		may.human, ok = d.keeps(r.Team, r.giver())
	}
	return may, ok
}

// maySeek reports whether an agent may have it looked up who gives tokens for a
// resource: it may ask them for these scopes and details there, or, if it names
// no scopes, for any.
func (d *Directory) maySeek(agent Agent, w want, whom string) bool {
	may, known := d.asked(whom)
	_, listed := d.resource(w.target.Resource)
	return known && listed && slices.ContainsFunc(agent.May, func(r Rule) bool {
		return r.about(w.target) && slices.Contains(r.Ask, may.whom()) && r.Covers(w.scopes...) && r.lists(w.details)
	})
}

// whom names the human or the team that is asked.
func (p permit) whom() string { return cmp.Or(p.team.Name, p.human.Name) }

// allows reports whether the rule covers an ask, and the scopes it comes to.
// An ask without scopes is for the default ones; without those it is for
// whatever the provider gives, which only "*" covers.
func (r Rule) allows(w want, whom string) ([]string, bool) {
	if !r.about(w.target) || !slices.Contains(r.Ask, whom) || !r.lists(w.details) {
		return nil, false
	}
	scopes := w.scopes
	if w.cut && len(scopes) > 0 {
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !r.Covers(s) })
		if len(scopes) == 0 {
			return nil, false
		}
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

// lists reports whether the rule lists the types of all authorization details.
func (r Rule) lists(d Details) bool {
	return !slices.ContainsFunc(d.Types(), func(kind string) bool { return !slices.Contains(r.Details, kind) })
}

// scopeFits compares a scope with a pattern; "*" stands for any ending, and
// only at the end of the pattern.
func scopeFits(pattern, scope string) bool {
	if prefix, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(scope, prefix)
	}
	return pattern == scope
}

// beyond returns the granted scopes, and the types of the granted details, that
// the rule does not allow. The bridge's own scopes do not count: it asked for
// them itself. Where tokens go by other than scopes, nothing does.
func (p permit) beyond(granted []string, details Details) []string {
	if p.provider.Widens != "" {
		return nil
	}
	var over []string
	for _, s := range granted {
		if !slices.Contains(p.provider.Scopes, s) && !p.rule.Covers(s) {
			over = append(over, s)
		}
	}
	for _, kind := range details.Types() {
		if !slices.Contains(p.rule.Details, kind) {
			over = append(over, kind)
		}
	}
	return over
}

// notAllowed refuses an ask and says what this agent may ask instead.
func notAllowed(agent Agent, w want, whom string) *Problem {
	what := "at " + w.target.words()
	if w.target.Resource != "" {
		what = "for access to " + w.target.Resource
	}
	if len(w.scopes) > 0 {
		what = "for " + strings.Join(w.scopes, " ") + " at " + w.target.words()
	} else if agent.mayName(w.target, whom) {
		what += " without saying for which scopes"
	}
	if kinds := w.details.Types(); len(kinds) > 0 {
		what += ", with authorization details of the type " + strings.Join(kinds, ", ")
	}
	return problem(ProblemNotAllowed, "agent %q may not ask %s %s", agent.Name, whom, what).hint("%s", agent.mayAsk())
}

// mayName reports whether the agent has a rule about them at all, so that
// nothing but scopes is missing.
func (a Agent) mayName(t Target, whom string) bool {
	return slices.ContainsFunc(a.May, func(r Rule) bool { return r.about(t) && slices.Contains(r.Ask, whom) })
}

// mayAsk tells in one line what the agent may ask.
func (a Agent) mayAsk() string {
	if len(a.May) == 0 {
		return "it may ask nothing; the operator gives rights under agents." + a.Name + ".may"
	}
	var all []string
	for _, r := range a.May {
		one := "ask " + strings.Join(r.Ask, " or ") + " for " + strings.Join(r.Scopes, ", ") + " at " + cmp.Or(r.Resource, r.Provider)
		if len(r.Details) > 0 {
			one += ", with authorization details of the type " + strings.Join(r.Details, " or ")
		}
		all = append(all, one)
	}
	return "it may " + strings.Join(all, "; ")
}
