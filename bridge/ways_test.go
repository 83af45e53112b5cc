package bridge_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

const alicesDiscord = "80351110224678912"

// linkable is a chat that knows whether it is connected.
type linkable struct {
	*bridgetest.Messenger
	off atomic.Bool
}

func (l *linkable) Connected() bool { return !l.off.Load() }

// wayward is a world in which alice is in two chats.
type wayward struct {
	*bridgetest.World
	slack, discord *linkable
	store          *mortalStore
}

func waysStory(t *testing.T, via []string, tell func(t *testing.T, w *wayward)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		dir.Channels = []string{"discord", "slack", "web"}
		alice := dir.Humans["alice"]
		alice.Discord, alice.Via = alicesDiscord, via
		dir.Humans["alice"] = alice
		w := &wayward{
			slack:   &linkable{Messenger: bridgetest.NewMessenger(t, bridgetest.NoMemory)},
			discord: &linkable{Messenger: bridgetest.NewMessenger(t, bridgetest.ShortMemory)},
			store:   &mortalStore{Store: openStore(t)},
		}
		chats := map[string]bridge.Messenger{"slack": w.slack, "discord": w.discord}
		w.World = bridgetest.StartWithChats(t, dir, w.store, bridgetest.New("https://login.example.com"), chats)
		tell(t, w)
	})
}

// told is what the agent is told of the delivery.
func (w *wayward) told(id bridge.RequestID) map[string]bridge.Delivery {
	all := map[string]bridge.Delivery{}
	for _, s := range ways(w.See(id)) {
		all[s.Channel] = s.State
	}
	return all
}

