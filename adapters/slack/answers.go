package slack

import (
	"encoding/json"
	"fmt"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// What people are told who are seen by nobody else: the answers of
// /authbridge, and the words to who pressed a button. None of them ever has a
// code: what stands there cannot be taken away again.

// How much an answer holds. Slack drops one of 20 KiB without a word.
const (
	answerRows = 10
	answerSize = 12 << 10
)

// wordMessage is one word of the bridge's.
func wordMessage(word string) message {
	word = chat.Clean(word, chat.MaxEnding)
	if word == "" {
		word = "Done."
	}
	var s sheet
	s.Line(chat.Words(word))
	return message{escape(bare(word)), s.blocks}
}

// helpMessage says what can be typed after the command's name.
func helpMessage() message {
	var s sheet
	s.section(markup("*list*  what you have given, and how to take it back\n" +
		"*pending*  what waits for you\n" +
		"*revoke* REQ  take back what you gave; REQ is the four letters after “req”\n" +
		"*verify* CODE  whether a code that you were sent is from here, for you\n" +
		"*whoami*  who you are here\n" +
		"*link* CODE  say who you are, with a code from the operator"))
	s.Aside(chat.Words("No code is ever shown here: it comes in a message of its own, after you have pressed a button."))
	return message{"/authbridge list, pending, revoke REQ, verify CODE, whoami, link CODE", s.blocks}
}

// listMessage is what a human has given that is not over.
func listMessage(in bridge.Inbox) message {
	if len(in.Given) == 0 {
		return wordMessage("No agent has access in your name.")
	}
	blocks, shown := rows(in.Given, func(s *sheet, c bridge.Card) { s.grant(c) })
	s := sheet{blocks}
	s.more(len(in.Given)-shown+in.GivenMore, "see the Home tab of this app")
	return message{fmt.Sprintf("You have given: %d", len(in.Given)+in.GivenMore), s.blocks}
}

// pendingMessage is what waits for a human. link is that of [homeView].
func pendingMessage(in bridge.Inbox, link func(bridge.Card) string) message {
	if len(in.Waiting) == 0 {
		return wordMessage("Nothing is waiting for you.")
	}
	blocks, shown := rows(in.Waiting, func(s *sheet, c bridge.Card) { s.pending(c, link) })
	s := sheet{blocks}
	s.more(len(in.Waiting)-shown, "see the Home tab of this app")
	return message{fmt.Sprintf("Waiting for you: %d", len(in.Waiting)), s.blocks}
}

// rows writes as many of some cards as an answer holds.
func rows(all []bridge.Card, row func(*sheet, bridge.Card)) (blocks []slackgo.Block, shown int) {
	some, _ := chat.Cut(all, answerRows)
	size := 0
	for _, c := range some {
		var s sheet
		row(&s, c)
		text, err := json.Marshal(s.blocks)
		if size += len(text); err != nil || size > answerSize {
			break
		}
		blocks, shown = append(blocks, s.blocks...), shown+1
	}
	return blocks, shown
}

// revokeMessage asks once more, with the button that takes back.
func revokeMessage(c bridge.Card) message {
	var s sheet
	s.grant(c)
	return message{"Press Revoke to take it back.", s.blocks}
}

// verifyMessage says whether a code is from here, for this human. It does not
// repeat the code.
func verifyMessage(found bridge.CodeFinding) message {
	if !found.Known {
		return wordMessage(found.Word())
	}
	var s sheet
	chat.DrawFinding(&s, found)
	return message{escape(bare(found.Word())), s.blocks}
}

// whoamiMessage tells somebody who they are here.
func whoamiMessage(human string) message {
	var s sheet
	chat.DrawWhoami(&s, human)
	return message{escape(bare("You are " + chat.Clean(human, chat.MaxTitle) + " here.")), s.blocks}
}
