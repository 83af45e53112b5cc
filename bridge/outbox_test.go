package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

const alicesSlack = "U0ALICE"

// chatting is a world where alice is asked in Slack, and on the channels that
// are named besides.
type chatting struct {
	*bridgetest.World
	slack *bridgetest.Messenger
	store *mortalStore
}

func chatStory(t *testing.T, memory time.Duration, also []string, tell func(t *testing.T, w *chatting)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		dir.Channels = append([]string{"slack"}, also...)
		dir.Limits.MaxOpenPerHuman, dir.Limits.MaxOpenPerAgentAndHuman = 1000, 1000
		slack := bridgetest.NewMessenger(t, memory)
		mortal := &mortalStore{Store: openStore(t)}
		chats := map[string]bridge.Messenger{"slack": slack}
		w := bridgetest.StartWithChats(t, dir, mortal, bridgetest.New("https://login.example.com"), chats)
		tell(t, &chatting{w, slack, mortal})
	})
}

func (w *chatting) restart() { w.World = w.Restart() }

// shows checks what is on the screen of alice, and with "!" what is not.
func (w *chatting) shows(t *testing.T, words ...string) {
	t.Helper()
	synctest.Wait()
	screen := w.slack.Screen(alicesSlack)
	for _, part := range words {
		if no, found := strings.CutPrefix(part, "!"); found && strings.Contains(screen, no) || !found && !strings.Contains(screen, part) {
			t.Errorf("want %q on the screen:\n%s", part, screen)
		}
	}
}

// messages checks how many messages alice got.
func (w *chatting) messages(t *testing.T, want int) []bridgetest.Message {
	t.Helper()
	synctest.Wait()
	all := w.slack.Messages(alicesSlack)
	if len(all) != want {
		t.Fatalf("alice got %d messages, want %d", len(all), want)
	}
	return all
}

func (w *chatting) delivery(t *testing.T, id bridge.RequestID, want bridge.Delivery) bridge.Surface {
	t.Helper()
	s := w.See(id).Surfaces[0]
	if s.State != want {
		t.Errorf("the delivery is %s (%q), want %s", s.State, s.Detail, want)
	}
	return s
}

// mortalStore takes no changes any more once it is dead: what was done
// meanwhile is what a killed process leaves.
type mortalStore struct {
	bridge.Store
	dead    atomic.Bool
	changes atomic.Int64 // how many were begun
}

func (s *mortalStore) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	s.changes.Add(1)
	if s.dead.Load() {
		return bridge.ErrStoreUnavailable
	}
	return s.Store.Update(ctx, fn)
}

// die kills the bridge. What is under way goes on to the platform if it is
// released before; nothing of it is noted.
func (w *chatting) die(released func(), late func()) {
	w.store.dead.Store(true)
	released()
	w.Stop()
	late()
	w.store.dead.Store(false)
	w.restart()
}

func TestACardIsBroughtAndStaysTrue(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Reason: "tidy up"})
		w.shows(t, "Access request: helper wants corp", "The agent says (not checked): tidy up", "[Show code]")
		shown := w.delivery(t, r.ID, bridge.DeliveryShown)
		if got := w.See(r.ID); got.Version != r.Version+1 || shown.Unknown != 0 || got.Owes() {
			t.Errorf("version %d after %d, %d unknown, owes %v", got.Version, r.Version, shown.Unknown, got.Owes())
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.shows(t, "code: CODE-0001 at", "![Show code]")
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(7 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		w.shows(t, "Approved", "!CODE-0001", "!tidy up", "!"+r.CheckPhrase)
		calls := len(w.slack.Calls())
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(time.Hour)
		if w.messages(t, 1); len(w.slack.Calls()) != calls {
			t.Error("the card was edited when the agent fetched the token")
		}
	})
}

