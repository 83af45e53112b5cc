package slacktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// message is one of the bot's messages.
type message struct {
	channel   string
	ts        string
	thread    string // the ts that it answers
	broadcast bool   // shown in the channel, too
	to        string // the one person who sees it, where it is ephemeral

	text     string
	blocks   []block
	metadata json.RawMessage
	parse    string // "none", "full" or "client"
	names    bool   // @name in text is a mention
	markup   bool   // text is mrkdwn
	unfurl   bool   // links in it are fetched

	edited bool // shows the mark of an edit
}

// read reads what is shown of the message: its blocks, or else its text.
func (m *message) read(e eyes) Reading {
	if len(m.blocks) == 0 {
		return e.readTop(m)
	}
	return e.readAll(m.blocks)
}

// payload is the message as Slack tells of it.
func (m *message) payload(w *World) map[string]any {
	p := map[string]any{
		"type": "message", "ts": m.ts, "text": m.text,
		"user": w.App.User, "bot_id": w.App.Bot, "app_id": w.App.ID, "team": w.Team.ID,
	}
	if len(m.blocks) > 0 {
		p["blocks"] = m.blocks
	}
	if m.thread != "" {
		p["thread_ts"] = m.thread
	}
	if m.edited {
		p["edited"] = map[string]any{"user": w.App.Bot, "ts": m.ts}
	}
	if m.metadata != nil {
		p["metadata"] = m.metadata
	}
	return p
}

// stamp is a ts that comes after all others of the channel. It needs the
// lock.
func (s *Slack) stamp(channel string) string {
	at := s.now().UnixMicro()
	at = max(at, s.stamped[channel]+1)
	s.stamped[channel] = at
	return fmt.Sprintf("%d.%06d", at/1e6, at%1e6)
}

// message returns what stands at a ts, nobody's ephemeral, or nil. It needs
// the lock.
func (s *Slack) message(channel, ts string) *message {
	for _, m := range s.messages {
		if m.channel == channel && m.ts == ts && m.to == "" {
			return m
		}
	}
	return nil
}

// unfurls fetches the links of a message, if it is of those whose links are
// fetched. It needs the lock.
func (s *Slack) unfurls(m *message) {
	if !m.unfurl {
		return
	}
	for _, l := range m.read(eyes{}).Links {
		s.prefetched = append(s.prefetched, l.URL)
	}
}

// Prefetched returns the addresses that Slack would have fetched by now to
// show what is behind them, in order.
func (s *Slack) Prefetched() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.prefetched)
}

// push keeps what the phones of some people show of a message. It needs the
// lock.
func (s *Slack) push(m *message) {
	for _, id := range s.audience(m) {
		text := s.eyesOf(id).readTop(m).Visible
		if text == "" {
			text = "(a message without text)"
		}
		s.pushes[id] = append(s.pushes[id], text)
	}
}

// audience is who sees a message, the bot left out. It needs the lock.
func (s *Slack) audience(m *message) []string {
	if m.to != "" {
		return []string{m.to}
	}
	if p := s.world.partner(m.channel); p != nil {
		return []string{p.ID}
	}
	c := s.world.Channel(m.channel)
	if c == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.Members), func(id string) bool { return id == s.world.App.User })
}

// checkMetadata looks at the metadata of a message.
func checkMetadata(text string) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > 8<<10 {
		return nil, wrong("metadata_too_large", "more than 8 KiB of metadata")
	}
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &m) != nil {
		return nil, wrong("invalid_metadata_format", "metadata is no object")
	}
	keys := slices.Sorted(maps.Keys(m))
	if !slices.Equal(keys, []string{"event_payload", "event_type"}) {
		return nil, wrong("invalid_metadata_schema", "metadata has an event_type and an event_payload, and not "+strings.Join(keys, ", "))
	}
	return json.RawMessage(text), nil
}
