package slacktest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// providePeople adds the methods of people, groups and conversations.
func (s *Slack) providePeople() {
	s.provide("auth.test", method{kind: botToken, do: (*call).authTest})
	s.provide("users.info", method{
		kind: botToken, scopes: []string{"users:read"}, rate: tier4, form: true,
		args: []string{"user", "include_locale"}, needs: []string{"user"}, do: (*call).userInfo,
	})
	s.provide("users.lookupByEmail", method{
		kind: botToken, scopes: []string{"users:read.email"}, rate: tier3, form: true,
		args: []string{"email"}, needs: []string{"email"}, do: (*call).lookupByEmail,
	})
	s.provide("usergroups.users.list", method{
		kind: botToken, scopes: []string{"usergroups:read"}, rate: tier2, form: true,
		args: []string{"usergroup", "include_disabled", "team_id"}, needs: []string{"usergroup"}, do: (*call).groupMembers,
	})
	s.provide("conversations.open", method{
		kind: botToken, scopes: []string{"im:write"}, rate: tier3,
		args: []string{"users", "return_im", "prevent_creation"}, needs: []string{"users"}, do: (*call).openDM,
	})
	s.provide("conversations.info", method{
		kind: botToken, rate: tier3, form: true,
		args: []string{"channel", "include_locale", "include_num_members"}, needs: []string{"channel"}, do: (*call).channelInfo,
	})
	s.provide("conversations.members", method{
		kind: botToken, rate: tier4, form: true,
		args: []string{"channel", "cursor", "limit"}, needs: []string{"channel"}, do: (*call).channelMembers,
	})
}

func (c *call) authTest() (answer, error) {
	w := &c.world
	a := answer{
		"url": "https://" + w.Team.Domain + ".slack.com/", "team": w.Team.Name, "user": w.App.Name,
		"team_id": w.Team.ID, "user_id": w.App.User, "bot_id": w.App.Bot, "is_enterprise_install": false,
	}
	if w.Team.Enterprise != "" {
		a["enterprise_id"] = w.Team.Enterprise
	}
	return a, nil
}

func (c *call) userInfo() (answer, error) {
	if c.arg("user") == c.world.App.User {
		return answer{"user": c.profile(&User{ID: c.world.App.User, Name: c.world.App.Name, Bot: true})}, nil
	}
	u := c.world.Person(c.arg("user"))
	switch {
	case u == nil:
		return nil, refuse("user_not_found")
	case u.Hidden:
		return nil, refuse("user_not_visible")
	}
	return answer{"user": c.profile(u)}, nil
}

func (c *call) lookupByEmail() (answer, error) {
	for i := range c.world.People {
		u := &c.world.People[i]
		if u.Email != "" && strings.EqualFold(u.Email, c.arg("email")) && !u.Deleted && !u.Hidden {
			return answer{"user": c.profile(u)}, nil
		}
	}
	return nil, refuse("users_not_found")
}

// profile is a user as Slack tells of one.
func (c *call) profile(u *User) map[string]any {
	name := u.RealName
	if name == "" {
		name = u.Name
	}
	zone, err := time.LoadLocation(u.TZ)
	if err != nil {
		zone = time.UTC
	}
	_, offset := c.now().In(zone).Zone()
	profile := map[string]any{"real_name": name, "display_name": u.Name, "team": c.world.team(u)}
	if slices.Contains(c.world.App.Scopes, "users:read.email") {
		profile["email"] = u.Email
	}
	return map[string]any{
		"id": u.ID, "team_id": c.world.team(u), "name": u.Name, "real_name": name,
		"deleted": u.Deleted, "is_bot": u.Bot, "is_stranger": u.Stranger,
		"is_restricted": u.Guest || u.SingleGuest, "is_ultra_restricted": u.SingleGuest,
		"is_email_confirmed": !u.Unconfirmed && u.Email != "",
		"tz":                 zone.String(), "tz_offset": offset, "profile": profile,
	}
}

func (c *call) groupMembers() (answer, error) {
	g := c.world.Group(c.arg("usergroup"))
	switch {
	case c.world.Team.Free:
		return nil, refuse("plan_upgrade_required")
	case g == nil, g.Disabled && !c.flag("include_disabled"):
		return nil, refuse("no_such_subteam")
	}
	return answer{"users": append([]string{}, g.Members...)}, nil
}

func (c *call) openDM() (answer, error) {
	if strings.Contains(c.arg("users"), ",") {
		return nil, wrong("too_many_users", "conversations of several are not stood in for here")
	}
	u := c.world.Person(c.arg("users"))
	if err := c.reachable(u); err != nil {
		return nil, err
	}
	already := c.opened[u.ID]
	if !already && c.flag("prevent_creation") {
		return nil, refuse("channel_not_found")
	}
	c.opened[u.ID] = true
	channel := map[string]any{"id": dm(u.ID)}
	if c.flag("return_im") {
		channel["user"], channel["is_im"], channel["is_open"] = u.ID, true, true
	}
	a := answer{"channel": channel}
	if already {
		a["no_op"], a["already_open"] = true, true
	}
	return a, nil
}

func (c *call) channelInfo() (answer, error) {
	ch, err := c.channel()
	if err != nil {
		return nil, err
	}
	member := slices.Contains(ch.Members, c.world.App.User)
	info := map[string]any{
		"id": ch.ID, "name": ch.Name, "is_channel": !ch.Private, "is_group": ch.Private, "is_private": ch.Private,
		"is_im": false, "is_mpim": false, "is_archived": ch.Archived, "is_member": member,
		"is_shared": ch.Shared, "is_ext_shared": ch.Shared, "is_org_shared": false, "is_pending_ext_shared": ch.Pending,
		"context_team_id": c.world.Team.ID,
	}
	if c.flag("include_num_members") {
		info["num_members"] = len(ch.Members)
	}
	return answer{"channel": info}, nil
}

// channel is the channel that the call means, if the bot may know of it.
func (c *call) channel() (*Channel, error) {
	id := c.arg("channel")
	if strings.HasPrefix(id, "D") {
		return nil, wrong("method_not_supported_for_channel_type", "direct conversations are not stood in for here, and would need im:read")
	}
	if !c.sees(id) {
		return nil, refuse("channel_not_found")
	}
	ch := c.world.Channel(id)
	scope := "channels:read"
	if ch.Private {
		scope = "groups:read"
	}
	return ch, c.checkScopes(botToken, []string{scope})
}

func (c *call) channelMembers() (answer, error) {
	ch, err := c.channel()
	if err != nil {
		return nil, err
	}
	limit, at := 100, 0
	if text := c.arg("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 1000 {
			return nil, wrong("invalid_limit", "a limit between 1 and 1000")
		}
	}
	if text := c.arg("cursor"); text != "" {
		if at, err = strconv.Atoi(strings.TrimPrefix(text, "at-")); err != nil || at > len(ch.Members) {
			return nil, wrong("invalid_cursor", "nobody gave out that cursor")
		}
	}
	end, next := min(at+limit, len(ch.Members)), ""
	if end < len(ch.Members) {
		next = "at-" + strconv.Itoa(end)
	}
	return answer{
		"members":           append([]string{}, ch.Members[at:end]...),
		"response_metadata": map[string]any{"next_cursor": next},
	}, nil
}
