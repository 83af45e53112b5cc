package bridge_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// steppedMessenger is a messenger behind failpoints.
type steppedMessenger struct {
	points *bridgetest.Failpoints
	m      bridge.Messenger
}

func (s steppedMessenger) Post(ctx context.Context, to bridge.Address, c bridge.Card, key string) (bridge.MessageRef, error) {
	return bridgetest.Through(ctx, s.points, "Post", func(ctx context.Context) (bridge.MessageRef, error) { return s.m.Post(ctx, to, c, key) },
		func(bridge.MessageRef) string { return "a message" })
}

func (s steppedMessenger) Edit(ctx context.Context, ref bridge.MessageRef, c bridge.Card) error {
	_, err := bridgetest.Through(ctx, s.points, "Edit", func(ctx context.Context) (struct{}, error) { return struct{}{}, s.m.Edit(ctx, ref, c) },
		func(struct{}) string { return "yes" })
	return err
}

// errand is a story with a chat in it, told through one crash.
type errand struct {
	*bridge.Bridge
	t      *testing.T
	dir    *bridge.Directory
	store  bridge.Store
	slack  *bridgetest.Messenger
	corp   *bridgetest.Provider
	points *bridgetest.Failpoints
	stop   func()
}

// live begins a life. Its failpoints are those that are given, or new ones.
func (e *errand) live(points *bridgetest.Failpoints) {
	e.points = points
	e.Bridge = bridge.New(bridge.Options{
		Directory: e.dir, Store: points.Store(e.store), Log: slog.New(slog.DiscardHandler),
		Providers:  map[string]bridge.Provider{"corp": points.Provider(e.corp)},
		Messengers: map[string]bridge.Messenger{"slack": steppedMessenger{points, e.slack}},
	})
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- e.Run(run) }()
	e.stop = func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, bridgetest.ErrCrashed) {
			e.t.Errorf("the bridge ended with %v", err)
		}
	}
	synctest.Wait()
}

// act does something until a process has lived to answer.
func (e *errand) act(do func() error) {
	e.t.Helper()
	for {
		err := do()
		bridgetest.Pass(time.Second)
		if e.points.Crashed() {
			e.stop()
			e.live(bridgetest.NewFailpoints())
		}
		if err == nil {
			return
		}
		if !errors.Is(err, bridgetest.ErrCrashed) && !errors.Is(err, bridge.ErrStoreUnavailable) {
			e.t.Fatal(err)
		}
	}
}

func (e *errand) press(id bridge.RequestID, verb bridge.Verb) func() error {
	return func() error {
		_, _, err := e.Click(ctx, bridge.Clicker{Human: "alice", Channel: "slack"}, id, verb)
		return err
	}
}

// tell plays the story: asked, a code, and granted or denied.
func (e *errand) tell(grants bool) (r bridge.Request) {
	helper := e.dir.Agents["helper"]
	e.act(func() (err error) {
		r, _, err = e.Ask(ctx, helper, bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, IdempotencyKey: "k"})
		return err
	})
	e.act(e.press(r.ID, bridge.VerbShowCode))
	e.act(func() error { bridgetest.Pass(5 * time.Second); return nil })
	if grants {
		e.corp.Approve(bridgetest.Alice)
		e.act(func() error { bridgetest.Pass(20 * time.Second); return nil })
	} else {
		e.act(e.press(r.ID, bridge.VerbDeny))
	}
	e.act(func() error { bridgetest.Pass(time.Minute); return nil })
	e.act(func() (err error) { r, err = e.Get(ctx, "helper", r.ID); return err })
	return r
}

// A process that dies anywhere on a card's way leaves nothing that the next one
// does not put right, and no second card where posts are known by their keys.
func TestBehaviour30ACrashAtEveryStepOfACard(t *testing.T) {
	for name, memory := range map[string]time.Duration{"Slack": bridgetest.NoMemory, "Discord": bridgetest.ShortMemory} {
		for end, grants := range map[string]bool{"Denied": false, "Approved": true} {
			t.Run(name+", "+end, func(t *testing.T) {
				seen := map[string]bool{}
				steps := len(errandWith(t, memory, grants, 1, func(*bridgetest.Failpoints) {}).Trail())
				for n := 1; n <= steps; n++ {
					trail := errandWith(t, memory, grants, 2, func(points *bridgetest.Failpoints) { points.CrashAt(n) }).Trail()
					seen[trail[len(trail)-1].String()] = true
				}
				for _, at := range []string{"before Post", "after Post of a message", "before Edit", "after Edit of yes"} {
					if !seen[at] {
						t.Errorf("it never died %s; it did %v", at, seen)
					}
				}
			})
		}
	}
}

// A commit that fails, or whose fate is not known, is no reason for a second
// card: the process still has the answer of the chat.
func TestEveryCommitOfACardBroken(t *testing.T) {
	commits := errandWith(t, bridgetest.NoMemory, false, 1, func(*bridgetest.Failpoints) {}).Commits()
	for n := 1; n <= commits; n++ {
		errandWith(t, bridgetest.NoMemory, false, 1, func(points *bridgetest.Failpoints) { points.RefuseCommits(n, 1+2*(n%2)) })
		errandWith(t, bridgetest.NoMemory, false, 1, func(points *bridgetest.Failpoints) { points.DoubtCommits(n, 1) })
	}
}

// errandWith tells the story with something broken, and checks that alice has
// at most so many messages and a true one among them.
func errandWith(t *testing.T, memory time.Duration, grants bool, most int, brk func(*bridgetest.Failpoints)) *bridgetest.Failpoints {
	t.Helper()
	points := bridgetest.NewFailpoints()
	brk(points)
	if memory != bridgetest.NoMemory {
		most = 1
	}
	synctest.Test(t, func(t *testing.T) {
		e := &errand{
			t: t, dir: bridgetest.Directory(), store: openStore(t),
			slack: bridgetest.NewMessenger(t, memory), corp: bridgetest.New("https://login.example.com"),
		}
		e.dir.Channels = []string{"slack"}
		e.live(points)
		r := e.tell(grants)
		e.stop()
		want := "Denied"
		switch {
		case points.Lost() > 0: // the one hole that RFC 8628 leaves
			want = "Failed"
		case grants:
			want = "Approved"
		}
		if e.check(r, want, most); t.Failed() {
			t.Fatalf("the steps were %v", points.Trail())
		}
	})
	return points
}

func (e *errand) check(r bridge.Request, end string, most int) {
	e.t.Helper()
	s, cards := r.Surfaces[0], e.slack.Messages("")
	if len(cards) == 0 || len(cards) > most || r.Owes() || s.State != bridge.DeliveryShown {
		e.t.Fatalf("%d messages, owes %v, %s: %q", len(cards), r.Owes(), s.State, s.Detail)
	}
	for _, msg := range cards {
		screen := bridgetest.Text(msg.Now())
		if msg.Ref == s.Ref && !strings.HasPrefix(screen, end) {
			e.t.Errorf("the request is %s, and the screen says:\n%s", r.State, screen)
		}
		if strings.Contains(screen, "CODE-") {
			e.t.Errorf("a code is left on the screen:\n%s", screen)
		}
	}
}
