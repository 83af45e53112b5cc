package bridge

import (
	"context"
	"errors"
)

// Some providers hand out the same token twice: for another session, for
// another agent, or again after it was given back. To revoke such a token for
// the sake of what is over would end what lives. So before tokens are revoked
// it is looked whether somebody holds them whom nobody wants to end. They are
// revoked when the last of those has ended.

// alsoHeld reports whether tokens that are to be revoked are also those of a
// grant that is not over, or are being checked for one. It compares with what
// the same human has given at that issuer to the same client: one account
// belongs to one human. Where it is not known who gave, it compares with what
// everybody has given. With "trust: none", where accounts are not known, two
// humans may share an account; that is not seen here.
func (b *Bridge) alsoHeld(ctx context.Context, v Revoking, tokens Tokens) (also bool, err error) {
	err = b.store.View(ctx, func(tx ReadTx) (err error) {
		also = false
		grants := tx.GrantsFrom(v.Human)
		if v.Human == "" {
			grants = tx.CurrentGrants()
		}
		for g, err := range grants {
			switch {
			case errors.Is(err, ErrUnreadable):
			case err != nil:
				return err
			case g.Issuer != v.Issuer || g.Key.ClientID != v.ClientID:
			default:
				if also, err = holdsAny(tx, GrantSecret(g.ID), tokens); also || err != nil {
					return err
				}
			}
		}
		also, err = b.checkedFor(tx, v, tokens)
		return err
	})
	return also, err
}

// checkedFor is alsoHeld for the tokens whose account is being checked.
func (b *Bridge) checkedFor(tx ReadTx, v Revoking, tokens Tokens) (bool, error) {
	open, err := b.dir().inHandsOf(tx, v.Human)
	if v.Human == "" {
		open, err = b.dir().inAnyHands(tx)
	}
	if err != nil {
		return false, err
	}
	for _, r := range open {
		if r.State != Held || r.Target.Issuer != v.Issuer || r.Target.ClientID != v.ClientID {
			continue
		}
		if also, err := holdsAny(tx, HeldSecret(r.ID), tokens); also || err != nil {
			return also, err
		}
	}
	return false, nil
}

// holdsAny reports whether one of the tokens is also under another name.
// Revoking the refresh token of a pair may end the other of the pair, too, so
// one that is shared protects both.
func holdsAny(tx ReadTx, ref SecretRef, tokens Tokens) (bool, error) {
	sealed, err := tx.Secret(ref)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnreadable) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	other, _, err := unpackTokens(sealed)
	if err != nil {
		return false, nil //nolint:nilerr // what cannot be read holds nothing that can be used
	}
	return shared(other.Access, tokens.Access) || shared(other.Refresh, tokens.Refresh), nil
}

func shared(a, b Secret) bool { return !a.IsZero() && a.Equal(b) }
