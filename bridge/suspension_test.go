package bridge_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

func asks(w *bridgetest.World, human string) error {
	a := files("files:read")
	a.Human = human
	_, _, err := ask(w, "helper", a)
	return err
}

// Who did not ask is not asked again, by nobody's leave but their own, and
// what they gave is withheld as long.
func TestNotMeLastsUntilItIsAllowedAgain(t *testing.T) {
	again := map[string]func(t *testing.T, w *bridgetest.World, r bridge.Request){
		"on the card": func(t *testing.T, w *bridgetest.World, r bridge.Request) {
			t.Helper()
			if _, word := w.Press("alice", r.ID, bridge.VerbAllowAgain); word != "helper may ask you again." {
				t.Errorf("the press is answered %q", word)
			}
		},
		"in the list": func(t *testing.T, w *bridgetest.World, _ bridge.Request) {
			t.Helper()
			if word, err := w.AllowAgain(ctx, bridge.Clicker{Human: "alice", Channel: "web"}, "helper"); err != nil || word != "helper may ask you again." {
				t.Errorf("the press is answered %q, %v", word, err)
			}
		},
	}
	for name, allow := range again {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				held := granted(t, w, bridge.Ask{})
				r := w.MustAsk(bridge.Ask{Session: "two"})
				w.Press("alice", r.ID, bridge.VerbNotMe)
				w = w.Restart()
				bridgetest.Pass(30 * time.Minute)
				if err := asks(w, ""); problemCode(err) != bridge.ProblemSuspended {
					t.Errorf("an ask that a live grant would answer: %v", err)
				}
				if _, err := w.Collect(ctx, w.Agent("helper"), held.ID); problemCode(err) != bridge.ProblemSuspended {
					t.Errorf("collect: %v", err)
				}
				in, err := w.Inbox(ctx, "alice")
				if err != nil || len(in.Stopped) != 1 || in.Stopped[0].Agent != "helper" || in.Stopped[0].Human != "alice" {
					t.Fatalf("alice is shown %+v, %v", in.Stopped, err)
				}
				if c := in.Given[0]; c.Live || !contains(c.Ending, "withheld") {
					t.Errorf("what is withheld is shown as %+v", c)
				}
				if c := in.Earlier[0]; !contains(c.Ending, "may not ask you") {
					t.Errorf("what was not asked for is shown as %q", c.Ending)
				}
				allow(t, w, r)
				if in, _ := w.Inbox(ctx, "alice"); len(in.Stopped) != 0 || !in.Given[0].Live || contains(in.Earlier[0].Ending, "may not ask") {
					t.Errorf("afterwards alice is shown %+v, %+v and %+v", in.Stopped, in.Given, in.Earlier)
				}
				if _, err := w.Collect(ctx, w.Agent("helper"), held.ID); err != nil {
					t.Errorf("collect what was withheld: %v", err)
				}
				w.Expect(r.ID, bridge.Denied, bridge.OutcomeNotMe)
				if err := asks(w, ""); err != nil {
					t.Errorf("the next ask: %v", err)
				}
			})
		})
	}
}

func TestAllowingWhatIsAllowedChangesNothing(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		if _, word := w.Press("alice", r.ID, bridge.VerbAllowAgain); word != "helper may ask you already." {
			t.Errorf("the press is answered %q", word)
		}
		w.Expect(r.ID, bridge.Asked, "")
	})
}

// A suspension is between one human and one agent, and nobody else's to lift.
func TestNobodyElseAllowsAgain(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbNotMe)
		if _, _, err := w.Click(ctx, bridge.Clicker{Human: "bob"}, r.ID, bridge.VerbAllowAgain); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("bob presses on alice's card: %v", err)
		}
		if word, err := w.AllowAgain(ctx, bridge.Clicker{Human: "bob"}, "helper"); err != nil || word != "helper may ask you already." {
			t.Errorf("bob allows helper: %q, %v", word, err)
		}
		if err := asks(w, "alice"); problemCode(err) != bridge.ProblemSuspended {
			t.Errorf("an ask to alice: %v", err)
		}
		if err := asks(w, "bob"); err != nil {
			t.Errorf("an ask to bob: %v", err)
		}
	})
}

