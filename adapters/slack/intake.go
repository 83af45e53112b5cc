package slack

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// ackPatience is how long an acknowledgement waits for what it could say.
	// Slack waits for 3 s, and people look at a spinner meanwhile.
	ackPatience = 800 * time.Millisecond
	// workLimit bounds what one inbound may take.
	workLimit = 30 * time.Second
	// stopGrace is what work that is under way gets when the adapter stops.
	stopGrace = 2 * time.Second
	// workers is how many inbounds are served at a time, and maxWaiting how
	// many may be taken in at all.
	workers    = 16
	maxWaiting = 512
)

// errFull means that an inbound was not taken in. Without an acknowledgement
// Slack brings an event again, and tells a person that their press failed.
var errFull = errors.New("too much has come in at once, or the adapter is stopping")

// reply acknowledges one copy of an inbound; it is called once. It fails when
// body could not be said, and then has said nothing of it.
type reply func(body any) error

// intake takes inbounds in: each once, a bounded number at a time, with an
// acknowledgement that never waits long.
type intake struct {
	serve serve
	seen  *matters
	slots chan struct{} // one for each inbound that is in
	turns chan struct{} // one for each that is being served

	mu     sync.Mutex
	isOpen bool
	work   sync.WaitGroup // added to under mu, while it is open
	acks   sync.WaitGroup // so too: what is not acknowledged yet
	base   context.Context
	cancel context.CancelFunc
}

func newIntake(s serve) *intake {
	return &intake{serve: s, seen: newMatters(), slots: make(chan struct{}, maxWaiting), turns: make(chan struct{}, workers)}
}

// open begins to take in, until stop: the end of ctx ends nothing.
func (t *intake) open(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.base, t.cancel = context.WithCancel(context.WithoutCancel(ctx))
	t.isOpen = true
}

// take takes an inbound in and returns at once. ack is called before take
// returns, unless the answer may be said in it: then up to ackPatience later.
// A copy of what was taken in before is acknowledged like the first and has no
// other effect. When take fails, ack is never called. The work outlives ctx.
func (t *intake) take(ctx context.Context, in inbound, ack reply) error {
	if !t.begin() {
		return errFull
	}
	m, first := t.seen.of(in.id, t.acks.Done)
	m.join(ack)
	if !first {
		t.acks.Done()
		t.end()
		return nil
	}
	if in.kind.converses() {
		time.AfterFunc(ackPatience, func() { m.settle(nil) })
	} else {
		m.settle(nil)
	}
	go t.do(context.WithoutCancel(ctx), in, m)
	return nil
}

// converses reports whether an acknowledgement can carry an answer.
func (k kind) converses() bool { return k == submitted || k == commanded }

func (t *intake) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.isOpen {
		return false
	}
	select {
	case t.slots <- struct{}{}:
		t.work.Add(1)
		t.acks.Add(1)
		return true
	default:
		return false
	}
}

func (t *intake) end() {
	<-t.slots
	t.work.Done()
}

func (t *intake) do(ctx context.Context, in inbound, m *matter) {
	defer t.end()
	t.turns <- struct{}{}
	defer func() { <-t.turns }()
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()
	defer context.AfterFunc(t.base, cancel)() //nolint:contextcheck // the intake's own end, besides that of the work
	said := t.serve(ctx, in)
	if m.settle(said.body) || said.late == nil {
		return
	}
	said.late(ctx)
}

// close takes nothing more in, and returns when all that is in is
// acknowledged: within ackPatience.
func (t *intake) close() {
	t.mu.Lock()
	t.isOpen = false
	t.mu.Unlock()
	t.acks.Wait()
}

// stop closes the intake, gives what is in stopGrace, and cuts the rest off.
func (t *intake) stop() {
	cut := time.AfterFunc(stopGrace, t.cancel)
	t.close()
	t.work.Wait()
	cut.Stop()
	t.cancel()
}
