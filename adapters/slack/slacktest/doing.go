package slacktest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// What people do, as the payload that Slack would bring, for a test that
// takes it to the app itself. People can do only what they see: anything
// else fails the test. [Person.Press] and its like bring it as Slack does.

// Pressing is the payload of their pressing the last button with that label
// among those that they can use now.
func (p *Person) Pressing(label string) []byte {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	found := p.find("", label, "button")
	if len(found) == 0 {
		p.s.t.Fatalf("slack: %s sees no button %q", p.id, label)
	}
	c := found[len(found)-1]
	return payloadOf(p.s.actionPayload(p.id, c, p.s.standing(c)))
}

// Submitting is the payload of their sending the modal that they have open,
// with that in its one input.
func (p *Person) Submitting(typed string) []byte {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v := p.open()
	inputs := slices.DeleteFunc(slices.Clone(v.blocks), func(b block) bool { return b.str("type") != "input" })
	if len(inputs) != 1 || v.body["submit"] == nil {
		p.s.t.Fatalf("slack: the modal of %s cannot be sent, or has %d inputs", p.id, len(inputs))
	}
	v.typed[inputs[0].str("block_id")] = typed
	return payloadOf(p.s.submissionPayload(v))
}

// CloseModal closes the modal that they have open, and the app is not told.
func (p *Person) CloseModal() {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.open().closed = true
	p.s.touch()
}

// Commanding is the form of their typing a slash command in a channel.
func (p *Person) Commanding(channel, line string) url.Values {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	command, text, _ := strings.Cut(line, " ")
	return formOf(p.s.commandPayload(p.id, channel, command, text))
}

// OpeningHome is the event of their opening the app's Home tab.
func (p *Person) OpeningHome() []byte {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return payloadOf(p.s.eventPayload(p.tabEvent("home")))
}

func payloadOf(v any) []byte {
	text, _ := json.Marshal(v) // maps, strings and what came as JSON
	return text
}

// formOf is a payload whose fields are all simple, as a form.
func formOf(payload map[string]any) url.Values {
	form := url.Values{}
	for field, value := range payload {
		form.Set(field, fmt.Sprint(value))
	}
	return form
}
