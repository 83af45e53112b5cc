package slack

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
)

// greeted is how a hello ended.
type greeted struct {
	user string
	err  error
}

// hello has a hello written to whoever has an e-mail address.
func (o *office) hello(email string) <-chan greeted {
	ctx, cancel := context.WithTimeout(o.t.Context(), 10*time.Second)
	over := make(chan greeted, 1)
	go func() {
		defer cancel()
		user, err := Hello(ctx, o.adapter.line.options, email)
		over <- greeted{user, err}
	}()
	return over
}

func TestAHelloIsAnsweredByItsPress(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	over := o.hello("alice@acme.example")
	o.show(alice, "This is me")
	o.slack.Person(alice).Press("This is me")
	if got := <-over; got.err != nil || got.user != alice {
		t.Errorf("it is %q, %v", got.user, got.err)
	}
	o.show(alice, "Thank you.")
}

// TestNoHelloWithoutAnEar: while no press would come through, nobody is written
// to, and the operator is told why.
func TestNoHelloWithoutAnEar(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.slack.DisableSocketMode()
	got := <-o.hello("alice@acme.example")
	if got.err == nil || got.err.Error() != linkDisabled {
		t.Errorf("it is %q, %v", got.user, got.err)
	}
	if pushed := o.slack.Pushes(alice); len(pushed) != 0 {
		t.Errorf("their phone shows %q", pushed)
	}
}

// TestAHelloIsWrittenToNobodyElse: what the operator types is believed, and
// what the press says is written down as who a human is. So Slack has to vouch
// for the e-mail.
func TestAHelloIsWrittenToNobodyElse(t *testing.T) {
	t.Parallel()
	everybody := outsiders()
	everybody["not confirmed"] = func(u *slacktest.User) { u.Unconfirmed = true }
	for _, name := range []string{"a bot", "a stranger", "deactivated", "not confirmed"} {
		o := newOffice(t)
		o.slack.Change(func(w *slacktest.World) { everybody[name](w.Person(alice)) })
		if got := <-o.hello("alice@acme.example"); !errors.Is(got.err, ErrNobody) {
			t.Errorf("%s: it is %q, %v", name, got.user, got.err)
		}
		if pushed := o.slack.Pushes(alice); len(pushed) != 0 {
			t.Errorf("%s: their phone shows %q", name, pushed)
		}
	}
}

// TestOnlyThePressOfWhomItWasWrittenToCounts: nothing else says who a human is.
func TestOnlyThePressOfWhomItWasWrittenToCounts(t *testing.T) {
	t.Parallel()
	right := inbound{kind: pressed, user: alice, actions: []action{{id: verbHello, value: "nonce"}}}
	for name, change := range map[string]func(*inbound){
		"":                   func(*inbound) {},
		"somebody else":      func(in *inbound) { in.user = bob },
		"of another hello":   func(in *inbound) { in.actions = []action{{id: verbHello, value: "other"}} },
		"another button":     func(in *inbound) { in.actions = []action{{id: "ab.v1.claim", value: "nonce"}} },
		"something was sent": func(in *inbound) { in.kind = submitted },
	} {
		h, in := &hello{nonce: "nonce", user: alice, pressed: make(chan struct{}, 1)}, right
		change(&in)
		h.take(t.Context(), in)
		if len(h.pressed) == 1 != (name == "") {
			t.Errorf("%q: taken %v", name, len(h.pressed) == 1)
		}
	}
}
