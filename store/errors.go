package store

import (
	"errors"
	"fmt"

	"github.com/authbridge/authbridge/bridge"
)

// What can be wrong with a store or its key. The error that wraps one of
// these is a sentence for the operator: it names the file and says what to do.
var (
	// ErrInUse means that another process has the store open.
	ErrInUse = errors.New("the store is in use")
	// ErrDamaged means that the file, or a part of it, cannot be read: it was
	// cut short or overwritten.
	ErrDamaged = errors.New("the store is damaged")
	// ErrDamagedRecord means that a single record, or a line of an index,
	// makes no sense; all others are as they were. It is a kind of ErrDamaged
	// and of [bridge.ErrUnreadable].
	ErrDamagedRecord = fmt.Errorf("%w: %w", ErrDamaged, bridge.ErrUnreadable)
	// ErrNewer means that a newer authbridge wrote the store or a record; a
	// record is [bridge.ErrUnreadable], too.
	ErrNewer = errors.New("written by a newer authbridge")
	// ErrUnsafe means that others than the owner could read or change a file
	// that must be the owner's alone, or that it is no plain file.
	ErrUnsafe = errors.New("the file is not safe to use")
	// ErrNoKey means that there is no usable seal key.
	ErrNoKey = errors.New("no seal key")
	// ErrWrongKey means that the seal key is not the one of this store.
	ErrWrongKey = errors.New("wrong seal key")
	// ErrPinned means that a subject is tied to another human already.
	ErrPinned = errors.New("the subject is tied to another human")
)

// fault is one of the sentinels with a sentence of its own.
type fault struct {
	sentence string
	kind     error
}

// Fault returns an error that reads as the sentence alone and is of a kind:
// one of this package's sentinels, or several joined.
func Fault(kind error, sentence string) error { return &fault{sentence: sentence, kind: kind} }

// Error returns the sentence.
func (f *fault) Error() string { return f.sentence }

// Unwrap returns the sentinel.
func (f *fault) Unwrap() error { return f.kind }