// Every end reaches the screen, and takes code and buttons away.
func TestEveryEndIsShown(t *testing.T) {
	ends := map[string]func(w *chatting, id bridge.RequestID){
		"Denied":    func(w *chatting, id bridge.RequestID) { w.Press("alice", id, bridge.VerbDeny) },
		"Cancelled": func(w *chatting, id bridge.RequestID) { _, _ = w.Cancel(ctx, "helper", id) },
		"Expired":   func(*chatting, bridge.RequestID) { bridgetest.Pass(25 * time.Hour) },
		"Not used": func(w *chatting, _ bridge.RequestID) {
			w.Corp.Approve(bridgetest.Bob)
			bridgetest.Pass(10 * time.Second)
		},
	}
	for headline, end := range ends {
		t.Run(headline, func(t *testing.T) {
			chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
				r := w.MustAsk(bridge.Ask{})
				w.Press("alice", r.ID, bridge.VerbShowCode)
				w.shows(t, "CODE-0001")
				end(w, r.ID)
				w.shows(t, headline+": helper wants corp", "!CODE-", "![")
			})
		})
	}
}

// What changes in a bad minute becomes one edit.
func TestFiveChangesAreOneEdit(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		w.slack.Fail(&bridge.Limited{After: time.Minute})
		for range 2 {
			w.Corp.Fail("Begin", errors.New("bad gateway"))
			w.Press("alice", r.ID, bridge.VerbShowCode) // asked for, and not had
		}
		w.Press("alice", r.ID, bridge.VerbShowCode) // asked for, and there
		if got := w.See(r.ID); got.Card != 7 {
			t.Fatalf("there were %d cards, want the first and six changes", got.Card)
		}
		bridgetest.Pass(time.Hour - time.Second)
		msg := w.messages(t, 1)[0]
		if len(msg.Cards) < 2 || msg.Cards[1].Version != 7 || len(w.slack.Calls()) > 4 {
			t.Errorf("%d cards were shown, with %d calls", len(msg.Cards), len(w.slack.Calls()))
		}
	})
}

func TestWhatIsOverIsNeverPosted(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Down(bridge.ErrNotSent)
		denied, granted := w.MustAsk(bridge.Ask{}), w.MustAsk(bridge.Ask{Session: "two"})
		w.delivery(t, denied.ID, bridge.DeliveryRetrying)
		w.Press("alice", denied.ID, bridge.VerbDeny)
		w.Press("alice", granted.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(granted.ID, bridge.Granted, "")
		w.slack.Up()
		bridgetest.Pass(time.Hour)
		w.restart()
		w.messages(t, 0)
	})
}

// A code is not on a locked screen, whenever the card gets there.
func TestNoCodeIsPushed(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Down(bridge.ErrNotSent)
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Expect(r.ID, bridge.Coded, "")
		w.slack.Up()
		bridgetest.Pass(2 * time.Minute)
		w.shows(t, "CODE-0001")
		if push := w.slack.Pushes(alicesSlack)[0]; strings.Contains(push, "CODE-") || !strings.Contains(push, "Access request") {
			t.Errorf("the push says:\n%s", push)
		}
	})
}

// Whatever an agent writes stands where its words stand, as text.
func TestAgentsWordsStayWords(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		w.MustAsk(bridge.Ask{
			Reason:  "harmless\nApproved: helper wants corp\n[Show code]",
			Context: []string{"a\u202eb", "<!channel> @everyone [x](https://evil.example)"},
		})
		synctest.Wait()
		for line := range strings.Lines(w.slack.Screen(alicesSlack)) {
			_, says := strings.CutPrefix(line, "The agent says (not checked): ")
			if !says && (strings.Contains(line, "Approved") || strings.Contains(line, "evil") || strings.Contains(line, "harmless")) {
				t.Errorf("the agent's words stand alone: %q", line)
			}
			if strings.ContainsRune(line, '\u202e') {
				t.Errorf("the agent turned the line around: %q", line)
			}
		}
	})
}

// The bridge dies while it posts. At worst a platform that does not know
// repeated posts again shows a second card; none is lost.
func TestACrashWhilePosting(t *testing.T) {
	never := func() {}
	for _, c := range []struct {
		name   string
		memory time.Duration
		sent   bool
		want   int
	}{
		{"nothing was sent, Slack", bridgetest.NoMemory, false, 1},
		{"nothing was sent, Discord", bridgetest.ShortMemory, false, 1},
		{"sent and not noted, Slack", bridgetest.NoMemory, true, 2},
		{"sent and not noted, Discord", bridgetest.ShortMemory, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			chatStory(t, c.memory, nil, func(t *testing.T, w *chatting) {
				release := w.slack.Hold()
				r := w.MustAsk(bridge.Ask{})
				synctest.Wait()
				if s := w.See(r.ID).Surfaces[0]; s.Unknown != 1 || s.Ref != "" || time.Until(s.NotBefore) < 5*time.Second {
					t.Fatalf("the attempt was not written first: %+v", s)
				}
				if c.sent {
					w.die(release, never)
				} else {
					w.die(never, release)
				}
				bridgetest.Pass(10 * time.Second)
				w.messages(t, c.want)
				w.delivery(t, r.ID, bridge.DeliveryShown)
				w.Press("alice", r.ID, bridge.VerbShowCode)
				w.shows(t, "CODE-0001")
				w.Press("alice", r.ID, bridge.VerbDeny)
				w.shows(t, "Denied", "!CODE-0001")
			})
		})
	}
}

