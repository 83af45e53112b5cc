package slack

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// given is a card of what was given and can be taken back.
func given() bridge.Card {
	c := card()
	c.State, c.Headline, c.Live, c.Until = bridge.Collected, "Approved", true, time.Now().Add(8*time.Hour)
	c.Ending, c.Phrase = "helper has access. You signed in as octo-alice. Revoke ends it sooner.", ""
	c.Buttons = []bridge.Button{{Verb: bridge.VerbRevoke, Label: "Revoke"}}
	return c
}

func has(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if no, not := strings.CutPrefix(w, "!"); not == strings.Contains(text, no) {
			t.Errorf("want %q in:\n%s", w, text)
		}
	}
}

// TestCommands answers each to who typed it, and to nobody else.
func TestCommands(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	one := given()
	o.desk.Shown = bridge.Inbox{Waiting: []bridge.Card{withCode(card())}, Given: []bridge.Card{one}}
	o.desk.Live["WDJB MJHT"] = bridge.CodeFinding{Known: true, Request: one.Request, Agent: "helper", Host: "login.example.com", LapsesAt: time.Now()}
	for line, want := range map[string][]string{
		"/authbridge":                                    {`"ephemeral"`, "whoami"},
		"/authbridge help":                               {"whoami"},
		"/authbridge <!channel>":                         {"whoami", "!channel"},
		"/authbridge list":                               {"helper wants corp", "Revoke"},
		"/authbridge PENDING":                            {"helper wants corp", "!" + userCode},
		"/authbridge revoke":                             {"helper wants corp"},
		"/authbridge revoke " + one.Request.Short():      {"helper wants corp", "ab.v1.revoke"},
		"/authbridge revoke " + string(one.Request):      {"helper wants corp", "ab.v1.revoke"},
		"/authbridge revoke 0000 <!here>":                {"Nothing that you have given is called that", "!here"},
		"/authbridge verify WDJB MJHT":                   {"made for you", "login.example.com", "!WDJB"},
		"/authbridge verify EVIL-CODE":                   {"Not from this bridge for you. Do not enter it.", "!EVIL"},
		"/authbridge verify":                             {"Type the code, too"},
		"/authbridge whoami":                             {"alice"},
		"/authbridge link":                               {"Type the code, too"},
		"/authbridge " + strings.Repeat("revoke ", 2000): {"Nothing that you have given is called that"},
	} {
		got := o.types(alice, line)
		has(t, got, want...)
		if len(got) > 20<<10 {
			t.Errorf("%.40s: the answer has %d bytes: Slack drops it", line, len(got))
		}
	}
	if calls := o.slack.Calls(methodPost); len(calls) != 0 {
		t.Errorf("%d messages were posted", len(calls))
	}
}

// TestCommandsOfOthers tell nothing to who has no say here.
func TestCommandsOfOthers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desk.Shown = bridge.Inbox{Given: []bridge.Card{given()}}
	delete(o.desk.People, bob)
	for _, line := range []string{"list", "pending", "revoke 1", "verify X", "whoami"} {
		has(t, o.types(dave, "/authbridge "+line), "Guests", "!helper")
		has(t, o.types(eve, "/authbridge "+line), "own workspace", "!helper")
		has(t, o.types(bob, "/authbridge "+line), "nobody here yet", "!helper")
	}
}

// TestLinkSaysWhoTheyAre once, with a code of the operator's; a guest's or a
// wrong one does nothing.
func TestLinkSaysWhoTheyAre(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, who := range []bridge.Address{bob, dave} {
		delete(o.desk.People, who)
	}
	o.desk.Codes["ABCD-1234"] = "bob"
	has(t, o.types(dave, "/authbridge link ABCD-1234"), "Guests")
	has(t, o.types(bob, "/authbridge link WRONG"), "wrong, used or too old", "!WRONG")
	has(t, o.types(bob, "/authbridge link ABCD-1234"), "You are bob here now")
	has(t, o.types(bob, "/authbridge link ABCD-1234"), "wrong, used or too old")
	has(t, o.types(bob, "/authbridge whoami"), "bob")
	if o.desk.People[dave] != "" {
		t.Error("a guest is somebody here")
	}
}

// TestTriedTooOften says until when.
func TestTriedTooOften(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desk.Tries = &bridge.TooManyTries{Until: time.Date(2026, 1, 2, 12, 4, 0, 0, time.UTC)}
	has(t, o.types(alice, "/authbridge verify X"), "too often", "12:04 UTC")
}

