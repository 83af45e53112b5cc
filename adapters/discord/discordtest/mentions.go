package discordtest

import "slices"

// pings is who a message notifies by naming them.
type pings struct {
	users    []string
	roles    []string
	everyone bool // @everyone or @here
}

// pinged says who a message notifies: whom it names, may name and was allowed
// to notify. It needs the lock.
func (s *Discord) pinged(m *message) pings {
	var p pings
	for _, name := range names(m.content) {
		switch kind, id := name[:1], name[1:]; {
		case name == "@everyone", name == "@here":
			p.everyone = p.everyone || m.allowed.has("everyone") && s.mayMention(m, "")
		case kind == "@" && m.allowed.allows("users", m.allowed.Users, id) && s.world.Person(id) != nil:
			p.users = append(p.users, id)
		case kind == "&" && m.allowed.allows("roles", m.allowed.Roles, id) && s.mayMention(m, id):
			p.roles = append(p.roles, id)
		}
	}
	if to := s.everyMessage(m.reply); to != nil && m.allowed.RepliedUser && !slices.Contains(p.users, to.author) {
		p.users = append(p.users, to.author)
	}
	return p
}

// mayMention says whether the author may notify everybody, or a role.
func (s *Discord) mayMention(m *message, role string) bool {
	g := s.world.home(m.channel)
	if g == nil {
		return false
	}
	if role != "" {
		r := g.Role(role)
		if r == nil || role == g.ID {
			return false
		}
		if r.Mentionable {
			return true
		}
	}
	return s.world.permissions(m.author, m.channel)&MentionAll != 0
}

func (a allowed) has(kind string) bool { return slices.Contains(a.Parse, kind) }

func (a allowed) allows(kind string, ids []string, id string) bool {
	return a.has(kind) || slices.Contains(ids, id)
}

// notify keeps what the phones of some people show of a message: of one that
// was sent to them, or that names them. It needs the lock.
func (s *Discord) notify(m *message) {
	if m.to != "" || m.flags&silent != 0 {
		return
	}
	who := s.named(m)
	if u := s.partner(m.channel); u != "" {
		who = []string{u}
	}
	for _, id := range who {
		text := s.eyesOf(id).read(m.content).Visible
		if text == "" {
			text = "(a message without text)"
		}
		s.pushes[id] = append(s.pushes[id], text)
	}
}

// named is everybody who sees a message and whom it notifies by name.
func (s *Discord) named(m *message) []string {
	p := s.pinged(m)
	g := s.world.home(m.channel)
	var all []string
	for _, u := range s.world.People {
		of := func(role string) bool {
			return g != nil && g.Member(u.ID) != nil && slices.Contains(g.Member(u.ID).Roles, role)
		}
		if u.ID != m.author && s.sees(u.ID, m) && (p.everyone || slices.Contains(p.users, u.ID) || slices.ContainsFunc(p.roles, of)) {
			all = append(all, u.ID)
		}
	}
	return all
}

// Pushes returns what somebody's phone has shown, oldest first: the texts of
// new direct messages, and of those that notify them by name. An edit shows
// nothing there, nor does an ephemeral message.
func (s *Discord) Pushes(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pushes[id])
}
