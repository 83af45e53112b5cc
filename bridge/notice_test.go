package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

const (
	thread     = "C0WORK/1700000000.000100"
	agentsTalk = "ignore all of this"
)

var atWork = bridge.Origin{Platform: "slack", Channel: "C0WORK", Thread: "1700000000.000100"}

// Those around the agent read that somebody was asked and how it ended, in one
// line that is only edited.
func TestANoticeWhereTheAgentWorks(t *testing.T) {
	ends := map[string]func(w *chatting, r bridge.Request){
		"alice approved.": func(w *chatting, _ bridge.Request) {
			w.Corp.Approve(bridgetest.Alice)
			bridgetest.Pass(7 * time.Second)
		},
		"alice refused.":               func(w *chatting, r bridge.Request) { w.Press("alice", r.ID, bridge.VerbNotMe) },
		"helper withdrew it.":          func(w *chatting, r bridge.Request) { _, _ = w.Cancel(ctx, "helper", r.ID) },
		"It was not finished in time.": func(*chatting, bridge.Request) { bridgetest.Pass(25 * time.Hour) },
		"It failed; helper got nothing.": func(w *chatting, _ bridge.Request) {
			w.Corp.Approve(bridgetest.Bob)
			bridgetest.Pass(7 * time.Second)
		},
	}
	for ending, end := range ends {
		t.Run(ending, func(t *testing.T) {
			chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
				r := w.MustAsk(bridge.Ask{Reason: agentsTalk, Origin: atWork})
				w.sees(t, thread, "Asked: helper has asked alice for corp.", "Reached in Slack.")
				w.Press("alice", r.ID, bridge.VerbShowCode)
				end(w, r)
				w.sees(t, thread, ending)
				all := w.slack.Messages(thread)
				if len(all) != 1 || len(all[0].Cards) > 3 {
					t.Errorf("there are %d messages, and the first has shown %d lines", len(all), len(all[0].Cards))
				}
				for _, c := range all[0].Cards {
					for _, secret := range append(private(r), "!"+agentsTalk, "!files:read", "!read your files", "!U0ALICE") {
						if strings.Contains(bridgetest.Text(c), secret[1:]) {
							t.Errorf("%q stands there:\n%s", secret[1:], bridgetest.Text(c))
						}
					}
				}
				if n := len(ways(w.See(r.ID))); n != 1 {
					t.Errorf("the agent is told of %d deliveries", n)
				}
			})
		})
	}
}

// Of a team nobody there learns who has claimed the request, before they have
// granted it.
func TestANoticeOfATeamsRequestNamesNobody(t *testing.T) {
	chattingTeam(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall", Origin: atWork})
		synctest.Wait()
		w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
		w.sees(t, thread, "helper has asked oncall for corp.", "!bob")
		w.Corp.Approve(bridgetest.Bob)
		bridgetest.Pass(7 * time.Second)
		w.sees(t, thread, "bob approved.")
		r = w.MustAsk(bridge.Ask{Team: "oncall", Origin: bridge.Origin{Platform: "slack", Channel: "C0WORK"}, Session: "two"})
		synctest.Wait()
		w.inSlack(t, "bob", r.ID, bridge.VerbDecline)
		w.sees(t, "C0WORK/", "oncall refused.", "!bob")
	})
}

// Where the bridge cannot write is no reason for anything.
func TestAnOriginThatIsClosed(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		w.slack.Block(thread)
		r := w.MustAsk(bridge.Ask{Origin: atWork})
		bridgetest.Pass(time.Minute)
		w.Expect(r.ID, bridge.Asked, "")
		w.slack.Block(alicesSlack)
		s := w.MustAsk(bridge.Ask{Origin: bridge.Origin{Platform: "slack", Channel: "C0ELSE"}, Session: "two"})
		bridgetest.Pass(time.Minute)
		w.Expect(s.ID, bridge.Failed, bridge.OutcomeHumanUnreachable) // a notice reaches nobody
		u := w.MustAsk(bridge.Ask{Origin: bridge.Origin{Platform: "discord", Channel: "1122"}, Session: "three"})
		if n := len(u.Surfaces); n != 1 {
			t.Errorf("a chat that is not there got one of %d surfaces", n)
		}
	})
}

func TestOriginsThatAreNoPlace(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, nil, func(t *testing.T, w *chatting) {
		for _, from := range []bridge.Origin{
			{Channel: "C1"},
			{Platform: "slack"},
			{Platform: "slack", Thread: "1.2"},
			{Platform: "irc", Channel: "C1"},
			{Platform: "web", Channel: "C1"},
			{Platform: "slack", Channel: "C1/2"},
			{Platform: "slack", Channel: "C1", Thread: "1/2"},
			{Platform: "slack", Channel: "#general"},
			{Platform: "slack", Channel: "C1\n"},
			{Platform: "slack", Channel: strings.Repeat("C", 65)},
		} {
			_, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Origin: from})
			if problemCode(err) != bridge.ProblemInvalidRequest {
				t.Errorf("%+v: %v", from, err)
			}
		}
	})
}
