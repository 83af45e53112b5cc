package bridge

import (
	"maps"
	"slices"
)

// What the setup of now allows of what was asked and given before.

// upon is what the setup does to a request by itself: end it, or a claim of it.
func (s *setup) upon(r Request) Event {
	bridge := Actor{Kind: ByBridge}
	if s.overtaken(r) {
		return Event{Kind: OnPolicyChanged, By: bridge}
	}
	if release, stray := s.dir.strayClaim(r); stray {
		return release
	}
	if slices.Contains(waiting, r.State) && !s.bearers.fit(r.Epoch, r.Agent, r.ClaimedBy, r.Target.Issuer) {
		return Event{Kind: OnRelease, By: bridge}
	}
	return Event{}
}

// heed returns what becomes of an event when the setup does not allow the
// request that it would bring further, or would end for that very reason.
func (s *setup) heed(r Request, e Event) Event {
	switch e.Kind {
	case OnShowCode, OnClaim, OnMinted, OnMintRefused, OnMatched, OnMismatched, OnUnknownAccount, OnAnyAccount, OnIdentityRefused, OnMine, OnCollect:
	default:
		return e
	}
	if changed := s.upon(r); changed.Kind != "" {
		return changed
	}
	return e
}

// overtaken reports whether a request asks for what may not be asked any more,
// or of or for somebody who is not the one that it was between. A claim of
// somebody who is not is another matter, until they have granted.
func (s *setup) overtaken(r Request) bool {
	human := r.Human
	if !slices.Contains(waiting, r.State) {
		human = r.giver()
	}
	if _, usable := s.dir.info(r.Target); !usable ||
		!s.bearers.fit(r.Epoch, r.Agent, human, r.Target.Issuer) || !s.member(r.Team, human) {
		return true
	}
	may, ok := s.rule(r.Agent, r.Target, r.Whom(), func(rule Rule) bool {
		_, ok := rule.allows(r.want(), r.Whom())
		return ok
	})
	switch {
	case !ok:
		return true
	case slices.Contains(waiting, r.State):
		return may.rule.Digits && !r.Digits
	case r.State == Held: // it has an end of its own for too much
		return r.Confirming() && may.provider.Trust != TrustFirstUse
	}
	return len(may.beyond(r.Granted, r.GrantedDetails)) > 0
}

// permits finds the rule that still allows a grant, if it is between those who
// bear its names now.
func (s *setup) permits(g Grant) (permit, bool) {
	k := g.Key
	info, usable := s.dir.info(g.target())
	if !usable || !s.bearers.fit(g.Epoch, k.Agent, g.Human, g.Issuer) || !s.member(k.Team, g.Human) {
		return permit{}, false
	}
	if g.Subject == "" && info.Trust != TrustNone {
		return permit{}, false
	}
	return s.rule(k.Agent, g.target(), g.whom(), func(rule Rule) bool {
		return len(permit{rule: rule, provider: info}.beyond(g.Scopes, g.Details)) == 0
	})
}

// narrowed returns a grant as the setup allows it, which is never for longer
// than it was given for, and whether it does at all.
func (s *setup) narrowed(g Grant) (Grant, bool) {
	may, ok := s.permits(g)
	if !ok {
		return g, false
	}
	if until := g.CreatedAt.Add(may.reuse()); until.Before(g.ReuseUntil) {
		g.ReuseUntil = until
		if end := g.end(); end.Before(g.EndsAt) {
			g.EndsAt = end
		}
	}
	return g, true
}

// rule finds the first rule by which an agent may ask somebody for a target, of
// those that fit.
func (s *setup) rule(agent string, t Target, whom string, fits func(Rule) bool) (permit, bool) {
	for _, rule := range s.dir.Agents[agent].May {
		if rule.about(t) && slices.Contains(rule.Ask, whom) && fits(rule) {
			info, _ := s.dir.info(t)
			return permit{rule: rule, team: s.dir.Teams[whom], target: t, provider: info}, true
		}
	}
	return permit{}, false
}

// member reports whether a human is there and, with a team, in it; "" stands
// for nobody yet.
func (s *setup) member(team, human string) bool {
	if _, there := s.dir.Humans[human]; human != "" && !there {
		return false
	}
	if team == "" {
		return human != ""
	}
	_, there := s.dir.Teams[team]
	_, in := s.dir.keeps(team, human)
	return there && (human == "" || in)
}

// still returns an agent as it is configured now, if it is the one that it was
// when it called.
func (b *Bridge) still(agent Agent) (Agent, error) {
	now, there := b.dir().Agents[agent.Name]
	if !there || !maps.Equal(now.marks(), agent.marks()) {
		return Agent{}, problem(ProblemNotAllowed, "agent %q has just been taken out of the configuration", agent.Name)
	}
	return now, nil
}
