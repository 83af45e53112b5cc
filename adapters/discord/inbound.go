package discord

import (
	"context"
	"strings"
	"time"

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

// exchange is what an interaction is answered through, after its first answer.
func (in inbound) exchange() exchange { return exchange{app: in.app, token: in.token} }

// converses reports whether the first answer may have to hold something: a
// modal, which Discord takes in no later one, or words in a message's place.
func (in inbound) converses() bool {
	if in.kind != pressed {
		return true
	}
	what, _, _ := strings.Cut(strings.TrimPrefix(in.custom, customPrefix), ":")
	switch bridge.Verb(what) {
	case bridge.VerbShowCode, bridge.VerbClaim: // may ask for digits
		return true
	case bridge.VerbRevoke, bridge.VerbDecline: // asks whether they are sure
		return true
	}
	return what == "page" || strings.HasPrefix(what, "sure.")
}

// customPrefix is what each custom_id of ours begins with; then comes what it
// does, and after a colon what to do it to.
const customPrefix = "ab1:"

// answer is what somebody is told at once about what they did.
type answer struct {
	// body is the first answer, as the JSON of an interaction response; nil =
	// the plain one of its kind, which says nothing.
	body any
	// late does the same by a follow-up or an edit, where the first answer went
	// before the body was known, or was refused. nil = nothing to say.
	late func(context.Context)
}

// serve is what takes everything that comes in, once, whatever Discord does
// twice. It is called from many goroutines. ctx ends after half a minute, or
// two seconds after the adapter has to stop. What [inbound.converses] has its
// body in the first answer if it comes within 1.5 s; everything else is
// answered plainly without waiting: a press by a deferred update (type 6), a
// command by a deferred ephemeral message (type 5), a submission by a deferred
// ephemeral message or, when it came from a message's modal, by type 6.
type serve func(ctx context.Context, in inbound) answer
