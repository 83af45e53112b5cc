package kill

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
)

// The promises about grants that are refreshed.
const (
	ruleGrant    = "no grant is lost that the provider still honours"
	ruleOnce     = "a refresh token is presented once in a life"
	ruleItsToken = "a token that is released is the grant's, and not taken back"
)

// checkRotations reads a record and returns what it shows broken. It is pure.
// Forgiving says that the provider answers a spent refresh token again: then
// no kill costs a grant.
func checkRotations(facts []fact, commit time.Duration, forgiving bool) []violation {
	c := &checker{limits: limits{commit: commit}, facts: facts, byAsk: map[string][]fact{}, kills: map[int]fact{}}
	for _, f := range facts {
		switch {
		case f.what == killed:
			c.kills[f.life] = f
		case f.what == surprise:
			c.fail(ruleSurprise, f.ask, "%s", f.note)
		case f.ask != "":
			c.byAsk[f.ask] = append(c.byAsk[f.ask], f)
		}
	}
	for _, ask := range slices.Sorted(maps.Keys(c.byAsk)) {
		c.grants(ask, forgiving)
		c.presented(ask)
		c.itsTokens(ask)
	}
	return c.broken
}

// grants wants a grant that is lost to be lost at the provider too, by a kill
// between a rotation and its commit.
func (c *checker) grants(ask string, forgiving bool) {
	mine := c.byAsk[ask]
	for n, f := range mine {
		switch {
		case f.what != askedAgain, lastIndex(mine[:n], func(f fact) bool { return f.what == givingUp }) >= 0:
		case f.honoured > 0:
			c.fail(ruleGrant, ask, "the human is asked in life %d, and the provider honours its refresh token", f.life)
		case forgiving:
			c.fail(ruleGrant, ask, "the human is asked in life %d, and the provider would have answered again", f.life)
		case !c.cutOff(mine[:n]):
			c.fail(ruleGrant, ask, "the human is asked in life %d, and no kill fell between a rotation and its commit", f.life)
		}
	}
}

// cutOff tells whether the last rotation may never have been stored: the kill
// came soon after it, and nothing that it gave was ever seen again.
func (c *checker) cutOff(mine []fact) bool {
	n := lastIndex(mine, func(f fact) bool { return f.what == rotated && f.token != "" })
	if n < 0 {
		return false
	}
	last := mine[n]
	kill, died := c.kills[last.life]
	return died && kill.at-last.at <= c.commit && !slices.ContainsFunc(mine[n:], func(f fact) bool {
		return f.what == released && f.token == last.token || f.what == refreshing && f.refresh == last.next
	})
}

func lastIndex(facts []fact, is func(fact) bool) int {
	for n, f := range slices.Backward(facts) {
		if is(f) {
			return n
		}
	}
	return -1
}

func (c *checker) presented(ask string) {
	type use struct {
		token string
		life  int
	}
	seen := map[use]bool{}
	for _, f := range c.byAsk[ask] {
		if f.what != refreshing {
			continue
		}
		u := use{f.refresh, f.life}
		if seen[u] {
			c.fail(ruleOnce, ask, "the same one came twice in life %d", f.life)
		}
		seen[u] = true
	}
}

// itsTokens wants every released token to be of this grant, and not revoked
// before.
func (c *checker) itsTokens(ask string) {
	given, back, over := map[string]bool{}, map[string]bool{}, false
	for _, f := range c.byAsk[ask] {
		switch {
		case f.what == givenUp:
			over = true
		case f.what == released && over:
			c.fail(ruleItsToken, ask, "a token was released in life %d after the grant was given up", f.life)
		case f.what == handed || f.what == rotated:
			given[f.token] = true
		case f.what == revoked:
			back[f.token] = true
		case f.what != released:
		case !given[f.token]:
			c.fail(ruleItsToken, ask, "a token was released in life %d that was never given for it", f.life)
		case back[f.token]:
			c.fail(ruleItsToken, ask, "a token was released in life %d that had been revoked", f.life)
		}
	}
}

// TestTheCheckerOfRotationsSeesWhatIsBroken: a good record, and the same with
// one thing wrong.
func TestTheCheckerOfRotationsSeesWhatIsBroken(t *testing.T) {
	t.Parallel()
	uses := func(token string) fact { return fact{what: refreshing, ask: it, refresh: token} }
	turns := func(token, next, access string) fact {
		return fact{what: rotated, ask: it, refresh: token, next: next, token: access}
	}
	gets := func(access string) fact { return fact{what: released, ask: it, token: access} }
	good := func() tale {
		var t tale
		t.add(1, fact{what: handed, ask: it, token: "a1"}, gets("a1"), uses("r1"), turns("r1", "r2", "a2"), gets("a2"),
			uses("r2"), turns("r2", "r3", "a3"), fact{what: killed})
		t.add(2, uses("r2"), fact{what: rotated, ask: it, refresh: "r2", answer: "invalid_grant"}, fact{what: askedAgain, ask: it})
		return t
	}
	commit := 4 * time.Second
	if broken := checkRotations(good(), commit, false); len(broken) > 0 {
		t.Errorf("a good record is broken: %v", broken)
	}
	freely := good().without(killed).before(askedAgain, fact{what: givingUp, ask: it})
	if broken := checkRotations(freely, commit, true); len(broken) > 0 {
		t.Errorf("a grant that was given up is called lost: %v", broken)
	}
	late := good()
	for n := range late {
		if late[n].life > 1 || late[n].what == killed {
			late[n].at += time.Minute
		}
	}
	for name, c := range map[string]struct {
		record    tale
		forgiving bool
		rule      string
	}{
		"lost without a need":        {good(), true, ruleGrant},
		"lost, and still honoured":   {good().edit(askedAgain, func(f *fact) bool { f.honoured = 1; return true }), false, ruleGrant},
		"lost without a kill":        {good().without(killed), false, ruleGrant},
		"lost long after":            {late, false, ruleGrant},
		"lost after it was used":     {good().before(askedAgain, gets("a3")), false, ruleGrant},
		"lost, and never rotated":    {good().without(rotated), false, ruleGrant},
		"presented twice":            {good().before(askedAgain, uses("r2")), false, ruleOnce},
		"a token of nobody":          {good().then(time.Second, gets("a9")), false, ruleItsToken},
		"a token that was revoked":   {good().then(time.Second, fact{what: revoked, ask: it, token: "a2"}).then(time.Second, gets("a2")), false, ruleItsToken},
		"given up before":            {good().before(askedAgain, fact{what: givenUp, ask: it}).then(time.Second, gets("a2")), false, ruleItsToken},
		"something was not foreseen": {good().then(time.Second, fact{what: surprise, ask: it, state: api.Asked}), false, ruleSurprise},
	} {
		broken := checkRotations(c.record, commit, c.forgiving)
		if !slices.ContainsFunc(broken, func(v violation) bool { return v.rule == c.rule }) {
			t.Errorf("%s: nobody notices: %v", name, broken)
		}
	}
}
