package api

import (
	"net/http"
	"time"
)

// Problem says why a call was refused (RFC 9457). Programs go by Code; Detail
// and Hint are for people and language models.
type Problem struct {
	Type   string `json:"type"`   // always "about:blank": Code says more than a link would
	Title  string `json:"title"`  // the words of Status
	Status int    `json:"status"` // of HTTP

	Code      ProblemCode `json:"code"`
	Detail    string      `json:"detail"`              // what failed and why
	Hint      Optional    `json:"hint"`                // what to do next
	Retryable bool        `json:"retryable"`           // the same call may succeed later; with gone: a new ask may end better
	Request   *Request    `json:"request,omitempty"`   // with gone and not_ready: how it stands
	Reference string      `json:"reference,omitempty"` // with internal: what to look for in the bridge's log
}

// ProblemCode names a kind of problem. The words are stable.
type ProblemCode string

// The problems.
const (
	ProblemInvalidRequest      ProblemCode = "invalid_request"
	ProblemUnauthenticated     ProblemCode = "unauthenticated"
	ProblemNotAllowed          ProblemCode = "not_allowed"
	ProblemSuspended           ProblemCode = "suspended"
	ProblemNotFound            ProblemCode = "not_found"
	ProblemNotReady            ProblemCode = "not_ready"
	ProblemIdempotencyConflict ProblemCode = "idempotency_conflict"
	ProblemGone                ProblemCode = "gone"
	ProblemTooLarge            ProblemCode = "too_large"
	ProblemUnknownIssuer       ProblemCode = "unknown_issuer"
	ProblemTooManyOpen         ProblemCode = "too_many_open"
	ProblemQuiet               ProblemCode = "quiet"
	ProblemInternal            ProblemCode = "internal"
	ProblemChatUnavailable     ProblemCode = "chat_unavailable"
	ProblemProviderUnavailable ProblemCode = "provider_unavailable"
	ProblemStoreUnavailable    ProblemCode = "store_unavailable"
	ProblemShuttingDown        ProblemCode = "shutting_down"
)

// ProblemCodes lists all problem codes.
func ProblemCodes() []ProblemCode {
	return []ProblemCode{
		ProblemInvalidRequest, ProblemUnauthenticated, ProblemNotAllowed, ProblemSuspended,
		ProblemNotFound, ProblemNotReady, ProblemIdempotencyConflict, ProblemGone, ProblemTooLarge,
		ProblemUnknownIssuer, ProblemTooManyOpen, ProblemQuiet, ProblemInternal,
		ProblemChatUnavailable, ProblemProviderUnavailable, ProblemStoreUnavailable, ProblemShuttingDown,
	}
}

// Status is the HTTP status that goes with the code: 500 for one that is not
// known. A method that a route does not have is invalid_request with 405.
func (c ProblemCode) Status() int {
	switch c {
	case ProblemInvalidRequest:
		return http.StatusBadRequest
	case ProblemUnauthenticated:
		return http.StatusUnauthorized
	case ProblemNotAllowed, ProblemSuspended:
		return http.StatusForbidden
	case ProblemNotFound:
		return http.StatusNotFound
	case ProblemNotReady, ProblemIdempotencyConflict:
		return http.StatusConflict
	case ProblemGone:
		return http.StatusGone
	case ProblemTooLarge:
		return http.StatusRequestEntityTooLarge
	case ProblemUnknownIssuer:
		return http.StatusUnprocessableEntity
	case ProblemTooManyOpen, ProblemQuiet:
		return http.StatusTooManyRequests
	case ProblemChatUnavailable, ProblemProviderUnavailable, ProblemStoreUnavailable, ProblemShuttingDown:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Retryable reports whether the same call may succeed later.
func (c ProblemCode) Retryable() bool {
	return c == ProblemNotReady || c.RetryAfter() > 0
}

// RetryAfter is how long to wait before the same call, where nothing more
// exact is known; 0 = waiting alone does not help.
func (c ProblemCode) RetryAfter() time.Duration {
	switch c.Status() {
	case http.StatusTooManyRequests:
		return time.Minute
	case http.StatusServiceUnavailable:
		return 2 * time.Second
	default:
		return 0
	}
}
