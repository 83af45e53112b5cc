package bridge

import (
	"context"
	"errors"
	"time"
)

// endGrant ends a grant that is not over, and says by whom; its tokens go to
// the revocation queue in the same transaction, so that a crash cannot leave
// them alive and forgotten. After the commit, [Bridge.followGrant] plans the rest.
// A renewal of the grant is withdrawn. What a caller puts of the request that
// made the grant, it puts later: its card changes here.
func endGrant(tx Tx, g Grant, as GrantState, by Actor, now time.Time) error {
	tokens, err := tx.Secret(GrantSecret(g.ID))
	lost := errors.Is(err, ErrUnreadable) // it must be able to end all the same
	if err != nil && !lost {
		return err
	}
	g.State, g.EndedAt, g.EndedBy, g.Revocation = as, now.UTC().Round(0), by.Kind, RevocationPending
	tx.Audit(g.audited(AuditGrantOver, by, now))
	if lost {
		g.Revocation = RevocationUnsupported
	} else {
		v := revoking(string(g.ID), g.target(), now)
		v.Grant, v.Human, v.By = g.ID, g.Human, by.Kind
		revokeLater(tx, v, tokens)
	}
	tx.PutGrant(g)
	tx.DeleteSecret(GrantSecret(g.ID))
	return errors.Join(raiseCard(tx, g.Request), withdraw(tx, g, by, now))
}

// raiseCard has the card of a request brought up to date: what it says of the
// grant that the request led to is new.
func raiseCard(tx Tx, id RequestID) error {
	r, err := tx.Request(id)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnreadable) {
		return nil
	}
	if err == nil {
		tx.PutRequest(r.raised(), nil)
	}
	return err
}

// raised is a request whose card says something new of what it led to.
func (r Request) raised() Request {
	r.Card++
	r.CardAt = stored(time.Now())
	return r
}

// over plans what the end of a grant leaves to do, once it is committed. It
// may come twice.
func (b *Bridge) over(g Grant) {
	b.revocations.at(b.lane(g.target().lane()), string(g.ID), time.Now())
	b.toldAnew(g)
}

// toldAnew has those look who are shown a grant.
func (b *Bridge) toldAnew(g Grant) {
	b.changes.wake(append(b.audience(g.whom()), topicFor(g.Human))...)
	if g.Request != "" {
		b.outbox.at("", allDeliveries(g.Request), time.Now())
	}
}

// revoking is an entry of the revocation queue for tokens of an issuer.
func revoking(id string, from Target, since time.Time) Revoking {
	return Revoking{ID: id, Provider: from.Provider, Issuer: from.Issuer, ClientID: from.ClientID, Since: since}
}

// target is where the tokens came from.
func (v Revoking) target() Target {
	return Target{Provider: v.Provider, Issuer: v.Issuer, ClientID: v.ClientID}
}

// revokeLater puts tokens into the revocation queue.
func revokeLater(tx Tx, v Revoking, tokens Secret) {
	v.Since = v.Since.UTC().Round(0)
	tx.PutRevocation(v)
	tx.PutSecret(RevocationSecret(v.ID), tokens)
}

