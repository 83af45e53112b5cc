package kill

import (
	"slices"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
)

// tale is a record in the making: one second passes between two facts.
type tale []fact

func (t *tale) add(life int, facts ...fact) {
	for _, f := range facts {
		f.life, f.at = life, time.Duration(len(*t))*time.Second
		*t = append(*t, f)
	}
}

// edit changes the facts of a kind, or takes them away.
func (t tale) edit(w what, change func(*fact) (keep bool)) tale {
	var edited tale
	for _, f := range t {
		if f.what != w || change(&f) {
			edited = append(edited, f)
		}
	}
	return edited
}

func (t tale) without(w what) tale { return t.edit(w, func(*fact) bool { return false }) }

// before puts a fact in front of the first of a kind, at the same time.
func (t tale) before(w what, f fact) tale {
	n := slices.IndexFunc(t, func(f fact) bool { return f.what == w })
	f.at, f.life = t[n].at, t[n].life
	return slices.Insert(slices.Clone(t), n, f)
}

// then puts a fact behind the last one, in the last life.
func (t tale) then(after time.Duration, f fact) tale {
	last := t[len(t)-1]
	f.at, f.life = last.at+after, last.life
	return append(slices.Clone(t), f)
}

const (
	it = "files.plain.1-1"
	id = "req_1"
)

func stands(w what, s api.State, version uint64) fact {
	return fact{what: w, ask: it, id: id, state: s, version: version}
}

// good is the record of a request that was killed between the token's issue
// and its release, and then collected twice.
func good() tale {
	var t tale
	t.add(1,
		fact{what: ready, took: time.Second}, fact{what: armed},
		fact{what: asks, ask: it}, stands(told, api.Asked, 1),
		fact{what: clicking, ask: it, id: id}, fact{what: begun, ask: it},
		fact{what: minted, ask: it, device: "d1", user: "u1", interval: time.Second},
		stands(told, api.Coded, 3), fact{what: shown, ask: it, id: id, user: "u1"},
		fact{what: polled, ask: it, device: "d1"},
		fact{what: answered, ask: it, device: "d1", answer: "authorization_pending", interval: time.Second},
		fact{what: approved, ask: it, user: "u1"},
		fact{what: polled, ask: it, device: "d1"}, fact{what: handed, ask: it, device: "d1", token: "t1", interval: time.Second},
		fact{what: killed},
		fact{what: kept, ask: it, id: id, token: "t1"}, stands(stored, api.Held, 4),
	)
	t.add(2,
		fact{what: ready, took: time.Second}, stands(told, api.Held, 4), fact{what: armed},
		stands(told, api.Granted, 5),
		fact{what: collecting, ask: it, id: id}, fact{what: released, ask: it, id: id, token: "t1"},
		fact{what: collecting, ask: it, id: id}, fact{what: released, ask: it, id: id, token: "t1"},
		stands(told, api.Collected, 6), fact{what: stopped}, stands(stored, api.Collected, 6),
	)
	return t
}

// lossy is a record in which the kill fell between issue and store.
func lossy() tale {
	t := good().without(kept).without(released).without(collecting)
	t = t.edit(told, func(f *fact) bool { return f.life == 1 }).edit(stored, func(f *fact) bool {
		f.state, f.version, f.device = api.Coded, 3, "d1"
		return f.life == 1
	})
	coded, lost := stands(told, api.Coded, 3), stands(told, api.Failed, 4)
	lost.outcome = api.OutcomeTokenLost
	t = t.edit(armed, func(f *fact) bool { return f.life == 1 }).edit(stopped, func(*fact) bool { return false })
	return t.then(0, coded).then(0, fact{what: armed}).then(3*time.Second, lost)
}

