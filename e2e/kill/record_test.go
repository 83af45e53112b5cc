package kill

import (
	"slices"
	"sync"
	"time"

	"github.com/authbridge/authbridge/api"
)

// fact is one thing that was seen from outside the bridge. Which of the
// fields after ask are set depends on what it is.
type fact struct {
	at   time.Duration // since the record began, on the clock of this process
	life int           // which process of the bridge, counted from 1
	what what
	ask  string // the one scope of an asking: by it everybody knows it

	id       string // of the request
	state    api.State
	version  uint64
	outcome  api.OutcomeCode
	minting  bool
	delivery string // how far the card got
	ends     int    // how many times its stored history says that it ended
	device   string
	user     string
	token    string
	refresh  string        // the refresh token that was presented
	next     string        // the one that took its place
	honoured int           // how many refresh tokens of the grant the provider would honour
	answer   string        // of the provider to a poll: an OAuth error, "" for a token
	early    bool          // the provider says that the poll was too early
	interval time.Duration // between polls: as the provider said, or as it is stored
	took     time.Duration
	note     string
}

// what is the kind of a fact.
type what string

const (
	// The bridge's process.
	ready    what = "ready"     // after took
	armed    what = "armed"     // all that was known has been looked up
	killed   what = "killed"    // the signal is about to be sent
	stopped  what = "stopped"   // it was asked to end, and did
	surprise what = "surprised" // something happened that must not; note says what

	// The agent.
	asks       what = "asks"        // the call is about to be made
	told       what = "told"        // an answer said how the request stands
	missing    what = "missing"     // an answer said that there is no such request
	cancelling what = "cancelling"  // the call is about to be made
	collecting what = "collecting"  // likewise
	released   what = "released"    // the token has come
	givingUp   what = "giving up"   // a grant: the call is about to be made
	givenUp    what = "given up"    // and answered
	askedAgain what = "asked again" // in place of a token, the human is asked

	// The human.
	clicking   what = "clicking" // Show code: the call is about to be made
	denying    what = "denying"  // Deny: likewise
	shown      what = "shown"    // the page has the code, for the first time in this life
	approved   what = "approved" // at the provider
	approvedAs what = "approved as somebody else"
	refused    what = "refused"

	// The provider, as it saw the bridge.
	discovering what = "discovering" // the metadata is asked for
	begun       what = "begun"       // a code is asked for
	minted      what = "minted"      // it is made; nothing of the answer is sent
	mintSent    what = "mint sent"
	polled      what = "polled"
	answered    what = "answered" // a poll, without a token; nothing of the answer is sent
	answerSent  what = "answer sent"
	handed      what = "handed" // a token is issued; nothing of the answer is sent
	handSent    what = "hand sent"
	identifying what = "identifying" // the account or the keys are asked for
	identified  what = "identified"  // and the answer is sent
	refreshing  what = "refreshing"  // a refresh token is presented
	rotated     what = "rotated"     // the answer is made; nothing of it is sent
	rotSent     what = "rot sent"
	revoking    what = "revoking"
	revoked     what = "revoked"

	// What the dead bridge left on the disk.
	stored what = "stored" // how a request stands
	kept   what = "kept"   // a token
	owed   what = "owed"   // a token that is to be revoked
	found  what = "found"  // a file that has no business there
)

// record is all that was seen in one world, in order.
type record struct {
	began time.Time

	mu    sync.Mutex
	life  int
	facts []fact
	trap  *trap
}

func newRecord() *record { return &record{began: time.Now()} }

// add writes a fact down, with its time and life, and lets the trap see it.
func (r *record) add(f fact) {
	r.mu.Lock()
	f.at, f.life = time.Since(r.began), r.life
	r.facts = append(r.facts, f)
	trap := r.trap
	r.mu.Unlock()
	if trap != nil {
		trap.see(f)
	}
}

// all is the record so far. It is not copied: facts are only ever added.
func (r *record) all() []fact {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.facts)
}

// nextLife begins the life of another process.
func (r *record) nextLife() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.life++
	r.trap = nil
}

func (r *record) arm(t *trap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trap = t
}