// strikeGrant ends a grant whose time is over.
func (b *Bridge) strikeGrant(ctx context.Context, id GrantID) time.Time {
	var again time.Time
	var g Grant
	err := b.store.Update(ctx, func(tx Tx) (err error) {
		again = time.Time{}
		if g, err = tx.Grant(id); err != nil || g.State.Over() {
			return err
		}
		now := time.Now()
		if now.Before(g.EndsAt) {
			again = g.EndsAt
			return nil
		}
		return endGrant(tx, g, GrantEnded, Actor{Kind: ByClock}, now)
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		b.log.Error("end a grant", "grant", id, "err", err)
		return time.Now().Add(storeRetry)
	}
	if again.IsZero() && err == nil { // also when it had ended already: nobody may have planned this
		b.over(g)
	}
	return again
}

// How long to wait between two tries to revoke.
const (
	revokeFirst      = 2 * time.Second
	revokeMost       = time.Hour
	revokeAfterFault = time.Minute // of the store

	// revokeFor is how long it is tried at all: a provider that refuses for a
	// week, or is no longer configured, will not change its mind, and most
	// tokens are over by themselves.
	revokeFor = 7 * 24 * time.Hour

	// refusedFor is how long one is asked that has understood and says no: our
	// client may be set right there meanwhile.
	refusedFor = 24 * time.Hour
)

// revoke tells the provider that tokens are over, until it says yes or is
// known to be unable.
func (b *Bridge) revoke(ctx context.Context, id string) time.Time {
	v, tokens, err := b.toRevoke(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return time.Time{}
	}
	if errors.Is(err, ErrUnreadable) && v.ID != "" {
		b.log.Error("tokens that were to be revoked cannot be read any more", "id", id, "provider", v.target().named(), "err", err)
		return b.settled(b.revoked(ctx, v, AuditRevocationGivenUp), id)
	}
	if err != nil {
		b.log.Error("read the tokens to be revoked", "id", id, "err", err)
		return time.Now().Add(revokeAfterFault)
	}
	if time.Now().Before(v.NotUntil) {
		return v.NotUntil
	}
	switch also, err := b.alsoHeld(ctx, v, tokens); {
	case err != nil:
		b.log.Error("look who else holds tokens to be revoked", "id", id, "err", err)
		return time.Now().Add(revokeAfterFault)
	case also:
		return b.settled(b.revoked(ctx, v, AuditRevocationLeft), id)
	}
	err = b.revokeAt(ctx, v, tokens)
	switch {
	case err == nil:
		return b.settled(b.revoked(ctx, v, AuditRevocationDone), id)
	case errors.Is(err, ErrCannotRevoke):
		return b.settled(b.revoked(ctx, v, AuditRevocationUnsupported), id)
	case time.Since(v.Since) > patienceWith(err):
		b.log.Error("gave up revoking tokens: end them at the provider", "id", id, "provider", v.target().named(), "err", err)
		return b.settled(b.revoked(ctx, v, AuditRevocationGivenUp), id)
	}
	return b.revokeAgain(ctx, v, err)
}

// patienceWith is how long a provider that answers so is tried.
func patienceWith(err error) time.Duration {
	if _, no := errors.AsType[*Refusal](err); no {
		return refusedFor
	}
	return revokeFor
}

// settled decides when to try again if an end could not be noted: each try
// calls the provider once more.
func (b *Bridge) settled(err error, id string) time.Time {
	if err == nil {
		return time.Time{}
	}
	b.log.Error("note a revocation", "id", id, "err", err)
	return time.Now().Add(revokeAfterFault)
}

func (b *Bridge) toRevoke(ctx context.Context, id string) (v Revoking, tokens Tokens, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		if v, err = tx.Revoking(id); err != nil {
			return err
		}
		sealed, err := tx.Secret(RevocationSecret(id))
		if err != nil {
			return err
		}
		tokens, _, err = unpackTokens(sealed)
		return err
	})
	return v, tokens, err
}

// errUnconfigured keeps tokens in the queue whose provider is no longer in
// the configuration: it may come back.
var errUnconfigured = errors.New("the provider is not in the configuration any more")

func (b *Bridge) revokeAt(ctx context.Context, v Revoking, tokens Tokens) error {
	p, ok := b.revoker(v.Issuer, v.ClientID)
	if !ok {
		return errUnconfigured
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	wanted := v.By == ByHuman || v.By == ByOperator
	return p.Revoke(ctx, tokens, RevokeRequest{Wider: wanted})
}

// revoked takes the tokens out of the queue and forgets them; event is how
// that went, as the audit log says it.
func (b *Bridge) revoked(ctx context.Context, v Revoking, event Kind) error {
	how, ended := map[Kind]Revocation{AuditRevocationDone: RevocationDone, AuditRevocationLeft: RevocationNone}[event]
	if !ended {
		how = RevocationUnsupported
	}
	var g Grant
	err := b.store.Update(context.WithoutCancel(ctx), func(tx Tx) (err error) {
		tx.DeleteRevocation(v.ID)
		tx.DeleteSecret(RevocationSecret(v.ID))
		line := v.audited(event, time.Now())
		line.Outcome = string(how)
		if v.Grant == "" {
			tx.Audit(line)
			return nil
		}
		if g, err = tx.Grant(v.Grant); err != nil {
			return err
		}
		g.Revocation = how
		tx.PutGrant(g)
		line.Request, line.Agent, line.Session, line.Human, line.Team = g.Request, g.Key.Agent, g.Key.Session, g.Human, g.Key.Team
		tx.Audit(line)
		return raiseCard(tx, g.Request)
	})
	if g.ID != "" { // after a fault, too: it may have been kept
		b.toldAnew(g)
	}
	return err
}

// revokeAgain puts the next try off: twice as long each time, or as long as
// the provider says.
func (b *Bridge) revokeAgain(ctx context.Context, v Revoking, cause error) time.Time {
	wait := min(revokeFirst<<min(v.Attempts, 16), revokeMost)
	var busy *Unavailable
	if errors.As(cause, &busy) && busy.RetryAfter > wait {
		wait = min(busy.RetryAfter, 24*time.Hour)
	}
	if _, no := errors.AsType[*Refusal](cause); no {
		wait = revokeMost
	}
	v.Attempts++
	v.NotUntil = time.Now().Add(wait).UTC().Round(0)
	b.log.Warn("revoke tokens", "id", v.ID, "provider", v.target().named(), "attempt", v.Attempts, "again", v.NotUntil, "err", cause)
	err := b.store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		if _, err := tx.Revoking(v.ID); err != nil {
			return err
		}
		tx.PutRevocation(v)
		return nil
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		b.log.Error("note a failed revocation", "id", v.ID, "err", err)
		return latest(v.NotUntil, time.Now().Add(revokeAfterFault))
	}
	return v.NotUntil
}
