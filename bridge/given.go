package bridge

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// What a human is told of what they have given.

// had reports whether an agent has, or had, what the human gave by a request,
// whatever became of the request: another one may have collected it.
func (g Grant) had(r Request) bool {
	return !g.State.Over() || r.State == Granted || r.State == Collected || !g.LastUsedAt.IsZero()
}

// approved tells what became of what the human gave, whatever became of the
// request: a card must not say "has" of what is over, nor "thrown away" of
// what another request of the agent has collected.
func (c *Card) approved(r Request, g Grant) {
	c.Headline, c.UsedAt, c.Until, c.Live = "Approved", g.LastUsedAt, g.EndsAt, g.State == GrantLive
	switch g.State {
	case GrantLive:
		c.Ending = fmt.Sprintf("%s has access. %s Revoke ends it sooner.", r.Agent, signedIn(r))
	case GrantNeedsReauth:
		c.Ending = fmt.Sprintf("%s had access until %s ended it. %s Revoke takes it off your list.", r.Agent, c.Host, signedIn(r))
		c.Until, c.EndedAt = time.Time{}, time.Time{} // it has none now, and nobody says since when
	case GrantEnded:
		c.Ending, c.Until = fmt.Sprintf("%s %s", g.wasOver(r.Agent), signedIn(r)), g.EndedAt
		c.toldProvider(r, g)
	case GrantRevoked:
		c.Headline, c.Ending, c.Until = "Revoked", g.takenBy(r.Agent), g.EndedAt
		c.toldProvider(r, g)
	}
	if !g.State.Over() {
		c.Buttons = []Button{buttonRevoke}
	}
}

// grantCard is the card of a request that led to a grant.
func (b *Bridge) grantCard(tx ReadTx, r Request, g Grant) (Card, error) {
	c := b.card(r, nil, &g)
	if !c.Live {
		return c, nil
	}
	since, err := tx.Suspended(g.Key.Agent, g.Human)
	if err == nil && !since.IsZero() {
		c.Live = false
		c.Ending = fmt.Sprintf("What %s has is withheld while it may not ask you. %s Revoke ends it for good.", r.Agent, signedIn(r))
	}
	return c, err
}

// wasOver says what ended a grant that nobody took back: its time, or another
// that was given in its place and lives on.
func (g Grant) wasOver(agent string) string {
	if g.EndedBy == ByProvider || g.EndedBy == ByHuman { // as a new one was granted
		return agent + " had access; what was given later took its place."
	}
	return agent + " had access, which is over."
}

// takenBy says who took a grant back.
func (g Grant) takenBy(agent string) string {
	switch g.EndedBy {
	case ByHuman:
		return "You took back what " + agent + " had."
	case ByAgent:
		return agent + " gave up what it had."
	case ByOperator:
		return "The operator took back what " + agent + " had."
	case ByProvider:
		return "What " + agent + " had was taken back: its provider went on with something else than you gave."
	case ByBridge, ByClock:
	}
	return "What " + agent + " had was taken back: the operator's rules no longer allow it."
}

// toldProvider adds how far the provider knows that a grant is over, and what
// lives on there.
func (c *Card) toldProvider(r Request, g Grant) {
	switch g.Revocation {
	case RevocationPending:
		c.Ending += fmt.Sprintf(" It gets nothing more here; %s is being told.", c.Host)
	case RevocationNone:
		c.Ending += fmt.Sprintf(" %s gave the same token for something else that you have given: it is taken back there when that ends.", c.Host)
	case RevocationUnsupported:
		c.Ending += g.livesOn(r.Agent, c.Host)
		if !g.LastUsedAt.IsZero() && g.AccessExpiresAt.After(g.EndedAt) {
			c.Until = g.AccessExpiresAt
		}
	case RevocationDone:
		if g.State == GrantRevoked {
			c.Ending += fmt.Sprintf(" %s has been told.", c.Host)
		}
	}
}

// livesOn is the honest word where a provider cannot take back.
func (g Grant) livesOn(agent, host string) string {
	cannot := fmt.Sprintf(" It gets nothing more here, but %s could not be made to take it back", host)
	switch {
	case g.LastUsedAt.IsZero():
		return cannot + "; nobody has fetched it."
	case g.AccessExpiresAt.IsZero():
		return cannot + fmt.Sprintf(": the token that %s has lives on, nobody says how long. Remove it there if it matters.", agent)
	case g.AccessExpiresAt.After(g.EndedAt):
		return cannot + fmt.Sprintf(": the token that %s has lives until it lapses. Remove it there if it matters.", agent)
	}
	return cannot + "; the token has lapsed by itself."
}

// givenShown is how many of what was given an inbox shows, the newest first.
const givenShown = 500

// givenCards are the cards of what a human has given that is not over, newest
// first, each grant once, cut to givenShown.
func (b *Bridge) givenCards(tx ReadTx, human string) (cards []Card, more int, err error) {
	var all []Grant
	for g, err := range tx.GrantsFrom(human) {
		switch {
		case errors.Is(err, ErrUnreadable):
		case err != nil:
			return nil, 0, err
		case b.gave(human, g):
			all = append(all, g)
		}
	}
	for i := range min(len(all), givenShown) {
		c, err := b.givenCard(tx, all[len(all)-1-i])
		if err != nil {
			return nil, 0, err
		}
		cards = append(cards, c)
	}
	return cards, len(all) - len(cards), nil
}

// revocable reports whether there is something behind the card to take back.
func (c Card) revocable() bool { return slices.Contains(c.Buttons, buttonRevoke) }