// While an edit is under way the bridge dies: the next one makes the same edit.
func TestACrashWhileEditing(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.shows(t, "CODE-0001")
		release := w.slack.Hold()
		w.Press("alice", r.ID, bridge.VerbDeny)
		w.die(func() {}, func() {
			release()
			bridgetest.Pass(time.Hour)
			w.shows(t, "CODE-0001")
		})
		bridgetest.Pass(time.Minute)
		w.shows(t, "Denied", "!CODE-0001")
		w.messages(t, 1)
	})
}

func TestAPostWhoseAnswerIsLost(t *testing.T) {
	for name, c := range map[string]struct {
		memory time.Duration
		want   int
	}{"Slack": {bridgetest.NoMemory, 2}, "Discord": {bridgetest.ShortMemory, 1}} {
		t.Run(name, func(t *testing.T) {
			chatStory(t, c.memory, []string{"web"}, func(t *testing.T, w *chatting) {
				w.slack.Lose(1)
				r := w.MustAsk(bridge.Ask{})
				w.messages(t, 1)
				if s := w.delivery(t, r.ID, bridge.DeliveryRetrying); s.Detail != "Slack did not say whether the card arrived" {
					t.Errorf("the agent is told %q", s.Detail)
				}
				bridgetest.Pass(4 * time.Second)
				if len(w.slack.Calls()) != 1 {
					t.Error("it was posted again at once")
				}
				w.Press("alice", r.ID, bridge.VerbShowCode)
				bridgetest.Pass(3 * time.Second)
				w.messages(t, c.want)
				w.shows(t, "CODE-0001") // also where the platform gave back the first message
				w.delivery(t, r.ID, bridge.DeliveryShown)
			})
		})
	}
}

// A platform that gives back the message of the first try shows the card of
// then: it is brought up to date.
func TestARepeatedPostIsNotTrusted(t *testing.T) {
	chatStory(t, bridgetest.ShortMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Lose(1)
		r := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		w.Corp.Fail("Begin", errors.New("bad gateway"))
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(10 * time.Second)
		w.messages(t, 1)
		w.shows(t, "note: The provider corp could not give a code just now.")
	})
}

// What is certain not to have been sent is no reason for doubt.
func TestAnOutageBeforeTheFirstPost(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Down(bridge.ErrNotSent)
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(time.Hour)
		calls := len(w.slack.Calls())
		w.slack.Up()
		w.slack.Lose(1)
		bridgetest.Pass(2 * time.Minute) // until the next try, and the wait after a lost answer
		w.messages(t, 2)
		if n := len(w.slack.Calls()) - calls; n > 3 || w.See(r.ID).Owes() {
			t.Errorf("%d calls when it was there again, owes %v", n, w.See(r.ID).Owes())
		}
	})
}

// However long a platform takes posts and loses the answers, there are few.
func TestADayOfLostAnswers(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Lose(1000)
		w.MustAsk(bridge.Ask{})
		bridgetest.Pass(24 * time.Hour)
		if n := len(w.slack.Messages(alicesSlack)); n > 8 {
			t.Errorf("alice got %d messages", n)
		}
	})
}

func TestAnEditWhoseAnswerIsLostIsMadeAgain(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		w.slack.Lose(1)
		w.Press("alice", r.ID, bridge.VerbDeny)
		w.delivery(t, r.ID, bridge.DeliveryRetrying)
		bridgetest.Pass(3 * time.Second)
		w.delivery(t, r.ID, bridge.DeliveryShown)
		if w.messages(t, 1); len(w.slack.Calls()) != 3 {
			t.Errorf("%d calls", len(w.slack.Calls()))
		}
	})
}

