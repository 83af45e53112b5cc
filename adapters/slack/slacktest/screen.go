package slacktest

import (
	"slices"
	"strings"
	"time"
)

// Person is somebody at the workspace, in front of Slack.
type Person struct {
	s  *Slack
	id string
}

// Person returns one of the people of the world.
func (s *Slack) Person(id string) *Person {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world.Person(id) == nil {
		s.t.Fatalf("slack: nobody has the id %s", id)
	}
	return &Person{s: s, id: id}
}

// Screen is all that they see now, as text: their direct conversation with
// the bot, the channels that they are in, what only they see there, their
// Home, and in front of it all the modal that they have open.
//
//	== direct messages: authbridge
//	# Access request
//	[!I did not ask for this] [Show code]
//
// See [Reading] for what becomes of texts. A button is [label], with ! for
// danger, * for primary, -> where it is a link, and ? after it where it asks
// again; a line of small print begins with a dot, preformatted text with |,
// and what Slack tells them of a failure with (!).
func (p *Person) Screen() string {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var lines []string
	for _, d := range p.s.surfaces(p.id) {
		lines = append(lines, d.lines...)
	}
	return strings.Join(lines, "\n")
}

// Heard is what a screen reader reads them of the messages: texts, where
// others see blocks, and the names of the buttons.
func (p *Person) Heard() string {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var all []string
	for _, m := range p.s.messages {
		if p.s.visible(m, p.id) {
			all = append(all, m.heard(p.s.eyesOf(p.id)))
		}
	}
	return strings.Join(all, "\n")
}

// Reading is what becomes of all that they see in messages and views: whom it
// mentions, and what in it can be followed.
func (p *Person) Reading() Reading {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	e, all := p.s.eyesOf(p.id), Reading{}
	for _, m := range p.s.messages {
		if p.s.visible(m, p.id) {
			all = all.add(m.read(e))
		}
	}
	for _, v := range []*view{p.s.home(p.id), p.s.modal(p.id)} {
		if v != nil {
			all = all.add(e.readAll(v.blocks))
		}
	}
	return all
}

// Reload starts their Slack anew: what only they saw in channels is gone.
func (p *Person) Reload() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.messages = slices.DeleteFunc(p.s.messages, func(m *message) bool { return m.to == p.id })
	p.s.touch()
}

// Pushes returns what somebody's phone has shown, oldest first: the texts of
// new messages. An edit shows nothing there, nor does an ephemeral message.
func (s *Slack) Pushes(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pushes[id])
}

// visible says whether somebody sees a message. It needs the lock.
func (s *Slack) visible(m *message, user string) bool {
	u := s.world.Person(user)
	return u != nil && !u.Deleted && slices.Contains(s.audience(m), user)
}

// front is what somebody can use now: a modal keeps them from all else. It
// needs the lock.
func (s *Slack) front(user string) []drawing {
	all := s.surfaces(user)
	if s.modal(user) != nil {
		all = all[len(all)-1:]
	}
	return all
}

// surfaces draws all that somebody sees, the modal last. It needs the lock.
func (s *Slack) surfaces(user string) []drawing {
	all := s.conversation(user, dm(user), "direct messages: "+s.world.App.Name)
	for _, c := range s.world.Channels {
		if slices.Contains(c.Members, user) {
			all = append(all, s.conversation(user, c.ID, "#"+c.Name)...)
		}
	}
	if v := s.home(user); v != nil && !s.world.App.NoHomeTab {
		all = append(all, s.drawView(v, "== Home: "+s.world.App.Name))
	}
	for _, mark := range s.wire.marks[user] {
		all = append(all, drawing{lines: []string{"(!) " + mark}})
	}
	if v := s.modal(user); v != nil {
		all = append(all, s.drawView(v, "== modal: "+s.eyesOf(user).read(asText(v.body.obj("title"))).Visible))
	}
	return all
}

// conversation draws the messages of one, threads below what they answer.
func (s *Slack) conversation(user, channel, title string) []drawing {
	var all []drawing
	for _, m := range s.messages {
		if m.channel == channel && s.visible(m, user) && (m.thread == "" || m.broadcast || s.message(channel, m.thread) == nil) {
			all = append(all, s.drawMessage(user, m, ""))
			all = append(all, s.replies(user, m)...)
		}
	}
	if len(all) > 0 {
		all = slices.Insert(all, 0, drawing{lines: []string{"== " + title}})
	}
	return all
}

func (s *Slack) replies(user string, to *message) []drawing {
	var all []drawing
	for _, m := range s.messages {
		if m.channel == to.channel && m.thread == to.ts && s.visible(m, user) {
			all = append(all, s.drawMessage(user, m, "    "))
		}
	}
	return all
}

func (s *Slack) drawMessage(user string, m *message, indent string) drawing {
	d := drawing{eyes: s.eyesOf(user), message: m}
	d.write("", s.byline(m))
	if len(m.blocks) == 0 {
		d.write("", d.readTop(m).Visible)
	}
	d.blocks(m.blocks)
	for i := range d.lines {
		d.lines[i] = indent + d.lines[i]
	}
	return d
}

// byline is what stands above a message.
func (s *Slack) byline(m *message) string {
	line := "@" + s.world.App.Name
	switch {
	case m.thread != "" && s.message(m.channel, m.thread) == nil:
		line += " in the thread " + m.thread
	case m.thread != "":
		line += " in the thread"
	}
	if m.broadcast {
		line += " and the channel"
	}
	if m.to != "" {
		line += ", only visible to you"
	}
	if m.edited {
		line += " (edited)"
	}
	return line
}

func (s *Slack) drawView(v *view, title string) drawing {
	d := drawing{eyes: s.eyesOf(v.user), view: v}
	d.write("", title)
	d.blocks(v.blocks)
	if v.home {
		return d
	}
	shut := "Cancel"
	if v.body["close"] != nil {
		shut = d.see(v.body.obj("close"))
	}
	ends := "[" + shut + "]"
	if v.body["submit"] != nil {
		ends += " [" + d.see(v.body.obj("submit")) + "]"
	}
	d.write("", ends)
	return d
}

// eyesOf are the eyes of somebody. It needs the lock.
func (s *Slack) eyesOf(user string) eyes {
	e := eyes{now: s.now(), name: s.called, zone: time.UTC}
	if u := s.world.Person(user); u != nil {
		if zone, err := time.LoadLocation(u.TZ); err == nil {
			e.zone = zone
		}
	}
	return e
}

// called is the name behind an id. It needs the lock.
func (s *Slack) called(id string) string {
	if u := s.world.Person(id); u != nil {
		return u.Name
	}
	if c := s.world.Channel(id); c != nil {
		return c.Name
	}
	if g := s.world.Group(id); g != nil {
		return g.Handle
	}
	return ""
}
