package bolt

import (
	"go.etcd.io/bbolt"
)

// place is a key in a tree.
type place struct {
	bucket bucket
	key    string
}

// write is one change of the file: a value, or nil to take the key away.
type write struct {
	place
	value []byte
	line  bool // a new line of the audit log: it gets its number and its key when it is written
}

// writes are what a transaction wants to change, in order. Nothing reaches
// the file before the whole transaction is known to succeed, so one that
// fails leaves the others of its group alone.
type writes struct {
	list []write
	at   map[place]int
}

// set makes a change take the place of an earlier one of the same key.
func (w *writes) set(b bucket, key string, value []byte) {
	p := place{b, key}
	if i, ok := w.at[p]; ok {
		w.list[i].value = value
		return
	}
	if w.at == nil {
		w.at = make(map[place]int, 8)
	}
	w.at[p] = len(w.list)
	w.list = append(w.list, write{place: p, value: value})
}

// add puts a line behind all others of the audit log.
func (w *writes) add(body []byte) {
	w.list = append(w.list, write{place: place{bucket: audit}, value: body, line: true})
}

// find returns what the key will have; known is false when the transaction
// does not touch it.
func (w *writes) find(b bucket, key string) (value []byte, known bool) {
	i, known := w.at[place{b, key}]
	if !known {
		return nil, false
	}
	return w.list[i].value, true
}

// apply makes the changes in the file's transaction, and takes the head of the
// audit log along.
func (w *writes) apply(tx *bbolt.Tx, head *mark) error {
	for _, c := range w.list {
		if c.line {
			c.value, *head = head.next(c.value)
			c.key = seqKey(head.seq)
		}
		if err := c.apply(tx.Bucket(names[c.bucket])); err != nil {
			return err
		}
	}
	return nil
}

// dense is how full pages are left in trees that only grow at their end.
const dense = 0.9

func (c write) apply(b *bbolt.Bucket) error {
	if c.bucket.grows() {
		b.FillPercent = dense
	}
	if c.value == nil {
		return b.Delete([]byte(c.key))
	}
	return b.Put([]byte(c.key), c.value)
}
