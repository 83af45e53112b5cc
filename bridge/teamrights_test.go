package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// Who may do what with a team's request: every human, in every state, with
// every button, those that their page does not show too.

// crew lets the agents ask a team of five. Eve has suspended helper, frank
// lets claims lapse, dave was in the team once, and carol never was.
func crew(d *bridge.Directory) {
	oncall(d)
	for _, name := range []string{"eve", "frank", "dave"} {
		d.Humans[name] = bridge.Human{Name: name, Email: name + "@example.com"}
	}
	d.Teams["oncall"] = bridge.Team{Name: "oncall", Members: []string{"alice", "bob", "eve", "frank", "dave"}}
	d.Agents["helper"].May[0].Ask = append(d.Agents["helper"].May[0].Ask, "eve")
}

// scene is a request to the crew in a state, claimed by alice in all but the
// first.
type scene struct {
	name string
	set  func(w *bridgetest.World, id bridge.RequestID)
}

var scenes = []scene{
	{"free", func(*bridgetest.World, bridge.RequestID) {}},
	{"claimed", func(w *bridgetest.World, id bridge.RequestID) {
		w.Corp.HoldBegin()
		w.Press("alice", id, bridge.VerbClaim)
	}},
	{"coded", func(w *bridgetest.World, id bridge.RequestID) { w.Press("alice", id, bridge.VerbClaim) }},
	{"lapsed", func(w *bridgetest.World, id bridge.RequestID) {
		w.Press("alice", id, bridge.VerbClaim)
		bridgetest.Pass(w.Corp.Lifetime + time.Second)
	}},
	{"held", func(w *bridgetest.World, id bridge.RequestID) {
		w.Corp.HoldIdentify()
		w.Press("alice", id, bridge.VerbClaim)
		grants(w, bridgetest.Alice)
	}},
	{"over", func(w *bridgetest.World, id bridge.RequestID) {
		w.Press("alice", id, bridge.VerbClaim)
		w.Press("alice", id, bridge.VerbDeny)
	}},
}

// What a press comes to: taken leads to an end, or to another word.
const (
	taken  = "taken"
	hidden = "hidden" // the request does not exist for them
	silent = ""       // nothing is done and nothing said
)

const (
	hers      = "alice has claimed it, until 12:"
	granting  = "Access was granted with alice's code."
	noClaim   = "You hold no claim of it."
	isOver    = "This request is over: "
	others    = "this request is for the others of oncall"
	onTheWay  = "The code is on its way."
	here      = "The code is already here."
	noCode    = "There is no code now"
	given     = "Access was granted with your code"
	denyHers  = "You have claimed it: press Deny"
	asksOnce  = "Asking login.example.com"
	alsoOver  = "This request was over already."
	lapsedTwo = "Two of your claims have lapsed"
)

var teamVerbs = []bridge.Verb{
	bridge.VerbClaim, bridge.VerbShowCode, bridge.VerbDeny, bridge.VerbNotMe, bridge.VerbRelease, bridge.VerbDecline,
	bridge.VerbOpened, bridge.VerbFinished,
}

// rights are what the verbs above come to, in their order.
var rights = map[string]map[string][]string{
	"alice": {
		"free":    {taken, noClaim, noClaim, noClaim, noClaim, taken, noClaim, noClaim},
		"claimed": {onTheWay, onTheWay, taken, taken, taken, denyHers, silent, onTheWay},
		"coded":   {here, here, taken, taken, taken, denyHers, silent, asksOnce},
		"lapsed":  {noCode, taken, taken, taken, taken, denyHers, silent, noCode},
		"held":    {given, given, taken, taken, given, denyHers, silent, given},
		"over":    {isOver, isOver, isOver, alsoOver, isOver, isOver, silent, isOver},
	},
	"bob": {
		"free":    {taken, noClaim, noClaim, noClaim, noClaim, taken, noClaim, noClaim},
		"claimed": all(hers), "coded": all(hers), "lapsed": all(hers), "held": all(granting),
		"over": {isOver, isOver, isOver, isOver, isOver, isOver, silent, isOver},
	},
	"frank": {
		"free":    {lapsedTwo, noClaim, noClaim, noClaim, noClaim, taken, noClaim, noClaim},
		"claimed": all(hers), "coded": all(hers), "lapsed": all(hers), "held": all(granting),
		"over": {isOver, isOver, isOver, isOver, isOver, isOver, silent, isOver},
	},
	"eve": {
		"free":    {others, others, others, others, others, others, noClaim, noClaim},
		"claimed": {others, others, others, others, others, others, hers, hers},
		"coded":   {others, others, others, others, others, others, hers, hers},
		"lapsed":  {others, others, others, others, others, others, hers, hers},
		"held":    {others, others, others, others, others, others, granting, granting},
		"over":    {isOver, isOver, isOver, isOver, isOver, isOver, silent, isOver},
	},
	"dave":  {"free": all(hidden), "claimed": all(hidden), "coded": all(hidden), "lapsed": all(hidden), "held": all(hidden), "over": all(hidden)},
	"carol": {"free": all(hidden), "claimed": all(hidden), "coded": all(hidden), "lapsed": all(hidden), "held": all(hidden), "over": all(hidden)},
}

