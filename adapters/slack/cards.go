package slack

import (
	"fmt"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/bridge"
)

// How cards look in Slack. Their lines have one order everywhere: state, who,
// what, why, check phrase, the way out, the steps with the code, until when,
// buttons. Line 1 begins with the state in words.

// message is what stands in a place, and the text of it that a notification
// shows and a screen reader reads instead.
type message struct {
	text   string
	blocks []slackgo.Block
}

// How much of a text is shown, in characters.
const (
	maxTitle  = 200
	maxLine   = 300 // who, notes
	maxEnding = 600
	maxReason = 300
	maxMore   = 100 // of what an agent says besides its reason
	maxSays   = 9
	maxScope  = 200
	maxScopes = 5000 // all of them, escaped
	maxPhrase = 60
)

// cardMessage lays out a card as a message. A card with a code that is not for
// one human's eyes alone, and one with a code or an address that is none, is
// [bridge.ErrInvalid].
func cardMessage(c bridge.Card) (message, error) {
	if err := vet(c); err != nil {
		return message{}, err
	}
	var s sheet
	switch {
	case c.View == bridge.ViewNotice || c.View == bridge.ViewReminder:
		s.line(c)
	case c.Ending != "":
		s.ended(c)
	case shared(c):
		s.forTeam(c)
	default:
		s.forOne(c)
	}
	return message{fallback(c), s.blocks}, nil
}

// shared reports whether others see the card, too.
func shared(c bridge.Card) bool { return c.Shared || c.View != bridge.ViewPrivate }

// sheet is a list of blocks that is being written.
type sheet struct{ blocks []slackgo.Block }

func (s *sheet) add(b slackgo.Block) { s.blocks = append(s.blocks, b) }

// say adds a line, if it has words.
func (s *sheet) say(spans ...span) {
	if slices.ContainsFunc(spans, func(p span) bool { return p.text != "" }) {
		s.section(textOf(spans...))
	}
}

// section adds a text that is never folded away behind "see more".
func (s *sheet) section(t *slackgo.TextBlockObject) {
	s.add(slackgo.NewSectionBlock(t, nil, nil, slackgo.SectionBlockOptionExpand(true)))
}

// aside adds small print, if it has words.
func (s *sheet) aside(t *slackgo.TextBlockObject) {
	if t.Text != "" {
		s.add(slackgo.NewContextBlock("", t))
	}
}

// list adds lines below a label, in as many blocks as they need.
func (s *sheet) list(label span, lines []string) {
	const most = 2800
	part, size := []span{label}, 0
	for _, line := range lines {
		if n := length(line) + 1; size+n > most {
			s.say(part...)
			part, size = nil, 0
		}
		if len(part) > 0 {
			line = "\n" + line
		}
		part, size = append(part, words(line)), size+length(line)+1
	}
	s.say(part...)
}

// line is the whole of a notice or a reminder.
func (s *sheet) line(c bridge.Card) {
	s.title(c)
	s.say(words(strings.TrimSpace(clean(c.Note, maxLine) + " " + clean(c.Ending, maxEnding))))
	s.aside(markup(openTo(c)))
}

// forOne is an open request for the eyes of the one who can grant it.
func (s *sheet) forOne(c bridge.Card) {
	s.about(c)
	s.phrase(c)
	if c.State != bridge.Held {
		s.wayOut(c)
	}
	s.notes(c)
	s.progress(c)
	s.steps(c)
	s.aside(markup(openTo(c)))
	s.actions(c)
	s.foot(c)
}

// forTeam is an open request as all of the team see it.
func (s *sheet) forTeam(c bridge.Card) {
	s.about(c)
	if slices.ContainsFunc(c.Buttons, func(b bridge.Button) bool { return b.Verb == bridge.VerbClaim }) {
		s.say(words("Claim shows a code to you alone. Buttons here give nothing away: access is granted only on "), bold(host(c)), words("."))
		s.aside(markup("Decline for the team ends the request for all of the team."))
	}
	s.notes(c)
	if c.Claim.By != "" && !c.Claim.At.IsZero() {
		s.aside(markup("Claimed " + date(c.Claim.At) + "; until " + date(c.Claim.Until)))
	}
	s.aside(markup(openTo(c)))
	s.actions(c)
	s.foot(c)
}

