package bridge

import "time"

// Request is one asking. It is a value: nothing but [Request.Apply] changes
// its State, and every change is committed before anything acts on it. It
// holds no secret, so it may be shown to the agent that asked and, with the
// code, to the human who is asked. It is stored as JSON, without what is zero.
type Request struct {
	ID      RequestID `json:",omitzero"`
	State   State     `json:",omitzero"`
	Version uint64    `json:",omitzero"` // counts every visible change, delivery too; starts at 1
	Card    uint64    `json:",omitzero"` // counts what its card says; delivery does not move it
	CardAt  time.Time `json:",omitzero"` // when what it led to last changed what its card says

	Epoch   uint64 `json:",omitzero"` // when it was asked, by the times that names have changed hands
	Agent   string `json:",omitzero"`
	Session string `json:",omitzero"`
	Human   string `json:",omitzero"` // who is asked; of a team's request who gave, "" before that
	Team    string `json:",omitzero"`

	Target  Target   `json:",omitzero"`
	Scopes  []string `json:",omitzero"` // what is asked for, sorted, without the bridge's own
	Added   []string `json:",omitzero"` // what of it goes beyond the live grant of then, which is asked for again with it
	Details Details  `json:",omitzero"` // what is asked for besides scopes
	Renews  GrantID  `json:",omitzero"` // the bridge asks by itself, for the sake of this grant

	Reason      string        `json:",omitzero"` // cleaned, from the agent, not checked
	Context     []string      `json:",omitzero"` // likewise
	CheckPhrase string        `json:",omitzero"`
	Digits      bool          `json:",omitzero"` // who is shown a code has to type its digits first
	Matched     string        `json:",omitzero"` // the human who has
	WrongDigits int           `json:",omitzero"` // how often somebody has typed others
	MinValidity time.Duration `json:",omitzero"` // 0 = the default
	Reuse       time.Duration `json:",omitzero"` // what the card promised when it was asked

	CreatedAt time.Time `json:",omitzero"`
	UpdatedAt time.Time `json:",omitzero"`
	ExpiresAt time.Time `json:",omitzero"` // how long the request waits for a human
	EndedAt   time.Time `json:",omitzero"` // zero while it has not ended

	ClaimedBy    string    `json:",omitzero"` // who of the team has taken it, and had it when it ended
	ClaimedAt    time.Time `json:",omitzero"`
	ClaimUntil   time.Time `json:",omitzero"`
	LapsedClaims []string  `json:",omitzero"` // whose claims ran out, a name for each

	Codes         int           `json:",omitzero"` // codes asked for so far; the number of the current one
	Minting       bool          `json:",omitzero"` // code number Codes is being asked for
	CodeExpiresAt time.Time     `json:",omitzero"`
	Interval      time.Duration `json:",omitzero"` // least time between two polls

	DueBy          time.Time `json:",omitzero"` // held, granted, collected: when this state is over
	Signed         Account   `json:",omitzero"` // held: whose the human is asked to say it is; for nobody else
	Account        string    `json:",omitzero"` // who signed in, in words; "" = not known
	Granted        []string  `json:",omitzero"` // scopes the provider granted
	GrantedDetails Details   `json:",omitzero"` // likewise, of what is no scope
	Grant          GrantID   `json:",omitzero"`
	Served         bool      `json:",omitzero"` // a live grant answered; this request made none

	Note     string    `json:",omitzero"` // an honest word to the human about the last fault, "" = none
	Outcome  *Outcome  `json:",omitzero"`
	Surfaces []Surface `json:",omitzero"`
}

// Delivery states of a surface.
type Delivery string

// How far the card got on a surface.
const (
	DeliveryWaiting     Delivery = "waiting"     // not seen yet
	DeliveryShown       Delivery = "shown"       // the human's own page or client has it
	DeliveryRetrying    Delivery = "retrying"    // a fault; it is tried again
	DeliveryUnreachable Delivery = "unreachable" // this way is closed
)

// View is what of a request is to be seen in a place, by who can see it.
type View string

// The views. Only the private one ever holds a code, an address, the check
// phrase or the name of an account.
const (
	// ViewPrivate is the card of the human who is asked, or of a team's
	// request of the one who has claimed it, for their eyes alone.
	ViewPrivate View = ""
	// ViewTeam is the card that all of a team see, in a channel of theirs.
	ViewTeam View = "team"
	// ViewNotice is a line where the agent works: that somebody has been
	// asked, and how it ended. Whoever is there may see it.
	ViewNotice View = "notice"
	// ViewReminder is a line that says that a card still waits.
	ViewReminder View = "reminder"
)

// Surface is one place where a request is to be seen, and how far that got.
// It is no part of the state machine: a dead chat cannot block a grant, nor
// the reverse. A request's surfaces are only ever added to: each is named by
// its place among them.
type Surface struct {
	Channel string   `json:",omitzero"` // "web", "slack", "discord"
	View    View     `json:",omitzero"`
	Human   string   `json:",omitzero"` // private, of a team's request: for whom
	State   Delivery `json:",omitzero"`
	Detail  string   `json:",omitzero"` // for humans, "" = nothing to say

	Since time.Time `json:",omitzero"` // from when on it shows something, or from when on it does not; zero = not known
	Over  string    `json:",omitzero"` // why it shows no more than this line, "" = it is open

	// What follows is the outbox's, and zero on a channel that comes for its
	// cards itself, such as the inbox.

	To    Address    `json:",omitzero"` // whom, or where, it is brought to
	Ref   MessageRef `json:",omitzero"` // the message that is the card; "" = none is known
	Under MessageRef `json:",omitzero"` // reminder: the message that it is about
	Shown uint64     `json:",omitzero"` // which of the request's cards it shows
	Says  string     `json:",omitzero"` // the line that it shows, if it does not show the card

	Unknown   int       `json:",omitzero"` // posts that were begun and whose end is not known
	Faults    int       `json:",omitzero"` // tries in a row that did nothing
	Lost      int       `json:",omitzero"` // messages that somebody removed
	NotBefore time.Time `json:",omitzero"` // no try before this
}
