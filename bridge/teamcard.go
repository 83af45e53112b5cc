package bridge

import (
	"cmp"
	"errors"
	"time"
)

// cardFor is the card of a request as a human sees it. Of a team's request the
// private one is for who has claimed it; the others see what the team sees.
func (b *Bridge) cardFor(tx ReadTx, r Request, human string) (Card, error) {
	if r.Team == "" || r.giver() == human {
		return b.privateCard(tx, r)
	}
	c, err := b.teamCard(tx, r)
	if err != nil || !r.State.Open() || r.ClaimedBy != "" {
		return c, err
	}
	word, err := aside(tx, r, human)
	switch {
	case word != "":
	case r.bars(human):
		c.Buttons = []Button{buttonDecline}
	default:
		c.Buttons = []Button{buttonClaim, buttonDecline}
		c.Digits = r.unbound(human)
	}
	return c, err
}

// teamCard is the card that all of a team see. It is made without ever
// looking at a code, and names no account.
func (b *Bridge) teamCard(tx ReadTx, r Request) (Card, error) {
	c := b.outline(r)
	c.Shared, c.View = true, ViewTeam
	if r.State.Open() {
		c.Headline, c.Says = teamHeadline(r), says(r)
		if r.ClaimedBy == "" {
			c.Note, c.OpenTo = r.Note, r.ExpiresAt
		}
		return c, nil
	}
	c.Ending = teamEnding(r)
	if r.Grant == "" {
		return c, nil
	}
	g, err := tx.Grant(r.Grant)
	switch {
	case errors.Is(err, ErrNotFound):
		return c, nil
	case err != nil:
		return Card{}, err
	}
	if g.had(r) {
		c.Headline, c.UsedAt, c.Live = "Approved", g.LastUsedAt, g.State == GrantLive
		c.Ending, c.Until = teamApproved(r, g)
	}
	if g.State == GrantNeedsReauth { // nobody says since when
		c.EndedAt = time.Time{}
	}
	since, err := tx.Suspended(g.Key.Agent, g.Human)
	if c.Live && !since.IsZero() {
		c.Live = false
		c.Ending = "Approved by " + g.Human + ". What " + r.Agent + " has is withheld: " + g.Human + " has said that they did not ask for it."
	}
	return c, err
}

func teamHeadline(r Request) string {
	switch {
	case r.State == Held:
		return "Granted with " + r.ClaimedBy + "'s code, being checked"
	case r.ClaimedBy != "":
		return "Claimed by " + r.ClaimedBy
	}
	return "Waiting for someone to claim"
}

func teamApproved(r Request, g Grant) (ending string, until time.Time) {
	said := "Approved by " + g.Human + ". "
	switch g.State {
	case GrantLive:
		return said + r.Agent + " has access.", g.EndsAt
	case GrantNeedsReauth:
		return said + r.Agent + " had access until the provider ended it.", time.Time{}
	case GrantRevoked:
		return said + "What " + r.Agent + " had was taken back.", g.EndedAt
	case GrantEnded:
	}
	return said + g.wasOver(r.Agent), g.EndedAt
}

// teamEnding tells the team how its request ended.
func teamEnding(r Request) string {
	nothing := r.Agent + " got nothing."
	switch {
	case r.State == Granted || r.State == Collected:
		return "Approved by " + r.Human + "."
	case r.State == Cancelled && r.Outcome.Code == OutcomePolicyChanged:
		return "The operator no longer allows this request."
	case r.State == Cancelled:
		return r.Agent + " withdrew the request."
	case r.State == Failed:
		return teamFailed(r) + " " + nothing
	}
	switch r.Outcome.Code {
	case OutcomeNotMe:
		return r.ClaimedBy + " did not ask for this. " + nothing
	case OutcomeProviderDenied:
		return r.ClaimedBy + " refused at the provider. " + nothing
	case OutcomeRevoked:
		return "What " + r.giver() + " gave was taken back before " + r.Agent + " had it."
	case OutcomeNotCollected:
		return r.Agent + " did not come for what " + r.giver() + " gave. It was thrown away."
	case OutcomeExpired:
		return "Nobody finished it in time. " + nothing
	default: // denied: by its claimer, or declined
		return cmp.Or(r.Note, "Denied by "+r.ClaimedBy+".") + " " + nothing
	}
}

// teamFailed names no account: that is between its human and the bridge.
func teamFailed(r Request) string {
	switch r.Outcome.Code {
	case OutcomeIdentityMismatch, OutcomeIdentityUnavailable:
		return "The account that granted did not pass the check."
	default:
		return capital(r.Outcome.Message) + "."
	}
}
