package slacktest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// What people do, as Slack tells the app of it. People can do only what they
// see: anything else fails the test.

// Pressing is the payload of their pressing the last button with that label
// among those that they can use now.
func (p *Person) Pressing(label string) []byte {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var found *control
	for _, d := range p.s.front(p.id) {
		for _, c := range d.controls {
			if c.label == label && c.element.str("type") == "button" {
				found = &c
			}
		}
	}
	if found == nil {
		p.s.t.Fatalf("slack: %s sees no button %q", p.id, label)
	}
	return payloadOf(p.pressOf(found))
}

// pressOf needs the lock.
func (p *Person) pressOf(c *control) map[string]any {
	e := p.interaction("block_actions")
	e["actions"] = []any{map[string]any{
		"type": "button", "action_id": c.element.str("action_id"), "block_id": c.blockID, "value": c.element.str("value"),
		"text": c.element["text"], "action_ts": p.s.stamp("actions"),
	}}
	if c.view != nil {
		e["view"] = c.view.payload(&p.s.world)
		e["container"] = map[string]any{"type": "view", "view_id": c.view.id}
		return e
	}
	m := c.message
	e["message"], e["channel"] = m.payload(&p.s.world), map[string]any{"id": m.channel}
	e["container"] = map[string]any{"type": "message", "channel_id": m.channel, "message_ts": m.ts, "is_ephemeral": m.to != ""}
	return e
}

// interaction is what all payloads of somebody's doing have. It needs the
// lock.
func (p *Person) interaction(kind string) map[string]any {
	w := &p.s.world
	u := w.Person(p.id)
	return map[string]any{
		"type": kind, "api_app_id": w.App.ID, "token": "deprecated", "enterprise": nil, "is_enterprise_install": false,
		"user":       map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": w.team(u)},
		"team":       map[string]any{"id": w.Team.ID, "domain": w.Team.Domain},
		"trigger_id": p.s.newTrigger(p.id),
	}
}

// Submitting is the payload of their sending the modal that they have open,
// with that in its one input.
func (p *Person) Submitting(typed string) []byte {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v := p.s.modal(p.id)
	if v == nil || v.body["submit"] == nil {
		p.s.t.Fatalf("slack: %s has no modal open that could be sent", p.id)
	}
	inputs := slices.DeleteFunc(slices.Clone(v.blocks), func(b block) bool { return b.str("type") != "input" })
	if len(inputs) != 1 {
		p.s.t.Fatalf("slack: the modal of %s has %d inputs", p.id, len(inputs))
	}
	v.typed[inputs[0].str("block_id")] = typed
	e := p.interaction("view_submission")
	e["view"], e["response_urls"] = v.payload(&p.s.world), []any{}
	return payloadOf(e)
}

// CloseModal closes the modal that they have open.
func (p *Person) CloseModal() {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v := p.s.modal(p.id)
	if v == nil {
		p.s.t.Fatalf("slack: %s has no modal open", p.id)
	}
	v.closed = true
	p.s.touch()
}

// Commanding is the form of their typing a slash command in a channel.
func (p *Person) Commanding(channel, line string) url.Values {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	w := &p.s.world
	command, text, _ := strings.Cut(line, " ")
	return url.Values{
		"api_app_id": {w.App.ID}, "team_id": {w.Team.ID}, "is_enterprise_install": {"false"}, "user_id": {p.id},
		"channel_id": {channel}, "command": {command}, "text": {text}, "trigger_id": {p.s.newTrigger(p.id)},
	}
}

// OpeningHome is the event of their opening the app's Home tab.
func (p *Person) OpeningHome() []byte {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	w := &p.s.world
	return payloadOf(map[string]any{
		"type": "event_callback", "api_app_id": w.App.ID, "team_id": w.Team.ID, "event_id": "Ev" + strings.ToUpper(hexes(5)),
		"event": map[string]any{"type": "app_home_opened", "user": p.id, "channel": dm(p.id), "tab": "home"},
	})
}

func payloadOf(v any) []byte {
	text, _ := json.Marshal(v) // maps, strings and what came as JSON
	return text
}
