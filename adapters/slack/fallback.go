package slack

import (
	"strings"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// maxPush bounds the text of a notification, escaped.
const maxPush = 250

// maxSpoken bounds the text that tells a code, which notifies nobody.
const maxSpoken = 1500

// fallback is the text of a card, for notifications and for those who hear
// it: state, title, who, what and until when, in one line. Only an edit can
// carry a card with a code; then the text tells the code, too.
func fallback(c bridge.Card) string {
	head := said(chat.Clean(c.Headline, chat.MaxTitle)+": "+chat.Clean(c.Title, chat.MaxTitle), 120)
	until := ""
	if !c.OpenTo.IsZero() {
		until = "Open until " + chat.UTC(c.OpenTo) + "."
	}
	switch {
	case c.Code != nil:
		return escape(within(head+" "+howTo(*c.Code)+" "+aboutIt(c), maxSpoken))
	case c.Ending != "" || c.View == bridge.ViewNotice || c.View == bridge.ViewReminder:
		return fit(head, said(chat.Clean(c.Note, chat.MaxLine), chat.MaxLine)+" "+said(chat.Clean(c.Ending, chat.MaxEnding), chat.MaxEnding), until)
	}
	return fit(head, aboutIt(c), until)
}

// fit makes one text of a beginning, as much as there is room for of a middle,
// and an end.
func fit(head, middle, end string) string {
	room := maxPush - length(head) - length(end) - 2
	middle = within(middle, room)
	return escape(strings.Join(strings.Fields(head+" "+middle+" "+end), " "))
}

// said is a text of which nothing could be markup, as a sentence.
func said(s string, most int) string {
	s = bare(within(s, most))
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "…") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// aboutIt says what is new, who asks and for what.
func aboutIt(c bridge.Card) string {
	var all []string
	if c.Minting {
		all = append(all, "The code is on its way.")
	}
	for _, one := range []string{chat.Clean(c.Note, chat.MaxEnding), chat.Clean(c.Question, chat.MaxEnding), chat.Clean(c.Who, chat.MaxLine)} {
		all = append(all, said(one, maxPush))
	}
	var wanted []string
	for _, one := range c.Scopes {
		if line := chat.Clean(one.Words, chat.MaxScope); line != "" {
			wanted = append(wanted, line)
		} else {
			wanted = append(wanted, chat.Clean(one.Scope, chat.MaxScope))
		}
	}
	for _, one := range c.Details {
		wanted = append(wanted, chat.Clean(one, chat.MaxDetail))
	}
	return strings.Join(append(all, said(strings.Join(wanted, ", "), maxPush)), " ")
}

// howTo tells the code, and the way out before it.
func howTo(code bridge.ShownCode) string {
	return "Not expected? Press I did not ask for this. Open " + bare(chat.Plain(code.Address)) + " and enter the code " +
		chat.Spelled(code.UserCode.Reveal()) + ". It lapses " + chat.UTC(code.LapsesAt) + "."
}
