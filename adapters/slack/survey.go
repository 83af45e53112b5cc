package slack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// Scopes are those of the bot token that the bridge has a use for. There is
// none to read messages, and none to write where nobody invited the app.
func Scopes() []string {
	return []string{
		"chat:write",       // cards
		"im:write",         // direct messages
		"commands",         // /authbridge
		"users:read",       // whether somebody is a guest, a bot, gone
		"users:read.email", // humans by their address
		"usergroups:read",  // groups as teams
		"channels:read",    // whether a team's channel is shared or archived
		"groups:read",      // the same of private ones
	}
}

// Places are what a configuration names of Slack's.
type Places struct {
	Channels map[string]string // ids of channels to what they are the channel of
	People   map[string]string // ids of people to who they are
	Groups   map[string]string // ids of user groups to whose members they are
	Shared   []string          // channels that may be shared

	AllowGuests bool
}

// surveyed bounds how many of each are looked at.
const surveyed = 20

// Survey looks at the app from outside, as its tokens let it: who it is, what
// it may do, whether it can open a connection, and the places. It changes
// nothing and writes nobody. What it says repeats no token. Without an app
// token the connection is left out.
func Survey(ctx context.Context, api string, calls *http.Client, bot, app bridge.Secret, places Places) []chat.Found {
	s := survey{ctx: ctx, api: slackgo.New(
		bot.Reveal(), slackgo.OptionAppLevelToken(app.Reveal()), slackgo.OptionAPIURL(api), slackgo.OptionHTTPClient(calls),
	)}
	if !s.who() {
		return s.found
	}
	if !app.IsZero() {
		s.connection()
	}
	for _, id := range some(places.Channels) {
		s.channel(id, places.Channels[id], slices.Contains(places.Shared, id))
	}
	for _, id := range some(places.People) {
		s.person(id, places.People[id], places.AllowGuests)
	}
	for _, id := range some(places.Groups) {
		s.group(id, places.Groups[id])
	}
	return s.found
}

// some are the first ids, in order.
func some(all map[string]string) []string {
	ids := slices.Sorted(maps.Keys(all))
	return ids[:min(len(ids), surveyed)]
}

// survey is one look.
type survey struct {
	ctx   context.Context
	api   *slackgo.Client
	team  string
	found []chat.Found
}

func (s *survey) add(g chat.Grade, hint, format string, args ...any) {
	s.found = append(s.found, chat.Found{Grade: g, What: fmt.Sprintf(format, args...), Hint: hint})
}

const reinstall = "install the app again with the manifest of: authbridge slack manifest"

// who asks whose the bot token is and what it may do.
func (s *survey) who() bool {
	me, err := s.api.AuthTestContext(s.ctx)
	if err != nil {
		s.add(chat.Fault, hintFor(err), "the bot token is not taken: %s", inWords(err))
		return false
	}
	s.team = me.TeamID
	if me.EnterpriseID != "" {
		s.add(chat.Doubt, "", "the workspace belongs to an organisation (%s); people of its other workspaces are refused", me.EnterpriseID)
	}
	granted := strings.Split(me.Header.Get("X-OAuth-Scopes"), ",")
	missing := slices.DeleteFunc(Scopes(), func(scope string) bool { return slices.Contains(granted, scope) })
	switch {
	case me.Header.Get("X-OAuth-Scopes") == "":
		s.add(chat.Doubt, "", "the app is %s in %s; Slack does not say what it may do", me.User, me.Team)
	case len(missing) > 0:
		s.add(chat.Fault, reinstall, "the bot token lacks %s (granted: %s)", strings.Join(missing, ", "), strings.Join(granted, ", "))
	default:
		s.add(chat.Fine, "", "the app is %s in %s, with all the scopes that it needs", me.User, me.Team)
	}
	return true
}

// connection asks for an address to connect to, and does not connect: another
// connection would take clicks away from the bridge's own.
func (s *survey) connection() {
	if _, _, err := s.api.StartSocketModeContext(s.ctx); err != nil {
		hint := hintFor(err)
		if is(err, "missing_scope") {
			hint = "make another app-level token, with the scope connections:write: Basic Information, App-Level Tokens"
		}
		s.add(chat.Fault, hint, "no connection can be opened with the app token: %s", inWords(err))
		return
	}
	s.add(chat.Fine, "", "the app token opens connections")
}

