package bridge

import (
	"context"
	"errors"
	"time"
)

// Grants that somebody takes back: the agent that holds one, the human who
// gave it, the operator. From the commit on nothing is handed out from it;
// the provider is told after that, for as long as it takes.

// Grants returns up to limit of an agent's grants, those that are over too,
// newest first, older than before ("" = the newest). next is where the
// following page begins, "" when this was the last.
func (b *Bridge) Grants(ctx context.Context, agent string, before GrantID, limit int) (page []Grant, next GrantID, err error) {
	err = b.store.View(ctx, func(tx ReadTx) error {
		page, next = nil, ""
		for g, err := range tx.GrantsOf(agent, before) {
			if errors.Is(err, ErrUnreadable) {
				continue
			}
			if err != nil {
				return err
			}
			if len(page) == limit {
				next = page[limit-1].ID
				return nil
			}
			if !b.isOf(agent, g.Key.Agent, g.Epoch) {
				return nil // nor are those that are older
			}
			page = append(page, g)
		}
		return nil
	})
	return page, next, err
}

// GiveUp ends one of an agent's grants, because the agent wants it no more.
// One that is over stays as it ended.
func (b *Bridge) GiveUp(ctx context.Context, agent string, id GrantID) (Grant, error) {
	g, _, err := b.take(ctx, Actor{Kind: ByAgent, Name: agent}, func(tx ReadTx) (Grant, error) {
		g, err := tx.Grant(id)
		if errors.Is(err, ErrNotFound) || err == nil && !b.isOf(agent, g.Key.Agent, g.Epoch) {
			return Grant{}, noGrant()
		}
		return g, err
	})
	return g, err
}

func noGrant() *Problem {
	return problem(ProblemNotFound, "there is no such grant, or it is not yours")
}

// take revokes the grant that find finds, in one transaction, and returns it
// as it is then. One that is over already is returned as it is, and not taken.
func (b *Bridge) take(ctx context.Context, by Actor, find func(ReadTx) (Grant, error)) (g Grant, taken bool, err error) {
	var ended []change
	err = b.store.Update(ctx, func(tx Tx) (err error) {
		ended, taken = nil, false
		if g, err = find(tx); err != nil || g.State.Over() {
			return err
		}
		taken = true
		ended, err = b.revokeGrant(tx, g, by)
		return err
	})
	if errors.Is(err, ErrStoreUnavailable) && g.ID != "" { // it may have been kept all the same: look again
		b.clock.at("", ofGrant(g.ID), time.Now().Add(storeRetry))
	}
	if err != nil {
		return Grant{}, false, err
	}
	if !taken {
		return g, false, nil
	}
	for _, c := range ended {
		b.follow(c.before, c.after)
	}
	err = b.store.View(ctx, func(tx ReadTx) (err error) {
		g, err = tx.Grant(g.ID)
		return err
	})
	return g, true, err
}

// revokeGrant takes a grant back. The requests that lead to its token follow
// in the same transaction: who waits for it, or fetched it a moment ago, gets
// it no more.
func (b *Bridge) revokeGrant(tx Tx, g Grant, by Actor) ([]change, error) {
	leading, err := leadingTo(tx, g)
	if err != nil {
		return nil, err
	}
	if err := endGrant(tx, g, GrantRevoked, by, time.Now()); err != nil {
		return nil, err
	}
	var ended []change
	for _, r := range leading {
		if r.ID == g.Request {
			r = r.raised() // as endGrant has it
		}
		after, taken, err := b.foldIn(tx, r, step{decide: always(Event{Kind: OnGrantRevoked, By: by})})
		if err != nil {
			return nil, err
		}
		if taken {
			ended = append(ended, change{r, after})
		}
	}
	return ended, nil
}

// leadingRead is how many of an agent's newest requests are looked at for
// those that its grant has served. One further back still waits when the
// grant is revoked, and is refused when somebody comes to collect.
const leadingRead = 1000

// leadingTo finds the requests that still lead to the token of a grant: the
// one that made it, and those that came later and were served from it.
func leadingTo(tx ReadTx, g Grant) ([]Request, error) {
	var all []Request
	made, err := tx.Request(g.Request)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrUnreadable):
	case err != nil:
		return nil, err
	case made.Pending():
		all = append(all, made)
	}
	read := 0
	for r, err := range tx.RequestsOf(g.Key.Agent, "") {
		if errors.Is(err, ErrUnreadable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if read++; r.ID <= g.Request || read > leadingRead {
			break
		}
		if r.Grant == g.ID && r.Pending() {
			all = append(all, r)
		}
	}
	return all, nil
}

// takeGiven is what Revoke does on the card of a request: it takes back the
// grant that the request led to, if it is this human's own. The card is there
// even when the request is forgotten.
func (b *Bridge) takeGiven(ctx context.Context, who Clicker, id RequestID) (Card, string, error) {
	g, taken, err := b.take(ctx, who.actor(), func(tx ReadTx) (Grant, error) { return b.ownGrant(tx, who.Human, id) })
	if err != nil {
		return Card{}, "", err
	}
	var c Card
	err = b.store.View(ctx, func(tx ReadTx) (err error) {
		c, err = b.givenCard(tx, g)
		return err
	})
	if !taken {
		return c, "This was over already.", err
	}
	return c, "", err
}

func (c Clicker) actor() Actor {
	return Actor{Kind: ByHuman, Name: c.Human, Channel: c.Channel, User: c.User}
}

// gave reports whether a human gave a grant, and not another who had their
// name then.
func (b *Bridge) gave(human string, g Grant) bool {
	return g.Human == human && g.Epoch >= b.setup.Load().bearers.Humans[human].Since
}

// ownGrant finds the grant of a human to which a request led. What somebody
// else gave is ErrNotFound.
func (b *Bridge) ownGrant(tx ReadTx, human string, id RequestID) (Grant, error) {
	r, err := tx.Request(id)
	if errors.Is(err, ErrNotFound) {
		return b.givenBy(tx, human, id)
	}
	if err != nil {
		return Grant{}, err
	}
	if r.Grant == "" {
		return Grant{}, ErrNotFound
	}
	g, err := tx.Grant(r.Grant)
	if err == nil && !b.gave(human, g) {
		return Grant{}, ErrNotFound
	}
	return g, err
}

// givenBy finds it when the request is forgotten.
func (b *Bridge) givenBy(tx ReadTx, human string, id RequestID) (Grant, error) {
	for g, err := range tx.GrantsFrom(human) {
		if errors.Is(err, ErrUnreadable) {
			continue
		}
		if err != nil || g.Request == id && b.gave(human, g) {
			return g, err
		}
	}
	return Grant{}, ErrNotFound
}

// givenCard is the card of a grant: that of the request which led to it or,
// when that is forgotten, what the grant itself knows of it.
func (b *Bridge) givenCard(tx ReadTx, g Grant) (Card, error) {
	r, err := tx.Request(g.Request)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrUnreadable):
		r = g.asked()
	case err != nil:
		return Card{}, err
	}
	return b.grantCard(tx, r, g)
}

// asked is what is left of the request that led to a grant when the request
// itself is forgotten.
func (g Grant) asked() Request {
	return Request{
		ID: g.Request, State: Collected, Agent: g.Key.Agent, Session: g.Key.Session, Human: g.Human, Team: g.Key.Team,
		Target: g.target(),
		Scopes: g.Scopes, Granted: g.Scopes, Details: g.Key.Details, GrantedDetails: g.Details, Account: g.Account, Grant: g.ID, CreatedAt: g.CreatedAt,
	}
}
