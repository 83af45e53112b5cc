package chat

import (
	"errors"
	"fmt"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Excuse is what to say to somebody whose press or command came to nothing
// because of an error of the bridge's. fault is the error again, if the log
// should have it: the fault is here, and not theirs.
func Excuse(err error) (word string, fault error) {
	if no, ok := errors.AsType[*bridge.Problem](err); ok {
		return no.Detail, nil
	}
	if slow, ok := errors.AsType[*bridge.TooManyTries](err); ok {
		return fmt.Sprintf("You have tried too often. Try again after %s.", UTC(slow.Until)), nil
	}
	switch {
	case errors.Is(err, bridge.ErrNotFound):
		return "This is not for you to answer, or it is long over. Nothing happened.", nil
	case errors.Is(err, bridge.ErrInDoubt):
		return "The bridge's store failed in the middle of this. Look at the card: if it has not changed, try again.", err
	case errors.Is(err, bridge.ErrStoreUnavailable):
		return "The bridge cannot reach its store just now. Nothing was changed: try again.", err
	}
	return "Something went wrong inside the bridge; its log says what. Try again.", err
}

// UnknownHere is said to who is nobody's account.
const UnknownHere = "You are nobody here yet. Ask the operator for a code and type /authbridge link CODE."

// UTC is a moment as it stands in a text that no client puts into its reader's
// own time.
func UTC(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }
