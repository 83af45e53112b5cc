package bridge

import (
	"context"
	"errors"
	"iter"
)

// What the operator can do with everybody's requests and grants. Who calls has
// been made sure of by the admin socket; by says which user it was.

// OpenRequests returns up to limit requests that are open, oldest first, after
// one ("" = from the first). next is what the following page comes after, ""
// when this was the last.
func (b *Bridge) OpenRequests(ctx context.Context, after RequestID, limit int) (page []Request, next RequestID, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		page, next = nil, ""
		for d, err := range tx.Pending() {
			if errors.Is(err, ErrUnreadable) {
				continue
			}
			if err != nil {
				return err
			}
			if d.ID <= after || !d.State.Open() {
				continue
			}
			if len(page) == limit {
				next = page[limit-1].ID
				return nil
			}
			r, err := tx.Request(d.ID)
			if errors.Is(err, ErrUnreadable) || errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			page = append(page, r)
		}
		return nil
	})
	return page, next, err
}

// CurrentGrants returns up to limit grants that are not over, oldest first,
// after one ("" = from the first). next is as for OpenRequests.
func (b *Bridge) CurrentGrants(ctx context.Context, after GrantID, limit int) (page []Grant, next GrantID, err error) {
	err = b.store.View(ctx, func(tx ReadTx) (err error) {
		var more bool
		past := func(g Grant) bool { return g.ID > after }
		if page, more, err = upTo(tx.CurrentGrants(), limit, past); err == nil && more {
			next = page[limit-1].ID
		}
		return err
	})
	return page, next, err
}

// Suspensions returns up to limit of the suspensions of agents, without the
// first so many, in an order that stays. more says that there are others.
func (b *Bridge) Suspensions(ctx context.Context, without, limit int) (page []Suspension, more bool, err error) {
	err = b.store.View(ctx, func(tx ReadTx) (err error) {
		seen := 0
		past := func(Suspension) bool { seen++; return seen > without }
		page, more, err = upTo(tx.Suspensions(), limit, past)
		return err
	})
	return page, more, err
}

// upTo reads up to limit of a sequence that are wanted, and reports whether
// there are more.
func upTo[T any](all iter.Seq2[T, error], limit int, wanted func(T) bool) (page []T, more bool, err error) {
	for v, err := range all {
		switch {
		case errors.Is(err, ErrUnreadable):
		case err != nil:
			return nil, false, err
		case !wanted(v):
		case len(page) == limit:
			return page, true, nil
		default:
			page = append(page, v)
		}
	}
	return page, false, nil
}

// Taken is what the operator's hand has come down on, as it is then: a grant
// or a request, or both.
type Taken struct {
	Request *Request
	Grant   *Grant
	Changed bool // else it was over already
}

// TakeGrant revokes anybody's grant. One that is over stays as it ended; one
// that never was is ErrNotFound.
func (b *Bridge) TakeGrant(ctx context.Context, by Actor, id GrantID) (Taken, error) {
	g, taken, err := b.take(ctx, by, func(tx ReadTx) (Grant, error) { return tx.Grant(id) })
	return Taken{Grant: &g, Changed: taken}, err
}

// TakeRequest ends anybody's request: one that is open, or whose token nobody
// has collected, as cancelled by a change of policy. What it has led to is
// revoked, if it is not over. A request that never was is ErrNotFound.
func (b *Bridge) TakeRequest(ctx context.Context, by Actor, id RequestID) (Taken, error) {
	e := Event{Kind: OnPolicyChanged, By: by, Cause: "the operator ended it"}
	r, ended, err := b.fold(ctx, id, step{decide: func(tx ReadTx, r Request) (Event, error) {
		if r.Grant != "" { // it ends with its grant
			return Event{}, nil
		}
		return e, nil
	}})
	if err != nil || r.Grant == "" {
		return Taken{Request: &r, Changed: ended}, err
	}
	done, err := b.TakeGrant(ctx, by, r.Grant)
	if errors.Is(err, ErrNotFound) {
		done, err = Taken{}, nil
	}
	if err != nil {
		return Taken{}, err
	}
	r, err = b.read(ctx, id)
	done.Request = &r
	return done, err
}

// Lift ends the suspension of an agent for a human, in their stead. It reports
// whether there was one. Names that nothing is known of are ErrNotFound.
func (b *Bridge) Lift(ctx context.Context, by Actor, agent, human string) (bool, error) {
	lifted, err := b.lift(ctx, by, agent, human)
	if err != nil || lifted {
		return lifted, err
	}
	_, isAgent := b.dir().Agents[agent]
	_, isHuman := b.dir().Humans[human]
	if !isAgent || !isHuman {
		return false, ErrNotFound
	}
	return false, nil
}
