package slack

import (
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// Modals. Their titles are this package's own words, at most 24 characters.

// What a modal is, as its callback_id; the private_metadata of the first two
// is the id of the request.
const (
	modalCard   = actionPrefix + "card"
	modalDigits = actionPrefix + "digits." // and the verb that the digits go with
	modalWord   = actionPrefix + "word"
)

// The one input that there is.
const (
	digitsBlock = actionPrefix + "digits"
	digitsInput = actionPrefix + "typed"
)

// maxDigits is more than the digits and what people type between them.
const maxDigits = 9

// cardModal is a card for somebody whom no direct message reaches. Slack says
// when they close it.
func cardModal(c bridge.Card) (slackgo.ModalViewRequest, error) {
	m, err := cardMessage(c)
	if err != nil {
		return slackgo.ModalViewRequest{}, err
	}
	v := modal("Access request", m.blocks)
	v.CallbackID, v.PrivateMetadata, v.NotifyOnClose = modalCard, string(c.Request), true
	return v, nil
}

// digitsModal asks for the digits that the agent shows, before verb does what
// it does: show the code, or claim. It never has a code.
func digitsModal(c bridge.Card, verb bridge.Verb) slackgo.ModalViewRequest {
	var s sheet
	chat.DrawDigits(&s, c)
	s.add(digitsField())
	chat.DrawFoot(&s, c)
	v := modal("Digits of the agent", s.blocks)
	v.Close, v.Submit = plainText("Cancel"), plainText(submitLabel(verb))
	v.CallbackID, v.PrivateMetadata = modalDigits+string(verb), string(c.Request)
	return v
}

func digitsField() *slackgo.InputBlock {
	field := slackgo.NewPlainTextInputBlockElement(nil, digitsInput)
	field.MaxLength = maxDigits
	field.FocusOnLoad = true
	return slackgo.NewInputBlock(digitsBlock, plainText("Digits the agent shows"), nil, field)
}

func submitLabel(verb bridge.Verb) string {
	if verb == bridge.VerbClaim {
		return "Claim"
	}
	return "Show code"
}

// digitsVerb is what a modal that was sent is to do with the digits; false
// means that it asked for none.
func digitsVerb(callback string) (bridge.Verb, bool) {
	verb, ok := strings.CutPrefix(callback, modalDigits)
	return bridge.Verb(verb), ok && chat.TakesDigits(bridge.Verb(verb))
}

// wrongDigits is the answer that leaves the modal open, with a word at its
// input.
func wrongDigits(word string) *slackgo.ViewSubmissionResponse {
	return slackgo.NewErrorsViewSubmissionResponse(map[string]string{digitsBlock: chat.Clean(word, chat.MaxLine)})
}

// wordModal tells somebody a word where no message of theirs is at hand.
func wordModal(word string) slackgo.ModalViewRequest {
	v := modal("Authbridge", wordMessage(word).blocks)
	v.CallbackID = modalWord
	return v
}

func modal(title string, blocks []slackgo.Block) slackgo.ModalViewRequest {
	return slackgo.ModalViewRequest{
		Type: slackgo.VTModal, Title: plainText(title), Close: plainText("Close"), Blocks: slackgo.Blocks{BlockSet: blocks},
	}
}
