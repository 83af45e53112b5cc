package bridge

import (
	"context"
	"errors"
	"time"
)

// Messenger brings cards to people on one chat platform. It is told what
// their screens are to show and remembers nothing: what was sent, where it
// stands and what is tried again is the outbox's matter. Its methods are safe
// for concurrent use, honour ctx, send at most one message each, and never
// try again by themselves.
//
// How a call failed decides what the outbox does next, so what is certain has
// a name below. Any other error means that nobody knows whether the platform
// did what it was asked, a time-out after the question was sent first of all.
// No error carries a code, an address of a provider or the platform's token.
type Messenger interface {
	// Post sends a card as a new message, which may light up a locked screen:
	// a card with a code is ErrInvalid, and nothing is sent. It returns what
	// Edit needs to find the message again. Where it goes follows from the
	// view of the card: a private one to a person, a team's to a channel, a
	// notice to a channel or a thread, and a reminder to wherever the message
	// is that it is about, beside it ([Card.Under]).
	//
	// key is the same whenever the outbox does not know whether an earlier
	// Post of this very message came through: at most 64 visible ASCII
	// characters, never used for two different messages. A platform that can
	// must then answer with the message that is already there.
	Post(ctx context.Context, to Address, c Card, key string) (MessageRef, error)

	// Edit replaces what a message shows by a card, wholly: what the card
	// does not hold is to be seen nowhere any more. It must not light up a
	// screen. The card's view is that of the post; only a private one ever
	// has a code, else it is ErrInvalid.
	Edit(ctx context.Context, ref MessageRef, c Card) error
}

// Address is where a messenger brings a card: the platform's own id of a
// person or of a channel, "CHANNEL/THREAD" for a thread, with nothing after
// the slash for the channel itself, or "mailto:" and the e-mail of a person
// whose id is to be found out. It means nothing to anybody else.
type Address string

// MessageRef names a message on a platform, in at most maxRef bytes. It means
// nothing to anybody but the messenger that made it.
type MessageRef string

// maxRef bounds what is stored of a message.
const maxRef = 512

// What a messenger's errors may say with certainty, for errors.Is.
var (
	// ErrNotSent means that nothing was done and that trying again soon may
	// help: the platform could not be reached, or said that it is out of order.
	ErrNotSent = errors.New("nothing was sent")
	// ErrUnreachable means that the platform will never bring anything to
	// this person: they are not there, or take no messages from the bridge.
	ErrUnreachable = errors.New("the person cannot be reached")
	// ErrRoute means that the place is closed to the bridge, until the
	// operator opens it: a channel it was removed from, a missing permission.
	ErrRoute = errors.New("the place is closed to the bridge")
	// ErrAuth means that the platform does not know the bridge any more:
	// nothing will work there until the operator acts.
	ErrAuth = errors.New("the platform refuses the bridge")
	// ErrGone means that the message is not there any more.
	ErrGone = errors.New("the message is gone")
	// ErrInvalid means that the platform, or the messenger itself, will never
	// take this card: a fault of ours.
	ErrInvalid = errors.New("the card cannot be shown")
)

// Limited is the error of a platform that wants to be left alone for a while.
// Nothing was done.
type Limited struct {
	After time.Duration // how long, exactly
	All   bool          // at any place: all posts if it was one, or all edits
}

// Error says how long.
func (l *Limited) Error() string { return "the platform takes nothing for " + l.After.String() }