func same(t *testing.T, what string, got, want map[string]bridge.Delivery) {
	t.Helper()
	equal := len(got) == len(want)
	for channel, state := range want {
		equal = equal && got[channel] == state
	}
	if !equal {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestAHumanIsAskedInTheFirstChatOfTheirs(t *testing.T) {
	shown, waits := bridge.DeliveryShown, bridge.DeliveryWaiting
	for _, c := range []struct {
		name string
		via  []string
		want map[string]bridge.Delivery
	}{
		{"as it comes", nil, map[string]bridge.Delivery{"slack": shown, "web": waits}},
		{"in their order", []string{"web", "discord", "slack"}, map[string]bridge.Delivery{"discord": shown, "web": waits}},
		{"not in the inbox", []string{"discord"}, map[string]bridge.Delivery{"discord": shown}},
		{"in the inbox alone", []string{"web"}, map[string]bridge.Delivery{"web": waits}},
	} {
		t.Run(c.name, func(t *testing.T) {
			waysStory(t, c.via, func(t *testing.T, w *wayward) {
				r := w.MustAsk(bridge.Ask{})
				bridgetest.Pass(10 * time.Minute)
				same(t, "the agent is told", w.told(r.ID), c.want)
				if len(inbox(t, w.World, "alice").Waiting) != 1 {
					t.Error("it is not in her inbox")
				}
			})
		})
	}
}

// The next chat is tried when the first one has been of no use for a minute,
// or at once if it is closed.
func TestTheNextWayIsTried(t *testing.T) {
	waysStory(t, []string{"slack", "discord"}, func(t *testing.T, w *wayward) {
		w.slack.Down(bridge.ErrNotSent)
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(59 * time.Second)
		same(t, "before the minute", w.told(r.ID), map[string]bridge.Delivery{"slack": bridge.DeliveryRetrying})
		bridgetest.Pass(2 * time.Second)
		same(t, "after the minute", w.told(r.ID), map[string]bridge.Delivery{"slack": bridge.DeliveryRetrying, "discord": bridge.DeliveryShown})
		w.slack.Up()
		bridgetest.Pass(2 * time.Minute)
		same(t, "when it is back", w.told(r.ID), map[string]bridge.Delivery{"slack": bridge.DeliveryShown, "discord": bridge.DeliveryShown})
		w.Press("alice", r.ID, bridge.VerbDeny)
		bridgetest.Pass(time.Second)
		for name, m := range map[bridge.Address]*linkable{alicesSlack: w.slack, alicesDiscord: w.discord} {
			if all := m.Messages(name); len(all) != 1 || all[0].Now().State != bridge.Denied {
				t.Errorf("%s shows %+v", name, all)
			}
		}
	})
	waysStory(t, []string{"slack", "discord"}, func(t *testing.T, w *wayward) {
		w.slack.Block(alicesSlack)
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(time.Second)
		same(t, "closed", w.told(r.ID), map[string]bridge.Delivery{"slack": bridge.DeliveryUnreachable, "discord": bridge.DeliveryShown})
		w.discord.Block(alicesDiscord)
		s := w.MustAsk(bridge.Ask{Session: "two"})
		bridgetest.Pass(time.Second)
		w.Expect(s.ID, bridge.Failed, bridge.OutcomeHumanUnreachable)
		w.Expect(r.ID, bridge.Asked, "")
	})
}

// A chat that is down for a moment is not a chat that is closed: when the way
// before it is, the request waits for it.
func TestTheNextWayMayBeDown(t *testing.T) {
	waysStory(t, []string{"slack", "discord"}, func(t *testing.T, w *wayward) {
		w.slack.Block(alicesSlack)
		w.discord.off.Store(true)
		w.discord.Down(bridge.ErrNotSent)
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(10 * time.Second)
		same(t, "while it is down", w.told(r.ID), map[string]bridge.Delivery{"slack": bridge.DeliveryUnreachable, "discord": bridge.DeliveryRetrying})
		w.Expect(r.ID, bridge.Asked, "")
		w.discord.Up()
		w.discord.off.Store(false)
		bridgetest.Pass(time.Minute)
		same(t, "when it is back", w.told(r.ID), map[string]bridge.Delivery{"slack": bridge.DeliveryUnreachable, "discord": bridge.DeliveryShown})
	})
}

// A way that has to wait in a long row of others is a way that fails, too: the
// chat is left alone as a whole.
func TestTheNextWayIsTriedOfEachRequest(t *testing.T) {
	waysStory(t, []string{"slack", "discord"}, func(t *testing.T, w *wayward) {
		w.slack.Down(bridge.ErrNotSent)
		first, second := w.MustAsk(bridge.Ask{}), w.MustAsk(bridge.Ask{Session: "two"})
		third := w.MustAsk(bridge.Ask{Session: "three"})
		bridgetest.Pass(61 * time.Second)
		for _, r := range []bridge.Request{first, second, third} {
			if got := w.told(r.ID)["discord"]; got != bridge.DeliveryShown {
				t.Errorf("Discord: %q", got)
			}
		}
	})
}

// A start goes on with what a way has waited for so far.
func TestTheNextWayAfterAStart(t *testing.T) {
	waysStory(t, []string{"slack", "discord"}, func(t *testing.T, w *wayward) {
		w.slack.Down(bridge.ErrNotSent)
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(30 * time.Second)
		w.World = w.Restart()
		bridgetest.Pass(31 * time.Second)
		same(t, "after a start", w.told(r.ID), map[string]bridge.Delivery{"slack": bridge.DeliveryRetrying, "discord": bridge.DeliveryShown})
	})
}

// An ask that nobody would hear of is refused; what is open goes on.
func TestNewAsksAreRefusedWhileEveryWayIsDown(t *testing.T) {
	waysStory(t, []string{"slack"}, func(t *testing.T, w *wayward) {
		open := w.MustAsk(bridge.Ask{})
		w.slack.off.Store(true)
		refused := func(whom string) {
			t.Helper()
			_, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Session: "new"})
			if problemCode(err) != bridge.ProblemChatUnavailable {
				t.Errorf("%s: %v", whom, err)
			}
		}
		refused("it is not connected")
		if again, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}}); err != nil || reply != bridge.Joined || again.ID != open.ID {
			t.Errorf("the open one is joined: %v, %v", reply, err)
		}
		w.slack.off.Store(false)
		w.slack.Down(bridge.ErrAuth)
		w.Press("alice", open.ID, bridge.VerbShowCode)
		bridgetest.Pass(time.Second)
		refused("it refuses the bridge")
		w.Expect(open.ID, bridge.Coded, "")
		w.slack.Up()
		bridgetest.Pass(2 * time.Minute)
		w.MustAsk(bridge.Ask{Session: "new"})
	})
	waysStory(t, []string{"slack", "discord"}, func(t *testing.T, w *wayward) {
		w.slack.off.Store(true)
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(time.Second)
		same(t, "with one chat down", w.told(r.ID), map[string]bridge.Delivery{"discord": bridge.DeliveryShown})
		w.discord.off.Store(true)
		if _, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Session: "new"}); problemCode(err) != bridge.ProblemChatUnavailable {
			t.Errorf("with both down: %v", err)
		}
	})
	waysStory(t, []string{"slack", "web"}, func(t *testing.T, w *wayward) {
		w.slack.off.Store(true)
		w.MustAsk(bridge.Ask{})
	})
}
