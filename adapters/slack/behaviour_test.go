package slack

import (
	"errors"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// 3: a code is in no message that is new, and so on no locked screen: a card
// is posted without it, and then edited.
func TestBehaviour03NoCodeInANewMessage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if _, err := o.adapter.Post(t.Context(), alice, codedCard(), "key"); !errors.Is(err, bridge.ErrInvalid) {
		t.Errorf("a card with a code is posted: %v", err)
	}
	ref := o.post(alice, askedCard())
	o.edit(ref, codedCard())
	o.sees(alice, "WDJB-MJHT")
	if heard := o.slack.Person(alice).Heard(); !strings.Contains(heard, "W D J B, M J H T (WDJB-MJHT)") {
		t.Errorf("who hears the card does not hear the code:\n%s", heard)
	}
	pushes := o.slack.Pushes(alice)
	if len(pushes) != 1 || !strings.HasPrefix(pushes[0], "Access request: helper wants corp. helper, on alice's laptop") ||
		!strings.HasSuffix(pushes[0], "Open until 5 Mar 2026, 12:00 UTC.") {
		t.Errorf("her phone has shown %q", pushes)
	}
	if strings.Contains(strings.Join(pushes, " "), "WDJB") {
		t.Errorf("her phone has shown the code: %q", pushes)
	}
}

// 3: what a phone shows is short, whatever is in the card, and still says what
// state it is in and until when.
func TestBehaviour03APushIsShort(t *testing.T) {
	for _, text := range hostile {
		for place, c := range everywhere(text) {
			if c.Code != nil {
				continue
			}
			push := showCard(t, c).Text.Visible
			if len([]rune(push)) > 250 || !strings.HasPrefix(push, c.Headline[:5]) {
				t.Errorf("%s: %q", place, push)
			}
			if c.Ending == "" && !c.OpenTo.IsZero() && !strings.HasSuffix(push, "UTC.") {
				t.Errorf("%s does not say until when: %q", place, push)
			}
		}
	}
}

// 10: of a long reason three hundred characters are shown, with what is
// missing marked, below the words that nobody has checked it.
func TestBehaviour10ALongReasonIsCut(t *testing.T) {
	for name, letter := range map[string]string{"latin": "x", "hebrew": "\u05d0", "emoji": "\U0001F600", "angle": "<"} {
		c := with(askedCard(), func(c *bridge.Card) { c.Says = []string{strings.Repeat(letter, 10000)} })
		seen := checked(t, c).Seen
		if want := "Why: The agent says (not checked):\n“" + strings.Repeat(letter, 299) + "…”\n"; !strings.Contains(seen, want) {
			t.Errorf("%s: it is not cut at 300:\n%s", name, seen)
		}
	}
}

// 25: at the end the code, the link, the reason, the phrase and the buttons
// are gone: from the direct message, from the team's channel, from a modal.
func TestBehaviour25TheEndLeavesNothingToUse(t *testing.T) {
	t.Parallel()
	gone := []string{"!WDJB-MJHT", "!/device", "!summarise the Q3", "!amber falcon", "![", "!Not expected?"}
	for _, s := range endedScenes() {
		if len(s.card.Buttons) > 0 {
			continue // what can still be taken back, or allowed again
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			ref := o.post(alice, askedCard())
			o.edit(ref, codedCard())
			o.sees(alice, "WDJB-MJHT", "/device", "summarise the Q3", "amber falcon", "[Open login.example.com")
			o.edit(ref, s.card)
			o.sees(alice, append(gone, s.card.Ending)...)
			shown := modalOf(t, s.card)
			for _, words := range gone {
				if strings.Contains(shown.Seen, words[1:]) {
					t.Errorf("the modal still has %q:\n%s", words[1:], shown.Seen)
				}
			}
		})
	}
}

func modalOf(t *testing.T, c bridge.Card) slacktest.Shown {
	t.Helper()
	v, err := cardModal(c)
	if err != nil {
		t.Fatal(err)
	}
	return showView(t, v)
}

// 25: nor is there anything left for the team.
func TestBehaviour25TheEndLeavesNothingToTheTeam(t *testing.T) {
	t.Parallel()
	for _, s := range teamScenes() {
		if s.card.Ending == "" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			ref := o.post(deploys, claimedCard())
			o.sees(bob, "summarise the Q3", "[Release]")
			o.edit(ref, s.card)
			o.sees(bob, "!summarise the Q3", "!WDJB", "!amber falcon", "![", s.card.Ending)
		})
	}
}

