package discordtest

import (
	"slices"
	"time"
)

// message is a message: the bot's, or one of a person's.
type message struct {
	id      string
	channel string
	author  string // a user's id
	to      string // the one person who sees it, where it is ephemeral
	reply   string // the id of the message that it answers

	content    string
	components []component
	flags      int
	allowed    allowed // who may be notified
	nonce      string
	edited     time.Time
	deleted    bool
	dismissed  bool // nobody sees it anymore: it was ephemeral

	interaction map[string]any // interaction_metadata, where it answers one
	webhook     bool           // it was sent by way of an interaction
}

// payload is the message as Discord tells of it. It needs the lock.
func (s *Discord) payload(m *message) map[string]any {
	at := s.pinged(m)
	p := map[string]any{
		"id": m.id, "type": 0, "channel_id": m.channel, "content": m.content,
		"author": s.profile(m.author), "timestamp": stamp(born(m.id)), "edited_timestamp": nil,
		"tts": false, "mention_everyone": at.everyone, "mentions": s.profiles(at.users), "mention_roles": listed(at.roles),
		"attachments": []any{}, "embeds": []any{}, "pinned": false, "flags": m.flags,
		"components": m.components,
	}
	if m.components == nil {
		p["components"] = []any{}
	}
	if !m.edited.IsZero() {
		p["edited_timestamp"] = stamp(m.edited)
	}
	if m.nonce != "" {
		p["nonce"] = m.nonce
	}
	if m.reply != "" {
		p["type"] = 19
		p["message_reference"] = map[string]any{"type": 0, "message_id": m.reply, "channel_id": m.channel}
	}
	if m.interaction != nil {
		p["type"], p["interaction_metadata"] = 20, m.interaction
	}
	if m.webhook {
		p["webhook_id"], p["application_id"] = s.world.App.ID, s.world.App.ID
	}
	return p
}

// stamp is a time as Discord writes it.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000-07:00") }

// listed is a list that is never null.
func listed[T any](all []T) []T { return append([]T{}, all...) }

// message returns a message of a channel that still stands and that everybody
// there can see, or nil. It needs the lock.
func (s *Discord) message(channel, id string) *message {
	if m := s.everyMessage(id); m != nil && m.channel == channel && m.to == "" {
		return m
	}
	return nil
}

// everyMessage is message with those that only one person sees.
func (s *Discord) everyMessage(id string) *message {
	i := slices.IndexFunc(s.messages, func(m *message) bool { return m.id == id && !m.deleted })
	if i < 0 {
		return nil
	}
	return s.messages[i]
}

// add puts a new message into the world. It needs the lock.
func (s *Discord) add(m *message) {
	m.id = s.snowflake()
	s.messages = append(s.messages, m)
	s.crawl(m)
	s.notify(m)
}

// crawl fetches the links of a message, if it is of those whose links are
// fetched. It needs the lock.
func (s *Discord) crawl(m *message) {
	if m.flags&suppressEmbeds != 0 {
		return
	}
	s.prefetched = append(s.prefetched, addresses(m.content)...)
}

// Prefetched returns the addresses that Discord would have fetched by now to
// show what is behind them, in order.
func (s *Discord) Prefetched() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.prefetched)
}
