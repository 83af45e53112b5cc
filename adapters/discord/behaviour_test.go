package discord

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/bridge"
)

// 2: a code is laid out for one human's eyes alone; nothing that others see, or
// that cannot be taken away, has one.
func TestBehaviour02NoCodeForMoreThanOne(t *testing.T) {
	coded := chattest.CodedCard()
	for _, view := range []bridge.View{bridge.ViewTeam, bridge.ViewNotice, bridge.ViewReminder} {
		if m, err := cardMessage(chattest.With(coded, func(c *bridge.Card) { c.View = view })); err == nil {
			t.Errorf("a card of the view %v has a code:\n%s", view, m.Content)
		}
	}
	in := bridge.Inbox{Waiting: []bridge.Card{coded}, Given: []bridge.Card{coded}}
	all := map[string]message{
		"the fallback": fallbackMessage(aliceID, coded), "list": listMessage(in, 0), "pending": pendingMessage(in),
		"revoke": revokeMessage(coded), "are you sure": sureMessage(coded, bridge.VerbRevoke), "a closed view": closedMessage(true),
	}
	for name, m := range all {
		text := string(asJSON(t, m))
		for _, secret := range []string{"WDJB", "/device", "amber falcon"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s has %q: %s", name, secret, text)
			}
		}
	}
	if text := string(asJSON(t, digitsModal(coded, bridge.VerbShowCode))); strings.Contains(text, "WDJB") {
		t.Errorf("the modal has the code: %s", text)
	}
}

// 10: of a long reason three hundred characters are shown, with what is missing
// marked, below the words that nobody has checked it.
func TestBehaviour10ALongReasonIsCut(t *testing.T) {
	for name, letter := range map[string]string{"latin": "x", "hebrew": "\u05d0", "emoji": "\U0001F600", "star": "*"} {
		c := chattest.With(chattest.AskedCard(), func(c *bridge.Card) { c.Says = []string{strings.Repeat(letter, 10000)} })
		seen := checked(t, c).Seen
		if want := "Why: The agent says (not checked):\n> “" + strings.Repeat(letter, 299) + "…”\n"; !strings.Contains(seen, want) {
			t.Errorf("%s: it is not cut at 300:\n%s", name, seen)
		}
	}
}

// 25, 26: at the end the code, the link, the reason, the phrase and the buttons
// are gone, in the one text that a message of Discord's has.
func TestBehaviour25TheEndLeavesNothingToUse(t *testing.T) {
	for _, s := range slices.Concat(chattest.EndedScenes(), chattest.TeamScenes()) {
		if s.Card.Ending == "" {
			continue
		}
		m := laidOut(t, s.Card)
		text := string(asJSON(t, m))
		for _, gone := range []string{"WDJB", "W D J B", "/device", "summarise the Q3", "amber falcon", "Not expected?", "Open login"} {
			if strings.Contains(text, gone) {
				t.Errorf("%s: it still has %q:\n%s", s.Name, gone, m.Content)
			}
		}
		if !strings.Contains(showMessage(t, m).Seen, s.Card.Ending) {
			t.Errorf("%s: it does not say how it ended:\n%s", s.Name, m.Content)
		}
		if len(s.Card.Buttons) == 0 && (m.Components == nil || len(m.Components) != 0) {
			t.Errorf("%s: an edit with the components %#v leaves the buttons there", s.Name, m.Components)
		}
	}
}

// The order of the lines is part of the contract: who asks, and the way out,
// stand before the code.
func TestLinesComeInOrder(t *testing.T) {
	c := chattest.With(chattest.CodedCard(), func(c *bridge.Card) { c.Note = "The provider corp could not give a code." })
	seen, at := showCard(t, c).Seen, 0
	for _, line := range []string{
		"Access request · helper wants corp", "Who: helper, on alice's laptop", "What:", "read your files (files:read)",
		"calendar:read (no description on file)", "For 8 hours from your yes", "Why: The agent says (not checked):", "summarise the Q3",
		"Check phrase: amber falcon 42", "Not expected? Press I did not ask for this.", "access is granted only on login.example.com",
		"The provider corp could not give a code.", "Open login.example.com/device and enter", "WDJB-MJHT", "W D J B, M J H T",
		"The code lapses", "Open until", "req 7F3K", "[!I did not ask for this] [Deny] [Open login.example.com", "[I have finished]",
	} {
		i := strings.Index(seen[at:], line)
		if i < 0 {
			t.Fatalf("%q is missing after %q", line, seen[:at])
		}
		at += i + len(line)
	}
}

