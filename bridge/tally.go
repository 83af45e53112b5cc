package bridge

import (
	"context"
	"errors"
)

// Tally is how much there is of what is going on.
type Tally struct {
	Open       int // requests
	Grants     int // that are not over
	Unreadable int // records of these that no program can read any more
}

// Tally counts what is going on.
func (b *Bridge) Tally(ctx context.Context) (t Tally, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		t = Tally{}
		for d, err := range tx.Pending() {
			if err := t.count(&t.Open, err == nil && d.State.Open(), err); err != nil {
				return err
			}
		}
		for _, err := range tx.CurrentGrants() {
			if err := t.count(&t.Grants, err == nil, err); err != nil {
				return err
			}
		}
		return nil
	})
	return t, err
}

// count counts one, if it counts.
func (t *Tally) count(into *int, counts bool, err error) error {
	switch {
	case errors.Is(err, ErrUnreadable):
		t.Unreadable++
	case err != nil:
		return err
	case counts:
		*into++
	}
	return nil
}
