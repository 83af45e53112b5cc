package discordtest

import (
	"slices"
	"time"
)

// How long a nonce is remembered, and how many edits of messages that are
// older than an hour a channel takes in how long. Discord says "the past few
// minutes", and nothing of the edits.
const (
	nonceFor      = 3 * time.Minute
	oldAfter      = time.Hour
	oldEdits      = 5
	oldEditsAfter = 30 * time.Second
)

// provideMessages adds the routes of messages.
func (s *Discord) provideMessages() {
	const all, one = "/channels/{channel}/messages", "/channels/{channel}/messages/{message}"
	s.provide("POST "+all, route{body: true, rate: posting(), do: (*call).createMessage})
	s.provide("GET "+one, route{rate: reading(), do: (*call).getMessage})
	s.provide("PATCH "+one, route{body: true, rate: posting(), do: (*call).editMessage})
	s.provide("DELETE "+one, route{rate: posting(), do: (*call).deleteMessage})
}

func (c *call) createMessage() (any, error) {
	var b creation
	if err := c.into(&b); err != nil {
		return nil, err
	}
	channel := c.id("channel")
	if err := c.postable(channel); err != nil {
		return nil, err
	}
	m := &message{channel: channel, author: c.world.App.Bot}
	if err := c.fill(m, &b); err != nil {
		return nil, err
	}
	if earlier := c.earlier(m, b.EnforceNonce); earlier != nil {
		if earlier.deleted {
			return nil, refuse(UnknownMessage)
		}
		return c.payload(earlier), nil
	}
	if ch := c.world.Channel(channel); ch != nil {
		ch.Archived = false
	}
	c.add(m)
	return c.payload(m), nil
}

// fill makes a new message of what is said.
func (c *call) fill(m *message, b *creation) error {
	if len(b.StickerIDs) > 0 {
		return invalid("sticker_ids", "UNKNOWN", "stickers are not stood in for here")
	}
	if err := b.check(suppressEmbeds | silent); err != nil {
		return err
	}
	nonce, err := b.nonce()
	if err != nil {
		return err
	}
	m.nonce = nonce
	if err := c.answers(m, b.MessageReference); err != nil {
		return err
	}
	return b.apply(m, everything())
}

// answers makes a message an answer.
func (c *call) answers(m *message, to *reference) error {
	switch {
	case to == nil:
		return nil
	case to.Type != 0:
		return invalid("message_reference.type", "UNKNOWN", "forwarding is not stood in for here")
	case to.ChannelID != "" && to.ChannelID != m.channel:
		return invalid("message_reference.channel_id", "REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL", "Cannot reply to a message in a different channel")
	case c.partner(m.channel) == "" && c.world.permissions(m.author, m.channel)&ReadHistory == 0:
		return refuse(NoHistory)
	}
	if c.message(m.channel, to.MessageID) != nil {
		m.reply = to.MessageID
		return nil
	}
	if to.FailIfNotExists != nil && !*to.FailIfNotExists {
		return nil
	}
	// Whoever answers what may be gone meets this, so it is no mistake.
	return &refusal{code: InvalidForm, path: "message_reference", detail: "MESSAGE_REFERENCE_UNKNOWN_MESSAGE"}
}

// earlier is the message that had the same nonce a short time ago, also if it
// was deleted since.
func (c *call) earlier(m *message, enforced bool) *message {
	if !enforced {
		return nil
	}
	for _, o := range slices.Backward(c.messages) {
		if o.author == m.author && o.nonce == m.nonce && c.now().Sub(born(o.id)) < nonceFor {
			return o
		}
	}
	return nil
}

// standing is the message that the path means.
func (c *call) standing() (*message, error) {
	if err := c.readable(c.id("channel")); err != nil {
		return nil, err
	}
	m := c.message(c.id("channel"), c.id("message"))
	if m == nil {
		return nil, refuse(UnknownMessage)
	}
	return m, nil
}

func (c *call) getMessage() (any, error) {
	m, err := c.standing()
	if err != nil {
		return nil, err
	}
	if c.partner(m.channel) == "" && c.world.permissions(c.world.App.Bot, m.channel)&ReadHistory == 0 {
		return nil, refuse(MissingAccess)
	}
	return c.payload(m), nil
}

func (c *call) editMessage() (any, error) {
	var b saying
	if err := c.into(&b); err != nil {
		return nil, err
	}
	m, err := c.standing()
	if err != nil {
		return nil, err
	}
	if m.author != c.world.App.Bot {
		return nil, wrong(NotAuthor, "the message is somebody else's")
	}
	if err := c.countOldEdit(m); err != nil {
		return nil, err
	}
	return c.edit(m, &b, everything())
}

// edit changes a message to what is said, and returns it as it is told of.
func (s *Discord) edit(m *message, b *saying, by *allowed) (any, error) {
	if err := b.check(suppressEmbeds | m.flags); err != nil {
		return nil, err
	}
	next := *m
	if err := b.apply(&next, by); err != nil {
		return nil, err
	}
	next.edited = s.now()
	*m = next
	s.crawl(m)
	return s.payload(m), nil
}

// countOldEdit counts the edits of messages that are older than an hour.
func (c *call) countOldEdit(m *message) error {
	if c.now().Sub(born(m.id)) < oldAfter {
		return nil
	}
	if _, over := c.take("old edits "+m.channel, rate{n: oldEdits, per: oldEditsAfter}); over != nil {
		return refuse(OldEdits)
	}
	return nil
}

func (c *call) deleteMessage() (any, error) {
	m, err := c.standing()
	if err != nil {
		return nil, err
	}
	if m.author != c.world.App.Bot {
		return nil, refuse(MissingPermissions)
	}
	m.deleted = true
	return nil, nil
}
