package bolt

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// Store is a [bridge.Store] in one file.
type Store struct {
	db     *bbolt.DB
	path   string
	file   os.FileInfo // which file it is
	sealer *store.Sealer
	recent recent
	commit func(*bbolt.Tx) error // a test breaks it

	// turn holds the open group while nobody uses it. Whoever takes it out
	// has the turn, alone, and puts it or the next one back. It is closed with
	// the store.
	turn    chan *group
	closing chan struct{}
	once    sync.Once
	err     error // of the closing

	kept atomic.Pointer[mark] // where the audit log ended at the last commit that is known to be durable

	// Only who has the turn uses what follows.

	last int  // how many calls shared the last commit
	head mark // where the audit log ends

	uncounted bool // the next commit is to count this life of the store

	// doubted is where it ends if the last commit was kept; nil = that is
	// known.
	doubted *mark

	// broken is the fault after which nothing more is written: bbolt gave up
	// in the middle of a commit.
	broken error
}

var _ bridge.Store = (*Store)(nil)

// start begins to take calls.
func start(db *bbolt.DB, path string, file os.FileInfo, sealer *store.Sealer, head mark) *Store {
	s := &Store{
		db: db, path: path, file: file, sealer: sealer, commit: (*bbolt.Tx).Commit, head: head,
		turn: make(chan *group, 1), closing: make(chan struct{}),
	}
	s.kept.Store(&head)
	s.turn <- newGroup()
	return s
}

// Update implements [bridge.Store]. fn runs on the goroutine of the caller,
// so a panic in it is the caller's alone. An Update that is cancelled before
// its turn returns the error of ctx; once fn runs, the commit is waited for.
// What fn has read may be another's write of the same group, so not even its
// error is returned before that is durable.
func (s *Store) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer faultsPanic()()
	g, leads, err := s.join(ctx, fn)
	if g == nil {
		return err
	}
	if leads {
		s.lead(g)
	}
	<-g.done
	if g.err != nil {
		return g.err
	}
	return err
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
	return fn(&view{tx: tx, sealer: s.sealer, recent: &s.recent})
}

func begin(db *bbolt.DB, writable bool) (tx *bbolt.Tx, err error) {
	err = guard(func() error {
		tx, err = db.Begin(writable)
		return err
	})
	return tx, err
}

// Close implements [bridge.Store]. Calls that wait for their turn behind it,
// and all later ones, get an error.
func (s *Store) Close() error {
	s.once.Do(func() {
		defer faultsPanic()()
		close(s.closing)
		s.countClosed(<-s.turn)
		close(s.turn)
		if s.broken != nil {
			return // bbolt may hold its lock for ever; the process is about to end
		}
		if err := s.db.Close(); err != nil {
			s.err = fmt.Errorf("close %s: %w", s.path, err)
		}
	})
	return s.err
}
