package discord

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// timing is how patient the line is.
type timing struct {
	opening time.Duration // for opening a connection, until we are accepted
	grace   time.Duration // for the answer to a sign of life
	down    time.Duration // without a connection, the line is cut
	again   time.Duration // the wait after the end of a connection that had lasted
	lasting time.Duration // how long a connection lasts that was a good one
	least   time.Duration // the first wait after a failure
	most    time.Duration // the longest wait after failures
	spacing time.Duration // between two identifications: Discord wants 5 s
	linger  time.Duration // how long a connection that has a successor is read on
	parting time.Duration // for Discord to answer our leave
	closed  time.Duration // before it is asked again what Discord has refused
}

func usualTiming() timing {
	return timing{
		opening: 20 * time.Second, grace: 10 * time.Second, down: time.Minute, again: time.Second, lasting: 30 * time.Second,
		least: 5 * time.Second, most: 5 * time.Minute, spacing: 5500 * time.Millisecond,
		linger: 2 * time.Second, parting: time.Second, closed: 10 * time.Minute,
	}
}

// supervisor sees to it that there is always a connection that Discord has not
// asked us to replace. Its run owns all its fields but the last two.
type supervisor struct {
	line   *line
	timing timing
	budget budget

	live  map[*connection]time.Time // all that are open, and when to take leave; zero = not
	fresh *connection               // the one of them that is to stay, or nil

	opening  bool
	wanted   time.Time // when to open one; zero = not
	failures int       // in a row
	halted   bool      // the health says why, and trying alone does not help
	downAt   time.Time // since when none is open; zero = one is
	why      string    // what the last failure was

	events chan event
	all    sync.WaitGroup // the goroutines of connections
}

// event is something that happened to a connection.
type event struct {
	what    happening
	conn    *connection // nil when it could not be opened
	dialled bool        // Discord may count it as an identification
	err     error       // why it could not be opened, or how it ended
}

type happening int

const (
	opened happening = iota
	asked
	ended
)

func newSupervisor(l *line) *supervisor {
	return &supervisor{
		line: l, timing: l.timing, budget: budget{spacing: l.timing.spacing},
		live: map[*connection]time.Time{}, wanted: time.Now(), downAt: time.Now(), events: make(chan event),
	}
}

// run keeps a connection until ctx ends. Then it takes nothing more in, waits
// for what is not answered yet, and takes leave.
func (s *supervisor) run(ctx context.Context) {
	for ctx.Err() == nil {
		s.act(ctx)
		timer := time.NewTimer(s.rest())
		select {
		case <-ctx.Done():
		case e := <-s.events:
			s.on(ctx, e)
		case <-timer.C:
		}
		timer.Stop()
	}
	s.hangUp()
}

// act does what is due.
func (s *supervisor) act(ctx context.Context) {
	now := time.Now()
	if due(s.wanted, now) && !s.opening {
		s.open(ctx)
	}
	for c, at := range s.live {
		if due(at, now) {
			s.live[c] = time.Time{}
			c.leave()
		}
	}
	if due(s.downSince(), now) && !s.halted {
		s.line.health.SetLine(chat.Degraded, "there has been no connection to Discord for "+s.timing.down.String()+": "+s.why, true)
	}
}

// rest is how long nothing is due.
func (s *supervisor) rest() time.Duration {
	now, rest := time.Now(), time.Hour
	for _, at := range append(slices.Collect(maps.Values(s.live)), s.wanted, s.downSince()) {
		if !at.IsZero() && at.After(now) {
			rest = min(rest, at.Sub(now))
		}
	}
	return rest
}

func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// downSince is when the line counts as cut, unless a connection is open.
func (s *supervisor) downSince() time.Time {
	if s.downAt.IsZero() {
		return time.Time{}
	}
	return s.downAt.Add(s.timing.down)
}

// open has a connection opened, and read until it ends, as soon as the budget
// lets it.
func (s *supervisor) open(ctx context.Context) {
	wait, err := s.budget.wait(time.Now())
	if err != nil {
		s.failed(ctx, err, wait)
		return
	}
	if wait > 0 {
		s.wanted = time.Now().Add(wait)
		return
	}
	s.opening, s.wanted = true, time.Time{}
	s.all.Go(func() {
		c, dialled, err := s.line.open(ctx)
		s.events <- event{what: opened, conn: c, dialled: dialled, err: err}
		if err != nil {
			return
		}
		err = c.read(ctx, func() { s.events <- event{what: asked, conn: c} })
		s.events <- event{what: ended, conn: c, err: err}
	})
}

