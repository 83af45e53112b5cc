package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// TakeUp deals with what is different from when the bridge last ran, before
// anybody may call: names that somebody else bears now, and a store that was
// put back from an earlier moment. Run does the same; who lets agents in before
// Run calls it first. It may be called again.
func (b *Bridge) TakeUp(ctx context.Context) error {
	if err := b.adoptSomehow(ctx); err != nil {
		return fmt.Errorf("take over the configuration: %w", err)
	}
	if err := b.takeUpRestored(ctx); err != nil {
		return err
	}
	b.replacing.Lock()
	defer b.replacing.Unlock()
	after := *b.setup.Load()
	b.setup.Store(b.peopled(&after)) // ties of before the store was put back do not count
	return nil
}

// takeUpRestored deals with a store that was put back: refresh tokens that the
// provider has replaced meanwhile must not be presented again.
func (b *Bridge) takeUpRestored(ctx context.Context) error {
	var found Restore
	var lost int
	err := b.store.Update(ctx, func(tx Tx) (err error) {
		if found, err = tx.Restored(); err != nil {
			return err
		}
		lost, err = b.afterRestore(tx, found, time.Now().UTC().Round(0))
		return err
	})
	none := errors.Is(err, ErrNotFound)
	if err == nil || none {
		err = b.learnPutBack(ctx)
	}
	if err != nil {
		return fmt.Errorf("deal with a store that was put back: %w", err)
	}
	if none {
		return nil
	}
	b.log.Warn("the store was put back from an earlier moment: what happened since then is not known; look for grants that were revoked and agents that were suspended meanwhile",
		"why", found.Why, "taken", found.Taken, "grants that need their human again", lost)
	return nil
}

// afterRestore has every grant need its human again whose refresh token may
// have been replaced since, and settles the matter in the same transaction. It
// returns how many those are.
func (b *Bridge) afterRestore(tx Tx, found Restore, now time.Time) (lost int, err error) {
	by := Actor{Kind: ByBridge}
	asked := map[string]int{} // by human: what this transaction writes it does not read
	for g, err := range tx.CurrentGrants() {
		switch {
		case errors.Is(err, ErrUnreadable): // the start tells the operator
			continue
		case err != nil:
			return 0, err
		case g.State != GrantLive || !g.mayHaveRotated():
			continue
		}
		if _, known := asked[g.Human]; !known {
			if asked[g.Human], err = renewalsOf(tx, g.Human); err != nil {
				return 0, err
			}
		}
		renewal, err := b.needReauth(tx, g, asked[g.Human], by, now)
		if err != nil {
			return 0, err
		}
		if renewal.ID != "" {
			asked[g.Human]++
		}
		lost++
	}
	line := between("", "", AuditRestored, by, now)
	line.Detail = found.words()
	tx.Audit(line)
	tx.PutNote(restoreRoom, restoreKey, []byte(found.Noticed.UTC().Format(time.RFC3339Nano)), time.Time{})
	tx.SettleRestore()
	return lost, nil
}

// Where it is noted when the store was last seen to have been put back.
const (
	restoreRoom = "restore"
	restoreKey  = "noticed"
)

// learnPutBack reads that note, since it is a part of every [Bridge.Bearer]:
// who was signed out after the copy was made is not to be signed in again.
func (b *Bridge) learnPutBack(ctx context.Context) error {
	return b.store.View(ctx, func(tx ReadTx) error {
		at, err := tx.Note(restoreRoom, restoreKey, time.Now())
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err == nil {
			text := string(at)
			b.putBack.Store(&text)
		}
		return err
	})
}

// mayHaveRotated reports whether another refresh token may have taken the
// place of the one that is known. Only a provider that was seen to leave it in
// place at a refresh is known not to do that.
func (g Grant) mayHaveRotated() bool {
	refreshed := g.AccessIssuedAt.After(g.CreatedAt)
	return g.Refreshable && (g.Rotates || !refreshed)
}

func (r Restore) words() string {
	if r.Taken.IsZero() {
		return r.Why
	}
	return r.Why + ", taken at " + r.Taken.UTC().Format(time.RFC3339)
}
