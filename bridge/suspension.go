package bridge

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// Who did not ask for what an agent wants in their name says so once. From
// then on the agent may not ask them, what is open ends, and what they gave
// it is withheld, until they allow it again or the operator does.

// notMe is what "I did not ask for this" does. It counts whatever came first:
// an agent does not get away by withdrawing what it asked, and what was
// granted a moment before is taken back.
func (b *Bridge) notMe(ctx context.Context, who Clicker, id RequestID) (Card, string, error) {
	by := who.actor()
	var also []change
	word := ""
	r, taken, err := b.fold(ctx, id, step{
		decide: func(tx ReadTx, r Request) (_ Event, err error) {
			also, word = nil, ""
			if !b.concerns(r, who.Human) {
				return Event{}, ErrNotFound
			}
			if word, err = aside(tx, r, who.Human); word != "" || err != nil {
				return Event{}, err
			}
			return Event{Kind: OnNotMe, By: by}, nil
		},
		beside: func(tx Tx, after Request) (err error) {
			also, err = b.suspend(tx, after, by)
			return err
		},
		late: func(tx Tx, r Request) (err error) {
			also, word, err = b.notMeTooLate(tx, r, by)
			return err
		},
	})
	if err != nil {
		return Card{}, "", err
	}
	for _, c := range also {
		b.follow(c.before, c.after)
	}
	b.tellOf(r.Agent, who.Human)
	card, err := b.cardOf(ctx, id, who.Human)
	if !taken && word == "" {
		word = cmp.Or(r.teamWord(who.Human, VerbNotMe), remark(card))
	}
	return card, word, err
}

// notMeTooLate is notMe on a request that is no longer open. It returns what it
// has ended, and the word to the human; "" = it is not theirs to say.
func (b *Bridge) notMeTooLate(tx Tx, r Request, by Actor) (ended []change, word string, err error) {
	mine := r.giver() == by.Name || r.Team == ""
	if r.State.Open() || !mine {
		return nil, "", nil
	}
	word = "This request was over already. " + r.Agent + " may not ask you again."
	g, err := tx.Grant(r.Grant)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrUnreadable):
	case err != nil:
		return nil, "", err
	case g.Human == by.Name && !g.State.Over():
		if ended, err = b.revokeGrant(tx, g, by); err != nil {
			return nil, "", err
		}
		word = "You had granted this before: it is taken back, and " + r.Agent + " may not ask you again."
	}
	others, err := b.suspend(tx, r, by)
	return append(ended, others...), word, err
}

// suspend bars an agent from a human: what else it has open with them ends
// in the same way, and its later asks are refused.
func (b *Bridge) suspend(tx Tx, r Request, by Actor) ([]change, error) {
	now := time.Now().UTC().Round(0)
	tx.Suspend(r.Agent, by.Name, now)
	line := between(r.Agent, by.Name, AuditSuspended, by, now)
	line.Request = r.ID
	tx.Audit(line)
	open, err := b.dir().inHandsOf(tx, by.Name)
	if err != nil {
		return nil, err
	}
	given, err := raiseGiven(tx, r.Agent, by.Name)
	if err != nil {
		return nil, err
	}
	var others []change
	for _, g := range given {
		others = append(others, change{g, g})
	}
	for _, o := range open {
		if o.ID == r.ID || o.Agent != r.Agent {
			continue
		}
		e := Event{Kind: OnNotMe, By: by}
		if o.Team != "" && o.State != Held { // it is for the others of the team to answer
			e.Kind = OnRelease
		}
		after, taken, err := b.foldIn(tx, o, step{decide: always(e)})
		if err != nil {
			return nil, err
		}
		if taken {
			others = append(others, change{o, after})
		}
	}
	return others, nil
}

// tellOf wakes the pages on which a suspension is shown.
func (b *Bridge) tellOf(agent, human string) {
	b.changes.wake(topicFor(human), topicFor(b.dir().Agents[agent].Owner))
}

// AllowAgain lets an agent ask a human again, and have what they gave it: the
// human's own word. It returns a word to them.
func (b *Bridge) AllowAgain(ctx context.Context, who Clicker, agent string) (string, error) {
	word, err := b.allow(ctx, who, agent)
	b.pressed(who, VerbAllowAgain, word, err)
	return word, err
}

