package slacktest

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// Button is a button that somebody saw. It can be pressed later, when what
// it stood on is no longer what it was: fingers are slower than edits.
type Button struct {
	p     *Person
	c     control
	shown map[string]any // what it stood on

	URL string // where it leads, if it leads anywhere
}

// Press presses the one button with that label that they see. Where it asks
// again, answer is what they press then: the label of one of the two.
func (p *Person) Press(label string, answer ...string) *Delivery {
	p.s.t.Helper()
	return p.Button(label).Press(answer...)
}

// PressIn presses the first button with that label at or below some words,
// on the message or view that shows them.
func (p *Person) PressIn(words, label string, answer ...string) *Delivery {
	p.s.t.Helper()
	return p.ButtonIn(words, label).Press(answer...)
}

// Button finds the one button with that label that they see. The test ends
// here if there is none, or more than one.
func (p *Person) Button(label string) *Button {
	p.s.t.Helper()
	return p.ButtonIn("", label)
}

// ButtonIn finds the first button with that label at or below some words.
// The test ends here if there is none, or more than one message or view has
// it.
func (p *Person) ButtonIn(words, label string) *Button {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	found := p.find(words, label, "button")
	if len(found) != 1 {
		p.s.t.Fatalf("slack: %s sees %d buttons %q%s, not one:\n%s", p.id, len(found), label, near(words), p.sight())
	}
	c := found[0]
	return &Button{p: p, c: c, shown: p.s.standing(c), URL: c.element.str("url")}
}

// Sees says whether there is such a button for them to press.
func (p *Person) Sees(label string) bool {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return len(p.find("", label, "button")) > 0
}

func near(words string) string {
	if words == "" {
		return ""
	}
	return " near " + words
}

