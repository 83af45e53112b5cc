package chat

import (
	"errors"
	"fmt"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Excuse is what to say to somebody whose press or command came to nothing
// because of an error of the bridge's. ours means that the fault is here, and
// the log should have it.
func Excuse(err error) (word string, ours bool) {
	if no, ok := errors.AsType[*bridge.Problem](err); ok {
		return no.Detail, false
	}
	if slow, ok := errors.AsType[*bridge.TooManyTries](err); ok {
		return fmt.Sprintf("You have tried too often. Try again after %s.", UTC(slow.Until)), false
	}
	switch {
	case errors.Is(err, bridge.ErrNotFound):
		return "This is not for you to answer, or it is long over. Nothing happened.", false
	case errors.Is(err, bridge.ErrInDoubt):
		return "The bridge's store failed in the middle of this. Look at the card: if it has not changed, try again.", true
	case errors.Is(err, bridge.ErrStoreUnavailable):
		return "The bridge cannot reach its store just now. Nothing was changed: try again.", true
	}
	return "Something went wrong inside the bridge; its log says what. Try again.", true
}

// UnknownHere is said to who is nobody's account.
const UnknownHere = "You are nobody here yet. Ask the operator for a code and type /authbridge link CODE."

// LinkNeedsACode is said to who typed link and no code.
const LinkNeedsACode = "Type the code, too: /authbridge link CODE. The operator gets one with authbridge human link."

// Linked is what to say to who typed a code that says who they are: of human,
// or of the error with which it came to nothing. ours is that of [Excuse].
func Linked(human string, err error) (word string, ours bool) {
	switch {
	case err == nil:
		return "You are " + human + " here now. What agents ask you comes as direct messages.", false
	case errors.Is(err, bridge.ErrLinkCode):
		return "This code is wrong, used or too old. Ask the operator for another.", false
	case errors.Is(err, bridge.ErrTied):
		return "This does not work: you are somebody else here already, or the operator has written down who this is. Ask the operator.", false
	}
	return Excuse(err)
}

// VerifyNeedsACode is said to who typed verify and no code.
const VerifyNeedsACode = "Type the code, too: /authbridge verify CODE says whether it is from this bridge, for you."

// NoSuchGrant is said to who wants to take back what is not there.
const NoSuchGrant = "Nothing that you have given is called that. Type /authbridge list to see what you have given."

// UTC is a moment as it stands in a text that no client puts into its reader's
// own time.
func UTC(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }
