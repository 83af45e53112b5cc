package chattest

import (
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// Lab is a chat with an adapter that runs in it, until the test ends: a strict
// stand-in for the platform, and people in front of it. What they do comes to
// the adapter as the platform brings it.
type Lab interface {
	Adapter() bridge.Messenger
	Desk() *Desk
	Places() Places
	Person(who bridge.Address) Person

	// Until waits until something holds, and fails the test if it never does.
	Until(what string, holds func() bool)
	// Fail has the next call that posts a message go wrong.
	Fail(how Fault)
	// Posts is how often the platform was asked to post a message.
	Posts() int
	// CloseMessages has somebody take no direct messages of the bridge's.
	CloseMessages(who bridge.Address)
	// LeaveChannel takes the bridge out of [Places.Channel].
	LeaveChannel()
	// TakeBack has the platform know the bridge's token no more.
	TakeBack()
	// Refused is what the health says of a platform that refuses the bridge,
	// "" = it does not.
	Refused() string
	// Secrets are those that the adapter was given.
	Secrets() []string
	// Leaks says where any of some secrets occurs in the traffic.
	Leaks(secrets ...string) []string
}

// Places are who and what is in a lab.
type Places struct {
	Alice, Bob bridge.Address // humans of the bridge's
	Carol      bridge.Address // nobody's account
	Outsider   bridge.Address // a human's, of whom the platform says that they have no say
	Channel    bridge.Address // one that all of these see
}

// Person is somebody in front of a platform. They can use only what they see.
type Person interface {
	Screen() string   // all that they see now, as text: see the stand-in
	Heard() string    // what a screen reader reads them of it
	Pushes() []string // what their phone has shown
	// Loud is what anything on their screen does besides being seen: whom it
	// mentions, where it leads, what it makes a picture of.
	Loud() []string

	Press(label string) // the one button with that label; they wait until they see it
	// PressIn is that at or below some words.
	PressIn(words, label string)
	// Enter types into the modal that they have open, and sends it.
	Enter(typed string)
	Command(name, argument string) // in Places.Channel
}

// Fault is what goes wrong with a call.
type Fault int

// The faults.
const (
	Limited     Fault = iota // for seven seconds
	LostAnswer               // it has its effect, and the connection is cut
	BrokenAfter              // it has its effect, and the answer is status 500
	NoAnswer                 // it has its effect, and nothing is answered
)

// Start begins a lab.
type Start func(t *testing.T) Lab

// bench is a lab that a test works in.
type bench struct {
	Lab
	Places

	t *testing.T
}

func enter(t *testing.T, start Start) *bench {
	t.Helper()
	t.Parallel()
	l := start(t)
	return &bench{Lab: l, Places: l.Places(), t: t}
}

// post posts a card, as the bridge would: with a key of its own.
func (b *bench) post(to bridge.Address, c bridge.Card) bridge.MessageRef {
	b.t.Helper()
	ref, err := b.Adapter().Post(b.t.Context(), to, c, keyOf(c))
	if err != nil {
		b.t.Fatalf("post %q: %v", c.Title, err)
	}
	return ref
}

func keyOf(c bridge.Card) string { return string(c.Request) + "/" + string(c.View) + "/" + c.Title }

func (b *bench) edit(ref bridge.MessageRef, c bridge.Card) {
	b.t.Helper()
	if err := b.Adapter().Edit(b.t.Context(), ref, c); err != nil {
		b.t.Fatalf("edit %q: %v", c.Title, err)
	}
}

// sees checks somebody's screen for words, and for those that must not be
// there ("!").
func (b *bench) sees(who bridge.Address, words ...string) {
	b.t.Helper()
	screen := b.Person(who).Screen()
	for _, w := range words {
		if no, not := strings.CutPrefix(w, "!"); not == strings.Contains(screen, no) {
			b.t.Errorf("want %q on the screen of %s:\n%s", w, who, screen)
		}
	}
}

// comesTo waits until somebody sees some words.
func (b *bench) comesTo(who bridge.Address, words string) {
	b.t.Helper()
	p := b.Person(who)
	b.Until(string(who)+" sees "+words, func() bool { return strings.Contains(p.Screen(), words) })
}

// answers has the desk answer all presses alike.
func (b *bench) answers(c bridge.Card, word string, err error) {
	b.Desk().Alter(func(d *Desk) {
		d.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) { return c, word, err }
	})
}

// now has a card of these scenes be of now.
func now(c bridge.Card) bridge.Card {
	passed := time.Since(Noon)
	for _, at := range []*time.Time{&c.AskedAt, &c.OpenTo, &c.EndedAt, &c.UsedAt, &c.Until, &c.Claim.At, &c.Claim.Until} {
		if !at.IsZero() {
			*at = at.Add(passed)
		}
	}
	if c.Code != nil {
		code := *c.Code
		code.LapsesAt = code.LapsesAt.Add(passed)
		c.Code = &code
	}
	return c
}
