package chat

import (
	"context"
	"errors"

	"github.com/authbridge/authbridge/bridge"
)

// What is said to who typed too little, or what is not there.
const (
	needsLinkCode   = "Type the code, too: /authbridge link CODE. The operator gets one with authbridge human link."
	needsVerifyCode = "Type the code, too: /authbridge verify CODE says whether it is from this bridge, for you."
	noSuchGrant     = "Nothing that you have given is called that. Type /authbridge list to see what you have given."
)

// Link ties who typed a code to the human whom the operator had it made for,
// and returns what to say to them. It is for somebody whom the platform vouches
// for. fault is one of the bridge's, for the log.
func Link(ctx context.Context, desk Desk, channel, user, code string) (word string, fault error) {
	if code == "" {
		return needsLinkCode, nil
	}
	human, err := desk.Link(ctx, channel, bridge.Address(user), code)
	switch {
	case err == nil:
		return "You are " + human + " here now. What agents ask you comes as direct messages.", nil
	case errors.Is(err, bridge.ErrLinkCode):
		return "This code is wrong, used or too old. Ask the operator for another.", nil
	case errors.Is(err, bridge.ErrTied):
		return "This does not work: you are somebody else here already, or the operator has written down who this is. Ask the operator.", nil
	}
	return Excuse(err)
}

// Verify says whether a code that a human was sent is from here, for them: one
// that is known is to be drawn by [DrawFinding]. For all else there is a word.
// fault is one of the bridge's, for the log.
func Verify(ctx context.Context, desk Desk, human, code string) (found bridge.CodeFinding, word string, fault error) {
	if code == "" {
		return found, needsVerifyCode, nil
	}
	found, err := desk.VerifyCode(ctx, human, code)
	if err != nil {
		word, fault = Excuse(err)
		return bridge.CodeFinding{}, word, fault
	}
	if !found.Known {
		return found, found.Word(), nil
	}
	return found, "", nil
}

// ToRevoke finds what a human has given by the name that they typed; a word,
// if there is no such thing.
func ToRevoke(in bridge.Inbox, name string) (c bridge.Card, word string) {
	c, found := byName(in.Given, name)
	if !found {
		return bridge.Card{}, noSuchGrant
	}
	return c, ""
}
