package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// A provider hears of a request when somebody has pressed for its code, however
// long its card has stood in a chat.
func TestBehaviour04NoCodeBeforeThePress(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		one, team := w.MustAsk(bridge.Ask{}), w.MustAsk(bridge.Ask{Team: "oncall"})
		bridgetest.Pass(20 * time.Hour)
		if n := w.Corp.Codes(); n != 0 {
			t.Fatalf("%d codes were asked for before anybody pressed", n)
		}
		w.inSlack(t, "alice", one.ID, bridge.VerbShowCode)
		w.inSlack(t, "bob", team.ID, bridge.VerbClaim)
		if n := w.Corp.Codes(); n != 2 {
			t.Errorf("%d codes were asked for by two presses", n)
		}
	})
}

// Who approves a code that was released, denied or withdrawn gives nothing.
func TestBehaviour20AnApprovalThatComesTooLate(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, w *chatting, id bridge.RequestID){
		"released": func(t *testing.T, w *chatting, id bridge.RequestID) { w.inSlack(t, "bob", id, bridge.VerbRelease) },
		"denied":   func(t *testing.T, w *chatting, id bridge.RequestID) { w.inSlack(t, "bob", id, bridge.VerbDeny) },
		"withdrawn": func(t *testing.T, w *chatting, id bridge.RequestID) {
			if _, err := w.Cancel(ctx, "helper", id); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
				r := w.MustAsk(bridge.Ask{Team: "oncall"})
				synctest.Wait()
				w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
				end(t, w, r.ID)
				w.Corp.Approve(bridgetest.Bob)
				bridgetest.Pass(time.Hour)
				if got := w.See(r.ID); got.Grant != "" || got.State == bridge.Granted {
					t.Errorf("it is %s, with the grant %q", got.State, got.Grant)
				}
				if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err == nil {
					t.Error("the agent gets a token")
				}
				w.sees(t, bobsSlack, "!Approved", "!CODE-")
				w.sees(t, teamPlace, "!Approved")
			})
		})
	}
}

// What asks too often puts no message before anybody.
func TestBehaviour21TheFourthAskIsNoMessage(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		first := w.MustAsk(bridge.Ask{})
		if again := w.MustAsk(bridge.Ask{}); again.ID != first.ID {
			t.Error("the same ask is another request")
		}
		w.MustAsk(bridge.Ask{Session: "two"})
		w.MustAsk(bridge.Ask{Session: "three"})
		_, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Session: "four"})
		if problemCode(err) != bridge.ProblemTooManyOpen {
			t.Errorf("the fourth ask: %v", err)
		}
		bridgetest.Pass(time.Minute)
		w.messages(t, 3)
	})
}

// Who did not ask for this ends it, and is not asked by this agent again.
func TestBehaviour22NotAskedFor(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{})
		synctest.Wait()
		w.inSlack(t, "alice", r.ID, bridge.VerbNotMe)
		w.sees(t, alicesSlack, "Denied", "You did not ask for this.", "[Allow again]", "![Show code]")
		_, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Session: "two"})
		if problemCode(err) != bridge.ProblemSuspended {
			t.Errorf("the next ask: %v", err)
		}
		w.messages(t, 1)
	})
}

// Whose account signed in is for the eyes of whoever did.
func TestBehaviour24OnlyTheClaimerReadsWhoSignedIn(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall", Origin: atWork})
		synctest.Wait()
		w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(7 * time.Second)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
		w.sees(t, bobsSlack, "alice@example.com", "!CODE-")
		w.sees(t, teamPlace, "did not pass the check", "!alice@example.com", "!bob@example.com")
		w.sees(t, thread, "It failed", "!alice@", "!bob")
		got := w.See(r.ID)
		if strings.Contains(got.Outcome.Message, "@") {
			t.Errorf("the agent reads %q", got.Outcome.Message)
		}
	})
}
