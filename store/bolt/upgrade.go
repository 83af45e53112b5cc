package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// newIn2 are the trees that a file of format 1 does not have; oldIn1 are those
// of its trees that nobody reads any more.
var (
	newIn2 = []bucket{audit, grantsOf, givenBy, currentByID}
	oldIn1 = [][]byte{[]byte("history"), []byte("grant.live")}
)

// upgrade brings a file of an older format up to this one, in one commit: it
// is upgraded, or as it was.
func upgrade(db *bbolt.DB, path string, sealer *store.Sealer) error {
	err := guard(func() error { return db.Update(func(tx *bbolt.Tx) error { return from1(tx, sealer) }) })
	if err != nil {
		return fmt.Errorf("bring the store %s to format %d: %w", path, format, err)
	}
	return nil
}

// from1 lists all grants anew: format 1 knew them by key alone, and took the
// human of the key for the one who gave. Its history of requests, which nobody
// could read, makes room for the audit log.
func from1(tx *bbolt.Tx, sealer *store.Sealer) error {
	for _, b := range newIn2 {
		if _, err := tx.CreateBucketIfNotExists(names[b]); err != nil {
			return err
		}
	}
	for _, name := range oldIn1 {
		if tx.Bucket(name) == nil {
			continue
		}
		if err := tx.DeleteBucket(name); err != nil {
			return err
		}
	}
	var w writes
	err := tx.Bucket(names[grants]).ForEach(func(id, stored []byte) error {
		g, err := store.Decode[bridge.Grant](bytes.Clone(stored))
		if err != nil {
			return nil //nolint:nilerr // whoever reads it is told
		}
		if g.Human == "" {
			g.Human = g.Key.Human
		}
		again, err := store.Encode(g)
		w.set(grants, string(id), again)
		for _, l := range grantIndex(g) {
			w.set(l.bucket, l.key, []byte(l.value))
		}
		return err
	})
	if err != nil {
		return err
	}
	w.set(meta, keyFormat, []byte(strconv.Itoa(format)))
	return errors.Join(
		putMark(tx, sealer, sealedStart, mark{}),
		putMark(tx, sealer, sealedHead, mark{}),
		w.apply(tx, &mark{}),
	)
}
