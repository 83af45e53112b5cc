package bridge

import (
	"context"
	"fmt"
)

// SignInProof is what makes one sign-in of a person at a provider theirs:
// whoever does not have all of it can do nothing with what the provider sends
// back. Each part is drawn for this one sign-in.
type SignInProof struct {
	State    Secret // comes back with the answer (RFC 6749, section 4.1.2)
	Nonce    Secret // comes back in the id_token (OpenID Connect Core 1.0, section 3.1.2.1)
	Verifier Secret // proves that we began it (RFC 7636); 43 to 128 letters, digits and - . _ ~
}

// Whose returns the human who an account at a configured provider is, by the
// same rules by which a grant is taken to be theirs: see
// docs/decisions/identity.md. An account that is nobody's, or that would do
// for more than one human, is [ErrNotFound]. It ties nobody to anything.
func (b *Bridge) Whose(ctx context.Context, provider string, who Account) (human string, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		human = ""
		dir := b.dir()
		if who.Subject == "" || dir.Providers[provider].Issuer != who.Issuer {
			return ErrNotFound
		}
		taken, err := takenBy(tx, who)
		if err != nil {
			return err
		}
		for name, h := range dir.Humans {
			if taken != "" && taken != name {
				continue
			}
			expected, err := b.expected(tx, provider, h, who.Issuer)
			switch {
			case err != nil:
				return err
			case !expected.fits(who):
			case human != "":
				human = ""
				return ErrNotFound
			default:
				human = name
			}
		}
		if human == "" {
			return ErrNotFound
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("find out whose account it is: %w", err)
	}
	return human, nil
}
