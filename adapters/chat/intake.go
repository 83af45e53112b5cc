package chat

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// workLimit bounds what one inbound may take.
	workLimit = 30 * time.Second
	// stopGrace is what work that is under way gets when the adapter stops.
	stopGrace = 2 * time.Second
	// workers is how many inbounds are served at a time, and maxWaiting how
	// many may be taken in at all.
	workers    = 16
	maxWaiting = 512
)

// ErrFull means that an inbound was not taken in. Without an acknowledgement
// a platform brings an event again, and tells a person that their press failed.
var ErrFull = errors.New("too much has come in at once, or the adapter is stopping")

// Inbound is one thing that somebody did, as a platform brought it.
type Inbound interface {
	// Matter names the occurrence, the same for each copy of it, and says how
	// long its acknowledgement may wait for what it could say; 0 = it can say
	// nothing.
	Matter() (id string, patience time.Duration)
}

// Answer is what somebody is told at once about what they did.
type Answer struct {
	// Body goes into the acknowledgement; nil = there is nothing to say there.
	Body any
	// Late does the same some other way, where the acknowledgement could not
	// carry the body: it had to go earlier, or always goes at once. nil =
	// nothing to say.
	Late func(context.Context)
}

// Serve is what takes everything that comes in, once, whatever a platform does
// twice. It is called from many goroutines. ctx ends after half a minute, or
// two seconds after the adapter has to stop.
type Serve[In Inbound] func(ctx context.Context, in In) Answer

// Reply acknowledges one copy of an inbound; it is called once. It fails when
// body could not be said, and then has said nothing of it.
type Reply func(body any) error

// Intake takes inbounds in: each once, a bounded number at a time, with an
// acknowledgement that never waits long. It is safe for concurrent use.
type Intake[In Inbound] struct {
	serve Serve[In]
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

// NewIntake takes nothing in until it is opened.
func NewIntake[In Inbound](s Serve[In]) *Intake[In] {
	return &Intake[In]{serve: s, seen: newMatters(), slots: make(chan struct{}, maxWaiting), turns: make(chan struct{}, workers)}
}

// Open begins to take in, until Stop: the end of ctx ends nothing.
func (t *Intake[In]) Open(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.base, t.cancel = context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // G118: Stop calls it
	t.isOpen = true
}

// Take takes an inbound in and returns at once. ack is called before Take
// returns, unless the answer may be said in it: then up to its patience later.
// A copy of what was taken in before is acknowledged like the first and has no
// other effect. When Take fails, ack is never called. The work outlives ctx.
func (t *Intake[In]) Take(ctx context.Context, in In, ack Reply) error {
	if !t.begin() {
		return ErrFull
	}
	id, patience := in.Matter()
	m, first := t.seen.of(id, t.acks.Done)
	m.join(ack)
	if !first {
		t.acks.Done()
		t.end()
		return nil
	}
	if patience > 0 {
		time.AfterFunc(patience, func() { m.settle(nil) })
	} else {
		m.settle(nil)
	}
	go t.do(context.WithoutCancel(ctx), in, m)
	return nil
}

// Taking reports whether it takes anything in.
func (t *Intake[In]) Taking() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.isOpen
}

func (t *Intake[In]) begin() bool {
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

func (t *Intake[In]) end() {
	<-t.slots
	t.work.Done()
}

func (t *Intake[In]) do(ctx context.Context, in In, m *matter) {
	defer t.end()
	t.turns <- struct{}{}
	defer func() { <-t.turns }()
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()
	defer context.AfterFunc(t.base, cancel)() //nolint:contextcheck // the intake's own end, besides that of the work
	said := t.serve(ctx, in)
	if m.settle(said.Body) || said.Late == nil {
		return
	}
	said.Late(ctx)
}

// Close takes nothing more in, and returns when all that is in is
// acknowledged: within their patience.
func (t *Intake[In]) Close() {
	t.mu.Lock()
	t.isOpen = false
	t.mu.Unlock()
	t.acks.Wait()
}

// Stop closes the intake, gives what is in stopGrace, and cuts the rest off.
func (t *Intake[In]) Stop() {
	cut := time.AfterFunc(stopGrace, t.cancel)
	t.Close()
	t.work.Wait()
	cut.Stop()
	t.cancel()
}
