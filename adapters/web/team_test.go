package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

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
	checked.State, checked.Headline = bridge.Held, "Granted with bob's code, being checked"
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
		"team-held":     {"Granted with bob's code, being checked"},
		"team-approved": {"Approved by bob. helper has access.", "Access until 4 Mar 2026, 16:00 UTC"},
		"team-declined": {"Declined for the team by bob."},
	} {
		text := textOf(t, teamCards()[name])
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s lacks %q:\n%s", name, words, text)
			}
		}
		for _, words := range []string{"Check phrase", "I did not ask for this", "with your code", "your yes", "@example.com"} {
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
	page, err := testRenderer().inbox(here(), nil, bridge.Inbox{Waiting: []bridge.Card{mine, taken()}})
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

// Two members have their pages open. What one does with the keyboard the other
// sees and hears, and only the one who has claimed ever has the code.
func TestTwoMembersFollowEachOtherInABrowser(t *testing.T) {
	alice := openPage(t)
	bob := alice.another("bob")
	both := func(hers, his bridge.Card) {
		alice.house.desk.put("alice", hers)
		alice.house.desk.put("bob", his)
	}
	both(unclaimed(), unclaimed())
	alice.visit(alice.newLink())
	for _, p := range []*pageUnderTest{alice, bob} {
		p.eventually("the request is there", `document.querySelector("h3")?.computedName`, "Waiting for someone to claim: helper wants corp")
		p.eventually("with the names that the contract gives its buttons", names, "Claim|Decline for the team")
		p.eventually("it waits for them", `document.title.startsWith("(1)")`, true)
	}

	his := taken()
	his.Claim.By, his.Headline = "alice", "Claimed by alice"
	alice.house.desk.onClick(func(clicked) (bridge.Card, string, error) {
		both(inHand(), his)
		return inHand(), "", nil
	})
	alice.run(chromedp.Focus(`[data-verb=claim]`), chromedp.KeyEvent(kb.Enter))
	alice.eventually("who claims has the code", `document.querySelector("[data-code]")?.textContent`, "WDJB-MJHT")
	alice.eventually("and can release it", names, "I did not ask for this|Deny|Release|I have finished")
	alice.eventually("the focus is on the card", `document.activeElement.tagName`, "H3")
	bob.eventually("the other sees who has it", `document.querySelector("h3").computedName`, "Claimed by alice: helper wants corp")
	bob.hears("and hears it", "Claimed by alice: helper wants corp.")
	bob.eventually("has nothing to press", names, "")
	bob.eventually("and no code", `document.querySelector("[data-code], a.open")`, nil)
	bob.eventually("it waits for bob no more", `document.title.startsWith("(")`, false)

	free := unclaimed()
	free.Note = "Released by alice."
	alice.house.desk.onClick(func(clicked) (bridge.Card, string, error) {
		both(free, free)
		return free, "", nil
	})
	alice.run(chromedp.Focus(`[data-verb=release]`), chromedp.KeyEvent(kb.Enter))
	for _, p := range []*pageUnderTest{alice, bob} {
		p.eventually("both can claim again", names, "Claim|Decline for the team")
		p.hears("and hear why", "Released by alice.")
		p.eventually("without a code", `document.querySelector("[data-code], a.open")`, nil)
	}

	alice.house.desk.onClick(func(clicked) (bridge.Card, string, error) {
		alice.house.desk.put("bob", his)
		return his, "alice has claimed it, until 12:21 UTC at the latest.", nil
	})
	bob.run(chromedp.Focus(`[data-verb=claim]`), chromedp.KeyEvent(kb.Enter))
	bob.eventually("who comes too late is told", `document.querySelector("[data-remark]").textContent`, "alice has claimed it, until 12:21 UTC at the latest.")
	alice.checkQuiet(0)
	bob.checkQuiet(0)
}

// names are the buttons on the page, as assistive technology has them.
const names = `[...document.querySelectorAll("button[data-verb]")].map((b) => b.computedName).join("|")`

// another opens the page of somebody else, in a window of its own.
func (p *pageUnderTest) another(human string) *pageUnderTest {
	p.t.Helper()
	ctx := newTab(p.t)
	other := &pageUnderTest{t: p.t, ctx: ctx, house: p.house, base: p.base}
	other.run(chromedp.Navigate("about:blank"))
	go other.hear(chromedp.Console(other.ctx))
	link, err := p.house.inbox.NewLink(ctx, human, p.base)
	if err != nil {
		p.t.Fatal(err)
	}
	other.visit(link.Reveal())
	return other
}