func (b *Bridge) allow(ctx context.Context, who Clicker, agent string) (string, error) {
	lifted, err := b.lift(ctx, who.actor(), agent, who.Human)
	if err != nil {
		return "", err
	}
	if !lifted {
		return agent + " may ask you already.", nil
	}
	return agent + " may ask you again.", nil
}

// allowAgain is what "Allow again" does on the card of a request.
func (b *Bridge) allowAgain(ctx context.Context, who Clicker, id RequestID) (Card, string, error) {
	r, err := b.read(ctx, id)
	if err == nil && !b.concerns(r, who.Human) {
		err = ErrNotFound
	}
	if err != nil {
		return Card{}, "", err
	}
	word, err := b.allow(ctx, who, r.Agent)
	if err != nil {
		return Card{}, "", err
	}
	card, err := b.cardOf(ctx, id, who.Human)
	return card, word, err
}

// lift ends a suspension. It reports whether there was one.
func (b *Bridge) lift(ctx context.Context, by Actor, agent, human string) (lifted bool, err error) {
	var cards []Request
	err = b.store.Update(ctx, func(tx Tx) error {
		cards, lifted = nil, false
		since, err := tx.Suspended(agent, human)
		if err != nil || since.IsZero() {
			return err
		}
		now := time.Now()
		tx.Suspend(agent, human, time.Time{})
		tx.Audit(between(agent, human, AuditAllowed, by, now))
		lifted = true
		if cards, err = raiseNotMe(tx, agent, human); err != nil {
			return err
		}
		given, err := raiseGiven(tx, agent, human)
		cards = append(cards, given...)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, r := range cards {
		b.follow(r, r)
	}
	b.tellOf(agent, human)
	return lifted, nil
}

// raiseGiven has the cards brought up to date of what a human has given an
// agent: from now on it is withheld, or not any more.
func raiseGiven(tx Tx, agent, human string) (raised []Request, err error) {
	var made []RequestID
	for g, err := range tx.GrantsFrom(human) {
		switch {
		case errors.Is(err, ErrUnreadable):
		case err != nil:
			return nil, err
		case g.Key.Agent == agent:
			made = append(made, g.Request)
		}
	}
	for _, id := range made {
		r, err := tx.Request(id)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnreadable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		r = r.raised()
		tx.PutRequest(r, nil)
		raised = append(raised, r)
	}
	return raised, nil
}

// raiseNotMe has the cards brought up to date that say of an agent that it may
// not ask: those of the newest requests to the human.
func raiseNotMe(tx Tx, agent, human string) (raised []Request, err error) {
	read := 0
	for r, err := range tx.EndedFor(human) {
		if errors.Is(err, ErrUnreadable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if read++; read > earlierRead {
			break
		}
		if r.Agent == agent && r.Outcome != nil && r.Outcome.Code == OutcomeNotMe {
			r = r.raised()
			tx.PutRequest(r, nil)
			raised = append(raised, r)
		}
	}
	return raised, nil
}

// notMeCard is the card of a request that its human did not ask for. What it
// says of later asks holds no longer than the suspension.
func (b *Bridge) notMeCard(tx ReadTx, r Request) (Card, error) {
	c := b.card(r, nil, nil)
	since, err := tx.Suspended(r.Agent, r.giver())
	if err == nil && !since.IsZero() {
		c.Ending += " It may not ask you before you allow it again."
	}
	return c, err
}

// stopped lists the suspensions that a human is shown: those that they can
// lift, then those of the agents that are theirs.
func (b *Bridge) stopped(tx ReadTx, human string) ([]Suspension, error) {
	var own, others []Suspension
	for s, err := range tx.Suspensions() {
		switch {
		case errors.Is(err, ErrUnreadable):
		case err != nil:
			return nil, err
		case s.Human == human:
			own = append(own, s)
		case b.dir().Agents[s.Agent].Owner == human:
			others = append(others, s)
		}
	}
	return append(own, others...), nil
}