// Of too much the agent's words go first, then scopes, and it is said how many.
// What the bridge says of its own stays.
func TestTooMuchForOneMessage(t *testing.T) {
	c := chattest.With(chattest.CodedCard(), func(c *bridge.Card) {
		c.Says = slices.Repeat([]string{strings.Repeat("urgent ", 200)}, 12)
		c.Scopes = slices.Repeat([]bridge.ScopeLine{{Words: "see, edit and delete everything", Scope: "https://login.example.com/auth/drive"}}, 40)
	})
	seen := checked(t, c).Seen
	shown := strings.Count(seen, "• see, edit and delete everything (https :// login.example.com/auth/drive)\n")
	if said := strings.Count(seen, "\n> “urgent"); said != 3 || !strings.Contains(seen, "\n> …\n") {
		t.Errorf("the agent says %d things:\n%s", said, seen)
	}
	if shown < 8 || shown > 15 {
		t.Errorf("%d scopes are shown:\n%s", shown, seen)
	}
	for _, words := range []string{
		fmt.Sprintf("… and %d more, too many to show. If you do not know what they are, deny this.\n", 40-shown),
		"Who: helper, on alice's laptop, local user 1001, yours\n", "Not expected? Press I did not ask for this.", "access is granted only on login.example.com.\n",
		"For 8 hours from your yes, then it is taken back; until then helper may ask again without you.\n", "| WDJB-MJHT\n",
	} {
		if !strings.Contains(seen, words) {
			t.Errorf("it lacks %q:\n%s", words, seen)
		}
	}
}

// What all of a team see has nothing that is for one of them: whatever the card
// says, and whoever looks.
func TestTheTeamSeesNothingPrivate(t *testing.T) {
	for _, s := range chattest.TeamScenes() {
		c := chattest.With(s.Card, func(c *bridge.Card) {
			c.Phrase, c.Question = "amber falcon 42", "Signed in as alice@example.com: mine / not mine?"
		})
		seen := showCard(t, c).Seen
		for _, words := range []string{"amber falcon", "alice@example.com", "I did not ask for this", "your yes", "WDJB"} {
			if strings.Contains(seen, words) {
				t.Errorf("%s: all of the team see %q:\n%s", s.Name, words, seen)
			}
		}
	}
}

// Beside a code refusing stands before going on, however the buttons came.
func TestRefusingComesBeforeGoingOn(t *testing.T) {
	c := chattest.With(chattest.CodedCard(), func(c *bridge.Card) {
		c.Buttons = []bridge.Button{chattest.PressFinished, chattest.PressRelease, chattest.PressDeny, chattest.PressNotMe}
	})
	seen := showCard(t, c).Seen
	for _, row := range []string{"[!I did not ask for this] [Deny] [Open login.example.com -> ", "[I have finished] [Release]"} {
		if !strings.Contains(seen, row) {
			t.Errorf("want %q in:\n%s", row, seen)
		}
	}
}

// What is pressed is read back as it was written, and nothing else is.
func TestACustomIDIsReadAsItWasWritten(t *testing.T) {
	id := string(chattest.RequestNamed("7f3k"))
	for custom, want := range map[string][2]string{
		customID("show_code", id):         {"show_code", id},
		customID("deny", id) + ":2":       {"deny", id},
		customID(doPage, "3"):             {doPage, "3"},
		customID("sure.revoke", id):       {"sure.revoke", id},
		customID(doKeep, id):              {doKeep, id},
		"":                                {},
		"ab1:":                            {},
		"ab1::" + id:                      {},
		"ab1:deny":                        {},
		"ab1:deny:":                       {},
		"ab2:deny:" + id:                  {},
		"xab1:deny:" + id:                 {},
		"hello":                           {},
		strings.Repeat("ab1:", 20) + "::": {"ab1", "ab1"},
	} {
		doing, to, mine := pressedOn(custom)
		if mine != (want[0] != "") || mine && (doing != want[0] || to != want[1]) {
			t.Errorf("%q is %q of %q, %v", custom, doing, to, mine)
		}
	}
}

// Only what asks first can be said to be sure of.
func TestSureIsOfWhatAsksFirst(t *testing.T) {
	for _, c := range []struct {
		message message
		verb    bridge.Verb
	}{{sureMessage(chattest.GivenCard(), bridge.VerbRevoke), bridge.VerbRevoke}, {sureMessage(chattest.SharedCard(), bridge.VerbDecline), bridge.VerbDecline}} {
		buttons := buttonsIn(c.message)
		doing, _, _ := pressedOn(buttons[0].CustomID)
		if verb, ok := sureOf(doing); !ok || verb != c.verb || buttons[0].Style != discordgo.DangerButton {
			t.Errorf("%q is sure of %q, %v", doing, verb, ok)
		}
		if doing, _, mine := pressedOn(buttons[1].CustomID); !mine || doing != doKeep {
			t.Errorf("the way out is %q", doing)
		}
	}
	for _, doing := range []string{"sure.", "sure.show_code", "sure.deny", "revoke", ""} {
		if verb, ok := sureOf(doing); ok {
			t.Errorf("%q is sure of %q", doing, verb)
		}
	}
}

// A modal that was sent says what its digits are for, and nothing else does.
func TestDigitsGoWithOneOfTwoVerbs(t *testing.T) {
	for custom, want := range map[string]bridge.Verb{
		digitsModal(chattest.DigitsCard(), bridge.VerbShowCode).Data.CustomID: bridge.VerbShowCode,
		digitsModal(chattest.DigitsCard(), bridge.VerbClaim).Data.CustomID:    bridge.VerbClaim,
		customID("digits.revoke", "req_1"):                                    "", customID("digits.", "req_1"): "", "": "",
	} {
		doing, _, _ := pressedOn(custom)
		if verb, ok := digitsVerb(doing); ok != (want != "") || ok && verb != want {
			t.Errorf("%q is %q, %v", custom, verb, ok)
		}
	}
}
