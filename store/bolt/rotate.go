package bolt

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
)

// rotateBatch is how many secrets one commit seals again.
const rotateBatch = 1000

// sealAgain seals every secret with the primary key, and the canary last: a
// crash on the way is made good at the next start. A secret that no key opens
// stays as it is.
func sealAgain(db *bbolt.DB, path string, sealer *store.Sealer) error {
	var from []byte
	for more := true; more; {
		err := guard(func() error {
			return db.Update(func(tx *bbolt.Tx) (err error) {
				from, err = sealSome(tx, sealer, from)
				if more = from != nil; more || err != nil {
					return err
				}
				return errors.Join(sealMarks(tx, sealer), putCanary(tx.Bucket(names[meta]), sealer))
			})
		})
		if err != nil {
			return fmt.Errorf("seal the secrets in %s with the new key: %w", path, err)
		}
	}
	return nil
}

// sealSome goes on at a key and returns where to go on next; nil = done. The
// tree is read first and changed then: a cursor does not survive a change.
func sealSome(tx *bbolt.Tx, sealer *store.Sealer, from []byte) (next []byte, err error) {
	b := tx.Bucket(names[secrets])
	old := map[bridge.SecretRef][]byte{}
	c := b.Cursor()
	k, v := c.Seek(from)
	for ; k != nil && len(old) < rotateBatch; k, v = c.Next() {
		if !sealer.Current(v) {
			old[bridge.SecretRef(k)] = bytes.Clone(v)
		}
	}
	next = bytes.Clone(k)
	for ref, sealed := range old {
		if err := sealOne(b, sealer, ref, sealed); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// sealMarks seals the two ends of the audit log again. One that does not open
// stays as it is: whoever looks through the log is told.
func sealMarks(tx *bbolt.Tx, sealer *store.Sealer) error {
	for _, ref := range []bridge.SecretRef{sealedStart, sealedHead} {
		m, err := readMark(tx, sealer, ref)
		if err == nil {
			err = putMark(tx, sealer, ref, m)
		}
		if err != nil && !errors.Is(err, errSeal) {
			return err
		}
	}
	return nil
}

func sealOne(b *bbolt.Bucket, sealer *store.Sealer, ref bridge.SecretRef, sealed []byte) error {
	secret, err := sealer.Open(ref, sealed)
	if err != nil {
		return nil //nolint:nilerr // whoever needs it is told
	}
	again, err := sealer.Seal(ref, secret)
	if err != nil {
		return err
	}
	return b.Put([]byte(ref), again)
}
