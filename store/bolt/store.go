package bolt

import (
	"context"
	"fmt"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// Store is a [bridge.Store] in one file.
type Store struct {
	db     *bbolt.DB
	path   string
	sealer *store.Sealer
	commit func(*bbolt.Tx) error // a test breaks it

	queue   chan *call
	closing chan struct{}
	closed  chan struct{}
	once    sync.Once
	err     error // of the closing

	// broken is the fault after which nothing more is written: bbolt gave up
	// in the middle of a commit. Only the writer uses it.
	broken error
}

var _ bridge.Store = (*Store)(nil)

// call is one Update that waits for its turn.
type call struct {
	turn   chan *bbolt.Tx // the writer hands the transaction over
	gone   chan struct{}  // the caller no longer wants its turn
	wrote  chan *writes   // the caller hands it back; nil = it changes nothing
	result chan error     // how the commit ended
}

// start begins to take calls.
func start(db *bbolt.DB, path string, sealer *store.Sealer) *Store {
	s := &Store{
		db: db, path: path, sealer: sealer, commit: (*bbolt.Tx).Commit,
		queue: make(chan *call), closing: make(chan struct{}), closed: make(chan struct{}),
	}
	go s.write()
	return s
}

// Update implements [bridge.Store]. fn runs on the goroutine of the caller,
// so a panic in it is the caller's alone. An Update that is cancelled before
// its turn returns the error of ctx; once fn runs, the commit is waited for.
func (s *Store) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{
		turn: make(chan *bbolt.Tx), gone: make(chan struct{}),
		wrote: make(chan *writes), result: make(chan error, 1),
	}
	select {
	case s.queue <- c:
	case <-s.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case tx := <-c.turn:
		return s.run(c, tx, fn)
	case err := <-c.result:
		return err
	case <-ctx.Done():
		close(c.gone)
		return ctx.Err()
	}
}

// run is the turn of a call. What fn has read may be another's write of the
// same group, so not even its error is returned before that is durable.
func (s *Store) run(c *call, tx *bbolt.Tx, fn func(bridge.Tx) error) error {
	defer faultsPanic()()
	u := &update{view: view{tx: tx, sealer: s.sealer}}
	if err := decide(c, u, fn); err != nil {
		if failed := <-c.result; failed != nil {
			return failed
		}
		return err
	}
	return <-c.result
}

// decide runs fn and hands the transaction back to the writer, even when fn
// panics or ends the goroutine.
func decide(c *call, u *update, fn func(bridge.Tx) error) (err error) {
	var wrote *writes
	defer func() { c.wrote <- wrote }()
	if err := fn(u); err != nil {
		return err
	}
	if err := u.finish(); err != nil {
		return err
	}
	wrote = &u.writes
	return nil
}

// View implements [bridge.Store].
func (s *Store) View(ctx context.Context, fn func(bridge.ReadTx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	defer faultsPanic()()
	tx, err := begin(s.db, false)
	if err != nil {
		return unavailable("reading "+s.path, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return fn(&view{tx: tx, sealer: s.sealer})
}

func begin(db *bbolt.DB, writable bool) (tx *bbolt.Tx, err error) {
	err = guard(func() error {
		tx, err = db.Begin(writable)
		return err
	})
	return tx, err
}

// Close implements [bridge.Store]. Calls that still wait for their turn, and
// all later ones, get an error.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closing)
		<-s.closed
		if s.broken != nil {
			return // bbolt may hold its lock for ever; the process is about to end
		}
		if err := s.db.Close(); err != nil {
			s.err = fmt.Errorf("close %s: %w", s.path, err)
		}
	})
	return s.err
}
