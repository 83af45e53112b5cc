package slack

import (
	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/bridge"
)

// The bridge is a desk, and the adapter all that the bridge needs of a chat.
var (
	_ Desk             = (*bridge.Bridge)(nil)
	_ Desk             = (*chattest.Desk)(nil)
	_ bridge.Messenger = (*Adapter)(nil)
	_ bridge.Roster    = (*Adapter)(nil)
)
