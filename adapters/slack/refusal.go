package slack

import (
	"errors"
	"net/http"
	"strings"

	slackgo "github.com/slack-go/slack"
)

// refusal is why Slack does not let our app do something until the operator
// changes it, and what to do about it. What another token mends needs a restart;
// but the same token may come to be good again, too, and so Slack is asked again
// after a long while, whatever it was.
type refusal string

// refusals are Slack's words for it; TOKEN stands for the one of the call.
var refusals = map[string]refusal{ //nolint:gosec // G101: they speak of tokens, and have none
	"invalid_auth":            "Slack does not know the TOKEN: copy it again from the app's page, and restart authbridge",
	"not_authed":              "Slack got no TOKEN: put it into the file, and restart authbridge",
	"token_revoked":           "the TOKEN was taken back: install the app again, put the new token into the file, and restart authbridge",
	"token_expired":           "the TOKEN has expired: switch token rotation off on the app's page, make a new one, and restart authbridge",
	"account_inactive":        "the TOKEN is of an app that was removed, or of a workspace that is closed: install the app again, and restart authbridge",
	"not_allowed_token_type":  "the TOKEN is of another kind than Slack wants there: bot_token is the xoxb- one, app_token the xapp- one",
	"missing_scope":           "the TOKEN lacks a scope: compare the app with what authbridge slack manifest prints, install it again, and restart authbridge",
	"no_permission":           "the TOKEN lacks a permission: compare the app with what authbridge slack manifest prints, install it again, and restart authbridge",
	"team_access_not_granted": "the app of the TOKEN was not let into this workspace: an administrator of the organisation has to approve it",
	"access_denied":           "the workspace does not let the app of the TOKEN in: an administrator has to approve it",
	"ekm_access_denied":       "the organisation has switched off access with its own keys, also for the TOKEN: an administrator has to restore it",
	"org_login_required":      "the workspace is being moved, and the TOKEN cannot be used meanwhile",
	"team_added_to_org":       "the workspace is being moved, and the TOKEN cannot be used meanwhile",
	"forbidden_team":          "the TOKEN is of an app that may not be used in this workspace: an administrator has to approve it",
	"socket_mode_not_enabled": linkDisabled,
	"link_disabled":           linkDisabled,
}

const (
	linkDisabled = "Socket Mode is switched off on the app's page: switch it on under Socket Mode there"
	notSlack     = "what answers at slack.api_url does not know Slack's methods (404): correct it, and restart authbridge"
)

// refused tells a refusal from what may pass by itself. token is what the call
// was made with, in words: "bot token".
func refused(err error, token string) (refusal, bool) {
	if code, ok := errors.AsType[slackgo.StatusCodeError](err); ok && code.Code == http.StatusNotFound {
		return notSlack, true
	}
	said, ok := errors.AsType[slackgo.SlackErrorResponse](err)
	if !ok {
		return "", false
	}
	r, ok := refusals[said.Err]
	return refusal(strings.ReplaceAll(string(r), "TOKEN", token)), ok
}
