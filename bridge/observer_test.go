package bridge_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// notebook is an observer that writes everything down but how late polls were.
type notebook struct {
	mu    sync.Mutex
	lines []string
	late  []time.Duration
}

func (n *notebook) note(words ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintln(words...))
}

func (n *notebook) observer() bridge.Observer {
	return bridge.Observer{
		Ended:        func(provider, outcome string) { n.note("ended", provider, outcome) },
		Polled:       func(provider, verdict string) { n.note("polled", provider, verdict) },
		PolledLate:   func(by time.Duration) { n.mu.Lock(); defer n.mu.Unlock(); n.late = append(n.late, by) },
		Coded:        func(took time.Duration) { n.note("coded after", took) },
		Released:     func(took time.Duration) { n.note("released after", took) },
		Shown:        func(channel string, took time.Duration) { n.note("shown in", channel, "after", took) },
		NotDelivered: func(channel, class string) { n.note("not delivered in", channel, class) },
		Clicked:      func(channel, verb, result string) { n.note("clicked in", channel, verb, result) },
	}
}

// read returns what was noted since the last time.
func (n *notebook) read() []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := n.lines
	n.lines = nil
	return lines
}

// watched is a bridge with a notebook, and with a Slack that is down at first.
func watched(t *testing.T, change func(*bridge.Directory)) (b *bridge.Bridge, corp *bridgetest.Provider, slack *bridgetest.Messenger, n *notebook) {
	t.Helper()
	dir := bridgetest.Directory()
	dir.Channels = []string{"slack", "web"}
	if change != nil {
		change(dir)
	}
	corp, slack, n = bridgetest.New("https://login.example.com"), bridgetest.NewMessenger(t, bridgetest.ShortMemory), &notebook{}
	b = bridge.New(bridge.Options{
		Directory: dir, Store: openStore(t), Log: slog.New(slog.DiscardHandler), Observer: n.observer(),
		Providers: map[string]bridge.Provider{"corp": corp}, Messengers: map[string]bridge.Messenger{"slack": slack},
	})
	run, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- b.Run(run) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the bridge ended with %v", err)
		}
	})
	return b, corp, slack, n
}

func expectNotes(t *testing.T, n *notebook, want ...string) {
	t.Helper()
	for i := range want {
		want[i] += "\n"
	}
	if diff := cmp.Diff(want, n.read()); diff != "" {
		t.Errorf("what the observer heard:\n%s", diff)
	}
}

// The observer hears of each thing once, and how long people waited for it.
func TestWhatAnObserverHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, corp, slack, n := watched(t, nil)
		helper := bridgetest.Directory().Agents["helper"]
		slack.Fail(bridge.ErrNotSent)
		r, _, err := b.Ask(ctx, helper, bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}})
		if err != nil {
			t.Fatal(err)
		}
		expectNotes(t, n, "not delivered in slack not_sent")
		bridgetest.Pass(5 * time.Second)
		shown := n.read()
		if len(shown) != 1 {
			t.Fatalf("after a while: %q", shown)
		}
		var took time.Duration
		var text string
		if _, err := fmt.Sscan(shown[0][len("shown in slack after "):], &text); err != nil {
			t.Fatal(err)
		}
		if took, err = time.ParseDuration(text); err != nil || took < time.Second || took > 2*time.Second {
			t.Errorf("it was shown after %s, %v", text, err)
		}

		release := corp.HoldBegin()
		press := func(verb bridge.Verb) {
			t.Helper()
			if _, _, err := b.Click(ctx, bridge.Clicker{Human: "alice", Channel: "web"}, r.ID, verb); err != nil {
				t.Fatal(err)
			}
		}
		press(bridge.VerbShowCode)
		bridgetest.Pass(3 * time.Second)
		release()
		expectNotes(t, n, "clicked in web show_code done", "coded after 3s")
		press(bridge.VerbShowCode)
		press(bridge.VerbFinished)
		expectNotes(t, n, "clicked in web show_code remark", "clicked in web finished done")
		bridgetest.Pass(7 * time.Second)
		in, err := b.Inbox(ctx, "alice")
		if err != nil {
			t.Fatal(err)
		}
		expectNotes(t, n, "polled corp pending")
		corp.ApproveCode(in.Waiting[0].Code.UserCode.Reveal(), bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		heard := n.read()
		if i := slices.Index(heard, "polled corp granted\n"); i < 0 || i != len(heard)-1 {
			t.Errorf("until the yes: %q", heard)
		}
		for range 2 {
			if _, err := b.Collect(ctx, helper, r.ID); err != nil {
				t.Fatal(err)
			}
		}
		told := n.read()
		if len(told) != 2 || told[0] != "ended corp collected\n" {
			t.Errorf("at the end: %q", told)
		}
		for _, by := range n.late {
			if by < 0 || by > time.Second {
				t.Errorf("a poll was %v late", by)
			}
		}
		if len(n.late) == 0 {
			t.Error("nobody says how late polls were")
		}
	})
}

// What the bridge asks for by itself keeps nobody waiting.
func TestACodeAtOnceIsNoClick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, corp, _, n := watched(t, codeAtOnce)
		release := corp.HoldBegin()
		helper := bridgetest.Directory().Agents["helper"]
		r, _, err := b.Ask(ctx, helper, bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		release()
		synctest.Wait()
		if now, err := b.Get(ctx, "helper", r.ID); err != nil || now.State != bridge.Coded {
			t.Fatalf("the request is %s: %v", now.State, err)
		}
		for _, line := range n.read() {
			if line != "shown in slack after 0s\n" {
				t.Errorf("heard: %s", line)
			}
		}
		if got := b.Counts(); got != (bridge.Counts{RequestsOpen: 1}) {
			t.Errorf("it counts %+v", got)
		}
	})
}
