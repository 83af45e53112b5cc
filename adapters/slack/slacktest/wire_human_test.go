package slacktest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stopped is a test that is stopped when it should be, and keeps why.
type stopped struct {
	testing.TB
	why string
}

func (f *stopped) Fatalf(format string, args ...any) {
	f.why = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// stops says why a test would be stopped that does something, or "".
func stops(t *testing.T, c caller, do func()) string {
	t.Helper()
	f := &stopped{TB: t}
	c.s.t = f
	defer func() { c.s.t = t }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	<-done
	return f.why
}

func TestNobodyPressesWhatTheyDoNotSee(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.card("U0ALICE", nil)
	c.card("C0DEPLOYS", fields{"text": plainText("Claim")})
	bob := c.s.Person("U0BOB")
	if why := stops(t, c, func() { bob.Press("Press") }); !strings.Contains(why, `U0BOB sees 0 buttons "Press"`) {
		t.Errorf("bob presses alice's button: %q", why)
	}
	if bob.Sees("Press") || !bob.Sees("Claim") {
		t.Error("bob sees what he does not see, or not what he sees")
	}
	c.s.Change(func(w *World) { w.Channel("C0DEPLOYS").Members = []string{"U0BRIDGE"} })
	if why := stops(t, c, func() { bob.Press("Claim") }); !strings.Contains(why, "sees 0 buttons") {
		t.Errorf("bob presses in a channel that he left: %q", why)
	}
}

func TestTwoButtonsWithOneLabelAreToldApart(t *testing.T) {
	t.Parallel()
	c := attended(t)
	post := func(lines ...string) {
		var blocks []any
		for _, line := range lines {
			blocks = append(blocks, section(fields{"text": mrkdwn(line), "accessory": button(fields{"value": line})}))
		}
		c.post("channel", "U0ALICE", "text", "x", "blocks", string(encoded(t, blocks)))
	}
	post("one", "two", "three")
	post("four")
	alice := c.s.Person("U0ALICE")
	if why := stops(t, c, func() { alice.Press("Press") }); !strings.Contains(why, `sees 4 buttons "Press"`) {
		t.Errorf("she presses any of them: %q", why)
	}
	for _, line := range []string{"one", "two", "three", "four"} {
		d := alice.PressIn(line, "Press")
		pressed, _ := d.Payload()["actions"].([]any)
		if got := pressed[0].(map[string]any)["value"]; got != line {
			t.Errorf("beside %s, she pressed that of %v", line, got)
		}
		d.Acked()
	}
}

func TestAButtonAsksAgain(t *testing.T) {
	t.Parallel()
	c := attended(t)
	c.card("U0ALICE", fields{"text": plainText("Revoke"), "confirm": confirm(nil)})
	alice := c.s.Person("U0ALICE")
	if why := stops(t, c, func() { alice.Press("Revoke") }); !strings.Contains(why, `offers "Yes" and "No"`) {
		t.Errorf("she is not asked: %q", why)
	}
	if d := alice.Press("Revoke", "No"); d != nil {
		t.Error("the app is told that she did not")
	}
	alice.Press("Revoke", "Yes").Acked()
}

func TestFingersAreSlowerThanEdits(t *testing.T) {
	t.Parallel()
	c := attended(t)
	channel, ts := c.post("channel", "U0ALICE", "text", "x", "blocks", string(encoded(t, []any{actions(button(nil))})))
	b := c.s.Person("U0ALICE").Button("Press")
	c.granted(c.form("chat.update", "channel", channel, "ts", ts, "text", "over"))
	d := b.Press()
	d.Acked()
	if p := (said{body: d.Payload()}); p.in("message")["blocks"] == nil || p.in("message")["ts"] != ts {
		t.Errorf("she pressed on %v", p.in("message"))
	}
}

func TestALinkIsPressedToo(t *testing.T) {
	t.Parallel()
	c := attended(t)
	c.card("U0ALICE", fields{"url": "https://id.example/device"})
	b := c.s.Person("U0ALICE").Button("Press")
	pressed, _ := b.Press().Payload()["actions"].([]any)
	if got := pressed[0].(map[string]any)["url"]; b.URL != "https://id.example/device" || got != b.URL {
		t.Errorf("it leads to %q, and the app is told %v", b.URL, got)
	}
}

func TestAModalIsTypedIntoAndSent(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.granted(c.open("U0ALICE", modal(nil)))
	l, alice := c.connect(), c.s.Person("U0ALICE")
	if d := alice.Submit(); d != nil || !strings.Contains(alice.Screen(), "! Please complete") {
		t.Errorf("an empty modal is sent; she sees\n%s", alice.Screen())
	}
	if why := stops(t, c, func() { alice.Type("Digits", "12345") }); !strings.Contains(why, "more than 4") {
		t.Errorf("five digits fit into four places: %q", why)
	}
	alice.Type("Digits", "1234")
	d := alice.Submit()
	envelope := said{body: l.answer(fields{"response_action": "errors", "errors": fields{"digits": "Not these."}})}
	if envelope.body["accepts_response_payload"] != true {
		t.Error("a submission accepts no answer")
	}
	view := said{body: envelope.in("payload")}.in("view")
	want := fields{"values": fields{"digits": fields{"typed": fields{"type": "plain_text_input", "value": "1234"}}}}
	if diff := cmp.Diff(any(want), view["state"]); diff != "" {
		t.Error(diff)
	}
	d.Acked()
	if !strings.Contains(alice.Screen(), "Digits: [1234]\n! Not these.") {
		t.Errorf("she sees\n%s", alice.Screen())
	}
	again := alice.Submit()
	l.answer(nil)
	again.Acked()
	if alice.Screen() != "" {
		t.Errorf("the modal is still there:\n%s", alice.Screen())
	}
}

func TestWhatIsTooShortIsNotSent(t *testing.T) {
	t.Parallel()
	c := attended(t)
	element := fields{"type": "plain_text_input", "action_id": "typed", "min_length": 4}
	c.granted(c.open("U0ALICE", modal(fields{"blocks": []any{input(fields{"element": element, "optional": true})}})))
	alice := c.s.Person("U0ALICE")
	alice.Type("Digits", "123")
	if d := alice.Submit(); d != nil || !strings.Contains(alice.Screen(), "! Please use more") {
		t.Errorf("three digits are sent; she sees\n%s", alice.Screen())
	}
	alice.Type("Digits", "")
	alice.Submit().Acked()
}

func TestAModalStaysWhenNobodyAnswers(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.granted(c.open("U0ALICE", modal(nil)))
	alice := c.s.Person("U0ALICE")
	alice.Type("Digits", "1234")
	if o := alice.Submit().Wait(); o.Acked {
		t.Errorf("it went like this: %+v", o)
	}
	want := "(!) sending a modal: authbridge did not answer\n== modal: Authorize\nwords\nDigits: [1234]\n[Cancel] [Show code]"
	if got := alice.Screen(); got != want {
		t.Errorf("she sees\n%s", got)
	}
}

func TestAnAnswerToASubmissionIsRight(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]fields{
		"errors of nothing": {"response_action": "errors"},
		"errors elsewhere":  {"response_action": "errors", "errors": fields{"phrase": "wrong"}},
		"another action":    {"response_action": "explode"},
		"another field":     {"response_type": "ephemeral", "text": "wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := office(t)
			f := &strict{TB: t}
			c.granted(c.open("U0ALICE", modal(nil)))
			c.s.t = f
			l, alice := c.connect(), c.s.Person("U0ALICE")
			alice.Type("Digits", "1234")
			d := alice.Submit()
			l.answer(answer)
			d.Acked()
			if len(f.complaints) != 1 {
				t.Errorf("the test fails over %q", f.complaints)
			}
		})
	}
}

