package bridge

import (
	"context"
	"errors"
	"slices"
	"time"
)

// A grant that its provider honours no more, as far as anybody knows, answers
// nothing until its human has renewed it. The bridge asks them by itself, once:
// by a renewal, which is a request that nobody waits for.

// loseGrant makes a grant need its human again.
func (b *Bridge) loseGrant(ctx context.Context, g Grant, why error) next {
	key := pack(g.ID)
	var renewal Request
	err := b.insist(ctx, "store that a grant needs its human again", g.Request, func(ctx context.Context) error {
		return b.store.Update(ctx, func(tx Tx) error {
			renewal = Request{}
			now, err := tx.Grant(g.ID)
			if err != nil || now.State != GrantLive {
				return err
			}
			asked, err := renewalsOf(tx, now.Human)
			if err != nil {
				return err
			}
			renewal, err = b.needReauth(tx, now, asked, now.byProvider(), time.Now().UTC().Round(0))
			return err
		})
	})
	b.log.Warn("a grant needs its human again", "grant", g.ID, "provider", g.target().named(), "why", why, "err", err)
	if renewal.ID != "" && err == nil {
		b.follow(Request{}, renewal)
	}
	b.flights.forget(key)
	b.flights.land(key, err)
	if err != nil {
		return next{at: time.Now().Add(refreshAgain), well: true}
	}
	return next{well: true}
}

// needReauth stores that a live grant needs its human again, and asks them for
// that unless there is a reason not to: then the renewal is empty. They are
// asked for so many already. The tokens stay until the grant is over, to be
// revoked then. Who calls it while the bridge runs follows the renewal when it
// is committed.
func (b *Bridge) needReauth(tx Tx, g Grant, asked int, by Actor, now time.Time) (renewal Request, err error) {
	g.State = GrantNeedsReauth
	may, wanted, err := b.renewable(tx, g, now)
	wanted = wanted && asked < b.dir().Limits.MaxOpenPerHuman
	if err != nil {
		return Request{}, err
	}
	if wanted {
		renewal = b.renewalOf(g, may, now)
		g.Renewal = renewal.ID
	}
	tx.PutGrant(g)
	tx.Audit(g.audited(AuditNeedsReauth, by, now))
	if wanted {
		renewal = begin(tx, renewal, permit{}, now)
	}
	return renewal, raiseCard(tx, g.Request)
}

// renewalsOf counts the renewals that are open for a human. A provider that
// loses all grants at once is no reason to put a hundred cards before somebody:
// no more than the open requests that they may have, and the agents ask for the
// rest when they need it.
func renewalsOf(tx ReadTx, human string) (n int, err error) {
	open, err := openFor(tx, human)
	for _, r := range open {
		if r.Renews != "" {
			n++
		}
	}
	return n, err
}

// renewable reports whether a human is to be asked to renew a grant. Nobody
// misses one that was never handed out, or does not answer any more. What was
// given through a team is asked of the team again, by the agent; and digits
// that only the agent could show need an agent that asks.
func (b *Bridge) renewable(tx ReadTx, g Grant, now time.Time) (permit, bool, error) {
	may, allowed := b.setup.Load().permits(g)
	if allowed {
		asked := slices.DeleteFunc(slices.Clone(g.Scopes), func(s string) bool { return slices.Contains(may.provider.Scopes, s) })
		may.scopes, allowed = may.rule.allows(want{target: g.target(), scopes: asked, details: g.Key.Details}, g.whom())
	}
	if !allowed || may.rule.Digits || g.Key.Team != "" || g.LastUsedAt.IsZero() || !now.Before(g.ReuseUntil) {
		return may, false, nil
	}
	since, err := tx.Suspended(g.Key.Agent, g.Human)
	return may, err == nil && since.IsZero(), err
}

// renewalOf is the request that renews a grant: for the same, and while there
// is something to renew. It has no check phrase, since no agent shows one.
func (b *Bridge) renewalOf(g Grant, may permit, now time.Time) Request {
	until := now.Add(b.dir().Limits.TTL)
	if g.EndsAt.Before(until) {
		until = g.EndsAt
	}
	return Request{
		ID: NewRequestID(now), Epoch: g.Epoch, Agent: g.Key.Agent, Session: g.Key.Session, Human: g.Human,
		Target: g.target(), Scopes: may.scopes, Details: g.Key.Details, Renews: g.ID, Reuse: may.reuse(),
		CreatedAt: now, ExpiresAt: until, Surfaces: b.surfaces(b.dir().Humans[g.Human], now),
	}
}

// withdraw ends the renewal of a grant that is over.
func withdraw(tx Tx, g Grant, by Actor, now time.Time) error {
	r, err := tx.Request(g.Renewal)
	if g.Renewal == "" || errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnreadable) {
		return nil
	}
	e := Event{Kind: OnNoRenewal, By: by}
	after, taken := r.Apply(e, now)
	if err != nil || !taken {
		return err
	}
	if err := clear(tx, r, after, e, now); err != nil {
		return err
	}
	tx.PutRequest(after, entry(r, after, e))
	return nil
}

// followGrant plans what a grant needs next that was just stored: whoever
// stored it need not. What is stored before the start looks, the start plans.
func (b *Bridge) followGrant(g Grant) {
	if !b.looked.Load() {
		return
	}
	now := time.Now()
	switch {
	case g.State.Over():
		b.flights.forget(pack(g.ID))
		b.over(g)
		if g.Renewal != "" {
			b.changes.wake(topicOf(g.Renewal))
			b.clock.at("", ofRequest(g.Renewal), now)
		}
	case g.State == GrantNeedsReauth:
		b.clock.at("", ofGrant(g.ID), g.EndsAt)
		b.toldAnew(g)
	default:
		b.clock.at("", ofGrant(g.ID), g.EndsAt)
		if at := g.refreshAt(now); !at.IsZero() && g.Refreshing == 0 {
			b.refreshes.ensure(g.Issuer, pack(g.ID), fromNow(at, now))
		}
	}
}
