package slacktest

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// reply says something at the response address of what somebody did.
func (c caller) reply(d *Delivery, what fields) said {
	c.t.Helper()
	address, _ := d.Payload()["response_url"].(string)
	return c.replyTo(address, what)
}

func (c caller) replyTo(address string, what fields) said {
	c.t.Helper()
	return c.replyAs("application/json", address, what)
}

func (c caller) replyAs(kind, address string, what fields) said {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, address, strings.NewReader(string(encoded(c.t, what))))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	a, err := c.exchange(req)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// attended starts a Slack with an app that acknowledges all that comes.
func attended(t *testing.T) caller {
	t.Helper()
	c := office(t)
	go c.connect().careful()
	c.s.Until("the app is connected", func() bool { return c.s.Connected() == 1 })
	return c
}

// pressed posts a card and has bob press its button.
func (c caller) pressed(channel string) *Delivery {
	c.t.Helper()
	c.card(channel, nil)
	d := c.s.Person("U0BOB").PressIn("@authbridge", "Press")
	d.Acked()
	return d
}

func TestAnAnswerIsForWhoPressed(t *testing.T) {
	t.Parallel()
	c := attended(t)
	d := c.pressed("C0DEPLOYS")
	if got := c.reply(d, fields{"text": "not yours", "replace_original": false}); got.status != http.StatusOK || got.raw != "ok" {
		t.Errorf("it is answered with %d %s", got.status, got.raw)
	}
	bob, alice := c.s.Person("U0BOB").Screen(), c.s.Person("U0ALICE").Screen()
	if !strings.Contains(bob, "@authbridge, only visible to you\nnot yours") || strings.Contains(alice, "not yours") {
		t.Errorf("bob sees\n%s\nand alice\n%s", bob, alice)
	}
	if n := len(c.s.Pushes("U0ALICE")); n != 1 {
		t.Errorf("alice's phone rang %d times", n)
	}
}

func TestAnAnswerCanBeForAll(t *testing.T) {
	t.Parallel()
	c := attended(t)
	// Naive: the type of the answer is taken from an example.
	c.reply(c.pressed("C0DEPLOYS"), fields{"text": "your code is WDJB", "response_type": "in_channel"})
	if alice := c.s.Person("U0ALICE").Screen(); !strings.Contains(alice, "WDJB") {
		t.Errorf("alice sees\n%s", alice)
	}
}

func TestTheOriginalIsWhatAllSee(t *testing.T) {
	t.Parallel()
	c := attended(t)
	d := c.pressed("C0DEPLOYS")
	// Naive: bob is told that it is not his, in the place of everybody's card.
	c.reply(d, fields{"text": "not yours", "replace_original": true})
	want := "== #deploys\n@authbridge (edited)\nnot yours"
	if alice := c.s.Person("U0ALICE").Screen(); alice != want {
		t.Errorf("alice sees\n%s", alice)
	}
	c.reply(d, fields{"delete_original": true})
	if alice := c.s.Person("U0ALICE").Screen(); alice != "" {
		t.Errorf("alice sees\n%s", alice)
	}
	c.reply(d, fields{"text": "too late", "replace_original": true})
	c.reply(d, fields{"text": "much too late", "delete_original": true})
	if bob := c.s.Person("U0BOB").Screen(); bob != "== #deploys\n@authbridge, only visible to you\ntoo late" {
		t.Errorf("bob sees\n%s", bob)
	}
	if alice := c.s.Person("U0ALICE").Screen(); alice != "" {
		t.Errorf("alice sees\n%s", alice)
	}
}

func TestAnEphemeralIsReplacedByAPressOnIt(t *testing.T) {
	t.Parallel()
	c := attended(t)
	c.granted(c.form("chat.postEphemeral", "channel", "C0DEPLOYS", "user", "U0BOB", "text", "a",
		"blocks", string(encoded(t, []any{actions(button(nil))}))))
	d := c.s.Person("U0BOB").Press("Press")
	if p := (said{body: d.Payload()}); p.body["message"] != nil || p.in("container")["is_ephemeral"] != true {
		t.Errorf("the payload is %v", p.body)
	}
	d.Acked()
	c.reply(d, fields{"text": "b", "replace_original": true})
	if bob := c.s.Person("U0BOB").Screen(); bob != "== #deploys\n@authbridge, only visible to you\nb" {
		t.Errorf("bob sees\n%s", bob)
	}
}

