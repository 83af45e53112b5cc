package bridge

import (
	"context"
	"time"
)

// Notes is what a room around the bridge may remember under its own name: a
// few small values, durable, that no other room sees. It is not for secrets;
// keep their hashes.
type Notes struct {
	store Store
	room  string
}

// Notes returns the notes of a room.
func (b *Bridge) Notes(room string) *Notes { return &Notes{b.store, room} }

// Get returns a value; what is missing or has expired is ErrNotFound.
func (n *Notes) Get(ctx context.Context, key string) (value []byte, err error) {
	err = n.store.View(ctx, func(tx ReadTx) error {
		value, err = tx.Note(n.room, key, time.Now())
		return err
	})
	return value, err
}

// Put stores a value until it expires; the zero time means for ever.
func (n *Notes) Put(ctx context.Context, key string, value []byte, expires time.Time) error {
	return n.store.Update(ctx, func(tx Tx) error {
		tx.PutNote(n.room, key, value, expires)
		return nil
	})
}

// Exchange moves a value to another key, where it stays until it expires, and
// returns it. Of many callers one gets it, the others get ErrNotFound; a crash
// leaves it under the one key or the other.
func (n *Notes) Exchange(ctx context.Context, from, to string, expires time.Time) (value []byte, err error) {
	err = n.store.Update(ctx, func(tx Tx) error {
		if value, err = tx.Note(n.room, from, time.Now()); err != nil {
			return err
		}
		tx.DeleteNote(n.room, from)
		tx.PutNote(n.room, to, value, expires)
		return nil
	})
	return value, err
}

// Delete forgets a value, if there is one.
func (n *Notes) Delete(ctx context.Context, key string) error {
	return n.store.Update(ctx, func(tx Tx) error {
		tx.DeleteNote(n.room, key)
		return nil
	})
}
