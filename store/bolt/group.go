package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// group is one transaction of bbolt that many calls share, one after the
// other: one commit, and one wait for the disk. Only who has the turn may use
// it.
type group struct {
	tx    *bbolt.Tx // nil until the first call
	calls int       // how many want something written
	head  mark      // of the audit log, with their lines

	done chan struct{} // closed when it is known how the commit ended
	err  error         // how; nil = what they wanted is durable
}

func newGroup() *group { return &group{done: make(chan struct{})} }

// maxGroup bounds how many calls share one commit, and so how long the first
// of them waits for the last.
const maxGroup = 1024

// The callers of the last group come back one after the other, so the next
// one waits for as many, but not for long: a commit costs more than that. A
// caller who was alone is not kept waiting.
const (
	linger    = 300 * time.Microsecond
	maxYields = 256 // where time stands still, as in a test's bubble
)

// join waits for the turn, lets fn decide, and adds what it wants written to
// the open group; it returns that group when fn's fate hangs on it. The one
// who is first to add something leads the group, and has to bring it to its
// end. The turn goes on even when fn panics or ends the goroutine.
func (s *Store) join(ctx context.Context, fn func(bridge.Tx) error) (g *group, leads bool, err error) {
	next, err := s.take(ctx)
	if err != nil {
		return nil, false, err
	}
	defer func() { s.turn <- next }()
	if next.calls >= maxGroup {
		next = s.settle(next)
	}
	if err := s.begin(next); err != nil {
		return nil, false, s.refused(err)
	}
	wrote, err := s.decide(next.tx, fn)
	if err == nil && len(wrote.list) > 0 {
		next.calls++
		g, leads = next, next.calls == 1
		if err := guard(func() error { return wrote.apply(g.tx, &g.head) }); err != nil {
			next = s.end(g, errors.Join(err, s.rollback(g.tx)))
		}
		return g, leads, nil
	}
	if next.calls == 0 {
		return nil, false, err
	}
	return next, false, err // it may have read what the others write
}

// take waits for the turn. The open group comes with it.
func (s *Store) take(ctx context.Context) (*group, error) {
	select {
	case g, open := <-s.turn:
		if !open {
			return nil, errClosed
		}
		return g, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// begin opens the transaction of a group that has none yet.
func (s *Store) begin(g *group) (err error) {
	if s.broken != nil {
		return s.broken
	}
	if g.tx != nil {
		return nil
	}
	if g.tx, err = begin(s.db, true); err != nil {
		return err
	}
	if s.doubted != nil { // what readers see is what it comes after
		if m, err := readMark(g.tx, s.sealer, sealedHead); err == nil && m == *s.doubted {
			s.head = m
		}
		s.doubted = nil
	}
	g.head = s.head
	return nil
}

// decide returns what fn wants written. A panic in fn is the caller's alone.
func (s *Store) decide(tx *bbolt.Tx, fn func(bridge.Tx) error) (writes, error) {
	u := &update{view: view{tx: tx, sealer: s.sealer, recent: &s.recent}}
	if err := fn(u); err != nil {
		return writes{}, err
	}
	return u.writes, u.finish()
}

// lead lets others join the group as long as that pays, and then commits. Who
// waits for the turn already comes first: the turn is given in order.
func (s *Store) lead(g *group) {
	began := time.Now()
	for yields := 0; ; yields++ {
		select {
		case open, ok := <-s.turn:
			switch {
			case !ok:
				return
			case open != g: // somebody else has brought it to its end
				s.turn <- open
				return
			case g.calls >= s.last || yields >= maxYields || time.Since(began) > linger:
				s.turn <- s.settle(g)
				return
			}
			s.turn <- g
			runtime.Gosched()
		case <-g.done:
			return
		}
	}
}

// settle commits what a group wants written, tells its calls, and returns the
// group that comes next.
func (s *Store) settle(g *group) *group {
	s.last = g.calls
	err := s.write(g)
	if err == nil {
		s.head = g.head
		s.kept.Store(&g.head)
	}
	return s.end(g, err)
}

// end tells the calls of a group how it ended.
func (s *Store) end(g *group, err error) *group {
	g.err = s.refused(err)
	close(g.done)
	return newGroup()
}

func (s *Store) refused(err error) error { return unavailable("writing "+s.path, err) }

func (s *Store) rollback(tx *bbolt.Tx) error {
	err := guard(tx.Rollback)
	if err != nil {
		s.broken = err
	}
	return err
}

// write commits. When only the last sync of a commit fails, readers see the
// change although it was refused; a second commit that succeeds makes it
// durable after all, and then it did not fail.
func (s *Store) write(g *group) error {
	err := s.inPlace(g.tx.Size())
	var l life
	if err == nil {
		l, err = s.countIn(g.tx)
	}
	if err == nil && g.head != s.head {
		err = guard(func() error { return putMark(g.tx, s.sealer, sealedHead, g.head) })
	}
	if err != nil {
		return errors.Join(err, s.rollback(g.tx))
	}
	id := g.tx.ID()
	err = s.tryCommit(g.tx)
	if err == nil {
		s.counted(l)
	}
	if err == nil || !s.visible(id) {
		return err
	}
	if s.broken == nil && s.touch() == nil {
		return nil
	}
	s.doubted = &g.head
	return fmt.Errorf("%w: %w", bridge.ErrInDoubt, err)
}

// tryCommit gives up on the file when bbolt does: its picture of what is free
// may be wrong then.
func (s *Store) tryCommit(tx *bbolt.Tx) error {
	err := guard(func() error { return s.commit(tx) })
	if err == nil {
		return nil
	}
	if errors.Is(err, store.ErrDamaged) {
		s.broken = err
	}
	_ = guard(tx.Rollback) // bbolt does not always, and then holds its locks
	return err
}

// visible reports whether readers see the transaction with this number, or
// whether that cannot be told.
func (s *Store) visible(id int) bool {
	tx, err := begin(s.db, false)
	if err != nil {
		return true
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return tx.ID() >= id
}

// touch commits a change that says nothing.
func (s *Store) touch() error {
	tx, err := begin(s.db, true)
	if err != nil {
		return err
	}
	err = guard(func() error {
		_, err := tx.Bucket(names[meta]).NextSequence()
		return err
	})
	if err != nil {
		return errors.Join(err, s.rollback(tx))
	}
	return s.tryCommit(tx)
}
