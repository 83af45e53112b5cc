package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// local is the agent that is there while the file names none.
const local = "local"

// anyProvider is how a rule says "whatever is configured".
const anyProvider = "*"

func (d *decoder) agent(name string) []setting {
	a := &bridge.Agent{Name: name}
	d.agents[name] = a
	// The highest number is no uid: it means "leave it as it is".
	uid := d.count(0, math.MaxUint32-1, func(n int64) {
		got := uint32(n) //nolint:gosec // G115: count keeps to these bounds
		a.UID = &got
	})
	return []setting{
		{
			key: "uid", read: uid, example: "1001",
			means: "The number of the user that the agent runs as (`id -u`): the kernel tells who is at the other end of the socket. No two agents share one.",
		},
		{
			key: "key_hash", read: d.keyHash(a), example: `"abh1$uYKvdtAHkcTPyHxLWUDkKfUMZP7LQBbgQaRTWHUi3EI"`,
			means: "The hash of the key that the agent calls with, over TCP or on the socket; `authbridge agent add NAME` makes both. Another one ends the old key at the next reload, and the agent stays who it is.",
		},
		{
			key: "owner", read: d.owner(a), example: "alice",
			means: "Whose agent it is: who is asked when an ask says nobody, if its rule has them in `ask`, and who is told when somebody suspends it.",
		},
		{
			key: "where", read: d.phrase(&a.Where, 100), example: `"alice's laptop"`,
			means: "Where it runs, as people are told on the card.",
		},
		d.listed("may", "What it may ask, as a list of rules. The first that fits an ask decides it; without one nothing is allowed.", func() []setting {
			// A rule is read whole before the next one moves them all.
			a.May = append(a.May, bridge.Rule{Reuse: bridge.DefaultReuse})
			return d.rule(&a.May[len(a.May)-1])
		}),
	}
}

func (d *decoder) rule(r *bridge.Rule) []setting {
	return []setting{
		{
			key: "provider", read: d.ruleProvider(r), example: "corp",
			means: "At which provider; `\"*\"` is every one that is configured, and no resource. It must be given, or `resource`.",
		},
		{
			key: "resource", read: d.resourcePattern(&r.Resource), example: "https://files.mcp.example.com/**", instead: "provider",
			means: "For which resources, by a pattern for their URLs as in `resources[].match`. What it may ask for has to be listed there too.",
		},
		{
			key: "scopes", read: d.texts("scopes, in which a `*` at the end stands for any ending", &r.Scopes, d.checkPattern), example: `[files.read, "calendar.*"]`,
			means: "What it may ask for. `[\"*\"]` allows every scope, and an ask without any. It must be given.",
		},
		{
			key: "default_scopes", read: d.texts("scopes", &r.DefaultScopes, d.checkDefault), example: "[files.read]",
			means: "What is asked for when an ask names no scopes.",
		},
		{
			key: "authorization_details", read: d.texts("types of authorization details", &r.Details, d.checkDetailType), example: "[payment_initiation]",
			means: "Of which types an ask may have authorization details (RFC 9396), named in full. Without it an ask may have none.",
		},
		{
			key: "ask", read: d.ask(r), example: "[alice]",
			means: "Whom it may ask. There must be somebody.",
		},
		{
			key: "reuse", read: d.duration(&r.Reuse, 0, 365*day), example: "4h",
			means: fmt.Sprintf("For how long after the human's yes the agent's further asks are answered without asking again; `0` asks every time. "+
				"In a rule that lets a team be asked it is %s at most, and that is its default.", shortly(bridge.MaxTeamReuse)),
		},
		{
			key: "code", read: d.either(&r.AtOnce, "on_click", "at_once"), example: "on_click",
			means: "When the code is made: when the human presses **Show code**, or once already when the agent asks. " +
				"`at_once` gives up the measure that the code is young when somebody reads it; it is for one named human only, and not with `binding: require`.",
		},
		{
			key: "binding", read: d.either(&r.Digits, "show", "require"), example: "show",
			means: "What ties the card to the agent: its check phrase is shown on both, or the human must type the four digits that the agent shows before a code is made. Three wrong tries deny.",
		},
		laterSection("approve", "team", "count"),
	}
}

func (d *decoder) owner(a *bridge.Agent) reader {
	word := d.word(&a.Owner)
	return reader{form: "the name of a human", take: func(path string, v value) {
		if word.take(path, v); a.Owner != "" {
			d.refer(v.line, path, "human", a.Owner)
		}
	}}
}

func (d *decoder) ruleProvider(r *bridge.Rule) reader {
	word := d.word(&r.Provider)
	return reader{form: "the name of a provider, or `\"*\"`", take: func(path string, v value) {
		if word.take(path, v); r.Provider != "" && r.Provider != anyProvider {
			d.refer(v.line, path, "provider", r.Provider)
		}
	}}
}

// ask reads whom a rule lets ask. The fault of a name stands at the key: the
// line tells which one it is.
func (d *decoder) ask(r *bridge.Rule) reader {
	return d.namesOf("humans and teams", "human or team", func(_, _, s string) bool {
		r.Ask = append(r.Ask, s)
		return true
	})
}

// namesOf reads a list of names that something else in the file must have, and
// hands each to take, which says whether to look it up. The fault of a name
// stands at the key.
func (d *decoder) namesOf(of, one string, take func(path, at, name string) bool) reader {
	r := reader{form: "a list of names of " + of}
	r.take = func(path string, v value) {
		d.each(of, func(at, s string) {
			if take(path, at, s) {
				d.refer(d.line(at), path, one, s)
			}
		}).take(path, v)
	}
	return r
}

