package slack

import (
	"errors"
	"net/http"
	"strings"

	slackgo "github.com/slack-go/slack"
)

// refusal is Slack's saying that our app may not do something until the
// operator changes it.
type refusal struct {
	why   string // and what to do about it
	final bool   // only another token or file helps; else asking again may
}

// refusals are Slack's words for it; TOKEN stands for the one of the call.
var refusals = map[string]refusal{
	"invalid_auth":            {"Slack does not know the TOKEN: copy it again from the app's page, and restart authbridge", true},
	"not_authed":              {"Slack got no TOKEN: put it into the file, and restart authbridge", true},
	"token_revoked":           {"the TOKEN was taken back: install the app again, put the new token into the file, and restart authbridge", true},
	"token_expired":           {"the TOKEN has expired: switch token rotation off on the app's page, make a new one, and restart authbridge", true},
	"account_inactive":        {"the TOKEN is of an app that was removed, or of a workspace that is closed: install the app again, and restart authbridge", true},
	"not_allowed_token_type":  {"the TOKEN is of another kind than Slack wants there: bot_token is the xoxb- one, app_token the xapp- one", true},
	"missing_scope":           {"the TOKEN lacks a scope: compare the app with what authbridge slack manifest prints, install it again, and restart authbridge", true},
	"no_permission":           {"the TOKEN lacks a permission: compare the app with what authbridge slack manifest prints, install it again, and restart authbridge", true},
	"team_access_not_granted": {"the app of the TOKEN was not let into this workspace: an administrator of the organisation has to approve it", false},
	"access_denied":           {"the workspace does not let the app of the TOKEN in: an administrator has to approve it", false},
	"ekm_access_denied":       {"the organisation has switched off access with its own keys, also for the TOKEN: an administrator has to restore it", false},
	"org_login_required":      {"the workspace is being moved, and the TOKEN cannot be used meanwhile", false},
	"team_added_to_org":       {"the workspace is being moved, and the TOKEN cannot be used meanwhile", false},
	"forbidden_team":          {"the TOKEN is of an app that may not be used in this workspace: an administrator has to approve it", false},
	"socket_mode_not_enabled": {linkDisabled, false},
	"link_disabled":           {linkDisabled, false},
}

const (
	linkDisabled = "Socket Mode is switched off on the app's page: switch it on under Socket Mode there"
	notSlack     = "what answers at slack.api_url does not know Slack's methods (404): correct it, and restart authbridge"
)

// refused tells a refusal from what may pass by itself. token is what the call
// was made with, in words: "bot token".
func refused(err error, token string) (refusal, bool) {
	if code, ok := errors.AsType[slackgo.StatusCodeError](err); ok && code.Code == http.StatusNotFound {
		return refusal{notSlack, true}, true
	}
	said, ok := errors.AsType[slackgo.SlackErrorResponse](err)
	if !ok {
		return refusal{}, false
	}
	r, ok := refusals[said.Err]
	r.why = strings.ReplaceAll(r.why, "TOKEN", token)
	return r, ok
}
