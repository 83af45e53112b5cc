package slack

import (
	"fmt"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// How much the Home tab has of each kind, so that it stays below the hundred
// blocks that Slack takes.
const (
	homeWaiting = 6
	homeStopped = 8
	homeGiven   = 25
	homeEarlier = 8
)

// homeView is what a human sees in the Home tab: what waits for them, without
// any code; who may not ask them; what they have given; how the last ones
// ended. link leads to the message of a card, "" = none is known.
func homeView(human string, in bridge.Inbox, link func(bridge.Card) string) slackgo.HomeTabViewRequest {
	var s sheet
	s.waiting(in.Waiting, link)
	s.stopped(in.Stopped, human)
	s.given(in)
	s.earlier(in.Earlier)
	s.Aside(chat.Words("A code that somebody sent you: /authbridge verify CODE says whether it is from here."))
	return slackgo.HomeTabViewRequest{Type: slackgo.VTHomeTab, Blocks: slackgo.Blocks{BlockSet: s.blocks}}
}

func (s *sheet) header(title string) {
	s.add(slackgo.NewHeaderBlock(plainText(title)))
}

func (s *sheet) waiting(all []bridge.Card, link func(bridge.Card) string) {
	s.header("Waiting for you")
	if len(all) == 0 {
		s.Line(chat.Words("Nothing is waiting for you. When an agent asks for access in your name, its request comes as a message."))
	}
	some, more := chat.Cut(all, homeWaiting)
	for _, c := range some {
		s.pending(c, link)
	}
	s.more(more, "/authbridge pending")
}

// pending is what waits in short, with the ways to its card.
func (s *sheet) pending(c bridge.Card, link func(bridge.Card) string) {
	chat.DrawTitle(s, c)
	small := chat.Also([]chat.Span{chat.Words(chat.Named(c))}, chat.OpenTo(c)...)
	at := link(c)
	if chat.Shared(c) && at == "" {
		small = chat.Also(small, chat.Words("See the team's channel, or the inbox"))
	}
	s.Aside(small...)
	s.toCard(c, at)
}

// toCard adds the ways to a card that is somewhere else.
func (s *sheet) toCard(c bridge.Card, link string) {
	var all []slackgo.BlockElement
	if chat.IsAddress(link) {
		label := "Open in DM"
		if chat.Shared(c) {
			label = "Open in channel"
		}
		e := slackgo.NewButtonBlockElement(actionPrefix+actionLink, string(c.Request), plainText(label))
		e.URL, e.AccessibilityLabel = link, label+": the message with this request"
		all = append(all, e)
	}
	if !chat.Shared(c) {
		all = append(all, button(bridge.Button{Verb: bridge.VerbShowAgain, Label: "Show again"}, c, map[string]int{}))
	}
	if len(all) > 0 {
		s.add(slackgo.NewActionBlock("", all...))
	}
}

func (s *sheet) stopped(all []bridge.Suspension, human string) {
	if len(all) == 0 {
		return
	}
	s.header("May not ask")
	some, more := chat.Cut(all, homeStopped)
	for _, one := range some {
		s.suspension(one, human)
	}
	s.more(more, "they stand here once you have allowed these again")
}

// suspension is an agent that may not ask somebody. Only who said so can take
// it back.
func (s *sheet) suspension(one bridge.Suspension, human string) {
	agent := chat.Clean(one.Agent, chat.MaxTitle)
	if one.Human != human {
		s.Line(chat.Bold(agent), chat.Words(", your agent, may not ask "+chat.Clean(one.Human, chat.MaxTitle)+", who said that they did not ask for it."))
		return
	}
	t := textOf(chat.Bold(agent), chat.Words(" may not ask you. Its requests are refused, and what you gave it is withheld."))
	section := slackgo.NewSectionBlock(t, nil, nil)
	if bridge.IsName(one.Agent) {
		e := slackgo.NewButtonBlockElement(actionPrefix+actionAllow, one.Agent, plainText("Allow again"))
		e.AccessibilityLabel = aloud(bridge.VerbAllowAgain, "Allow again")
		section.Accessory = slackgo.NewAccessory(e)
	}
	s.add(section)
}

func (s *sheet) given(in bridge.Inbox) {
	s.header("You have given")
	if len(in.Given) == 0 {
		s.Line(chat.Words("No agent has access in your name. What you give stands here for as long as it lasts, and you can take it back."))
	}
	some, more := chat.Cut(in.Given, homeGiven)
	for _, c := range some {
		s.grant(c)
	}
	s.more(more+in.GivenMore, "/authbridge list")
}

// grant is what was given in short, with Revoke beside it.
func (s *sheet) grant(c bridge.Card) {
	t := textOf(chat.Bold(within(chat.Clean(c.Title, chat.MaxTitle), 150)), chat.Words("\n"+within(chat.Clean(c.Ending, chat.MaxLine), 200)+chat.InShort(c.Scopes)))
	section := slackgo.NewSectionBlock(t, nil, nil)
	for _, b := range c.Buttons {
		if e := button(b, c, map[string]int{}); e != nil && b.Verb == bridge.VerbRevoke {
			section.Accessory = slackgo.NewAccessory(e)
		}
	}
	s.add(section)
	s.Aside(chat.Also([]chat.Span{chat.Words(chat.Named(c))}, chat.Times(c)...)...)
}

func (s *sheet) earlier(all []bridge.Card) {
	if len(all) == 0 {
		return
	}
	s.header("Earlier")
	some, _ := chat.Cut(all, homeEarlier)
	for _, c := range some {
		s.Line(chat.Bold(chat.Clean(c.Headline, chat.MaxTitle)), chat.Words(" · "+chat.Clean(c.Title, chat.MaxTitle)+"\n"+chat.Clean(c.Ending, chat.MaxLine)))
	}
}

func (s *sheet) more(n int, where string) {
	if n > 0 {
		s.Aside(chat.Words(fmt.Sprintf("… and %d more: %s", n, where)))
	}
}
