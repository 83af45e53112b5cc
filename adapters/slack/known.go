package slack

import (
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// known is what the adapter remembers of Slack. All of it can be learnt again.
type known struct {
	waits    *chat.Recall[time.Time]         // until when Slack takes no more of something
	users    *chat.Recall[slackgo.User]      // by id
	channels *chat.Recall[slackgo.Channel]   // by id
	dms      *chat.Recall[string]            // the direct channel with a user, by id
	triggers *chat.Recall[bridge.Secret]     // of who has just pressed a button of a request
	origins  *chat.Recall[inbound]           // where somebody was whom a modal asks for digits
	links    *chat.Recall[string]            // the address of a message, by its name
	posted   *chat.Recall[bridge.MessageRef] // which message is somebody's card of a request
}

func newKnown() known {
	return known{
		waits: chat.NewRecall[time.Time](), users: chat.NewRecall[slackgo.User](), channels: chat.NewRecall[slackgo.Channel](),
		dms: chat.NewRecall[string](), triggers: chat.NewRecall[bridge.Secret](), origins: chat.NewRecall[inbound](),
		links: chat.NewRecall[string](), posted: chat.NewRecall[bridge.MessageRef](),
	}
}
