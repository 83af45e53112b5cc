package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Bridge is the running domain: it takes asks from agents and clicks from
// humans, and drives providers. All methods are safe for concurrent use.
type Bridge struct {
	setup      atomic.Pointer[setup]
	taking     sync.Mutex             // a configuration over, or looking through what hangs on it
	replacing  sync.Mutex             // the setup
	adopted    bool                   // the setup of the start; with taking
	putBack    atomic.Pointer[string] // when the store was last noticed to have been; nil = never
	store      *watchedStore
	messengers map[string]Messenger
	groups     *groups
	log        *slog.Logger

	changes     *watchers
	feeds       *feeds
	books       *books
	polls       *loop[pollKey]
	clock       *loop[clockKey] // whose time is over
	mints       *loop[RequestID]
	checks      *loop[RequestID] // whose account granted
	revocations *loop[string]
	refreshes   *loop[packed] // of grants
	flights     flights       // who waits for them
	outbox      *loop[deliveryKey]
	gaps        gaps
	unprompted  *unprompted
	pauses      pauses
	looked      atomic.Bool // from the start's look at the store on, what changes is planned at once
	ready       chan struct{}
}

// Options is what a bridge is made of; all fields but Resources, Messengers,
// Rosters and Observer are required.
type Options struct {
	Directory  *Directory
	Store      Store
	Providers  map[string]Provider  // one for each provider of the directory
	Resources  Resources            // who looks at resources; nil = they cannot be named
	Messengers map[string]Messenger // one for each channel that cards are brought to
	Rosters    map[string]Roster    // one for each channel on which groups are teams
	Log        *slog.Logger         // faults that nobody waits for; never a secret
	Observer   Observer             // who counts; may be zero
}

// How many of each may be under way at once at one issuer or in one chat. Who
// waits for a code is not to wait behind the polls or revocations of others
// there.
const (
	pollsAtOnce       = 64
	mintsAtOnce       = 16
	checksAtOnce      = 16
	revocationsAtOnce = 4
	refreshesAtOnce   = 8
	deliveriesAtOnce  = 8
	clockWorkers      = 8 // at the store, which is one lane
)

// callTimeout bounds one call to a provider.
const callTimeout = 30 * time.Second

// New makes a bridge. It does nothing until Run.
func New(o Options) *Bridge {
	b := &Bridge{
		messengers: o.Messengers, groups: newGroups(o.Rosters), log: o.Log,
		changes: newWatchers(), ready: make(chan struct{}), unprompted: newUnprompted(),
	}
	b.setup.Store(b.peopled(&setup{given: o.Directory, providers: o.Providers, resources: o.Resources}))
	b.feeds = newFeeds(b.changes.wake)
	b.books = newBooks(o.Observer)
	b.store = &watchedStore{Store: noting{o.Store, b.feeds, b.followGrant, b.books}}
	b.polls = atAPace(newLoop(pollsAtOnce, b.poll))
	b.polls.late = b.books.PolledLate
	b.clock = byWallClock(newLoop(clockWorkers, whenKept(b, timed(b.strike))))
	b.mints = newLoop(mintsAtOnce, whenKept(b, timed(b.mint)))
	b.checks = newLoop(checksAtOnce, whenKept(b, timed(b.identify)))
	b.revocations = byWallClock(newLoop(revocationsAtOnce, whenKept(b, timed(b.revoke))))
	b.refreshes = withRests(newLoop(refreshesAtOnce, whenKept(b, b.refresh)))
	b.outbox = withRests(newLoop(deliveriesAtOnce, whenKept(b, b.deliver)))
	return b
}

// Run takes up what the store says is pending and works until ctx ends. Calls
// to providers that are under way then get shutdownGrace to finish, since
// their answers may be tokens. It returns an error only if the store could
// not be read at the start. It is called once.
func (b *Bridge) Run(ctx context.Context) error {
	work, finish := lasting(ctx, shutdownGrace)
	defer finish()
	err := b.TakeUp(ctx)
	if err == nil {
		err = b.recover(ctx)
	}
	if err != nil {
		for _, l := range b.loops() {
			l.abandon()
		}
		return fmt.Errorf("take up pending requests: %w", err)
	}
	var settling, running sync.WaitGroup
	for _, l := range b.loops() { // the large ones at the same time
		settling.Go(l.settle)
	}
	settling.Wait()
	for _, l := range b.loops() {
		running.Go(func() { l.run(ctx, work) })
	}
	running.Go(func() { b.sweep(ctx) })
	running.Go(func() { b.reviewAtStart(ctx) })
	if len(b.groups.rosters) > 0 {
		running.Go(func() { b.keepGroups(ctx) })
	}
	close(b.ready)
	running.Wait()
	return nil
}

// runner is a loop, whatever its keys.
type runner interface {
	settle()
	run(ctx, work context.Context)
	abandon()
}