// The order of the lines is part of the contract: who asks, and the way out,
// stand before the code.
func TestLinesComeInOrder(t *testing.T) {
	c := with(codedCard(), func(c *bridge.Card) { c.Note = "The provider corp could not give a code." })
	seen, at := showCard(t, c).Seen, 0
	for _, line := range []string{
		"Access request · helper wants corp", "Who: helper, on alice's laptop", "What:", "read your files (files:read)",
		"calendar:read (no description on file)", "For 8 hours from your yes", "Why: The agent says (not checked):", "summarise the Q3",
		"Check phrase: amber falcon 42", "Not expected? Press I did not ask for this.", "access is granted only on login.example.com",
		"The provider corp could not give a code.", "Open login.example.com/device and enter", "WDJB-MJHT", "The code lapses", "Open until",
		"[!I did not ask for this] [Deny] [Open login.example.com", "[I have finished]", "req 7F3K",
	} {
		i := strings.Index(seen[at:], line)
		if i < 0 {
			t.Fatalf("%q is missing after %q", line, seen[:at])
		}
		at += i + len(line)
	}
}

// What all of a team see has nothing that is for one of them: whatever the
// card says, and whoever looks.
func TestTheTeamSeesNothingPrivate(t *testing.T) {
	for _, s := range teamScenes() {
		c := with(s.card, func(c *bridge.Card) {
			c.Phrase, c.Question = "amber falcon 42", "Signed in as alice@example.com: mine / not mine?"
		})
		seen := showCard(t, c).Seen
		for _, words := range []string{"amber falcon", "alice@example.com", "I did not ask for this", "your yes", "WDJB"} {
			if strings.Contains(seen, words) {
				t.Errorf("%s: all of the team see %q:\n%s", s.name, words, seen)
			}
		}
	}
}

// Words that look like others are pointed out.
func TestMixedAlphabetsArePointedOut(t *testing.T) {
	for text, want := range map[string]bool{
		"\u0440\u0430ypal": true, "\u0410\u043b\u0438\u0441\u0430": false, "\u0410\u043b\u0438\u0441\u0430 Smith": false,
		"\u03b1lice": true, "caf\u00e9 \u00fcber": false, "\u6771\u4eac tokyo": false,
	} {
		seen := checked(t, with(askedCard(), func(c *bridge.Card) { c.Says = []string{text} })).Seen
		if got := strings.Contains(seen, "(mixed alphabets)"); got != want {
			t.Errorf("%q: pointed out %v, want %v", text, got, want)
		}
	}
}

// 6: nothing that is sent or edited is searched for names and addresses, and
// nothing in it is fetched: with the code or without, to a person, to a
// channel, into a thread.
func TestBehaviour06NothingIsParsedOrFetched(t *testing.T) {
	t.Parallel()
	w := slacktest.Office()
	w.Unlimited = true
	o := officeOf(t, w)
	for _, pair := range []struct {
		to     bridge.Address
		before bridge.Card
		after  []scene
	}{
		{alice, askedCard(), append(privateScenes(), endedScenes()...)},
		{deploys, sharedCard(), teamScenes()},
		{deploys + "/", lineScenes()[0].card, lineScenes()[:4]},
	} {
		ref := o.post(pair.to, pair.before)
		for _, s := range pair.after {
			o.edit(ref, s.card)
		}
	}
	sent, edited := o.slack.Calls("chat.postMessage"), o.slack.Calls("chat.update")
	if len(sent) != 3 || len(edited) < 40 {
		t.Fatalf("%d messages and %d edits: too few to say anything", len(sent), len(edited))
	}
	for _, e := range append(sent, edited...) {
		if e.Args["parse"] != "none" {
			t.Errorf("%s with parse=%q", e.Where, e.Args["parse"])
		}
		if e.Where == "chat.postMessage" && (e.Args["unfurl_links"] != "false" || e.Args["unfurl_media"] != "false") {
			t.Errorf("%s with unfurl_links=%q, unfurl_media=%q", e.Where, e.Args["unfurl_links"], e.Args["unfurl_media"])
		}
	}
	if fetched := o.slack.Prefetched(); len(fetched) != 0 {
		t.Errorf("Slack has fetched %q", fetched)
	}
}

// Beside a code refusing stands before going on, however the buttons came.
func TestRefusingComesBeforeGoingOn(t *testing.T) {
	c := with(codedCard(), func(c *bridge.Card) {
		c.Buttons = []bridge.Button{pressFinished, pressRelease, pressDeny, pressNotMe}
	})
	seen := showCard(t, c).Seen
	for _, row := range []string{"[!I did not ask for this] [Deny] [Open login.example.com -> ", "[I have finished] [Release]"} {
		if !strings.Contains(seen, row) {
			t.Errorf("want %q in:\n%s", row, seen)
		}
	}
}
