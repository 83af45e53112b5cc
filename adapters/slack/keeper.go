package slack

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"

	slackgo "github.com/slack-go/slack"
)

// keeper sees to it that there is always a socket that Slack has not taken
// leave of. Its run owns all its fields but the last two.
type keeper struct {
	line   *line
	timing timing
	pace   pace

	live  map[*socket]bool // all that are open
	fresh *socket          // the one of them that is to stay, or nil

	opening  bool
	wanted   time.Time // when to open one; zero = not
	failures int       // in a row
	refused  bool      // by Slack, after which it is asked rarely
	downAt   time.Time // since when none is open; zero = one is
	why      string    // what the last failure was
	crowdAt  time.Time // since when others' sockets are among ours; zero = none are
	countAt  time.Time // when to count again by opening another; zero = not

	events chan event
	all    sync.WaitGroup // the goroutines of sockets
}

// event is something that happened to a socket.
type event struct {
	what   happening
	socket *socket // nil when it could not be opened
	reason string  // of a leaving
	err    error   // why it could not be opened, or how it ended; nil = well
}

type happening int

const (
	opened happening = iota
	leaving
	ended
)

func newKeeper(l *line) *keeper {
	return &keeper{
		line: l, timing: l.timing, pace: pace{spacing: l.timing.spacing, burst: l.timing.burst},
		live: map[*socket]bool{}, wanted: time.Now(), downAt: time.Now(), events: make(chan event),
	}
}

// run keeps a socket until ctx ends. Then it takes nothing more in, waits for
// what is not acknowledged yet, and takes leave.
func (k *keeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		k.act(ctx)
		timer := time.NewTimer(k.rest())
		select {
		case <-ctx.Done():
		case e := <-k.events:
			k.on(ctx, e)
		case <-timer.C:
		}
		timer.Stop()
	}
	k.hangUp()
}

// act does what is due.
func (k *keeper) act(ctx context.Context) {
	now := time.Now()
	if due(k.countAt, now) && k.wanted.IsZero() {
		k.wanted = now
	}
	if due(k.wanted, now) && !k.opening && k.pace.wait(now) <= 0 {
		k.open(ctx)
	}
	if due(k.downSince(), now) && !k.refused {
		k.line.health.SetLine(chat.Degraded, "there has been no connection to Slack for "+k.timing.down.String()+": "+k.why, true)
	}
}

// rest is how long nothing is due.
func (k *keeper) rest() time.Duration {
	now, rest := time.Now(), time.Hour
	for _, at := range []time.Time{k.wanted, k.countAt, k.downSince()} {
		if !at.IsZero() && at.After(now) {
			rest = min(rest, at.Sub(now))
		}
	}
	if due(k.wanted, now) && !k.opening {
		rest = min(rest, k.pace.wait(now))
	}
	return rest
}

func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// downSince is when the line counts as cut, unless a socket is open.
func (k *keeper) downSince() time.Time {
	if k.downAt.IsZero() {
		return time.Time{}
	}
	return k.downAt.Add(k.timing.down)
}

// open has a socket opened, and read until it ends.
func (k *keeper) open(ctx context.Context) {
	k.opening, k.wanted, k.countAt = true, time.Time{}, time.Time{}
	k.pace.took(time.Now())
	k.all.Go(func() {
		s, err := k.line.open(ctx)
		k.events <- event{what: opened, socket: s, err: err}
		if err != nil {
			return
		}
		err = s.read(ctx, func(reason string) { k.events <- event{what: leaving, socket: s, reason: reason} })
		k.events <- event{what: ended, socket: s, err: err}
	})
}

func (k *keeper) on(ctx context.Context, e event) {
	switch e.what {
	case opened:
		k.opening = false
		if e.err != nil {
			k.failed(ctx, e.err)
			return
		}
		k.began(ctx, e.socket)
	case leaving:
		k.leaving(ctx, e.socket, e.reason)
	case ended:
		k.ended(ctx, e.socket, e.err)
	}
}

// began makes a socket the one that stays. One that it replaces without
// Slack's asking is taken leave of.
func (k *keeper) began(ctx context.Context, s *socket) {
	if k.fresh != nil {
		k.fresh.leave()
	}
	k.live[s], k.fresh = true, s
	k.refused, k.downAt = false, time.Time{}
	who := k.line.self()
	who.app = s.hello.Connection.AppID
	k.line.known.Store(&who)
	k.line.log.InfoContext(ctx, "slack: connected", "sockets", len(k.live))
	k.count(ctx, s.hello.Sockets)
}