// TestLateAnswerToACommand: what comes too late for the acknowledgement is
// told all the same, to them alone.
func TestLateAnswerToACommand(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	in, err := parseCommandForm(o.slack.Person(alice).Commanding(deploys, "/authbridge whoami"))
	if err != nil {
		t.Fatal(err)
	}
	o.adapter.serve(t.Context(), in).Late(t.Context())
	o.sees(alice, "only visible to you", "alice")
	o.sees(bob, "!only visible to you")
}

// TestHome shows what waits without its code, follows what changes, and takes
// presses.
func TestHome(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.adapter.homes.every = time.Millisecond
	o.adapter.homes.begin(t.Context())
	t.Cleanup(o.adapter.homes.end)
	waits := withCode(card())
	o.post(alice, card())
	o.desk.Shown = bridge.Inbox{
		Waiting: []bridge.Card{waits}, Given: []bridge.Card{given()},
		Stopped: []bridge.Suspension{{Agent: "rogue", Human: "alice", Since: time.Now()}},
	}
	o.opensHome(alice)
	o.slack.Until("alice has a Home", func() bool { return strings.Contains(o.slack.Person(alice).Screen(), "== Home") })
	o.sees(alice, "Waiting for you", "You have given", "[!Revoke]", "[Allow again]", "!"+userCode)

	o.press(alice, "Allow again")
	o.slack.Until("the agent is off the list", func() bool { return !strings.Contains(o.slack.Person(alice).Screen(), "[Allow again]") })
	o.sees(alice, "== modal:", "rogue may ask you again.")
	o.slack.Person(alice).CloseModal()

	o.desk.Alter(func(d *chattest.Desk) { d.People[alice] = "mallory" })
	o.slack.Until("the Home of who was alice is empty", func() bool { return !strings.Contains(o.slack.Person(alice).Screen(), "You have given") })
	o.sees(alice, "Open this again")
}

// TestHomeOfOthers tells them why it is empty.
func TestHomeOfOthers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desk.Shown = bridge.Inbox{Given: []bridge.Card{given()}}
	delete(o.desk.People, bob)
	o.opensHome(bob)
	o.opensHome(dave)
	o.sees(bob, "== Home", "You are nobody here yet", "!helper")
	o.sees(dave, "== Home", "Guests", "!helper")
}

// TestHomeIsNotPublishedAtEveryChange: many changes are one publication.
func TestHomeIsNotPublishedAtEveryChange(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.adapter.homes.begin(t.Context())
	t.Cleanup(o.adapter.homes.end)
	o.opensHome(alice)
	o.slack.Until("alice has a Home", func() bool { return len(o.slack.Calls(methodPublish)) > 0 })
	for range 20 {
		o.desk.Alter(func(*chattest.Desk) {})
		o.opensHome(alice)
	}
	if n := len(o.slack.Calls(methodPublish)); n != 1 {
		t.Errorf("within a moment the Home was published %d times", n)
	}
}

// TestHomesAreBounded: for one too many it is published, and not followed.
func TestHomesAreBounded(t *testing.T) {
	t.Parallel()
	h := newHomes()
	h.begin(t.Context())
	t.Cleanup(h.end)
	wait := func(ctx context.Context, _ <-chan struct{}) { <-ctx.Done() }
	for i := range homesMost {
		if !h.open(fmt.Sprint(i), wait) {
			t.Fatalf("there is no room for %d", i)
		}
	}
	if h.open("one more", wait) {
		t.Error("there is room without end")
	}
	if !h.open("7", wait) {
		t.Error("somebody who is followed is turned away")
	}
}

// TestHomeThatIsSwitchedOff is no fault of whoever opened it.
func TestHomeThatIsSwitchedOff(t *testing.T) {
	t.Parallel()
	w := slacktest.Office()
	w.App.NoHomeTab = true
	o := officeOf(t, w)
	o.opensHome(alice)
	o.sees(alice, "!== Home")
	if h := o.adapter.Health(); h.State == chat.Refused {
		t.Errorf("the health is %+v", h)
	}
}

// TestPendingLeadsToTheMessage: the card may be far above by now.
func TestPendingLeadsToTheMessage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := askedCard()
	o.post(alice, c)
	o.desk.Shown = bridge.Inbox{Waiting: []bridge.Card{c}}
	o.opensHome(alice)
	o.sees(alice, "Open in DM", "https://acme.slack.com/archives/")
}

// TestPendingLeadsToTheTeamsCard, and never to a private one that somebody had
// of the same request.
func TestPendingLeadsToTheTeamsCard(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c, had := deploysCard(), card()
	o.post(alice, had) // she had claimed it
	o.desk.Shown = bridge.Inbox{Waiting: []bridge.Card{c}}
	o.opensHome(alice)
	o.sees(alice, "See the team's channel", "!Open in channel")
	o.post(deploys, c)
	has(t, o.types(alice, "/authbridge pending"), "Open in channel", "archives/"+deploys)
}