// The agent's owner learns that somebody else did not ask for it.
func TestTheOwnerIsTold(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		bobs := files("files:read")
		bobs.Human = "bob"
		r, _, err := ask(w, "helper", bobs)
		if err != nil {
			t.Fatal(err)
		}
		changed, stop := w.WatchInbox("alice")
		defer stop()
		w.Press("bob", r.ID, bridge.VerbNotMe)
		select {
		case <-changed:
		default:
			t.Error("alice's page is not woken")
		}
		in, err := w.Inbox(ctx, "alice")
		if err != nil || len(in.Stopped) != 1 || in.Stopped[0].Agent != "helper" || in.Stopped[0].Human != "bob" {
			t.Errorf("alice is shown %+v, %v", in.Stopped, err)
		}
		w.Press("bob", r.ID, bridge.VerbAllowAgain)
		if in, _ := w.Inbox(ctx, "alice"); len(in.Stopped) != 0 {
			t.Errorf("afterwards alice is shown %+v", in.Stopped)
		}
	})
}

// Who says that they did not ask at the moment in which a grant is made does
// not have to press again: it is taken back.
func TestNotMeAgainstAGrant(t *testing.T) {
	for name, collect := range map[string]bool{"granted": false, "collected": true} {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				other := gave(t, w, bridge.Ask{Session: "two"})
				r := granted(t, w, bridge.Ask{})
				if collect {
					if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
						t.Fatal(err)
					}
				}
				c, word := w.Press("alice", r.ID, bridge.VerbNotMe)
				if !contains(word, "it is taken back, and helper may not ask you again") || c.Live {
					t.Errorf("the press is answered %q with %+v", word, c)
				}
				if g := grantOf(t, w, r.Grant); g.State != bridge.GrantRevoked || g.EndedBy != bridge.ByHuman {
					t.Errorf("the grant is %s", g.State)
				}
				if g := grantOf(t, w, other.Grant); g.State != bridge.GrantLive {
					t.Errorf("the other grant is %s", g.State)
				}
				if err := asks(w, ""); problemCode(err) != bridge.ProblemSuspended {
					t.Errorf("the next ask: %v", err)
				}
				wantRevoked(t, w, "access-2")
			})
		})
	}
}

// The same in the middle: the answer with the token is on its way, or the
// account is being checked, when the human says that they did not ask.
func TestNotMeWhileTheGrantIsMade(t *testing.T) {
	for name, hold := range map[string]func(*bridgetest.Provider) func(){
		"the token is on its way":      (*bridgetest.Provider).Hold,
		"the account is being checked": (*bridgetest.Provider).HoldIdentify,
	} {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				r := w.MustAsk(bridge.Ask{})
				w.Press("alice", r.ID, bridge.VerbShowCode)
				release := hold(w.Corp)
				w.Corp.Approve(bridgetest.Alice)
				bridgetest.Pass(10 * time.Second)
				w.Press("alice", r.ID, bridge.VerbNotMe)
				release()
				synctest.Wait()
				w.Expect(r.ID, bridge.Denied, bridge.OutcomeNotMe)
				wantRevoked(t, w, "access-1")
				if in, _ := w.Inbox(ctx, "alice"); len(in.Given) != 0 || len(in.Stopped) != 1 {
					t.Errorf("alice is shown %+v and %+v", in.Given, in.Stopped)
				}
			})
		})
	}
}

// A chat's card of what was not asked for offers to allow the agent again,
// for as long as it may not ask.
func TestAChatsCardAllowsAgain(t *testing.T) {
	chatStory(t, 0, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(time.Second)
		w.Press("alice", r.ID, bridge.VerbNotMe)
		bridgetest.Pass(time.Second)
		w.shows(t, "Allow again")
		if _, err := w.AllowAgain(ctx, bridge.Clicker{Human: "alice"}, "helper"); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(time.Second)
		w.shows(t, "!Allow again")
	})
}

// A chat's card of what was given says so when it is withheld, and when it is
// not any more.
func TestAChatsCardOfWhatIsWithheld(t *testing.T) {
	chatStory(t, 0, nil, func(t *testing.T, w *chatting) {
		granted(t, w.World, bridge.Ask{})
		bridgetest.Pass(time.Second)
		w.shows(t, "helper has access")
		r := w.MustAsk(bridge.Ask{Session: "two"})
		w.Press("alice", r.ID, bridge.VerbNotMe)
		bridgetest.Pass(time.Second)
		w.shows(t, "withheld", "!helper has access")
		if _, err := w.AllowAgain(ctx, bridge.Clicker{Human: "alice"}, "helper"); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(time.Second)
		w.shows(t, "helper has access", "!withheld")
	})
}
