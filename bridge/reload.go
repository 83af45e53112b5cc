package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Reviewed counts what a configuration no longer allowed.
type Reviewed struct {
	Requests  int // open, or not collected yet: cancelled
	Grants    int // revoked
	Shortened int // grants that end sooner
}

// adoptSomehow takes over the configuration that the bridge was made with:
// names that have passed to somebody else since the last one lead to nothing of
// those who bore them before. While the store takes no changes it goes by what
// it would note, and Run notes it later.
func (b *Bridge) adoptSomehow(ctx context.Context) error {
	b.taking.Lock()
	defer b.taking.Unlock()
	err := b.adopt(ctx)
	if !errors.Is(err, ErrStoreUnavailable) {
		return err
	}
	now := b.setup.Load()
	return b.store.View(ctx, func(tx ReadTx) error {
		_, who, _, err := succession(tx, now.given)
		if err != nil {
			return err
		}
		ties, err := readTies(tx, now.given)
		err = errors.Join(err, b.recall(tx, now.given))
		b.setup.Store(b.peopled(now.followedBy(now.given, ties, now.providers, who)))
		return err
	})
}

// adopt takes that configuration over, once, for who has the right to.
func (b *Bridge) adopt(ctx context.Context) error {
	if b.adopted {
		return nil
	}
	now := b.setup.Load()
	err := b.install(ctx, now.given, now.providers, AuditConfigLoaded)
	b.adopted = err == nil
	return err
}

// Reload replaces the configuration, all of it or, with an error, nothing.
// Every decision from then on goes by the new one. It then looks through what
// is open and what was given, ends what is no longer allowed, and returns what
// that was; if it does not come to the end, because ctx ends first, the next
// start goes on. What is allowed more than before helps new asks alone.
//
// Providers that are the same as before should be the same objects. The
// channels, and the messengers, are those of the start.
func (b *Bridge) Reload(ctx context.Context, dir *Directory, providers map[string]Provider) (Reviewed, error) {
	select {
	case <-b.ready:
	case <-ctx.Done():
		return Reviewed{}, ctx.Err()
	}
	b.taking.Lock()
	err := b.install(ctx, dir, providers, AuditConfigReloaded)
	b.taking.Unlock()
	if err != nil {
		return Reviewed{}, fmt.Errorf("take over a configuration: %w", err)
	}
	b.changes.wakeAll() // who waits may have nothing to wait for here any more
	if dir.hasGroups() {
		b.groups.look() // one may be new
	}
	ended, err := b.review(ctx)
	if err != nil {
		b.log.Error("look through what the new configuration allows; the next start goes on", "err", err)
	}
	return ended, nil
}

// install has the bridge go by a configuration.
func (b *Bridge) install(ctx context.Context, dir *Directory, providers map[string]Provider, event Kind) error {
	return b.replace(ctx, func(tx Tx, now *setup) (*setup, error) {
		who, err := inherit(tx, dir, event)
		if err != nil {
			return nil, err
		}
		ties, err := readTies(tx, dir)
		err = errors.Join(err, b.recall(tx, dir))
		return now.followedBy(dir, ties, providers, who), err
	})
}

// replace replaces the setup inside of a transaction. They run one after the
// other: what was decided under the old setup is stored before, and who looks
// through it sees it; what is decided later goes by the new one.
func (b *Bridge) replace(ctx context.Context, next func(Tx, *setup) (*setup, error)) error {
	b.replacing.Lock()
	defer b.replacing.Unlock()
	before := b.setup.Load()
	err := b.store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		after, err := next(tx, before)
		if err == nil {
			b.setup.Store(b.peopled(after))
		}
		return err
	})
	if err != nil {
		b.setup.Store(before)
	}
	return err
}

// reviewAtStart goes by the configuration of this start.
func (b *Bridge) reviewAtStart(ctx context.Context) {
	err := b.patiently(ctx, "note whose the configured names are", func() error {
		b.taking.Lock()
		defer b.taking.Unlock()
		return b.adopt(ctx)
	})
	ended, failed := b.review(ctx)
	err = errors.Join(err, failed)
	switch {
	case err != nil && ctx.Err() == nil:
		b.log.Error("look through what the configuration allows", "err", err)
	case ended != Reviewed{}:
		b.log.Info("the configuration does not allow what was open or given", "requests", ended.Requests, "grants", ended.Grants, "shortened", ended.Shortened)
	}
}

// reviewBatch is how many requests or grants are looked at in one transaction,
// so that nobody who asks meanwhile waits long.
const reviewBatch = 128

// review looks through what is open and what was given, and ends what the
// setup does not allow. Nothing of that can be used meanwhile: whatever hands
// something out asks the same questions. It is durable batch by batch, and
// what it does not come to is for the next start.
func (b *Bridge) review(ctx context.Context) (Reviewed, error) {
	b.taking.Lock()
	defer b.taking.Unlock()
	var all Reviewed
	ids, err := b.unfinished(ctx)
	if err != nil {
		return all, err
	}
	for batch := range slices.Chunk(ids, reviewBatch) {
		err = errors.Join(err, b.patiently(ctx, "look through requests", func() error { return b.reviewRequests(ctx, batch, &all) }))
	}
	for last, more := GrantID(""), true; more && ctx.Err() == nil; {
		err = errors.Join(err, b.patiently(ctx, "look through grants", func() (err error) {
			last, more, err = b.reviewGrants(ctx, last, &all)
			return err
		}))
	}
	return all, errors.Join(err, ctx.Err())
}