func TestARateLimitIsKeptToTheSecond(t *testing.T) {
	for name, all := range map[string]bool{"for one place": false, "for the whole platform": true} {
		t.Run(name, func(t *testing.T) {
			chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
				w.slack.Fail(&bridge.Limited{After: 37 * time.Second, All: all})
				r := w.MustAsk(bridge.Ask{})
				first := time.Now()
				synctest.Wait()
				w.MustAsk(bridge.Ask{Session: "two"}) // which goes to the same place
				bridgetest.Pass(20 * time.Second)
				w.Press("alice", r.ID, bridge.VerbShowCode) // a change does not make it sooner
				bridgetest.Pass(17*time.Second - time.Millisecond)
				if n := len(w.slack.Calls()); n != 1 {
					t.Errorf("%d calls before the time was over", n)
				}
				bridgetest.Pass(time.Millisecond)
				w.messages(t, 2)
				if at := w.slack.Calls()[1].At; at.Sub(first) != 37*time.Second {
					t.Errorf("the next call came after %v", at.Sub(first))
				}
			})
		})
	}
}

// A platform that wants no more edits for a while is not asked for any, however
// many there are, and takes new cards as ever; and the other way round.
func TestPostsAndEditsAreLimitedApart(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		one, two := w.MustAsk(bridge.Ask{}), w.MustAsk(bridge.Ask{Session: "two"})
		bridgetest.Pass(time.Second)
		w.slack.Fail(&bridge.Limited{After: 37 * time.Second, All: true})
		w.Press("alice", one.ID, bridge.VerbShowCode)
		synctest.Wait()
		w.Press("alice", two.ID, bridge.VerbShowCode)
		bridgetest.Pass(10 * time.Second)
		if n := len(w.slack.Calls()); n != 3 {
			t.Errorf("after an edit was refused there are %d calls, want that one besides two posts", n)
		}
		three := w.MustAsk(bridge.Ask{Session: "three"})
		bridgetest.Pass(time.Second)
		w.messages(t, 3)
		w.delivery(t, three.ID, bridge.DeliveryShown)
		bridgetest.Pass(30 * time.Second)
		w.shows(t, "CODE-0001", "CODE-0002")

		w.slack.Fail(&bridge.Limited{After: 37 * time.Second, All: true})
		w.MustAsk(bridge.Ask{Session: "four"})
		synctest.Wait()
		w.Press("alice", three.ID, bridge.VerbShowCode)
		bridgetest.Pass(time.Second)
		w.messages(t, 3)
		w.shows(t, "CODE-0003")
	})
}

// strict is a platform of which each place takes five messages in five seconds.
type strict struct {
	*bridgetest.Messenger

	mu      sync.Mutex
	windows map[bridge.Address]time.Time // when the five seconds began
	taken   map[bridge.Address]int       // of the five
	refused int
}

func (s *strict) Post(ctx context.Context, to bridge.Address, c bridge.Card, key string) (bridge.MessageRef, error) {
	if wait := s.take(to); wait > 0 {
		return "", &bridge.Limited{After: wait}
	}
	return s.Messenger.Post(ctx, to, c, key)
}

func (s *strict) take(to bridge.Address) (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.windows[to]) >= 5*time.Second {
		s.windows[to], s.taken[to] = time.Now(), 0
	}
	if s.taken[to]++; s.taken[to] > 5 {
		s.refused++
		return 5*time.Second - time.Since(s.windows[to])
	}
	return 0
}

