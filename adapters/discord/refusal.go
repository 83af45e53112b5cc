package discord

import (
	"errors"

	"github.com/gorilla/websocket"

	"github.com/authbridge/authbridge/bridge"
)

// What the operator is told of refusals that trying again soon cannot change.
const (
	badToken = "Discord does not know the bot token: copy it again from the Bot page of the application into discord.bot_token, " +
		"and restart authbridge"
	tooLarge = "Discord wants this bot to use more than one connection at a time, which the bridge does not: " +
		"give it an application of its own"
	tooOld     = "Discord no longer speaks this version of its protocol: install a newer authbridge"
	badIntents = "Discord refuses what the bridge asks to be told, which is nothing: install a newer authbridge"
)

// refusal tells an error that the operator has to see to from what may pass by
// itself soon, in words for them.
func refusal(err error) (why string, is bool) {
	if errors.Is(err, bridge.ErrAuth) {
		return badToken, true
	}
	closed, ok := errors.AsType[*websocket.CloseError](err)
	if !ok {
		return "", false
	}
	switch closed.Code {
	case 4004:
		return badToken, true
	case 4010, 4011:
		return tooLarge, true
	case 4012:
		return tooOld, true
	case 4013, 4014:
		return badIntents, true
	}
	return "", false
}
