package discord

import (
	"strings"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// kind is what somebody did.
type kind string

const (
	pressed   kind = "press"      // a button of a message
	submitted kind = "submission" // a modal was sent
	commanded kind = "command"    // /authbridge …
)

// inbound is one thing that somebody did in Discord, whatever brought it.
// Discord said all of it; the ids are who and where it happened, and what the
// card itself carried (custom) is only what was once sent. Lengths are bounded
// by the size of a payload alone, but for those of the ids.
type inbound struct {
	kind kind
	id   string    // the interaction's: the same for each copy of it
	at   time.Time // when it came in

	app   string        // the application that it is for
	token bridge.Secret // answers it: once within 3 s, and more for 15 min after that

	user    string
	bot     bool // the user is a bot, or Discord itself
	pending bool // the user has not yet agreed to the rules of the guild

	guild   string   // "" = it was not in a guild
	channel string   // where it happened
	direct  bool     // that is the bot's own conversation with the user
	roles   []string // of the user in the guild, as they are now

	message   string // what was pressed on, or what the modal was opened from; "" = none
	ephemeral bool   // that is a message that only this user sees

	custom string // custom_id of the button or of the modal
	typed  string // what stands in the modal's one input; "" = none or several

	command string            // the subcommand
	options map[string]string // what was given with it; may hold a secret

	// answered is closed when Discord has taken the first answer: from then on
	// follow-ups can be made. It stays open when Discord refused that answer.
	answered <-chan struct{}
}

// String says what it is and nothing that is secret.
func (in inbound) String() string { return string(in.kind) }

// GoString is String.
func (in inbound) GoString() string { return in.String() }

// converses reports whether the first answer may have to hold something: a
// modal, which Discord takes in no later one, or words in a message's place.
func (in inbound) converses() bool {
	if in.kind != pressed {
		return true
	}
	what, _, _ := strings.Cut(strings.TrimPrefix(in.custom, customPrefix), ":")
	switch what {
	case string(bridge.VerbShowCode), string(bridge.VerbClaim): // may ask for digits
		return true
	case string(bridge.VerbRevoke), string(bridge.VerbDecline): // asks whether they are sure
		return true
	case "page":
		return true
	}
	return strings.HasPrefix(what, "sure.")
}

// customPrefix is what each custom_id of ours begins with; then comes what it
// does, and after a colon what to do it to.
const customPrefix = "ab1:"

// ackPatience is how long the first answer waits for what it could say. Discord
// waits for 3 s, and people look at a spinner meanwhile.
const ackPatience = 1500 * time.Millisecond

// Matter implements [chat.Inbound].
func (in inbound) Matter() (id string, patience time.Duration) {
	if in.converses() {
		patience = ackPatience
	}
	return in.id, patience
}

// answer and serve are those of all chats. Body is an interaction response, as
// it goes out as JSON; nil = the plain one, which says nothing (see plain).
// What [inbound.converses] has its body in the first answer if it comes within
// ackPatience; everything else is answered plainly without waiting, and Late
// says it by a follow-up or an edit.
type (
	answer = chat.Answer
	serve  = chat.Serve[inbound]
)
