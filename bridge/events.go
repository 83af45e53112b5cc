package bridge

import (
	"context"
	"errors"
)

// Cursor names a place in the changes of one agent. It means nothing to
// anybody else, and nothing any more after a restart.
type Cursor string

// Changes are what changed for an agent after a cursor.
type Changes struct {
	// Missed means that this is not known, because the cursor is too old, of
	// another life of the bridge, or none at all: there is only Next, and who
	// has it reads anew how everything stands, and then goes on from there.
	Missed bool

	All  []Change // oldest first
	Next Cursor   // the place after all of them
}

// Change is a request or a grant that has changed, as it stands: one of the
// two is set.
type Change struct {
	Request *Request
	Grant   *Grant
	Cursor  Cursor // the place after it
}

// changesAtOnce is how many changes are read in one look at the store.
const changesAtOnce = 64

// Changes returns what has changed of an agent's requests and grants after a
// cursor: at once, if something has or the cursor is not known, else as soon
// as something does, or nothing when ctx ends; that is no error.
//
// Several changes of the same request come as one, the last. Who goes on with
// Next, or with the Cursor of a change, sees everything at least once as it
// is in the end, and no version of a request after a later one.
func (b *Bridge) Changes(ctx context.Context, agent string, after Cursor) (Changes, error) {
	changed, stop := b.changes.watch(topicBy(agent))
	defer stop()
	for {
		found := b.feeds.after(agent, after, changesAtOnce)
		if found.missed || len(found.ids) > 0 {
			return b.look(context.WithoutCancel(ctx), agent, found)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Changes{Next: after}, nil
		}
	}
}

// look reads what has changed, all of it at one moment.
func (b *Bridge) look(ctx context.Context, agent string, found news) (Changes, error) {
	changes := Changes{Missed: found.missed, Next: found.next}
	if len(found.ids) == 0 {
		return changes, nil
	}
	err := b.store.View(ctx, func(tx ReadTx) error {
		for _, at := range found.ids {
			c, err := b.lookAt(tx, agent, at)
			if err != nil {
				return err
			}
			if c.Request != nil || c.Grant != nil {
				changes.All = append(changes.All, c)
			}
		}
		return nil
	})
	if err != nil {
		return Changes{}, err
	}
	return changes, nil
}

// lookAt reads one thing. What is forgotten by now, or cannot be read any
// more, is passed by: it must not hold up the others.
func (b *Bridge) lookAt(tx ReadTx, agent string, at changedAt) (Change, error) {
	c := Change{Cursor: at.cursor}
	var err error
	if isGrant(at.id) {
		var g Grant
		if g, err = tx.Grant(GrantID(at.id)); err == nil && b.isOf(agent, g.Key.Agent, g.Epoch) {
			c.Grant = &g
		}
	} else {
		var r Request
		if r, err = tx.Request(RequestID(at.id)); err == nil && b.isOf(agent, r.Agent, r.Epoch) {
			c.Request = &r
		}
	}
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnreadable) {
		err = nil
	}
	return c, err
}
