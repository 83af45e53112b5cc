package bridge

import "time"

// Request is one asking. It is a value: nothing but [Request.Apply] changes
// its State, and every change is committed before anything acts on it. It
// holds no secret, so it may be shown to the agent that asked and, with the
// code, to the human who is asked.
type Request struct {
	ID      RequestID
	State   State
	Version uint64 // counts every visible change, delivery too; starts at 1

	Agent   string
	Session string
	Human   string // who is asked; "" while a team's request is unclaimed and none was named
	Team    string

	Target Target
	Scopes []string // what the agent asked for, sorted, without the bridge's own

	Reason      string   // cleaned, from the agent, not checked
	Context     []string // likewise
	Origin      Origin
	CheckPhrase string
	MinValidity time.Duration // 0 = the default
	Reuse       time.Duration // what the card promised when it was asked

	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time // how long the request waits for a human
	EndedAt   time.Time // zero while it has not ended

	ClaimedBy  string
	ClaimUntil time.Time

	Codes         int  // codes asked for so far; the number of the current one
	Minting       bool // code number Codes is being asked for
	CodeExpiresAt time.Time
	Interval      time.Duration // least time between two polls

	DueBy   time.Time // held, granted, collected: when this state is over
	Account string    // who signed in, in words
	Granted []string  // scopes the provider granted
	Grant   GrantID
	Served  bool // a live grant answered; this request made none

	Note     string // an honest word to the human about the last fault, "" = none
	Outcome  *Outcome
	Surfaces []Surface
}

// Target is what a request asks a token of and for.
type Target struct {
	Provider string // the configured name; "" when only the issuer is known
	Issuer   string
	ClientID string
	Resource string // RFC 8707; "" = none
}

// Origin is where the agent's conversation is; a notice without secrets may
// go there.
type Origin struct {
	Platform string
	Channel  string
	Thread   string
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

// Surface is one place where the card of a request is to be seen, and how
// far that got. It is no part of the state machine: a dead chat cannot block
// a grant, nor the reverse.
type Surface struct {
	Channel string // "web"
	State   Delivery
	Detail  string // for humans, "" = nothing to say
}
