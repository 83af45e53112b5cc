package discordtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// failedMark is what Discord tells somebody whose interaction came to nothing.
const failedMark = "This interaction failed"

// Press presses buttons one after the other, each as soon as they see it.
func (p *Person) Press(labels ...string) {
	p.s.t.Helper()
	for _, label := range labels {
		p.s.Until(p.id+" sees the button "+label, func() bool { return p.Sees(label) })
		p.Button(label).Press()
	}
}

// PressIn presses the first button with a label at or below some words.
func (p *Person) PressIn(words, label string) {
	p.s.t.Helper()
	p.s.Until(p.id+" sees "+words+" with the button "+label, func() bool {
		p.s.mu.Lock()
		defer p.s.mu.Unlock()
		return len(p.find(words, label, buttonType)) == 1
	})
	p.ButtonIn(words, label).Press()
}

// Press presses it, as it was when they saw it.
func (b *Button) Press() {
	b.p.s.t.Helper()
	if b.URL != "" {
		b.p.s.t.Fatalf("discord: the button leads to %s, and tells the app nothing", b.URL)
	}
	b.p.s.did(&interaction{
		kind: aPress, user: b.p.id, channel: b.c.message.channel, source: b.c.message,
		data: map[string]any{"component_type": buttonType, "custom_id": b.c.component.CustomID, "id": b.c.component.ID},
	})
}

// Submit sends the modal that they have open. What Discord itself finds wrong
// with it keeps it open.
func (p *Person) Submit() {
	p.s.t.Helper()
	p.s.mu.Lock()
	m := p.open()
	if wrong := m.incomplete(); len(wrong) > 0 {
		m.errors = wrong
		p.s.touch()
		p.s.mu.Unlock()
		return
	}
	m.closed = true
	i := &interaction{kind: aModal, user: p.id, channel: m.channel, source: m.source, data: m.submission()}
	p.s.mu.Unlock()
	p.s.did(i)
}

// submission is what was typed, as Discord tells of it.
func (m *modal) submission() map[string]any {
	rows := make([]any, len(m.fields))
	for n, f := range m.fields {
		input := map[string]any{"type": inputType, "custom_id": f.input.CustomID, "value": m.typed[f.input.CustomID], "id": n + 2}
		if f.labelled {
			rows[n] = map[string]any{"type": labelType, "id": n + 1, "component": input}
		} else {
			rows[n] = map[string]any{"type": rowType, "id": n + 1, "components": []any{input}}
		}
	}
	return map[string]any{"custom_id": m.customID, "components": rows}
}

// Command types a slash command in the direct messages with the bot:
// "authbridge link code:ABCD", as it was registered.
func (p *Person) Command(line string) {
	p.s.t.Helper()
	p.s.mu.Lock()
	channel := p.s.conversationWith(p.id)
	p.s.mu.Unlock()
	p.CommandIn(channel, line)
}

// CommandIn types a slash command in a channel.
func (p *Person) CommandIn(channel, line string) {
	p.s.t.Helper()
	p.s.mu.Lock()
	data, err := p.s.typed(strings.TrimPrefix(line, "/"))
	if err == nil && !p.s.isIn(p.id, channel) {
		err = fmt.Errorf("%s cannot see the channel %s", p.id, channel)
	}
	p.s.mu.Unlock()
	if err != nil {
		p.s.t.Fatalf("discord: %v", err)
	}
	p.s.did(&interaction{kind: aCommand, user: p.id, channel: channel, data: data})
}

// typed is a command line as Discord tells of it: it lets people type only what
// was registered. It needs the lock.
func (s *Discord) typed(line string) (map[string]any, error) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return nil, fmt.Errorf("a command and a subcommand are wanted, not %q", line)
	}
	k := s.command(words[0])
	if k == nil {
		return nil, fmt.Errorf("the command %s is not registered", words[0])
	}
	sub := find(k.Options, func(o *option) bool { return o.Name == words[1] && o.Type == subcommand })
	if sub == nil {
		return nil, fmt.Errorf("/%s has no %s", words[0], words[1])
	}
	given := []any{}
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, ":")
		o := find(sub.Options, func(o *option) bool { return o.Name == name })
		if o == nil || o.MaxLength != nil && len([]rune(value)) > *o.MaxLength {
			return nil, fmt.Errorf("/%s %s has no option %s, or it takes less", words[0], words[1], name)
		}
		given = append(given, map[string]any{"type": o.Type, "name": name, "value": value})
	}
	for _, o := range sub.Options {
		if o.Required && !strings.Contains(line, " "+o.Name+":") {
			return nil, fmt.Errorf("/%s %s wants the option %s", words[0], words[1], o.Name)
		}
	}
	return map[string]any{
		"id": k.ID, "name": k.Name, "type": 1,
		"options": []any{map[string]any{"type": subcommand, "name": sub.Name, "options": given}},
	}, nil
}

// did tells the app what somebody did.
func (s *Discord) did(i *interaction) {
	s.mu.Lock()
	i.id, i.token, i.at = s.snowflake(), "aW50ZXJhY3Rpb246"+hexes(40), s.now()
	s.wire.interactions = append(s.wire.interactions, i)
	payload := s.payloadOf(i)
	to, sessions := s.wire.requestsTo, s.letIn()
	i.written = len(sessions)
	if to != "" {
		i.written = 1
	}
	s.mu.Unlock()
	time.AfterFunc(answerWithin, func() { s.expire(i) })
	if to != "" {
		go s.request(i, to, payload)
		return
	}
	for _, one := range sessions {
		one.dispatch("INTERACTION_CREATE", payload)
	}
}

// Repeat brings what was brought last once more: Discord may.
func (s *Discord) Repeat() {
	s.mu.Lock()
	if len(s.wire.interactions) == 0 {
		s.mu.Unlock()
		return
	}
	payload := s.payloadOf(s.wire.interactions[len(s.wire.interactions)-1])
	sessions := s.letIn()
	s.mu.Unlock()
	for _, one := range sessions {
		one.dispatch("INTERACTION_CREATE", payload)
	}
}

// expire tells somebody that nothing came of what they did.
func (s *Discord) expire(i *interaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i.answered.IsZero() && !s.wire.closed {
		i.failed = true
		s.marks[i.user] = append(s.marks[i.user], failedMark)
		s.touch()
	}
}

// request brings an interaction by a signed call, and takes the answer that it
// is answered with.
func (s *Discord) request(i *interaction, to string, payload map[string]any) {
	raw, _ := json.Marshal(payload) // maps and texts
	status, body := s.signed(to, raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	if status == 0 || s.wire.closed {
		return
	}
	if status == 202 || status == 204 { // it is answered by a call
		return
	}
	if status != 200 {
		i.failed = true
		s.marks[i.user] = append(s.marks[i.user], failedMark)
		return
	}
	if err := s.firstAnswer(i, body); err != nil {
		s.complain("the answer to "+to, InvalidForm, err.Error())
	}
}
