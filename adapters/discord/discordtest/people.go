package discordtest

import (
	"slices"
	"strconv"
)

// providePeople adds the routes of people, guilds and channels.
func (s *Discord) providePeople() {
	s.provide("GET /users/@me", route{rate: reading(), do: (*call).me})
	s.provide("GET /users/{user}", route{rate: reading(), do: (*call).user})
	s.provide("GET /users/@me/guilds", route{rate: reading(), query: []string{"before", "after", "limit", "with_counts"}, do: (*call).guilds})
	s.provide("POST /users/@me/channels", route{body: true, rate: opening(), do: (*call).openDirect})
	s.provide("GET /guilds/{guild}", route{rate: reading(), query: []string{"with_counts"}, do: (*call).guild})
	s.provide("GET /guilds/{guild}/roles", route{rate: reading(), do: (*call).roles})
	s.provide("GET /guilds/{guild}/members/{user}", route{rate: reading(), do: (*call).member})
	s.provide("GET /channels/{channel}", route{rate: reading(), do: (*call).channel})
}

// profile is a user as Discord tells of one. It needs the lock.
func (s *Discord) profile(id string) map[string]any {
	p := map[string]any{"id": id, "discriminator": "0", "avatar": nil, "public_flags": 0, "global_name": nil}
	u := s.world.Person(id)
	switch {
	case id == s.world.App.Bot:
		p["username"], p["bot"] = s.world.App.Name, true
	case u != nil:
		p["username"] = u.Name
		if u.Global != "" {
			p["global_name"] = u.Global
		}
		if u.Bot {
			p["bot"] = true
		}
		if u.System {
			p["system"] = true
		}
	}
	return p
}

func (s *Discord) profiles(ids []string) []map[string]any {
	all := []map[string]any{}
	for _, id := range ids {
		all = append(all, s.profile(id))
	}
	return all
}

func (c *call) me() (any, error) {
	p := c.profile(c.world.App.Bot)
	p["verified"], p["mfa_enabled"], p["email"], p["flags"] = true, false, nil, 0
	return p, nil
}

func (c *call) user() (any, error) {
	if c.id("user") == c.world.App.Bot || c.world.Person(c.id("user")) != nil {
		return c.profile(c.id("user")), nil
	}
	return nil, refuse(UnknownUser)
}

// guilds are those that the bot is in, page by page, in the order of ids.
func (c *call) guilds() (any, error) {
	limit := 200
	if text := c.query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 200 {
			return nil, invalid("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 200.")
		}
		limit = n
	}
	all := []any{}
	for _, g := range c.inOrder() {
		if after := c.query.Get("after"); after != "" && !older(after, g.ID) || len(all) == limit {
			continue
		}
		if before := c.query.Get("before"); before != "" && !older(g.ID, before) {
			continue
		}
		all = append(all, map[string]any{
			"id": g.ID, "name": g.Name, "icon": nil, "banner": nil, "owner": false, "features": []any{},
			"permissions": strconv.FormatUint(c.world.everywhere(&g), 10),
		})
	}
	return all, nil
}

// inOrder are the bot's guilds, the oldest first.
func (c *call) inOrder() []Guild {
	mine := slices.DeleteFunc(slices.Clone(c.world.Guilds), func(g Guild) bool { return g.Member(c.world.App.Bot) == nil })
	slices.SortFunc(mine, func(a, b Guild) int {
		if older(a.ID, b.ID) {
			return -1
		}
		return 1
	})
	return mine
}

// older says whether one id comes before another.
func older(a, b string) bool { return len(a) < len(b) || len(a) == len(b) && a < b }

// everywhere is what the bot may do in a guild, but for its channels.
func (w *World) everywhere(g *Guild) uint64 {
	var may uint64
	m := g.Member(w.App.Bot)
	for _, r := range g.Roles {
		if r.ID == g.ID || m != nil && slices.Contains(m.Roles, r.ID) {
			may |= r.Permissions
		}
	}
	return may
}

// inGuild is the guild that the path means, if the bot is in it.
func (c *call) inGuild() (*Guild, error) {
	g := c.world.Guild(c.id("guild"))
	switch {
	case g == nil:
		return nil, refuse(UnknownGuild)
	case g.Member(c.world.App.Bot) == nil:
		return nil, refuse(MissingAccess)
	}
	return g, nil
}

