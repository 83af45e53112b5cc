package discord

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/bridge"
)

// What can be pressed. The custom_id of a button is customPrefix, what it does
// and what to do it to, with a colon between: the id of a request as a rule. A
// number follows where a message would hold the same twice. Besides the verbs
// of a card there are these.
const (
	doPage = "page"  // of a list: the number of another page, from 0
	doSure = "sure." // and a verb: they are sure
	doKeep = "keep"  // they are not

	doPrivately = "privately" // Show again, on what the fallback channel says
)

// What Discord takes.
const (
	maxLabel   = 80 // on a button
	maxRows    = 5
	maxButtons = 5 // in a row
)

func customID(doing, to string) string { return customPrefix + doing + ":" + to }

// pressedOn reads a custom_id: what it does, and to what. What is none of ours
// is not.
func pressedOn(custom string) (doing, to string, ours bool) {
	rest, ours := strings.CutPrefix(custom, customPrefix)
	doing, to, has := strings.Cut(rest, ":")
	to, _, _ = strings.Cut(to, ":")
	return doing, to, ours && has && doing != "" && to != ""
}

// sureOf is the verb of which a button says that somebody is sure.
func sureOf(doing string) (bridge.Verb, bool) {
	verb, ok := strings.CutPrefix(doing, doSure)
	return bridge.Verb(verb), ok && asksFirst(bridge.Verb(verb))
}

// asksFirst reports whether who presses a button is asked whether they are
// sure: Discord has no dialog of its own for that.
func asksFirst(v bridge.Verb) bool { return v == bridge.VerbRevoke || v == bridge.VerbDecline }

// Buttons implements [chat.Pen].
func (s *sheet) Buttons(c bridge.Card, all []bridge.Button) { s.row(buttonsOf(c, all)) }

// row adds buttons below a message, in rows of five. Discord takes no message
// in which two carry the same.
func (s *sheet) row(all []discordgo.Button) {
	for some := range slices.Chunk(all, maxButtons) {
		if len(s.rows) == maxRows {
			return
		}
		row := discordgo.ActionsRow{}
		for _, b := range some {
			if b.CustomID != "" {
				b.CustomID = s.unlike(b.CustomID)
			}
			row.Components = append(row.Components, b)
		}
		s.rows = append(s.rows, row)
	}
}

// unlike is a custom_id that the message has not yet, with the same meaning.
func (s *sheet) unlike(id string) string {
	if s.carried == nil {
		s.carried = map[string]int{}
	}
	if s.carried[id]++; s.carried[id] > 1 {
		return fmt.Sprintf("%s:%d", id, s.carried[id])
	}
	return id
}

// buttonsOf are some buttons of a card. Nothing that goes on stands out.
func buttonsOf(c bridge.Card, some []bridge.Button) []discordgo.Button {
	var all []discordgo.Button
	for _, b := range some {
		if made, ok := button(b, c); ok {
			all = append(all, made)
		}
	}
	return all
}

// button is a button of a card; false = one without a label, or that leads
// nowhere.
func button(b bridge.Button, c bridge.Card) (discordgo.Button, bool) {
	made := discordgo.Button{Label: labelOf(b.Label), Style: discordgo.SecondaryButton}
	switch b.Verb { //nolint:exhaustive // the others have nothing of their own
	case bridge.VerbOpened:
		if c.Code == nil {
			return discordgo.Button{}, false
		}
		made.Style, made.URL = discordgo.LinkButton, c.Code.Open.Reveal()
		return made, made.Label != ""
	case bridge.VerbNotMe, bridge.VerbDecline, bridge.VerbRevoke:
		made.Style = discordgo.DangerButton
	}
	made.CustomID = customID(string(b.Verb), string(c.Request))
	return made, made.Label != "" && len(made.CustomID) < maxCustom-len(":99")
}

// labelOf is what may stand on a button. Discord reads no markup there.
func labelOf(s string) string {
	for n := maxLabel; n > 0; n-- {
		if cut := bridge.Inert(bridge.Clean(s, n)); length(cut) <= maxLabel {
			return cut
		}
	}
	return ""
}
