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

// NotesTx reads and changes the notes of one room in one transaction. It is no
// use once the function that it was given to has returned.
type NotesTx interface {
	// Get is as [Notes.Get], and sees nothing of what this transaction has
	// put or deleted.
	Get(key string) ([]byte, error)
	// Put is as [Notes.Put].
	Put(key string, value []byte, expires time.Time)
	// Delete forgets a value, if there is one.
	Delete(key string)
	// Audit writes a line about what this transaction does. Only its time is
	// filled in.
	Audit(line AuditLine)
}

// Update changes several notes as one: all of what change does is kept, or, if
// it returns an error, nothing, and Update returns that error. Changes follow
// each other, so of two that want the same note the second sees what the first
// did. change may be called again if the store asks for it.
func (n *Notes) Update(ctx context.Context, change func(NotesTx) error) error {
	return n.store.Update(ctx, func(tx Tx) error { return change(notesTx{tx, n.room}) })
}

type notesTx struct {
	tx   Tx
	room string
}

func (n notesTx) Get(key string) ([]byte, error) { return n.tx.Note(n.room, key, time.Now()) }

func (n notesTx) Put(key string, value []byte, expires time.Time) {
	n.tx.PutNote(n.room, key, value, expires)
}

func (n notesTx) Delete(key string) { n.tx.DeleteNote(n.room, key) }

func (n notesTx) Audit(line AuditLine) {
	line.Time = time.Now().UTC().Round(0)
	n.tx.Audit(line)
}
