package discordtest

import (
	"strings"
	"testing"
	"time"
)

func TestAnAnswerIsShownToWhomItIsMeant(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	for flags, seen := range map[int]bool{ephemeral: false, 0: true} {
		i := c.pressed(l)
		a := c.granted(c.call("POST", callbackOf(i)+"?with_response=true", fields{"type": newMessage, "data": fields{"content": "the answer", "flags": flags}}))
		resource, _ := a.body["resource"].(fields)
		told, _ := a.body["interaction"].(fields)
		if resource["type"] != 4.0 || resource["message"].(fields)["content"] != "the answer" || told["response_message_ephemeral"] != !seen || told["id"] != i["id"] {
			t.Errorf("it is told %v", a.body)
		}
		if !strings.Contains(c.s.Person(Alice).Screen(), "the answer") || strings.Contains(c.s.Person(Bob).Screen(), "the answer") != seen {
			t.Errorf("with the flags %d bob sees\n%s", flags, c.s.Person(Bob).Screen())
		}
		c.granted(c.call("DELETE", webhookOf(i)+"/messages/@original", nil))
		if strings.Contains(c.s.Person(Alice).Screen(), "the answer") {
			t.Error("what was deleted is seen")
		}
		c.refused(c.call("PATCH", webhookOf(i)+"/messages/@original", fields{"content": "x"}), 404, UnknownMessage)
		c.granted(c.call("DELETE", "/channels/"+Deploys+"/messages/"+i["message"].(fields)["id"].(string), nil))
	}
}

func TestAnAnswerToCome(t *testing.T) {
	t.Parallel()
	for name, announce := range map[string]fields{"seen by one": {"flags": ephemeral}, "seen by all": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := unlimited(t)
			l, alice := c.connect(), c.s.Person(Alice)
			i := c.pressed(l)
			c.granted(c.answer(i, thinking, announce))
			if got := alice.Screen(); !strings.Contains(got, "(authbridge is thinking...)") {
				t.Errorf("alice sees\n%s", got)
			}
			// The first follow-up takes its place, and is seen by whom that was.
			id := c.granted(c.call("POST", webhookOf(i), fields{"content": "first", "flags": ephemeral &^ (ephemeral * len(announce))})).text("id")
			if got := alice.Screen(); strings.Contains(got, "thinking") || strings.Count(got, "first") != 1 {
				t.Errorf("alice sees\n%s", got)
			}
			if seen := strings.Contains(c.s.Person(Bob).Screen(), "first"); seen != (announce == nil) {
				t.Errorf("bob sees it: %v", seen)
			}
			if got := c.granted(c.call("GET", webhookOf(i)+"/messages/@original", nil)).text("id"); got != id {
				t.Errorf("the original is %s, and not %s", got, id)
			}
			second := c.granted(c.call("POST", webhookOf(i)+"?wait=true", fields{"content": "second", "flags": ephemeral})).text("id")
			c.granted(c.call("PATCH", webhookOf(i)+"/messages/"+second, fields{"content": "changed"}))
			if got := alice.Screen(); !strings.Contains(got, "changed") || !strings.Contains(got, "first") || second == id {
				t.Errorf("alice sees\n%s", got)
			}
		})
	}
}

func TestWhatWasPressedOnIsChanged(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	i := c.pressed(l)
	c.granted(c.answer(i, changed, fields{"content": "over", "components": []fields{}}))
	if got := c.s.Person(Bob).Screen(); got != "== #deploys\n@authbridge (edited)\nover" {
		t.Errorf("bob sees\n%s", got)
	}
	j := c.pressed(l)
	c.granted(c.answer(j, later, nil))
	c.granted(c.call("PATCH", webhookOf(j)+"/messages/@original", fields{"content": "over, too", "components": []fields{}}))
	if got := c.s.Person(Bob).Screen(); !strings.HasSuffix(got, "over, too") {
		t.Errorf("bob sees\n%s", got)
	}
}

