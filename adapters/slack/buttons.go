package slack

import (
	"fmt"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// What can be pressed. An action_id is "ab.v1." and what it does, with ".2"
// and so on where a block would hold it twice; its value is the id of the
// request. Two do what no verb of a card does, and one only leads somewhere.
const (
	actionPrefix = "ab.v1."
	actionAllow  = "allow_agent" // Allow again, in the Home tab; its value is the agent's name
	actionLink   = "link"        // leads to a message; there is nothing to do
)

// maxLabel is what Slack takes as the text of a button, and as what is read
// out in its place.
const maxLabel = 75

// Buttons implements [chat.Pen]. Nothing that goes on stands out.
func (s *sheet) Buttons(c bridge.Card, some []bridge.Button) {
	var all []slackgo.BlockElement
	ids := map[string]int{}
	for _, b := range some {
		if e := button(b, c, ids); e != nil {
			all = append(all, e)
		}
	}
	if len(all) > 0 {
		s.add(slackgo.NewActionBlock("", all...))
	}
}

// button is a button of a card; nil = one without a label. ids counts those of
// its block.
func button(b bridge.Button, c bridge.Card, ids map[string]int) *slackgo.ButtonBlockElement {
	label := within(b.Label, maxLabel)
	if label == "" {
		return nil
	}
	e := slackgo.NewButtonBlockElement(actionID(b.Verb, ids), string(c.Request), plainText(label))
	e.AccessibilityLabel = aloud(b.Verb, label)
	switch b.Verb { //nolint:exhaustive // the others have nothing of their own
	case bridge.VerbOpened:
		e.URL = c.Code.Open.Reveal()
	case bridge.VerbNotMe:
		e.Style = slackgo.StyleDanger
	case bridge.VerbDecline, bridge.VerbRevoke:
		e.Style, e.Confirm = slackgo.StyleDanger, sure(b.Verb)
	}
	return e
}

func actionID(v bridge.Verb, ids map[string]int) string {
	id := actionPrefix + string(v)
	if ids[id]++; ids[id] > 1 {
		id += fmt.Sprintf(".%d", ids[id])
	}
	return id
}

// aloud begins with what is written on the button, so that who speaks to their
// device can name it.
func aloud(v bridge.Verb, label string) string {
	if more := chat.Spoken(v); more != "" {
		return within(label+": "+more, maxLabel)
	}
	return label
}

// sure asks once more.
func sure(v bridge.Verb) *slackgo.ConfirmationBlockObject {
	title, body, yes, no := chat.Sure(v)
	return slackgo.NewConfirmationBlockObject(plainText(title), plainText(body), plainText(yes), plainText(no)).WithStyle(slackgo.StyleDanger)
}
