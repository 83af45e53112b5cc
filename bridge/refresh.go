package bridge

import (
	"context"
	"errors"
	"time"
)

// Grants are refreshed by one loop: ahead of time, so that hardly anybody ever
// waits, and at once for an agent that needs a token which lives longer. A
// grant is one key of that loop, so it is never refreshed twice at once,
// however many wait for it. That a refresh was begun is stored before it is
// sent, and what came of it before anybody gets it.

const (
	// A token is replaced at a time between these shares of its life, which
	// differs from grant to grant.
	refreshFrom, refreshTo = 0.75, 0.90
	// idleRefresh is how often a grant is refreshed at most that nobody uses.
	idleRefresh = time.Hour
	// refreshAgain is how long after a refresh whose end is not known the same
	// is tried once more.
	refreshAgain = 2 * time.Second
	// refreshSpread is the time over which those are spread that are overdue
	// at a start.
	refreshSpread = time.Minute
	// longestLull is the most that a provider may ask to be left alone about
	// one grant.
	longestLull = time.Hour
)

// refreshAt is when a grant is to be refreshed though nobody waits for it, as
// seen at a time; zero = never. That it was not used for long is only looked
// at when its time has come.
func (g Grant) refreshAt(now time.Time) time.Time {
	lastsToTheEnd := g.AccessExpiresAt.IsZero() || !g.AccessExpiresAt.Add(defaultValidity).Before(g.ReuseUntil)
	switch {
	case g.State != GrantLive || !g.Refreshable:
		return time.Time{}
	case g.Refreshing > 0: // one was begun, and nobody knows how it ended
		return g.AccessIssuedAt
	case lastsToTheEnd:
		return time.Time{}
	}
	share := pack(g.ID).share()
	life := float64(g.AccessExpiresAt.Sub(g.AccessIssuedAt))
	at := g.AccessIssuedAt.Add(time.Duration((refreshFrom + (refreshTo-refreshFrom)*share) * life))
	if idle := g.LastUsedAt.Before(g.AccessIssuedAt); idle && !now.Before(at) {
		at = latest(at, g.AccessIssuedAt.Add(time.Duration((1+share/5)*float64(idleRefresh))))
	}
	if !at.Before(g.ReuseUntil) {
		return time.Time{}
	}
	return at
}

// fromNow is a time of the wall clock as one that goes by the clock of now:
// the loop of refreshes leaves ill issuers alone, and that must not last an
// hour because the clock was set back.
func fromNow(at, now time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return now.Add(at.Sub(now))
}

// seedRefresh plans the refresh of a grant at the start of the bridge.
func (b *Bridge) seedRefresh(g Grant, now time.Time) {
	at := g.refreshAt(now)
	if at.IsZero() {
		return
	}
	if key := pack(g.ID); g.Refreshing == 0 {
		at = latest(at, now.Add(time.Duration(key.share()*float64(refreshSpread))))
	}
	b.refreshes.seed(g.Issuer, pack(g.ID), fromNow(at, now))
}

// refreshing is a refresh that is to be made.
type refreshing struct {
	grant  Grant
	tokens Tokens
	now    bool // else there is no need for it
	lost   bool // the tokens cannot be read any more
}

// refresh is one turn of a grant: it is refreshed if its time has come or
// somebody waits for it.
func (b *Bridge) refresh(ctx context.Context, key packed) next {
	begun, due, err := b.beginRefresh(ctx, key)
	switch {
	case errors.Is(err, errNotRefreshed), errors.Is(err, ErrNotFound):
		b.flights.forget(key)
		b.flights.land(key, nil) // who waits sees how it stands
		return next{}
	case err != nil:
		b.flights.land(key, err)
		return next{at: b.later(err, "begin to refresh grant "+string(key.grant()), "")}
	case !begun.now:
		b.flights.landBefore(key, begun.grant.AccessIssuedAt)
		return next{at: fromNow(due, time.Now())}
	case begun.lost:
		return b.loseGrant(ctx, begun.grant, errForm)
	}
	fresh, err := b.callRefresh(ctx, begun)
	return b.heardRefresh(ctx, begun, fresh, err)
}

