package bridge

import (
	"cmp"
	"slices"
	"time"
)

//go:generate go test -run TestStateMachinePage -update

// State is where a request is. The words are part of the agent API.
type State string

// The states. Asked, Coded and Held are open: the human or the provider has
// the next word. Granted waits for the agent. The others are ends.
const (
	Asked     State = "asked"     // the human has not acted, or has no valid code
	Coded     State = "coded"     // a code is shown; the provider is polled
	Held      State = "held"      // the token is in; the account is being checked
	Granted   State = "granted"   // the token waits for the agent
	Collected State = "collected" // the agent has it

	Denied    State = "denied"
	Expired   State = "expired"
	Cancelled State = "cancelled"
	Failed    State = "failed"
)

// States lists all states in the order of a request's life.
func States() []State {
	return []State{Asked, Coded, Held, Granted, Collected, Denied, Expired, Cancelled, Failed}
}

// Open reports whether somebody else than the agent has the next word.
func (s State) Open() bool { return s == Asked || s == Coded || s == Held }

// Ended reports whether the request is over. It ends exactly once.
func (s State) Ended() bool { return s != Granted && !s.Open() }

// Kind names what happened to a request.
type Kind string

// The kinds of events, by who causes them.
const (
	// the agent
	OnAsk     Kind = "ask"
	OnServed  Kind = "served" // a live grant answers the ask at once
	OnCancel  Kind = "cancel"
	OnCollect Kind = "collect"

	// the human
	OnShowCode    Kind = "show_code" // and get_new_code; by the bridge for "code: at_once"
	OnWrongDigits Kind = "wrong_digits"
	OnClaim       Kind = "claim"
	OnRelease     Kind = "release"
	OnDeny        Kind = "deny"
	OnNotMe       Kind = "not_me"
	OnTeamDecline Kind = "team_decline"
	OnMine        Kind = "mine" // the account that signed in
	OnNotMine     Kind = "not_mine"

	// the provider
	OnMinted      Kind = "minted"
	OnMintFault   Kind = "mint_fault"
	OnMintRefused Kind = "mint_refused"
	OnNoClient    Kind = "no_client" // nobody has configured one at the issuer, and the bridge can have none
	OnSlowDown    Kind = "slow_down"
	OnToken       Kind = "token"
	OnRefused     Kind = "access_denied"
	OnPollFailed  Kind = "poll_failed"
	OnTokenLost   Kind = "invalid_grant"

	// the check of the account
	OnMatched         Kind = "account_matches"
	OnMismatched      Kind = "account_differs"
	OnUnknownAccount  Kind = "account_unknown" // its human is asked
	OnScopeExceeded   Kind = "scope_exceeded"
	OnNoIdentity      Kind = "no_identity"
	OnAnyAccount      Kind = "any_account" // no identity, and none is needed
	OnIdentityRefused Kind = "identity_refused"

	// the operator and the rules
	OnPolicyChanged Kind = "policy_changed"
	OnUnreachable   Kind = "no_route_left"
	OnGrantRevoked  Kind = "grant_revoked"
	OnGrantLost     Kind = "grant_lost"       // its provider honours it no more
	OnNoRenewal     Kind = "nothing_to_renew" // what a renewal was for is replaced, or over

	// the clock
	OnCodeLapsed      Kind = "code_lapsed" // and expired_token
	OnClaimLapsed     Kind = "claim_lapsed"
	OnTTLOver         Kind = "ttl_over"
	OnIdentityTimeout Kind = "identity_timeout"
	OnConfirmTimeout  Kind = "confirmation_timeout"
	OnCollectOver     Kind = "collect_within_over"
	OnGraceOver       Kind = "grace_over"
)