func all(word string) []string { return slices.Repeat([]string{word}, len(teamVerbs)) }

func TestWhoMayDoWhatWithATeamsRequest(t *testing.T) {
	for who, scenesOf := range rights {
		for _, s := range scenes {
			t.Run(who+" while "+s.name, func(t *testing.T) {
				var idle []press
				for i, verb := range teamVerbs {
					p := press{verb, scenesOf[s.name][i]}
					if p.want != taken && p.want != alsoOver {
						idle = append(idle, p)
						continue
					}
					pressedIn(t, s, who, p)
				}
				pressedIn(t, s, who, idle...)
			})
		}
	}
}

// press is a button, and what comes of it.
type press struct {
	verb bridge.Verb
	want string
}

// pressedIn plays presses in a world of their own. Only the last of them may
// change it.
func pressedIn(t *testing.T, s scene, who string, presses ...press) {
	t.Helper()
	story(t, crew, func(t *testing.T, w *bridgetest.World) {
		suspends(w, "eve")
		r := w.MustAsk(bridge.Ask{Team: "oncall"})
		for range 2 {
			w.Press("frank", r.ID, bridge.VerbClaim)
			bridgetest.Pass(w.Directory.Limits.Claim + time.Minute)
		}
		w = dismiss(w, "dave")
		bridgetest.Pass(time.Until(time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC))) // the words below name times
		s.set(w, r.ID)
		for _, p := range presses {
			p.in(t, w, who, r.ID)
		}
	})
}

func (p press) in(t *testing.T, w *bridgetest.World, who string, id bridge.RequestID) {
	t.Helper()
	before := w.See(id)
	card, word, err := w.Click(ctx, bridge.Clicker{Human: who, Channel: "web"}, id, p.verb)
	after := w.See(id)
	changed := after.Card != before.Card
	switch {
	case p.want == hidden:
		if !errors.Is(err, bridge.ErrNotFound) || changed {
			t.Errorf("%s: %v, changed %v", p.verb, err, changed)
		}
	case err != nil:
		t.Errorf("%s: %v", p.verb, err)
	case p.want == taken:
		if word != "" || !changed {
			t.Errorf("%s was answered %q, changed %v", p.verb, word, changed)
		}
	case changed || p.want == silent && word != "" || !strings.Contains(word, p.want):
		t.Errorf("%s was answered %q, want %q; changed %v", p.verb, word, p.want, changed)
	}
	if err == nil && who != "alice" && (who != "bob" || after.ClaimedBy != "bob") && leaks(card, after) != "" {
		t.Errorf("%s shows %s", p.verb, leaks(card, after))
	}
}

// suspends has a human say that they did not ask for helper.
func suspends(w *bridgetest.World, human string) {
	w.Press(human, w.MustAsk(bridge.Ask{Human: human}).ID, bridge.VerbNotMe)
}

// leaks says what a card holds that only the claimer may see; "" = nothing.
func leaks(c bridge.Card, r bridge.Request) string {
	text := fmt.Sprintf("%+v", c)
	for _, secret := range []string{r.CheckPhrase, bridgetest.Alice.Email, bridgetest.Bob.Email, "/device"} {
		if strings.Contains(text, secret) {
			return secret + " in " + text
		}
	}
	if c.Code != nil || !c.Shared {
		return "a private card"
	}
	return ""
}

// dismiss has somebody leave the team, and the bridge learn of it at a start.
func dismiss(w *bridgetest.World, human string) *bridgetest.World {
	t := w.Directory.Teams["oncall"]
	t.Members = slices.DeleteFunc(slices.Clone(t.Members), func(m string) bool { return m == human })
	w.Directory.Teams["oncall"] = t
	return w.Restart()
}

