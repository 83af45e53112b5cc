package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

var (
	claim   = bridge.Button{Verb: bridge.VerbClaim, Label: "Claim"}
	release = bridge.Button{Verb: bridge.VerbRelease, Label: "Release"}
	decline = bridge.Button{Verb: bridge.VerbDecline, Label: "Decline for the team"}
)

// unclaimed is a team's request as all of the team see it.
func unclaimed() bridge.Card {
	c := asked()
	c.Team, c.Shared, c.Phrase, c.Reuse = "oncall", true, "", 4*time.Hour
	c.Who = "helper, on alice's laptop, local user 1001, alice's"
	c.Headline, c.Buttons = "Waiting for someone to claim", []bridge.Button{claim, decline}
	return c
}

// taken is the same once bob has claimed it, as the others see it.
func taken() bridge.Card {
	c := unclaimed()
	c.Headline, c.Buttons, c.OpenTo = "Claimed by bob", nil, time.Time{}
	c.Claim = bridge.Claim{By: "bob", At: noon.Add(6 * time.Minute), Until: noon.Add(21 * time.Minute)}
	return c
}

// inHand is that card in the hands of who has claimed it.
func inHand() bridge.Card {
	c := coded()
	c.Request, c.Team, c.Reuse = request(0), "oncall", 4*time.Hour
	c.Claim = bridge.Claim{By: "alice", At: noon.Add(6 * time.Minute), Until: noon.Add(21 * time.Minute)}
	c.Buttons = []bridge.Button{notMe, deny, finished, release}
	return c
}

func teamCards() map[string]bridge.Card {
	released, checked, once := unclaimed(), taken(), unclaimed()
	released.Note = "Released by bob."
	checked.State, checked.Headline = bridge.Held, "Granted by bob, being checked"
	once.Reuse = 0
	given := ended(bridge.Collected, "Approved", "Approved by bob. helper has access.")
	given.Team, given.Shared, given.Until = "oncall", true, noon.Add(4*time.Hour)
	refused := ended(bridge.Denied, "Denied", "Declined for the team by bob. helper got nothing.")
	refused.Team, refused.Shared = "oncall", true
	return map[string]bridge.Card{
		"team-free": unclaimed(), "team-once": once, "team-released": released, "team-claimed": taken(),
		"team-in-hand": inHand(), "team-held": checked, "team-approved": given, "team-declined": refused,
	}
}

// What all of a team see says who is asked and who has it, and never what is
// only for who has it.
func TestTheTeamsCard(t *testing.T) {
	for name, want := range map[string][]string{
		"team-free": {
			"Waiting for someone to claim", "Anybody of the team oncall", "For 4 hours from the yes of whoever claims it",
			"until then helper may ask oncall again without you", "Claim shows a code to you alone", "Claim Decline for the team",
		},
		"team-once":     {"helper has to ask oncall again every time"},
		"team-released": {"Released by bob."},
		"team-claimed":  {"Claimed by bob", "Claimed by bob 4 Mar 2026, 12:06 UTC; until 4 Mar 2026, 12:21 UTC"},
		"team-held":     {"Granted by bob, being checked"},
		"team-approved": {"Approved by bob. helper has access.", "Until 4 Mar 2026, 16:00 UTC"},
		"team-declined": {"Declined for the team by bob."},
	} {
		text := textOf(t, teamCards()[name])
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s lacks %q:\n%s", name, words, text)
			}
		}
		for _, words := range []string{"Check phrase", "I did not ask for this", "You have granted", "your yes", "@example.com"} {
			if strings.Contains(text, words) {
				t.Errorf("%s says %q:\n%s", name, words, text)
			}
		}
	}
	text := textOf(t, inHand())
	for _, words := range []string{"Claimed by you", "WDJB-MJHT", "Check phrase", "Release leaves it to the others", "Release"} {
		if !strings.Contains(text, words) {
			t.Errorf("the claimer's card lacks %q:\n%s", words, text)
		}
	}
}

// What another has claimed is shown, and waits for nobody else.
func TestWhatAnotherHasClaimedIsNotCounted(t *testing.T) {
	mine := asked()
	mine.Request = request(4)
	page, err := testRenderer().inbox("alice", bridge.Inbox{Waiting: []bridge.Card{mine, taken()}})
	if err != nil || !strings.Contains(string(page), `data-count="1"`) || !strings.Contains(string(page), "Claimed by bob") {
		t.Errorf("%v:\n%s", err, page)
	}
}

func TestTheTeamsButtonsArriveAsTheirVerbs(t *testing.T) {
	h := newHouse(t)
	alice := h.signIn("alice")
	h.desk.onClick(func(clicked) (bridge.Card, string, error) { return taken(), "bob has claimed it.", nil })
	for _, verb := range []string{"claim", "release", "decline"} {
		h.call("POST", "/requests/"+string(request(0))+"/"+verb, as(alice)).expect(t, http.StatusOK, "bob has claimed it.")
	}
	want := []bridge.Verb{bridge.VerbClaim, bridge.VerbRelease, bridge.VerbDecline}
	if got := h.desk.verbs(); !slices.Equal(got, want) {
		t.Errorf("the presses arrived as %v", got)
	}
}
