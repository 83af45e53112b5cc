package bridge

import (
	"context"
	"errors"
	"strings"
	"time"
)

// identityWithin is how long a token is held while its account cannot be
// asked for.
const identityWithin = 10 * time.Minute

// identityAgain is how long to wait before the account is asked for again.
const identityAgain = 5 * time.Second

// identify finds out whose account granted the held token, and decides. No
// token is released before.
func (b *Bridge) identify(ctx context.Context, id RequestID) time.Time {
	r, tokens, received, err := b.held(ctx, id)
	if err != nil || r.ID == "" {
		return b.later(err, "read a held token", id)
	}
	who, kind, cause, err := b.ask(ctx, r, tokens, received)
	if err != nil {
		b.log.Warn("ask whose account granted", "request", id, "provider", r.Target.Provider, "err", err)
		return time.Now().Add(identityAgain)
	}
	var replaced GrantID
	var grant Grant
	after, _, err := b.keep(ctx, id, step{
		decide: func(tx ReadTx, r Request) (Event, error) {
			if kind != "" {
				return Event{Kind: kind, Cause: cause, By: byProvider(r)}, nil
			}
			e, err := b.judge(tx, r, tokens, who)
			if e.Kind == OnMatched {
				grant = newGrant(r, tokens, who, received, time.Now().UTC().Round(0))
				e.Grant = grant.ID
			}
			return e, err
		},
		beside: func(tx Tx, after Request) error {
			if after.State != Granted {
				return nil
			}
			var err error
			if replaced, err = replace(tx, grant, tokens, byProvider(after), grant.CreatedAt); err != nil {
				return err
			}
			if err := pin(tx, after, who, grant.CreatedAt); err != nil {
				return err
			}
			tx.PutGrant(grant)
			tx.Audit(grant.audited(AuditGrantMade, byProvider(after), grant.CreatedAt))
			tx.PutSecret(GrantSecret(grant.ID), packTokens(tokens, received))
			return nil
		},
	})
	if err != nil {
		return b.later(err, "decide about an account", id)
	}
	if after.Grant != "" { // the clock finds out when it ends
		b.clock.at("", ofGrant(after.Grant), time.Now())
	}
	if replaced != "" {
		b.revocations.at(b.lane(r.Target.Provider), string(replaced), time.Now())
	}
	return time.Time{}
}

// pin ties the human who was asked to the account that granted. The audit log
// tells what is new.
func pin(tx Tx, r Request, who Account, at time.Time) error {
	known, err := tx.Pin(r.Human, who.Issuer)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	tx.PutPin(r.Human, who.Issuer, who.Subject)
	if known != who.Subject {
		line := between(r.Agent, r.Human, AuditPinned, byProvider(r), at)
		line.Request, line.Provider = r.ID, r.Target.Provider
		tx.Audit(line)
	}
	return nil
}

func byProvider(r Request) Actor { return Actor{Kind: ByProvider, Name: r.Target.Provider} }

// held reads a request whose token is being checked, and the token.
func (b *Bridge) held(ctx context.Context, id RequestID) (r Request, tokens Tokens, received time.Time, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		found, err := tx.Request(id)
		if err != nil || found.State != Held {
			return err
		}
		sealed, err := tx.Secret(HeldSecret(id))
		if err != nil {
			return err
		}
		r = found
		tokens, received, err = unpackTokens(sealed)
		return err
	})
	return r, tokens, received, err
}

// ask asks the provider who granted. A kind means that the matter is
// settled without an account; an error, that nothing is known.
func (b *Bridge) ask(ctx context.Context, r Request, tokens Tokens, received time.Time) (who Account, kind Kind, cause string, err error) {
	p, ok := b.provider(r.Target.Provider, r.Target.Issuer, r.Target.ClientID)
	if !ok {
		return Account{}, OnIdentityRefused, errUnconfigured.Error(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	who, err = p.Identify(ctx, tokens, received)
	var no *Refusal
	switch {
	case errors.Is(err, ErrNoIdentity):
		return Account{}, OnNoIdentity, "", nil
	case errors.As(err, &no):
		return Account{}, OnIdentityRefused, no.Cause, nil
	}
	return who, "", "", err
}

// judge decides about a token whose account is known.
func (b *Bridge) judge(tx ReadTx, r Request, tokens Tokens, who Account) (Event, error) {
	agent := b.dir().Agents[r.Agent]
	may, allowed := b.dir().permitted(agent, r)
	if !allowed {
		return Event{Kind: OnPolicyChanged, By: Actor{Kind: ByBridge}}, nil
	}
	expected, err := b.expected(tx, may.human, who.Issuer)
	if err != nil {
		return Event{}, err
	}
	fits, err := expected.fits(tx, may.human.Name, who)
	if err != nil {
		return Event{}, err
	}
	if !fits {
		return Event{Kind: OnMismatched, By: byProvider(r), Account: who.Shown(), Private: "You signed in as " + who.Shown() + "; this request expected " + expected.words() + "."}, nil
	}
	if over := may.beyond(tokens.Scopes); len(over) > 0 {
		return Event{Kind: OnScopeExceeded, By: byProvider(r), Cause: Clean(strings.Join(over, " "), maxReason)}, nil
	}
	return Event{
		Kind: OnMatched, By: byProvider(r), Account: who.Shown(), Scopes: tokens.Scopes,
		Until: time.Now().Add(b.dir().Limits.CollectWithin).UTC().Round(0),
	}, nil
}

// expectation is the one rule by which an account is matched with a human:
// the first that exists. The later ones are then not tried.
type expectation struct {
	subject string // by pin or by "sub:…"
	email   string // which must be verified
}

// expected finds the rule for a human at an issuer: an earlier pin, else the
// configured account, else the human's e-mail.
func (b *Bridge) expected(tx ReadTx, h Human, issuer string) (expectation, error) {
	subject, err := tx.Pin(h.Name, issuer)
	if err == nil {
		return expectation{subject: subject}, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return expectation{}, err
	}
	account, configured := b.account(h, issuer)
	if subject, bySubject := strings.CutPrefix(account, "sub:"); bySubject {
		return expectation{subject: subject}, nil
	}
	if configured {
		return expectation{email: account}, nil
	}
	return expectation{email: h.Email}, nil
}

// account is the configured account of a human at an issuer, whichever
// provider it is named under: accounts belong to issuers.
func (b *Bridge) account(h Human, issuer string) (string, bool) {
	for name, account := range h.Accounts {
		if name == issuer || b.dir().Providers[name].Issuer == issuer {
			return account, true
		}
	}
	return "", false
}

// fits reports whether the account is the expected one, and is not tied to
// another human.
func (x expectation) fits(tx ReadTx, human string, who Account) (bool, error) {
	owner, err := tx.Pinned(who.Issuer, who.Subject)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	if err == nil && owner != human {
		return false, nil
	}
	switch {
	case who.Subject == "":
		return false, nil
	case x.subject != "":
		return who.Subject == x.subject, nil
	default:
		return x.email != "" && who.EmailVerified && sameAddress(who.Email, x.email), nil
	}
}

// sameAddress compares e-mail addresses without regard to the case of ASCII
// letters. Unicode's folding would take other letters for the same.
func sameAddress(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// words says who was expected, for the human's own card.
func (x expectation) words() string {
	switch {
	case x.email != "":
		return x.email
	case x.subject != "":
		return "the account known from before"
	}
	return "an account that the operator has named"
}
