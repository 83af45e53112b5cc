package slacktest

import "time"

// eyesOf are the eyes of somebody, the bot's for nobody. They need the lock.
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
