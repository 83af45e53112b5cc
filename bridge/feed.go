package bridge

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// feeds keep, for each agent that has ever been followed, which of its
// requests and grants changed last. What they hold is a hint where to look,
// and never the truth: that is read from the store.
type feeds struct {
	mu   sync.Mutex
	by   map[string]*feed // agent
	wake func(topics ...string)
}

func newFeeds(wake func(topics ...string)) *feeds {
	return &feeds{by: make(map[string]*feed), wake: wake}
}

// changesKept is how many changes of one agent can be gone back to.
const changesKept = 16 << 10

// feed is the last changes of one agent, numbered from 0 since it was begun.
// It holds bytes and no pointers: a full one is half a megabyte, however many
// requests are waited for.
type feed struct {
	epoch string // of its cursors: random, so that they are good for no other feed
	made  uint64 // changes so far
	ring  []changedID
}

// changedID is the text of a RequestID or a GrantID.
type changedID [30]byte

func (id changedID) String() string { return string(bytes.TrimRight(id[:], "\x00")) }

// add numbers one more change. The oldest makes room for it.
func (f *feed) add(id string) {
	var c changedID
	copy(c[:], id)
	if len(f.ring) < changesKept {
		f.ring = append(f.ring, c)
	} else {
		f.ring[f.made%changesKept] = c
	}
	f.made++
}

// window is how many changes are looked through at once for each that is
// wanted: who catches up from far behind is not to hold up those who write.
const window = 16

// from copies the changes from number n on, before number to.
func (f *feed) from(n, to uint64) []changedID {
	if n == to {
		return nil
	}
	size := uint64(len(f.ring))
	first, end := n%changesKept, (to-1)%changesKept+1
	if first < end {
		return slices.Clone(f.ring[first:end])
	}
	return slices.Concat(f.ring[first:size], f.ring[:end])
}

// cursor names the place before change number n.
func (f *feed) cursor(n uint64) Cursor {
	return Cursor(f.epoch + "-" + strconv.FormatUint(n, 10))
}

// find returns the number of the first change after a cursor. It is not known
// for a cursor of another feed, one that is too old, and one from the future.
func (f *feed) find(c Cursor) (n uint64, known bool) {
	epoch, number, _ := strings.Cut(string(c), "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || epoch != f.epoch || f.cursor(n) != c {
		return 0, false
	}
	return n, n <= f.made && f.made-n <= uint64(len(f.ring))
}

// news is what a feed knows after a cursor.
type news struct {
	missed bool // nothing: it does not know the cursor
	ids    []changedAt
	next   Cursor
}

// changedAt is something that changed, with the cursor after its last change.
type changedAt struct {
	id     string
	cursor Cursor
}

// after returns what of an agent's changed after a cursor, each thing once, in
// the order of the last changes, at most so many. It begins the agent's feed
// if there is none.
func (s *feeds) after(agent string, c Cursor, most int) news {
	s.mu.Lock()
	f := s.by[agent]
	if f == nil {
		f = &feed{epoch: strings.ToLower(rand.Text())}
		s.by[agent] = f
	}
	n, known := f.find(c)
	if !known {
		defer s.mu.Unlock()
		return news{missed: true, next: f.cursor(f.made)}
	}
	end := min(f.made, n+window*uint64(most)) //nolint:gosec // a small number
	changes, last := f.from(n, end), f.cursor(end)
	s.mu.Unlock()

	found := news{ids: f.collapse(changes, n), next: last}
	if len(found.ids) > most {
		found.ids = found.ids[:most]
		found.next = found.ids[most-1].cursor
	}
	return found
}

// collapse makes one of several changes of the same thing: the last. The
// first of the changes has number n.
func (f *feed) collapse(changes []changedID, n uint64) []changedAt {
	var all []changedAt
	seen := make(map[changedID]struct{})
	after := n + uint64(len(changes))
	for _, c := range slices.Backward(changes) {
		if _, later := seen[c]; !later {
			seen[c] = struct{}{}
			all = append(all, changedAt{c.String(), f.cursor(after)})
		}
		after--
	}
	slices.Reverse(all)
	return all
}

// note adds changes to the feeds of their agents, if somebody ever followed
// those, and wakes who does now.
func (s *feeds) note(changes []changeOf) {
	var topics []string
	s.mu.Lock()
	for _, c := range changes {
		if f := s.by[c.agent]; f != nil {
			f.add(c.id)
			topics = append(topics, topicBy(c.agent))
		}
	}
	s.mu.Unlock()
	if len(topics) > 0 {
		s.wake(topics...)
	}
}

// changeOf is a change of an agent's request or grant.
type changeOf struct{ agent, id string }

// noting is a store that has every change that an agent can see noted in the
// feeds, every grant followed, and everything counted, when it is committed and
// not before.
type noting struct {
	Store
	feeds   *feeds
	granted func(Grant) // follows a grant as it was committed
	books   *books
}