func (d *decoder) checkPattern(path, s string) bool {
	if !d.checkScope(path, s) {
		return false
	}
	if strings.Contains(strings.TrimSuffix(s, "*"), "*") {
		d.fault(path, "a star anywhere but at the end", `such as "read:*"`)
		return false
	}
	return true
}

func (d *decoder) checkDetailType(path, s string) bool {
	switch {
	case s == "" || bridge.Clean(s, 200) != s:
		d.fault(path, "no type: at most 200 printable characters", "")
	case strings.Contains(s, "*"):
		d.fault(path, "a pattern, but types are named in full", "")
	default:
		return true
	}
	return false
}

func (d *decoder) checkDefault(path, s string) bool {
	if strings.Contains(s, "*") {
		d.fault(path, "a pattern, but what is asked for by default is named in full", "")
		return false
	}
	return d.checkScope(path, s)
}

func (d *decoder) checkAgents() {
	uids, keys := map[uint32]string{}, map[bridge.KeyHash]string{}
	for _, name := range inOrder(d, "agents", d.agents) {
		a, at := d.agents[name], join("agents", name)
		if !d.given(at) {
			continue
		}
		d.checkUID(at, a, uids)
		d.checkKeyHash(at, a, keys)
		for i := range a.May {
			d.checkRule(fmt.Sprintf("%s.may[%d]", at, i), &a.May[i])
		}
	}
}

// overflowUID stands for all users of other name spaces that have no number in
// ours (user_namespaces(7)).
const overflowUID = 65534

func (d *decoder) checkUID(at string, a *bridge.Agent, seen map[uint32]string) {
	if a.UID == nil {
		if !d.given(at+".uid") && !d.given(at+".key_hash") {
			d.fault(at, "has no uid and no key_hash, so nobody could be this agent",
				"uid: the number that `id -u` prints for the user it runs as; or a key, from: authbridge agent add "+a.Name)
		}
		return
	}
	if *a.UID == overflowUID {
		d.fault(at+".uid", "what the kernel shows for every user that it cannot name, so anybody could be this agent", "run the agent as a user of its own")
		return
	}
	if first, taken := seen[*a.UID]; taken {
		d.fault(at+".uid", "the same as "+join("agents", first)+"'s, so it would be open who is asking", "run the two as different users")
		return
	}
	seen[*a.UID] = a.Name
}

func (d *decoder) checkRule(at string, r *bridge.Rule) {
	if !d.given(at) {
		return
	}
	switch provider, resource := d.given(at+".provider"), d.given(at+".resource"); {
	case provider && resource:
		d.fault(at+".resource", "given together with provider, so it would be open what may be asked for", "make two rules of it")
	case !provider && !resource:
		d.fault(at, "names no provider and no resource", `provider: a configured one, or "*" for all of them; or resource: the URL of a listed one`)
	}
	d.checkScopes(at, *r)
	d.checkAsk(at, *r)
	d.checkTeamRule(at, r)
	if r.AtOnce && r.Digits {
		d.fault(at+".code", "at_once, but with binding: require no code is made before the digits are typed", "remove one of the two")
	}
}

func (d *decoder) checkScopes(at string, r bridge.Rule) {
	switch {
	case !d.given(at + ".scopes"):
		d.fault(at, "names no scopes, so it would allow nothing", `scopes: ["*"] allows all`)
	case len(r.Scopes) == 0 && !d.faulted(at+".scopes"):
		d.fault(at+".scopes", "is empty, so the rule would allow nothing", `scopes: ["*"] allows all`)
	case len(r.Scopes) > 0 && !d.faulted(at+".scopes"):
		d.checkDefaults(at, r)
	}
}

// checkDefaults refuses a rule that asks by default for what it forbids.
func (d *decoder) checkDefaults(at string, r bridge.Rule) {
	for _, s := range r.DefaultScopes {
		if !r.Covers(s) {
			d.fault(at+".default_scopes", quoted(s)+" is not within the rule's scopes", "")
		}
	}
}

func (d *decoder) checkAsk(at string, r bridge.Rule) {
	path := at + ".ask"
	if !d.given(path) {
		both := slices.Concat(inOrder(d, "humans", d.humans), inOrder(d, "teams", d.teams))
		d.fault(at, "says nobody to ask", "ask: ["+few(both)+"]")
		return
	}
	if len(r.Ask) == 0 && !d.faulted(path) {
		d.fault(path, "is empty, so there is nobody to ask", "")
	}
}

// localAgent is the agent that stands for whoever runs the daemon. It may ask
// every human and every team for everything; one human alone is its owner, so
// that an ask need not say whom.
func (d *decoder) localAgent() *bridge.Agent {
	humans := slices.Sorted(maps.Keys(d.humans))
	a := &bridge.Agent{
		Name: local,
		UID:  &d.env.UID,
		May: []bridge.Rule{{
			Provider: anyProvider,
			Scopes:   []string{"*"},
			Ask:      humans,
			Reuse:    bridge.DefaultReuse,
		}},
	}
	if teams := slices.Sorted(maps.Keys(d.teams)); len(teams) > 0 {
		a.May = append(a.May, bridge.Rule{
			Provider: anyProvider,
			Scopes:   []string{"*"},
			Ask:      teams,
			Reuse:    bridge.MaxTeamReuse,
		})
	}
	a.May = append(a.May, d.localResources(humans)...)
	if len(humans) == 1 {
		a.Owner = humans[0]
	}
	return a
}
