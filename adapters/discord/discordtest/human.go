package discordtest

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Button is a button that somebody saw. It can be pressed later, when its
// message is no longer what it was: fingers are slower than edits.
type Button struct {
	p     *Person
	c     control
	shown map[string]any // the message that it stood on, as Discord tells of it

	URL string // where it leads, if it leads anywhere; it then tells the app nothing
}

// Button finds the one button with that label that they see. The test ends
// here if there is none, or more than one.
func (p *Person) Button(label string) *Button {
	p.s.t.Helper()
	return p.ButtonIn("", label)
}

// ButtonIn finds the first button with that label at or below some words. The
// test ends here if there is none, or more than one message has it.
func (p *Person) ButtonIn(words, label string) *Button {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	found := p.find(words, label, buttonType)
	if len(found) != 1 {
		p.s.t.Fatalf("discord: %s sees %d buttons %q%s, not one:\n%s", p.id, len(found), label, near(words), p.sight())
	}
	c := found[0]
	return &Button{p: p, c: c, shown: p.s.payload(c.message), URL: c.component.URL}
}

// Sees says whether there is such a button for them to press.
func (p *Person) Sees(label string) bool {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return len(p.find("", label, buttonType)) > 0
}

func near(words string) string {
	if words == "" {
		return ""
	}
	return " near " + words
}

// find looks for a control in all that they can use: with words, at most one
// in each message. It needs the lock.
func (p *Person) find(words, label string, kind int) []control {
	var found []control
	for _, d := range p.s.front(p.id) {
		from := slices.IndexFunc(d.lines, func(line string) bool { return strings.Contains(line, words) })
		if from < 0 {
			continue
		}
		for _, c := range d.controls {
			if c.label == label && c.component.Type == kind && (words == "" || c.line >= from) {
				found = append(found, c)
				if words != "" {
					break
				}
			}
		}
	}
	return found
}

// sight is what they can use, as text. It needs the lock.
func (p *Person) sight() string {
	var lines []string
	for _, d := range p.s.front(p.id) {
		lines = append(lines, d.lines...)
	}
	return strings.Join(lines, "\n")
}

// Write writes a message to a channel that they can write in, as people do,
// and returns its id. The bot hears nothing of it: that needs an intent.
func (p *Person) Write(channel, text string) string {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if !p.s.isIn(p.id, channel) {
		p.s.t.Fatalf("discord: %s cannot see the channel %s", p.id, channel)
	}
	m := &message{channel: channel, author: p.id, content: text, allowed: *everything()}
	p.s.add(m)
	p.s.touch()
	return m.id
}

// Dismiss takes away the messages with some words that only they see.
func (p *Person) Dismiss(words string) {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	gone := 0
	for _, m := range p.s.messages {
		if m.to == p.id && p.s.sees(p.id, m) && strings.Contains(p.s.eyesOf(p.id).read(m.content).Visible, words) {
			m.dismissed = true
			gone++
		}
	}
	if gone == 0 {
		p.s.t.Fatalf("discord: nothing that only %s sees says %q:\n%s", p.id, words, p.sight())
	}
	p.s.touch()
}

// Type types into the input with that label, in the modal that they have
// open, instead of what was there.
func (p *Person) Type(label, text string) {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	found := p.find("", label, inputType)
	if len(found) != 1 {
		p.s.t.Fatalf("discord: %s sees %d inputs %q, not one:\n%s", p.id, len(found), label, p.sight())
	}
	c := found[0]
	if most := c.component.MaxLength; most > 0 && utf8.RuneCountInString(text) > most {
		p.s.t.Fatalf("discord: the input %q does not take more than %d characters", label, most)
	}
	c.modal.typed[c.component.CustomID] = text
	p.s.touch()
}

// Close closes the modal that they have open. The app is not told.
func (p *Person) Close() {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.open().closed = true
	p.s.touch()
}

// open is the modal that they have open. It needs the lock.
func (p *Person) open() *modal {
	p.s.t.Helper()
	m := p.s.modal(p.id)
	if m == nil {
		p.s.t.Fatalf("discord: %s has no modal open:\n%s", p.id, p.sight())
	}
	return m
}

// incomplete is what Discord itself finds wrong with what was typed, before
// it tells the app.
func (m *modal) incomplete() map[string]string {
	missing := map[string]string{}
	for _, f := range m.fields {
		n := utf8.RuneCountInString(m.typed[f.input.CustomID])
		switch {
		case n == 0 && f.required():
			missing[f.input.CustomID] = "This field is required."
		case n > 0 && n < f.input.MinLength:
			missing[f.input.CustomID] = "This is too short."
		}
	}
	return missing
}
