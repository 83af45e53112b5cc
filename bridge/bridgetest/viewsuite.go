package bridgetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
)

// teamCard is the card that all of a team see.
func teamCard() bridge.Card {
	c := suiteCard()
	c.View, c.Shared, c.Team, c.Phrase = bridge.ViewTeam, true, "oncall", ""
	c.Headline = "Waiting for someone to claim"
	c.Buttons = []bridge.Button{{Verb: bridge.VerbClaim, Label: "Claim"}, {Verb: bridge.VerbDecline, Label: "Decline for the team"}}
	return c
}

// lineCard is a notice or a reminder.
func lineCard(of bridge.Card, view bridge.View, headline, note string) bridge.Card {
	return bridge.Card{
		Request: of.Request, Version: of.Version, State: of.State, Agent: of.Agent, View: view,
		Headline: headline, Title: "helper has asked alice for corp.", Note: note, AskedAt: of.AskedAt,
	}
}

// closedLine is the line at its end.
func closedLine(c bridge.Card, headline, ending string) bridge.Card {
	c.Headline, c.Note, c.Ending, c.State = headline, "", ending, bridge.Denied
	return c
}

// shownAt is all that a place shows.
func (c chat) shownAt(at bridge.Address) string { return strings.Join(c.Screen(at), "\n") }

// postTo posts to a place.
func (c chat) postTo(to bridge.Address, card bridge.Card, key string) bridge.MessageRef {
	c.t.Helper()
	ref, err := c.Post(c.t.Context(), to, card, key)
	if err != nil || ref == "" {
		c.t.Fatalf("post to %s: the reference %q, %v", to, ref, err)
	}
	return ref
}

func (lab MessengerLab) teamsCard(t *testing.T) {
	c, card := lab.open(t), teamCard()
	ref := c.postTo(c.Place(), card, "key-1")
	sees(t, c.shownAt(c.Place()), "Waiting for someone to claim", "helper wants corp", "read your files", "tidy up", "Claim", "Decline for the team")
	card.Version, card.Headline, card.Claim.By = card.Version+1, "Claimed by bob", "bob"
	card.Buttons = []bridge.Button{{Verb: bridge.VerbRelease, Label: "Release"}, {Verb: bridge.VerbShowAgain, Label: "Show again"}}
	c.edit(ref, card)
	sees(t, c.shownAt(c.Place()), "Claimed by bob", "Release", "Show again", "!Decline for the team")
	end := denied(card)
	end.View, end.Shared, end.Team = card.View, true, card.Team
	c.edit(ref, end)
	sees(t, c.shownAt(c.Place()), "Denied", "!Show again", "!tidy up")
}

func (lab MessengerLab) notice(t *testing.T) {
	c := lab.open(t)
	line := lineCard(suiteCard(), bridge.ViewNotice, "Asked", "Reached in the inbox.")
	at := c.Place() + "/"
	ref := c.postTo(at, line, "key-1")
	sees(t, c.shownAt(at), line.Title, "Reached in the inbox.")
	c.edit(ref, closedLine(line, "Approved", "alice approved."))
	sees(t, c.shownAt(at), "alice approved.", "!Reached in the inbox.")
}

func (lab MessengerLab) reminder(t *testing.T) {
	c, card := lab.open(t), suiteCard()
	line := lineCard(card, bridge.ViewReminder, "Still waiting", "Nobody has answered yet.")
	line.Under = c.post(card, "key-1")
	ref := c.postTo(c.Somebody(), line, "key-2")
	sees(t, c.shownAt(c.Somebody()), "Still waiting", "Nobody has answered yet.", card.Phrase, "Show code")
	c.edit(ref, closedLine(line, "Answered", "There is nothing to be reminded of."))
	sees(t, c.shownAt(c.Somebody()), "There is nothing to be reminded of.", "!Nobody has answered yet.", card.Phrase)
}

// codesArePrivate tries to bring a code to each view that more than its human
// may see.
func (lab MessengerLab) codesArePrivate(t *testing.T) {
	c, private := lab.open(t), suiteCard()
	under := c.post(private, "key-1")
	for _, v := range []struct {
		card bridge.Card
		to   bridge.Address
	}{
		{teamCard(), c.Place()},
		{lineCard(private, bridge.ViewNotice, "Asked", ""), c.Place() + "/"},
		{lineCard(private, bridge.ViewReminder, "Still waiting", ""), c.Somebody()},
	} {
		if v.card.View == bridge.ViewReminder {
			v.card.Under = under
		}
		if _, err := c.Post(t.Context(), v.to, coded(v.card), "key-"+string(v.card.View)); !errors.Is(err, bridge.ErrInvalid) {
			t.Errorf("a code is posted to the view %q: %v", v.card.View, err)
		}
		ref := c.postTo(v.to, v.card, "later-"+string(v.card.View))
		if err := c.Edit(t.Context(), ref, coded(v.card)); !errors.Is(err, bridge.ErrInvalid) {
			t.Errorf("a code is put into the view %q: %v", v.card.View, err)
		}
		sees(t, c.shownAt(v.to), "!"+suiteCode, "!/device")
	}
}