// slowed is a record in which the kill followed a slow_down, with this
// interval in the store, and the next poll came after six seconds.
func slowed(inStore time.Duration) tale {
	t := tale{}
	t.add(1,
		fact{what: ready}, fact{what: armed}, fact{what: asks, ask: it}, stands(told, api.Asked, 1),
		fact{what: minted, ask: it, device: "d1", user: "u1", interval: time.Second}, stands(told, api.Coded, 3),
		fact{what: polled, ask: it, device: "d1"},
		fact{what: answered, ask: it, device: "d1", answer: "slow_down", interval: 10 * time.Second},
		fact{what: killed},
		fact{what: stored, ask: it, id: id, state: api.Coded, version: 3, device: "d1", interval: inStore},
	)
	t.add(2, fact{what: ready}, stands(told, api.Coded, 3), fact{what: armed}, fact{what: polled, ask: it, device: "d1"})
	return t
}

func strict() limits {
	return limits{
		grace: 10 * time.Second, commit: 2 * time.Second, start: 5 * time.Second, inFlight: time.Second,
		transitions: tableOfStates(),
	}
}

func rulesOf(broken []violation) (rules []string) {
	for _, v := range broken {
		if !slices.Contains(rules, v.rule) {
			rules = append(rules, v.rule)
		}
	}
	return rules
}

// TestGoodRecordsPass, so that the cases below fail for what is done to them.
func TestGoodRecordsPass(t *testing.T) {
	for name, facts := range map[string]tale{
		"collected": good(), "token_lost": lossy(),
		"revoked": good().without(released).edit(told, func(f *fact) bool {
			return f.state != api.Granted && f.state != api.Collected
		}).without(stored).before(stopped, fact{what: denying, ask: it, id: id}).
			before(stopped, fact{what: told, ask: it, id: id, state: api.Denied, version: 5, outcome: api.OutcomeDenied}).
			then(0, fact{what: revoked, ask: it, token: "t1"}),
	} {
		if broken := check(facts, strict(), true); len(broken) > 0 {
			t.Errorf("%s: %v", name, broken)
		}
	}
	if broken := check(slowed(time.Second), strict(), false); len(broken) > 0 {
		t.Errorf("a slow_down that was lost: %v", broken)
	}
	// The bridge still does not know of it when a poll was in time by chance.
	pending := fact{what: answered, ask: it, device: "d1", answer: "authorization_pending", interval: 10 * time.Second}
	poll := fact{what: polled, ask: it, device: "d1"}
	if broken := check(slowed(time.Second).then(0, pending).then(2*time.Second, poll), strict(), false); len(broken) > 0 {
		t.Errorf("a slow_down that was lost, later: %v", broken)
	}
}

