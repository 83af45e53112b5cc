package slack

import (
	"strings"

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
	head := said(clean(c.Headline, maxTitle)+": "+clean(c.Title, maxTitle), 120)
	until := ""
	if !c.OpenTo.IsZero() {
		until = "Open until " + utc(c.OpenTo) + "."
	}
	switch {
	case c.Code != nil:
		return escape(within(head+" "+howTo(*c.Code)+" "+aboutIt(c), maxSpoken))
	case c.Ending != "" || c.View == bridge.ViewNotice || c.View == bridge.ViewReminder:
		return fit(head, said(clean(c.Note, maxLine), maxLine)+" "+said(clean(c.Ending, maxEnding), maxEnding), until)
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
	for _, one := range []string{clean(c.Note, maxEnding), clean(c.Question, maxEnding), clean(c.Who, maxLine)} {
		all = append(all, said(one, maxPush))
	}
	var wanted []string
	for _, one := range c.Scopes {
		if line := clean(one.Words, maxScope); line != "" {
			wanted = append(wanted, line)
		} else {
			wanted = append(wanted, clean(one.Scope, maxScope))
		}
	}
	return strings.Join(append(all, said(strings.Join(wanted, ", "), maxPush)), " ")
}

// howTo tells the code, and the way out before it.
func howTo(code bridge.ShownCode) string {
	return "Not expected? Press I did not ask for this. Open " + bare(plain(code.Address)) + " and enter the code " +
		spelled(code.UserCode.Reveal()) + ". It lapses " + utc(code.LapsesAt) + "."
}
