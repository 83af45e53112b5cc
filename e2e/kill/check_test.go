package kill

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/authbridge/authbridge/api"
)

// limits are what a check measures against.
type limits struct {
	grace       time.Duration // for which the same token may be fetched again
	commit      time.Duration // by when what a provider said is on the disk, on a slow machine
	start       time.Duration // by when a bridge is ready
	inFlight    time.Duration // how late a poll may arrive that was sent before its code was burnt
	transitions map[api.State][]api.State
}

// violation is a promise of the bridge that the record shows broken.
type violation struct {
	rule string // one of the names below
	ask  string
	why  string
}

func (v violation) String() string { return fmt.Sprintf("%s: %s: %s", v.rule, v.ask, v.why) }

// The promises.
const (
	ruleKept     = "an acknowledged request is there"
	ruleTable    = "a request follows the table"
	ruleOne      = "one asking is one request"
	ruleOneEnd   = "a request ends once, for a reason"
	ruleRelease  = "a token is released once, to the right request"
	ruleTraced   = "a token is released, revoked or honestly lost"
	ruleEarly    = "no poll is early"
	ruleBurnt    = "a burnt code is not polled"
	ruleKnown    = "a code that is shown is the provider's"
	ruleStart    = "a start is quick and finds all as it was"
	ruleSurprise = "nothing unforeseen happens"
)

// check reads a record and returns what it shows broken. It is pure. Final
// says that the record is of a world that has come to its quiet end: then
// nothing may be left open.
func check(facts []fact, l limits, final bool) []violation {
	c := &checker{limits: l, facts: facts, final: final, byAsk: map[string][]fact{}, kills: map[int]fact{}}
	for _, f := range facts {
		if f.ask != "" {
			c.byAsk[f.ask] = append(c.byAsk[f.ask], f)
		}
		if f.what == killed {
			c.kills[f.life] = f
		}
	}
	c.lives()
	c.tokensKnown()
	for _, ask := range slices.Sorted(maps.Keys(c.byAsk)) {
		mine := c.byAsk[ask]
		c.one(ask, mine)
		c.table(ask, mine)
		c.end(ask, mine)
		c.releases(ask, mine)
		c.traces(ask, mine)
		c.early(ask, mine)
		c.burnt(ask, mine)
		c.known(ask, mine)
	}
	return c.broken
}

type checker struct {
	limits
	facts  []fact
	final  bool
	byAsk  map[string][]fact
	kills  map[int]fact // by life
	broken []violation
}

func (c *checker) fail(rule, ask, format string, args ...any) {
	c.broken = append(c.broken, violation{rule, ask, fmt.Sprintf(format, args...)})
}

// lives is about what belongs to no single asking: every id that anybody was
// told in an earlier life is looked up before a life is armed, and found.
func (c *checker) lives() {
	ids := map[string]string{} // what was acknowledged, and its asking
	var seen map[string]bool   // in this life
	for _, f := range c.facts {
		switch f.what {
		case ready:
			seen = map[string]bool{}
			if f.took > c.start {
				c.fail(ruleStart, "", "life %d was ready after %s", f.life, f.took)
			}
		case told:
			ids[f.id] = f.ask
			if seen != nil {
				seen[f.id] = true
			}
		case missing:
			c.fail(ruleKept, f.ask, "%s is gone in life %d", f.id, f.life)
		case armed:
			for id, ask := range ids {
				if !seen[id] {
					c.fail(ruleKept, ask, "%s was not found in life %d", id, f.life)
				}
			}
		case found:
			c.fail(ruleStart, "", "life %d left %s beside the store", f.life, f.note)
		case surprise:
			c.fail(ruleSurprise, f.ask, "%s", f.note)
		default: // plays no part here
		}
	}
}

// one wants a single id for an asking, however often it was asked.
func (c *checker) one(ask string, mine []fact) {
	ids := map[string]bool{}
	for _, f := range mine {
		if f.what == told || f.what == stored {
			ids[f.id] = true
		}
	}
	if len(ids) > 1 {
		c.fail(ruleOne, ask, "it became %d requests", len(ids))
	}
}

// table compares every two things that were said of a request one after the
// other: by the bridge to the agent, or by its store to us.
func (c *checker) table(ask string, mine []fact) {
	var last *fact
	for _, f := range mine {
		if f.what != told && f.what != stored {
			continue
		}
		if last != nil && last.id == f.id {
			c.follows(ask, *last, f)
		}
		last = &f
		if f.ends > 1 {
			c.fail(ruleOneEnd, ask, "its history ends it %d times", f.ends)
		}
	}
}