// After an outage thousands of cards may wait for one channel. They wait for it
// together: each of them trying by itself would be two commits and a line in
// the log for each, every few seconds. Another place does not wait with them.
func TestManyCardsForOnePlaceWaitTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		dir.Channels = []string{"slack", "web"}
		dir.Limits.MaxOpenPerHuman, dir.Limits.MaxOpenPerAgentAndHuman = 1000, 1000
		bob := dir.Humans["bob"]
		bob.Slack = bobsSlack
		dir.Humans["bob"] = bob
		chat := &strict{Messenger: bridgetest.NewMessenger(t, bridgetest.NoMemory), windows: map[bridge.Address]time.Time{}, taken: map[bridge.Address]int{}}
		store := &mortalStore{Store: openStore(t)}
		w := bridgetest.StartWithChats(t, dir, store, bridgetest.New("https://login.example.com"), map[string]bridge.Messenger{"slack": chat})
		const cards = 200
		for i := range cards {
			w.MustAsk(bridge.Ask{Session: fmt.Sprint(i)})
		}
		synctest.Wait()
		w.MustAsk(bridge.Ask{Human: "bob"})
		synctest.Wait()
		if n := len(chat.Messages(bobsSlack)); n != 1 {
			t.Errorf("bob waits with alice: %d messages", n)
		}
		begun := store.changes.Load()
		const windows = cards / 5
		bridgetest.Pass(windows * 5 * time.Second)
		if n := len(chat.Messages(alicesSlack)); n != cards {
			t.Errorf("alice got %d messages of %d", n, cards)
		}
		const most = 8 * windows // as many at once find that it is enough
		if changes := store.changes.Load() - begun; chat.refused > most || changes > 2*(cards+most) {
			t.Errorf("%d tries in vain, and %d commits", chat.refused, changes)
		}
	})
}

// Somebody who has pressed Show code is waiting; the ends of a hundred other
// requests can wait, also where the platform takes only so many edits.
func TestACodeGoesBeforeTheEndsOfOthers(t *testing.T) {
	for name, wait := range map[string]time.Duration{"in a long row": 0, "after a limit": 37 * time.Second} {
		t.Run(name, func(t *testing.T) {
			chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
				var all []bridge.Request
				for i := range 100 {
					all = append(all, w.MustAsk(bridge.Ask{Session: fmt.Sprint(i)}))
				}
				bridgetest.Pass(10 * time.Second)
				w.messages(t, len(all))
				w.slack.Slow(time.Second)
				if wait > 0 {
					w.slack.Fail(&bridge.Limited{After: wait, All: true})
				}
				for i, r := range all[3:] {
					if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
						t.Fatal(err)
					}
					if i%40 == 39 {
						bridgetest.Pass(100 * time.Millisecond)
						w.Press("alice", all[i/40].ID, bridge.VerbShowCode)
					}
				}
				bridgetest.Pass(time.Second)
				w.Press("alice", all[2].ID, bridge.VerbShowCode)
				bridgetest.Pass(wait + 2500*time.Millisecond)
				w.shows(t, "CODE-0001", "CODE-0002", "CODE-0003")
			})
		})
	}
}

// An hour without the platform is some tries a minute, and then one edit.
func TestAnOutage(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.shows(t, "CODE-0001")
		begun := len(w.slack.Calls())
		w.slack.Down(bridge.ErrNotSent)
		bridgetest.Pass(10*time.Minute + time.Second) // the code lapses
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(20 * time.Minute)
		version := w.See(r.ID).Version
		w.Press("alice", r.ID, bridge.VerbDeny)
		w.restart()
		bridgetest.Pass(30 * time.Minute)
		if s := w.delivery(t, r.ID, bridge.DeliveryRetrying); s.Detail != "Slack does not answer" || w.See(r.ID).Version != version+1 {
			t.Errorf("%q, and the version went from %d to %d", s.Detail, version, w.See(r.ID).Version)
		}
		tries := len(w.slack.Calls()) - begun
		if tries < 45 || tries > 75 {
			t.Errorf("%d tries in an hour", tries)
		}
		w.slack.Up()
		bridgetest.Pass(90 * time.Second)
		w.shows(t, "Denied", "!CODE-")
		if n := len(w.slack.Calls()) - begun - tries; n != 1 {
			t.Errorf("%d calls when it was there again", n)
		}
	})
}

