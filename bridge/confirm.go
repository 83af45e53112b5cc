package bridge

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Where nothing is known of a human's account at an issuer, and the operator
// trusts the first use, that human says whether the account that signed in is
// theirs. What they are asked about stands in the request, so that it is what
// they give, whatever happens between.

// confirmWithin is how long the human has to say so.
const confirmWithin = 10 * time.Minute

// Confirming reports whether the human is asked whose account signed in.
func (r Request) Confirming() bool { return r.State == Held && r.Signed != (Account{}) }

// asking is a card that also puts the question. It is for the private surface
// of the human who is asked, and for no other.
func (c Card) asking(r Request) Card {
	if !r.Confirming() {
		return c
	}
	at := strings.TrimPrefix(r.Target.Issuer, "https://")
	c.Question = "Signed in as " + Clean(r.Signed.Shown(), maxReason) + " at " + at + ": mine / not mine?"
	c.Buttons = append(c.Buttons, buttonNotMine, buttonMine)
	return c
}

// confirm takes a human's word about the account. Mine is no more than the
// rules leave to them, so these are asked once more.
func (b *Bridge) confirm(ctx context.Context, who Clicker, id RequestID, verb Verb) (Card, string, error) {
	var g gift
	_, taken, err := b.fold(ctx, id, step{
		decide: func(tx ReadTx, r Request) (Event, error) {
			if r.Team != "" || !b.concerns(r, who.Human) {
				return Event{}, ErrNotFound
			}
			return b.confirmed(tx, r, who, verb, &g)
		},
		beside: g.put,
	})
	if err != nil {
		return Card{}, "", err
	}
	card, err := b.cardOf(ctx, id, who.Human)
	if taken {
		return card, "", err
	}
	return card, remark(card), err
}

// confirmed says what the human's word comes to.
func (b *Bridge) confirmed(tx ReadTx, r Request, who Clicker, verb Verb, g *gift) (Event, error) {
	by := who.actor()
	_, configured := b.provider(r.Target)
	switch {
	case !r.Confirming():
		return Event{}, nil
	case !time.Now().Before(r.DueBy):
		return Event{Kind: OnConfirmTimeout, By: Actor{Kind: ByBridge}, Cause: tooLate[OnConfirmTimeout]}, nil
	case verb == VerbNotMine:
		shown := r.Signed.Shown()
		return Event{Kind: OnNotMine, By: by, Account: shown, Private: "You signed in as " + shown + ", and said that it is not yours."}, nil
	case !configured:
		return Event{Kind: OnIdentityRefused, By: Actor{Kind: ByBridge}, Cause: errUnconfigured.Error()}, nil
	}
	tokens, received, err := heldTokens(tx, r.ID)
	if err != nil {
		return Event{}, err
	}
	e, err := b.judge(tx, r, tokens, r.Signed)
	if e.Kind == OnUnknownAccount { // nor do the rules of now know it
		e = Event{
			Kind: OnMine, By: by, Account: r.Signed.Shown(), Scopes: tokens.Scopes, Details: tokens.Details,
			Until: time.Now().Add(b.dir().Limits.CollectWithin).UTC().Round(0),
		}
	}
	return g.wrap(r, e, tokens, r.Signed, received), err
}

// gift is what a request leads to: the grant, with its tokens and the account
// that it pins. The zero gift is none.
type gift struct {
	grant    Grant
	tokens   Tokens
	received time.Time
	who      Account
	by       Actor
}

// wrap makes the grant that an event gives, if it is one that does, and puts
// its name into the event.
func (g *gift) wrap(r Request, e Event, tokens Tokens, who Account, received time.Time) Event {
	*g = gift{}
	if e.Kind != OnMatched && e.Kind != OnMine && e.Kind != OnAnyAccount {
		return e
	}
	*g = gift{newGrant(r, tokens, who, received, time.Now().UTC().Round(0)), tokens, received, who, e.By}
	e.Grant = g.grant.ID
	return e
}

// put stores the gift beside the event that gives it.
func (g *gift) put(tx Tx, after Request) error {
	if after.Grant == "" {
		return nil
	}
	if err := replace(tx, g.grant, g.by, g.grant.CreatedAt); err != nil {
		return err
	}
	if err := g.pin(tx, after); err != nil {
		return err
	}
	tx.PutGrant(g.grant)
	tx.Audit(g.grant.audited(AuditGrantMade, g.by, g.grant.CreatedAt))
	tx.PutSecret(GrantSecret(g.grant.ID), packTokens(g.tokens, g.received))
	return nil
}

// pin ties who gave to the account that granted, if the provider told one. The
// audit log tells what is new.
func (g *gift) pin(tx Tx, r Request) error {
	if g.who.Subject == "" {
		return nil
	}
	human := g.grant.Human
	known, err := tx.Pin(human, g.who.Issuer)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	tx.PutPin(human, g.who.Issuer, g.who.Subject)
	if known != g.who.Subject {
		line := between(r.Agent, human, AuditPinned, g.by, g.grant.CreatedAt)
		line.Request, line.Provider = r.ID, r.Target.named()
		tx.Audit(line)
	}
	return nil
}
