package bridge

import (
	"context"
	"time"
)

// Unlink forgets which accounts a human is tied to: those at one issuer, or
// all of them ("" = all). It returns what it forgot. What the human has given
// stays as it is; their next grant is checked as if it were the first. Somebody
// who is tied to nothing and not configured either is [ErrNotFound].
func (b *Bridge) Unlink(ctx context.Context, human, issuer string, by Actor) ([]Pin, error) {
	var gone []Pin
	err := b.store.Update(ctx, func(tx Tx) error {
		gone = nil
		tied := false
		for pin, err := range tx.Pins(human) {
			if err != nil {
				return err
			}
			if tied = true; issuer == "" || pin.Issuer == issuer {
				gone = append(gone, pin)
			}
		}
		if _, known := b.dir().Humans[human]; !tied && !known {
			return ErrNotFound
		}
		now := time.Now()
		for _, pin := range gone {
			unpin(tx, pin, by, now)
		}
		return nil
	})
	return gone, err
}

// unpin forgets which account a human is tied to at an issuer.
func unpin(tx Tx, pin Pin, by Actor, at time.Time) {
	tx.DeletePin(pin.Human, pin.Issuer)
	line := between("", pin.Human, AuditUnpinned, by, at)
	line.Detail = "at " + pin.Issuer
	tx.Audit(line)
}
