package slack

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// live is an office whose adapter runs: what people do there comes to it as
// Slack brings it.
func live(t *testing.T, mode string) *office {
	t.Helper()
	w := slacktest.Office()
	w.Unlimited = true
	o := officeOf(t, w)
	options := o.adapter.line.options
	options.Mode, options.SigningSecret = mode, bridge.NewSecret(o.slack.SigningSecret())
	a, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	o.adapter, a.line.timing = a, quick()
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := soon(t, "the adapter to end", over); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	if mode == ModeHTTP {
		srv := httptest.NewServer(a.Handler())
		t.Cleanup(srv.Close)
		o.slack.RequestsTo(srv.URL)
	}
	until(t, "the adapter is ready", func() bool { return a.Health().State == chat.Ready })
	return o
}

// show waits until somebody sees some words, and returns all that they see.
func (o *office) show(who, words string) string {
	o.t.Helper()
	p := o.slack.Person(who)
	o.slack.Until(fmt.Sprintf("%s sees %q", who, words), func() bool { return strings.Contains(p.Screen(), words) })
	return p.Screen()
}

// TestBehaviour40ADayIsTheSameBothWays: presses, modals, commands and the Home
// tab, as they come over sockets and by signed calls, and all that anybody
// sees of it.
func TestBehaviour40ADayIsTheSameBothWays(t *testing.T) {
	t.Parallel()
	own, team := withDigits(card()), deploysCard()
	overSockets, byCalls := day(t, ModeSocket, own, team), day(t, ModeHTTP, own, team)
	if diff := cmp.Diff(overSockets, byCalls); diff != "" {
		t.Errorf("over sockets -, by signed calls +:\n%s", diff)
	}
}

// day is what alice and bob see of a day, step by step.
func day(t *testing.T, mode string, own, team bridge.Card) (seen []string) {
	t.Helper()
	o := live(t, mode)
	o.desk.OnClick = func(who bridge.Clicker, _ bridge.RequestID, verb bridge.Verb) (bridge.Card, string, error) {
		switch {
		case verb == bridge.VerbClaim:
			return bridge.Card{}, "carol has claimed it.", nil
		case who.Typed == "4711":
			return withoutDigits(own), "", nil
		case who.Typed == "":
			return own, "Type the digits.", nil
		}
		return own, "These are not the digits.", nil
	}
	a, b := o.slack.Person(alice), o.slack.Person(bob)
	o.post(alice, own)
	o.post(deploys, team)

	b.Press("Claim").Acked()
	seen = append(seen, o.show(bob, "only visible to you\ncarol has claimed it"), a.Screen())

	a.Press("Show code").Acked()
	o.show(alice, "== modal:")
	a.Type("Digits the agent shows", "1234")
	a.Submit().Acked()
	seen = append(seen, o.show(alice, "! These are not the digits."))
	a.Type("Digits the agent shows", "4711")
	a.Submit().Acked()
	seen = append(seen, a.Screen())

	a.CommandIn(deploys, "/authbridge whoami").Acked()
	seen = append(seen, o.show(alice, "You are alice here"), b.Screen())
	a.OpenHome().Acked()
	seen = append(seen, o.show(alice, "== Home:"))
	if diff := cmp.Diff([]string{"alice show_code", "alice show_code", "alice show_code", "bob claim"}, sorted(o.desk.Presses())); diff != "" {
		t.Error(diff)
	}
	return seen
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// TestNoPressIsLostAtAStrictSlack while sockets are taken leave of one after
// the other, and Slack's own books say so.
func TestNoPressIsLostAtAStrictSlack(t *testing.T) {
	t.Parallel()
	o := live(t, ModeSocket)
	o.post(alice, card())
	stop := o.slack.Rotate(slacktest.Rotation{Every: 400 * time.Millisecond, Warning: 2 * time.Second})
	p, pressed := o.slack.Person(alice), 0
	for ended := 0; ended < 6; ended = o.slack.Books().Orderly.Sockets {
		p.Press("Show code").Wait()
		pressed++
	}
	stop()
	books := o.slack.Books()
	if books.Orderly.Lost() != 0 || books.Open.Lost() != 0 || books.Dropped.Sockets != 0 || books.Unsent != 0 {
		t.Errorf("of %d presses: %+v", pressed, books)
	}
	until(t, "the desk heard of every press", func() bool { return len(o.desk.Presses()) == pressed })
}