func TestAModalIsReplacedOrCleared(t *testing.T) {
	t.Parallel()
	c := office(t)
	c.granted(c.open("U0ALICE", modal(nil)))
	l, alice := c.connect(), c.s.Person("U0ALICE")
	alice.Type("Digits", "1234")
	d := alice.Submit()
	next := modal(fields{"submit": nil, "notify_on_close": nil, "blocks": []any{section(fields{"text": mrkdwn("the code")})}})
	l.answer(fields{"response_action": "update", "view": next})
	d.Acked()
	if got := alice.Screen(); got != "== modal: Authorize\nthe code\n[Cancel]" {
		t.Errorf("she sees\n%s", got)
	}
	if why := stops(t, c, func() { alice.Submit() }); !strings.Contains(why, "cannot be sent") {
		t.Errorf("she sends it: %q", why)
	}
	if d := alice.Close(); d != nil || alice.Screen() != "" {
		t.Error("the app is told, or the modal still there")
	}
}

func TestClosingIsToldToWhoAsked(t *testing.T) {
	t.Parallel()
	c := attended(t)
	c.granted(c.open("U0ALICE", modal(nil)))
	d := c.s.Person("U0ALICE").Close()
	d.Acked()
	if p := d.Payload(); p["type"] != "view_closed" || p["is_cleared"] != false {
		t.Errorf("it is told %v", p)
	}
	if why := stops(t, c, func() { c.s.Person("U0ALICE").Close() }); !strings.Contains(why, "no modal open") {
		t.Errorf("she closes it again: %q", why)
	}
}

