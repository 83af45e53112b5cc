package slack

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// serve does what somebody did.
func (a *Adapter) serve(ctx context.Context, in inbound) answer {
	if !a.forUs(in) {
		a.log.WarnContext(ctx, "slack: something came that is not for this installation of the app", "what", in.kind)
		return answer{}
	}
	switch in.kind {
	case pressed:
		if !a.tried(ctx, in) {
			a.press(ctx, in)
		}
	case submitted:
		return a.submit(ctx, in)
	case commanded:
		return a.command(ctx, in)
	case homeOpened:
		a.openHome(ctx, in)
	case closed, uninstalled, revoked: // an edit learns of the first, the line of the others
	}
	return answer{}
}

// forUs reports whether something is for the app of this bridge, installed in
// a workspace and not in a whole organisation.
func (a *Adapter) forUs(in inbound) bool {
	app := a.line.self().app
	return !in.orgWide && (app == "" || in.app == app)
}

// deed is what a button does. Only its id says so; all else is looked up.
type deed struct {
	verb    bridge.Verb
	request bridge.RequestID
	agent   string // of actionAllow, which is about no request
}

// deedOf reads what was pressed. What is no button of ours, or one that only
// leads somewhere, is none.
func deedOf(in inbound) (deed, bool) {
	if len(in.actions) != 1 {
		return deed{}, false
	}
	what, ours := strings.CutPrefix(in.actions[0].id, actionPrefix)
	name, _, _ := strings.Cut(what, ".")
	value := in.actions[0].value
	if name == actionAllow {
		return deed{verb: bridge.VerbAllowAgain, agent: value}, ours && value != ""
	}
	verb := bridge.Verb(name)
	return deed{verb: verb, request: bridge.RequestID(value)}, ours && chat.IsVerb(verb)
}

// triggerLife is how long what somebody pressed can open a modal: Slack allows
// three seconds, and the way there takes some.
const triggerLife = 2500 * time.Millisecond

// press does what a button says. Whoever presses it, and however late, gets
// an answer: the card that changes, or a word.
func (a *Adapter) press(ctx context.Context, in inbound) {
	d, ok := deedOf(in)
	if !ok {
		return
	}
	who, word := a.clicker(ctx, in, chat.Weighty(d.verb))
	if word != "" {
		a.turnedAway(ctx, in, d, word)
		a.tell(ctx, in, word, bridge.Card{})
		return
	}
	if d.agent != "" {
		word, err := a.desk.AllowAgain(ctx, who, d.agent)
		a.tell(ctx, in, a.excuse(ctx, word, err), bridge.Card{})
		return
	}
	a.keepTrigger(in, d.request)
	card, word, err := a.desk.Click(ctx, who, d.request, d.verb)
	if err == nil {
		a.adopt(ctx, in, who, d.request)
	}
	if err == nil && chat.WantsDigits(d.verb, card, word) && a.askDigits(ctx, in, d, card) {
		return
	}
	a.tell(ctx, in, a.reaction(ctx, in, d, card, word, err), card)
}

// adopt tells the bridge which message was pressed: it may be the card of a
// post whose answer was lost.
func (a *Adapter) adopt(ctx context.Context, in inbound, who bridge.Clicker, id bridge.RequestID) {
	ref := bridge.MessageRef(in.channel + "/" + in.message)
	if _, err := placeOf(ref); in.container != "message" || in.ephemeral || err != nil {
		return
	}
	place := bridge.Address(in.channel)
	if isDirect(in.channel) {
		place = ""
	}
	if err := a.desk.Adopt(ctx, who, id, ref, place); err != nil {
		a.log.WarnContext(ctx, "slack: take note of a message that was pressed", "err", err)
	}
}

// keepTrigger lets the card of a request come to who has just done something
// about it, even if no direct message does.
func (a *Adapter) keepTrigger(in inbound, id bridge.RequestID) {
	if left := triggerLife - time.Since(in.at); left > 0 && !in.trigger.IsZero() {
		a.known.triggers.Put(triggerKey(in.user, id), in.trigger, left)
	}
}

// reaction is the word to who pressed something, "" = they see what it did.
func (a *Adapter) reaction(ctx context.Context, in inbound, d deed, card bridge.Card, word string, err error) string {
	word = a.excuse(ctx, word, err)
	onCard := in.container == "message" && !in.ephemeral || in.view.callback == modalCard
	switch {
	case word == "" && d.verb == bridge.VerbShowAgain: // also on the team's card, which does not change by it
		return "Your card comes anew, to you alone: it is the last one in your direct messages, or a window here if you take none."
	case word != "" || onCard || d.verb == bridge.VerbOpened:
		return word
	case in.view.kind == "home": // which changes by itself
		return ""
	}
	return card.Ending
}

// clicker says who pressed something: who they are at Slack now, and who that
// is here. word is for somebody who has no say.
//
// Only for a human of the bridge's is Slack asked anew. It answers so many such
// questions a minute, and a card in a channel can be pressed by everybody
// there: they could use them up, and nobody would be shown a code.
func (a *Adapter) clicker(ctx context.Context, in inbound, fresh bool) (who bridge.Clicker, word string) {
	_, err := a.desk.HumanAt(ctx, channelName, bridge.Address(in.user))
	known := err == nil
	if word = a.vouch(ctx, in, fresh && known); word != "" {
		return bridge.Clicker{}, word
	}
	human, err := a.human(ctx, in.user)
	if err == nil && fresh && !known { // they have just become one
		if word = a.vouch(ctx, in, true); word != "" {
			return bridge.Clicker{}, word
		}
	}
	switch {
	case errors.Is(err, bridge.ErrNotFound):
		return bridge.Clicker{}, chat.UnknownHere
	case err != nil:
		return bridge.Clicker{}, a.excuse(ctx, "", err)
	}
	return bridge.Clicker{Human: human, Channel: channelName, User: in.user}, ""
}

// vouch makes sure of who somebody is at Slack. Only what Slack itself says
// counts, and while it says nothing, nobody has a say.
func (a *Adapter) vouch(ctx context.Context, in inbound, fresh bool) (word string) {
	team, err := a.team(ctx)
	if err == nil && (in.team != team || in.userTeam != "" && in.userTeam != team) {
		return "Only members of the bridge's own workspace have a say here. Nothing happened."
	}
	u, err2 := a.user(ctx, in.user, fresh)
	switch err = errors.Join(err, err2); {
	case errors.Is(err, bridge.ErrUnreachable):
		return "Slack does not tell the bridge who you are. Nothing happened."
	case err != nil:
		a.log.WarnContext(ctx, "slack: look up who pressed a button", "err", err)
		return "Slack does not say just now who you are. Nothing happened: try again in a moment."
	}
	if why := a.outsider(u, team); why != "" {
		return why + " Nothing happened."
	}
	return ""
}

// turnedAway tells the audit log that somebody who is nobody here pressed a
// button.
func (a *Adapter) turnedAway(ctx context.Context, in inbound, d deed, why string) {
	if err := a.turned.Tell(ctx, in.user, d.verb, d.request, why); err != nil {
		a.log.WarnContext(ctx, "slack: turn somebody away", "err", err)
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
		a.log.ErrorContext(ctx, "slack: do what somebody pressed or typed", "err", fault)
	}
}
