package slack

import (
	"context"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// Desk is what the adapter needs of the bridge. [*bridge.Bridge] is one.
type Desk interface {
	chat.Desk

	// TieByEmail ties a user whose e-mail the chat vouches for to the human
	// who is configured with it.
	TieByEmail(ctx context.Context, channel, email string, user bridge.Address) (human string, err error)
	// WatchInbox returns a channel that gets a value after each change of what
	// a human is to see. stop ends it.
	WatchInbox(human string) (changed <-chan struct{}, stop func())
}
