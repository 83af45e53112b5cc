package api

import "time"

// The events of GET /v1/events. The data of a request event is a [Request],
// of a grant event a [Grant], each as it stands then, and of a reset event a
// [Reset]. There may be others later: pass by those that you do not know.
//
// Without a Last-Event-ID a stream begins now. It says so with an id that
// stands for now, in a block without data: whoever then lists its requests
// misses nothing. An event comes at least once, several changes may come as
// one, and no version of a request comes after a later one. A line with a
// comment comes every 20 seconds when nothing else does. A caller that does
// not read is cut off after 10 seconds; it comes back with the last id.
const (
	EventRequest = "request"
	EventGrant   = "grant"
	EventReset   = "reset"
)

// Reset is sent when it is not known what changed since the Last-Event-ID
// that the caller came with: it is too old, of before a restart, or no id at
// all. The id of the event is where the stream goes on: list the requests,
// and from then on the stream tells what changes.
type Reset struct {
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
}

// Grant is what a human gave to an agent, as that agent sees it. Its token is
// not in it.
type Grant struct {
	ID    string     `json:"id"` // "grt_…"
	State GrantState `json:"state"`

	Session              Optional `json:"session"`
	Human                Optional `json:"human"`
	Team                 Optional `json:"team"`
	Provider             Optional `json:"provider"`
	Issuer               Optional `json:"issuer"`
	Resource             Optional `json:"resource"`
	Scopes               []string `json:"scopes"`
	AuthorizationDetails Details  `json:"authorization_details"` // those that were granted; null = none
	Account              Optional `json:"account"`               // who granted, in words; null = not known

	CreatedAt       time.Time  `json:"created_at"` // the human's yes
	LastUsedAt      *time.Time `json:"last_used_at"`
	AccessExpiresAt *time.Time `json:"access_expires_at"` // null = not known
	ReuseUntil      time.Time  `json:"reuse_until"`       // it answers asks before then

	Revocation Revocation `json:"revocation"`
}

// GrantState is how a grant stands.
type GrantState string

// The states of a grant.
const (
	GrantLive        GrantState = "live"
	GrantNeedsReauth GrantState = "needs_reauth" // only a human can give it new life
	GrantRevoked     GrantState = "revoked"      // somebody took it back
	GrantEnded       GrantState = "ended"        // its time was over, or another replaced it
)

// Revocation is how far the provider was told that a grant is over.
type Revocation string

// How far that is.
const (
	RevocationNone        Revocation = "none"
	RevocationPending     Revocation = "pending"
	RevocationDone        Revocation = "done"
	RevocationUnsupported Revocation = "unsupported" // the provider cannot; its tokens live until they expire
)
