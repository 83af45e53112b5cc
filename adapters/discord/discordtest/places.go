package discordtest

import (
	"slices"
)

// everyPermission is what an administrator has.
const everyPermission = ^uint64(0)

// permissions is what somebody may do in a channel of a guild: the roles',
// then the channel's overwrites of @everyone, of the roles together, and of
// the member. A thread has those of its channel.
func (w *World) permissions(user, channel string) uint64 {
	g, c := w.home(channel), w.Channel(channel)
	if g == nil || g.Member(user) == nil {
		return 0
	}
	if parent := g.Channel(c.Parent); parent != nil {
		c = parent
	}
	roles := append([]string{g.ID}, g.Member(user).Roles...)
	var may uint64
	for _, id := range roles {
		if r := g.Role(id); r != nil {
			may |= r.Permissions
		}
	}
	if may&Administrator != 0 {
		return everyPermission
	}
	may = c.overwrite(may, func(o Overwrite) bool { return !o.Member && o.ID == g.ID })
	may = c.overwrite(may, func(o Overwrite) bool { return !o.Member && o.ID != g.ID && slices.Contains(roles, o.ID) })
	may = c.overwrite(may, func(o Overwrite) bool { return o.Member && o.ID == user })
	if may&ViewChannel == 0 {
		return 0
	}
	return may
}

// overwrite denies and then allows what some of the overwrites say together.
func (c *Channel) overwrite(may uint64, meant func(Overwrite) bool) uint64 {
	var allow, deny uint64
	for _, o := range c.Overwrites {
		if meant(o) {
			allow, deny = allow|o.Allow, deny|o.Deny
		}
	}
	return may&^deny | allow
}

// isIn says whether somebody can see a channel, or has the conversation. It
// needs the lock.
func (s *Discord) isIn(user, channel string) bool {
	if to := s.partner(channel); to != "" {
		return to == user || user == s.world.App.Bot
	}
	c := s.world.Channel(channel)
	if c == nil || s.world.permissions(user, channel)&ViewChannel == 0 {
		return false
	}
	return c.Type != PrivateThread || slices.Contains(c.Members, user)
}

// sees says whether somebody sees a message. It needs the lock.
func (s *Discord) sees(user string, m *message) bool {
	if m.deleted || m.dismissed || m.to != "" && m.to != user {
		return false
	}
	if s.partner(m.channel) != "" {
		return s.isIn(user, m.channel)
	}
	return s.isIn(user, m.channel) && s.world.permissions(user, m.channel)&ReadHistory != 0
}

// partner is who a direct conversation with the bot is with, or "". It needs
// the lock.
func (s *Discord) partner(channel string) string {
	for user, id := range s.direct {
		if id == channel {
			return user
		}
	}
	return ""
}

// reaches says whether the bot shares a guild with somebody.
func (w *World) reaches(user string) bool {
	return slices.ContainsFunc(w.Guilds, func(g Guild) bool { return g.Member(user) != nil && g.Member(w.App.Bot) != nil })
}

// postable says why the bot cannot post to a channel.
func (c *call) postable(channel string) error {
	if to := c.partner(channel); to != "" {
		return c.postableTo(to)
	}
	ch := c.world.Channel(channel)
	switch {
	case ch == nil:
		return refuse(UnknownChannel)
	case !c.isIn(c.world.App.Bot, channel):
		return refuse(MissingAccess)
	case ch.Type == Category, ch.Type == Voice:
		return wrong(NotInThisChannel, "only text channels, threads and direct messages are stood in for here")
	}
	may, needs := c.world.permissions(c.world.App.Bot, channel), SendMessages
	if ch.isThread() {
		needs = SendInThreads
	}
	switch {
	case may&needs == 0:
		return refuse(MissingPermissions)
	case ch.isThread() && ch.Archived && ch.Locked:
		return refuse(ThreadArchived)
	}
	return nil
}

func (c *Channel) isThread() bool { return c.Type == PublicThread || c.Type == PrivateThread }

// postableTo says why the bot cannot post to somebody.
func (c *call) postableTo(user string) error {
	u := c.world.Person(user)
	switch {
	case u == nil, u.Closed, u.Bot:
		return refuse(CannotMessage)
	case !c.world.reaches(user):
		return refuse(NoMutualGuild)
	}
	return nil
}

// readable says why the bot cannot read in a channel.
func (c *call) readable(channel string) error {
	if c.partner(channel) != "" {
		return nil
	}
	switch {
	case c.world.Channel(channel) == nil:
		return refuse(UnknownChannel)
	case !c.isIn(c.world.App.Bot, channel):
		return refuse(MissingAccess)
	}
	return nil
}
