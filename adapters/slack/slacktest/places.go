package slacktest

import (
	"slices"
	"strings"
)

// reachable says why no direct conversation with somebody can be opened.
func (c *call) reachable(u *User) error {
	switch {
	case u == nil:
		return refuse("user_not_found")
	case u.Deleted:
		return refuse("user_disabled")
	case u.Hidden:
		return refuse("user_not_visible")
	case u.NoOpen != "":
		return refuse(u.NoOpen)
	case u.Bot, c.world.team(u) != c.world.Team.ID && !c.meets(u.ID):
		return refuse("invalid_user_combination")
	}
	return nil
}

// meets says whether somebody is in a channel with the bot.
func (c *call) meets(user string) bool {
	return slices.ContainsFunc(c.world.Channels, func(ch Channel) bool {
		return slices.Contains(ch.Members, user) && slices.Contains(ch.Members, c.world.App.User)
	})
}

// addressee is the conversation that something is posted to: a channel, or
// somebody's direct conversation, named by its id or by theirs.
func (c *call) addressee(id string) (string, error) {
	if u := c.world.Person(id); u != nil {
		if err := c.reachable(u); err != nil {
			return "", refuse("channel_not_found")
		}
		c.opened[u.ID] = true
		id = dm(u.ID)
	}
	if strings.HasPrefix(id, "D") {
		return id, c.postableDM(id)
	}
	return id, c.postable(id)
}

func (c *call) postableDM(id string) error {
	u := c.world.partner(id)
	switch {
	case u == nil || !c.opened[u.ID]:
		return refuse("channel_not_found")
	case u.Deleted:
		return refuse("is_archived")
	case c.world.App.NoMessagesTab:
		return refuse("messages_tab_disabled")
	case u.NoPost != "":
		return refuse(u.NoPost)
	}
	return nil
}

func (c *call) postable(id string) error {
	if !c.sees(id) {
		return refuse("channel_not_found")
	}
	ch := c.world.Channel(id)
	switch {
	case ch.Archived:
		return refuse("is_archived")
	case !slices.Contains(ch.Members, c.world.App.User):
		return refuse("not_in_channel")
	case ch.NoPost != "":
		return refuse(ch.NoPost)
	}
	return nil
}

// sees says whether a conversation exists for the bot. It needs the lock.
func (s *Slack) sees(id string) bool {
	if u := s.world.partner(id); u != nil {
		return s.opened[u.ID]
	}
	ch := s.world.Channel(id)
	return ch != nil && (!ch.Private || slices.Contains(ch.Members, s.world.App.User))
}

// isIn says whether somebody is in a conversation. It needs the lock.
func (s *Slack) isIn(user, channel string) bool {
	if u := s.world.partner(channel); u != nil {
		return u.ID == user
	}
	ch := s.world.Channel(channel)
	return ch != nil && slices.Contains(ch.Members, user)
}

// hasThread says whether somebody else's message stands there.
func (w *World) hasThread(channel, ts string) bool {
	ch := w.Channel(channel)
	return ch != nil && slices.Contains(ch.Threads, ts)
}

// permalink is the address of a message.
func (w *World) permalink(channel, ts string) string {
	return "https://" + w.Team.Domain + ".slack.com/archives/" + channel + "/p" + strings.ReplaceAll(ts, ".", "")
}
