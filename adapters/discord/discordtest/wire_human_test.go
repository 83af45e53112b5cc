package discordtest

import (
	"strings"
	"testing"
)

func TestPeoplePressWhatTheySee(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	c.post(c.direct(Alice), fields{"content": "hers", "components": []fields{row(button(fields{"label": "Open", "style": 5, "custom_id": nil, "url": "https://id.example"}), button(nil))}})
	alice := c.s.Person(Alice)
	if !fails(t, c.s, func() { alice.Button("Open").Press() }) {
		t.Error("the app is told that she followed a link")
	}
	alice.PressIn("hers", "Press")
	if i := l.interaction(); i["user"].(fields)["id"] != Alice || i["member"] != nil || i["guild_id"] != nil || i["context"] != 1.0 {
		t.Errorf("it is told %v", i)
	}
	c.card(Deploys, "Press")
	c.s.Person(Bob).Press("Press")
	i := l.interaction()
	member, _ := i["member"].(fields)
	if member["user"].(fields)["id"] != Bob || i["user"] != nil || i["guild_id"] != Acme || i["context"] != 0.0 || member["roles"].([]any)[0] != OnCall {
		t.Errorf("it is told %v", i)
	}
}

// TestFingersAreSlowerThanEdits: what is pressed is what was seen.
func TestFingersAreSlowerThanEdits(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	id := c.card(Deploys, "Press")
	late, gone := c.s.Person(Alice).Button("Press"), c.s.Person(Bob).Button("Press")
	c.granted(c.call("PATCH", "/channels/"+Deploys+"/messages/"+id, fields{"content": "over", "components": []any{}}))
	late.Press()
	if m := l.interaction()["message"].(fields); m["content"] != "a card" || m["id"] != id {
		t.Errorf("it is told %v", m)
	}
	c.granted(c.call("DELETE", "/channels/"+Deploys+"/messages/"+id, nil))
	gone.Press()
	if n := len(c.s.Interactions()); n != 1 || !strings.Contains(c.s.Person(Bob).Screen(), failedMark) {
		t.Errorf("the app is told of %d; bob sees\n%s", n, c.s.Person(Bob).Screen())
	}
}

func TestAModalIsTypedIntoAndSent(t *testing.T) {
	t.Parallel()
	for name, inputs := range map[string]string{
		"rows":   `{"type":1,"components":[{"type":4,"custom_id":"d","label":"Digits","style":1,"min_length":4,"max_length":4}]}`,
		"labels": `{"type":18,"label":"Digits","component":{"type":4,"custom_id":"d","style":1,"min_length":4,"max_length":4}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := unlimited(t)
			l, alice := c.connect(), c.s.Person(Alice)
			i := c.pressed(l)
			c.granted(c.answer(i, openModal, raw(t, `{"custom_id":"m1","title":"The digits","components":[`+inputs+`]}`)))
			alice.Submit()
			alice.Type("Digits", "471")
			alice.Submit()
			if !strings.Contains(alice.Screen(), "! This is too short.") || len(c.s.Interactions()) != 1 {
				t.Errorf("alice sees\n%s", alice.Screen())
			}
			alice.Type("Digits", "4711")
			alice.Submit()
			sent := l.interaction()
			data := sent["data"].(fields)
			part := data["components"].([]any)[0].(fields)
			if inner, rows := part["components"].([]any); rows {
				part = inner[0].(fields)
			} else {
				part = part["component"].(fields)
			}
			if data["custom_id"] != "m1" || part["custom_id"] != "d" || part["value"] != "4711" || part["type"] != 4.0 || sent["message"] == nil {
				t.Errorf("it is told %v", sent)
			}
			if !c.s.modalOf(Alice) || !fails(t, c.s, alice.Submit) {
				t.Error("it is closed before its answer, or can be sent twice")
			}
			c.granted(c.answer(sent, later, nil))
			if c.s.modalOf(Alice) {
				t.Errorf("alice sees\n%s", alice.Screen())
			}
		})
	}
}

func TestAModalThatIsNotAnsweredStaysOpen(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l, alice := c.connect(), c.s.Person(Alice)
	c.granted(c.answer(c.pressed(l), openModal, raw(t, digits)))
	alice.Type("Digits", "4711")
	alice.Submit()
	c.s.Advance(2 * answerWithin)
	if got := alice.Screen(); !strings.Contains(got, failedMark) || !c.s.modalOf(Alice) {
		t.Errorf("alice sees\n%s", got)
	}
	alice.Submit() // she tries again
	l.interaction()
	c.granted(c.answer(l.interaction(), newMessage, fields{"content": "right", "flags": ephemeral}))
	if c.s.modalOf(Alice) || !strings.Contains(alice.Screen(), "right") {
		t.Errorf("alice sees\n%s", alice.Screen())
	}
}

func TestCommandsAreTypedAsRegistered(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.commands(nil)
	l, alice := c.connect(), c.s.Person(Alice)
	alice.Command(`/authbridge link code:"AB CD" page:3 loud:true`)
	i := l.interaction()
	data := i["data"].(fields)
	sub := data["options"].([]any)[0].(fields)
	var given []any
	for _, o := range sub["options"].([]any) {
		given = append(given, o.(fields)["name"], o.(fields)["value"])
	}
	if data["name"] != "authbridge" || data["type"] != 1.0 || sub["name"] != "link" || sub["type"] != 1.0 || i["context"] != 1.0 ||
		len(given) != 6 || given[1] != "AB CD" || given[3] != 3.0 || given[5] != true {
		t.Errorf("it is told %v", i)
	}
	for _, line := range []string{
		"other list", "authbridge", "authbridge unlink", "authbridge link", "authbridge link code:ABC", "authbridge link code:ABCDEFGHIJ",
		"authbridge link code:ABCD code:ABCD", "authbridge link code:ABCD page:x", "authbridge link code:ABCD page:6", "authbridge list all:true", "authbridge link code:ABCD  ",
	} {
		if !fails(t, c.s, func() { alice.Command(line) }) {
			t.Errorf("Discord lets her type %q", line)
		}
	}
	if !fails(t, c.s, func() { alice.CommandIn(Secret, "authbridge list") }) {
		t.Error("she types in a channel that she does not see")
	}
	c.s.Change(func(w *World) {
		ch := w.Channel(Deploys)
		ch.Overwrites = append(ch.Overwrites, Overwrite{ID: Acme, Deny: UseCommands})
	})
	if !fails(t, c.s, func() { alice.CommandIn(Deploys, "authbridge list") }) {
		t.Error("she types where commands are not allowed")
	}
	c.commands(fields{"contexts": []int{0}})
	if !fails(t, c.s, func() { alice.Command("authbridge list") }) {
		t.Error("a command of guilds is offered in direct messages")
	}
	c.commands(fields{"options": []fields{{"type": stringOption, "name": "word", "description": "x"}}})
	alice.Command("authbridge word:x")
	if o := l.interaction()["data"].(fields)["options"].([]any)[0].(fields); o["name"] != "word" || o["value"] != "x" {
		t.Errorf("it is told %v", o)
	}
}
