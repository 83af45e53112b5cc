package discord

import (
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// The one modal that there is asks for the digits that the agent shows, before
// Show code or Claim does what it does. All words in it are this package's
// own, and it never has a code.

const (
	doDigits    = "digits." // and the verb that the digits go with
	digitsInput = customPrefix + "typed"
)

// maxDigits is more than the digits and what people type between them.
const maxDigits = 9

// modalAnswer is the first answer to a press, and opens a modal. The library's
// own type has fields that belong to messages.
type modalAnswer struct {
	Type discordgo.InteractionResponseType `json:"type"`
	Data modal                             `json:"data"`
}

type modal struct {
	CustomID   string                 `json:"custom_id"`
	Title      string                 `json:"title"`
	Components []discordgo.ActionsRow `json:"components"`
}

// digitsModal asks for digits. The library knows no newer form of an input
// than one in a row.
func digitsModal(c bridge.Card, verb bridge.Verb) modalAnswer {
	title := "Digits before the code"
	if verb == bridge.VerbClaim {
		title = "Digits before you claim it"
	}
	input := discordgo.TextInput{
		CustomID: digitsInput, Label: "The four digits that the agent shows", Style: discordgo.TextInputShort,
		Placeholder: "If you cannot see them, it is not yours: press Cancel.",
		Required:    true, MinLength: 1, MaxLength: maxDigits,
	}
	return modalAnswer{Type: discordgo.InteractionResponseModal, Data: modal{
		CustomID: customID(doDigits+string(verb), string(c.Request)), Title: title,
		Components: []discordgo.ActionsRow{{Components: []discordgo.MessageComponent{input}}},
	}}
}

// digitsVerb is what a modal that was sent is to do with the digits; false
// means that it asked for none.
func digitsVerb(doing string) (bridge.Verb, bool) {
	verb, ok := strings.CutPrefix(doing, doDigits)
	return bridge.Verb(verb), ok && chat.TakesDigits(bridge.Verb(verb))
}
