package discord

import "github.com/authbridge/authbridge/bridge"

// exchange is an interaction that is answered: by follow-ups, and by edits of
// them and of the first answer, for 15 minutes after it came.
type exchange struct {
	app   string
	token bridge.Secret
}