// TestABrokenPromiseIsNoticed doctors good records as a bad bridge would make
// them.
func TestABrokenPromiseIsNoticed(t *testing.T) {
	release := func(of, token string) fact { return fact{what: released, ask: it, id: of, token: token} }
	for name, c := range map[string]struct {
		facts tale
		rule  string
	}{
		"a request is forgotten":          {good().edit(told, func(f *fact) bool { return f.life == 1 || f.state != api.Held }), ruleKept},
		"a request is said not to exist":  {good().before(armed, fact{what: missing, ask: it, id: id}), ruleKept},
		"an asking is never acknowledged": {good().without(told), ruleKept},
		"an asking becomes two requests":  {good().then(0, fact{what: told, ask: it, id: "req_2", state: api.Collected, version: 6}), ruleOne},

		"a state that no way leads to": {good().before(stopped, stands(told, api.Coded, 7)), ruleTable},
		"a version that goes back":     {good().before(stopped, stands(told, api.Collected, 5)), ruleTable},
		"one version of two states":    {good().then(0, stands(told, api.Denied, 6)), ruleTable},
		"what was told was not stored": {good().edit(stored, func(f *fact) bool { f.version--; return true }), ruleTable},

		"a second end":            {good().then(0, stands(told, api.Denied, 7)), ruleTable},
		"a change after the end":  {good().then(0, stands(told, api.Collected, 7)), ruleOneEnd},
		"two ends in the history": {good().edit(stored, func(f *fact) bool { f.ends = 2; return true }), ruleOneEnd},
		"an end without a reason": {good().without(approved), ruleOneEnd},
		"a request is left open":  {good().edit(told, func(f *fact) bool { return f.state != api.Collected }), ruleOneEnd},
		"an outcome that changes": {lossy().then(0, fact{what: told, ask: it, id: id, state: api.Failed, version: 4, outcome: api.OutcomeProviderError}), ruleOneEnd},
		"a fault of the provider's": {lossy().edit(told, func(f *fact) bool {
			if f.outcome != "" {
				f.outcome = api.OutcomeProviderError
			}
			return true
		}), ruleOneEnd},

		"a token goes to two requests":    {good().before(stopped, release("req_2", "t1")), ruleRelease},
		"a request gets two tokens":       {good().before(handed, fact{what: handed, ask: it, device: "d1", token: "t2"}).then(0, release(id, "t2")), ruleRelease},
		"a token from nowhere":            {good().edit(released, func(f *fact) bool { f.token = "t9"; return true }), ruleRelease},
		"somebody else's token":           {good().edit(handed, func(f *fact) bool { f.ask = "files.plain.1-2"; return true }), ruleRelease},
		"a token after the grace":         {good().then(20*time.Second, fact{what: collecting, ask: it, id: id}).then(0, release(id, "t1")), ruleRelease},
		"a token is lost track of":        {good().without(released), ruleTraced},
		"released and revoked":            {good().then(0, fact{what: revoked, ask: it, token: "t1"}), ruleTraced},
		"token_lost though it was stored": {lossy().before(killed, fact{what: kept, ask: it, id: id, token: "t1"}), ruleTraced},
		"token_lost without a kill":       {lossy().without(killed), ruleTraced},
		"token_lost long before the kill": {lossy().edit(killed, func(f *fact) bool { f.at += 5 * time.Second; return true }), ruleTraced},
		"token_lost without a token":      {lossy().without(handed), ruleTraced},

		"an early poll":           {good().edit(minted, func(f *fact) bool { f.interval = 5 * time.Second; return true }), ruleEarly},
		"early after a slow_down": {slowed(10 * time.Second), ruleEarly},
		"early, says the provider": {good().edit(answered, func(f *fact) bool {
			f.early, f.answer = true, "slow_down"
			return true
		}), ruleEarly},
		"early after a slow_down with time to store it": {
			slowed(time.Second).edit(killed, func(f *fact) bool { f.at += 3 * time.Second; return true }), ruleEarly,
		},

		"a poll after the end":              {good().then(0, fact{what: polled, ask: it, device: "d1"}).then(5*time.Second, fact{what: polled, ask: it, device: "d1"}), ruleBurnt},
		"a poll in the life after":          {good().before(stopped, fact{what: polled, ask: it, device: "d1"}), ruleBurnt},
		"a code of nobody's":                {good().edit(shown, func(f *fact) bool { f.user = "u9"; return true }), ruleKnown},
		"a code is stored before it is had": {lossy().edit(stored, func(f *fact) bool { f.device = "d9"; return true }), ruleKnown},

		"a slow start":         {good().edit(ready, func(f *fact) bool { f.took = time.Minute; return true }), ruleStart},
		"a file left behind":   {good().then(0, fact{what: found, note: "authbridge.db.tmp"}), ruleStart},
		"an unforeseen answer": {good().then(0, fact{what: surprise, note: "500"}), ruleSurprise},
	} {
		if broken := check(c.facts, strict(), true); !slices.Contains(rulesOf(broken), c.rule) {
			t.Errorf("%s: nobody notices %q; found is %v", name, c.rule, broken)
		}
	}
}

// TestALapsedCodeIsBurnt: the request is asked again, and may get another.
func TestALapsedCodeIsBurnt(t *testing.T) {
	var facts tale
	facts.add(1,
		fact{what: minted, ask: it, device: "d1", user: "u1"}, stands(told, api.Coded, 3), stands(told, api.Asked, 4),
		fact{what: minted, ask: it, device: "d2", user: "u2"}, stands(told, api.Asked, 5), stands(told, api.Coded, 6),
		fact{what: polled, ask: it, device: "d2"},
	)
	if broken := check(facts, strict(), false); len(broken) > 0 {
		t.Errorf("the second code: %v", broken)
	}
	if broken := check(facts.then(0, fact{what: polled, ask: it, device: "d1"}), strict(), false); !slices.Contains(rulesOf(broken), ruleBurnt) {
		t.Errorf("the first code is polled again, and found is %v", broken)
	}
}
