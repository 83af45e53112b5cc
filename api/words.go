package api

// State is where a request is.
type State string

// The states. Asked, Coded and Held are open: the human or the provider has
// the next word. Granted waits for the agent to collect. The others are ends.
const (
	Asked     State = "asked"     // the human has not acted, or has no valid code
	Coded     State = "coded"     // the human has a code; the provider is polled
	Held      State = "held"      // the token is in; the account is being checked
	Granted   State = "granted"   // the token waits to be collected
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

// Ended reports whether the request is over. A state that this version does
// not know counts as an end, so that nobody waits for ever.
func (s State) Ended() bool { return s != Granted && !s.Open() }

// DeliveryState is how far a card got in a channel.
type DeliveryState string

// The states of a delivery.
const (
	Waiting     DeliveryState = "waiting"     // not seen yet
	Shown       DeliveryState = "shown"       // the human's own page or client has it
	Retrying    DeliveryState = "retrying"    // a fault; it is tried again
	Unreachable DeliveryState = "unreachable" // this way is closed
)

// OutcomeCode says how a request ended.
type OutcomeCode string

// The outcomes, by the state that a request with them ends in.
const (
	OutcomeDenied         OutcomeCode = "denied" // denied
	OutcomeNotMe          OutcomeCode = "not_me"
	OutcomeProviderDenied OutcomeCode = "provider_denied"
	OutcomeRevoked        OutcomeCode = "revoked"

	OutcomeExpired      OutcomeCode = "expired" // expired
	OutcomeNotCollected OutcomeCode = "not_collected"

	OutcomeCancelled     OutcomeCode = "cancelled" // cancelled
	OutcomePolicyChanged OutcomeCode = "policy_changed"

	OutcomeIdentityMismatch       OutcomeCode = "identity_mismatch" // failed
	OutcomeIdentityUnavailable    OutcomeCode = "identity_unavailable"
	OutcomeScopeExceeded          OutcomeCode = "scope_exceeded"
	OutcomeHumanUnreachable       OutcomeCode = "human_unreachable"
	OutcomeDeviceGrantUnsupported OutcomeCode = "device_grant_unsupported"
	OutcomeDeviceGrantBlocked     OutcomeCode = "device_grant_blocked"
	OutcomeProviderError          OutcomeCode = "provider_error"
	OutcomeTokenLost              OutcomeCode = "token_lost"
	OutcomeTooManyCodes           OutcomeCode = "too_many_codes"
)

// OutcomeCodes lists all outcomes.
func OutcomeCodes() []OutcomeCode {
	return []OutcomeCode{
		OutcomeDenied, OutcomeNotMe, OutcomeProviderDenied, OutcomeRevoked,
		OutcomeExpired, OutcomeNotCollected,
		OutcomeCancelled, OutcomePolicyChanged,
		OutcomeIdentityMismatch, OutcomeIdentityUnavailable, OutcomeScopeExceeded,
		OutcomeHumanUnreachable, OutcomeDeviceGrantUnsupported, OutcomeDeviceGrantBlocked,
		OutcomeProviderError, OutcomeTokenLost, OutcomeTooManyCodes,
	}
}
