package slack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

const itWorks = "It works"

// tried is how a trial ended.
type tried struct {
	took time.Duration
	err  error
}

// try begins a trial with somebody, and returns how it will have ended.
func (o *office) try(ctx context.Context, to bridge.Address) <-chan tried {
	ended := make(chan tried, 1)
	go func() {
		took, err := o.adapter.Try(ctx, to)
		ended <- tried{took, err}
	}()
	return ended
}

// connected is an office whose adapter takes presses.
func connected(t *testing.T) *office {
	t.Helper()
	o := newOffice(t)
	o.adapter.health.SetCalls(chat.Ready, "")
	o.adapter.health.SetLine(chat.Ready, "", false)
	return o
}

// A press goes the way of all presses; nobody else's counts, and no request is
// touched by it.
func TestATrial(t *testing.T) {
	t.Parallel()
	o := connected(t)
	o.desk.Emails["alice@acme.example"] = "alice"
	ended := o.try(t.Context(), "mailto:alice@acme.example")
	her := o.slack.Person(alice)
	o.slack.Until("alice is asked to press", func() bool { return her.Sees(itWorks) })
	press, err := parseInteraction(her.Pressing(itWorks))
	if err != nil {
		t.Fatal(err)
	}
	if again := soon(t, "the second trial", o.try(t.Context(), alice)); !errors.Is(again.err, chat.ErrTrying) {
		t.Errorf("a second one with her: %v", again.err)
	}
	for name, forge := range map[string]func(*inbound){
		"bob's":         func(in *inbound) { in.user = bob },
		"another nonce": func(in *inbound) { in.actions[0].value += "x" },
		"no nonce":      func(in *inbound) { in.actions[0].value = "" },
	} {
		in := press
		in.actions = append([]action{}, press.actions...)
		forge(&in)
		if o.adapter.serve(t.Context(), in); o.adapter.taken(in, verbTry) {
			t.Errorf("%s press counts", name)
		}
	}
	if len(ended) > 0 {
		t.Error("a press that is not hers has ended it")
	}
	o.adapter.serve(t.Context(), press)
	if got := soon(t, "the trial to end", ended); got.err != nil || got.took < 0 || got.took > time.Minute {
		t.Errorf("it took %v, %v", got.took, got.err)
	}
	if screen := her.Screen(); her.Sees(itWorks) || !strings.Contains(screen, "Your press has arrived") {
		t.Errorf("she sees\n%s", screen)
	}
	o.adapter.serve(t.Context(), press)
	o.slack.Until("she hears that it is over", func() bool { return strings.Contains(her.Screen(), "This trial is over") })
	if n := o.desk.Presses(); len(n) > 0 {
		t.Errorf("the bridge was told of %q", n)
	}
}

func TestATrialThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	o := connected(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := o.try(ctx, alice)
	her := o.slack.Person(alice)
	o.slack.Until("alice is asked to press", func() bool { return her.Sees(itWorks) })
	press, err := parseInteraction(her.Pressing(itWorks))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if got := soon(t, "the trial to end", ended); !errors.Is(got.err, context.Canceled) {
		t.Errorf("it ended with %v", got.err)
	}
	if her.Sees(itWorks) || o.adapter.taken(press, verbTry) {
		t.Error("it goes on")
	}
}

func TestTrialsThatAreNotMade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		to    bridge.Address
		world func(*slacktest.World)
		want  error
	}{
		"the messages tab is off": {alice, func(w *slacktest.World) { w.App.NoMessagesTab = true }, bridge.ErrRoute},
		"nobody":                  {"U0NOBODY", nil, bridge.ErrUnreachable},
		"a guest":                 {dave, nil, bridge.ErrUnreachable},
		"a channel":               {deploys, nil, bridge.ErrUnreachable},
	} {
		o := connected(t)
		if c.world != nil {
			o.slack.Change(c.world)
		}
		for range 2 { // what was not made is not under way
			if _, err := o.adapter.Try(t.Context(), c.to); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := newOffice(t).adapter.Try(t.Context(), alice); !errors.Is(err, chat.ErrCut) {
		t.Errorf("without a connection: %v", err)
	}
}