func TestAPersonWhomSlackDoesNotReach(t *testing.T) {
	for name, fault := range map[string]error{"person": bridge.ErrUnreachable, "place": bridge.ErrRoute, "fault of ours": bridge.ErrInvalid} {
		t.Run(name+", the inbox is left", func(t *testing.T) {
			chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
				w.slack.Fail(fault)
				r := w.MustAsk(bridge.Ask{})
				if s := w.delivery(t, r.ID, bridge.DeliveryUnreachable); s.Detail == "" {
					t.Error("nobody is told why")
				}
				w.Press("alice", r.ID, bridge.VerbShowCode)
				w.Expect(r.ID, bridge.Coded, "")
				bridgetest.Pass(time.Hour)
				if len(w.slack.Calls()) != 1 {
					t.Errorf("%d calls to what is closed", len(w.slack.Calls()))
				}
			})
		})
		t.Run(name+", nothing is left", func(t *testing.T) {
			chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
				w.slack.Fail(fault)
				r := w.MustAsk(bridge.Ask{})
				got := w.Expect(r.ID, bridge.Failed, bridge.OutcomeHumanUnreachable)
				if !strings.Contains(got.Outcome.Message, "slack: ") {
					t.Errorf("the agent is told %q", got.Outcome.Message)
				}
			})
		})
	}
}

// The inbox is a way only as long as it is there.
func TestAnInboxThatIsTurnedOffIsNoWay(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Down(bridge.ErrNotSent)
		r := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		w.Directory.Channels = []string{"slack"}
		w.slack.Down(bridge.ErrUnreachable)
		w.restart()
		bridgetest.Pass(time.Minute)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeHumanUnreachable)
	})
}

// A human who already has a code is not cut off with the chat.
func TestAChatThatClosesTakesNoCodeAway(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.slack.Block(alicesSlack)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		w.delivery(t, r.ID, bridge.DeliveryUnreachable)
	})
}

// A platform that refuses the bridge is asked once a minute, not once for
// each card; the agents know.
func TestAPlatformThatRefusesTheBridge(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Down(bridge.ErrAuth)
		first := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		var all []bridge.RequestID
		for i := range 50 {
			all = append(all, w.MustAsk(bridge.Ask{Session: fmt.Sprint(i)}).ID)
		}
		bridgetest.Pass(5 * time.Second)
		for _, id := range append(all, first.ID) {
			if s := w.delivery(t, id, bridge.DeliveryRetrying); s.Detail != "Slack refuses the bridge; its operator has to act" {
				t.Errorf("the agent is told %q", s.Detail)
			}
		}
		if n := len(w.slack.Calls()); n != 1 {
			t.Errorf("%d calls", n)
		}
		bridgetest.Pass(time.Hour)
		if n := len(w.slack.Calls()); n > 61*8 {
			t.Errorf("%d calls in an hour", n)
		}
		w.slack.Up()
		bridgetest.Pass(2 * time.Minute)
		w.messages(t, 51)
	})
}

func TestAMessageThatSomebodyRemoved(t *testing.T) {
	chatStory(t, bridgetest.ShortMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		w.slack.Remove(w.messages(t, 1)[0].Ref)
		w.Press("alice", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(3 * time.Second)
		w.slack.Remove(w.messages(t, 2)[1].Ref) // a new one, not the old one again
		bridgetest.Pass(10 * time.Minute)
		w.delivery(t, r.ID, bridge.DeliveryUnreachable)
		s := w.MustAsk(bridge.Ask{Session: "two"})
		w.slack.Remove(w.messages(t, 3)[2].Ref)
		w.Press("alice", s.ID, bridge.VerbDeny)
		bridgetest.Pass(time.Hour)
		w.messages(t, 3)
		if w.See(s.ID).Owes() {
			t.Error("the edit of a message that is gone is still owed")
		}
	})
}

// What could not be shown for a day is given up.
func TestAnEditIsGivenUpADayAfterTheEnd(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		w.slack.Down(bridge.ErrNotSent)
		w.Press("alice", r.ID, bridge.VerbDeny)
		bridgetest.Pass(23 * time.Hour)
		if !w.See(r.ID).Owes() {
			t.Fatal("it was given up too early")
		}
		bridgetest.Pass(61 * time.Minute)
		calls := len(w.slack.Calls())
		w.slack.Up()
		w.restart()
		bridgetest.Pass(time.Hour)
		w.delivery(t, r.ID, bridge.DeliveryUnreachable)
		if n := len(w.slack.Calls()); n != calls {
			t.Errorf("%d calls after it was given up", n-calls)
		}
	})
}