// Event is something that happened to a request. Only the fields that its
// kind speaks of are set.
type Event struct {
	Kind Kind
	By   Actor

	Code     int           // which code it is about
	Until    time.Time     // when what it begins is over
	Matched  bool          // show_code, claim: the right digits came with it
	Interval time.Duration // minted, slow_down
	Account  string        // account_*: who signed in, in words
	Signed   Account       // account_unknown: the same, as it would be pinned
	Scopes   []string      // account_matches, any_account, mine, served
	Details  Details       // likewise; also token
	Grant    GrantID       // account_matches, any_account, mine, served
	Outcome  OutcomeCode   // mint_refused, no_client
	Cause    string        // in the outcome, for the agent too; never anything secret
	Private  string        // for the human who is asked alone
}

// Actor is who caused an event. A human is named by the configured name and,
// where they acted, by channel and platform user id.
type Actor struct {
	Kind    ActorKind
	Name    string `json:",omitempty"`
	Channel string `json:",omitempty"`
	User    string `json:",omitempty"`
}

// ActorKind is what an actor is.
type ActorKind string

// The kinds of actors.
const (
	ByAgent    ActorKind = "agent"
	ByHuman    ActorKind = "human"
	ByProvider ActorKind = "provider"
	ByBridge   ActorKind = "bridge"
	ByClock    ActorKind = "clock"
	ByOperator ActorKind = "operator" // Name says which user called, "uid 0"
)

// MaxCodes is how many codes one request may ask for.
const MaxCodes = 6

// Apply folds an event that happened at the given time. It returns the
// request as it is afterwards and true, or the request unchanged and false
// when the table lists nothing for this event in this state: then the event
// comes too late, too early or twice, and the answer to whoever caused it is
// the request as it stands. Apply is pure.
func (r Request) Apply(e Event, at time.Time) (Request, bool) {
	for _, row := range table {
		if row.on == e.Kind && slices.Contains(row.from, r.State) && row.holds(r, e) {
			return r.follow(row, e, at.UTC().Round(0)), true
		}
	}
	return r, false
}

// follow takes the request along one row of the table.
func (r Request) follow(row row, e Event, at time.Time) Request {
	before := r.State
	r.State = row.to
	if r.State.Ended() && !before.Ended() {
		r.EndedAt, r.Note = at, ""
	}
	unclaimed := r.ClaimedBy == ""
	if row.set != nil {
		row.set(&r, e)
	}
	if unclaimed && r.ClaimedBy != "" {
		r.ClaimedAt = at
	}
	if !row.quiet {
		r.Version++
		r.UpdatedAt = at
		if !row.sameCard {
			r.Card++
		}
	}
	if r.State != Asked {
		r.Minting = false
	}
	if r.State != Coded {
		r.CodeExpiresAt, r.Interval = time.Time{}, 0
	}
	if r.State != Held {
		r.Signed = Account{}
	}
	if r.State.Ended() && !before.Ended() && r.State != Collected && r.Outcome == nil {
		r.Outcome = outcome(cmp.Or(row.outcome, e.Outcome), e.Cause)
	}
	return r
}

// Deadline returns the event that the clock brings if nothing else happens,
// and when. The zero time means none.
func (r Request) Deadline() (time.Time, Kind) {
	switch {
	case r.State == Asked && r.Minting:
		return time.Time{}, ""
	case r.State == Asked && r.ClaimedBy != "" && r.ClaimUntil.Before(r.ExpiresAt):
		return r.ClaimUntil, OnClaimLapsed
	case r.State == Asked:
		return r.ExpiresAt, OnTTLOver
	case r.State == Coded:
		return r.CodeExpiresAt, OnCodeLapsed
	case r.Confirming():
		return r.DueBy, OnConfirmTimeout
	case r.State == Held:
		return r.DueBy, OnIdentityTimeout
	case r.State == Granted:
		return r.DueBy, OnCollectOver
	case r.State == Collected && !r.DueBy.IsZero():
		return r.DueBy, OnGraceOver
	}
	return time.Time{}, ""
}

// Pending reports whether the clock or the provider still has something to
// bring: such a request is loaded at start.
func (r Request) Pending() bool {
	return !r.State.Ended() || (r.State == Collected && !r.DueBy.IsZero())
}
