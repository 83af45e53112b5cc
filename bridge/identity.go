package bridge

import (
	"context"
	"errors"
	"slices"
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
	who, refused, err := b.ask(ctx, r, tokens, received)
	if err != nil {
		b.log.Warn("ask whose account granted", "request", id, "provider", r.Target.named(), "err", err)
		return time.Now().Add(identityAgain)
	}
	var g gift
	_, _, err = b.keep(ctx, id, step{
		decide: func(tx ReadTx, r Request) (Event, error) {
			if refused != "" {
				return Event{Kind: OnIdentityRefused, Cause: refused, By: byProvider(r)}, nil
			}
			e, err := b.judge(tx, r, tokens, who)
			return g.wrap(r, e, tokens, who, received), err
		},
		beside: g.put,
	})
	if err != nil {
		return b.later(err, "decide about an account", id)
	}
	return time.Time{}
}

func byProvider(r Request) Actor { return Actor{Kind: ByProvider, Name: r.Target.named()} }

// held reads a request whose token is being checked, and the token. One whose
// human is asked is not looked at again.
func (b *Bridge) held(ctx context.Context, id RequestID) (r Request, tokens Tokens, received time.Time, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		found, err := tx.Request(id)
		if err != nil || found.State != Held || found.Confirming() {
			return err
		}
		tokens, received, err = heldTokens(tx, id)
		if err == nil {
			r = found
		}
		return err
	})
	return r, tokens, received, err
}

func heldTokens(tx ReadTx, id RequestID) (tokens Tokens, received time.Time, err error) {
	sealed, err := tx.Secret(HeldSecret(id))
	if err != nil {
		return Tokens{}, time.Time{}, err
	}
	return unpackTokens(sealed)
}

// ask asks the provider who granted; the zero Account means that it tells
// nobody's. refused says why nobody will ever know; an error means that
// nothing is known yet.
func (b *Bridge) ask(ctx context.Context, r Request, tokens Tokens, received time.Time) (who Account, refused string, err error) {
	p, ok := b.provider(r.Target)
	if !ok {
		return Account{}, errUnconfigured.Error(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	who, err = p.Identify(ctx, tokens, received)
	var no *Refusal
	switch {
	case errors.Is(err, ErrNoIdentity):
		return Account{}, "", nil
	case errors.As(err, &no):
		return Account{}, no.Cause, nil
	}
	return who, "", err
}

// judge decides about a token: whose account granted it, as far as the rules
// know, and whether it is more than the agent may have. The zero account is
// that of a provider that tells none.
func (b *Bridge) judge(tx ReadTx, r Request, tokens Tokens, who Account) (Event, error) {
	agent := b.dir().Agents[r.Agent]
	may, allowed := b.dir().permitted(agent, r)
	if !allowed {
		return Event{Kind: OnPolicyChanged, By: Actor{Kind: ByBridge}}, nil
	}
	e, err := b.recognise(tx, r, may, who)
	if err != nil || e.Kind == OnMismatched || e.Kind == OnNoIdentity {
		return e, err
	}
	if over := may.beyond(tokens.Scopes, tokens.Details); len(over) > 0 {
		return Event{Kind: OnScopeExceeded, By: byProvider(r), Cause: Clean(strings.Join(over, " "), maxReason)}, nil
	}
	if e.Kind == OnUnknownAccount {
		e.Until = time.Now().Add(confirmWithin).UTC().Round(0)
		return e, nil
	}
	e.Account, e.Scopes, e.Details = who.Shown(), tokens.Scopes, tokens.Details
	e.Until = time.Now().Add(b.dir().Limits.CollectWithin).UTC().Round(0)
	return e, nil
}

// recognise says what is to be thought of an account. The first rule that
// there is for the human at the issuer decides; only where there is none may
// the human be asked.
func (b *Bridge) recognise(tx ReadTx, r Request, may permit, who Account) (Event, error) {
	e := Event{By: byProvider(r)}
	if who == (Account{}) {
		if e.Kind = OnNoIdentity; may.provider.Trust == TrustNone {
			e.Kind = OnAnyAccount
		}
		return e, nil
	}
	expected, err := b.expected(tx, r.Target.Provider, may.human, who.Issuer)
	if err != nil {
		return Event{}, err
	}
	taken, err := takenBy(tx, who)
	if err != nil {
		return Event{}, err
	}
	switch {
	case who.Subject == "", taken != "" && taken != may.human.Name:
		return mismatched(r, who, expected), nil
	case expected.fits(who):
		e.Kind = OnMatched
	case may.provider.Trust == TrustFirstUse && !expected.firm && r.Team == "":
		e.Kind, e.Signed = OnUnknownAccount, who
	default:
		return mismatched(r, who, expected), nil
	}
	return e, nil
}

// takenBy is the human whom a subject is tied to, "" = nobody.
func takenBy(tx ReadTx, who Account) (string, error) {
	owner, err := tx.Pinned(who.Issuer, who.Subject)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return owner, err
}

func mismatched(r Request, who Account, expected expectation) Event {
	return Event{
		Kind: OnMismatched, By: byProvider(r), Account: who.Shown(),
		Private: "You signed in as " + who.Shown() + "; this request expected " + expected.words() + ".",
	}
}

// expectation is the one rule by which an account is matched with a human:
// the first that exists. The later ones are then not tried.
type expectation struct {
	subject string // by pin, "sub:…" or "id:…"
	email   string // which must be verified
	login   string // what they sign in with, where a profile tells it
	firm    bool   // about this very issuer: the human has no say beside it
}

// expected finds the rule for a human at an issuer, by way of one of its
// providers: an earlier pin, else the configured account, else the human's
// e-mail.
func (b *Bridge) expected(tx ReadTx, provider string, h Human, issuer string) (expectation, error) {
	subject, err := tx.Pin(h.Name, issuer)
	if err == nil {
		return expectation{subject: subject, firm: true}, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return expectation{}, err
	}
	account, configured := b.account(h, provider, issuer)
	if !configured {
		return expectation{email: h.Email}, nil
	}
	if subject := subjectOf(account); subject != "" {
		return expectation{subject: subject, firm: true}, nil
	}
	if !strings.Contains(account, "@") {
		return expectation{login: account, firm: true}, nil
	}
	return expectation{email: account, firm: true}, nil
}

// account is the configured account of a human at an issuer. Accounts belong
// to issuers: one that stands under another provider of the same issuer counts
// too, if none stands under this one or under the issuer.
func (b *Bridge) account(h Human, provider, issuer string) (string, bool) {
	names := []string{provider, issuer}
	for name := range h.Accounts {
		names = append(names, name)
	}
	slices.Sort(names[2:])
	for _, name := range names {
		account, configured := h.Accounts[name]
		if configured && (name == issuer || b.dir().Providers[name].Issuer == issuer) {
			return account, true
		}
	}
	return "", false
}

// fits reports whether the account is the expected one.
func (x expectation) fits(who Account) bool {
	if x.subject != "" {
		return who.Subject == x.subject
	}
	if x.login != "" {
		return sameAddress(who.Login, x.login)
	}
	return x.email != "" && who.EmailVerified && sameAddress(who.Email, x.email)
}

// sameAddress compares e-mail addresses, and logins, without regard to the case of ASCII
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
	case x.login != "":
		return x.login
	case x.subject != "":
		return "the account known from before"
	}
	return "an account that the operator has named"
}
