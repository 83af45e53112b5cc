package bridge

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Private cards come and go in chats: who claims a team's request gets one
// where they did, and who wants theirs below what has been said since gets
// another. What takes the place of a card closes it: it shows one line.

const (
	// shownMost bounds how often a card is shown again.
	shownMost = 10
	// claimsMost bounds how many claims of a request get a card of their own.
	claimsMost = 2 * MaxCodes

	shownBelow = "Shown again below."
)

// placed is a request after a step, with the private cards of who has claimed
// it: one more where they did, or none that is still open.
func (b *Bridge) placed(before, after Request, e Event, now time.Time) Request {
	switch {
	case before.ClaimedBy == "" && after.ClaimedBy != "":
		s := newSurface(e.By.Channel, b.dir().Humans[e.By.Name].on(e.By.Channel), now)
		if s.Human = e.By.Name; s.chat() && b.runs(s.Channel) {
			return after.plus(s, now)
		}
	case before.ClaimedBy != "" && after.ClaimedBy == "":
		return after.closing(ofClaimer(before.ClaimedBy), unclaimedWords(e))
	}
	return after
}

// unclaimedWords tell somebody why they hold a claim no more.
func unclaimedWords(e Event) string {
	switch {
	case e.Kind == OnClaimLapsed:
		return "Your claim has lapsed. What you typed of the code leads to nothing."
	case e.By.Kind == ByHuman:
		return "You released this."
	case e.By.Kind == ByOperator:
		return "The operator has released this for the others."
	}
	return "You are not in the team any more."
}

// ofClaimer finds the private cards of one who has claimed the request.
func ofClaimer(human string) func(Surface) bool {
	return func(s Surface) bool { return s.View == ViewPrivate && s.Human == human && s.chat() }
}

// closing is the request with some of its surfaces closed, but for those that
// are already.
func (r Request) closing(which func(Surface) bool, words string) Request {
	r.Surfaces = slices.Clone(r.Surfaces)
	for i, s := range r.Surfaces {
		if s.Over == "" && which(s) {
			r.Surfaces[i].Over = words
		}
	}
	return r
}

// crowded reports whether the request was claimed so often in chats that there
// is no place for one more card.
func (r Request) crowded(who Clicker) bool {
	claims := 0
	for _, s := range r.Surfaces {
		if s.Human != "" && s.Over != shownBelow {
			claims++
		}
	}
	return claims >= claimsMost && who.Channel != inbox
}

// showAgain brings the private card anew, where somebody asks for it.
func (b *Bridge) showAgain(ctx context.Context, who Clicker, id RequestID) (Card, string, error) {
	var before, after Request
	var word string
	err := b.store.Update(ctx, func(tx Tx) (err error) {
		r, err := tx.Request(id)
		if err == nil && !b.concerns(r, who.Human) {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		before, after = r, r
		if word, err = aside(tx, r, who.Human); word != "" || err != nil || !r.holds(who.Human) {
			return err
		}
		if after, word = b.shownAgain(r, who, time.Now()); word == "" {
			tx.PutRequest(after, nil)
		}
		return nil
	})
	if err != nil {
		return Card{}, "", fmt.Errorf("show a card again: %w", err)
	}
	b.follow(before, after)
	card, err := b.cardOf(ctx, id, who.Human)
	if word == "" && !after.holds(who.Human) {
		word = cmp.Or(after.teamWord(who.Human, VerbShowAgain), remark(card))
	}
	return card, word, err
}

// holds reports whether an open request is in the hands of a human: they are
// asked alone, or have claimed it.
func (r Request) holds(human string) bool { return r.State.Open() && r.giver() == human }

// shownAgain is the request with a new private card where somebody pressed, or
// why there is none.
func (b *Bridge) shownAgain(r Request, who Clicker, now time.Time) (Request, string) {
	fresh := newSurface(who.Channel, b.dir().Humans[who.Human].on(who.Channel), now)
	if r.Team != "" {
		fresh.Human = who.Human
	}
	same := func(s Surface) bool {
		return s.View == ViewPrivate && s.Human == fresh.Human && s.Channel == fresh.Channel && s.Over == ""
	}
	times := 0
	for _, s := range r.Surfaces {
		switch {
		case s.Over == shownBelow:
			times++
		case same(s) && s.Ref == "" && s.State != DeliveryUnreachable:
			return r, "The card is on its way to you."
		}
	}
	switch {
	case !fresh.chat() || !b.runs(fresh.Channel):
		return r, "The card is here; there is no chat to show it in."
	case times >= shownMost:
		return r, "It was shown again often enough. It stands in the last message about it, and in the inbox."
	}
	return r.closing(same, shownBelow).plus(fresh, now), ""
}
