package slack

import (
	"fmt"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

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

// spoken is what a screen reader says of a button: what is written on it, and
// what it does.
var spoken = map[bridge.Verb]string{
	bridge.VerbShowCode:   "to you alone",
	bridge.VerbDeny:       "this request; it ends",
	bridge.VerbNotMe:      "the agent may not ask you again",
	bridge.VerbClaim:      "this request for yourself, and show the code",
	bridge.VerbRelease:    "the request for the others of the team",
	bridge.VerbDecline:    "the request ends for everybody",
	bridge.VerbShowAgain:  "the card, below what came since",
	bridge.VerbMine:       "the account that signed in is mine",
	bridge.VerbNotMine:    "the account that signed in is not mine",
	bridge.VerbRevoke:     "what you gave this agent",
	bridge.VerbAllowAgain: "this agent may ask you",
	bridge.VerbFinished:   "at the provider's page",
}

// waysOut are the verbs that stand first where a code is to be seen.
var waysOut = []bridge.Verb{bridge.VerbNotMe, bridge.VerbDeny}

// actions adds the buttons of a card. Refusing comes before going on, and
// nothing that goes on stands out.
func (s *sheet) actions(c bridge.Card) {
	var all []slackgo.BlockElement
	ids := map[string]int{}
	for _, b := range inOrder(c) {
		if e := button(b, c, ids); e != nil {
			all = append(all, e)
		}
	}
	if len(all) > 0 {
		s.add(slackgo.NewActionBlock("", all...))
	}
}

// inOrder are the buttons of a card in the order to show, Open among them.
func inOrder(c bridge.Card) []bridge.Button {
	all := slices.Clone(c.Buttons)
	if c.Code == nil {
		return all
	}
	at := slices.IndexFunc(all, func(b bridge.Button) bool { return b.Verb == bridge.VerbFinished })
	if at < 0 {
		at = len(all)
	}
	all = slices.Insert(all, at, bridge.Button{Verb: bridge.VerbOpened, Label: openLabel(c.Code.Open.Reveal())})
	slices.SortStableFunc(all, func(a, b bridge.Button) int { return rank(a) - rank(b) })
	return all
}

func rank(b bridge.Button) int {
	if i := slices.Index(waysOut, b.Verb); i >= 0 {
		return i
	}
	return len(waysOut)
}

// openLabel names where the button leads: the end of a name too long for it,
// which says whose it is.
func openLabel(address string) string {
	at, _ := atPath(strings.TrimPrefix(address, "http://"))
	if most := maxLabel - len("Open "); len(at) > most {
		at = "…" + at[len(at)-most+1:] // an address is ASCII
	}
	return "Open " + at
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
	case bridge.VerbDecline:
		e.Style, e.Confirm = slackgo.StyleDanger, sure("Decline for the team?", "The request ends for everybody in the team.", "Decline")
	case bridge.VerbRevoke:
		e.Style, e.Confirm = slackgo.StyleDanger, sure("Revoke?", "The agent loses this access now.", "Revoke")
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
	if more := spoken[v]; more != "" {
		return within(label+": "+more, maxLabel)
	}
	return label
}

// sure asks once more, in words of this package's own.
func sure(title, body, yes string) *slackgo.ConfirmationBlockObject {
	return slackgo.NewConfirmationBlockObject(plainText(title), plainText(body), plainText(yes), plainText("Keep")).WithStyle(slackgo.StyleDanger)
}
