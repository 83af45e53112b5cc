package bridge

import (
	"context"
	"errors"
	"time"
)

// endGrant ends a grant that is not over, and says by whom; its tokens go to the revocation queue in the
// same transaction, so that a crash cannot leave them alive and forgotten.
func endGrant(tx Tx, g Grant, as GrantState, by Actor, now time.Time) error {
	tokens, err := tx.Secret(GrantSecret(g.ID))
	g.State, g.EndedAt, g.Revocation = as, now.UTC().Round(0), RevocationPending
	tx.Audit(g.audited(AuditGrantOver, by, now))
	if errors.Is(err, ErrUnreadable) { // it must be able to end all the same
		g.Revocation = RevocationUnsupported
		tx.PutGrant(g)
		tx.DeleteSecret(GrantSecret(g.ID))
		return nil
	}
	if err != nil {
		return err
	}
	tx.PutGrant(g)
	tx.DeleteSecret(GrantSecret(g.ID))
	v := revoking(string(g.ID), Target{Provider: g.Key.Provider, Issuer: g.Issuer, ClientID: g.Key.ClientID}, now)
	v.Grant = g.ID
	revokeLater(tx, v, tokens)
	return nil
}

// revoking is an entry of the revocation queue for tokens of an issuer.
func revoking(id string, from Target, since time.Time) Revoking {
	return Revoking{ID: id, Provider: from.Provider, Issuer: from.Issuer, ClientID: from.ClientID, Since: since}
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
	var whom, provider string
	err := b.store.Update(ctx, func(tx Tx) error {
		again = time.Time{}
		g, err := tx.Grant(id)
		provider = g.Key.Provider
		if err != nil || g.State != GrantLive {
			return err
		}
		now := time.Now()
		if now.Before(g.EndsAt) {
			again = g.EndsAt
			return nil
		}
		whom = g.whom()
		return endGrant(tx, g, GrantEnded, Actor{Kind: ByClock}, now)
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		b.log.Error("end a grant", "grant", id, "err", err)
		return time.Now().Add(storeRetry)
	}
	if whom != "" {
		b.changes.wake(b.audience(whom)...)
	}
	if again.IsZero() { // also when it had ended already: nobody may have planned this
		b.revocations.at(b.lane(provider), string(id), time.Now())
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
)

// revoke tells the provider that tokens are over, until it says yes or is
// known to be unable.
func (b *Bridge) revoke(ctx context.Context, id string) time.Time {
	v, tokens, err := b.toRevoke(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return time.Time{}
	}
	if errors.Is(err, ErrUnreadable) && v.ID != "" {
		b.log.Error("tokens that were to be revoked cannot be read any more", "id", id, "provider", v.Provider, "err", err)
		return b.settled(b.revoked(ctx, v, AuditRevocationGivenUp), id)
	}
	if err != nil {
		b.log.Error("read the tokens to be revoked", "id", id, "err", err)
		return time.Now().Add(revokeAfterFault)
	}
	if time.Now().Before(v.NotUntil) {
		return v.NotUntil
	}
	err = b.revokeAt(ctx, v, tokens)
	switch {
	case err == nil:
		return b.settled(b.revoked(ctx, v, AuditRevocationDone), id)
	case errors.Is(err, ErrCannotRevoke):
		return b.settled(b.revoked(ctx, v, AuditRevocationUnsupported), id)
	case time.Since(v.Since) > revokeFor:
		b.log.Error("gave up revoking tokens: end them at the provider", "id", id, "provider", v.Provider, "err", err)
		return b.settled(b.revoked(ctx, v, AuditRevocationGivenUp), id)
	}
	return b.revokeAgain(ctx, v, err)
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
	p, ok := b.provider(v.Provider, v.Issuer, v.ClientID)
	if !ok {
		return errUnconfigured
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return p.Revoke(ctx, tokens)
}

// revoked takes the tokens out of the queue and forgets them; event is how
// that went, as the audit log says it.
func (b *Bridge) revoked(ctx context.Context, v Revoking, event Kind) error {
	how := RevocationUnsupported
	if event == AuditRevocationDone {
		how = RevocationDone
	}
	return b.store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
		tx.DeleteRevocation(v.ID)
		tx.DeleteSecret(RevocationSecret(v.ID))
		line := v.audited(event, time.Now())
		line.Outcome = string(how)
		if v.Grant == "" {
			tx.Audit(line)
			return nil
		}
		g, err := tx.Grant(v.Grant)
		if err != nil {
			return err
		}
		g.Revocation = how
		tx.PutGrant(g)
		line.Request, line.Agent, line.Session, line.Human, line.Team = g.Request, g.Key.Agent, g.Key.Session, g.Human, g.Key.Team
		tx.Audit(line)
		return nil
	})
}

// revokeAgain puts the next try off: twice as long each time, or as long as
// the provider says.
func (b *Bridge) revokeAgain(ctx context.Context, v Revoking, cause error) time.Time {
	wait := min(revokeFirst<<min(v.Attempts, 16), revokeMost)
	var busy *Unavailable
	if errors.As(cause, &busy) && busy.RetryAfter > wait {
		wait = min(busy.RetryAfter, 24*time.Hour)
	}
	v.Attempts++
	v.NotUntil = time.Now().Add(wait).UTC().Round(0)
	b.log.Warn("revoke tokens", "id", v.ID, "provider", v.Provider, "attempt", v.Attempts, "again", v.NotUntil, "err", cause)
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
