package bridge

import "time"

// Grant is what a human gave: the right of one agent to act for them within
// scopes, until a time. Its tokens are sealed apart under its id.
type Grant struct {
	ID    GrantID
	Key   GrantKey
	State GrantState

	Epoch   uint64    // as of its request
	Human   string    // who gave it, and may take it back
	Request RequestID // the one that led to it
	Renewal RequestID // the one by which its human can renew it, once it needs that

	Issuer  string
	Subject string // whose account it is, as the issuer knows it
	Account string // the same in words
	Scopes  []string
	Details Details `json:",omitzero"` // what was granted besides; what was asked is in the key

	CreatedAt       time.Time // the human's yes
	LastUsedAt      time.Time // the last time its token was handed out
	AccessIssuedAt  time.Time
	AccessExpiresAt time.Time // zero = unknown
	ReuseUntil      time.Time // it answers asks before then, and never later
	EndsAt          time.Time // when it is revoked if nothing else ends it
	EndedAt         time.Time
	EndedBy         ActorKind // who ended it; "" while it is not over
	Revocation      Revocation

	Refreshable bool // there is a refresh token
	Refreshing  int  // refreshes that were begun and whose end is not known
	Rotates     bool // the provider has replaced the refresh token before
}

// GrantKey says which asks a grant may answer. Nobody but its agent is ever
// answered from it. A grant that was given through a team has no Human here,
// since it answers asks to that team, whoever of it gave it.
type GrantKey struct {
	Agent    string
	Session  string
	Human    string
	Team     string
	Provider string
	ClientID string
	Resource string
	Details  Details `json:",omitzero"` // as they were asked for: a grant answers asks for the very same
}

// GrantState is how a grant stands. The words are part of the agent API.
type GrantState string

// The states of a grant.
const (
	GrantLive        GrantState = "live"
	GrantNeedsReauth GrantState = "needs_reauth" // the provider knows it no more; its human can renew it
	GrantRevoked     GrantState = "revoked"      // somebody took it back
	GrantEnded       GrantState = "ended"        // its time was over, or another replaced it
)

// Over reports whether the grant has come to its end.
func (s GrantState) Over() bool { return s == GrantRevoked || s == GrantEnded }

// Revocation is how far the provider was told.
type Revocation string

// How far the provider was told that a grant is over.
const (
	RevocationNone        Revocation = "none"
	RevocationPending     Revocation = "pending"
	RevocationDone        Revocation = "done"
	RevocationUnsupported Revocation = "unsupported" // the provider cannot; its tokens live until they expire
)

// usable reports whether the grant's access token still lives for at least
// least at the given time. An unknown end counts as long enough.
func (g Grant) usable(at time.Time, least time.Duration) bool {
	if g.AccessExpiresAt.IsZero() {
		return true
	}
	if life := g.AccessExpiresAt.Sub(g.AccessIssuedAt); least > life/2 {
		least = life / 2
	}
	return g.AccessExpiresAt.Sub(at) >= least
}
