package discordtest

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

// Press presses it, as it was when they saw it. If its message is gone, Discord
// tells them that it failed, and the app nothing.
func (b *Button) Press() {
	s := b.p.s
	s.t.Helper()
	if b.URL != "" {
		s.t.Fatalf("discord: the button leads to %s, and tells the app nothing", b.URL)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	m := b.c.message
	if m.deleted || m.dismissed {
		s.marks[b.p.id] = append(s.marks[b.p.id], failedMark)
		return
	}
	s.did(&interaction{
		kind: aPress, user: b.p.id, channel: m.channel, source: m, seen: b.shown,
		data: map[string]any{"component_type": buttonType, "custom_id": b.c.component.CustomID, "id": b.c.component.ID},
	})
}

// Submit sends the modal that they have open, which it stays until it is
// answered. What Discord itself finds wrong with it is not sent.
func (p *Person) Submit() {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	defer p.s.touch()
	m := p.open()
	if m.sent {
		p.s.t.Fatalf("discord: %s has sent the modal already", p.id)
	}
	m.errors = m.incomplete()
	if len(m.errors) > 0 {
		return
	}
	m.sent = true
	p.s.did(&interaction{kind: aModal, user: p.id, channel: m.channel, source: m.source, modal: m, data: m.submission()})
}

// submission is what was typed, as Discord tells of it.
func (m *modal) submission() map[string]any {
	rows := make([]any, len(m.fields))
	for n, f := range m.fields {
		input := map[string]any{"type": inputType, "custom_id": f.input.CustomID, "value": m.typed[f.input.CustomID], "id": f.input.ID}
		if f.labelled {
			rows[n] = map[string]any{"type": labelType, "id": m.rows[n].ID, "component": input}
		} else {
			rows[n] = map[string]any{"type": rowType, "id": m.rows[n].ID, "components": []any{input}}
		}
	}
	return map[string]any{"custom_id": m.customID, "components": rows}
}
