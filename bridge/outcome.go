package bridge

import (
	"maps"
	"slices"
)

// OutcomeCode says why a request ended without a token, or why its token was
// taken back. The words are part of the agent API.
type OutcomeCode string

// The outcomes, grouped by the state they end in.
const (
	// denied
	OutcomeDenied         OutcomeCode = "denied"
	OutcomeNotMe          OutcomeCode = "not_me"
	OutcomeProviderDenied OutcomeCode = "provider_denied"
	OutcomeRevoked        OutcomeCode = "revoked"

	// expired
	OutcomeExpired      OutcomeCode = "expired"
	OutcomeNotCollected OutcomeCode = "not_collected"

	// cancelled
	OutcomeCancelled     OutcomeCode = "cancelled"
	OutcomePolicyChanged OutcomeCode = "policy_changed"

	// failed
	OutcomeIdentityMismatch       OutcomeCode = "identity_mismatch"
	OutcomeIdentityUnavailable    OutcomeCode = "identity_unavailable"
	OutcomeScopeExceeded          OutcomeCode = "scope_exceeded"
	OutcomeHumanUnreachable       OutcomeCode = "human_unreachable"
	OutcomeDeviceGrantUnsupported OutcomeCode = "device_grant_unsupported"
	OutcomeDeviceGrantBlocked     OutcomeCode = "device_grant_blocked"
	OutcomeProviderError          OutcomeCode = "provider_error"
	OutcomeTokenLost              OutcomeCode = "token_lost"
	OutcomeTooManyCodes           OutcomeCode = "too_many_codes"
)

// Outcomes are all outcome codes, sorted.
func Outcomes() []OutcomeCode { return slices.Sorted(maps.Keys(sentences)) }

// Outcome is how a request ended, in a code for programs and a sentence for
// humans.
type Outcome struct {
	Code      OutcomeCode
	Message   string
	Retryable bool // the same ask may end better if it is made again
}

// sentences are the default messages; an event's cause is appended.
var sentences = map[OutcomeCode]struct {
	message   string
	retryable bool
}{
	OutcomeDenied:                 {"the human declined this request", false},
	OutcomeNotMe:                  {"the human did not ask for this; this agent may not ask them before they allow it again", false},
	OutcomeProviderDenied:         {"the human refused at the provider", false},
	OutcomeRevoked:                {"what was granted was taken back before it was collected", false},
	OutcomeExpired:                {"nobody answered in time", true},
	OutcomeNotCollected:           {"granted, but nobody came for the token in time", true},
	OutcomeCancelled:              {"the agent withdrew the request", true},
	OutcomePolicyChanged:          {"the operator no longer allows this request", false},
	OutcomeIdentityMismatch:       {"another account signed in than the one expected; its access was thrown away", true},
	OutcomeIdentityUnavailable:    {"the provider does not tell whose account granted; its access was thrown away", false},
	OutcomeScopeExceeded:          {"the provider granted more than the agent may have; it was thrown away", false},
	OutcomeHumanUnreachable:       {"there is no way left to reach the human", true},
	OutcomeDeviceGrantUnsupported: {"the provider offers no device grant", false},
	OutcomeDeviceGrantBlocked:     {"the provider blocks the device grant for our client", false},
	OutcomeProviderError:          {"the provider answered in a way we cannot use", false},
	OutcomeTokenLost:              {"the provider gave the token out but it did not arrive; the human has to be asked again", true},
	OutcomeTooManyCodes:           {"too many codes were asked for", true},
}

// outcome builds the outcome for a code; cause adds what happened this time.
func outcome(code OutcomeCode, cause string) *Outcome {
	s := sentences[code]
	message := s.message
	if cause != "" {
		message += ": " + cause
	}
	return &Outcome{Code: code, Message: message, Retryable: s.retryable}
}
