package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// call calls a method of Slack's once, about a channel, a person or nothing.
// What its error says for certain it says in the bridge's terms, and it says
// nothing that is secret: no argument, no address, no body. While Slack wants
// to be left alone with this, nothing is called.
func (a *Adapter) call(ctx context.Context, method, about string, do func(context.Context) error) error {
	place := method
	if inChannel(method) {
		place += "/" + about
	}
	if until, wait := a.known.waits.Get(place); wait {
		return limited(method, time.Until(until))
	}
	var connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	cause := do(traced)
	a.heard(method, cause)
	if cause == nil {
		return nil
	}
	err := explain(method, cause, connected.Load())
	if l, ok := errors.AsType[*bridge.Limited](err); ok {
		a.known.waits.Put(place, time.Now().Add(l.After), l.After)
	}
	return err
}

// heard keeps what the health says of our calls up to date: Slack refuses us
// from the call that it refused for our sake until that one goes well, or until
// it takes our token when it is asked again.
func (a *Adapter) heard(method string, err error) {
	why, refuses := refused(err, "bot token")
	switch last := a.refusing.Load(); {
	case err == nil && last != nil && *last == method:
		a.refusing.Store(nil)
		a.health.SetCalls(chat.Ready, "")
	case refuses && errors.Is(explain(method, err, true), bridge.ErrAuth):
		a.refusing.Store(&method)
		a.health.SetCalls(chat.Refused, string(why))
	}
}

// inChannel reports whether Slack counts the calls of a method for each
// channel by itself. All others, edits too, it counts for the workspace.
func inChannel(method string) bool { return method == methodPost }

// visible reports whether a method shows somebody something: then a call that
// nobody answered may have done so.
func visible(method string) bool {
	switch method {
	case methodPost, methodUpdate, methodEphemeral, methodOpenView, methodUpdateView, methodPublish:
		return true
	}
	return false
}

// explain says in the bridge's terms how a call failed. connected says whether
// there was a connection on which Slack can have heard of it.
func explain(method string, err error, connected bool) error {
	if no, ok := errors.AsType[slackgo.SlackErrorResponse](err); ok {
		return saidNo(method, no)
	}
	if slow, ok := errors.AsType[*slackgo.RateLimitedError](err); ok {
		return limited(method, slow.RetryAfter)
	}
	if status, ok := errors.AsType[slackgo.StatusCodeError](err); ok {
		return answered(method, status.Code)
	}
	why := "its answer cannot be read"
	if sent, ok := errors.AsType[*url.Error](err); ok {
		why = sent.Err.Error()
	}
	return unsure(method, why, connected)
}

// unsure is the error of a call that nobody answered in so many words.
func unsure(method, why string, connected bool) error {
	if connected && visible(method) {
		return fmt.Errorf("%s: %s", method, why)
	}
	return fmt.Errorf("%s: %s: %w", method, why, bridge.ErrNotSent)
}

// limited is the error of a call that Slack does not want yet.
func limited(method string, wait time.Duration) error {
	return fmt.Errorf("%s: %w", method, &bridge.Limited{After: max(wait, time.Second), All: !inChannel(method)})
}

// unsaidWait is how long Slack is left alone when it does not say how long.
const unsaidWait = 30 * time.Second

// answered is the error of a call that was answered by a status alone, mostly
// by what stands before Slack.
func answered(method string, status int) error {
	why := fmt.Sprintf("the answer is status %d", status)
	switch {
	case status == http.StatusTooManyRequests:
		return limited(method, unsaidWait)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("%s: %s: %w", method, why, bridge.ErrAuth)
	case status >= http.StatusInternalServerError:
		return unsure(method, why, true)
	}
	return fmt.Errorf("%s: %s: %w", method, why, bridge.ErrNotSent)
}

// saidNo is the error of a call that Slack refused in its own word.
func saidNo(method string, no slackgo.SlackErrorResponse) error {
	word := plainWord(no.Err)
	if needed := plainWord(no.Needed); no.Needed != "" {
		word += " (" + needed + ")"
	}
	switch meaning := meaningOf(method, no.Err); {
	case meaning == nil:
		return unsure(method, word, true)
	case errors.Is(meaning, errSlow):
		return limited(method, unsaidWait)
	default:
		return fmt.Errorf("%s: %s: %w", method, word, meaning)
	}
}

// plainWord is a word of Slack's as it may stand in a log.
func plainWord(word string) string {
	if !wordOfSlack.MatchString(word) {
		return "an error in a form that is new"
	}
	return word
}

var wordOfSlack = regexp.MustCompile(`^[A-Za-z0-9_.:,-]{1,80}$`)

// errSlow means that Slack wants to be left alone, and did not say how long.
var errSlow = errors.New("too many calls")

// meaningOf says what an error of Slack's makes certain; nil = nothing.
func meaningOf(method, word string) error {
	switch word {
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
		"not_allowed_token_type", "team_access_not_granted", "ekm_access_denied",
		"org_login_required", "enterprise_is_restricted", "two_factor_setup_required":
		return bridge.ErrAuth
	case "missing_scope", "no_permission", "access_denied":
		return withoutScope(method)
	case "user_not_found", "users_not_found", "user_disabled", "user_not_visible", "invalid_user_combination",
		"cannot_dm_bot", "account_deactivated", "user_is_bot", "user_is_restricted", "user_not_in_channel":
		return bridge.ErrUnreachable
	case "channel_not_found", "not_in_channel", "is_archived", "is_inactive", "messages_tab_disabled", "restricted_action",
		"restricted_action_read_only_channel", "restricted_action_thread_only_channel", "restricted_action_thread_locked",
		"restricted_action_non_threadable_channel", "team_not_found", "thread_locked", "not_enabled", "external_channel_migrating":
		return bridge.ErrRoute
	case "message_not_found", "cant_update_message", "edit_window_closed", "not_found", "view_not_found":
		return bridge.ErrGone
	case "expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "invalid_trigger":
		return errTrigger
	case "hash_conflict":
		return errStale
	case "ratelimited", "rate_limited", "message_limit_exceeded":
		return errSlow
	case "service_unavailable", "team_added_to_org", "request_timeout", "accesslimited":
		return bridge.ErrNotSent
	}
	if faultOfOurs(word) {
		return bridge.ErrInvalid
	}
	return nil
}

// withoutScope is what a missing permission closes: all of Slack if nothing
// can be shown without it, else the one place.
func withoutScope(method string) error {
	switch method {
	case methodByEmail, methodChannel, methodGroup:
		return bridge.ErrRoute
	}
	return bridge.ErrAuth
}

// faultOfOurs reports whether an error blames what was sent.
func faultOfOurs(word string) bool {
	switch word {
	case "no_text", "block_mismatch", "view_too_large", "msg_too_long",
		"msg_blocks_too_long", "metadata_too_large", "metadata_must_be_sent_from_app", "json_not_object",
		"missing_post_type", "unknown_method", "too_many_attachments":
		return true
	}
	return strings.HasPrefix(word, "invalid_")
}

// The methods of the Web API that the adapter calls.
const (
	methodSelf       = "auth.test"
	methodPost       = "chat.postMessage"
	methodUpdate     = "chat.update"
	methodEphemeral  = "chat.postEphemeral"
	methodPermalink  = "chat.getPermalink"
	methodOpenDM     = "conversations.open"
	methodChannel    = "conversations.info"
	methodUser       = "users.info"
	methodByEmail    = "users.lookupByEmail"
	methodGroup      = "usergroups.users.list"
	methodOpenView   = "views.open"
	methodUpdateView = "views.update"
	methodPublish    = "views.publish"
)
