package discordtest

import (
	"net/http"
	"strconv"
)

// The error codes of Discord that are known here.
const (
	General             = 0
	UnknownApplication  = 10002
	UnknownChannel      = 10003
	UnknownGuild        = 10004
	UnknownMember       = 10007
	UnknownMessage      = 10008
	UnknownRole         = 10011
	UnknownUser         = 10013
	UnknownWebhook      = 10015
	UnknownInteraction  = 10062
	CommandsADay        = 30034
	OldEdits            = 30046
	OpeningTooFast      = 40003
	AlreadyAcknowledged = 40060
	FollowUpsReached    = 40094
	MissingAccess       = 50001
	NotAuthor           = 50005
	EmptyMessage        = 50006
	CannotMessage       = 50007
	NotInThisChannel    = 50008
	MissingPermissions  = 50013
	BadWebhookToken     = 50027
	InvalidForm         = 50035
	ThreadArchived      = 50083
	InvalidJSON         = 50109
	NoMutualGuild       = 50278
	NoHistory           = 160002
)

// told is the status and the message that come with an error code.
type told struct {
	status  int
	message string
}

// known is what Discord says with each code.
func known(code int) told {
	switch code {
	case UnknownApplication:
		return told{http.StatusNotFound, "Unknown Application"}
	case UnknownChannel:
		return told{http.StatusNotFound, "Unknown Channel"}
	case UnknownGuild:
		return told{http.StatusNotFound, "Unknown Guild"}
	case UnknownMember:
		return told{http.StatusNotFound, "Unknown Member"}
	case UnknownMessage:
		return told{http.StatusNotFound, "Unknown Message"}
	case UnknownRole:
		return told{http.StatusNotFound, "Unknown Role"}
	case UnknownUser:
		return told{http.StatusNotFound, "Unknown User"}
	case UnknownWebhook:
		return told{http.StatusNotFound, "Unknown Webhook"}
	case UnknownInteraction:
		return told{http.StatusNotFound, "Unknown interaction"}
	case CommandsADay:
		return told{http.StatusBadRequest, "Maximum number of application command creates per day has been reached (200)"}
	case OldEdits:
		return told{http.StatusTooManyRequests, "Maximum number of edits to messages older than 1 hour reached. Try again later"}
	case OpeningTooFast:
		return told{http.StatusForbidden, "You are opening direct messages too fast"}
	case AlreadyAcknowledged:
		return told{http.StatusBadRequest, "Interaction has already been acknowledged."}
	case FollowUpsReached:
		return told{http.StatusBadRequest, "Maximum number of follow up messages has been reached"}
	}
	return knownToo(code)
}

func knownToo(code int) told {
	switch code {
	case MissingAccess:
		return told{http.StatusForbidden, "Missing Access"}
	case NotAuthor:
		return told{http.StatusForbidden, "Cannot edit a message authored by another user"}
	case EmptyMessage:
		return told{http.StatusBadRequest, "Cannot send an empty message"}
	case CannotMessage:
		return told{http.StatusForbidden, "Cannot send messages to this user"}
	case NotInThisChannel:
		return told{http.StatusBadRequest, "Cannot send messages in a non-text channel"}
	case MissingPermissions:
		return told{http.StatusForbidden, "Missing Permissions"}
	case BadWebhookToken:
		return told{http.StatusUnauthorized, "Invalid Webhook Token"}
	case InvalidForm:
		return told{http.StatusBadRequest, "Invalid Form Body"}
	case ThreadArchived:
		return told{http.StatusBadRequest, "Thread is archived"}
	case InvalidJSON:
		return told{http.StatusBadRequest, "The request body contains invalid JSON."}
	case NoMutualGuild:
		return told{http.StatusForbidden, "Cannot send messages to this user due to having no mutual guilds"}
	case NoHistory:
		return told{http.StatusBadRequest, "Cannot reply without permission to read message history"}
	default:
		return told{http.StatusBadRequest, "400: Bad Request"}
	}
}

// statusWords is what is said with a status that has no code.
func statusWords(status int) string {
	return strconv.Itoa(status) + ": " + http.StatusText(status)
}

// refusal is an answer of Discord's that is an error.
type refusal struct {
	code   int
	status int    // of HTTP, where it is not the code's
	own    string // the app's own mistake, in words; empty where it is the world's doing
	path   string // of the field that is wrong, in the tree of errors
	detail string // the code of what is wrong with it: "BASE_TYPE_MAX_LENGTH"
}

func (r *refusal) Error() string { return known(r.code).message + ": " + r.own }

// refuse answers with an error that any app may meet.
func refuse(code int) error { return &refusal{code: code} }

// wrong answers with an error that a right app never meets.
func wrong(code int, why string) error { return &refusal{code: code, own: why} }

// invalid answers that a field of the body is wrong, which a right app never
// meets. The path is as in "components.0.components.1.custom_id".
func invalid(path, detail, why string) error {
	return &refusal{code: InvalidForm, path: path, detail: detail, own: path + ": " + why}
}