// patiently makes a step of a review, again after every fault of the store.
func (b *Bridge) patiently(ctx context.Context, what string, step func() error) error {
	for tries := 0; ; tries++ {
		err := step()
		switch {
		case err == nil || !errors.Is(err, ErrStoreUnavailable):
			return err
		case tries == 0: // a full disk is not to be filled with its own complaint
			b.log.Error(what+": trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(storeRetry):
		}
	}
}

// unfinished lists the requests that are open or wait to be collected.
func (b *Bridge) unfinished(ctx context.Context) (ids []RequestID, err error) {
	err = b.patiently(ctx, "list what is open", func() error {
		return b.store.View(ctx, func(tx ReadTx) error {
			ids = nil
			return readable(b, tx.Pending(), func(d Due) {
				if d.State.Open() || d.State == Granted {
					ids = append(ids, d.ID)
				}
			})
		})
	})
	return ids, err
}

// reviewRequests ends those of the requests that are no longer allowed. Few
// are: it writes only for them.
func (b *Bridge) reviewRequests(ctx context.Context, ids []RequestID, all *Reviewed) error {
	var wrong []RequestID
	err := b.store.View(ctx, func(tx ReadTx) error {
		wrong = nil
		for _, id := range ids {
			if r, err := tx.Request(id); err == nil && b.setup.Load().upon(r).Kind != "" {
				wrong = append(wrong, id)
			}
		}
		return nil
	})
	if err != nil || len(wrong) == 0 {
		return err
	}
	var changed []change
	err = b.store.Update(ctx, func(tx Tx) error {
		changed, err = b.overtake(tx, wrong)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range changed {
		if b.follow(c.before, c.after); c.after.State.Ended() {
			all.Requests++
		}
	}
	return nil
}

// overtake does to requests what a new setup does to them.
func (b *Bridge) overtake(tx Tx, ids []RequestID) (changed []change, err error) {
	for _, id := range ids {
		r, err := tx.Request(id)
		if err != nil {
			continue
		}
		after, taken, err := b.foldIn(tx, r, step{decide: always(b.setup.Load().upon(r))})
		switch {
		case errors.Is(err, ErrStoreUnavailable):
			return nil, err
		case err != nil: // it must not keep the others from ending
			b.log.Error("end what is no longer allowed", "request", id, "err", err)
		case taken:
			changed = append(changed, change{r, after})
		}
	}
	return changed, nil
}

// reviewGrants looks at the next grants after an id. It returns where the ones
// after them begin, and whether there are any.
func (b *Bridge) reviewGrants(ctx context.Context, last GrantID, all *Reviewed) (GrantID, bool, error) {
	next, wrong, more, err := b.wrongGrants(ctx, last)
	if err != nil || len(wrong) == 0 {
		return next, more, err
	}
	ended, shorter := 0, []Grant(nil)
	err = b.store.Update(ctx, func(tx Tx) error {
		ended, shorter = 0, nil
		for _, id := range wrong {
			g, err := tx.Grant(id)
			if err != nil || g.State.Over() {
				continue
			}
			now, allowed := b.setup.Load().narrowed(g)
			switch {
			case !allowed:
				err = b.revokeForbidden(tx, g)
				ended++
			case !now.EndsAt.Equal(g.EndsAt) || !now.ReuseUntil.Equal(g.ReuseUntil):
				tx.PutGrant(now)
				err = raiseCard(tx, g.Request)
				shorter = append(shorter, now)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return last, true, err
	}
	for _, g := range shorter {
		b.toldAnew(g)
	}
	all.Grants += ended
	all.Shortened += len(shorter)
	return next, more, nil
}

// revokeForbidden revokes a grant. What cannot be ended must not keep the others from
// ending, and is not served either.
func (b *Bridge) revokeForbidden(tx Tx, g Grant) error {
	err := endGrant(tx, g, GrantRevoked, Actor{Kind: ByBridge}, time.Now())
	if err == nil || errors.Is(err, ErrStoreUnavailable) {
		return err
	}
	b.log.Error("revoke what is no longer allowed", "grant", g.ID, "err", err)
	return nil
}

// wrongGrants reads some grants after an id, and picks those that the setup
// does not allow, or not for so long.
func (b *Bridge) wrongGrants(ctx context.Context, last GrantID) (next GrantID, wrong []GrantID, more bool, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		next, wrong, more = last, nil, false
		read := 0
		for g, err := range tx.CurrentGrantsAfter(last) {
			switch {
			case errors.Is(err, ErrUnreadable):
				continue // the start has told the operator
			case err != nil:
				return err
			case read == reviewBatch:
				more = true
				return nil
			}
			read, next = read+1, g.ID
			if now, allowed := b.setup.Load().narrowed(g); !allowed || !now.EndsAt.Equal(g.EndsAt) || !now.ReuseUntil.Equal(g.ReuseUntil) {
				wrong = append(wrong, g.ID)
			}
		}
		return nil
	})
	return next, wrong, more, err
}
