package slack

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

func (o *office) post(to bridge.Address, c bridge.Card) bridge.MessageRef {
	o.t.Helper()
	ref, err := o.adapter.Post(o.t.Context(), to, c, "key")
	if err != nil {
		o.t.Fatal(err)
	}
	return ref
}

func (o *office) edit(ref bridge.MessageRef, c bridge.Card) {
	o.t.Helper()
	if err := o.adapter.Edit(o.t.Context(), ref, c); err != nil {
		o.t.Fatal(err)
	}
}

// sees checks somebody's screen for words, and for those that must not be
// there ("!").
func (o *office) sees(who string, words ...string) {
	o.t.Helper()
	screen := o.slack.Person(who).Screen()
	for _, w := range words {
		if no, not := strings.CutPrefix(w, "!"); not == strings.Contains(screen, no) {
			o.t.Errorf("want %q on the screen of %s:\n%s", w, who, screen)
		}
	}
}

// over is a card of how its request ended.
func over(c bridge.Card, ending string) bridge.Card {
	return bridge.Card{
		Request: c.Request, Version: c.Version + 9, State: bridge.Denied, View: c.View, Shared: c.Shared, Under: c.Under,
		Agent: c.Agent, Headline: "Denied", Title: c.Title, EndedAt: time.Now(), Ending: ending,
	}
}

// TestBehaviour26TheEndLeavesNoCode: neither on the screen, nor in what is
// heard, nor in a notification.
func TestBehaviour26TheEndLeavesNoCode(t *testing.T) {
	t.Parallel()
	o, c := newOffice(t), card()
	ref := o.post(alice, c)
	o.edit(ref, withCode(c))
	o.sees(alice, userCode)
	if heard := o.slack.Person(alice).Heard(); !strings.Contains(heard, "W D J B, M J H T") {
		t.Errorf("alice hears no code she could type:\n%s", heard)
	}
	o.edit(ref, over(c, "You denied it. helper got nothing."))
	o.sees(alice, "!"+userCode, "You denied it. helper got nothing.")
	if heard := o.slack.Person(alice).Heard(); strings.Contains(heard, userCode) || strings.Contains(heard, "W D J B") {
		t.Errorf("alice still hears the code:\n%s", heard)
	}
	for _, push := range o.slack.Pushes(alice) {
		if strings.Contains(push, userCode) || strings.Contains(push, "W D J B") {
			t.Errorf("a phone has shown the code: %q", push)
		}
	}
}

// TestCodesGoNowhereElse: whatever the bridge asks for, no code gets into a
// channel or a new message.
func TestCodesGoNowhereElse(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	team := o.post(deploys, deploysCard())
	shown := withCode(card())
	for what, try := range map[string]func() error{
		"a new message":      func() error { _, err := o.adapter.Post(t.Context(), alice, shown, "k"); return err },
		"a channel's card":   func() error { return o.adapter.Edit(t.Context(), team, shown) },
		"a card of the team": func() error { c := withCode(deploysCard()); return o.adapter.Edit(t.Context(), team, c) },
	} {
		if err := try(); !errors.Is(err, bridge.ErrInvalid) {
			t.Errorf("%s takes a code: %v", what, err)
		}
	}
	for _, who := range []string{alice, bob, dave} {
		o.sees(who, "!"+userCode)
	}
	if leaks := o.slack.Leaks(userCode); len(leaks) != 0 {
		t.Errorf("the code got to Slack: %v", leaks)
	}
}

// TestNoticeInAThread: it stands where the agent works, and is edited there.
func TestNoticeInAThread(t *testing.T) {
	t.Parallel()
	w := slacktest.Office()
	w.Channel(deploys).Threads = []string{"1700000000.000100"}
	o := officeOf(t, w)
	notice := bridge.Card{
		Request: bridge.NewRequestID(time.Now()), Version: 1, State: bridge.Asked, View: bridge.ViewNotice,
		Agent: "helper", Headline: "Access request", Title: "helper has asked alice", AskedAt: time.Now(),
	}
	ref := o.post(deploys+"/1700000000.000100", notice)
	o.sees(bob, "in the thread", "helper has asked alice")
	o.edit(ref, over(notice, "alice approved."))
	o.sees(bob, "alice approved.")
	for _, to := range []bridge.Address{"D0ALICE/", "U0ALICE/", deploys + "/yesterday", "#deploys/", "/"} {
		if _, err := o.adapter.Post(t.Context(), to, notice, "key"); !errors.Is(err, bridge.ErrRoute) {
			t.Errorf("a notice to %q: %v", to, err)
		}
	}
}

// TestReminderStandsUnderItsCard and is seen without opening the thread.
func TestReminderStandsUnderItsCard(t *testing.T) {
	t.Parallel()
	o, c := newOffice(t), card()
	reminder := bridge.Card{
		Request: c.Request, Version: 1, State: bridge.Asked, View: bridge.ViewReminder, Under: o.post(alice, c),
		Agent: "helper", Headline: "Still waiting", Title: "helper wants corp", AskedAt: c.AskedAt,
	}
	ref := o.post(alice, reminder)
	o.sees(alice, "in the thread and the channel", "Still waiting")
	o.edit(ref, over(reminder, "Taken up."))
	o.sees(alice, "Taken up.", "!Still waiting")
	reminder.Under = "view/V123"
	if _, err := o.adapter.Post(t.Context(), alice, reminder, "key"); !errors.Is(err, bridge.ErrUnreachable) {
		t.Errorf("a reminder of a modal: %v", err)
	}
}

// TestPersonWhoTakesNoMessages cannot be reached, unless they have just
// pressed a button of this request: then they see their card in a modal.
func TestPersonWhoTakesNoMessages(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*slacktest.World){
		"refuses to be written to": func(w *slacktest.World) { w.Person(alice).NoOpen = "user_disabled" },
		"refuses messages":         func(w *slacktest.World) { w.Person(alice).NoPost = "restricted_action" },
		"has no messages tab":      func(w *slacktest.World) { w.App.NoMessagesTab = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, c := newOffice(t), card()
			o.slack.Change(change)
			_, err := o.adapter.Post(t.Context(), alice, c, "key")
			if !errors.Is(err, bridge.ErrUnreachable) && !errors.Is(err, bridge.ErrRoute) {
				t.Errorf("somebody who %s: %v", name, err)
			}
			o.sees(alice, "!helper wants corp")
		})
	}
}
