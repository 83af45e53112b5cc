package bolt

import (
	"bytes"
	"errors"
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
	from   string // oldest first, only keys from prefix+from on
	below  string // newest first, only keys below prefix+below; "" = all
	back   bool   // newest first
}

// scan yields what decode makes of each key, without the prefix, and value of
// a span; decode may not keep the value. A fault of one line is
// [bridge.ErrUnreadable], and the next follows; any other ends the sequence.
func scan[T any](tx *bbolt.Tx, s span, decode func(key string, value []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		c := cursor{tx: tx, span: s}
		for size := firstBatch; ; size = min(2*size, maxBatch) {
			err := guard(func() error { return c.read(size) })
			keys := string(c.keys)
			var from found
			for _, to := range c.lines {
				item, err := decode(keys[from.key:to.key], c.values[from.value:to.value])
				if !yield(item, err) || ends(err) {
					return
				}
				from = to
			}
			if err != nil {
				var none T
				yield(none, err)
			}
			if err != nil || len(c.lines) < size {
				return
			}
		}
	}
}

// ends reports whether an error ends a sequence.
func ends(err error) bool { return err != nil && !errors.Is(err, bridge.ErrUnreadable) }

// Lines are read in batches: a guard and an allocation for each line would
// cost more than the lines do. The first batch is small, for who wants a few.
const (
	firstBatch = 16
	maxBatch   = 128
)

// cursor walks a span, batch by batch.
type cursor struct {
	tx   *bbolt.Tx
	span span
	at   *bbolt.Cursor // nil before the first step

	// The lines of the last batch, one after the other.
	keys, values []byte
	lines        []found
}

// found says where the key and the value of a line end.
type found struct{ key, value int }

// read reads the next lines, fewer than size at the end of the span. It
// copies: the memory of the file may be touched under a guard only.
func (c *cursor) read(size int) error {
	c.keys, c.values, c.lines = c.keys[:0], c.values[:0], c.lines[:0]
	for len(c.lines) < size {
		k, v := c.step()
		if k == nil || !bytes.HasPrefix(k, []byte(c.span.prefix)) {
			break
		}
		c.keys = append(c.keys, k[len(c.span.prefix):]...)
		c.values = append(c.values, v...)
		c.lines = append(c.lines, found{len(c.keys), len(c.values)})
	}
	return nil
}

func (c *cursor) step() (key, value []byte) {
	s := c.span
	switch {
	case c.at != nil && s.back:
		return c.at.Prev()
	case c.at != nil:
		return c.at.Next()
	}
	c.at = c.tx.Bucket(names[s.bucket]).Cursor()
	if !s.back {
		return c.at.Seek([]byte(s.prefix + s.from))
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
