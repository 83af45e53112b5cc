package bridge_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

func (w *chatting) adopt(t *testing.T, human string, id bridge.RequestID, ref bridge.MessageRef) {
	t.Helper()
	who := bridge.Clicker{Human: human, Channel: "slack", User: alicesSlack}
	if err := w.Adopt(t.Context(), who, id, ref, ""); err != nil {
		t.Fatal(err)
	}
}

// A card whose post was never heard of is pressed: it is the card from then on,
// and no other is posted.
func TestBehaviour29AnOrphanIsAdopted(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Lose(1)
		r := w.MustAsk(bridge.Ask{})
		orphan := w.messages(t, 1)[0].Ref
		w.adopt(t, "alice", r.ID, orphan)
		w.delivery(t, r.ID, bridge.DeliveryShown)
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.shows(t, "CODE-0001")
		bridgetest.Pass(time.Hour)
		w.messages(t, 1)
		w.Press("alice", r.ID, bridge.VerbDeny)
		w.shows(t, "Denied", "!CODE-0001")
	})
}

// A card that was posted twice is pressed where nobody edits it any more: it
// says so, without buttons, and no other is touched. Pressed again, it is known.
func TestBehaviour29AnOrphanThatIsOneTooMany(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Lose(1)
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(time.Minute)
		all := w.messages(t, 2)
		for range 3 {
			w.adopt(t, "alice", r.ID, all[0].Ref)
			w.adopt(t, "alice", r.ID, all[1].Ref)
		}
		synctest.Wait()
		all = w.messages(t, 2)
		if c := all[0].Now(); !strings.Contains(c.Ending, "Another message shows this.") || len(c.Buttons) != 0 {
			t.Errorf("the first one shows %+v", c)
		}
		if c := all[1].Now(); len(c.Buttons) == 0 || c.Ending != "" {
			t.Errorf("the second one shows %+v", c)
		}
		if n := len(w.See(r.ID).Surfaces); n != 3 { // the web, the card, the stray
			t.Errorf("the request has %d surfaces", n)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		synctest.Wait()
		if c := w.messages(t, 2)[0].Now(); c.Code != nil {
			t.Error("the one too many has the code")
		}
	})
}

// Nobody takes note of messages for others, nor of more than a few.
func TestAdoptingIsBounded(t *testing.T) {
	chatStory(t, bridgetest.NoMemory, []string{"web"}, func(t *testing.T, w *chatting) {
		w.slack.Lose(20)
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(20 * time.Hour)
		all := w.slack.Messages(alicesSlack)
		if len(all) < 7 {
			t.Fatalf("alice got %d messages", len(all))
		}
		had := len(w.See(r.ID).Surfaces)
		err := w.Adopt(t.Context(), bridge.Clicker{Human: "bob", Channel: "slack", User: "U0BOB"}, r.ID, all[0].Ref, "")
		if !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("bob's message of alice's request: %v", err)
		}
		w.adopt(t, "alice", r.ID, "")
		w.adopt(t, "alice", r.ID, bridge.MessageRef(strings.Repeat("x", 600)))
		for _, m := range all {
			w.adopt(t, "alice", r.ID, m.Ref)
		}
		if n := len(w.See(r.ID).Surfaces) - had; n != 5 {
			t.Errorf("%d messages make %d surfaces more", len(all), n)
		}
	})
}
