package bridge

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// books are what is counted of the store's transactions, by what they found
// and what they left behind.
type books struct {
	Observer
	turns atomic.Uint64 // transactions, in the order in which they run

	open ledger // requests
	live ledger // grants
	owed ledger // revocations

	mu     sync.Mutex
	mints  map[RequestID]time.Time // when the code was asked for that is under way
	grants map[RequestID]time.Time // when the token came that nobody has collected
}

// mostTimed bounds how many requests are timed at once. More are counted, and
// not timed.
const mostTimed = 10_000

func newBooks(o Observer) *books {
	return &books{Observer: o.whole(), mints: make(map[RequestID]time.Time), grants: make(map[RequestID]time.Time)}
}

// touch takes a transaction that is about to be committed. What was doubted
// before can be seen in it.
func (k *books) touch(n *noter) {
	n.turn = k.turns.Add(1)
	found := lookup{n.Tx}
	k.open.settle(n.turn, found.open)
	k.live.settle(n.turn, found.live)
	k.owed.settle(n.turn, found.owed)
	for id, c := range n.requests {
		k.open.touch(string(id), c.was.State.Open())
	}
	for id, c := range n.grants {
		k.live.touch(string(id), c.was == GrantLive)
	}
	for id, c := range n.owed {
		k.owed.touch(id, c.was)
	}
}

// drop takes a transaction that was touched and has changed nothing: it was
// refused, or is run anew.
func (k *books) drop(n *noter) {
	if n.turn == 0 {
		return
	}
	for id := range n.requests {
		k.open.drop(string(id))
	}
	for id := range n.grants {
		k.live.drop(string(id))
	}
	for id := range n.owed {
		k.owed.drop(id)
	}
}

// doubt takes a transaction of which it is not known whether it is kept.
func (k *books) doubt(n *noter) {
	for id := range n.requests {
		k.open.doubt(n.turn, string(id))
	}
	for id := range n.grants {
		k.live.doubt(n.turn, string(id))
	}
	for id := range n.owed {
		k.owed.doubt(n.turn, id)
	}
}

// book takes a transaction that was committed.
func (k *books) book(n *noter) {
	for id, c := range n.requests {
		k.open.book(n.turn, string(id), c.is.State.Open())
		k.tell(c.was, c.is)
		k.time(n, c.was, c.is)
	}
	for id, c := range n.grants {
		k.live.book(n.turn, string(id), c.is.State == GrantLive)
	}
	for id, c := range n.owed {
		k.owed.book(n.turn, id, c.is)
	}
}

// glimpse is what is counted of a request as a transaction found it. The zero
// glimpse is of one that there was not.
type glimpse struct {
	State    State
	Minting  bool
	Surfaces []Surface
}

func (r Request) glimpse() glimpse { return glimpse{r.State, r.Minting, r.Surfaces} }

// tell says what has become of a request.
func (k *books) tell(was glimpse, is Request) {
	if is.State.Ended() && (was.State == "" || !was.State.Ended()) {
		outcome := string(is.State)
		if is.Outcome != nil {
			outcome = string(is.Outcome.Code)
		}
		k.Ended(is.Target.named(), outcome)
	}
	for i, s := range is.Surfaces {
		seen := s.Way() && i < len(was.Surfaces) && was.Surfaces[i].State != DeliveryShown && was.Surfaces[i].Ref == ""
		if seen && s.State == DeliveryShown && s.Lost == 0 {
			k.Shown(s.Channel, max(0, time.Since(is.CreatedAt)))
		}
	}
}

// time follows the two waits of a request that somebody feels.
func (k *books) time(n *noter, was glimpse, is Request) {
	var coded, released time.Duration
	k.mu.Lock()
	switch {
	case is.Minting && !was.Minting && n.clicked[is.ID] && len(k.mints) < mostTimed:
		k.mints[is.ID] = n.began
	case !is.Minting && was.Minting:
		if is.State == Coded {
			coded = since(k.mints, is.ID)
		}
		delete(k.mints, is.ID)
	}
	switch {
	case is.State == Held && was.State != Held && len(k.grants) < mostTimed:
		k.grants[is.ID] = n.began
	case is.State.Ended() && !was.State.Ended():
		if is.State == Collected {
			released = since(k.grants, is.ID)
		}
		delete(k.grants, is.ID)
	}
	k.mu.Unlock()
	if coded > 0 {
		k.Coded(coded)
	}
	if released > 0 {
		k.Released(released)
	}
}

// since is how long ago something began, 0 if that is not known.
func since(begun map[RequestID]time.Time, id RequestID) time.Duration {
	if at, known := begun[id]; known {
		return max(1, time.Since(at))
	}
	return 0
}

// count takes in what the start found in one view of the store.
func (k *books) count(tx ReadTx, open, live, owed int) {
	found := lookup{tx}
	k.open.begin(open, found.open)
	k.live.begin(live, found.live)
	k.owed.begin(owed, found.owed)
}

// lookup looks up whether a thing counts, as a transaction sees it.
type lookup struct{ tx ReadTx }

func (l lookup) open(id string) bool {
	r, err := l.tx.Request(RequestID(id))
	return err == nil && r.State.Open()
}

func (l lookup) live(id string) bool {
	g, err := l.tx.Grant(GrantID(id))
	return err == nil && g.State == GrantLive
}

func (l lookup) owed(id string) bool {
	_, err := l.tx.Revoking(id)
	return err == nil
}

// pressed tells how a press of a button ended.
func (b *Bridge) pressed(who Clicker, verb Verb, word string, err error) {
	label, result := string(verb), "done"
	if !verb.known() {
		label = "unknown"
	}
	var no *Problem
	switch {
	case errors.Is(err, ErrNotFound):
		result = "not_found"
	case errors.As(err, &no):
		result = "refused"
	case err != nil:
		result = "fault"
	case word != "" && verb != VerbFinished && verb != VerbAllowAgain: // there the word is the answer
		result = "remark"
	}
	b.books.Clicked(who.Channel, label, result)
}

// known reports whether there is such a button.
func (v Verb) known() bool {
	switch v {
	case VerbOpened, VerbFinished, VerbMine, VerbNotMine, VerbNotMe, VerbRevoke, VerbAllowAgain, VerbShowAgain:
		return true
	default:
		_, known := clicks[v]
		return known
	}
}
