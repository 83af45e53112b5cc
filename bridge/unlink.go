package bridge

import (
	"context"
	"maps"
	"time"
)

// Unlinked is who a human is not tied to be any more.
type Unlinked struct {
	Pins []Pin // accounts at issuers
	Ties []Tie // users of chats
}

// Unlink forgets which accounts a human is tied to: those at one issuer, or
// all of them ("" = all), and then who they are on chats, too, and a code that
// would tie them. It returns what it forgot. What the human has given
// stays as it is; their next grant is checked as if it were the first. Somebody
// who is tied to nothing and not configured either is [ErrNotFound].
func (b *Bridge) Unlink(ctx context.Context, human, issuer string, by Actor) (gone Unlinked, err error) {
	err = b.replace(ctx, func(tx Tx, now *setup) (*setup, error) {
		gone, err = unlink(tx, now.given, human, issuer, by)
		after := *now
		after.ties = maps.Clone(now.ties)
		for _, t := range gone.Ties {
			delete(after.ties, t.account())
		}
		return &after, err
	})
	if err == nil && len(gone.Ties) > 0 {
		b.outOfGroups()
	}
	return gone, err
}

func unlink(tx Tx, dir *Directory, human, issuer string, by Actor) (gone Unlinked, err error) {
	_, known := dir.Humans[human]
	for pin, err := range tx.Pins(human) {
		if err != nil {
			return gone, err
		}
		if known = true; issuer == "" || pin.Issuer == issuer {
			gone.Pins = append(gone.Pins, pin)
		}
	}
	now := time.Now()
	if issuer == "" {
		if gone.Ties, err = untieHuman(tx, human, by, now); err != nil {
			return gone, err
		}
		if err := (linkOffer{Human: human}).replace(tx); err != nil {
			return gone, err
		}
	}
	if !known && len(gone.Ties) == 0 {
		return gone, ErrNotFound
	}
	for _, pin := range gone.Pins {
		unpin(tx, pin, by, now)
	}
	return gone, nil
}

// unpin forgets which account a human is tied to at an issuer.
func unpin(tx Tx, pin Pin, by Actor, at time.Time) {
	tx.DeletePin(pin.Human, pin.Issuer)
	line := between("", pin.Human, AuditUnpinned, by, at)
	line.Detail = "at " + pin.Issuer
	tx.Audit(line)
}