func (b *Bridge) loops() []runner {
	return []runner{b.polls, b.clock, b.mints, b.checks, b.revocations, b.refreshes, b.outbox}
}

// Ready returns a channel that is closed when Run has taken up what was
// pending.
func (b *Bridge) Ready() <-chan struct{} { return b.ready }

// Check reports whether the store takes changes, by a note that says nothing:
// a full disk refuses only what is written.
func (b *Bridge) Check(ctx context.Context) error {
	return b.Notes("bridge").Put(ctx, "check", nil, time.Now().Add(time.Hour))
}

// shutdownGrace is how long calls under way may go on after the end of Run's
// context.
const shutdownGrace = 7 * time.Second

// lasting returns a context that ends the given time after ctx does.
func lasting(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-work.Done():
		}
	})
	return work, func() { stop(); cancel() }
}

// recover reads from the indexes of the store what was pending when the
// bridge last stopped, however it stopped. What cannot be read any more is
// told to the operator, and does not keep the rest from going on.
func (b *Bridge) recover(ctx context.Context) error {
	now := time.Now()
	b.looked.Store(true)
	return b.store.View(ctx, func(tx ReadTx) error {
		var open, live, owed int
		err := errors.Join(
			readable(b, tx.Pending(), func(d Due) {
				if b.resume(d, now); d.State.Open() {
					open++
				}
			}),
			readable(b, tx.Revocations(), func(v Revoking) {
				b.revocations.seed(b.lane(v.target().lane()), v.ID, v.NotUntil)
				owed++
			}),
			readable(b, tx.CurrentGrants(), func(g Grant) {
				b.clock.seed("", ofGrant(g.ID), g.EndsAt)
				if b.seedRefresh(g, now); g.State == GrantLive {
					live++
				}
			}),
		)
		if err == nil {
			b.books.count(tx, open, live, owed)
		}
		return err
	})
}

// resume plans what a pending request needs next. Polls are spread over the
// time of one gap, if the code lives so long: when the last one was is not
// known, and nobody is to meet all of them at once.
func (b *Bridge) resume(d Due, now time.Time) {
	deadline := d.Deadline
	switch {
	case d.State == Asked && d.Minting:
		b.mints.seed(b.lane(d.Provider), d.ID, now)
	case d.State == Coded:
		key, every := polling(d.ID, d.Code), gap(d.Interval)
		spread := min(time.Duration(key.id.share()*float64(every)), d.Deadline.Add(-lastPoll).Sub(now)-every)
		b.polls.seed(b.lane(d.Provider), key, now.Add(every+max(0, spread)))
	case d.State == Held:
		b.checks.seed(b.lane(d.Provider), d.ID, now)
		// What the human gave is checked at least once, however long the
		// bridge was away.
		deadline = latest(deadline, now.Add(time.Minute))
	}
	if d.Owes || d.Attend {
		b.outbox.seed("", allDeliveries(d.ID), now)
	}
	if !deadline.IsZero() {
		b.clock.seed("", ofRequest(d.ID), deadline)
	}
}

// readable runs do over a sequence and passes over what cannot be read.
func readable[T any](b *Bridge, seq iter.Seq2[T, error], do func(T)) error {
	for v, err := range seq {
		switch {
		case errors.Is(err, ErrUnreadable):
			b.log.Error("something that is stored cannot be read; it is left alone", "err", err)
		case err != nil:
			return err
		default:
			do(v)
		}
	}
	return nil
}

// lane names the lane of a provider: that of its issuer, which all providers
// at it share. An issuer that is no provider goes by itself ([Target.lane]).
func (b *Bridge) lane(provider string) string {
	return cmp.Or(b.dir().Providers[provider].Issuer, provider)
}

// clockKey is a request or a grant whose time may be over.
type clockKey struct {
	id    packed
	grant bool
}

func ofRequest(id RequestID) clockKey { return clockKey{pack(id), false} }
func ofGrant(id GrantID) clockKey     { return clockKey{pack(id), true} }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sweepEvery is how often ended requests are looked through for those that
// need not be kept any longer; sweepBatch is how many go in one transaction.
const (
	sweepEvery = 10 * time.Minute
	sweepBatch = 5000
)

// sweep forgets what has been over, or was written to the audit log, for as
// long as it is to be retained.
func (b *Bridge) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if keep := b.dir().Limits.AuditRetain; keep > 0 {
			_, err := b.store.PruneAudit(ctx, time.Now().Add(-keep))
			if err != nil && ctx.Err() == nil {
				b.log.Error("forget old lines of the audit log", "err", err)
			}
		}
		for {
			n, err := b.store.Prune(ctx, time.Now().Add(-b.dir().Limits.Retain), sweepBatch)
			if err != nil && ctx.Err() == nil {
				b.log.Error("forget old requests", "err", err)
			}
			if err != nil || n < sweepBatch {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