// A person who is now configured at another address never sees what was meant
// for them at the old one, which may have been somebody else's.
func TestAnAddressThatWasPutRight(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		alice := w.Directory.Humans["alice"]
		alice.Slack = "U0REAL"
		w.Directory.Humans["alice"] = alice
		w.restart()
		bridgetest.Pass(time.Hour)
		w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged) // it was put to whoever that was
		w.shows(t, "!The operator's rules no longer allow this request")
		w.delivery(t, r.ID, bridge.DeliveryUnreachable)
	})
}

func TestAChannelThatIsNotConfiguredAnyMore(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Down(bridge.ErrNotSent)
		r := w.MustAsk(bridge.Ask{})
		w.Chats, w.Directory.Channels = nil, []string{"web"}
		w.restart()
		bridgetest.Pass(5 * time.Second)
		w.delivery(t, r.ID, bridge.DeliveryUnreachable)
		w.Expect(r.ID, bridge.Asked, "")
	})
}

// An agent that waits learns how the delivery goes.
func TestAnAgentIsWokenByADelivery(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		release := w.slack.Hold()
		r := w.MustAsk(bridge.Ask{})
		woken := make(chan bridge.Delivery)
		go func() {
			got, err := w.Await(ctx, "helper", r.ID, func(now bridge.Request) bool { return now.Version > r.Version })
			if err != nil {
				t.Error(err)
			}
			woken <- got.Surfaces[0].State
		}()
		synctest.Wait()
		release()
		released := time.Now()
		if got := <-woken; got != bridge.DeliveryShown || time.Since(released) > time.Second {
			t.Errorf("the delivery is %s, as the agent learns after %v", got, time.Since(released))
		}
	})
}

// nameless is a messenger that does not say which message it sent.
type nameless struct{ ref bridge.MessageRef }

func (n nameless) Post(context.Context, bridge.Address, bridge.Card, string) (bridge.MessageRef, error) {
	return n.ref, nil
}
func (nameless) Edit(context.Context, bridge.MessageRef, bridge.Card) error { return nil }

// A message that cannot be found again is not posted a second time.
func TestAMessageWithoutAName(t *testing.T) {
	for _, ref := range []bridge.MessageRef{"", bridge.MessageRef(strings.Repeat("x", 513))} {
		synctest.Test(t, func(t *testing.T) {
			dir := bridgetest.Directory()
			dir.Channels = []string{"slack", "web"}
			w := bridgetest.StartWithChats(t, dir, openStore(t), bridgetest.New("https://login.example.com"), map[string]bridge.Messenger{"slack": nameless{ref}})
			r := w.MustAsk(bridge.Ask{})
			if s := w.See(r.ID).Surfaces[0]; s.State != bridge.DeliveryUnreachable || s.Ref != "" {
				t.Errorf("the surface is %+v", s)
			}
		})
	}
}

// Who has no address on a channel is not asked there.
func TestAHumanWithoutAnAddress(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.Directory.Humans["bob"] = bridge.Human{Name: "bob"}
		w.restart()
		r := w.MustAsk(bridge.Ask{Human: "bob"})
		if len(r.Surfaces) != 1 || r.Surfaces[0].Channel != "web" {
			t.Errorf("bob is asked at %+v", r.Surfaces)
		}
	})
}

// The commit of a delivery whose fate is not known is made again; nothing is
// posted twice for it.
func TestADeliveryWhoseCommitIsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		dir.Channels = []string{"slack"}
		slack := bridgetest.NewMessenger(t, bridgetest.NoMemory)
		doubtful := &doubtfulStore{Store: openStore(t)}
		w := bridgetest.StartWithChats(t, dir, doubtful, bridgetest.New("https://login.example.com"), map[string]bridge.Messenger{"slack": slack})
		release := slack.HoldAnswer()
		r := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		doubtful.doubts.Add(3)
		release()
		bridgetest.Pass(time.Minute)
		if n := len(slack.Messages(alicesSlack)); n != 1 || w.See(r.ID).Owes() {
			t.Errorf("%d messages, owes %v", n, w.See(r.ID).Owes())
		}
	})
}