func (c *call) guild() (any, error) {
	g, err := c.inGuild()
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"id": g.ID, "name": g.Name, "icon": nil, "owner_id": "0", "features": []any{}, "emojis": []any{}, "stickers": []any{},
		"roles": listRoles(g),
	}, nil
}

func (c *call) roles() (any, error) {
	g, err := c.inGuild()
	if err != nil {
		return nil, err
	}
	return listRoles(g), nil
}

func listRoles(g *Guild) []any {
	all := []any{}
	for i, r := range g.Roles {
		all = append(all, map[string]any{
			"id": r.ID, "name": r.Name, "permissions": strconv.FormatUint(r.Permissions, 10), "position": i,
			"color": 0, "hoist": false, "managed": false, "mentionable": r.Mentionable, "flags": 0,
		})
	}
	return all
}

func (c *call) member() (any, error) {
	g, err := c.inGuild()
	if err != nil {
		return nil, err
	}
	m := g.Member(c.id("user"))
	switch {
	case m != nil:
		return c.membership(m), nil
	case c.world.Person(c.id("user")) == nil:
		return nil, refuse(UnknownUser)
	default:
		return nil, refuse(UnknownMember)
	}
}

// membership is a member as Discord tells of one, with the user. It needs
// the lock.
func (s *Discord) membership(m *Member) map[string]any {
	p := map[string]any{
		"user": s.profile(m.User), "nick": nil, "avatar": nil, "roles": listed(m.Roles), "pending": m.Pending,
		"joined_at": "2026-01-02T03:04:05.000000+00:00", "premium_since": nil, "communication_disabled_until": nil,
		"deaf": false, "mute": false, "flags": 0,
	}
	if m.Nick != "" {
		p["nick"] = m.Nick
	}
	return p
}

func (c *call) channel() (any, error) {
	if err := c.readable(c.id("channel")); err != nil {
		return nil, err
	}
	return c.place(c.id("channel")), nil
}

// place is a channel as Discord tells of one. It needs the lock.
func (s *Discord) place(id string) map[string]any {
	if to := s.partner(id); to != "" {
		return map[string]any{
			"id": id, "type": Direct, "last_message_id": nil, "flags": 0, "recipients": s.profiles([]string{to}),
		}
	}
	ch, g := s.world.Channel(id), s.world.home(id)
	p := map[string]any{
		"id": id, "type": ch.Type, "guild_id": g.ID, "name": ch.Name, "parent_id": nil, "position": 0, "flags": 0,
		"nsfw": false, "topic": nil, "last_message_id": nil, "permission_overwrites": overwrites(ch),
	}
	if ch.Parent != "" {
		p["parent_id"] = ch.Parent
	}
	if ch.isThread() {
		delete(p, "permission_overwrites")
		p["thread_metadata"] = map[string]any{
			"archived": ch.Archived, "locked": ch.Locked, "auto_archive_duration": 1440, "archive_timestamp": stamp(s.now()),
		}
	}
	return p
}

func overwrites(c *Channel) []any {
	all := []any{}
	for _, o := range c.Overwrites {
		kind := 0
		if o.Member {
			kind = 1
		}
		all = append(all, map[string]any{
			"id": o.ID, "type": kind, "allow": strconv.FormatUint(o.Allow, 10), "deny": strconv.FormatUint(o.Deny, 10),
		})
	}
	return all
}

// openDirect opens the conversation with somebody, or returns the one that
// there is. It works with those, too, whom nothing can be sent to.
func (c *call) openDirect() (any, error) {
	var b struct {
		Recipient string `json:"recipient_id"`
	}
	if err := c.into(&b); err != nil {
		return nil, err
	}
	u := c.world.Person(b.Recipient)
	switch {
	case b.Recipient == "":
		return nil, invalid("recipient_id", "BASE_TYPE_REQUIRED", "This field is required")
	case b.Recipient == c.world.App.Bot:
		return nil, wrong(CannotMessage, "a conversation with itself")
	case u == nil:
		return nil, refuse(UnknownUser)
	}
	return c.place(c.conversationWith(u.ID)), nil
}

// conversationWith is the direct conversation of somebody with the bot. It
// needs the lock.
func (s *Discord) conversationWith(user string) string {
	if s.direct[user] == "" {
		s.direct[user] = s.snowflake()
	}
	return s.direct[user]
}
