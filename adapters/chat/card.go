package chat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// The lines of a card have one order everywhere: state, who, what, why, check
// phrase, the way out, the steps with the code, until when, buttons. Line 1
// begins with the state in words.

// Draw draws a card. One with a code that is not for one human's eyes alone,
// and one with a code or an address that is none, is [bridge.ErrInvalid], and
// nothing is drawn.
func Draw(p Pen, c bridge.Card) error {
	if err := vet(c); err != nil {
		return err
	}
	s := sheet{p}
	switch {
	case c.View == bridge.ViewNotice || c.View == bridge.ViewReminder:
		s.line(c)
	case c.Ending != "":
		s.ended(c)
	case Shared(c):
		s.forTeam(c)
	default:
		s.forOne(c)
	}
	return nil
}

// DrawDigits draws what is asked before a code is shown: the digits that the
// agent shows. It never has a code.
func DrawDigits(p Pen, c bridge.Card) {
	s := sheet{p}
	s.title(c)
	if who := Clean(c.Who, MaxLine); who != "" {
		s.Line(Bold("Who:"), Words(" "+who))
	}
	if phrase := Clean(c.Phrase, MaxPhrase); phrase != "" && !Shared(c) {
		s.Line(Bold("Check phrase:"), Words(" "), Bold(phrase))
	}
	s.Line(Words("The agent that asks shows four digits. If you cannot see them, it is not yours: press Cancel."))
	s.notes(c)
}

// DrawTitle draws the first line of a card: what state it is in, and what it
// is about.
func DrawTitle(p Pen, c bridge.Card) { sheet{p}.title(c) }

// DrawFoot draws how people name a request to each other.
func DrawFoot(p Pen, c bridge.Card) { sheet{p}.foot(c) }

// Shared reports whether others see the card, too.
func Shared(c bridge.Card) bool { return c.Shared || c.View != bridge.ViewPrivate }

// sheet is a card that is being drawn.
type sheet struct{ Pen }

// line is the whole of a notice or a reminder.
func (s sheet) line(c bridge.Card) {
	s.title(c)
	s.Line(Words(strings.TrimSpace(Clean(c.Note, MaxLine) + " " + Clean(c.Ending, MaxEnding))))
	s.Aside(OpenTo(c)...)
}

// forOne is an open request for the eyes of the one who can grant it.
func (s sheet) forOne(c bridge.Card) {
	s.about(c)
	s.phrase(c)
	if c.State != bridge.Held {
		s.wayOut(c)
	}
	s.notes(c)
	s.progress(c)
	s.steps(c)
	s.Aside(OpenTo(c)...)
	s.Buttons(c, InOrder(c))
	s.foot(c)
}

// forTeam is an open request as all of the team see it.
func (s sheet) forTeam(c bridge.Card) {
	s.about(c)
	if slices.ContainsFunc(c.Buttons, func(b bridge.Button) bool { return b.Verb == bridge.VerbClaim }) {
		s.Line(Words("Claim shows a code to you alone. Buttons here give nothing away: access is granted only on "), Bold(Host(c)), Words("."))
		s.Aside(Words("Decline for the team ends the request for all of the team."))
	}
	s.notes(c)
	if c.Claim.By != "" && !c.Claim.At.IsZero() {
		s.Aside(Words("Claimed "), At(c.Claim.At), Words("; until "), At(c.Claim.Until))
	}
	s.Aside(OpenTo(c)...)
	s.Buttons(c, InOrder(c))
	s.foot(c)
}

// ended is a request that is over, or what it has led to.
func (s sheet) ended(c bridge.Card) {
	s.title(c)
	s.Line(Words(Clean(c.Ending, MaxEnding)))
	s.mixed(c)
	if approved(c) && c.Host != "" { // a line in place of a card has none
		s.List(Bold("What:"), what(c), "")
	}
	s.Aside(Times(c)...)
	s.Buttons(c, InOrder(c))
	s.foot(c)
}

