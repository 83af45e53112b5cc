package bolt

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// A store counts how often it was opened and closed, and writes the count into
// a small file beside it too, always after it has counted itself. A store that
// counts less than that file says is an older one which was put in its place;
// one without that file came from elsewhere. Either way something may have
// happened since that it does not know of. After a crash between the two
// writes the store is ahead, which says nothing.
type life struct {
	ID      string // of this store: random, the same in all its copies
	Count   uint64
	Noticed string // the marked copy that this store was, when that was last noticed
}

// The keys of the meta tree.
const (
	keyLife     = "life"
	keyRestored = "restored"
)

// besidePath is the name of the small file.
func besidePath(path string) string { return path + ".life" }

func (l life) beside() string { return fmt.Sprintf("%s %d\n", l.ID, l.Count) }

// readBeside reads the small file; what makes no sense there is no life.
func readBeside(path string) (l life, err error) {
	text, err := os.ReadFile(besidePath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return life{}, nil
	}
	if err != nil {
		return life{}, fmt.Errorf("read what lies beside the store: %w", err)
	}
	if n, err := fmt.Sscanf(string(text), "%s %d\n", &l.ID, &l.Count); n != 2 || err != nil {
		return life{}, nil //nolint:nilerr // then it is not of this store
	}
	return l, nil
}

// writeBeside writes the small file, all of it or nothing.
func writeBeside(path string, l life) error {
	name := besidePath(path)
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // beside the store
	if err != nil {
		return fmt.Errorf("write beside the store: %w", err)
	}
	_, err = f.WriteString(l.beside())
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err == nil {
		err = store.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// cameFrom says what shows that this store is not the one that was last in its
// place; "" = nothing does.
func (l life) cameFrom(beside life, c markedCopy) string {
	switch {
	case c.id != "" && c.id != l.Noticed:
		return "it is a copy that authbridge backup made"
	case l.Count == 0: // it was never opened by a version that counts
		return ""
	case beside.ID == "":
		return "the file " + filepath.Base(besidePath("authbridge.db")) + " beside it is missing"
	case beside.ID != l.ID:
		return "the file beside it belongs to another store"
	case l.Count < beside.Count:
		return "it is older than the store that was last in its place"
	}
	return ""
}

// countOpened counts that the store was opened, and notes for the bridge if it
// is not the one that was last in its place. It comes before any other call.
//
// A disk that takes nothing just now is no reason not to start, but for a store
// that was put back: the first commit that it takes counts instead, and nothing
// happens before that which an older store would not know of.
func (s *Store) countOpened(c markedCopy) error {
	beside, err := readBeside(s.path)
	if err != nil {
		return err
	}
	g := <-s.turn
	defer func() { s.turn <- g }()
	var l life
	var why string
	if err = s.begin(g); err == nil {
		l, why, err = countOpened(g.tx, beside, c)
		opened := g
		if err != nil {
			g = s.end(g, errors.Join(err, s.rollback(g.tx)))
		} else {
			g = s.settle(g)
		}
		err = opened.err
	}
	if err == nil {
		err = writeBeside(s.path, l)
	}
	switch {
	case err == nil:
		return nil
	case why == "" && noRoom(err):
		s.uncounted = true
		return nil
	}
	return fmt.Errorf("count that the store %s was opened: %w", s.path, cmp.Or(bySystem(err), err))
}

// noRoom reports whether an error is a disk that takes nothing just now.
func noRoom(err error) bool {
	err = cmp.Or(bySystem(err), err)
	return slices.ContainsFunc([]syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EIO}, func(e syscall.Errno) bool {
		return errors.Is(err, e)
	})
}

// countOpened also says what shows that it is another store.
func countOpened(tx *bbolt.Tx, beside life, c markedCopy) (l life, why string, err error) {
	err = guard(func() error {
		if l, err = readLife(tx); err != nil {
			return err
		}
		if why = l.cameFrom(beside, c); why != "" {
			record, err := store.Encode(bridge.Restore{Noticed: time.Now().UTC().Round(0), Taken: c.taken, Why: why})
			if err := errors.Join(err, tx.Bucket(names[meta]).Put([]byte(keyRestored), record)); err != nil {
				return err
			}
		}
		if beside.ID == l.ID {
			l.Count = max(l.Count, beside.Count)
		}
		if c.id != "" {
			l.Noticed = c.id
		}
		l, err = count(tx, l)
		return err
	})
	return l, why, err
}

// count writes one more into the store.
func count(tx *bbolt.Tx, l life) (life, error) {
	if l.ID == "" {
		l.ID = rand.Text()
	}
	l.Count++
	return l, putLife(tx, l)
}

func readLife(tx *bbolt.Tx) (life, error) {
	stored := tx.Bucket(names[meta]).Get([]byte(keyLife))
	if stored == nil {
		return life{}, nil
	}
	return store.Decode[life](stored)
}

func putLife(tx *bbolt.Tx, l life) error {
	stored, err := store.Encode(l)
	if err != nil {
		return err
	}
	return tx.Bucket(names[meta]).Put([]byte(keyLife), stored)
}

// countClosed counts that the store was closed, once the last group is
// settled: that tells a copy which somebody made of the file while it was in
// use from the file as it is now. If it cannot be counted, nothing else is lost.
func (s *Store) countClosed(g *group) {
	if g.calls > 0 {
		g = s.settle(g)
	}
	if s.begin(g) == nil {
		s.uncounted = true
		s.settle(g)
	}
}

// countIn counts in a commit if that is still to be done.
func (s *Store) countIn(tx *bbolt.Tx) (l life, err error) {
	if !s.uncounted {
		return life{}, nil
	}
	err = guard(func() error {
		if l, err = readLife(tx); err == nil {
			l, err = count(tx, l)
		}
		return err
	})
	return l, err
}

// counted writes beside the store what was counted in a commit, once that is
// durable. What cannot be written is counted with the next commit once more.
func (s *Store) counted(l life) {
	if l.Count > 0 && writeBeside(s.path, l) == nil {
		s.uncounted = false
	}
}

func (v *view) Restored() (bridge.Restore, error) {
	r, err := read(v.tx, meta, keyRestored, store.Decode[bridge.Restore])
	return r, about("restore", "", err)
}

// SettleRestore implements [bridge.Tx].
func (u *update) SettleRestore() { u.delete(meta, keyRestored) }