// ended is a request that is over, or what it has led to.
func (s *sheet) ended(c bridge.Card) {
	s.title(c)
	s.say(words(clean(c.Ending, maxEnding)))
	s.mixed(c)
	if approved(c) && c.Host != "" { // a line in place of a card has none
		s.list(bold("What:"), scopes(c))
	}
	s.aside(markup(times(c)))
	s.actions(c)
	s.foot(c)
}

// about is what stands on every card of an open request.
func (s *sheet) about(c bridge.Card) {
	s.title(c)
	if who := clean(c.Who, maxLine); who != "" {
		s.say(bold("Who:"), words(" "+who))
	}
	if team := clean(c.Team, maxLine); team != "" {
		s.say(bold("Asks:"), words(" anybody of the team "), bold(team))
	}
	s.list(bold("What:"), append(scopes(c), howLong(c)))
	s.why(c)
}

func (s *sheet) title(c bridge.Card) {
	s.say(bold(clean(c.Headline, maxTitle)), words(" · "+clean(c.Title, maxTitle)))
}

// scopes says in one line for each what the agent wants.
func scopes(c bridge.Card) []string {
	if len(c.Scopes) == 0 {
		return []string{"No scopes are named: " + host(c) + " decides what it gives."}
	}
	var lines []string
	size := 0
	for i, one := range c.Scopes {
		line := "• " + scopeLine(one)
		if size += length(line); size > maxScopes {
			return append(lines, fmt.Sprintf("… and %d more, too many to show. If you do not know what they are, deny this.", len(c.Scopes)-i))
		}
		lines = append(lines, line)
	}
	return lines
}

func scopeLine(s bridge.ScopeLine) string {
	line := clean(s.Scope, maxScope)
	if said := clean(s.Words, maxScope); said != "" {
		line = said + " (" + line + ")"
	} else {
		line += " (no description on file)"
	}
	if s.New {
		line += ", new"
	}
	return line
}

// howLong says for how long the human's yes counts.
func howLong(c bridge.Card) string {
	agent, team := clean(c.Agent, maxTitle), clean(c.Team, maxTitle)
	switch {
	case c.Reuse > 0 && team != "" && shared(c):
		return fmt.Sprintf("For %s from the yes of whoever claims it, then it is taken back; until then %s may ask %s again without you. It belongs to whoever gives it.", counted(c.Reuse), agent, team)
	case c.Reuse > 0 && team != "":
		return fmt.Sprintf("For %s from your yes, then it is taken back; until then %s may ask %s again without you. It is yours to take back.", counted(c.Reuse), agent, team)
	case c.Reuse > 0:
		return fmt.Sprintf("For %s from your yes, then it is taken back; until then %s may ask again without you.", counted(c.Reuse), agent)
	case team != "":
		return fmt.Sprintf("One token, for as long as the provider lets it live; %s has to ask %s again every time.", agent, team)
	}
	return fmt.Sprintf("One token, for as long as the provider lets it live; %s has to ask you again every time.", agent)
}

// why has the agent's words in a block of their own, in which Slack reads
// nothing.
func (s *sheet) why(c bridge.Card) {
	agent := clean(c.Agent, maxTitle)
	said := says(c)
	switch {
	case len(said) > 0:
		s.say(bold("Why:"), words(" The agent says (not checked):"))
		s.add(slackgo.NewSectionBlock(plainText(strings.Join(said, "\n")), nil, nil, slackgo.SectionBlockOptionExpand(true)))
	case c.Renewal:
		s.say(bold("Why:"), words(fmt.Sprintf(" The bridge asks this by itself: %s does not honour any more what you gave %s. %s has said nothing.", host(c), agent, agent)))
	default:
		s.say(bold("Why:"), words(" The agent gave no reason."))
	}
}

// says are the agent's words, a line each, in quotes. Escaped they fit into
// one block.
func says(c bridge.Card) []string {
	const most = 2900
	var lines []string
	size := 0
	for i, one := range c.Says {
		limit := maxMore
		if i == 0 {
			limit = maxReason
		}
		said := clean(one, limit)
		if said == "" {
			continue
		}
		line := "“" + said + "”"
		if size += length(line) + 1; size > most || len(lines) == maxSays {
			return append(lines, "…")
		}
		lines = append(lines, line)
	}
	return lines
}

func (s *sheet) phrase(c bridge.Card) {
	phrase := clean(c.Phrase, maxPhrase)
	switch {
	case phrase == "":
	case c.Digits:
		s.say(bold("Check phrase:"), words(" "), bold(phrase), words("\nThe agent that asks shows the same words, and four digits. You are asked for them: if you cannot see them, it is not yours."))
	default:
		s.say(bold("Check phrase:"), words(" "), bold(phrase), words("\nThe agent that asks shows the same; it proves nothing more."))
	}
}

