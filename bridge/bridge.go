package bridge

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// Bridge is the running domain: it takes asks from agents and clicks from
// humans, and drives providers. All methods are safe for concurrent use.
type Bridge struct {
	dir       *Directory
	store     Store
	providers map[string]Provider
	log       *slog.Logger

	changes     *watchers
	polls       *loop[pollKey]
	clock       *loop[string] // a RequestID or a GrantID whose time is over
	mints       *loop[RequestID]
	checks      *loop[RequestID] // whose account granted
	revocations *loop[string]
	gaps        gaps
	ready       chan struct{}
}

// Options is what a bridge is made of; all fields are required.
type Options struct {
	Directory *Directory
	Store     Store
	Providers map[string]Provider // one for each provider of the directory
	Log       *slog.Logger        // faults that nobody waits for; never a secret
}

// How many of each may be under way at once. Who waits for a code is not to
// wait behind the revocations of a provider that hangs.
const (
	pollWorkers   = 128
	mintWorkers   = 32
	checkWorkers  = 32
	revokeWorkers = 8
	clockWorkers  = 8
)

// callTimeout bounds one call to a provider.
const callTimeout = 30 * time.Second

// New makes a bridge. It does nothing until Run.
func New(o Options) *Bridge {
	b := &Bridge{
		dir: o.Directory, store: o.Store, providers: o.Providers, log: o.Log,
		changes: newWatchers(), ready: make(chan struct{}),
	}
	b.polls = newLoop(pollWorkers, b.poll)
	b.clock = byWallClock(newLoop(clockWorkers, b.strike))
	b.mints = newLoop(mintWorkers, b.mint)
	b.checks = newLoop(checkWorkers, b.identify)
	b.revocations = byWallClock(newLoop(revokeWorkers, b.revoke))
	return b
}

// Run takes up what the store says is pending and works until ctx ends. Calls
// to providers that are under way then get shutdownGrace to finish, since
// their answers may be tokens. It returns an error only if the store could
// not be read at the start. It is called once.
func (b *Bridge) Run(ctx context.Context) error {
	work, finish := lasting(ctx, shutdownGrace)
	defer finish()
	start, err := b.recover(ctx)
	if err != nil {
		b.abandon()
		return fmt.Errorf("take up pending requests: %w", err)
	}
	var loops sync.WaitGroup
	loops.Go(func() { b.polls.run(ctx, work, maps.All(start.polls)) })
	loops.Go(func() { b.clock.run(ctx, work, maps.All(start.clock)) })
	loops.Go(func() { b.mints.run(ctx, work, maps.All(start.mints)) })
	loops.Go(func() { b.checks.run(ctx, work, maps.All(start.checks)) })
	loops.Go(func() { b.revocations.run(ctx, work, maps.All(start.revocations)) })
	loops.Go(func() { b.sweep(ctx) })
	close(b.ready)
	loops.Wait()
	return nil
}

// Ready returns a channel that is closed when Run has taken up what was
// pending.
func (b *Bridge) Ready() <-chan struct{} { return b.ready }

// abandon is for a bridge that cannot run: nobody waits for its loops.
func (b *Bridge) abandon() {
	b.polls.abandon()
	b.clock.abandon()
	b.mints.abandon()
	b.checks.abandon()
	b.revocations.abandon()
}

// Check reports whether the store takes changes. It changes nothing.
func (b *Bridge) Check(ctx context.Context) error {
	return b.store.Update(ctx, func(Tx) error { return nil })
}

// shutdownGrace is how long calls under way may go on after the end of Run's
// context.
const shutdownGrace = 8 * time.Second

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

// agenda is what a bridge begins with.
type agenda struct {
	polls       map[pollKey]time.Time
	clock       map[string]time.Time
	mints       map[RequestID]time.Time
	checks      map[RequestID]time.Time
	revocations map[string]time.Time
}

// recover reads from the indexes of the store what was pending when the
// bridge last stopped, however it stopped.
func (b *Bridge) recover(ctx context.Context) (agenda, error) {
	a := agenda{
		map[pollKey]time.Time{},
		map[string]time.Time{},
		map[RequestID]time.Time{},
		map[RequestID]time.Time{},
		map[string]time.Time{},
	}
	err := b.store.View(ctx, func(tx ReadTx) error {
		for d, err := range tx.Pending() {
			if err != nil {
				return err
			}
			a.add(d)
		}
		for v, err := range tx.Revocations() {
			if err != nil {
				return err
			}
			a.revocations[v.ID] = v.NotUntil
		}
		return each(tx.LiveGrants(), func(g Grant) { a.clock[string(g.ID)] = g.EndsAt })
	})
	return a, err
}

func (a agenda) add(d Due) {
	now := time.Now()
	if !d.Deadline.IsZero() {
		a.clock[string(d.ID)] = d.Deadline
	}
	switch {
	case d.State == Asked && d.Minting:
		a.mints[d.ID] = now
	case d.State == Coded:
		a.polls[pollKey{d.ID, d.Code}] = now.Add(gap(d.Interval)) // when the last poll was is not known
	case d.State == Held:
		a.checks[d.ID] = now
		// What the human gave is checked at least once, however long the
		// bridge was away.
		a.clock[string(d.ID)] = latest(d.Deadline, now.Add(time.Minute))
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// each runs do over a sequence that may fail.
func each[T any](seq iter.Seq2[T, error], do func(T)) error {
	for v, err := range seq {
		if err != nil {
			return err
		}
		do(v)
	}
	return nil
}

// sweepEvery is how often ended requests are looked through for those that
// need not be kept any longer; sweepBatch is how many go in one transaction.
const (
	sweepEvery = 10 * time.Minute
	sweepBatch = 5000
)

// sweep forgets what has been over for as long as it is to be retained.
func (b *Bridge) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for {
			n, err := b.store.Prune(ctx, time.Now().Add(-b.dir.Limits.Retain), sweepBatch)
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
