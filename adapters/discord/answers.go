package discord

import (
	"fmt"
	"strconv"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// What people are told who are seen by nobody else: the answers of
// /authbridge, and the words to who pressed a button. None of them ever has a
// code.

// pageSize is how many grants or requests one answer names: their buttons stand
// in one row.
const pageSize = maxButtons

// How much of one of them is shown, in units once it is escaped, so that a
// page of them fits into a message.
const (
	maxEntryTitle  = 80
	maxEntryEnding = 150
	maxEntryScopes = 80
)

// wordMessage is one word of the bridge's.
func wordMessage(word string) message {
	if word = chat.Clean(word, chat.MaxEnding); word == "" {
		word = "Done."
	}
	var s sheet
	s.Line(chat.Words(word))
	return s.message()
}

// helpMessage says what can be typed after the command's name.
func helpMessage() message {
	var s sheet
	for _, one := range helpLines {
		s.Line(chat.Bold(one.name), chat.Words(one.takes+"  "+one.does))
	}
	s.Aside(chat.Words("A code comes in a message of its own, after you have pressed a button; never here."))
	return s.message()
}

// helpLines are what can be typed after /authbridge.
var helpLines = []struct{ name, takes, does string }{
	{"list", "", "what you have given, and how to take it back"},
	{"pending", "", "what waits for you"},
	{"revoke", " REQ", "take back what you gave; REQ is the four letters after “req”"},
	{"verify", " CODE", "whether a code that you were sent is from here, for you"},
	{"whoami", "", "who you are here"},
	{"link", " CODE", "say who you are, with a code from the operator"},
	{"unlink", "", "be nobody here any more, if you came by link"},
}

// listMessage is a page, from 0, of what a human has given that is not over. One
// that is not there is the last.
func listMessage(in bridge.Inbox, page int) message {
	if len(in.Given) == 0 {
		return wordMessage("No agent has access in your name.")
	}
	last := (len(in.Given) - 1) / pageSize
	page = max(0, min(page, last))
	var s sheet
	some, _ := chat.Cut(in.Given[page*pageSize:], pageSize)
	for _, c := range some {
		s.grant(c)
	}
	if page == last {
		s.more(in.GivenMore, "take some of these back to see them")
	}
	s.row(revokeButtons(some))
	s.row(pageButtons(page, last))
	return s.message()
}

// grant is what was given in short.
func (s *sheet) grant(c bridge.Card) {
	s.Line(chat.Bold(short(c.Title, maxEntryTitle)))
	s.Line(chat.Words(short(c.Ending, maxEntryEnding)))
	s.Line(chat.Words(short(chat.InShort(c.Scopes), maxEntryScopes)))
	s.Aside(chat.Also([]chat.Span{chat.Words(chat.Named(c))}, chat.Times(c)...)...)
}

// short is a text of one line that is no longer than most once it is escaped.
func short(s string, most int) string { return within(chat.Clean(s, chat.MaxLine), most) }

// revokeButtons take back some grants: each says which.
func revokeButtons(some []bridge.Card) []discordgo.Button {
	var all []discordgo.Button
	for _, c := range some {
		for _, b := range c.Buttons {
			if b.Verb != bridge.VerbRevoke {
				continue
			}
			if len(some) > 1 {
				b.Label += " " + chat.Named(c)
			}
			all = append(all, buttonsOf(c, []bridge.Button{b})...)
		}
	}
	return all
}

// pageButtons lead to the pages beside this one.
func pageButtons(page, last int) []discordgo.Button {
	var all []discordgo.Button
	if page > 0 {
		all = append(all, discordgo.Button{Label: "Newer", Style: discordgo.SecondaryButton, CustomID: customID(doPage, strconv.Itoa(page-1))})
	}
	if page < last {
		all = append(all, discordgo.Button{Label: "Older", Style: discordgo.SecondaryButton, CustomID: customID(doPage, strconv.Itoa(page+1))})
	}
	return all
}

func (s *sheet) more(n int, where string) {
	if n > 0 {
		s.Aside(chat.Words(fmt.Sprintf("… and %d more: %s", n, where)))
	}
}

// pendingMessage is what waits for a human. Their own cards can be shown anew;
// those of a team stand where all of it see them.
func pendingMessage(in bridge.Inbox) message {
	if len(in.Waiting) == 0 {
		return wordMessage("Nothing is waiting for you.")
	}
	var s sheet
	var own []discordgo.Button
	some, more := chat.Cut(in.Waiting, pageSize)
	for _, c := range some {
		s.Line(chat.Bold(short(c.Headline, maxEntryTitle)), chat.Words(" · "+short(c.Title, maxEntryTitle)))
		small := chat.Also([]chat.Span{chat.Words(chat.Named(c))}, chat.OpenTo(c)...)
		if chat.Shared(c) {
			s.Aside(chat.Also(small, chat.Words("See the team's channel, or the inbox"))...)
			continue
		}
		s.Aside(small...)
		again := bridge.Button{Verb: bridge.VerbShowAgain, Label: "Show again " + chat.Named(c)}
		own = append(own, buttonsOf(c, []bridge.Button{again})...)
	}
	s.more(more, "see the inbox")
	s.row(own)
	return s.message()
}

// revokeMessage asks once more, with the button that takes back.
func revokeMessage(c bridge.Card) message {
	var s sheet
	s.grant(c)
	s.row(sureButtons(c, bridge.VerbRevoke))
	return s.message()
}

// sureMessage asks whether somebody means what they pressed: with a verb that
// [asksFirst].
func sureMessage(c bridge.Card, verb bridge.Verb) message {
	title, body, _, _ := chat.Sure(verb)
	var s sheet
	s.Line(chat.Bold(title), chat.Words(" "+short(c.Title, maxEntryTitle)))
	s.Line(chat.Words(body))
	s.row(sureButtons(c, verb))
	return s.message()
}

// sureButtons say yes, or leave it.
func sureButtons(c bridge.Card, verb bridge.Verb) []discordgo.Button {
	_, _, yes, no := chat.Sure(verb)
	id := string(c.Request)
	return []discordgo.Button{
		{Label: yes + " now", Style: discordgo.DangerButton, CustomID: customID(doSure+string(verb), id)},
		{Label: no, Style: discordgo.SecondaryButton, CustomID: customID(doKeep, id)},
	}
}

// keptMessage stands in the place of what was asked, when they leave it.
func keptMessage() message { return wordMessage("Nothing happened.") }

// verifyMessage says whether a code is from here, for this human. It does not
// repeat the code.
func verifyMessage(found bridge.CodeFinding) message {
	if !found.Known {
		return wordMessage(found.Word())
	}
	var s sheet
	chat.DrawFinding(&s, found)
	return s.message()
}

// whoamiMessage tells somebody who they are here.
func whoamiMessage(human string) message {
	var s sheet
	chat.DrawWhoami(&s, human)
	return s.message()
}