// beginRefresh stores that a refresh is being made, unless there is no need
// for it: then it says when there will be.
func (b *Bridge) beginRefresh(ctx context.Context, key packed) (begun refreshing, due time.Time, err error) {
	err = b.store.Update(ctx, func(tx Tx) error {
		begun, due = refreshing{}, time.Time{}
		g, err := tx.Grant(key.grant())
		if err != nil {
			return err
		}
		begun.grant = g
		now := time.Now()
		due = g.refreshAt(now)
		if begun.now, err = b.refreshNow(g, due, now); !begun.now {
			return err
		}
		sealed, err := tx.Secret(GrantSecret(g.ID))
		if err == nil {
			begun.tokens, _, err = unpackTokens(sealed)
		}
		if begun.lost = errors.Is(err, ErrUnreadable); err != nil && !begun.lost {
			return err
		}
		g.Refreshing++
		begun.grant = g
		tx.PutGrant(g)
		return nil
	})
	return begun, due, err
}

// refreshNow reports whether a grant is to be refreshed now. One that cannot
// be any more is [errNotRefreshed]: what the rules do not allow, above all.
func (b *Bridge) refreshNow(g Grant, due, now time.Time) (bool, error) {
	_, allowed := b.setup.Load().permits(g)
	_, configured := b.provider(g.target())
	if g.State != GrantLive || !g.Refreshable || !allowed || !configured {
		return false, errNotRefreshed
	}
	ahead := !due.IsZero() && !now.Before(due)
	return ahead || b.flights.want(pack(g.ID), g.AccessIssuedAt), nil
}

// errNotRefreshed means that a grant is not refreshed any more.
var errNotRefreshed = errors.New("the grant is not refreshed any more")