// Update runs fn as [Store] says. A change of which it is not known whether
// it was kept is noted, too: who follows then looks.
func (s noting) Update(ctx context.Context, fn func(Tx) error) error {
	n, began := noter{}, time.Now()
	err := s.Store.Update(ctx, func(tx Tx) error {
		s.books.drop(&n) // the store may run it again
		n = noter{Tx: tx, began: began}
		if err := fn(&n); err != nil {
			return err
		}
		s.books.touch(&n)
		return nil
	})
	doubtful := errors.Is(err, ErrInDoubt)
	if err == nil || doubtful {
		s.feeds.note(n.changes)
		for _, c := range n.grants {
			s.granted(c.is)
		}
	}
	switch {
	case err == nil:
		s.books.book(&n)
	case doubtful && n.turn > 0:
		s.books.doubt(&n)
	default:
		s.books.drop(&n)
	}
	return err
}

// noter is a transaction that remembers what it changed, and shows a request
// or a grant that was put to whoever reads it by its id after that: of two steps
// of one transaction, the later must not undo what the first did.
type noter struct {
	Tx
	began    time.Time
	turn     uint64 // where it stands among all transactions, 0 until it has run to its end
	changes  []changeOf
	found    map[RequestID]glimpse // of the requests that were read
	requests map[RequestID]requestChange
	grants   map[GrantID]grantChange
	owed     map[string]owedChange // revocations
	clicked  map[RequestID]bool    // by a human
}

// What was put, and what was there before.
type (
	requestChange struct {
		was glimpse
		is  Request
	}
	grantChange struct {
		was GrantState
		is  Grant
	}
	owedChange struct{ was, is bool }
)

// Request returns a request as it was put, if it was.
func (n *noter) Request(id RequestID) (Request, error) {
	if c, put := n.requests[id]; put {
		return c.is, nil
	}
	r, err := n.Tx.Request(id)
	if err == nil {
		if n.found == nil {
			n.found = make(map[RequestID]glimpse, 1)
		}
		n.found[id] = r.glimpse()
	}
	return r, err
}

// Grant returns a grant as it was put, if it was.
func (n *noter) Grant(id GrantID) (Grant, error) {
	if c, put := n.grants[id]; put {
		return c.is, nil
	}
	return n.Tx.Grant(id)
}

// PutRequest notes a request. What leaves no line in the audit log may be a
// change that nobody sees: that is not noted.
func (n *noter) PutRequest(r Request, line *AuditLine) {
	unseen := false
	if line == nil {
		before, err := n.Request(r.ID)
		unseen = err == nil && before.Version == r.Version
	}
	n.keep(r)
	n.Tx.PutRequest(r, line)
	if line != nil && line.By == ByHuman {
		if n.clicked == nil {
			n.clicked = make(map[RequestID]bool, 1)
		}
		n.clicked[r.ID] = true
	}
	if unseen {
		return
	}
	n.changes = append(n.changes, changeOf{r.Agent, string(r.ID)})
}

// keep remembers a request that is put, and how it was.
func (n *noter) keep(r Request) {
	c, again := n.requests[r.ID]
	if !again {
		var read bool
		if c.was, read = n.found[r.ID]; !read {
			if before, err := n.Tx.Request(r.ID); err == nil {
				c.was = before.glimpse()
			}
		}
	}
	c.is = r
	if n.requests == nil {
		n.requests = make(map[RequestID]requestChange, 1)
	}
	n.requests[r.ID] = c
}

// PutGrant notes a grant.
func (n *noter) PutGrant(g Grant) {
	c, again := n.grants[g.ID]
	if !again {
		if before, err := n.Tx.Grant(g.ID); err == nil {
			c.was = before.State
		}
	}
	c.is = g
	if n.grants == nil {
		n.grants = make(map[GrantID]grantChange, 1)
	}
	n.grants[g.ID] = c
	n.Tx.PutGrant(g)
	n.changes = append(n.changes, changeOf{g.Key.Agent, string(g.ID)})
}

// PutRevocation notes that tokens are to be revoked.
func (n *noter) PutRevocation(v Revoking) {
	n.owe(v.ID, true)
	n.Tx.PutRevocation(v)
}

// DeleteRevocation notes that they are not any more.
func (n *noter) DeleteRevocation(id string) {
	n.owe(id, false)
	n.Tx.DeleteRevocation(id)
}

func (n *noter) owe(id string, is bool) {
	c, again := n.owed[id]
	if !again {
		_, err := n.Revoking(id)
		c.was = err == nil || errors.Is(err, ErrUnreadable)
	}
	c.is = is
	if n.owed == nil {
		n.owed = make(map[string]owedChange, 1)
	}
	n.owed[id] = c
}