func (c *checker) follows(ask string, before, now fact) {
	step := fmt.Sprintf("%s (version %d, %s, life %d) and then %s (version %d, %s, life %d)",
		before.state, before.version, before.what, before.life, now.state, now.version, now.what, now.life)
	switch {
	case !slices.Contains(c.transitions[before.state], now.state):
		c.fail(ruleTable, ask, "no way leads on from %s", step)
	case now.version < before.version:
		c.fail(ruleTable, ask, "the version went back: %s", step)
	case now.version == before.version && now.state != before.state:
		c.fail(ruleTable, ask, "two states have one version: %s", step)
	case now.version > before.version && before.state.Ended() && now.delivery == before.delivery, before.state.Ended() && now.outcome != before.outcome:
		c.fail(ruleOneEnd, ask, "it changed after its end: %s, %q and then %q", step, before.outcome, now.outcome)
	}
}

// reasons are the facts without which a request cannot have ended in a way. A
// token that is lost is looked at apart.
var reasons = map[api.OutcomeCode]what{
	"":                          approved, // collected
	api.OutcomeDenied:           denying,
	api.OutcomeProviderDenied:   refused,
	api.OutcomeCancelled:        cancelling,
	api.OutcomeIdentityMismatch: approvedAs,
}

// end wants every acknowledged request over at the quiet end, and every end
// brought about by somebody.
func (c *checker) end(ask string, mine []fact) {
	var last fact
	for _, f := range mine {
		if f.what == told {
			last = f
		}
	}
	switch {
	case last.id == "":
		if c.final {
			c.fail(ruleKept, ask, "it was never acknowledged, not even in quiet")
		}
		return
	case !last.state.Ended():
		if c.final {
			c.fail(ruleOneEnd, ask, "it is still %s at the quiet end", last.state)
		}
		return
	case last.outcome == api.OutcomeTokenLost:
		if !slices.ContainsFunc(mine, func(f fact) bool { return f.what == handed && c.lost(mine, f) }) {
			c.fail(ruleTraced, ask, "it says token_lost, and no kill fell between issue and store")
		}
		return
	}
	reason, foreseen := reasons[last.outcome]
	if !foreseen || !slices.ContainsFunc(mine, func(f fact) bool { return f.what == reason }) {
		c.fail(ruleOneEnd, ask, "it ended as %s %q, and nobody did that", last.state, last.outcome)
	}
}

// tokensKnown wants no token released that the provider never gave.
func (c *checker) tokensKnown() {
	given := map[string]string{} // the asking of each token
	holder := map[string]string{}
	for _, f := range c.facts {
		switch f.what {
		case handed:
			given[f.token] = f.ask
		case released:
			if given[f.token] != f.ask {
				c.fail(ruleRelease, f.ask, "the token it got was given for %q", given[f.token])
			}
			if other := holder[f.token]; other != "" && other != f.id {
				c.fail(ruleRelease, f.ask, "its token went to two requests, %s and %s", other, f.id)
			}
			holder[f.token] = f.id
		default:
		}
	}
}

// releases wants what is fetched again to be the same token, within the grace.
func (c *checker) releases(ask string, mine []fact) {
	var first, call fact
	for _, f := range mine {
		switch f.what {
		case collecting:
			call = f
		case released:
			switch {
			case first.what == "":
				first = f
			case f.token != first.token:
				c.fail(ruleRelease, ask, "it got two tokens")
			case call.at > first.at+c.grace:
				c.fail(ruleRelease, ask, "it got its token again after %s", call.at-first.at)
			}
		default:
		}
	}
}

// traces follows every token that the provider issued to where it went.
func (c *checker) traces(ask string, mine []fact) {
	for _, h := range mine {
		if h.what != handed {
			continue
		}
		has := func(w what) bool {
			return slices.ContainsFunc(mine, func(f fact) bool { return f.what == w && f.token == h.token })
		}
		switch {
		case has(released) && has(revoked):
			c.fail(ruleTraced, ask, "a token was released and revoked")
		case has(released), has(revoked), !c.final:
		case !c.lost(mine, h):
			c.fail(ruleTraced, ask, "a token of life %d was neither released nor revoked", h.life)
		}
	}
}

