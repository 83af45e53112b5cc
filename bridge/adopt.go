package bridge

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A post whose answer was lost leaves a message that no surface knows of. It
// shows a card with buttons, and one day somebody presses them: then the
// platform says which message it is.

const (
	// straysMost bounds how many messages of a request are taken note of that
	// are one too many.
	straysMost = 5

	shownElsewhere = "Another message shows this."
)

// Adopt takes note of the message on which a human has just pressed a button of
// a request. A message that a surface is looking for is taken for it; one that
// is too many is closed. place is the channel that it stands in, "" = it is a
// direct message to who pressed. The caller, a messenger, has made sure that
// the message is one of its own about this request. A request of somebody else
// is [ErrNotFound].
func (b *Bridge) Adopt(ctx context.Context, who Clicker, id RequestID, ref MessageRef, place Address) error {
	before, err := b.read(ctx, id)
	if err == nil && !b.concerns(before, who.Human) {
		err = ErrNotFound
	}
	if err != nil || before.knows(who.Channel, ref) {
		return err
	}
	var after Request
	err = b.store.Update(ctx, func(tx Tx) (err error) {
		if before, err = tx.Request(id); err != nil {
			return err
		}
		var noted bool
		if after, noted = b.orphaned(before, who, ref, place, time.Now()); noted {
			tx.PutRequest(after, nil)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("take note of a message: %w", err)
	}
	if before.Version != after.Version {
		b.changes.wake(topicOf(id))
	}
	b.owe(after)
	return nil
}

// knows reports whether a message is one of a surface.
func (r Request) knows(channel string, ref MessageRef) bool {
	return ref == "" || len(ref) > maxRef || slices.ContainsFunc(r.Surfaces, func(s Surface) bool {
		return s.Channel == channel && s.Ref == ref
	})
}

// orphaned is the request with one more message: that of the surface there whose
// post has not been heard of, or else one that is closed. False means that no
// note is taken of it.
func (b *Bridge) orphaned(r Request, who Clicker, ref MessageRef, place Address, now time.Time) (Request, bool) {
	stray := newSurface(who.Channel, place, now)
	if stray.View = ViewTeam; place == "" {
		stray.View, stray.To = ViewPrivate, b.dir().Humans[who.Human].on(who.Channel)
	}
	if stray.View == ViewPrivate && r.Team != "" {
		stray.Human = who.Human
	}
	strays := 0
	for n, s := range r.Surfaces {
		same := s.Channel == stray.Channel && s.View == stray.View && s.Human == stray.Human && (place == "" || s.To == place)
		if same && s.Ref == "" && s.Unknown > 0 && s.Over == "" {
			s.State, s.Detail, s.Ref, s.Since = DeliveryShown, "", ref, stored(now)
			s.Shown, s.Unknown, s.Faults, s.NotBefore = 0, 0, 0, time.Time{}
			return r.with(n, s, now), true
		}
		if s.Over == shownElsewhere {
			strays++
		}
	}
	if r.knows(who.Channel, ref) || strays >= straysMost || !stray.chat() {
		return r, false
	}
	stray.Ref, stray.Over, stray.State = ref, shownElsewhere, DeliveryShown
	return r.plus(stray, now), true
}
