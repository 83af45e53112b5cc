package bolt

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// lockWait is how long a start waits for a predecessor that is just ending.
const lockWait = time.Second

// mapped is how much of the file's future is mapped from the start: until it
// is that large, no commit has to wait for views to end. It costs addresses,
// not memory.
const mapped = 256 << 20

// step is by how much the file grows.
const step = 4 << 20

// canary is a sealed text that opens only with a key of this store.
const canary bridge.SecretRef = "canary"

// The keys of the meta tree.
const (
	keyFormat = "format"
	keyCanary = "canary"
)

// Backend is this store for [store.Open]: "bolt", by default in
// authbridge.db.
func Backend() store.Backend {
	return store.Backend{
		Name: "bolt",
		File: "authbridge.db",
		Open: func(ctx context.Context, path string, sealer *store.Sealer) (bridge.Store, error) {
			s, err := Open(ctx, path, sealer)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}

// Open opens the store in a file, which it makes, with mode 0600, when there
// is none or an empty one: a crash at the very first start leaves that. It
// refuses, and leaves untouched, a file that another process has open, that is
// damaged, that a newer authbridge wrote or whose secrets another key sealed;
// and a file or directory that others can change. Each error is one sentence
// that names the file, of a kind of package store.
//
// A file of an older format is brought up to this one; an older authbridge does
// not open it then. A file that is a copy, or not the one that was last in its
// place, is taken for a restored one: [bridge.ReadTx] tells. A full disk refuses
// a start only where something has to be written: an upgrade, a new key, a
// restored store. When the keyset has a new primary key, everything sealed is
// sealed again with it; after that the older keys may be taken out.
func Open(ctx context.Context, path string, sealer *store.Sealer) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkPlace(path); err != nil {
		return nil, err
	}
	defer faultsPanic()()
	db, err := openFile(path)
	if err != nil {
		return nil, err
	}
	marked, err := readTrailer(path) // before anything is written over it
	var head mark
	if err == nil {
		head, err = prepare(db, path, sealer)
	}
	file, statErr := os.Stat(path)
	if err := cmp.Or(err, statErr); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := start(db, path, file, sealer, head)
	if err := s.countOpened(marked); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// openFile opens and locks the file. If bbolt panics over what it finds, the
// file it opened is closed here, and with it the lock is gone.
func openFile(path string) (db *bbolt.DB, err error) {
	var file *os.File
	empty := false
	err = guard(func() error {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:      lockWait,
			FreelistType: bbolt.FreelistMapType, // does not grow slow with what Prune frees
			NoStatistics: true,

			InitialMmapSize: mapped,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				file, err = os.OpenFile(name, flag, mode) //nolint:gosec // the operator names the file
				info, statErr := os.Stat(name)
				empty = statErr == nil && info.Size() == 0
				return file, err
			},
		})
		return err
	})
	switch {
	case err == nil:
		db.AllocSize = step
		return db, nil
	case errors.Is(err, berrors.ErrTimeout):
		return nil, store.Fault(store.ErrInUse, fmt.Sprintf("another authbridge has %s open: stop it first", path))
	case file != nil:
		// Closed already, unless bbolt panicked: then the memory that the file
		// is mapped to would keep the lock.
		_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
		_ = file.Close()
	}
	if empty {
		err = errors.Join(err, unmake(path))
	}
	if errors.Is(err, syscall.EROFS) {
		return nil, store.Fault(err, fmt.Sprintf("the store %s is on a read-only file system: make that writable, or name a file elsewhere", path))
	}
	if refused := bySystem(err); refused != nil { // which says nothing of the content
		return nil, fmt.Errorf("open the store %s: %w", path, refused)
	}
	return nil, damaged(path, err.Error())
}

// bySystem is err if the system caused it. bbolt keeps of a file that may not
// grow only what the system said.
func bySystem(err error) error {
	if refused := syscall.Errno(0); errors.As(err, &refused) {
		return err
	}
	for _, said := range []syscall.Errno{syscall.EFBIG, syscall.ENOSPC, syscall.EDQUOT, syscall.EIO} {
		if strings.HasSuffix(err.Error(), said.Error()) {
			return fmt.Errorf("%w: %w", err, said)
		}
	}
	return nil
}

