package bolt

import (
	"bytes"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/bridge"
)

// read looks a key up and decodes its value in place. What is missing is
// ErrNotFound.
func read[T any](tx *bbolt.Tx, b bucket, key string, decode func([]byte) (T, error)) (value T, err error) {
	err = guard(func() error {
		stored := tx.Bucket(names[b]).Get([]byte(key))
		if stored == nil {
			return bridge.ErrNotFound
		}
		value, err = decode(stored)
		return err
	})
	return value, err
}

// own is a decoder that copies.
func own(stored []byte) ([]byte, error) { return bytes.Clone(stored), nil }

// span is a run of keys in a tree.
type span struct {
	bucket bucket
	prefix string // all keys of the run begin with it
	below  string // newest first, only keys below prefix+below; "" = all
	back   bool   // newest first
}

// scan yields what decode makes of each key and value of a span. After a
// fault of one of them it goes on with the next; a fault of the tree ends it.
func scan[T any](tx *bbolt.Tx, s span, decode func(key string, value []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var c cursor
		for {
			var item T
			found := false
			err := guard(func() (err error) {
				k, v := c.next(tx, s)
				if found = k != nil && bytes.HasPrefix(k, []byte(s.prefix)); found {
					item, err = decode(string(k[len(s.prefix):]), v)
				}
				return err
			})
			if !found && err == nil || !yield(item, err) || !found {
				return
			}
		}
	}
}

// cursor walks a span; the first step finds its beginning.
type cursor struct{ at *bbolt.Cursor }

func (c *cursor) next(tx *bbolt.Tx, s span) (key, value []byte) {
	switch {
	case c.at != nil && s.back:
		return c.at.Prev()
	case c.at != nil:
		return c.at.Next()
	}
	c.at = tx.Bucket(names[s.bucket]).Cursor()
	if !s.back {
		return c.at.Seek([]byte(s.prefix))
	}
	end := s.prefix + s.below
	if s.below == "" {
		end = after(s.prefix)
	}
	if k, _ := c.at.Seek([]byte(end)); k == nil || end == "" {
		return c.at.Last()
	}
	return c.at.Prev()
}

// after is the least key above all that begin with prefix; "" = none.
func after(prefix string) string {
	for last := len(prefix) - 1; last >= 0; last-- {
		if b := prefix[last]; b < 0xff {
			return prefix[:last] + string([]byte{b + 1})
		}
	}
	return ""
}