func (b *Bridge) callRefresh(ctx context.Context, r refreshing) (Tokens, error) {
	p, ok := b.provider(r.grant.target())
	if !ok {
		return Tokens{}, &Refusal{Outcome: OutcomeProviderError, Cause: errUnconfigured.Error(), Err: errUnconfigured}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return p.Refresh(ctx, r.tokens, RefreshRequest{Resource: r.grant.Key.Resource, Subject: r.grant.Subject})
}

// heardRefresh goes on from what a provider answered.
func (b *Bridge) heardRefresh(ctx context.Context, r refreshing, fresh Tokens, err error) next {
	_, refused := errors.AsType[*Refusal](err)
	busy, unavailable := errors.AsType[*Unavailable](err)
	switch {
	case err == nil, errors.Is(err, ErrOtherAccount):
		return b.keepRefreshed(ctx, r, fresh, err)
	case errors.Is(err, ErrGrantLost):
		return b.loseGrant(ctx, r.grant, err)
	case unavailable:
		return b.refreshLater(ctx, r, err, busy.RetryAfter)
	case refused: // our client, as a rule: then each grant would hear the same
		return b.refreshLater(ctx, r, err, 0)
	case ctx.Err() != nil: // the bridge ends; the next start tries again
		b.flights.land(pack(r.grant.ID), shuttingDown())
		return next{}
	case r.grant.Refreshing > 1:
		n := b.loseGrant(ctx, r.grant, err)
		n.ill, n.well = true, false
		return n
	}
	b.log.Warn("refresh a grant: nobody knows what came of it; it is tried once more", "grant", r.grant.ID, "provider", r.grant.target().named(), "err", err)
	return next{at: time.Now().Add(refreshAgain), ill: true}
}

// refreshLater leaves a grant as it is whose provider could not, or would not,
// refresh it just now. The refresh token was not used.
func (b *Bridge) refreshLater(ctx context.Context, r refreshing, cause error, asked time.Duration) next {
	key := pack(r.grant.ID)
	wait := b.flights.fault(key, min(asked, longestLull))
	b.log.Warn("refresh a grant", "grant", r.grant.ID, "provider", r.grant.target().named(), "again", wait, "err", cause)
	err := b.insist(ctx, "note that a grant was not refreshed", r.grant.Request, func(ctx context.Context) error {
		return b.store.Update(ctx, func(tx Tx) error {
			g, err := tx.Grant(r.grant.ID)
			if err != nil || g.State.Over() || g.Refreshing < r.grant.Refreshing {
				return err
			}
			g.Refreshing = r.grant.Refreshing - 1
			tx.PutGrant(g)
			return nil
		})
	})
	if err != nil {
		b.log.Error("note that a grant was not refreshed", "grant", r.grant.ID, "err", err)
	}
	b.flights.land(key, providerUnavailable(r.grant, wait))
	return next{at: time.Now().Add(wait), ill: true, wait: asked}
}

// keepRefreshed stores new tokens, and whatever follows from them, before
// anybody gets them.
func (b *Bridge) keepRefreshed(ctx context.Context, r refreshing, fresh Tokens, fault error) next {
	at := time.Now()
	var after Grant
	var end string
	err := b.insist(ctx, "store refreshed tokens", r.grant.Request, func(ctx context.Context) error {
		return b.store.Update(ctx, func(tx Tx) (err error) {
			after, end, err = b.refreshed(tx, r, fresh, errors.Is(fault, ErrOtherAccount), at)
			return err
		})
	})
	key := pack(r.grant.ID)
	if err != nil {
		if !shared(fresh.Refresh, r.tokens.Refresh) { // else nothing is lost with the access token
			b.giveBack(ctx, r.grant.Request, liveCode{Target: r.grant.target()}, fresh, err)
		}
		b.flights.land(key, err)
		return next{at: at.Add(refreshAgain), well: true}
	}
	if end != "" {
		b.log.Error("refreshed tokens are not used; they are being revoked", "grant", r.grant.ID, "provider", r.grant.target().named(), "why", end)
		b.revocations.at(b.lane(r.grant.target().lane()), lateRefresh(r.grant.ID), at)
	}
	b.flights.forget(key)
	b.flights.land(key, nil)
	return next{at: fromNow(after.refreshAt(at), at), well: true}
}

// refreshed puts new tokens in the place of the old ones. If the grant is over
// meanwhile, or they are not what may be used, they go to the revocation
// queue, and end says why.
func (b *Bridge) refreshed(tx Tx, r refreshing, fresh Tokens, other bool, at time.Time) (g Grant, end string, err error) {
	g, err = tx.Grant(r.grant.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return g, "", err
	}
	sealed := packTokens(fresh, at)
	if kept, err := tx.Secret(GrantSecret(r.grant.ID)); err == nil && g.State == GrantLive && kept.Equal(sealed) {
		return g, "", nil // by a commit that was reported lost
	}
	if end = b.unfit(g, fresh, other); end == "" {
		g = g.renewed(r.tokens, fresh, at)
		tx.PutGrant(g)
		tx.PutSecret(GrantSecret(g.ID), sealed)
		tx.Audit(g.audited(AuditGrantRefreshed, g.byProvider(), at))
		return g, "", nil
	}
	late := revoking(lateRefresh(r.grant.ID), r.grant.target(), at)
	late.Request, late.Human, late.By = r.grant.Request, r.grant.Human, ByBridge
	revokeLater(tx, late, sealed)
	if g.State != GrantLive {
		return g, end, nil
	}
	return g, end, endGrant(tx, g, GrantRevoked, g.byProvider(), at)
}

// unfit says why refreshed tokens may not be used; "" = they may.
func (b *Bridge) unfit(g Grant, fresh Tokens, other bool) string {
	may, allowed := b.setup.Load().permits(g)
	switch {
	case g.State != GrantLive:
		return "the grant was over when they came"
	case other:
		return ErrOtherAccount.Error()
	case !allowed:
		return "the operator's rules no longer allow the grant"
	case len(may.beyond(fresh.Scopes, fresh.Details)) > 0:
		return "they reach further than the agent may"
	}
	return ""
}

// renewed is the grant with new tokens. Their scopes and details are what it holds now.
func (g Grant) renewed(old, fresh Tokens, at time.Time) Grant {
	g.AccessIssuedAt, g.AccessExpiresAt, g.Scopes, g.Details = stored(at), fresh.ExpiresAt, fresh.Scopes, fresh.Details
	g.Refreshing = 0
	g.Rotates = g.Rotates || !shared(old.Refresh, fresh.Refresh)
	g.EndsAt = g.end()
	return g
}

func (g Grant) byProvider() Actor { return Actor{Kind: ByProvider, Name: g.target().named()} }

// target is where the tokens of a grant come from.
func (g Grant) target() Target {
	return Target{Provider: g.Key.Provider, Issuer: g.Issuer, ClientID: g.Key.ClientID, Resource: g.Key.Resource}
}

// lateRefresh names the revocation of refreshed tokens that are not used.
func lateRefresh(id GrantID) string { return string(id) + ".late" }