// count compares how many sockets Slack says our app has with those that are
// ours. Slack may still count one of ours that was cut off, so the first time
// is a reason to count again.
func (k *keeper) count(ctx context.Context, told int) {
	now := time.Now()
	switch {
	case told <= len(k.live):
		k.crowdAt = time.Time{}
		k.line.health.SetLine(chat.Ready, "", false)
	case k.crowdAt.IsZero() || now.Sub(k.crowdAt) < k.timing.recount:
		if k.crowdAt.IsZero() {
			k.crowdAt = now
		}
		k.countAt = k.crowdAt.Add(k.timing.recount)
		k.line.health.SetLine(chat.Ready, "", false)
	default:
		k.countAt = now.Add(k.timing.crowded)
		k.line.health.SetLine(chat.Degraded, crowded, false)
		k.line.log.ErrorContext(ctx, "slack: "+crowded, "ours", len(k.live), "all", told)
	}
}

const crowded = "another bridge uses this app: what people press may go to it instead; give each bridge an app of its own"

// Disputed reports whether another bridge is connected with the same app: then
// what people press may never come here.
func (a *Adapter) Disputed() bool { return a.health.Now().Why == crowded }

// leaving sees to a successor before the socket ends. Until it does it is read.
func (k *keeper) leaving(ctx context.Context, s *socket, reason string) {
	k.line.log.InfoContext(ctx, "slack: it will end a connection", "reason", reason)
	s.endWithin(k.timing.linger)
	k.lost(s)
	switch reason {
	case "link_disabled", "too_many_websockets":
		k.failed(ctx, &parting{reason})
	default:
		k.successor()
	}
}

// successor has a socket opened at once if there is none that stays.
func (k *keeper) successor() {
	if k.fresh == nil && k.wanted.IsZero() && !k.opening && !k.refused {
		k.wanted = time.Now()
	}
}

func (k *keeper) ended(ctx context.Context, s *socket, err error) {
	delete(k.live, s)
	if len(k.live) == 0 {
		k.downAt = time.Now()
	}
	if stayed := k.lost(s); !stayed || k.refused {
		return
	}
	if err == nil {
		err = errEnded
	}
	k.failed(ctx, err)
}

// lost is called when a socket will not stay, and reports whether it was the
// one that should have.
func (k *keeper) lost(s *socket) bool {
	if k.fresh != s {
		return false
	}
	k.fresh = nil
	if time.Since(s.began) >= k.timing.quiet {
		k.failures = 0
	}
	return true
}

var errEnded = errors.New("the connection ended without a warning")

// failed decides when to try again, and whether the operator has to act first.
func (k *keeper) failed(ctx context.Context, err error) {
	k.failures++
	k.why = chat.Mishap(err)
	if r, ok := refusedLine(err); ok {
		k.refuse(ctx, r)
		return
	}
	wait := k.timing.backoff(k.failures)
	if k.refused { // Slack may refuse in other words now
		wait = k.timing.closed
	}
	if limited, ok := errors.AsType[*slackgo.RateLimitedError](err); ok {
		wait += limited.RetryAfter
	}
	if p, ok := errors.AsType[*parting](err); ok && p.reason == "too_many_websockets" {
		wait += k.timing.most
		k.why = tooMany
	}
	if k.line.health.Now().State == chat.Starting {
		k.line.health.SetLine(chat.Starting, "it has not reached Slack yet: "+k.why, true)
	}
	k.wanted = time.Now().Add(wait)
	k.line.log.WarnContext(ctx, "slack: no connection", "why", k.why, "again_in", wait.Round(time.Millisecond))
}

const tooMany = "Slack says that this app has too many connections: stop the other bridges that use it"

// refuse stops trying, for long.
func (k *keeper) refuse(ctx context.Context, why refusal) {
	k.refused, k.wanted, k.countAt = true, time.Now().Add(k.timing.closed), time.Time{}
	k.line.health.SetLine(chat.Refused, string(why), true)
	k.line.log.ErrorContext(ctx, "slack: it refuses the bridge", "why", why, "again_in", k.timing.closed)
}

func refusedLine(err error) (refusal, bool) {
	if p, ok := errors.AsType[*parting](err); ok {
		r, ok := refusals[p.reason]
		return r, ok
	}
	return refused(err, "app-level token")
}

// hangUp takes leave of Slack and returns when no socket is left.
func (k *keeper) hangUp() {
	k.line.intake.Close()
	for s := range k.live {
		s.leave()
	}
	go func() {
		k.all.Wait()
		close(k.events)
	}()
	for e := range k.events {
		if e.what == opened && e.err == nil {
			e.socket.leave()
		}
	}
}

// pace spaces what may come in bursts, but not for long.
type pace struct {
	spacing time.Duration
	burst   int
	until   time.Time // when all that was taken is paid for
}

// wait is how long until the next may be taken.
func (p *pace) wait(now time.Time) time.Duration {
	return p.until.Add(-time.Duration(p.burst-1) * p.spacing).Sub(now)
}

func (p *pace) took(now time.Time) {
	if p.until.Before(now) {
		p.until = now
	}
	p.until = p.until.Add(p.spacing)
}
