package chat

import (
	"context"

	"github.com/authbridge/authbridge/bridge"
)

// Desk is what an adapter needs of the bridge. [*bridge.Bridge] is one.
type Desk interface {
	// HumanAt returns the human who a user of a chat is; nobody's is
	// [bridge.ErrNotFound].
	HumanAt(ctx context.Context, channel string, user bridge.Address) (human string, err error)
	// Link ties a user to the human whom a one-time code was made for.
	Link(ctx context.Context, channel string, user bridge.Address, code string) (human string, err error)

	// Click does what a button says. remark is a word to the human when it
	// changed nothing. Somebody else's request is [bridge.ErrNotFound].
	Click(ctx context.Context, who bridge.Clicker, id bridge.RequestID, verb bridge.Verb) (card bridge.Card, remark string, err error)
	// Adopt takes note of the message that somebody has just pressed a button
	// on; place is its channel, "" = it is a direct message.
	Adopt(ctx context.Context, who bridge.Clicker, id bridge.RequestID, ref bridge.MessageRef, place bridge.Address) error
	// AllowAgain lets an agent ask a human again. It returns a word to them.
	AllowAgain(ctx context.Context, who bridge.Clicker, agent string) (word string, err error)
	// VerifyCode says whether a code that a human was sent is the bridge's.
	VerifyCode(ctx context.Context, human, typed string) (bridge.CodeFinding, error)

	// Inbox returns what a human is to see.
	Inbox(ctx context.Context, human string) (bridge.Inbox, error)

	// Audit writes a line to the audit log. Only its time is filled in.
	Audit(ctx context.Context, line bridge.AuditLine) error
}
