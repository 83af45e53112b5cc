package discord

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// response is the first answer to an interaction.
type response struct {
	Type discordgo.InteractionResponseType `json:"type"`
	Data wording                           `json:"data"`
}

// alone has a message seen by nobody but who did something.
func (m message) alone() wording {
	w := m.wording()
	w.Flags |= discordgo.MessageFlagsEphemeral
	return w
}

// say answers with a message that nobody else sees; it never has a code.
func (a *Adapter) say(in inbound, m message) answer {
	late := func(ctx context.Context) error {
		_, err := a.line.followUp(ctx, in.exchange(), m.alone())
		return err
	}
	if in.kind == commanded { // something is coming, it says
		late = func(ctx context.Context) error { return a.line.editFirst(ctx, in.exchange(), m.wording()) }
	}
	return answer{Body: response{discordgo.InteractionResponseChannelMessageWithSource, m.alone()}, Late: a.lately(late)}
}

// word answers with a word; with none, not at all.
func (a *Adapter) word(in inbound, word string) answer {
	if word == "" {
		return answer{}
	}
	return a.say(in, wordMessage(word))
}

// instead puts a message in the place of the one that was pressed on, which
// only who pressed it sees.
func (a *Adapter) instead(in inbound, m message) answer {
	if !in.ephemeral {
		return a.say(in, m)
	}
	return answer{
		Body: response{discordgo.InteractionResponseUpdateMessage, m.wording()},
		Late: a.lately(func(ctx context.Context) error { return a.line.editFirst(ctx, in.exchange(), m.wording()) }),
	}
}

func (a *Adapter) lately(do func(context.Context) error) func(context.Context) {
	return func(ctx context.Context) {
		if err := do(ctx); err != nil {
			a.log.WarnContext(ctx, "discord: answer somebody", "err", err)
		}
	}
}

// serve does what somebody did.
func (a *Adapter) serve(ctx context.Context, in inbound) answer {
	a.noteMember(in)
	switch in.kind {
	case pressed:
		return a.press(ctx, in)
	case submitted:
		return a.submit(ctx, in)
	case commanded:
		return a.command(ctx, in)
	}
	return answer{}
}

// deed is what a button does, and to which request. Only its id says so; all
// else is looked up.
type deed struct {
	verb    bridge.Verb
	request bridge.RequestID

	sure     bool // they were asked, and said so
	fallback bool // it is the button of the fallback channel
}

// deedOf is what a button says; false = nothing that is done to a request.
func deedOf(doing, to string) (deed, bool) {
	d := deed{verb: bridge.Verb(doing), request: bridge.RequestID(to)}
	if verb, sure := sureOf(doing); sure {
		d.verb, d.sure = verb, true
	}
	if doing == doPrivately {
		d.verb, d.fallback = bridge.VerbShowAgain, true
	}
	return d, chat.IsVerb(d.verb)
}

// press does what a button says. Whoever presses it, and however late, gets an
// answer: the card that changes, or a word.
func (a *Adapter) press(ctx context.Context, in inbound) answer {
	doing, to, ours := pressedOn(in.custom)
	if !ours {
		return answer{}
	}
	switch doing {
	case doTry:
		return a.tried(in, to)
	case doKeep:
		return a.instead(in, keptMessage())
	case doPage:
		return a.page(ctx, in, to)
	}
	d, known := deedOf(doing, to)
	if !known {
		return answer{}
	}
	who, word := a.clicker(ctx, in)
	if word != "" {
		a.turnedAway(ctx, in, d, word)
		return a.word(in, word)
	}
	if asksFirst(d.verb) && !d.sure {
		return a.say(in, sureMessage(a.cardOf(ctx, who.Human, d.request), d.verb))
	}
	return a.do(ctx, in, who, d)
}

// do does it.
func (a *Adapter) do(ctx context.Context, in inbound, who bridge.Clicker, d deed) answer {
	a.keepPressing(in, d.request)
	card, word, err := a.desk.Click(ctx, who, d.request, d.verb)
	if err == nil && (word == "" || !d.fallback) { // a colleague's press makes it not theirs
		a.adopt(ctx, in, who, d)
	}
	if err == nil && chat.WantsDigits(d.verb, card, word) {
		return answer{Body: digitsModal(card, d.verb), Late: a.say(in, wordMessage("That took too long. Press again, please.")).Late}
	}
	word = a.excuse(ctx, word, err)
	switch {
	case d.sure && word == "":
		return a.instead(in, wordMessage(card.Ending))
	case d.sure:
		return a.instead(in, wordMessage(word))
	case word == "" && d.verb == bridge.VerbShowAgain:
		word = "Your card comes anew, to you alone."
	}
	return a.word(in, word)
}