func TestACommandIsAnsweredWhereItWasTyped(t *testing.T) {
	t.Parallel()
	c := office(t)
	l, bob := c.connect(), c.s.Person("U0BOB")
	for _, answer := range []fields{{"text": "for bob"}, {"text": "for all", "response_type": "in_channel"}} {
		d := bob.CommandIn("C0DEPLOYS", "/authbridge pending")
		l.answer(answer)
		d.Acked()
	}
	if got := c.s.Person("U0ALICE").Screen(); got != "== #deploys\n@authbridge\nfor all" {
		t.Errorf("alice sees\n%s", got)
	}
	if got := bob.Screen(); !strings.Contains(got, "only visible to you\nfor bob") {
		t.Errorf("bob sees\n%s", got)
	}
	if why := stops(t, c, func() { bob.CommandIn("C0RANDOM", "/authbridge list") }); !strings.Contains(why, "is not in") {
		t.Errorf("bob types elsewhere: %q", why)
	}
	if why := stops(t, c, func() { bob.Command("/giphy cats") }); !strings.Contains(why, "no command") {
		t.Errorf("bob types something else: %q", why)
	}
}

func TestHomeIsOpened(t *testing.T) {
	t.Parallel()
	c := attended(t)
	alice := c.s.Person("U0ALICE")
	first := said{body: alice.OpenHome().Payload()}.in("event")
	if first["tab"] != "home" || first["view"] != nil || first["user"] != "U0ALICE" {
		t.Errorf("the first time the app is told %v", first)
	}
	c.granted(c.json("views.publish", fields{"user_id": "U0ALICE", "view": fields{
		"type": "home", "blocks": []any{section(nil), actions(button(nil))},
	}}))
	if second := (said{body: alice.OpenHome().Payload()}).in("event"); second["view"] == nil {
		t.Errorf("the second time the app is told %v", second)
	}
	d := alice.Press("Press")
	d.Acked()
	p := said{body: d.Payload()}
	if p.in("container")["type"] != "view" || p.in("view")["type"] != "home" || p.body["response_url"] != nil {
		t.Errorf("a press there comes as %v", p.body)
	}
	if m := (said{body: alice.OpenMessages().Payload()}).in("event"); m["tab"] != "messages" {
		t.Errorf("of the other tab the app is told %v", m)
	}
	c.s.Change(func(w *World) { w.App.NoHomeTab = true })
	if why := stops(t, c, func() { alice.OpenHome() }); !strings.Contains(why, "no tab") {
		t.Errorf("she opens what is not there: %q", why)
	}
}

func TestAnAppThatIsRemovedIsTold(t *testing.T) {
	t.Parallel()
	c := attended(t)
	c.s.RevokeTokens().Acked()
	c.refused(c.form("auth.test"), "token_revoked")
	d := c.s.Uninstall()
	d.Acked()
	c.refused(c.form("auth.test"), "account_inactive")
	if e := (said{body: d.Payload()}).in("event"); e["type"] != "app_uninstalled" {
		t.Errorf("it is told %v", e)
	}
}