func TestACommandHasNoOriginal(t *testing.T) {
	t.Parallel()
	c := attended(t)
	d := c.s.Person("U0BOB").CommandIn("C0DEPLOYS", "/authbridge list")
	d.Wait()
	c.reply(d, fields{"text": "first"})
	// Naive: the second answer is meant to replace the first.
	c.reply(d, fields{"text": "second", "replace_original": true})
	if bob := c.s.Person("U0BOB").Screen(); !strings.Contains(bob, "first") || !strings.Contains(bob, "second") {
		t.Errorf("bob sees\n%s", bob)
	}
}

func TestAnAddressForAnswersIsUsedUp(t *testing.T) {
	t.Parallel()
	c := attended(t)
	c.s.Tolerate("used_url", "invalid_url", "invalid_post_type")
	d := c.pressed("C0DEPLOYS")
	address, _ := d.Payload()["response_url"].(string)
	if got := c.replyAs("text/plain", address, fields{"text": "no JSON"}); got.text("error") != "invalid_post_type" {
		t.Errorf("what is no JSON is answered with %d %s", got.status, got.raw)
	}
	for range 5 {
		if got := c.reply(d, fields{"text": "again"}); got.status != http.StatusOK {
			t.Fatalf("it is answered with %d %s", got.status, got.raw)
		}
	}
	if got := c.reply(d, fields{"text": "again"}); got.status != http.StatusNotFound || got.text("error") != "used_url" {
		t.Errorf("the sixth is answered with %d %s", got.status, got.raw)
	}
	for _, forged := range []string{address + "f", strings.Replace(address, "T0ACME", "T0ELSE", 1)} {
		if got := c.replyTo(forged, fields{"text": "forged"}); got.text("error") != "invalid_url" {
			t.Errorf("a forged address is answered with %d %s", got.status, got.raw)
		}
	}
	c.card("C0DEPLOYS", fields{"text": plainText("Later")})
	later := c.s.Person("U0BOB").Press("Later")
	c.s.Advance(responseLife + time.Second)
	if got := c.reply(later, fields{"text": "late"}); got.text("error") != "expired_url" {
		t.Errorf("after half an hour it is answered with %d %s", got.status, got.raw)
	}
}

func TestAnAnswerFollowsTheRulesOfMessages(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		code string
		what fields
	}{
		"empty":          {"no_text", fields{}},
		"a wrong block":  {"invalid_blocks", fields{"text": "x", "blocks": []any{fields{"type": "poem"}}}},
		"another field":  {"invalid_payload", fields{"text": "x", "sing": true}},
		"another type":   {"invalid_payload", fields{"text": "x", "response_type": "loud"}},
		"no right parse": {"invalid_arguments", fields{"text": "x", "parse": "some"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := attended(t)
			c.s.Tolerate(tt.code)
			d := c.pressed("C0DEPLOYS")
			before := c.s.Person("U0BOB").Screen()
			if got := c.reply(d, tt.what); got.text("error") != tt.code || c.s.Person("U0BOB").Screen() != before {
				t.Errorf("it is answered with %d %s", got.status, got.raw)
			}
		})
	}
}

func TestAnAnswerCanFail(t *testing.T) {
	t.Parallel()
	c := attended(t)
	d := c.pressed("C0DEPLOYS")
	c.s.Fail("response_url", 1, Fault{Status: http.StatusBadGateway, Committed: true})
	if got := c.reply(d, fields{"text": "did it"}); got.status != http.StatusBadGateway {
		t.Errorf("it is answered with %d", got.status)
	}
	if bob := c.s.Person("U0BOB").Screen(); !strings.Contains(bob, "did it") {
		t.Errorf("bob sees\n%s", bob)
	}
}