func TestAnswersFitWhatTheyAnswer(t *testing.T) {
	t.Parallel()
	c, heard := lenient(t)
	c.commands(nil)
	l, alice := c.connect(), c.s.Person(Alice)
	c.card(Deploys, "Press")
	modal := fields{"custom_id": "m", "title": "t", "components": []fields{{"type": 1, "components": []fields{{"type": 4, "custom_id": "d", "label": "Digits", "style": 1}}}}}
	press := func() fields { alice.Press("Press"); return l.interaction() }
	command := func() fields { alice.CommandIn(Deploys, "authbridge list"); return l.interaction() }
	submit := func() fields {
		c.granted(c.answer(press(), openModal, modal))
		alice.Type("Digits", "1")
		alice.Submit()
		i := l.interaction()
		return i
	}
	bare := func() fields { // of a modal that no message has opened
		c.granted(c.answer(command(), openModal, modal))
		alice.Type("Digits", "1")
		alice.Submit()
		return l.interaction()
	}
	message := fields{"content": "x", "flags": ephemeral}
	for name, k := range map[string]struct {
		do   func() fields
		kind int
		data any
		fits bool
	}{
		"a message to a press":           {press, newMessage, message, true},
		"a message to a command":         {command, newMessage, message, true},
		"a message to a modal":           {submit, newMessage, message, true},
		"one to come to a press":         {press, thinking, nil, true},
		"one to come to a command":       {command, thinking, nil, true},
		"nothing to a press":             {press, later, nil, true},
		"nothing to a modal of one":      {submit, later, nil, true},
		"a change to a press":            {press, changed, fields{"content": "a card"}, true},
		"a change to a modal of one":     {submit, changed, fields{"content": "a card"}, true},
		"a modal to a press":             {press, openModal, modal, true},
		"a modal to a command":           {command, openModal, modal, true},
		"a modal to a modal":             {submit, openModal, modal, false},
		"nothing to a command":           {command, later, nil, false},
		"a change to a command":          {command, changed, message, false},
		"nothing to a modal of none":     {bare, later, nil, false},
		"a pong to a press":              {press, pong, nil, false},
		"words for a field to a press":   {press, 8, fields{"choices": []any{}}, false},
		"a kind that there is not":       {press, 2, nil, false},
		"a message of nothing":           {press, newMessage, fields{}, false},
		"a message with unknown fields":  {press, newMessage, fields{"content": "x", "text": "y"}, false},
		"a message too long":             {press, newMessage, fields{"content": strings.Repeat("x", 2001)}, false},
		"one to come with words":         {press, thinking, fields{"content": "x"}, false},
		"one to come with another flag":  {press, thinking, fields{"flags": silent}, false},
		"a modal of nothing":             {press, openModal, fields{"custom_id": "m", "title": "t", "components": []any{}}, false},
		"a change to what is not to see": {press, changed, fields{"flags": ephemeral, "content": "x"}, false},
	} {
		i := k.do()
		heard.forget()
		a := c.answer(i, k.kind, k.data)
		if granted := a.status == 204; granted != k.fits || granted == (heard.said() != "") {
			t.Errorf("%s gets %d %s, and the test hears %q", name, a.status, a.raw, heard.said())
		}
		if !k.fits { // it can still be answered rightly
			c.granted(c.answer(i, newMessage, message))
		}
		if alice.s.modalOf(Alice) {
			alice.Close()
		}
	}
}

// modalOf says whether somebody has a modal open.
func (s *Discord) modalOf(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.modal(user) != nil
}

func TestAnInteractionIsAnsweredOnceAndInTime(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	i := c.pressed(l)
	c.refused(c.call("POST", webhookOf(i), fields{"content": "x"}), 404, UnknownWebhook) // before its first answer
	c.granted(c.answer(i, later, nil))
	c.refused(c.answer(i, later, nil), 400, AlreadyAcknowledged)

	c.card(Deploys, "Slow")
	c.s.Person(Alice).Press("Slow")
	slow := l.interaction()
	c.s.Advance(answerWithin + time.Millisecond)
	if got := c.s.Person(Alice).Screen(); !strings.HasSuffix(got, "(!) "+failedMark) {
		t.Errorf("alice sees\n%s", got)
	}
	c.refused(c.answer(slow, newMessage, fields{"content": "too late"}), 404, UnknownInteraction)
	c.refused(c.call("POST", webhookOf(slow), fields{"content": "too late"}), 404, UnknownWebhook)
	if b := c.s.Interactions()[1]; !b.Failed || b.Answered || !b.Lost() {
		t.Errorf("the books say %+v", b)
	}
}

