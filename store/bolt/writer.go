package bolt

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/store"
)

// maxGroup bounds how many calls share one commit, and so how long the first
// of them waits for the last.
const maxGroup = 1024

// write is the one goroutine that changes the file. While it waits for the
// disk the next calls line up; they make the next group, without any delay.
func (s *Store) write() {
	defer close(s.closed)
	defer faultsPanic()()
	for {
		select {
		case first := <-s.queue:
			s.serve(s.gather(first))
		case <-s.closing:
			return
		}
	}
}

func (s *Store) gather(first *call) []*call {
	group := []*call{first}
	for len(group) < maxGroup {
		select {
		case c := <-s.queue:
			group = append(group, c)
		default:
			return group
		}
	}
	return group
}

// serve gives each call of a group its turn and then, once what they wrote is
// durable, its result.
func (s *Store) serve(group []*call) {
	err := unavailable("writing "+s.path, s.transact(group))
	for _, c := range group {
		c.result <- err
	}
}

func (s *Store) transact(group []*call) error {
	if s.broken != nil {
		return s.broken
	}
	tx, err := begin(s.db, true)
	if err != nil {
		return err
	}
	changed := false
	for _, c := range group {
		wrote := c.take(tx)
		if wrote == nil || len(wrote.list) == 0 {
			continue
		}
		changed = true
		if err := guard(func() error { return wrote.apply(tx) }); err != nil {
			return errors.Join(err, s.rollback(tx))
		}
	}
	if !changed {
		return s.rollback(tx)
	}
	return s.settle(tx)
}

// take gives a call its turn and waits for what it wants written.
func (c *call) take(tx *bbolt.Tx) *writes {
	select {
	case c.turn <- tx:
		return <-c.wrote
	case <-c.gone:
		return nil
	}
}

func (s *Store) rollback(tx *bbolt.Tx) error {
	err := guard(tx.Rollback)
	if err != nil {
		s.broken = err
	}
	return err
}

// settle commits. When only the last sync of a commit fails, readers see the
// change although it was refused; a second commit that succeeds makes it
// durable after all, and then it did not fail.
func (s *Store) settle(tx *bbolt.Tx) error {
	id := tx.ID()
	err := s.tryCommit(tx)
	if err == nil || s.broken != nil || !s.visible(id) {
		return err
	}
	if again := s.touch(); again != nil {
		return fmt.Errorf("it is not known whether the change is kept: %w", err)
	}
	return nil
}

// tryCommit gives up on the file when bbolt does: its picture of what is free
// may be wrong then.
func (s *Store) tryCommit(tx *bbolt.Tx) error {
	err := guard(func() error { return s.commit(tx) })
	if errors.Is(err, store.ErrDamaged) {
		s.broken = err
		_ = guard(tx.Rollback) // so that readers and Close go on if they can
	}
	return err
}

// visible reports whether readers see the transaction with this number.
func (s *Store) visible(id int) bool {
	tx, err := begin(s.db, false)
	if err != nil {
		return false
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
