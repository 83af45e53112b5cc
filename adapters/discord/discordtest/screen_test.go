package discordtest

import (
	"strings"
	"testing"
)

func TestPeopleSeeWhatIsTheirs(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(c.direct(Alice), fields{"content": "for alice"})
	c.post(Deploys, fields{"content": "for the team"})
	c.post(Rollout, fields{"content": "in the thread"})
	for id, want := range map[string]string{
		Alice: "== direct messages: authbridge\n@authbridge\nfor alice\n== #deploys\n@authbridge\nfor the team\n== #deploys > rollout\n@authbridge\nin the thread",
		Bob:   "== #deploys\n@authbridge\nfor the team\n== #deploys > rollout\n@authbridge\nin the thread",
		Eve:   "",
	} {
		if got := c.s.Person(id).Screen(); got != want {
			t.Errorf("%s sees\n%s", id, got)
		}
	}
	c.s.Change(func(w *World) { w.Guild(Acme).Remove(Bob) })
	if got := c.s.Person(Bob).Screen(); got != "" {
		t.Errorf("bob, gone, sees\n%s", got)
	}
}

func TestWhoMayNotReadTheHistorySeesNoMessages(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(Deploys, fields{"content": "x"})
	c.s.Change(func(w *World) { w.Channel(Deploys).Overwrites = []Overwrite{{ID: OnCall, Deny: ReadHistory}} })
	if c.s.Person(Bob).Screen() != "" || c.s.Person(Alice).Screen() == "" {
		t.Error("the history is seen by the wrong people")
	}
}

func TestACardIsDrawn(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.post(Deploys, fields{
		"content": "**Access request**\nhelper asks <@" + Bob + ">:\n```\nABCD-EFGH\n```\n-# request 7", "flags": 4,
		"allowed_mentions": fields{"parse": []string{}},
		"components": []fields{row(
			button(fields{"label": "I did not ask", "style": 4}),
			button(fields{"label": "Open github.com", "style": 5, "custom_id": nil, "url": "https://github.com/login"}),
			button(fields{"label": "Later", "custom_id": "later", "disabled": true}),
		)},
	})
	want := `== #deploys
@authbridge
Access request
helper asks @bob:
| ABCD-EFGH
. request 7
[!I did not ask] [Open github.com -> https://github.com/login] [Later](off)`
	if got := c.s.Person(Alice).Screen(); got != want {
		t.Errorf("alice sees\n%s", got)
	}
	heard := "Access request\nhelper asks @bob:\n| ABCD-EFGH\n. request 7\nbutton: I did not ask\nbutton: Open github.com"
	if got := c.s.Person(Alice).Heard(); got != heard {
		t.Errorf("a screen reader says\n%s", got)
	}
	if got := c.s.Pushes(Bob); got != nil {
		t.Errorf("bob's phone showed %q", got)
	}
}

func TestWaitingEndsWhenItHolds(t *testing.T) {
	t.Parallel()
	c := office(t)
	go func() { _, _ = c.try("POST", "/channels/"+Deploys+"/messages", fields{"content": "now"}, nil) }()
	c.s.Until("the message is there", func() bool { return strings.Contains(c.s.Person(Bob).Screen(), "now") })
}
