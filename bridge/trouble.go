package bridge

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// watchedStore knows whether the store has just refused a change. Nothing is
// fetched then that could not be kept: a token, above all.
type watchedStore struct {
	Store
	refusedAt atomic.Int64 // in nanoseconds since 1970; 0 = never
}

// Update implements [Store]. What fn could not read says nothing of what the
// store would take.
func (s *watchedStore) Update(ctx context.Context, fn func(Tx) error) error {
	var wanted error
	err := s.Store.Update(ctx, func(tx Tx) error {
		wanted = fn(tx)
		return wanted
	})
	if wanted == nil && errors.Is(err, ErrStoreUnavailable) {
		s.refusedAt.Store(time.Now().UnixNano())
	}
	return err
}

// refusing reports whether a change was refused within the last moments.
// Whoever holds something that must be kept goes on trying, so this lasts as
// long as the trouble does, and a moment more.
func (s *watchedStore) refusing() bool {
	at := s.refusedAt.Load()
	return at != 0 && time.Since(time.Unix(0, at)).Abs() < storeRetry
}

// whenKept is work that is put off while the store refuses what comes of it. A
// few tries find out when it takes changes again; all would only fill the log.
func whenKept[K comparable](b *Bridge, do func(context.Context, K) next) func(context.Context, K) next {
	return func(ctx context.Context, key K) next {
		if b.store.refusing() {
			return next{at: time.Now().Add(jittered(storeRetry))}
		}
		return do(ctx, key)
	}
}

// keepFor is how long what came from outside is held in memory while the store
// cannot take it.
const keepFor = 10 * time.Minute

// insist makes a change that must not be lost, and so tries again while the
// store is unavailable and ctx lasts, for keepFor at most. The change itself
// is not given up half-way.
func (b *Bridge) insist(ctx context.Context, what string, id RequestID, change func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, keepFor)
	defer cancel()
	for tries := 0; ; tries++ {
		err := change(context.WithoutCancel(ctx))
		switch {
		case !errors.Is(err, ErrStoreUnavailable):
			if tries > 0 {
				b.log.Info(what+": done after all", "request", id, "tries", tries+1, "err", err)
			}
			return err
		case tries == 0:
			b.log.Error(what+": trying again", "request", id, "err", err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(storeRetry / 4):
		}
	}
}
