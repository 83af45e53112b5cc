package slack

import (
	"encoding/json"
	commandline "flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

var update = commandline.Bool("update", false, "rewrite the golden files")

// transcript is what people see, scene by scene, as the stand-in for Slack
// draws it.
type transcript struct {
	t     *testing.T
	lines strings.Builder
}

func (s *transcript) scene(name string, shown slacktest.Shown) {
	fmt.Fprintf(&s.lines, "======== %s\n%s\n", name, shown.Seen)
	for line := range strings.Lines(shown.Heard) {
		fmt.Fprintf(&s.lines, "    heard: %s\n", strings.TrimSpace(line))
	}
	s.lines.WriteString("\n")
}

func (s *transcript) compare(file string) {
	s.t.Helper()
	file = filepath.Join("testdata", "screens", file+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(s.lines.String()), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatalf("%v (make it with -update)", err)
	}
	if diff := cmp.Diff(string(want), s.lines.String()); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// showCard lays out a card and shows it.
func showCard(t testing.TB, c bridge.Card) slacktest.Shown {
	t.Helper()
	m, err := cardMessage(c)
	if err != nil {
		t.Fatal(err)
	}
	return showMessage(t, m)
}

func showMessage(t testing.TB, m message) slacktest.Shown {
	t.Helper()
	shown, err := slacktest.ShowMessage(m.text, asJSON(t, m.blocks), noon)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

func showView(t testing.TB, v any) slacktest.Shown {
	t.Helper()
	shown, err := slacktest.ShowView(asJSON(t, v), noon)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What each person sees in each state is in these files, to be read.
func TestScreens(t *testing.T) {
	for file, scenes := range map[string][]scene{
		"private": privateScenes(), "private-ended": endedScenes(), "team": teamScenes(), "lines": lineScenes(),
	} {
		t.Run(file, func(t *testing.T) {
			all := transcript{t: t}
			for _, s := range scenes {
				all.scene(s.name, showCard(t, s.card))
			}
			all.compare(file)
		})
	}
}

func TestScreensOfModals(t *testing.T) {
	all := transcript{t: t}
	for _, s := range []scene{{"the card, where no message reaches", askedCard()}, {"its code", codedCard()}, {"its end", endedScenes()[5].card}} {
		v, err := cardModal(s.card)
		if err != nil {
			t.Fatal(err)
		}
		all.scene(s.name, showView(t, v))
	}
	all.scene("digits before the code", showView(t, digitsModal(digitsCard(), bridge.VerbShowCode)))
	missed := with(digitsCard(), func(c *bridge.Card) { c.Note = "These are not the digits that helper shows. Two tries are left." })
	all.scene("digits before the code, one try missed", showView(t, digitsModal(missed, bridge.VerbShowCode)))
	claim := with(sharedCard(), func(c *bridge.Card) { c.Digits = true })
	all.scene("digits before a claim", showView(t, digitsModal(claim, bridge.VerbClaim)))
	all.scene("a word", showView(t, wordModal("This request is over: You denied it. helper got nothing.")))
	all.compare("modals")
}

// somebodysInbox has one of each.
func somebodysInbox() bridge.Inbox {
	return bridge.Inbox{
		Waiting: []bridge.Card{codedCard(), sharedCard(), claimedCard()},
		Given:   []bridge.Card{givenCard(), endedScenes()[3].card}, GivenMore: 3,
		Earlier: []bridge.Card{endedScenes()[5].card, endedScenes()[7].card},
		Stopped: []bridge.Suspension{{Agent: "ci", Human: "alice", Since: noon}, {Agent: "helper", Human: "bob", Since: noon}},
	}
}

// crowdedInbox has more than fits of each.
func crowdedInbox() bridge.Inbox {
	in := somebodysInbox()
	return bridge.Inbox{
		Waiting: slices.Repeat(in.Waiting, 20), Given: slices.Repeat(in.Given, 250), GivenMore: 7,
		Earlier: slices.Repeat(in.Earlier, 10), Stopped: slices.Repeat(in.Stopped, 50),
	}
}

func linkTo(bridge.Card) string {
	return "https://acme.slack.com/archives/D0ALICE/p1772625600000100"
}

func noLink(bridge.Card) string { return "" }

func TestScreensOfHome(t *testing.T) {
	all := transcript{t: t}
	all.scene("nothing", showView(t, homeView("alice", bridge.Inbox{}, noLink)))
	all.scene("one of each", showView(t, homeView("alice", somebodysInbox(), linkTo)))
	all.compare("home")
}

func TestScreensOfAnswers(t *testing.T) {
	all := transcript{t: t}
	found := bridge.CodeFinding{Known: true, Request: requestNamed("7f3k"), Agent: "helper", Host: "login.example.com", LapsesAt: noon.Add(15 * time.Minute)}
	for _, answer := range []struct {
		typed string
		says  message
	}{
		{"help", helpMessage()},
		{"list", listMessage(somebodysInbox())},
		{"list, and there is nothing", listMessage(bridge.Inbox{})},
		{"pending", pendingMessage(somebodysInbox(), linkTo)},
		{"pending, and nobody knows where the cards are", pendingMessage(somebodysInbox(), noLink)},
		{"pending, and there is nothing", pendingMessage(bridge.Inbox{}, noLink)},
		{"revoke 7F3K", revokeMessage(givenCard())},
		{"verify, a code that is ours", verifyMessage(found)},
		{"verify, any other", verifyMessage(bridge.CodeFinding{})},
		{"whoami", whoamiMessage("alice")},
		{"whoami, by a stranger", wordMessage(chat.UnknownHere)},
		{"a word after a press", wordMessage("alice has claimed it, until 12:21 UTC at the latest.")},
	} {
		all.scene(answer.typed, showMessage(t, answer.says))
	}
	all.compare("answers")
}

// However much there is, Slack takes the Home tab and the answers.
func TestTooMuchForOneScreen(t *testing.T) {
	home := showView(t, homeView("alice", crowdedInbox(), linkTo))
	for _, words := range []string{"… and 54 more: /authbridge pending", "… and 482 more: /authbridge list", "… and 92 more"} {
		if !strings.Contains(home.Seen, words) {
			t.Errorf("Home lacks %q:\n%s", words, home.Seen)
		}
	}
	if n := strings.Count(home.Seen, "[!Revoke]?"); n != homeGiven {
		t.Errorf("%d grants can be revoked, want %d", n, homeGiven)
	}
	for name, m := range map[string]message{"list": listMessage(crowdedInbox()), "pending": pendingMessage(crowdedInbox(), linkTo)} {
		showMessage(t, m)
		if n := len(asJSON(t, m.blocks)); n > 16<<10 {
			t.Errorf("%s: an answer of %d bytes, which Slack may drop", name, n)
		}
	}
}

// The Home tab and the answers never have a code, whatever waits.
func TestNoCodeWhereItCannotBeTakenAway(t *testing.T) {
	in := somebodysInbox()
	for name, shown := range map[string]slacktest.Shown{
		"home": showView(t, homeView("alice", in, linkTo)), "pending": showMessage(t, pendingMessage(in, linkTo)), "list": showMessage(t, listMessage(in)),
	} {
		if strings.Contains(shown.Seen+shown.Heard, "WDJB") || strings.Contains(shown.Seen, "amber falcon") {
			t.Errorf("%s has the code or the phrase:\n%s", name, shown.Seen)
		}
	}
}

// A modal that was sent says what its digits are for, and nothing else does.
func TestDigitsGoWithOneOfTwoVerbs(t *testing.T) {
	for callback, want := range map[string]bridge.Verb{
		digitsModal(digitsCard(), bridge.VerbShowCode).CallbackID: bridge.VerbShowCode,
		digitsModal(digitsCard(), bridge.VerbClaim).CallbackID:    bridge.VerbClaim,
		"ab.v1.digits.revoke": "", "ab.v1.digits.": "", "ab.v1.card": "", "": "",
	} {
		if verb, ok := digitsVerb(callback); ok != (want != "") || ok && verb != want {
			t.Errorf("%q is %q, %v", callback, verb, ok)
		}
	}
	answer := string(asJSON(t, wrongDigits("Two tries are left.")))
	if want := `{"response_action":"errors","errors":{"ab.v1.digits":"Two tries are left."}}`; answer != want {
		t.Errorf("wrong digits are answered by %s", answer)
	}
	if !strings.Contains(string(asJSON(t, digitsModal(digitsCard(), bridge.VerbClaim))), `"block_id":"`+digitsBlock+`"`) {
		t.Error("no input of the modal has the name that the error goes to")
	}
}