// find looks for a control in all that they can use: with words, at most
// one in each message or view. It needs the lock.
func (p *Person) find(words, label, kind string) []control {
	var found []control
	for _, d := range p.s.front(p.id) {
		from := slices.IndexFunc(d.lines, func(line string) bool { return strings.Contains(line, words) })
		if from < 0 {
			continue
		}
		for _, c := range d.controls {
			if c.label == label && c.element.str("type") == kind && (words == "" || c.line >= from) {
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

// standing is what a control stands on, as Slack tells of it. It needs the
// lock.
func (s *Slack) standing(c control) map[string]any {
	if c.view != nil {
		return copied(c.view.payload(&s.world))
	}
	return copied(c.message.payload(&s.world))
}

// Press presses the button, as it was when it was seen.
func (b *Button) Press(answer ...string) *Delivery {
	b.p.s.t.Helper()
	if !b.confirmed(answer) {
		return nil
	}
	s := b.p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.newDelivery(Interactive, s.actionPayload(b.p.id, b.c, b.shown))
	d.user, d.what = b.p.id, b.c.label
	s.bring(d)
	return d
}

// confirmed answers the question that a button asks before it does anything.
func (b *Button) confirmed(answer []string) bool {
	t := b.p.s.t
	t.Helper()
	question := b.c.element.obj("confirm")
	if question == nil && len(answer) == 0 {
		return true
	}
	yes, no := question.obj("confirm").str("text"), question.obj("deny").str("text")
	if question == nil || len(answer) != 1 || answer[0] != yes && answer[0] != no {
		t.Fatalf("slack: the button %q offers %q and %q when it asks again, not %q", b.c.label, yes, no, answer)
	}
	return answer[0] == yes
}

// Type types into the input with that label, in the modal that they have
// open, instead of what was there.
func (p *Person) Type(label, text string) {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	found := p.find("", label, "plain_text_input")
	if len(found) != 1 {
		p.s.t.Fatalf("slack: %s sees %d inputs %q, not one:\n%s", p.id, len(found), label, p.sight())
	}
	c := found[0]
	if most, bounded := c.element["max_length"].(float64); bounded && utf8.RuneCountInString(text) > int(most) {
		p.s.t.Fatalf("slack: the input %q does not take more than %v characters", label, most)
	}
	c.view.typed[c.blockID] = text
	p.s.touch()
}

// open is the modal that they have open. It needs the lock.
func (p *Person) open() *view {
	p.s.t.Helper()
	v := p.s.modal(p.id)
	if v == nil {
		p.s.t.Fatalf("slack: %s has no modal open:\n%s", p.id, p.sight())
	}
	return v
}

// Submit sends the modal that they have open. It returns nil when Slack does
// not send it: because something is missing in it, or too short.
func (p *Person) Submit() *Delivery {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v := p.open()
	if v.body["submit"] == nil {
		p.s.t.Fatalf("slack: the modal that %s has open cannot be sent:\n%s", p.id, p.sight())
	}
	if v.errors = v.incomplete(); len(v.errors) > 0 {
		p.s.touch()
		return nil
	}
	d := p.s.newDelivery(Interactive, p.s.submissionPayload(v))
	d.user, d.what = p.id, "sending a modal"
	d.then = func(answer json.RawMessage) { p.s.submissionAnswered(v, answer) }
	p.s.bring(d)
	return d
}

// incomplete is what Slack itself finds wrong with what was typed.
func (v *view) incomplete() map[string]string {
	missing := map[string]string{}
	for _, b := range v.blocks {
		if b.str("type") != "input" {
			continue
		}
		e, n := b.obj("element"), utf8.RuneCountInString(v.typed[b.str("block_id")])
		least, _ := e["min_length"].(float64)
		switch {
		case n == 0 && !b.flag("optional"):
			missing[b.str("block_id")] = "Please complete this required field."
		case n > 0 && n < int(least):
			missing[b.str("block_id")] = "Please use more characters."
		}
	}
	return missing
}

// Close closes the modal that they have open. It returns nil when the app did
// not ask to be told.
func (p *Person) Close() *Delivery {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v := p.open()
	v.closed = true
	p.s.touch()
	if !v.body.flag("notify_on_close") {
		return nil
	}
	d := p.s.newDelivery(Interactive, p.s.closedPayload(v))
	d.user, d.what = p.id, "closing a modal"
	p.s.bring(d)
	return d
}

// Command types a command of the app, "/authbridge list", in their direct
// conversation with it.
func (p *Person) Command(line string) *Delivery {
	p.s.t.Helper()
	return p.CommandIn(dm(p.id), line)
}

// CommandIn types a command of the app in a channel that they are in.
func (p *Person) CommandIn(channel, line string) *Delivery {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if !p.s.isIn(p.id, channel) {
		p.s.t.Fatalf("slack: %s is not in %s", p.id, channel)
	}
	command, text, _ := strings.Cut(strings.TrimSpace(line), " ")
	if command != theCommand {
		p.s.t.Fatalf("slack: the app has no command %s", command)
	}
	d := p.s.newDelivery(Command, p.s.commandPayload(p.id, channel, command, strings.TrimSpace(text)))
	d.user, d.what = p.id, command
	d.then = func(answer json.RawMessage) { p.s.commandAnswered(p.id, channel, answer) }
	p.s.bring(d)
	return d
}

// theCommand is the one that the manifest has.
const theCommand = "/authbridge"

// OpenHome opens the app's Home tab.
func (p *Person) OpenHome() *Delivery {
	p.s.t.Helper()
	return p.openTab("home")
}

// OpenMessages opens their direct conversation with the app.
func (p *Person) OpenMessages() *Delivery {
	p.s.t.Helper()
	return p.openTab("messages")
}

func (p *Person) openTab(tab string) *Delivery {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	app := p.s.world.App
	if tab == "home" && app.NoHomeTab || tab == "messages" && app.NoMessagesTab {
		p.s.t.Fatalf("slack: the app has no tab %s", tab)
	}
	return p.s.tell(p.tabEvent(tab))
}

// tabEvent is what is told of their opening a tab. It needs the lock.
func (p *Person) tabEvent(tab string) map[string]any {
	event := map[string]any{
		"type": "app_home_opened", "user": p.id, "channel": dm(p.id), "tab": tab, "event_ts": p.s.timestamp(),
	}
	if v := p.s.home(p.id); v != nil && tab == "home" {
		event["view"] = v.payload(&p.s.world)
	}
	return event
}
