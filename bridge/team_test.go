package bridge_test

import (
	"errors"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// Carol is a third account.
var carol = bridge.Account{Subject: "s-carol", Email: "carol@example.com", EmailVerified: true}

// oncall lets the agents ask a team: alice and bob. Carol is not in it.
func oncall(d *bridge.Directory) {
	d.Humans["carol"] = bridge.Human{Name: "carol", Email: carol.Email}
	d.Teams = map[string]bridge.Team{"oncall": {Name: "oncall", Members: []string{"alice", "bob"}}}
	for name, a := range d.Agents {
		a.May = []bridge.Rule{a.May[0]}
		a.May[0].Ask = append([]string{"oncall", "carol"}, a.May[0].Ask...)
		d.Agents[name] = a
	}
}

// teamStory is a story with a team in it, and one request to it.
func teamStory(t *testing.T, change func(*bridge.Directory), tell func(t *testing.T, w *bridgetest.World, r bridge.Request)) {
	t.Helper()
	all := func(d *bridge.Directory) {
		oncall(d)
		if change != nil {
			change(d)
		}
	}
	story(t, all, func(t *testing.T, w *bridgetest.World) {
		tell(t, w, w.MustAsk(bridge.Ask{Team: "oncall", Reason: "the disk is full"}))
	})
}

// grants takes a claimed request to where its claimer has granted.
func grants(w *bridgetest.World, who bridge.Account) {
	w.Corp.Approve(who)
	bridgetest.Pass(7 * time.Second)
}

func TestATeamIsAskedAndOneOfItGives(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		if r.Human != "" || r.Team != "oncall" || r.Whom() != "oncall" {
			t.Fatalf("asked %q of %q", r.Human, r.Team)
		}
		bridgetest.Pass(time.Hour)
		if w.Corp.Codes() != 0 {
			t.Fatal("a code was asked for before anybody claimed the request")
		}
		if card, word := w.Press("bob", r.ID, bridge.VerbClaim); word != "" || !card.Minting || card.Shared {
			t.Fatalf("the claim was answered %q and %+v", word, card)
		}
		if card := inbox(t, w, "bob").Waiting[0]; card.Code == nil || card.Phrase != r.CheckPhrase {
			t.Fatalf("its claimer sees %+v", card)
		}
		if r := w.Expect(r.ID, bridge.Coded, ""); r.Human != "" || r.ClaimedBy != "bob" {
			t.Errorf("while claimed it is of %q, claimed by %q", r.Human, r.ClaimedBy)
		}
		grants(w, bridgetest.Bob)
		if r := w.Expect(r.ID, bridge.Granted, ""); r.Human != "bob" {
			t.Errorf("granted by %q", r.Human)
		}
		token, err := w.Collect(ctx, w.Agent("helper"), r.ID)
		if err != nil || token.Human != "bob" || token.Account != bridgetest.Bob.Email {
			t.Errorf("the agent got %+v, %v", token, err)
		}
		again, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Team: "oncall"})
		if err != nil || reply != bridge.Served || again.Human != "bob" {
			t.Errorf("the next ask to the team: %v of %q, %v", reply, again.Human, err)
		}
	})
}

func TestWhatIsGivenThroughATeamAnswersOnlyTheTeam(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbClaim)
		grants(w, bridgetest.Alice)
		w.Expect(r.ID, bridge.Granted, "")
		for _, human := range []string{"alice", "bob"} {
			if _, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Human: human}); err != nil || reply != bridge.Created {
				t.Errorf("an ask to %s: %v, %v", human, reply, err)
			}
		}
	})
}

func TestAStrangerKnowsNothingOfATeamsRequest(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		if in := inbox(t, w, "carol"); len(in.Waiting) != 0 {
			t.Errorf("carol sees %+v", in.Waiting)
		}
		if _, _, err := w.Click(ctx, bridge.Clicker{Human: "carol", Channel: "web"}, r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("carol claims: %v", err)
		}
	})
}

func inbox(t *testing.T, w *bridgetest.World, human string) bridge.Inbox {
	t.Helper()
	in, err := w.Inbox(ctx, human)
	if err != nil {
		t.Fatalf("the inbox of %s: %v", human, err)
	}
	return in
}
