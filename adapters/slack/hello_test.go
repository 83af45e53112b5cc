package slack

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/bridge"
)

// greeted is how a hello ended.
type greeted struct {
	user string
	err  error
}

// greet writes a hello to somebody, and returns how it will have ended.
func greet(ctx context.Context, t *testing.T, s *slacktest.Slack, email string) <-chan greeted {
	t.Helper()
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	t.Cleanup(web.CloseIdleConnections)
	ended := make(chan greeted, 1)
	go func() {
		user, err := Hello(ctx, Options{
			BotToken: bridge.NewSecret(s.BotToken()), AppToken: bridge.NewSecret(s.AppToken()), Mode: ModeSocket,
			APIURL: s.URL(), HTTP: web, Log: slog.New(slog.DiscardHandler),
		}, email)
		ended <- greeted{user, err}
	}()
	return ended
}

const thisIsMe = "This is me"

func TestAHelloIsAnswered(t *testing.T) {
	t.Parallel()
	s := slacktest.Start(t, slacktest.Office())
	ended := greet(t.Context(), t, s, "Alice@acme.example")
	her := s.Person(alice)
	s.Until("alice is greeted", func() bool { return her.Sees(thisIsMe) })
	if screen := s.Person(bob).Screen(); strings.Contains(screen, "Hello") {
		t.Errorf("bob sees\n%s", screen)
	}
	her.Press(thisIsMe).Acked()
	if got := soon(t, "the hello to end", ended); got.user != alice || got.err != nil {
		t.Errorf("it is %q, %v", got.user, got.err)
	}
	if screen := her.Screen(); her.Sees(thisIsMe) || !strings.Contains(screen, "authbridge knows you now") {
		t.Errorf("she sees\n%s", screen)
	}
}

// greets has an adapter make somebody a hello, and returns how it will have
// ended.
func (o *office) greets(user string) <-chan error {
	o.t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := o.adapter.trials.Await(o.t.Context(), user, helloOffer(), &offer{adapter: o.adapter, user: user, verb: verbHello})
		ended <- err
	}()
	o.slack.Until("they are greeted", func() bool { return o.slack.Person(user).Sees(thisIsMe) })
	return ended
}

// What the button carries was sent to one person, who alone can press it.
func TestOnlyThePressOfWhoWasGreetedCounts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ended := o.greets(alice)
	press, err := parseInteraction(o.slack.Person(alice).Pressing(thisIsMe))
	if err != nil {
		t.Fatal(err)
	}
	for name, forge := range map[string]func(*inbound){
		"somebody else's":     func(in *inbound) { in.user = bob },
		"nobody's":            func(in *inbound) { in.user = "" },
		"with another nonce":  func(in *inbound) { in.actions[0].value += "." },
		"with half a nonce":   func(in *inbound) { in.actions[0].value = in.actions[0].value[:13] },
		"without a nonce":     func(in *inbound) { in.actions[0].value = "" },
		"of another button":   func(in *inbound) { in.actions[0].id = "ab.v1.show_code" },
		"among others":        func(in *inbound) { in.actions = append(in.actions, in.actions[0]) },
		"of nothing":          func(in *inbound) { in.actions = nil },
		"that was none":       func(in *inbound) { in.kind = submitted },
		"a command's, though": func(in *inbound) { in.kind = commanded },
	} {
		in := press
		in.actions = append([]action{}, press.actions...)
		if forge(&in); o.adapter.taken(in, verbHello) {
			t.Errorf("a press %s counts", name)
		}
	}
	if !o.adapter.taken(press, verbHello) {
		t.Error("her own does not count")
	}
	if err := soon(t, "the hello to end", ended); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// Whoever waits no longer leaves no button behind that does nothing.
func TestAHelloThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	s := slacktest.Start(t, slacktest.Office())
	ctx, cancel := context.WithCancel(t.Context())
	ended := greet(ctx, t, s, "alice@acme.example")
	her := s.Person(alice)
	s.Until("alice is greeted", func() bool { return her.Sees(thisIsMe) })
	cancel()
	if got := soon(t, "the hello to end", ended); got.user != "" || !errors.Is(got.err, context.Canceled) {
		t.Errorf("it is %q, %v", got.user, got.err)
	}
	if screen := her.Screen(); her.Sees(thisIsMe) || !strings.Contains(screen, "Nobody answered this hello in time") {
		t.Errorf("she sees\n%s", screen)
	}
}

// Who could not be asked is not greeted: least of all somebody who has only
// claimed an address.
func TestWhoIsNotGreeted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		email string
		world func(*slacktest.World)
	}{
		"nobody":              {"zoe@acme.example", func(*slacktest.World) {}},
		"an unproven address": {"alice@acme.example", func(w *slacktest.World) { w.Person(alice).Unconfirmed = true }},
		"a bot":               {"alice@acme.example", func(w *slacktest.World) { w.Person(alice).Bot = true }},
		"a guest":             {"dave@other.example", func(*slacktest.World) {}},
		"another workspace's": {"alice@acme.example", func(w *slacktest.World) { w.Person(alice).Team = "T0ELSE" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := slacktest.Office()
			c.world(&w)
			s := slacktest.Start(t, w)
			if got := soon(t, "the hello to end", greet(t.Context(), t, s, c.email)); !errors.Is(got.err, ErrNobody) || got.user != "" {
				t.Errorf("it is %q, %v", got.user, got.err)
			}
			if n := len(s.Calls("chat.postMessage")); n > 0 {
				t.Errorf("%d messages were written", n)
			}
		})
	}
}

// Nobody is written to whose press could not arrive.
func TestNoHelloWithoutAConnection(t *testing.T) {
	t.Parallel()
	s := slacktest.Start(t, slacktest.Office())
	s.Tolerate("socket_mode_not_enabled", "link_disabled")
	s.DisableSocketMode()
	got := soon(t, "the hello to end", greet(t.Context(), t, s, "alice@acme.example"))
	if got.err == nil || !strings.Contains(got.err.Error(), "Socket Mode") {
		t.Errorf("it ended with %v", got.err)
	}
	if n := len(s.Calls("chat.postMessage")); n > 0 {
		t.Errorf("%d messages were written", n)
	}
}

// Beside a bridge that runs, a press may come there: who pressed is told.
func TestAHelloThatIsPressedElsewhere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.greets(alice)
	o.press(alice, thisIsMe)
	her := o.slack.Person(alice)
	o.slack.Until("she is told", func() bool { return strings.Contains(her.Screen(), "press once more") })
	if n := o.desk.Presses(); len(n) > 0 || !her.Sees(thisIsMe) {
		t.Errorf("the bridge was told of %q", n)
	}
}