// Where the agent's digits are wanted, Claim takes them, and the wrong tries
// of all members count together.
func TestClaimTakesTheDigits(t *testing.T) {
	teamStory(t, withDigits, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		if card, word := w.Press("alice", r.ID, bridge.VerbClaim); !contains(word, "four digits that helper shows") || !card.Shared || !card.Digits {
			t.Errorf("without digits: %q, %+v", word, card)
		}
		if _, _, err := w.Click(ctx, bridge.Clicker{Human: "carol", Channel: "web", Typed: wrong(r)}, r.ID, bridge.VerbClaim); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("a stranger tries: %v", err)
		}
		if got := w.See(r.ID); got.WrongDigits != 0 || got.ClaimedBy != "" {
			t.Fatalf("%d tries are counted, claimed by %q", got.WrongDigits, got.ClaimedBy)
		}
		w.Type("alice", r.ID, bridge.VerbClaim, wrong(r))
		if got := w.See(r.ID); got.WrongDigits != 1 || got.ClaimedBy != "" || w.Corp.Codes() != 0 {
			t.Fatalf("%d tries are counted, claimed by %q, %d codes", got.WrongDigits, got.ClaimedBy, w.Corp.Codes())
		}
		w.Type("bob", r.ID, bridge.VerbClaim, digits(r))
		if got := w.Expect(r.ID, bridge.Coded, ""); got.ClaimedBy != "bob" {
			t.Fatalf("claimed by %q", got.ClaimedBy)
		}
		w.Type("alice", r.ID, bridge.VerbClaim, wrong(r)) // bob has it: no try
		w.Press("bob", r.ID, bridge.VerbRelease)
		if got := w.See(r.ID); got.WrongDigits != 1 {
			t.Errorf("%d tries are counted", got.WrongDigits)
		}
		w.Type("alice", r.ID, bridge.VerbClaim, wrong(r))
		w.Type("alice", r.ID, bridge.VerbClaim, wrong(r))
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied)
		if card := inbox(t, w, "bob").Earlier[0]; !contains(card.Ending, "typed wrong three times") {
			t.Errorf("the team is told %q", card.Ending)
		}
	})
}

// A token that comes after its claim was released is revoked, but not if it is
// one that somebody has given otherwise: who typed the code is not known.
func TestALateTokenOfAReleasedClaimEndsNothingElse(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Corp.Same = "access"
		one := gave(t, w, bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbClaim)
		arrive := w.Corp.Hold()
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(7 * time.Second)
		w.Press("alice", r.ID, bridge.VerbRelease)
		w.Press("bob", r.ID, bridge.VerbClaim)
		arrive()
		bridgetest.Pass(5 * time.Second)
		wantRevoked(t, w)
		if g := grantOf(t, w, one.Grant); g.State != bridge.GrantLive {
			t.Errorf("what alice gave before is %s", g.State)
		}
		w.Press("alice", one.ID, bridge.VerbRevoke)
		wantRevoked(t, w, "access-1")
	})
}

// What a provider honours no more is renewed by nobody alone: the next ask is
// the team's again.
func TestATeamsGrantIsNotRenewed(t *testing.T) {
	teamStory(t, nil, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbClaim)
		grants(w, bridgetest.Alice)
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Fatal(err)
		}
		w.Corp.Fail("Refresh", bridge.ErrGrantLost)
		bridgetest.Pass(time.Hour)
		if g := grantOf(t, w, w.See(r.ID).Grant); g.State != bridge.GrantNeedsReauth {
			t.Fatalf("the grant is %s", g.State)
		}
		for _, human := range []string{"alice", "bob"} {
			if in := inbox(t, w, human); len(in.Waiting) != 0 {
				t.Errorf("%s is shown %+v", human, in.Waiting)
			}
		}
		if ending := inbox(t, w, "bob").Earlier[0].Ending; !contains(ending, "Approved by alice. helper had access until the provider ended it.") {
			t.Errorf("the team is told %q", ending)
		}
		next := w.MustAsk(bridge.Ask{Team: "oncall"})
		w.Press("bob", next.ID, bridge.VerbClaim)
		grants(w, bridgetest.Bob)
		if token, err := w.Collect(ctx, w.Agent("helper"), next.ID); err != nil || token.Human != "bob" {
			t.Errorf("the agent got %+v, %v", token, err)
		}
	})
}