// lost tells whether a token is one that no bridge could have saved: the kill
// came right after it was issued, and the dead bridge had not stored it.
func (c *checker) lost(mine []fact, h fact) bool {
	kill, died := c.kills[h.life]
	if !died || kill.at-h.at > c.commit {
		return false
	}
	return !slices.ContainsFunc(mine, func(f fact) bool { return f.what == kept && f.token == h.token })
}

// early goes through the polls of each code by the provider's clock. A
// slow_down that the kill kept from being stored is the one thing that a
// bridge cannot know of, until it is told to slow down once more.
func (c *checker) early(ask string, mine []fact) {
	type code struct {
		next     time.Duration // the earliest time of the next poll
		unstored bool          // the last slow_down was lost
	}
	codes := map[string]*code{}
	for _, f := range mine {
		switch d := codes[f.device]; f.what {
		case minted:
			codes[f.device] = &code{next: f.at + f.interval}
		case polled:
			if d != nil && f.at < d.next && !d.unstored {
				c.fail(ruleEarly, ask, "a poll of life %d came %s early", f.life, d.next-f.at)
			}
		case handed:
			if d != nil {
				d.next = f.at + f.interval
			}
		case answered:
			if d == nil {
				continue
			}
			if f.early && !d.unstored {
				c.fail(ruleEarly, ask, "the provider says that a poll of life %d was early", f.life)
			}
			d.next = f.at + f.interval
			if f.answer == "slow_down" {
				d.unstored = c.slowDownLost(mine, f)
			}
		default:
		}
	}
}

func (c *checker) slowDownLost(mine []fact, said fact) bool {
	kill, died := c.kills[said.life]
	if !died || kill.at-said.at > c.commit {
		return false
	}
	return slices.ContainsFunc(mine, func(f fact) bool {
		return f.what == stored && f.life == said.life && f.device == said.device && f.interval < said.interval
	})
}

// burnt wants no poll for a code after its request was seen without it, but
// for one that may have been on its way.
func (c *checker) burnt(ask string, mine []fact) {
	var given, coded []string // devices so far; those of before the request was last seen coded
	over := map[string]fact{} // when each was first seen burnt
	for _, f := range mine {
		switch f.what {
		case minted:
			given = append(given, f.device)
		case told, stored:
			var burnt []string
			switch f.state {
			case api.Coded:
				coded = slices.Clone(given)
			case api.Asked:
				burnt, coded = coded, nil
			default:
				burnt = given
			}
			for _, device := range burnt {
				if _, known := over[device]; !known {
					over[device] = f
				}
			}
		case polled:
			burn, is := over[f.device]
			if is && (f.life != burn.life || f.at-burn.at > c.inFlight) {
				c.fail(ruleBurnt, ask, "it was polled in life %d, %s after it was seen burnt in life %d", f.life, f.at-burn.at, burn.life)
			}
		default:
		}
	}
}

// known wants every code that a page or the store has to be one that the
// provider gave for this asking.
func (c *checker) known(ask string, mine []fact) {
	given := map[string]bool{}
	for _, f := range mine {
		switch {
		case f.what == minted:
			given[f.user], given[f.device] = true, true
		case f.what == shown && !given[f.user]:
			c.fail(ruleKnown, ask, "the page showed a code that nobody gave for it")
		case f.what == stored && f.state == api.Coded && !given[f.device]:
			c.fail(ruleKnown, ask, "a code is stored that nobody gave for it")
		}
	}
}

// arrow is one arrow in the drawing of the table.
var arrow = regexp.MustCompile(`(?m)^  ([a-z]+) --> ([a-z]+):`)

// tableOfStates says which states can follow each state, in any number of
// steps and none. It is read from the page that is drawn from the table.
var tableOfStates = sync.OnceValue(func() map[api.State][]api.State {
	page, err := os.ReadFile("../../docs/state-machine.md")
	if err != nil {
		panic(err) // the page is generated, and checked by a test of its own
	}
	next := map[api.State][]api.State{}
	for _, s := range api.States() {
		next[s] = []api.State{s}
	}
	arrows := arrow.FindAllSubmatch(page, -1)
	if len(arrows) < 15 {
		panic("the drawing of the table cannot be read") // without it the checker would allow everything
	}
	for range next { // no way is longer than there are states
		for _, a := range arrows {
			from, to := api.State(a[1]), api.State(a[2])
			for _, s := range next[to] {
				if !slices.Contains(next[from], s) {
					next[from] = append(next[from], s)
				}
			}
		}
	}
	return next
})
