package discordtest

import (
	"slices"
	"strings"
)

// Person is somebody in front of Discord.
type Person struct {
	s  *Discord
	id string
}

// Person returns one of the people of the world.
func (s *Discord) Person(id string) *Person {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world.Person(id) == nil {
		s.t.Fatalf("discord: nobody has the id %s", id)
	}
	return &Person{s: s, id: id}
}

// Screen is all that they see now, as text: their direct conversation with
// the bot, the channels that they can see, what only they see there, and in
// front of it all the modal that they have open.
//
//	== direct messages: authbridge
//	@authbridge
//	Access request
//	[!I did not ask for this] [Show code]
//
// See [Reading] for what becomes of texts. A button is [label], with ! for
// danger, * for primary, + for success, -> where it is a link, and (off)
// after it where it cannot be pressed. A heading begins with #, small print
// with a dot, preformatted text with |, and what Discord tells them of a
// failure with (!).
func (p *Person) Screen() string {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var lines []string
	for _, d := range p.s.surfaces(p.id) {
		lines = append(lines, d.lines...)
	}
	return strings.Join(lines, "\n")
}

// Heard is what a screen reader reads them of the messages: what is written,
// and the names of the buttons.
func (p *Person) Heard() string {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var all []string
	for _, m := range p.s.messages {
		if p.s.sees(p.id, m) {
			all = append(all, heard(m, p.s.eyesOf(p.id)))
		}
	}
	return strings.Join(all, "\n")
}

// heard is what a screen reader says of a message.
func heard(m *message, e eyes) string {
	d, shown := drawing{eyes: e, message: m}, drawing{eyes: e, message: m}
	d.write(e.read(m.content).Visible)
	shown.rows(m.components)
	for _, c := range shown.controls {
		d.write("button: " + c.label)
	}
	return d.page()
}

// Reading is what becomes of all that they see in messages: whom it mentions,
// and what in it can be followed.
func (p *Person) Reading() Reading {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	e, all := p.s.eyesOf(p.id), Reading{}
	for _, m := range p.s.messages {
		if p.s.sees(p.id, m) {
			all = all.add(e.read(m.content))
		}
	}
	return all
}

// Reload starts their Discord anew: what only they saw in channels is gone.
func (p *Person) Reload() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, m := range p.s.messages {
		m.dismissed = m.dismissed || m.to == p.id
	}
	p.s.touch()
}

// front is what somebody can use now: a modal keeps them from all else. It
// needs the lock.
func (s *Discord) front(user string) []drawing {
	all := s.surfaces(user)
	if s.modal(user) != nil {
		all = all[len(all)-1:]
	}
	return all
}

// surfaces draws all that somebody sees, the modal last. It needs the lock.
func (s *Discord) surfaces(user string) []drawing {
	all := s.conversation(user, s.direct[user], "direct messages: "+s.world.App.Name)
	for _, g := range s.world.Guilds {
		for _, c := range g.Channels {
			title := "#" + c.Name
			if parent := g.Channel(c.Parent); c.isThread() && parent != nil {
				title = "#" + parent.Name + " > " + c.Name
			}
			all = append(all, s.conversation(user, c.ID, title)...)
		}
	}
	for _, mark := range s.marks[user] {
		all = append(all, drawing{lines: []string{"(!) " + mark}})
	}
	if m := s.modal(user); m != nil {
		all = append(all, s.drawModal(m))
	}
	return all
}

// conversation draws the messages of one.
func (s *Discord) conversation(user, channel, title string) []drawing {
	var all []drawing
	for _, m := range s.messages {
		if m.channel == channel && s.sees(user, m) {
			all = append(all, s.drawMessage(user, m))
		}
	}
	if len(all) > 0 {
		all = slices.Insert(all, 0, drawing{lines: []string{"== " + title}})
	}
	return all
}

func (s *Discord) drawMessage(user string, m *message) drawing {
	d := drawing{eyes: s.eyesOf(user), message: m}
	d.write(s.byline(m))
	if m.flags&loading != 0 {
		d.write("(" + s.world.App.Name + " is thinking...)")
		return d
	}
	d.write(d.read(m.content).Visible)
	d.rows(m.components)
	return d
}

// byline is what stands above a message.
func (s *Discord) byline(m *message) string {
	line := "@" + s.called(m.author)
	if m.reply != "" {
		line += ", in reply to " + s.quoted(m.reply)
	}
	if m.to != "" {
		line += ", only you can see this"
	}
	if !m.edited.IsZero() {
		line += " (edited)"
	}
	return line
}

// quoted is the first line of what is answered.
func (s *Discord) quoted(id string) string {
	m := s.everyMessage(id)
	if m == nil {
		return "a message that was deleted"
	}
	first, _, _ := strings.Cut(s.eyesOf("").read(m.content).Visible, "\n")
	return `"` + first + `"`
}

func (s *Discord) drawModal(m *modal) drawing {
	d := drawing{eyes: s.eyesOf(m.user), modal: m}
	d.write("== modal: " + m.title)
	d.fields(m)
	d.write("[Cancel] [Submit]")
	return d
}

// eyesOf are the eyes of somebody. It needs the lock.
func (s *Discord) eyesOf(user string) eyes {
	e := eyes{now: s.now(), name: s.called}
	if u := s.world.Person(user); u != nil {
		e.zone = u.Zone
	}
	return e
}

// called is the name behind an id. It needs the lock.
func (s *Discord) called(id string) string {
	if id == s.world.App.Bot {
		return s.world.App.Name
	}
	if u := s.world.Person(id); u != nil {
		return u.Name
	}
	if c := s.world.Channel(id); c != nil {
		return c.Name
	}
	for i := range s.world.Guilds {
		if r := s.world.Guilds[i].Role(id); r != nil {
			return r.Name
		}
	}
	return ""
}