func (s *survey) channel(id, whose string, mayBeShared bool) {
	c, err := s.api.GetConversationInfoContext(s.ctx, &slackgo.GetConversationInfoInput{ChannelID: id})
	name := "the channel " + id + " of " + whose
	switch {
	case is(err, "channel_not_found"):
		s.add(chat.Fault, "copy the id from the channel's details, and invite the app there: /invite @authbridge", "%s is not there for the app", name)
	case err != nil:
		s.add(chat.Fault, hintFor(err), "%s cannot be looked at: %s", name, inWords(err))
	case c.IsArchived:
		s.add(chat.Fault, "name another channel, or unarchive it", "%s is archived", name)
	case !c.IsMember:
		s.add(chat.Fault, "in the channel: /invite @authbridge", "the app is not in %s", name)
	case (c.IsExtShared || c.IsPendingExtShared) && !mayBeShared:
		s.add(chat.Fault, "name another channel; or, if its guests may see who asks for what: slack: {allow_shared: ["+id+"]}", "%s is shared with another workspace", name)
	default:
		s.add(chat.Fine, "", "%s is open to the app", name)
	}
}

func (s *survey) person(id, name string, guests bool) {
	u, err := s.api.GetUserInfoContext(s.ctx, id)
	switch {
	case err != nil:
		s.add(chat.Fault, "in Slack, open the profile, press ⋮, Copy member ID", "%s (%s) cannot be found: %s", name, id, inWords(err))
	case u.Deleted:
		s.add(chat.Fault, "remove the id, or the human", "%s (%s) is deactivated in Slack", name, id)
	case u.IsBot:
		s.add(chat.Fault, "name a person's id", "%s (%s) is a bot", name, id)
	case u.IsStranger || u.TeamID != s.team:
		s.add(chat.Fault, "name somebody of the workspace that the app is in", "%s (%s) belongs to another workspace", name, id)
	case (u.IsRestricted || u.IsUltraRestricted) && !guests:
		s.add(chat.Fault, "slack: {allow_guests: true}, if guests may be asked", "%s (%s) is a guest of the workspace", name, id)
	}
}

func (s *survey) group(id, whose string) {
	members, err := s.api.GetUserGroupMembersContext(s.ctx, id)
	switch {
	case err != nil:
		s.add(chat.Fault, hintFor(err), "the user group %s of %s cannot be read, so nobody is in it: %s", id, whose, inWords(err))
	case len(members) == 0:
		s.add(chat.Fault, "put people into the group in Slack", "nobody is in the user group %s of %s", id, whose)
	default:
		s.add(chat.Fine, "", "the user group %s of %s can be read (%d people)", id, whose, len(members))
	}
}

// is reports whether an error is an answer of Slack with one of its words.
func is(err error, word string) bool {
	said, ok := errors.AsType[slackgo.SlackErrorResponse](err)
	return ok && said.Err == word
}

// inWords is an error without anything of what was sent.
func inWords(err error) string {
	if said, ok := errors.AsType[slackgo.SlackErrorResponse](err); ok {
		words := bridge.Clean(said.Err, 100)
		if len(said.ResponseMetadata.Messages) == 0 && said.Needed != "" {
			words += " (it needs " + bridge.Clean(said.Needed, 200) + ")"
		}
		return words
	}
	if limited, ok := errors.AsType[*slackgo.RateLimitedError](err); ok {
		return "Slack wants to be left alone for " + limited.RetryAfter.String()
	}
	return "Slack cannot be reached, or answers nonsense"
}

// hintFor is what to do about an error.
func hintFor(err error) string {
	for _, known := range []struct{ word, hint string }{
		{"missing_scope", reinstall},
		{"not_allowed_token_type", "the two tokens may have changed places: the bot token begins with xoxb-, the app token with xapp-"},
		{"invalid_auth", "copy the token again from the app's page in Slack"},
		{"not_authed", "copy the token again from the app's page in Slack"},
		{"token_revoked", "the app was removed from the workspace: install it again, and copy the new token"},
		{"account_inactive", "the app was removed from the workspace: install it again, and copy the new token"},
		{"plan_upgrade_required", "this workspace's plan has no user groups: name the members"},
		{"no_such_subteam", "copy the group's id from its page in Slack"},
	} {
		if is(err, known.word) {
			return known.hint
		}
	}
	return ""
}
