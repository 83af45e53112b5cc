package bridge

import (
	"fmt"
	"time"
)

// ProblemCode says why a call was refused. The words are part of the agent
// API.
type ProblemCode string

// The problems that the domain knows. Transport has more of its own.
const (
	ProblemInvalidRequest      ProblemCode = "invalid_request"
	ProblemNotAllowed          ProblemCode = "not_allowed"
	ProblemSuspended           ProblemCode = "suspended"
	ProblemNotFound            ProblemCode = "not_found"
	ProblemNotReady            ProblemCode = "not_ready"
	ProblemIdempotencyConflict ProblemCode = "idempotency_conflict"
	ProblemGone                ProblemCode = "gone"
	ProblemUnknownIssuer       ProblemCode = "unknown_issuer"
	ProblemTooManyOpen         ProblemCode = "too_many_open"
	ProblemQuiet               ProblemCode = "quiet"
	ProblemChatUnavailable     ProblemCode = "chat_unavailable"
	ProblemProviderUnavailable ProblemCode = "provider_unavailable"
	ProblemShuttingDown        ProblemCode = "shutting_down"
)

// Problem is a refusal with everything that its caller needs to go on.
type Problem struct {
	Code       ProblemCode
	Detail     string        // what failed and why
	Hint       string        // what to do next, "" = nothing
	RetryAfter time.Duration // when trying again may help, 0 = not by waiting
	Request    *Request      // with ProblemGone and ProblemNotReady: how it stands
}

// Error returns the problem in one sentence.
func (p *Problem) Error() string { return p.Detail }

func problem(code ProblemCode, format string, args ...any) *Problem {
	return &Problem{Code: code, Detail: fmt.Sprintf(format, args...)}
}

func (p *Problem) hint(format string, args ...any) *Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

// notFound is also the answer about other people's things.
func notFound() *Problem {
	return problem(ProblemNotFound, "there is no such request, or it is not yours")
}
