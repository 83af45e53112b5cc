package slacktest

import (
	"strings"
	"testing"
)

func TestEverybodySeesTheirOwn(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post("channel", "U0ALICE", "text", "for alice")
	c.post("channel", "C0DEPLOYS", "text", "for the team")
	for id, want := range map[string]string{
		"U0ALICE": "== direct messages: authbridge\n@authbridge\nfor alice\n== #deploys\n@authbridge\nfor the team",
		"U0DAVE":  "== #deploys\n@authbridge\nfor the team",
		"U0EVE":   "",
	} {
		if got := c.s.Person(id).Screen(); got != want {
			t.Errorf("%s sees\n%s", id, got)
		}
	}
	c.s.Change(func(w *World) {
		w.Channel("C0DEPLOYS").Members = []string{"U0BRIDGE"}
		w.Person("U0ALICE").Deleted = true
	})
	for _, id := range []string{"U0ALICE", "U0DAVE"} {
		if got := c.s.Person(id).Screen(); got != "" {
			t.Errorf("%s, gone, sees\n%s", id, got)
		}
	}
}

func TestACardIsDrawn(t *testing.T) {
	t.Parallel()
	c := office(t)
	blocks := encoded(t, []any{
		fields{"type": "header", "text": plainText("Access request")},
		section(fields{"text": mrkdwn("*helper* asks <@U0BOB>:\n```ABCD-EFGH```"), "fields": []any{plainText("until noon")}}),
		fields{"type": "divider"},
		actions(
			button(fields{"text": plainText("I did not ask"), "style": "danger", "accessibility_label": "Deny: I did not ask"}),
			button(fields{"text": plainText("Open github.com"), "action_id": "open", "url": "https://github.com/login"}),
			button(fields{"text": plainText("Revoke"), "action_id": "revoke", "style": "primary", "confirm": confirm(nil)}),
		),
		fields{"type": "context", "elements": []any{plainText("request 7")}},
	})
	c.post("channel", "U0ALICE", "text", "an access request", "blocks", string(blocks))
	want := `== direct messages: authbridge
@authbridge
# Access request
helper asks @bob:
| ABCD-EFGH
- until noon
---
[!I did not ask] [Open github.com -> https://github.com/login] [*Revoke]?
. request 7`
	if got := c.s.Person("U0ALICE").Screen(); got != want {
		t.Errorf("alice sees\n%s", got)
	}
	heard := "an access request\nbutton: Deny: I did not ask\nbutton: Open github.com\nbutton: Revoke"
	if got := c.s.Person("U0ALICE").Heard(); got != heard {
		t.Errorf("a screen reader says\n%s", got)
	}
}

func TestOnlyWhatIsSeenCanBeUsed(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post("channel", "U0ALICE", "text", "x", "blocks", string(encoded(t, []any{actions(button(nil))})))
	labels := func(user string) string {
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		var all []string
		for _, d := range c.s.front(user) {
			for _, control := range d.controls {
				all = append(all, control.label)
			}
		}
		return strings.Join(all, ",")
	}
	if got := labels("U0ALICE"); got != "Press" {
		t.Errorf("alice can use %q", got)
	}
	if got := labels("U0BOB"); got != "" {
		t.Errorf("bob can use %q", got)
	}
	c.granted(c.open("U0ALICE", modal(nil)))
	if got := labels("U0ALICE"); got != "Digits" {
		t.Errorf("behind a modal alice can use %q", got)
	}
}

func TestWaitingEndsWhenItHolds(t *testing.T) {
	t.Parallel()
	c := office(t)
	go func() {
		_, _ = c.try("chat.postMessage", "application/json", c.s.BotToken(), `{"channel":"C0DEPLOYS","text":"now"}`)
	}()
	c.s.Until("the message is there", func() bool { return strings.Contains(c.s.Person("U0BOB").Screen(), "now") })
}
