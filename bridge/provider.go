package bridge

import (
	"context"
	"errors"
	"time"
)

// Provider is one authorization server and our client there. Its normal
// answers are values; an error that is no [*Refusal] means "we do not know",
// and the caller may try again later. Methods are safe for concurrent use,
// honour ctx, and are never called while a transaction is open.
type Provider interface {
	// Begin makes a device authorization request (RFC 8628, section 3.1) and
	// returns a code that is safe to show: the verification address is
	// vetted, the user code is well formed. A *Refusal ends the request.
	Begin(ctx context.Context, ask CodeRequest) (Code, error)

	// Poll asks the token endpoint once (RFC 8628, section 3.4), with one
	// HTTP request and no retry. It sends the device code to the endpoint
	// frozen in the code and to no other.
	Poll(ctx context.Context, code Code) (Answer, error)

	// Identify tells whose account granted the tokens: from a verified
	// id_token, else from the userinfo endpoint. An id_token must have been
	// valid when the tokens were received: it says who signed in then, and
	// may be over by the time somebody comes to read it. ErrNoIdentity when
	// this provider offers neither; a *Refusal when what it offers is not to
	// be believed.
	Identify(ctx context.Context, tokens Tokens, received time.Time) (Account, error)

	// Refresh makes one refresh request (RFC 6749, section 6), with no retry
	// of its own and on no account sent twice. It names no scopes, which asks
	// for those that were granted. What it returns replaces the tokens: where
	// the provider sent no new refresh token it holds the old one, where it
	// named no scopes those of before, and no id_token unless a new one came.
	// Its errors say how much is known:
	//
	//   - [ErrOtherAccount]: new tokens came, and an id_token that tells
	//     another subject than expected, or cannot be read. They are
	//     returned, to be revoked.
	//   - [ErrGrantLost]: the provider honours the refresh token no more
	//     (invalid_grant), or not without the human.
	//   - a *Refusal: it said no for another reason, such as a client that it
	//     does not know; the refresh token is as good as it was.
	//   - a *Unavailable: the request was not sent, or what came back is the
	//     word of a server that cannot now, or of somebody before it (a web
	//     page, a redirect, a bare status other than success); likewise.
	//   - any other: the request was sent and the answer is not known. The
	//     refresh token may have been used.
	Refresh(ctx context.Context, tokens Tokens, ask RefreshRequest) (Tokens, error)

	// Revoke revokes the refresh token first, then the access token
	// (RFC 7009). ErrCannotRevoke when the provider has no such endpoint, or
	// could only end more than it was asked to; a *Refusal when it has
	// understood and says no, which the same call again does not mend.
	Revoke(ctx context.Context, tokens Tokens, ask RevokeRequest) error
}

// CodeRequest is what a device authorization request asks for.
type CodeRequest struct {
	Scopes   []string // sent in this order
	Own      []string // sent before them as far as the issuer's scopes_supported lists them
	Details  Details  // RFC 9396; "" = not sent
	Resource string   // RFC 8707; "" = not sent
}

// RefreshRequest is what a refresh asks for.
type RefreshRequest struct {
	Resource string // RFC 8707; "" = not sent
	Subject  string // whose account granted (OpenID Connect Core 1.0, section 12.2); "" = not known
}

// RevokeRequest says how far a revocation may reach.
type RevokeRequest struct {
	// Wider says that more than these tokens may end by it, as with providers
	// that end all that a user gave to a client. Without it a provider is left
	// alone that cannot do less.
	Wider bool
}

// Code is a provider's answer to a device authorization request, and all
// that later polls need: it is frozen, whatever the provider's metadata
// becomes meanwhile.
type Code struct {
	DeviceCode Secret
	UserCode   Secret

	// VerificationURI is where the human goes; VerificationURIComplete also
	// carries the user code and is empty where the provider gives none.
	VerificationURI         string
	VerificationURIComplete Secret

	Lifetime      time.Duration // from the arrival of the answer
	Interval      time.Duration // least time between two polls, as the provider said it
	TokenEndpoint string
	Scopes        []string // as asked; what a token answer without scope means
	Details       Details  // likewise
	Resource      string
	Verifier      Secret // sent with each poll (RFC 7636, section 4.5); empty = none
}