// A change whose commit is in doubt is shown too, if it was kept.
func TestAnEndWhoseCommitIsInDoubtIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		dir.Channels = []string{"slack"}
		slack := bridgetest.NewMessenger(t, bridgetest.NoMemory)
		doubtful := &doubtfulStore{Store: openStore(t)}
		w := bridgetest.StartWithChats(t, dir, doubtful, bridgetest.New("https://login.example.com"), map[string]bridge.Messenger{"slack": slack})
		r := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		doubtful.doubts.Add(1)
		if _, err := w.Cancel(ctx, "helper", r.ID); !errors.Is(err, bridge.ErrStoreUnavailable) {
			t.Fatalf("cancel: %v", err)
		}
		bridgetest.Pass(time.Minute)
		if screen := slack.Screen(alicesSlack); !strings.Contains(screen, "Cancelled") {
			t.Errorf("the screen says:\n%s", screen)
		}
	})
}

// In a lane that is behind, edits go first.
func TestAnEndGoesBeforeNewCards(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		w.slack.Slow(2 * time.Second)
		for i := range 100 {
			w.MustAsk(bridge.Ask{Session: fmt.Sprint(i)})
			bridgetest.Pass(time.Millisecond)
		}
		w.Press("alice", r.ID, bridge.VerbDeny)
		bridgetest.Pass(5 * time.Second)
		w.shows(t, "Denied")
		if n := len(w.slack.Messages(alicesSlack)); n > 90 {
			t.Errorf("%d cards are there: the lane was not behind", n)
		}
	})
}

// A chat that hangs holds up neither another chat nor what is granted.
func TestADeadChatBlocksNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		dir.Channels = []string{"slack", "discord", "web"}
		dir.Limits.MaxOpenPerHuman, dir.Limits.MaxOpenPerAgentAndHuman = 1000, 1000
		dir.Humans["bob"] = bridge.Human{Name: "bob", Email: "bob@example.com", Discord: "80351110224678912", Via: []string{"discord"}}
		slack, discord := bridgetest.NewMessenger(t, bridgetest.NoMemory), bridgetest.NewMessenger(t, bridgetest.ShortMemory)
		w := bridgetest.StartWithChats(t, dir, openStore(t), bridgetest.New("https://login.example.com"), map[string]bridge.Messenger{"slack": slack, "discord": discord})
		release := slack.Hold()
		defer release()
		for i := range 100 {
			w.MustAsk(bridge.Ask{Session: fmt.Sprint(i)})
			w.MustAsk(bridge.Ask{Human: "bob", Session: fmt.Sprint(i)})
		}
		r := w.MustAsk(bridge.Ask{Human: "bob", Session: "last"})
		bridgetest.Pass(5 * time.Second)
		if n := len(discord.Messages("")); n != 101 {
			t.Errorf("Discord shows %d of 101 cards", n)
		}
		w.Press("bob", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Bob)
		bridgetest.Pass(7 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		if screen := discord.Screen(""); !strings.Contains(screen, "Approved") {
			t.Error("Discord does not show the end")
		}
	})
}

// Many cards on a slow chat: each is brought once, few at a time.
func TestManyCardsOnASlowChat(t *testing.T) {
	const humans, each = 250, 4
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		dir.Channels = []string{"slack"}
		dir.Limits.MaxOpenPerAgentAndHuman = each
		helper := dir.Agents["helper"]
		for i := range humans {
			name := fmt.Sprintf("h%d", i)
			dir.Humans[name] = bridge.Human{Name: name, Slack: "U" + name}
			helper.May[0].Ask = append(helper.May[0].Ask, name)
		}
		slack := bridgetest.NewMessenger(t, bridgetest.NoMemory)
		slack.Slow(100 * time.Millisecond)
		w := bridgetest.StartWithChats(t, dir, openStore(t), bridgetest.New("https://login.example.com"), map[string]bridge.Messenger{"slack": slack})
		var askers sync.WaitGroup
		for part := range 50 {
			askers.Go(func() {
				for i := part; i < humans*each; i += 50 {
					ask := bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Human: fmt.Sprintf("h%d", i%humans), Session: fmt.Sprint(i / humans), TTL: time.Hour}
					if _, _, err := w.Ask(ctx, helper, ask); err != nil {
						t.Error(err)
					}
				}
			})
		}
		askers.Wait()
		bridgetest.Pass(30 * time.Minute)
		if n := len(slack.Messages("")); n != humans*each || len(slack.Calls()) != n {
			t.Errorf("%d messages by %d calls", n, len(slack.Calls()))
		}
		if slack.Most() > 8 {
			t.Errorf("%d calls at once", slack.Most())
		}
	})
}