// about is what stands on every card of an open request.
func (s sheet) about(c bridge.Card) {
	s.title(c)
	if who := Clean(c.Who, MaxLine); who != "" {
		s.Line(Bold("Who:"), Words(" "+who))
	}
	if team := Clean(c.Team, MaxLine); team != "" {
		s.Line(Bold("Asks:"), Words(" anybody of the team "), Bold(team))
	}
	s.List(Bold("What:"), what(c), howLong(c))
	s.why(c)
}

func (s sheet) title(c bridge.Card) {
	s.Line(Bold(Clean(c.Headline, MaxTitle)), Words(" · "+Clean(c.Title, MaxTitle)))
}

// why has the agent's words apart from all others.
func (s sheet) why(c bridge.Card) {
	agent := Clean(c.Agent, MaxTitle)
	said := s.says(c)
	switch {
	case len(said) > 0:
		s.Line(Bold("Why:"), Words(" The agent says (not checked):"))
		s.Quote(said)
	case c.Renewal:
		s.Line(Bold("Why:"), Words(fmt.Sprintf(" The bridge asks this by itself: %s does not honour any more what you gave %s. %s has said nothing.", Host(c), agent, agent)))
	default:
		s.Line(Bold("Why:"), Words(" The agent gave no reason."))
	}
}

func (s sheet) phrase(c bridge.Card) {
	phrase := Clean(c.Phrase, MaxPhrase)
	switch {
	case phrase == "":
	case c.Digits:
		s.Line(Bold("Check phrase:"), Words(" "), Bold(phrase), Words("\nThe agent that asks shows the same words, and four digits. You are asked for them: if you cannot see them, it is not yours."))
	default:
		s.Line(Bold("Check phrase:"), Words(" "), Bold(phrase), Words("\nThe agent that asks shows the same; it proves nothing more."))
	}
}

// wayOut stands above the code.
func (s sheet) wayOut(c bridge.Card) {
	s.Line(Words("Not expected? Press "), Bold("I did not ask for this"),
		Words(". Buttons here give nothing away: access is granted only on "), Bold(Host(c)), Words("."))
	also := "I did not ask for this also stops the agent from asking you again."
	if c.Team != "" {
		also += " Like Deny it ends the request for all of the team; Release leaves it to the others."
	}
	s.Aside(Words(also))
}

func (s sheet) notes(c bridge.Card) {
	s.Line(Words(Clean(c.Whose, MaxLine)))
	s.Line(Words(Clean(c.Note, MaxEnding)))
	s.mixed(c)
}

// mixed warns of words that look like others.
func (s sheet) mixed(c bridge.Card) {
	all := slices.Concat([]string{c.Title, c.Who, c.Question, c.Note, c.Ending}, c.Says, c.Details)
	for _, one := range c.Scopes {
		all = append(all, one.Words, one.Scope)
	}
	if slices.ContainsFunc(all, mixes) {
		s.Line(Bold("Careful:"), Words(" a word here has letters of several alphabets (mixed alphabets). It may not be what it looks like."))
	}
}

func (s sheet) progress(c bridge.Card) {
	switch {
	case c.Minting:
		s.Line(Words("The code is on its way."))
	case c.Question != "":
		s.Line(Words(Clean(c.Question, MaxEnding)))
		s.Aside(Words("Access was granted with your code. Nothing is handed out before you say that this account is yours: if you did not do it, press Not mine. Mine is remembered: you are not asked again."))
	case c.State == bridge.Held:
		s.Line(Words("Access was granted with your code. Whose account signed in is being checked before anything is handed out."))
	}
}

// steps has the code where it can be copied.
func (s sheet) steps(c bridge.Card) {
	if c.Code == nil {
		return
	}
	at, below := AtPath(c.Code.Address)
	s.Line(Words("Open "), Bold(at), Words(below+" and enter"))
	s.Code(c.Code.UserCode)
	s.Aside(Words("The code lapses "), At(c.Code.LapsesAt))
}

func (s sheet) foot(c bridge.Card) { s.Aside(Words(Named(c))) }