// Verdict is a provider's answer to one poll.
type Verdict int

// The verdicts of a poll (RFC 8628, section 3.5).
const (
	PollPending  Verdict = iota // the human has not finished
	PollSlowDown                // pending, and the interval grows by 5 s for good
	PollGranted                 // here are the tokens
	PollDenied                  // access_denied: the human said no at the provider
	PollLapsed                  // expired_token: the code is over
	PollLost                    // invalid_grant: the code was used or is unknown
	PollFailed                  // any other OAuth error: stop
)

// Answer is what one poll learnt.
type Answer struct {
	Verdict  Verdict
	Interval time.Duration // with PollSlowDown: the interval that the provider named, 0 = none
	Tokens   Tokens        // with PollGranted
	Cause    string        // with PollFailed: for humans, without anything secret

	// Outcome, with PollFailed, is how the request ends; "" =
	// OutcomeProviderError.
	Outcome OutcomeCode

	// RetryAfter, with PollPending and PollSlowDown, is how long the provider
	// says to leave this code alone (RFC 9110, section 10.2.3), counted from
	// the answer, once and not for good: at most 30 minutes, 0 = not said.
	RetryAfter time.Duration
}

// Tokens is what a provider hands out.
type Tokens struct {
	Access    Secret
	Refresh   Secret // empty = none
	ID        Secret // the id_token, empty = none
	Type      string // "Bearer" unless the provider says otherwise
	Scopes    []string
	Details   Details   // authorization details that were granted (RFC 9396, section 7); "" = none
	ExpiresAt time.Time // zero = unknown
}

// Account is who signed in, as the provider tells it.
type Account struct {
	Issuer        string
	Subject       string // never reassigned within the issuer
	Email         string
	EmailVerified bool
	Name          string // for showing only, never compared

	// Login is what people sign in with, where the provider's profile knows of
	// one. It may change hands, but not while two have it.
	Login string
}

// Shown is the account in the words a human knows it by. A name is what its
// owner says: the subject beside it tells two of the same name apart.
func (a Account) Shown() string {
	switch {
	case a.Email != "" && a.EmailVerified:
		return a.Email
	case a.Name != "" && a.Name != a.Subject:
		return a.Name + " (" + a.Subject + ")"
	}
	return a.Subject
}

// Refusal is a hard no from a provider: trying again does not help.
type Refusal struct {
	Outcome OutcomeCode // one of the failed outcomes
	Cause   string      // what went wrong, for humans; never anything secret
	Err     error       // what lies under it, or nil
}

// Error returns the cause.
func (r *Refusal) Error() string { return r.Cause }

// Unwrap returns what lies under the refusal.
func (r *Refusal) Unwrap() error { return r.Err }

// Unavailable is a fault that says when to come back.
type Unavailable struct {
	RetryAfter time.Duration // 0 = not said
	Err        error
}

// Error returns the fault in words.
func (u *Unavailable) Error() string { return u.Err.Error() }

// Unwrap returns the fault.
func (u *Unavailable) Unwrap() error { return u.Err }

var (
	// ErrNoIdentity means that a provider tells nobody's identity.
	ErrNoIdentity = errors.New("the provider offers no identity")
	// ErrGrantLost means that a provider honours a refresh token no more.
	ErrGrantLost = errors.New("the provider honours the refresh token no more")
	// ErrOtherAccount means that a provider answered a refresh with the
	// tokens of another account.
	ErrOtherAccount = errors.New("the refreshed tokens are another account's")
	// ErrCannotRevoke means that a provider has no revocation endpoint.
	ErrCannotRevoke = errors.New("the provider cannot revoke")
)