func (s *supervisor) on(ctx context.Context, e event) {
	switch e.what {
	case opened:
		s.opening = false
		if e.dialled {
			s.budget.took(time.Now())
		}
		if e.err != nil {
			s.failed(ctx, e.err, s.backoff())
			return
		}
		s.began(ctx, e.conn)
	case asked:
		s.asked(ctx, e.conn)
	case ended:
		s.ended(ctx, e.conn, e.err)
	}
}

// began makes a connection the one that stays. Those that it replaces are read
// a little longer, for what was meant for them when it began.
func (s *supervisor) began(ctx context.Context, c *connection) {
	for old, at := range s.live {
		if at.IsZero() {
			s.live[old] = time.Now().Add(s.timing.linger)
		}
	}
	s.live[c], s.fresh = time.Time{}, c
	s.halted, s.downAt = false, time.Time{}
	s.line.known.Store(&c.app)
	s.line.health.SetLine(chat.Ready, "", false)
	s.line.log.InfoContext(ctx, "discord: connected", "connections", len(s.live))
}

// asked sees to a successor. Until there is one, the old connection is read.
func (s *supervisor) asked(ctx context.Context, c *connection) {
	s.line.log.InfoContext(ctx, "discord: it asks for a new connection")
	if s.lost(c) {
		s.wanted = time.Now().Add(s.after(c, 0))
	}
}

func (s *supervisor) ended(ctx context.Context, c *connection, err error) {
	delete(s.live, c)
	if len(s.live) == 0 {
		s.downAt = time.Now()
	}
	if !s.lost(c) {
		return
	}
	s.failed(ctx, err, s.after(c, s.timing.again))
}

// after is the wait after a connection that will not stay: the usual one, if it
// had lasted.
func (s *supervisor) after(c *connection, usual time.Duration) time.Duration {
	if time.Since(c.began) < s.timing.lasting {
		return s.backoff()
	}
	return usual
}

// lost is called when a connection will not stay, and reports whether it was
// the one that should have.
func (s *supervisor) lost(c *connection) bool {
	if s.fresh != c {
		return false
	}
	s.fresh = nil
	if time.Since(c.began) >= s.timing.lasting {
		s.failures = 0
	}
	return true
}

// backoff is the wait after one more failure.
func (s *supervisor) backoff() time.Duration {
	s.failures++
	return chat.Backoff(s.timing.least, s.timing.most, s.failures)
}

// failed sees to trying again after at least that wait, or halts until the
// operator has acted.
func (s *supervisor) failed(ctx context.Context, err error, wait time.Duration) {
	s.why, s.halted = chat.Mishap(err), false
	if why, ok := refusal(err); ok {
		s.halt(ctx, why)
		s.wanted = time.Now().Add(s.timing.closed)
		return
	}
	if l, ok := errors.AsType[*bridge.Limited](err); ok {
		wait = max(wait, l.After)
	}
	if e, ok := errors.AsType[*exhausted](err); ok {
		wait = max(wait, e.after)
		s.halt(ctx, s.why)
	}
	if s.line.health.Now().State == chat.Starting {
		s.line.health.SetLine(chat.Starting, "it has not reached Discord yet: "+s.why, true)
	}
	s.wanted = time.Now().Add(wait)
	s.line.log.WarnContext(ctx, "discord: no connection", "why", s.why, "again_in", wait.Round(time.Millisecond))
}

func (s *supervisor) halt(ctx context.Context, why string) {
	s.halted = true
	s.line.health.SetLine(chat.Refused, why, true)
	s.line.log.ErrorContext(ctx, "discord: it refuses the bridge", "why", why)
}

// hangUp takes leave of Discord and returns when no connection is left.
func (s *supervisor) hangUp() {
	s.line.intake.Close()
	for c := range s.live {
		c.leave()
	}
	go func() {
		s.all.Wait()
		close(s.events)
	}()
	for e := range s.events {
		if e.what == opened && e.err == nil {
			e.conn.leave()
		}
	}
}