// cardOf is a card of what a human sees; one without words if it is none.
func (a *Adapter) cardOf(ctx context.Context, human string, id bridge.RequestID) bridge.Card {
	in, err := a.desk.Inbox(ctx, human)
	if err != nil {
		return bridge.Card{Request: id}
	}
	for _, c := range slices.Concat(in.Given, in.Waiting, in.Earlier) {
		if c.Request == id {
			return c
		}
	}
	return bridge.Card{Request: id}
}

// adopt tells the bridge which message was pressed: it may be the card of a
// post whose answer was lost.
func (a *Adapter) adopt(ctx context.Context, in inbound, who bridge.Clicker, d deed) {
	if in.ephemeral || in.message == "" {
		return
	}
	ref, place := inChannel+in.channel+"/"+in.message, bridge.Address(in.channel)
	switch {
	case in.direct:
		place = ""
	case d.fallback:
		ref, place = inFallback+in.channel+"/"+in.message+"/"+in.user, ""
	}
	if err := a.desk.Adopt(ctx, who, d.request, bridge.MessageRef(ref), place); err != nil {
		a.log.WarnContext(ctx, "discord: take note of a message that was pressed", "err", err)
	}
}

// keepPressing lets the card of a request come to who has just done something
// about it, there and to them alone.
func (a *Adapter) keepPressing(in inbound, id bridge.RequestID) {
	if left := exchangeFor - time.Since(in.at); left > 0 {
		p := pressing{exchange: in.exchange(), direct: in.direct, answered: in.answered}
		a.known.pressings.Put(pressingKey(in.user, id), p, left)
	}
}

// page shows another page of a list in the place of the one before.
func (a *Adapter) page(ctx context.Context, in inbound, to string) answer {
	page, err := strconv.Atoi(to)
	if err != nil {
		return answer{}
	}
	who, word := a.clicker(ctx, in)
	if word != "" {
		return a.word(in, word)
	}
	inbox, err := a.desk.Inbox(ctx, who.Human)
	if err != nil {
		return a.word(in, a.excuse(ctx, "", err))
	}
	return a.instead(in, listMessage(inbox, page))
}

// clicker says who did something. word is for somebody who has no say.
func (a *Adapter) clicker(ctx context.Context, in inbound) (who bridge.Clicker, word string) {
	if word = outsider(in); word != "" {
		return bridge.Clicker{}, word
	}
	human, err := a.desk.HumanAt(ctx, channelName, bridge.Address(in.user))
	switch {
	case errors.Is(err, bridge.ErrNotFound):
		return bridge.Clicker{}, chat.UnknownHere
	case err != nil:
		return bridge.Clicker{}, a.excuse(ctx, "", err)
	}
	return bridge.Clicker{Human: human, Channel: channelName, User: in.user}, ""
}

// outsider says why somebody has no say, whoever they are said to be; "" = they
// may have one.
func outsider(in inbound) string {
	switch {
	case in.bot:
		return "A bot has no say here. Nothing happened."
	case in.pending:
		return "Who has not yet agreed to the rules of this server has no say here. Nothing happened."
	}
	return ""
}

// turnedAway tells the audit log that somebody who is nobody here pressed a
// button.
func (a *Adapter) turnedAway(ctx context.Context, in inbound, d deed, why string) {
	if err := a.turned.Tell(ctx, in.user, d.verb, d.request, why); err != nil {
		a.log.WarnContext(ctx, "discord: turn somebody away", "err", err)
	}
}

// excuse is a word, or what to say of a fault instead.
func (a *Adapter) excuse(ctx context.Context, word string, err error) string {
	if err == nil {
		return word
	}
	word, fault := chat.Excuse(err)
	a.ours(ctx, fault)
	return word
}

// ours logs a fault of the bridge's own, if there is one.
func (a *Adapter) ours(ctx context.Context, fault error) {
	if fault != nil {
		a.log.ErrorContext(ctx, "discord: do what somebody pressed or typed", "err", fault)
	}
}

// submit takes the digits. What is to be said of wrong ones is said beside the
// card: Discord closes a modal whatever stands in it.
func (a *Adapter) submit(ctx context.Context, in inbound) answer {
	doing, to, ours := pressedOn(in.custom)
	verb, digits := digitsVerb(doing)
	if !ours || !digits {
		return answer{}
	}
	d := deed{verb: verb, request: bridge.RequestID(to)}
	who, word := a.clicker(ctx, in)
	if word != "" {
		a.turnedAway(ctx, in, d, word)
		return a.word(in, word)
	}
	a.keepPressing(in, d.request)
	who.Typed = in.typed
	_, word, err := a.desk.Click(ctx, who, d.request, d.verb)
	return a.word(in, a.excuse(ctx, word, err))
}
