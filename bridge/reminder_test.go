package bridge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// The stories begin at midnight, UTC. There it is day already, or night.
var (
	dayThere   = time.FixedZone("day", 12*60*60)
	nightThere = time.FixedZone("night", 0)
)

// remindStory is a story in which alice is reminded after a quarter of an
// hour, by day in her zone.
func remindStory(t *testing.T, zone *time.Location, tell func(t *testing.T, w *chatting)) {
	t.Helper()
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		alice := w.Directory.Humans["alice"]
		alice.Timezone = zone
		w.Directory.Humans["alice"] = alice
		w.Directory.Limits.Remind = 15 * time.Minute
		w.restart()
		tell(t, w)
	})
}

func TestACardThatNobodyAnswersIsRemindedOfOnce(t *testing.T) {
	remindStory(t, dayThere, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Reason: "tidy up"})
		bridgetest.Pass(14*time.Minute + 59*time.Second)
		card := w.messages(t, 1)[0]
		bridgetest.Pass(2 * time.Second)
		reminder := w.messages(t, 2)[1]
		if c := reminder.Now(); c.View != bridge.ViewReminder || c.Under != card.Ref || c.Headline != "Still waiting" || c.Title != "helper wants corp" || !c.OpenTo.Equal(w.See(r.ID).ExpiresAt) {
			t.Errorf("the reminder is %+v", c)
		}
		if all := ways(w.See(r.ID)); len(all) != 2 {
			t.Errorf("the agent is told of %+v", all)
		}
		bridgetest.Pass(9 * time.Hour)
		w.messages(t, 2)
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.shows(t, "Taken up: helper wants corp", "!Still waiting", "CODE-0001")
		w.Press("alice", r.ID, bridge.VerbDeny)
		bridgetest.Pass(time.Minute)
		if reminder = w.messages(t, 2)[1]; len(reminder.Cards) != 2 {
			t.Errorf("the reminder has shown %d lines", len(reminder.Cards))
		}
	})
}

func TestAReminderNeverComesAtNight(t *testing.T) {
	remindStory(t, nightThere, func(t *testing.T, w *chatting) { // at midnight
		w.MustAsk(bridge.Ask{})
		bridgetest.Pass(7*time.Hour + 59*time.Minute)
		w.messages(t, 1)
		bridgetest.Pass(2 * time.Minute)
		w.messages(t, 2)
		bridgetest.Pass(12*time.Hour + 44*time.Minute) // 20:45
		w.MustAsk(bridge.Ask{Session: "two"})
		bridgetest.Pass(11 * time.Hour) // it would have come at nine
		w.messages(t, 3)
		bridgetest.Pass(16 * time.Minute)
		w.messages(t, 4)
	})
}

// The bridge was down when the time came, and is back at night.
func TestAReminderWhoseTimeCameWhileTheBridgeWasDown(t *testing.T) {
	for name, c := range map[string]struct {
		zone *time.Location
		want int
	}{"by day": {time.FixedZone("afternoon", 12*60*60), 2}, "at night": {time.FixedZone("evening", 20*60*60+40*60), 1}} {
		t.Run(name, func(t *testing.T) {
			remindStory(t, c.zone, func(t *testing.T, w *chatting) {
				w.MustAsk(bridge.Ask{})
				bridgetest.Pass(time.Minute)
				w.Stop()
				bridgetest.Pass(time.Hour)
				w.restart()
				bridgetest.Pass(time.Second)
				w.messages(t, c.want)
				bridgetest.Pass(12 * time.Hour)
				w.messages(t, 2)
			})
		})
	}
}

func TestWhenThereIsNoReminder(t *testing.T) {
	for name, do := range map[string]func(w *chatting, id bridge.RequestID){
		"a code was made":   func(w *chatting, id bridge.RequestID) { w.Press("alice", id, bridge.VerbShowCode) },
		"it was denied":     func(w *chatting, id bridge.RequestID) { w.Press("alice", id, bridge.VerbDeny) },
		"it was withdrawn":  func(w *chatting, id bridge.RequestID) { _, _ = w.Cancel(ctx, "helper", id) },
		"the operator does": func(w *chatting, _ bridge.RequestID) { w.Directory.Limits.Remind = 0; w.restart() },
	} {
		t.Run(name, func(t *testing.T) {
			remindStory(t, dayThere, func(t *testing.T, w *chatting) {
				r := w.MustAsk(bridge.Ask{TTL: 20 * time.Minute})
				synctest.Wait()
				do(w, r.ID)
				bridgetest.Pass(9 * time.Hour)
				for _, msg := range w.slack.Messages("") {
					if msg.Cards[0].View == bridge.ViewReminder {
						t.Errorf("there is a reminder: %+v", msg.Now())
					}
				}
			})
		})
	}
	remindStory(t, nightThere, func(t *testing.T, w *chatting) {
		w.MustAsk(bridge.Ask{TTL: time.Hour}) // it is over before the morning
		bridgetest.Pass(9 * time.Hour)
		w.messages(t, 1)
	})
}

// A team is reminded in its channel, when it is day for one of its members.
func TestAReminderOfATeamsRequest(t *testing.T) {
	zones := func(d *bridge.Directory) {
		alice, bob := d.Humans["alice"], d.Humans["bob"]
		alice.Timezone, bob.Timezone = nightThere, dayThere
		d.Humans["alice"], d.Humans["bob"] = alice, bob
		d.Limits.Remind = 15 * time.Minute
	}
	chattingTeam(t, bridgetest.NoMemory, zones, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		bridgetest.Pass(16 * time.Minute)
		w.sees(t, teamPlace, "Still waiting")
		w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
		w.sees(t, teamPlace, "!Still waiting", "Taken up", "Claimed by bob")
		w.sees(t, bobsSlack, "!Taken up")
		w.inSlack(t, "bob", r.ID, bridge.VerbRelease) // it waits again, and no line says that it does not
		w.sees(t, teamPlace, "Waiting for someone to claim", "The card says how it stands.")
	})
	chattingTeam(t, bridgetest.NoMemory, zones, func(t *testing.T, w *chatting) {
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		bridgetest.Pass(time.Minute)
		w.inSlack(t, "bob", r.ID, bridge.VerbClaim)
		bridgetest.Pass(9 * time.Hour)
		w.sees(t, teamPlace, "!Still waiting", "!Taken up")
	})
}
