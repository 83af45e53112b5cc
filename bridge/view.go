package bridge

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// What a surface shows goes by its view. Most show a card; the others a line,
// which is worked out from the request's record alone, so that the record
// tells whether what stands there is still true.

// Way reports whether a surface is one of those by which the human or the team
// that is asked is reached: the agent is told how it goes there. Private cards
// of who has claimed a team's request, notices, reminders, and what was closed
// are not.
func (s Surface) Way() bool {
	return s.Over == "" && (s.View == ViewTeam || s.View == ViewPrivate && s.Human == "")
}

// chat reports whether a surface is brought to a chat.
func (s Surface) chat() bool { return s.To != "" }

// line is what a surface shows in place of a card.
type line struct {
	headline, title, note, ending string

	openTo time.Time // the zero time while it says nothing of that
}

// String is the line in one text, by which it is known again.
func (l line) String() string {
	words := slices.DeleteFunc([]string{l.title, l.note, l.ending}, func(s string) bool { return s == "" })
	return l.headline + ": " + strings.Join(words, " ")
}

// line is what a surface of the request shows in place of a card, if it does.
func (r Request) line(s Surface) (line, bool) {
	switch {
	case s.Over != "":
		return line{headline: "Closed", title: r.title(), ending: s.Over}, true
	case s.View == ViewNotice:
		return r.notice(), true
	case s.View == ViewReminder:
		return r.reminder(), true
	case s.View == ViewPrivate && r.Team != "" && (s.Human == "" || s.Human != r.giver()):
		return line{headline: "Closed", title: r.title(), ending: "This is not yours any more."}, true
	}
	return line{}, false
}

// notice tells those around the agent what has become of what it asked: never
// what only the human, or the members of the team, know.
func (r Request) notice() line {
	l := line{headline: "Asked", title: r.Agent + " has asked " + cmp.Or(r.Team, r.Human) + " for " + r.wanted() + "."}
	if r.State.Open() {
		l.note = r.reached()
		return l
	}
	l.headline, l.ending = headline(r), r.noticeEnding()
	return l
}

// reached says where the card is to be seen.
func (r Request) reached() string {
	var places []string
	for _, s := range r.Surfaces {
		place := capital(s.Channel)
		if s.Channel == "web" {
			place = "the inbox"
		}
		if s.Way() && s.State == DeliveryShown && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	if len(places) == 0 {
		return ""
	}
	return "Reached in " + strings.Join(places, " and ") + "."
}

func (r Request) noticeEnding() string {
	who := cmp.Or(r.Human, r.Team)
	switch {
	case r.State == Granted || r.State == Collected:
		return who + " approved."
	case r.State == Denied && r.Outcome.Code == OutcomeRevoked:
		return "What was given was taken back."
	case r.State == Denied:
		return cmp.Or(r.Team, r.Human) + " refused."
	case r.State == Expired && r.Outcome.Code == OutcomeNotCollected:
		return r.Agent + " did not come for what was given."
	case r.State == Expired && r.Codes == 0:
		return "Nobody answered."
	case r.State == Expired:
		return "It was not finished in time."
	case r.State == Cancelled && r.Outcome.Code == OutcomePolicyChanged:
		return "The operator no longer allows it."
	case r.State == Cancelled:
		return r.Agent + " withdrew it."
	case r.Outcome.Code == OutcomeHumanUnreachable:
		return who + " could not be reached."
	}
	return "It failed; " + r.Agent + " got nothing."
}

// lineCard lays a line out as a card.
func lineCard(r Request, l line) Card {
	return Card{
		Request: r.ID, Version: r.Card, State: r.State, Agent: r.Agent, Team: r.Team,
		Headline: l.headline, Title: l.title, Note: l.note, Ending: l.ending,
		AskedAt: r.CreatedAt, OpenTo: l.openTo, EndedAt: r.EndedAt,
	}
}

// surfaceCard is what is brought to a surface of a request.
func (b *Bridge) surfaceCard(tx ReadTx, r Request, s Surface) (c Card, err error) {
	l, isLine := r.line(s)
	switch {
	case isLine:
		c = lineCard(r, l)
	case s.View == ViewTeam || r.Team != "" && s.Human == "":
		c, err = b.channelCard(tx, r)
	default:
		c, err = b.pushedCard(tx, r)
	}
	c.View, c.Under = s.View, s.Under
	return c, err
}

// pushedCard is the private card as it is brought to who is asked, or has
// claimed it.
func (b *Bridge) pushedCard(tx ReadTx, r Request) (Card, error) {
	c, err := b.privateCard(tx, r)
	if err != nil || r.Outcome == nil || r.Outcome.Code != OutcomeNotMe {
		return c, err
	}
	since, err := tx.Suspended(r.Agent, r.giver())
	if !since.IsZero() {
		c.Buttons = []Button{buttonAgain}
	}
	return c, err
}

// channelCard is the card of a team with the buttons of whoever may press them:
// one message is seen by all.
func (b *Bridge) channelCard(tx ReadTx, r Request) (Card, error) {
	c, err := b.teamCard(tx, r)
	switch {
	case err != nil || !slices.Contains(waiting, r.State):
	case r.ClaimedBy != "":
		c.Buttons = []Button{buttonRelease, buttonShowAgain}
	default:
		c.Buttons = []Button{buttonClaim, buttonDecline}
		c.Digits = r.Digits
	}
	return c, err
}
