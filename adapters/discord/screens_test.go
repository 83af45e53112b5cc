package discord

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

	"github.com/bwmarrin/discordgo"
	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

var update = commandline.Bool("update", false, "rewrite the golden files")

// transcript is what people see, scene by scene, as the stand-in for Discord
// draws it.
type transcript struct {
	t     *testing.T
	lines strings.Builder
}

func (s *transcript) scene(name string, shown discordtest.Shown) {
	fmt.Fprintf(&s.lines, "======== %s\n%s\n\n", name, shown.Seen)
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

func laidOut(t testing.TB, c bridge.Card) message {
	t.Helper()
	m, err := cardMessage(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func showCard(t testing.TB, c bridge.Card) discordtest.Shown {
	t.Helper()
	return showMessage(t, laidOut(t, c))
}

// showMessage has the stand-in for Discord take a message, and show it.
func showMessage(t testing.TB, m message) discordtest.Shown {
	t.Helper()
	body := struct {
		Content    string                       `json:"content"`
		Components []discordgo.MessageComponent `json:"components"`
		Flags      discordgo.MessageFlags       `json:"flags"`
	}{m.Content, m.Components, discordgo.MessageFlagsSuppressEmbeds}
	shown, err := discordtest.ShowMessage(asJSON(t, body), chattest.Noon)
	if err != nil {
		t.Fatalf("Discord refuses the message: %v\n%s", err, m.Content)
	}
	return shown
}

func showModal(t testing.TB, a modalAnswer) discordtest.Shown {
	t.Helper()
	shown, err := discordtest.ShowModal(asJSON(t, a.Data))
	if err != nil {
		t.Fatalf("Discord refuses the modal: %v", err)
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
	for file, scenes := range map[string][]chattest.Scene{
		"private": chattest.PrivateScenes(), "private-ended": chattest.EndedScenes(), "team": chattest.TeamScenes(), "lines": chattest.LineScenes(),
	} {
		t.Run(file, func(t *testing.T) {
			all := transcript{t: t}
			for _, s := range scenes {
				all.scene(s.Name, showCard(t, s.Card))
			}
			all.compare(file)
		})
	}
}

func TestScreensOfModals(t *testing.T) {
	all := transcript{t: t}
	all.scene("digits before the code", showModal(t, digitsModal(chattest.DigitsCard(), bridge.VerbShowCode)))
	all.scene("digits before a claim", showModal(t, digitsModal(chattest.SharedCard(), bridge.VerbClaim)))
	all.compare("modals")
}

const aliceID = "80351110224678912"

// Where no direct message reaches somebody, all see that they are asked, and no
// more.
func TestScreensOfTheFallback(t *testing.T) {
	all := transcript{t: t}
	for _, s := range []struct {
		chattest.Scene
		user     string
		mentions []string
	}{
		{chattest.Scene{Name: "no direct message reaches her", Card: chattest.AskedCard()}, aliceID, []string{"@" + aliceID}},
		{chattest.Scene{Name: "it is not known any more who that was", Card: chattest.CodedCard()}, "", nil},
		{chattest.Scene{Name: "she has pressed Show privately", Card: chattest.With(chattest.EndedScenes()[5].Card, func(c *bridge.Card) {
			c.State, c.Ending = bridge.Coded, "Shown again below."
		})}, aliceID, nil},
		{chattest.Scene{Name: "it is over", Card: chattest.EndedScenes()[5].Card}, aliceID, nil},
	} {
		shown := showMessage(t, fallbackMessage(s.user, s.Card))
		for _, told := range []string{"helper", "corp", "files", "falcon", "laptop", "WDJB"} {
			if strings.Contains(shown.Seen, told) {
				t.Errorf("%s: all of the channel see %q:\n%s", s.Name, told, shown.Seen)
			}
		}
		if !slices.Equal(shown.Reading.Mentions, s.mentions) {
			t.Errorf("%s: it mentions %q", s.Name, shown.Reading.Mentions)
		}
		all.scene(s.Name, shown)
	}
	all.scene("the view of a claimed card, after 14 minutes", showMessage(t, closedMessage(true)))
	all.scene("the view of her own card, after 14 minutes", showMessage(t, closedMessage(false)))
	all.compare("fallback")
}

// named gives some cards names of their own, as those in one inbox have.
func named(all []bridge.Card) []bridge.Card {
	for i := range all {
		all[i].Request = chattest.RequestNamed(fmt.Sprintf("%04d", i))
	}
	return all
}

// somebodysInbox has one of each.
func somebodysInbox() bridge.Inbox {
	return bridge.Inbox{
		Waiting: named([]bridge.Card{chattest.CodedCard(), chattest.SharedCard(), chattest.ClaimedCard()}),
		Given:   named([]bridge.Card{chattest.GivenCard(), chattest.EndedScenes()[3].Card}), GivenMore: 3,
	}
}

// crowdedInbox has more than fits of each.
func crowdedInbox() bridge.Inbox {
	in := somebodysInbox()
	return bridge.Inbox{Waiting: named(slices.Repeat(in.Waiting, 20)), Given: named(slices.Repeat(in.Given, 6)), GivenMore: 7}
}

func TestScreensOfAnswers(t *testing.T) {
	all := transcript{t: t}
	found := bridge.CodeFinding{Known: true, Request: chattest.RequestNamed("7f3k"), Agent: "helper", Host: "login.example.com", LapsesAt: chattest.Noon.Add(15 * time.Minute)}
	for _, answer := range []struct {
		typed string
		says  message
	}{
		{"help", helpMessage()},
		{"list", listMessage(somebodysInbox(), 0)},
		{"list, and there is one", listMessage(bridge.Inbox{Given: []bridge.Card{chattest.GivenCard()}}, 0)},
		{"list, and there is nothing", listMessage(bridge.Inbox{}, 0)},
		{"list, the first of three pages", listMessage(crowdedInbox(), 0)},
		{"list, the last of three pages", listMessage(crowdedInbox(), 2)},
		{"pending", pendingMessage(somebodysInbox())},
		{"pending, and there is more than fits", pendingMessage(crowdedInbox())},
		{"pending, and there is nothing", pendingMessage(bridge.Inbox{})},
		{"revoke 7F3K", revokeMessage(chattest.GivenCard())},
		{"after Revoke", sureMessage(chattest.GivenCard(), bridge.VerbRevoke)},
		{"after Decline for the team", sureMessage(chattest.SharedCard(), bridge.VerbDecline)},
		{"after Keep", keptMessage()},
		{"verify, a code that is ours", verifyMessage(found)},
		{"verify, any other", verifyMessage(bridge.CodeFinding{})},
		{"whoami", whoamiMessage("alice")},
		{"a word after a press", wordMessage("alice has claimed it, until 12:21 UTC at the latest.")},
		{"no word", wordMessage("")},
	} {
		all.scene(answer.typed, showMessage(t, answer.says))
	}
	all.compare("answers")
}
