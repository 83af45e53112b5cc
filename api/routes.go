package api

import "net/url"

// Routes of the agent API. A route with an {id} is made by a function.
const (
	RequestsPath = "/v1/requests" // POST asks, GET lists
	GrantsPath   = "/v1/grants"   // GET lists
	TokenPath    = "/v1/token"    // POST asks, waits and collects
	EventsPath   = "/v1/events"   // GET: server-sent events
	WhoamiPath   = "/v1/whoami"   // GET

	DocumentPath = "/openapi.json" // GET describes all of it (OpenAPI 3.1)
)

// MediaType, ProblemMediaType and EventMediaType are what bodies, problems
// (RFC 9457) and events (the WHATWG's server-sent events) are sent as.
const (
	MediaType        = "application/json"
	ProblemMediaType = "application/problem+json"
	EventMediaType   = "text/event-stream"
)

// IdempotencyKeyHeader names the header under which an ask may be sent again
// without becoming a second one.
const IdempotencyKeyHeader = "Idempotency-Key"

// LastEventIDHeader names the header with the id of the last event that the
// caller of GET /v1/events has seen: the stream goes on after it.
const LastEventIDHeader = "Last-Event-ID"

// MaxBody is how many bytes a body may have; a longer one is
// [ProblemTooLarge].
const MaxBody = 64 << 10

// MaxWait is how many seconds one call may wait, and DefaultTokenWait how
// many POST /v1/token waits unless it is told otherwise.
const (
	MaxWait          = 60
	DefaultTokenWait = 55
)

// MaxLimit is how many requests or grants one page may hold, and DefaultLimit
// how many it holds unless it is told otherwise.
const (
	MaxLimit     = 200
	DefaultLimit = 50
)

// RequestPath is where a request is: GET reads it, DELETE cancels it.
func RequestPath(id string) string { return RequestsPath + "/" + url.PathEscape(id) }

// GrantPath is where a grant is: DELETE gives it up.
func GrantPath(id string) string { return GrantsPath + "/" + url.PathEscape(id) }

// CollectPath is where the token of a granted request is collected, by POST.
func CollectPath(id string) string { return RequestPath(id) + "/token" }
