package discordtest

import (
	"slices"
	"time"
)

// wire is what brings people's doings to the app. The lock of Discord guards
// it.
type wire struct {
	sessions     []*session
	greetings    []Greeting // for the connections to come
	silent       bool       // signs of life are not answered
	identified   []time.Time
	left         int // how often the app may still identify
	requestsTo   string
	interactions []*interaction
	closed       bool
}

// maxIdentifies is how often an app may identify in a day.
const maxIdentifies = 1000

func (s *Discord) serveWire() {
	s.wire.left = maxIdentifies
	s.provideGateway()
	s.provideInteractions()
}

func (s *Discord) closeWire() {
	s.mu.Lock()
	s.wire.closed = true
	all := slices.Clone(s.wire.sessions)
	s.mu.Unlock()
	for _, one := range all {
		one.cut()
	}
}
