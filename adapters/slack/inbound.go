package slack

import (
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// kind is what somebody did.
type kind string

const (
	pressed     kind = "press"       // a button of a message, a modal or the Home tab
	submitted   kind = "submission"  // a modal was sent
	closed      kind = "closed"      // a modal was closed without sending it
	commanded   kind = "command"     // /authbridge …
	homeOpened  kind = "home"        // the app's Home or Messages tab was opened
	uninstalled kind = "uninstalled" // the app was removed from the workspace
	revoked     kind = "revoked"     // the app's bot token was taken back
)

// inbound is one thing that somebody did in Slack, whatever brought it. Slack
// said all of it; the ids are who and where it happened, and what the card
// itself carried (action ids, values, metadata) is only what was once sent.
// Lengths are bounded by the size of a payload alone.
type inbound struct {
	kind kind
	id   string    // the same for each copy of this one occurrence
	at   time.Time // when it came in

	app     string // api_app_id
	team    string // the workspace that it happened in
	orgWide bool   // the app is installed for a whole organisation

	user     string
	userTeam string // the workspace that the user belongs to, "" = not told

	container string // what a press was made on: "message" or "view"
	channel   string // where the message is, or where a command was typed
	message   string // the message's timestamp
	thread    string // the thread's, "" = none
	ephemeral bool   // the message is one that only this user sees

	view view

	actions []action

	text string // what stands after the command; it may hold a secret
	tab  string // of homeOpened: "home" or "messages"

	trigger     bridge.Secret // opens one modal, within 3 s
	responseURL bridge.Secret // answers five times, within 30 min
}

// String says what it is and nothing that is secret: not its id either, which
// may be the trigger.
func (in inbound) String() string { return string(in.kind) }

// GoString is String.
func (in inbound) GoString() string { return in.String() }

// view is the modal or tab that a press, a submission or a closing was about.
type view struct {
	id       string
	kind     string // "modal" or "home"
	callback string // the callback_id that it was opened with
	private  string // the private_metadata that it was opened with
	hash     string // of what it showed
	typed    string // what stands in its one input; "" with none or several
}

// action is one button of a press.
type action struct {
	id    string // action_id
	value string
}

// ackPatience is how long an acknowledgement waits for what it could say.
// Slack waits for 3 s, and people look at a spinner meanwhile.
const ackPatience = 800 * time.Millisecond

// converses reports whether an acknowledgement can carry an answer.
func (k kind) converses() bool { return k == submitted || k == commanded }

// Matter implements [chat.Inbound].
func (in inbound) Matter() (id string, patience time.Duration) {
	if in.kind.converses() {
		patience = ackPatience
	}
	return in.id, patience
}

// answer and serve are those of all chats. A submission or a command whose
// answer comes within ackPatience has it in its acknowledgement; everything
// else is acknowledged without waiting.
type (
	answer = chat.Answer
	serve  = chat.Serve[inbound]
)
