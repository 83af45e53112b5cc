package kill

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/authbridge/authbridge/api"
)

// row is one row of the crash table: the kill falls after one thing is done
// and before the next.
type row string

const (
	rowAsked     row = "ask stored | agent answered"
	rowClicked   row = "click stored | device request sent"
	rowMinted    row = "issuer gave codes | codes stored"
	rowCoded     row = "codes stored | page shows them"
	rowApproved  row = "human approved | next poll"
	rowHanded    row = "issuer handed out the token | token stored"
	rowHeld      row = "token stored | identity checked"
	rowGranted   row = "granted stored | agent answered"
	rowCollected row = "collected stored | token sent"
	rowOwed      row = "revocation decided | issuer told"
	rowSlow      row = "issuer said slow_down | slow_down stored"
	rowSlowed    row = "slow_down stored | next poll"
)

// aim says when to kill: when a fact of a kind is seen, after so many commits
// to the store from then on, and after a delay of at most so long, drawn from
// the seed. With hold, who did what is seen is held up until the kill: an
// answer of the provider is then never sent.
type aim struct {
	on      what
	of      fate // only such an asking; "" = any
	hold    bool
	commits int
	delay   time.Duration
}

// goal is how to hit a row, and how that it was is known afterwards.
type goal struct {
	row      row
	evidence string
	aims     []aim
}

// goals are all rows. The aims of each fall on both sides of the moment.
var goals = []goal{
	{rowAsked, "the asking is in the store, and no answer ever told the agent of it", []aim{
		{on: asks, commits: 1}, {on: asks, delay: 4 * time.Millisecond},
	}},
	{rowClicked, "pressed in this life and minting in the store, and the provider saw no device request", []aim{
		{on: discovering, hold: true}, {on: clicking, commits: 1}, {on: clicking, delay: 4 * time.Millisecond},
	}},
	{rowMinted, "the provider made a code in this life, and the store is still minting", []aim{
		{on: minted, hold: true}, {on: mintSent, delay: time.Millisecond}, {on: mintSent, delay: 4 * time.Millisecond},
	}},
	{rowCoded, "this life's code is in the store, and no page that the human got has it", []aim{
		{on: mintSent, commits: 1}, {on: mintSent, delay: 20 * time.Millisecond},
	}},
	{rowApproved, "approved in this life and coded in the store, and the provider saw no poll since", []aim{
		{on: approved, delay: 300 * time.Millisecond}, {on: approved, delay: 3 * time.Millisecond},
	}},
	{rowHanded, "the provider issued a token in this life, and nothing in the store has it", []aim{
		{on: handed, hold: true}, {on: handSent, delay: time.Millisecond}, {on: handSent, delay: 4 * time.Millisecond},
	}},
	{rowHeld, "held in the store", []aim{
		{on: identifying, hold: true}, {on: handSent, commits: 1}, {on: handSent, delay: 6 * time.Millisecond},
	}},
	{rowGranted, "granted in the store, and no answer ever told the agent so", []aim{
		{on: identified, commits: 1}, {on: identified, delay: 6 * time.Millisecond}, {on: identified, commits: 1, delay: 10 * time.Millisecond},
	}},
	{rowCollected, "collected in the store, the agent called in this life, and no answer ever brought the token", []aim{
		{on: collecting, commits: 1}, {on: collecting, commits: 2}, {on: collecting, commits: 1, delay: 4 * time.Millisecond},
	}},
	{rowOwed, "the token is in the store's revocation queue, and the provider saw no call to revoke it", []aim{
		{on: identified, of: other, commits: 1}, {on: cancelling, of: cancelGranted, commits: 1}, {on: handSent, of: late, commits: 1},
	}},
	{rowSlow, "the last poll of this life was told to slow down, and the store has the shorter interval", []aim{
		{on: answered, of: slow, hold: true}, {on: answerSent, of: slow, delay: time.Millisecond},
	}},
	{rowSlowed, "a poll of this life was told to slow down, the store has the longer interval, and no poll came since", []aim{
		{on: answerSent, of: slow, commits: 1}, {on: answerSent, of: slow, commits: 1, delay: 200 * time.Millisecond},
	}},
}

// hits reads from a record which rows the kill of one life has hit. It is
// pure, and goes by evidence alone: what was aimed at plays no part.
func hits(facts []fact, life int) map[row]bool {
	hit := map[row]bool{}
	byAsk := map[string][]fact{}
	for _, f := range facts {
		if f.ask != "" && f.life <= life {
			byAsk[f.ask] = append(byAsk[f.ask], f)
		}
	}
	for _, mine := range byAsk {
		e := evidence{life: life, mine: mine}
		for _, f := range mine {
			if f.life == life && f.what == stored {
				e.stored = f
			}
		}
		for r, found := range e.rows() {
			hit[r] = hit[r] || found
		}
	}
	return hit
}

// evidence is what was seen of one asking up to the kill of a life.
type evidence struct {
	life   int
	mine   []fact
	stored fact // what the kill left; state "" = nothing
}

