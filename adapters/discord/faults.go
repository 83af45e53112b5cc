package discord

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/authbridge/authbridge/bridge"
)

// What Discord's codes of errors mean to the bridge.
const (
	codeUnknownChannel     = 10003
	codeUnknownMember      = 10007
	codeUnknownMessage     = 10008
	codeUnknownUser        = 10013
	codeUnknownWebhook     = 10015
	codeUnknownInteraction = 10062
	codeOldEdits           = 30046
	codeOpeningTooFast     = 40003
	codeBlocked            = 40333 // by what stands before Discord, which does not look who is meant
	codeMissingAccess      = 50001
	codeCannotMessage      = 50007
	codeNotText            = 50008
	codeMissingPermissions = 50013
	codeBadWebhookToken    = 50027
	codeThreadArchived     = 50083
	codeNoMutualGuild      = 50278
	codeAnswered           = 40060 // an interaction that has an answer already
	codeNoHistory          = 160002
)

// refused is an answer of Discord's that is an error.
type refused struct {
	status int // of HTTP
	code   int // Discord's own; 0 = none
}

// Error has the numbers alone: Discord's words may repeat ours.
func (f refused) Error() string {
	if f.code == 0 {
		return fmt.Sprintf("the answer is status %d", f.status)
	}
	return fmt.Sprintf("Discord's error %d (status %d)", f.code, f.status)
}

// Code implements [fault].
func (f refused) Code() int { return f.code }

// errUnknownMember means that somebody is not in a server.
var errUnknownMember = errors.New("they are not in that server")

// meaning says what a fault makes certain, in the bridge's terms.
func (f refused) meaning(q call) error {
	switch f.code {
	case codeCannotMessage, codeNoMutualGuild, codeUnknownUser:
		return bridge.ErrUnreachable
	case codeUnknownChannel, codeMissingAccess, codeMissingPermissions, codeThreadArchived, codeNotText, codeNoHistory:
		return bridge.ErrRoute
	case codeUnknownMessage, codeUnknownWebhook, codeBadWebhookToken, codeUnknownInteraction:
		return bridge.ErrGone
	case codeUnknownMember:
		return errUnknownMember
	case codeOldEdits, codeOpeningTooFast:
		return &bridge.Limited{After: unsaidWait}
	}
	switch {
	case f.status == http.StatusUnauthorized && !q.free:
		return bridge.ErrAuth
	case f.status == http.StatusBadRequest:
		return bridge.ErrInvalid
	case f.status == http.StatusForbidden:
		return bridge.ErrRoute
	case q.free:
		return bridge.ErrGone
	}
	return bridge.ErrNotSent
}