// prepare checks what the file holds, and writes only once all is well. It
// returns where the audit log ends.
func prepare(db *bbolt.DB, path string, sealer *store.Sealer) (mark, error) {
	var found content
	err := guard(func() error {
		return db.View(func(tx *bbolt.Tx) (err error) {
			found, err = inspect(tx)
			return err
		})
	})
	if err == nil && !found.fresh {
		err = guard(func() error { return found.check(path, sealer) })
	}
	switch {
	case err != nil && errors.Is(err, store.ErrDamaged):
		return mark{}, damaged(path, err.Error())
	case err != nil:
		return mark{}, err
	case found.fresh:
		return mark{}, create(db, path, sealer)
	}
	if found.format != strconv.Itoa(format) {
		if err := upgrade(db, path, sealer); err != nil {
			return mark{}, err
		}
	}
	if !sealer.Current(found.canary) {
		if err := sealAgain(db, path, sealer); err != nil {
			return mark{}, err
		}
	}
	return takeUp(db, path, sealer)
}

// takeUp finds where the audit log ends.
func takeUp(db *bbolt.DB, path string, sealer *store.Sealer) (head mark, err error) {
	var amiss string
	err = db.View(func(tx *bbolt.Tx) error {
		head, amiss, err = findHead(tx, sealer)
		return err
	})
	if err == nil && amiss != "" {
		err = guard(func() error { return db.Update(func(tx *bbolt.Tx) error { return tell(tx, sealer, amiss, &head) }) })
	}
	if err != nil {
		return mark{}, fmt.Errorf("take up the audit log in %s: %w", path, err)
	}
	return head, nil
}

// tell adds to the audit log that it was found to be not as it was left.
func tell(tx *bbolt.Tx, sealer *store.Sealer, amiss string, head *mark) error {
	body, err := damageLine(amiss)
	if err != nil {
		return err
	}
	var w writes
	w.add(body)
	if err := w.apply(tx, head); err != nil {
		return err
	}
	return putMark(tx, sealer, sealedHead, *head)
}

// content is what a file says of itself.
type content struct {
	fresh   bool // bbolt made it and nobody wrote to it yet
	format  string
	canary  []byte
	missing string // a tree that should be there
}

func inspect(tx *bbolt.Tx) (content, error) {
	info, err := os.Stat(tx.DB().Path())
	if err != nil {
		return content{}, err
	}
	if info.Size() < tx.Size() {
		return content{}, fmt.Errorf("%w: it should have %d bytes and has %d", store.ErrDamaged, tx.Size(), info.Size())
	}
	if k, _ := tx.Cursor().First(); k == nil {
		return content{fresh: true}, nil
	}
	b := tx.Bucket(names[meta])
	if b == nil {
		return content{}, fmt.Errorf("%w: it says nothing of its format", store.ErrDamaged)
	}
	c := content{format: string(b.Get([]byte(keyFormat))), canary: bytes.Clone(b.Get([]byte(keyCanary)))}
	for b, name := range names {
		switch tree := tx.Bucket(name); {
		case tree != nil:
			tree.Cursor().First() // reads the way to the tree
		case c.format != "1" || !slices.Contains(newIn2, bucket(b)):
			c.missing = string(name)
		}
	}
	return c, nil
}

// check compares the file with this program and with the key.
func (c content) check(path string, sealer *store.Sealer) error {
	n, err := strconv.Atoi(c.format)
	switch {
	case err != nil || n < 1:
		return fmt.Errorf("%w: its format is %q", store.ErrDamaged, c.format)
	case n > format:
		return store.Fault(store.ErrNewer, fmt.Sprintf(
			"a newer authbridge wrote the store %s: it has format %d and this version knows format %d: use the newer version", path, n, format))
	case c.missing != "":
		return fmt.Errorf("%w: its part %q is missing", store.ErrDamaged, c.missing)
	}
	if _, err := sealer.Open(canary, c.canary); err != nil {
		return store.Fault(store.ErrWrongKey, fmt.Sprintf(
			"the seal key is not the one of the store %s: put back the key file that it was made with", path))
	}
	return nil
}

// create writes the trees, the format and the canary in one commit.
func create(db *bbolt.DB, path string, sealer *store.Sealer) error {
	err := guard(func() error { return db.Update(func(tx *bbolt.Tx) error { return lay(tx, sealer) }) })
	if err == nil {
		err = store.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("make the store %s: %w", path, cmp.Or(bySystem(err), err))
	}
	return nil
}

func lay(tx *bbolt.Tx, sealer *store.Sealer) error {
	for _, name := range names {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	b := tx.Bucket(names[meta])
	if err := b.Put([]byte(keyFormat), []byte(strconv.Itoa(format))); err != nil {
		return err
	}
	return errors.Join(
		putMark(tx, sealer, sealedStart, mark{}),
		putMark(tx, sealer, sealedHead, mark{}),
		putCanary(b, sealer),
	)
}

func putCanary(b *bbolt.Bucket, sealer *store.Sealer) error {
	sealed, err := sealer.Seal(canary, bridge.NewSecret("authbridge"))
	if err != nil {
		return err
	}
	return b.Put([]byte(keyCanary), sealed)
}