func (e evidence) rows() map[row]bool {
	coded := e.stored.state == api.Coded
	return map[row]bool{
		rowAsked:     e.stored.id != "" && e.now(asks) && !e.ever(told),
		rowClicked:   e.stored.minting && e.now(clicking) && !e.now(begun),
		rowMinted:    e.stored.minting && e.now(minted),
		rowCoded:     coded && e.fresh() && !e.now(shown),
		rowApproved:  coded && e.since(approved, polled) && !e.lost(),
		rowHanded:    e.lost(),
		rowHeld:      e.stored.state == api.Held,
		rowGranted:   e.stored.state == api.Granted && !e.toldOf(api.Granted),
		rowCollected: e.stored.state == api.Collected && e.now(collecting) && !e.ever(released),
		rowOwed:      e.untold(),
		rowSlow:      coded && e.slowed() > e.stored.interval,
		rowSlowed:    coded && e.slowed() == e.stored.interval,
	}
}

// now tells whether something happened in this life, ever whether at all.
func (e evidence) now(w what) bool { return e.last(w).what != "" && e.last(w).life == e.life }

func (e evidence) ever(w what) bool { return e.last(w).what != "" }

// last is the last fact of a kind; what "" = there is none.
func (e evidence) last(w what) (last fact) {
	for _, f := range e.mine {
		if f.what == w {
			last = f
		}
	}
	return last
}

// since tells whether the last of one kind fell into this life and came after
// the last of the other.
func (e evidence) since(w, other what) bool { return e.now(w) && e.last(w).at > e.last(other).at }

// fresh tells whether the stored code was made in this life.
func (e evidence) fresh() bool { return e.now(minted) && e.last(minted).device == e.stored.device }

func (e evidence) toldOf(s api.State) bool {
	for _, f := range e.mine {
		if f.what == told && f.state == s {
			return true
		}
	}
	return false
}

func (e evidence) lost() bool {
	h := e.last(handed)
	return e.now(handed) && !e.about(kept, h.token) && !e.about(released, h.token)
}

// untold tells whether a token waits to be revoked of which the provider has
// not heard.
func (e evidence) untold() bool {
	o := e.last(owed)
	return e.now(owed) && !e.about(revoking, o.token)
}

func (e evidence) about(w what, token string) bool {
	for _, f := range e.mine {
		if f.what == w && f.token == token {
			return true
		}
	}
	return false
}

// slowed is the interval of a slow_down of this life that no poll followed, 0
// = there was none.
func (e evidence) slowed() time.Duration {
	said := e.last(answered)
	if said.answer != "slow_down" || !e.since(answered, polled) {
		return 0
	}
	return said.interval
}

// trap waits for what is aimed at.
type trap struct {
	aim     aim
	commits func() uint64 // to the store so far
	dead    <-chan struct{}

	once   sync.Once
	sprung chan struct{}
	from   uint64 // commits when it sprang
}

func newTrap(a aim, commits func() uint64, dead <-chan struct{}) *trap {
	return &trap{aim: a, commits: commits, dead: dead, sprung: make(chan struct{})}
}

func (t *trap) see(f fact) {
	if f.what != t.aim.on || t.aim.of != "" && fateOf(f.ask) != t.aim.of {
		return
	}
	t.once.Do(func() {
		t.from = t.commits()
		close(t.sprung)
	})
	if t.aim.hold {
		<-t.dead
	}
}

// wait returns at the moment to kill, or after a bound if what is aimed at
// does not come.
func (t *trap) wait(rng *rand.Rand, bound time.Duration) {
	delay := time.Duration(0)
	if t.aim.delay > 0 {
		delay = time.Duration(rng.Int64N(int64(t.aim.delay)))
	}
	select {
	case <-t.sprung:
	case <-time.After(bound):
		return
	}
	look := time.NewTicker(50 * time.Microsecond)
	defer look.Stop()
	bounded := time.After(time.Second)
	for t.commits() < t.from+uint64(t.aim.commits) {
		select {
		case <-look.C:
		case <-bounded:
			return
		}
	}
	<-time.After(delay)
}

// tally counts over all worlds.
type tally struct {
	mu     sync.Mutex
	left   int // rounds
	more   int // rounds that may follow while a row was hit too seldom
	kills  int
	aimed  map[row]int
	hit    map[row]int
	starts []time.Duration
}

// next chooses what a round aims at; false means that there are no more
// rounds. Half of the time it is a row that was hit least, and after the last
// of the planned rounds always.
func (c *tally) next(rng *rand.Rand) (row, aim, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, least := goals[rng.IntN(len(goals))], goals[0]
	for _, other := range goals {
		if c.hit[other.row] < c.hit[least.row] {
			least = other
		}
	}
	switch {
	case c.left > 0:
		c.left--
		if rng.IntN(2) == 0 && c.hit[least.row] < c.hit[g.row] {
			g = least
		}
	case c.more > 0 && c.hit[least.row] < wantHits:
		c.more--
		g = least
	default:
		return "", aim{}, false
	}
	c.kills++
	c.aimed[g.row]++
	return g.row, g.aims[rng.IntN(len(g.aims))], true
}

func (c *tally) started(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.starts = append(c.starts, took)
}

func (c *tally) count(hit map[row]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r, found := range hit {
		if found {
			c.hit[r]++
		}
	}
}