// wayOut stands above the code.
func (s *sheet) wayOut(c bridge.Card) {
	s.say(words("Not expected? Press "), bold("I did not ask for this"),
		words(". Buttons here give nothing away: access is granted only on "), bold(host(c)), words("."))
	also := "I did not ask for this also stops the agent from asking you again."
	if c.Team != "" {
		also += " Like Deny it ends the request for all of the team; Release leaves it to the others."
	}
	s.aside(markup(also))
}

// host is where access is granted, in words.
func host(c bridge.Card) string {
	if at := clean(c.Host, maxTitle); at != "" {
		return at
	}
	return "the provider's own page"
}

func (s *sheet) notes(c bridge.Card) {
	s.say(words(clean(c.Whose, maxLine)))
	s.say(words(clean(c.Note, maxEnding)))
	s.mixed(c)
}

// mixed warns of words that look like others.
func (s *sheet) mixed(c bridge.Card) {
	all := append([]string{c.Title, c.Who, c.Question, c.Note, c.Ending}, c.Says...)
	for _, one := range c.Scopes {
		all = append(all, one.Words, one.Scope)
	}
	if slices.ContainsFunc(all, mixes) {
		s.say(bold("Careful:"), words(" a word here has letters of several alphabets (mixed alphabets). It may not be what it looks like."))
	}
}

func (s *sheet) progress(c bridge.Card) {
	switch {
	case c.Minting:
		s.say(words("The code is on its way."))
	case c.Question != "":
		s.say(words(clean(c.Question, maxEnding)))
		s.aside(markup("Access was granted with your code. Nothing is handed out before you say that this account is yours: if you did not do it, press Not mine. Mine is remembered: you are not asked again."))
	case c.State == bridge.Held:
		s.say(words("Access was granted with your code. Whose account signed in is being checked before anything is handed out."))
	}
}

// steps has the code in a block that a click copies.
func (s *sheet) steps(c bridge.Card) {
	if c.Code == nil {
		return
	}
	at, below := atPath(c.Code.Address)
	s.say(words("Open "), bold(at), words(below+" and enter"))
	s.section(markup("```" + c.Code.UserCode.Reveal() + "```"))
	s.aside(markup("The code lapses " + date(c.Code.LapsesAt)))
}

// openTo says how long the request waits, as markup.
func openTo(c bridge.Card) string {
	switch {
	case c.OpenTo.IsZero(), c.State == bridge.Held && !shared(c) && c.Question == "":
		return ""
	case !shared(c) && !c.Claim.Until.IsZero():
		return "Yours until " + date(c.Claim.Until) + ", then others of the team can claim it. Open until " + date(c.OpenTo)
	}
	return "Open until " + date(c.OpenTo)
}

// times are those of a request that is over, as markup.
func times(c bridge.Card) string {
	var all []string
	switch {
	case c.Live && c.UsedAt.IsZero():
		all = append(all, "Not used yet")
	case c.Live:
		all = append(all, "Last used "+date(c.UsedAt))
	}
	switch {
	case !c.Until.IsZero() && !c.Live && len(c.Buttons) == 0: // what is over is not revoked, or withheld, until then
		all = append(all, "Access until "+date(c.Until))
	case !c.Until.IsZero():
		all = append(all, "Until "+date(c.Until))
	case !c.EndedAt.IsZero():
		all = append(all, "Ended "+date(c.EndedAt))
	case !c.AskedAt.IsZero():
		all = append(all, "Asked "+date(c.AskedAt))
	}
	return strings.Join(all, " · ")
}

// approved reports whether the human gave what was asked, even if this request
// ended otherwise because another one of the agent had it.
func approved(c bridge.Card) bool {
	revocable := slices.ContainsFunc(c.Buttons, func(b bridge.Button) bool { return b.Verb == bridge.VerbRevoke })
	return c.State == bridge.Granted || c.State == bridge.Collected || !c.Until.IsZero() || revocable
}

func (s *sheet) foot(c bridge.Card) { s.aside(markup(named(c))) }

// named is how people name a request to each other, as markup.
func named(c bridge.Card) string {
	if short := c.Request.Short(); tame(short) {
		return "req " + short
	}
	return "req ?"
}
