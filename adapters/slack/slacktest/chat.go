package slacktest

import (
	"slices"
	"strings"
	"unicode/utf16"
)

// The longest texts, in characters.
const (
	maxPostText = 40000
	maxEditText = 4000
)

// provideChat adds the methods of messages.
func (s *Slack) provideChat() {
	s.provide("chat.postMessage", method{
		kind: botToken, scopes: []string{"chat:write"}, rate: perChannel,
		args: []string{"channel", "text", "blocks", "metadata", "mrkdwn", "parse", "link_names", "unfurl_links", "unfurl_media", "thread_ts", "reply_broadcast"},
		do:   (*call).postMessage, needs: []string{"channel"},
	})
	s.provide("chat.update", method{
		kind: botToken, scopes: []string{"chat:write"}, rate: tier3,
		args: []string{"channel", "ts", "text", "blocks", "metadata", "parse", "link_names", "reply_broadcast"},
		do:   (*call).updateMessage, needs: []string{"channel", "ts"},
	})
	s.provide("chat.delete", method{
		kind: botToken, scopes: []string{"chat:write"}, rate: tier3,
		args: []string{"channel", "ts"},
		do:   (*call).deleteMessage, needs: []string{"channel", "ts"},
	})
	s.provide("chat.postEphemeral", method{
		kind: botToken, scopes: []string{"chat:write"}, rate: tier4,
		args: []string{"channel", "user", "text", "blocks", "parse", "link_names", "thread_ts"},
		do:   (*call).postEphemeral, needs: []string{"channel", "user"},
	})
	s.provide("chat.getPermalink", method{
		kind: botToken, form: true,
		args: []string{"channel", "message_ts"},
		do:   (*call).permalink, needs: []string{"channel", "message_ts"},
	})
}

func (c *call) postMessage() (answer, error) {
	channel, err := c.addressee(c.arg("channel"))
	if err != nil {
		return nil, err
	}
	m := &message{channel: channel, markup: true}
	if err := c.fill(m, maxPostText); err != nil {
		return nil, err
	}
	if err := c.inThread(m); err != nil {
		return nil, err
	}
	// Slack fetches what is behind links unless it is told twice not to.
	m.unfurl = c.arg("unfurl_links") != "false" || c.arg("unfurl_media") != "false"
	m.ts = c.stamp(channel)
	c.messages = append(c.messages, m)
	c.unfurls(m)
	c.push(m)
	return answer{"channel": channel, "ts": m.ts, "message": m.payload(&c.world)}, nil
}

// fill sets what is said, and how it is to be read.
func (c *call) fill(m *message, longest int) error {
	blocks, err := parseBlocks(c.arg("blocks"), inMessage)
	if err != nil {
		return err
	}
	if c.arg("text") == "" && len(blocks) == 0 {
		return wrong("no_text", "neither text nor blocks")
	}
	if units(c.arg("text")) > longest {
		return wrong("msg_too_long", "the text is too long")
	}
	metadata, err := checkMetadata(c.arg("metadata"))
	if err != nil {
		return err
	}
	if metadata != nil {
		m.metadata = metadata
	}
	if p := c.arg("parse"); p != "" {
		m.parse = p
	}
	if !slices.Contains([]string{"", "none", "full", "client"}, m.parse) {
		return wrong("invalid_arguments", "no such value of parse: "+m.parse)
	}
	if c.arg("mrkdwn") != "" {
		m.markup = c.flag("mrkdwn")
	}
	m.names = c.flag("link_names")
	m.text, m.blocks = c.arg("text"), c.identify(blocks)
	return nil
}

func (c *call) inThread(m *message) error {
	m.thread, m.broadcast = c.arg("thread_ts"), c.flag("reply_broadcast")
	if m.thread == "" {
		if m.broadcast {
			return wrong("invalid_arguments", "reply_broadcast outside of a thread")
		}
		return nil
	}
	if c.message(m.channel, m.thread) == nil && !c.world.hasThread(m.channel, m.thread) {
		return refuse("cannot_reply_to_message")
	}
	return nil
}

func (c *call) updateMessage() (answer, error) {
	m, err := c.own("cant_update_message")
	if err != nil {
		return nil, err
	}
	next := *m
	// An edit goes back to linking names and addresses unless it is told not to.
	next.parse = "client"
	if err := c.fill(&next, maxEditText); err != nil {
		return nil, err
	}
	if rich(m.blocks) && !rich(next.blocks) {
		return nil, wrong("block_mismatch", "rich text cannot be replaced with what is no rich text")
	}
	next.edited = len(next.blocks) == 0
	next.broadcast = m.broadcast || c.flag("reply_broadcast")
	*m = next
	c.unfurls(m)
	return answer{"channel": m.channel, "ts": m.ts, "text": m.text, "message": m.payload(&c.world)}, nil
}

// own returns the message that the call means, if the bot may change it.
func (c *call) own(notOwn string) (*message, error) {
	channel := c.arg("channel")
	if strings.HasPrefix(channel, "U") || strings.HasPrefix(channel, "W") {
		return nil, wrong("channel_not_found", "a message is found by its channel, never by a person's id")
	}
	if !c.sees(channel) {
		return nil, refuse("channel_not_found")
	}
	if m := c.message(channel, c.arg("ts")); m != nil {
		return m, nil
	}
	if c.world.hasThread(channel, c.arg("ts")) {
		return nil, wrong(notOwn, "the message is somebody else's")
	}
	return nil, refuse("message_not_found")
}

func (c *call) deleteMessage() (answer, error) {
	m, err := c.own("cant_delete_message")
	if err != nil {
		return nil, err
	}
	c.messages = slices.DeleteFunc(c.messages, func(o *message) bool { return o == m })
	return answer{"channel": m.channel, "ts": m.ts}, nil
}

func (c *call) postEphemeral() (answer, error) {
	channel, err := c.addressee(c.arg("channel"))
	if err != nil {
		return nil, err
	}
	m := &message{channel: channel, markup: true, to: c.arg("user"), thread: c.arg("thread_ts")}
	if !c.isIn(m.to, channel) {
		return nil, refuse("user_not_in_channel")
	}
	if err := c.fill(m, maxPostText); err != nil {
		return nil, err
	}
	m.ts = c.stamp(channel)
	c.messages = append(c.messages, m)
	return answer{"message_ts": m.ts}, nil
}

func (c *call) permalink() (answer, error) {
	channel, ts := c.arg("channel"), c.arg("message_ts")
	if !c.sees(channel) {
		return nil, refuse("channel_not_found")
	}
	if c.message(channel, ts) == nil && !c.world.hasThread(channel, ts) {
		return nil, refuse("message_not_found")
	}
	return answer{"channel": channel, "permalink": c.world.permalink(channel, ts)}, nil
}

// units counts characters. Slack does not say which it means; those of
// UTF-16 are the most.
func units(text string) int { return len(utf16.Encode([]rune(text))) }
