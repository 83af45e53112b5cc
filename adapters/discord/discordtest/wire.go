package discordtest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// wire is what brings people's doings to the app. The lock of Discord guards
// it.
type wire struct {
	connections []*connection // all that there were, oldest first
	sessions    []*session    // those that go on, or can be resumed
	greetings   []Greeting    // for the connections to come
	beat        time.Duration // between the app's signs of life
	silent      bool          // they are not answered
	identified  []time.Time
	left        int // how often the app may still identify

	requestsTo   string
	interactions []*interaction
	tokens       map[string]*interaction
	holding      bool
	held         []*interaction // what people did, while it is held back
	letters      []letter       // the calls to the app, oldest first

	all    sync.WaitGroup // the goroutines of the wire
	life   context.Context
	end    context.CancelFunc
	closed bool
}

// maxIdentifies is how often an app may identify in a day.
const maxIdentifies = 1000

// usualBeat is the time between two signs of life. Discord's own is 41.25 s.
const usualBeat = 2 * time.Second

func (s *Discord) serveWire() {
	s.wire.left, s.wire.beat = maxIdentifies, usualBeat
	s.wire.tokens = map[string]*interaction{}
	s.wire.life, s.wire.end = context.WithCancel(context.Background())
	s.provideGateway()
	s.provideInteractions()
}

// closeWire ends all that the wire does, and waits for it.
func (s *Discord) closeWire() {
	s.mu.Lock()
	s.wire.closed = true
	s.wire.end()
	for _, c := range s.open() {
		c.cut(false)
	}
	for _, i := range s.wire.interactions {
		if i.lapse != nil {
			i.lapse.Stop()
		}
	}
	s.mu.Unlock()
	s.wire.all.Wait()
}

// beside runs something until it is done, or the wire is closed. It needs the
// lock.
func (s *Discord) beside(do func(context.Context)) {
	if s.wire.closed {
		return
	}
	s.wire.all.Go(func() { do(s.wire.life) })
}

// open are the connections that are open. It needs the lock.
func (s *Discord) open() []*connection {
	return slices.DeleteFunc(slices.Clone(s.wire.connections), func(c *connection) bool { return c.End != "" })
}

// live are those of them that were let in, and that nothing was heard of their
// end. It needs the lock.
func (s *Discord) live() []*connection {
	return slices.DeleteFunc(s.open(), func(c *connection) bool { return c.session == nil || c.leaving })
}