// TestWhoDoesNotAnswerLeavesThemWaiting: with nobody moving Discord's clock, the
// three seconds are real ones.
func TestWhoDoesNotAnswerLeavesThemWaiting(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	c.connect()
	c.card(Deploys, "Press")
	c.s.Person(Alice).Press("Press")
	c.s.Until("alice is told", func() bool { return strings.Contains(c.s.Person(Alice).Screen(), failedMark) })
}

// TestWhoKeepsATokenTooLong finds it dead after a quarter of an hour.
func TestWhoKeepsATokenTooLong(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	i := c.pressed(l)
	c.granted(c.answer(i, newMessage, fields{"content": "one", "flags": ephemeral}))
	c.s.Advance(tokenFor - time.Minute)
	c.granted(c.call("PATCH", webhookOf(i)+"/messages/@original", fields{"content": "two"}))
	c.s.Advance(2 * time.Minute)
	for _, a := range []said{
		c.call("PATCH", webhookOf(i)+"/messages/@original", fields{"content": "three"}),
		c.call("GET", webhookOf(i)+"/messages/@original", nil),
		c.call("DELETE", webhookOf(i)+"/messages/@original", nil),
		c.call("POST", webhookOf(i), fields{"content": "three"}),
	} {
		c.refused(a, 401, BadWebhookToken)
	}
	if got := c.s.Person(Alice).Screen(); !strings.Contains(got, "two") {
		t.Errorf("alice sees\n%s", got)
	}
}

func TestATokenIsForWhatItWasGivenFor(t *testing.T) {
	t.Parallel()
	c, heard := lenient(t)
	l := c.connect()
	one := c.pressed(l)
	mine := c.granted(c.call("POST", callbackOf(one)+"?with_response=true", fields{"type": newMessage, "data": fields{"content": "hers", "flags": ephemeral}}))
	id := mine.body["interaction"].(fields)["response_message_id"].(string)
	c.card(c.direct(Bob), "Mine")
	c.s.Person(Bob).Press("Mine")
	two := l.interaction()
	c.granted(c.answer(two, later, nil))
	c.refused(c.call("PATCH", webhookOf(two)+"/messages/"+id, fields{"content": "x"}), 404, UnknownMessage)
	c.granted(c.call("PATCH", webhookOf(one)+"/messages/"+id, fields{"content": "x"}))
	if heard.said() != "" {
		t.Errorf("up to here the test hears %q", heard.said())
	}
	c.refused(c.answer(fields{"id": one["id"], "token": two["token"]}, later, nil), 404, UnknownInteraction)
	c.refused(c.call("POST", "/webhooks/"+Acme+"/"+one["token"].(string), fields{"content": "x"}), 404, UnknownApplication)
	c.refused(c.call("POST", "/webhooks/"+c.s.App()+"/nonsense", fields{"content": "x"}), 401, BadWebhookToken)
	if strings.Count(heard.said(), "\n") != 2 {
		t.Errorf("the test hears %q", heard.said())
	}
}

// TestNoAnswerNamesAnybodyByItself: without a word on mentions, an answer
// notifies the users that it names, and an edit does again.
func TestNoAnswerNamesAnybodyByItself(t *testing.T) {
	t.Parallel()
	c := unlimited(t)
	l := c.connect()
	naive, careful := c.pressed(l), fields(nil)
	c.granted(c.answer(naive, newMessage, fields{"content": "see <@" + Bob + ">"}))
	if n := len(c.s.Pushes(Bob)); n != 1 {
		t.Errorf("bob's phone showed %d", n)
	}
	c.s.Person(Alice).Press("Press")
	careful = l.interaction()
	c.granted(c.answer(careful, newMessage, fields{"content": "see <@" + Bob + ">", "allowed_mentions": fields{"parse": []string{}}}))
	if n := len(c.s.Pushes(Bob)); n != 1 {
		t.Errorf("then bob's phone showed %d", n)
	}
}
