package bridge_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// rule changes the rule under which helper asks.
func rule(change func(*bridge.Rule)) func(*bridge.Directory) {
	return func(d *bridge.Directory) {
		a := d.Agents["helper"]
		a.May = append([]bridge.Rule{}, a.May...)
		change(&a.May[0])
		d.Agents["helper"] = a
	}
}

var (
	withDigits = rule(func(r *bridge.Rule) { r.Digits = true })
	codeAtOnce = rule(func(r *bridge.Rule) { r.AtOnce = true })
)

// digits are the right ones, and wrong some others.
func digits(r bridge.Request) string {
	return r.CheckPhrase[strings.LastIndexByte(r.CheckPhrase, ' ')+1:]
}

func wrong(r bridge.Request) string {
	if digits(r) == "0000" {
		return "0001"
	}
	return "0000"
}

func TestACodeForWhoeverSeesTheAgent(t *testing.T) {
	story(t, withDigits, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		words := strings.TrimSuffix(r.CheckPhrase, " "+digits(r))
		if len(digits(r)) != 4 || len(strings.Fields(words)) != 2 {
			t.Fatalf("the agent is told the phrase %q", r.CheckPhrase)
		}
		if again := w.MustAsk(bridge.Ask{}); again.ID != r.ID || again.CheckPhrase != r.CheckPhrase {
			t.Errorf("who joins is told %q", again.CheckPhrase)
		}
		if c := cardFor(t, w, "alice", r.ID); c.Phrase != words || !c.Digits || contains(fmt.Sprintf("%+v", c), digits(r)) {
			t.Errorf("the card shows %q, asks for digits: %v\n%+v", c.Phrase, c.Digits, c)
		}
		for _, none := range []string{"", "  ", "12", "12345", "four", "１２３４"} {
			if _, remark := w.Type("alice", r.ID, bridge.VerbShowCode, none); !contains(remark, "four digits that helper shows") {
				t.Errorf("%q was answered %q", none, remark)
			}
		}
		if got := w.See(r.ID); got.Minting || got.Codes != 0 || got.WrongDigits != 0 {
			t.Errorf("without digits: %d codes, %d wrong tries", got.Codes, got.WrongDigits)
		}
		w.Type("alice", r.ID, bridge.VerbShowCode, " "+digits(r)[:2]+" "+digits(r)[2:]+" ")
		c := cardFor(t, w, "alice", r.ID)
		if c.Code == nil || c.Phrase != words || c.Digits {
			t.Fatalf("after the right digits: %+v", c)
		}
		if c.Code.Open.Reveal() != c.Code.Address {
			t.Errorf("Open leads to %s", c.Code.Open.Reveal())
		}
		bridgetest.Pass(11 * time.Minute)
		if c := cardFor(t, w, "alice", r.ID); c.Digits {
			t.Error("after the lapse she is asked for the digits once more")
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Expect(r.ID, bridge.Coded, "")
	})
}

func TestThreeWrongTriesDeny(t *testing.T) {
	story(t, withDigits, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		for _, left := range []string{"Two tries are left", "One try is left"} {
			if c, _ := w.Type("alice", r.ID, bridge.VerbShowCode, wrong(r)); !contains(c.Note, left) || !c.Digits {
				t.Errorf("the card says %q", c.Note)
			}
			w = w.Restart()
		}
		w.Type("alice", r.ID, bridge.VerbShowCode, wrong(r))
		got := w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied)
		if !contains(got.Outcome.Message, "typed wrong three times") || w.Corp.Codes() != 0 {
			t.Errorf("the agent is told %q; codes: %d", got.Outcome.Message, w.Corp.Codes())
		}
		if c, remark := w.Type("alice", r.ID, bridge.VerbShowCode, digits(r)); c.Code != nil || !contains(remark, "over") {
			t.Errorf("the right digits, too late: %q", remark)
		}
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied)
	})
}

// Ten thousand tries at once are three.
func TestTheTriesAreCountedOneByOne(t *testing.T) {
	story(t, withDigits, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				_, _, _ = w.Click(ctx, bridge.Clicker{Human: "alice", Channel: "web", Typed: wrong(r)}, r.ID, bridge.VerbShowCode)
			})
		}
		all.Wait()
		if got := w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied); got.WrongDigits != 3 {
			t.Errorf("%d tries were counted", got.WrongDigits)
		}
	})
}

// A right try in between does not give the wrong ones back, and what is
// pressed while a code is there costs none.
func TestTheCountIsForGood(t *testing.T) {
	teamStory(t, withDigits, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Type("alice", r.ID, bridge.VerbClaim, wrong(r))
		w.Type("alice", r.ID, bridge.VerbClaim, digits(r))
		w.Expect(r.ID, bridge.Coded, "")
		for range 3 {
			w.Type("alice", r.ID, bridge.VerbShowCode, wrong(r))
			w.Type("bob", r.ID, bridge.VerbClaim, wrong(r))
		}
		bridgetest.Pass(11 * time.Minute) // the code lapses, the claim does not
		w.Type("bob", r.ID, bridge.VerbClaim, wrong(r))
		w.Press("alice", r.ID, bridge.VerbRelease)
		if got := w.Expect(r.ID, bridge.Asked, ""); got.WrongDigits != 1 {
			t.Fatalf("%d wrong tries", got.WrongDigits)
		}
		if c := cardFor(t, w, "alice", r.ID); c.Digits {
			t.Error("alice, who has typed them, is asked again")
		}
		if c := cardFor(t, w, "bob", r.ID); !c.Digits {
			t.Error("bob, who has not, is not asked")
		}
		if _, remark := w.Press("bob", r.ID, bridge.VerbClaim); !contains(remark, "four digits") {
			t.Errorf("bob claims without digits: %q", remark)
		}
		w.Type("bob", r.ID, bridge.VerbClaim, wrong(r))
		w.Type("bob", r.ID, bridge.VerbClaim, wrong(r))
		w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied)
		if c := cardFor(t, w, "alice", r.ID); !contains(c.Ending, "typed wrong three times") {
			t.Errorf("the team is told %q", c.Ending)
		}
	})
}

func TestAnotherClaimerTypesTheDigitsToo(t *testing.T) {
	teamStory(t, withDigits, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Type("alice", r.ID, bridge.VerbClaim, digits(r))
		w.Press("alice", r.ID, bridge.VerbRelease)
		w.Type("bob", r.ID, bridge.VerbClaim, digits(r))
		if got := w.Expect(r.ID, bridge.Coded, ""); got.ClaimedBy != "bob" || got.Matched != "bob" {
			t.Errorf("claimed by %q, matched by %q", got.ClaimedBy, got.Matched)
		}
	})
}

// The rule was made stricter after the ask: its card never had the digits.
func TestDigitsAreWantedFromNowOn(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Stop()
		withDigits(w.Directory)
		w = w.Restart()
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
	})
}

func TestACodeAtOnce(t *testing.T) {
	story(t, codeAtOnce, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		if !r.Minting || r.Codes != 1 {
			t.Errorf("the answer to the ask: %+v", r)
		}
		w.Expect(r.ID, bridge.Coded, "")
		if again := w.MustAsk(bridge.Ask{}); again.ID != r.ID || w.Corp.Codes() != 1 {
			t.Errorf("who joins makes code %d", w.Corp.Codes())
		}
		bridgetest.Pass(11 * time.Minute)
		bridgetest.Pass(time.Hour)
		w.Expect(r.ID, bridge.Asked, "")
		if w.Corp.Codes() != 1 {
			t.Fatalf("%d codes, the second without a press", w.Corp.Codes())
		}
		for range bridge.MaxCodes - 1 {
			w.Press("alice", r.ID, bridge.VerbShowCode)
			bridgetest.Pass(11 * time.Minute)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeTooManyCodes)
		if w.Corp.Codes() != bridge.MaxCodes {
			t.Errorf("%d codes were made", w.Corp.Codes())
		}
	})
}

func TestACodeAtOnceThatCannotBeHad(t *testing.T) {
	story(t, codeAtOnce, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Begin", errors.New("connection refused"))
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(time.Hour)
		if got := w.Expect(r.ID, bridge.Asked, ""); got.Minting || got.Note == "" || w.Corp.Codes() != 0 {
			t.Errorf("minting %v, note %q, %d codes", got.Minting, got.Note, w.Corp.Codes())
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Expect(r.ID, bridge.Coded, "")
	})
}

func TestNoCodeAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		rules func(*bridge.Directory)
		ask   bridge.Ask
	}{
		"for a team":                {func(d *bridge.Directory) { oncall(d); codeAtOnce(d) }, bridge.Ask{Team: "oncall"}},
		"where digits are typed":    {func(d *bridge.Directory) { withDigits(d); codeAtOnce(d) }, bridge.Ask{}},
		"where nobody would see it": {func(d *bridge.Directory) { codeAtOnce(d); d.Channels = nil }, bridge.Ask{}},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, c.rules, func(t *testing.T, w *bridgetest.World) {
				r := w.MustAsk(c.ask)
				synctest.Wait()
				if got := w.See(r.ID); got.Codes != 0 || got.Minting || w.Corp.Codes() != 0 {
					t.Errorf("%d codes", w.Corp.Codes())
				}
			})
		})
	}
	t.Run("for an ask that a grant serves", func(t *testing.T) {
		story(t, codeAtOnce, func(t *testing.T, w *bridgetest.World) {
			r := w.MustAsk(bridge.Ask{})
			synctest.Wait()
			w.Corp.Approve(bridgetest.Alice)
			bridgetest.Pass(10 * time.Second)
			w.Expect(r.ID, bridge.Granted, "")
			w.MustAsk(bridge.Ask{})
			if w.Corp.Codes() != 1 {
				t.Errorf("%d codes", w.Corp.Codes())
			}
		})
	})
}

// TestATeamIsNotToldOfAWrongTry: who has typed is, and the others see their card
// as it was.
func TestATeamIsNotToldOfAWrongTry(t *testing.T) {
	teamStory(t, withDigits, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		for _, left := range []string{"Two tries are left", "One try is left"} {
			card, word := w.Type("alice", r.ID, bridge.VerbClaim, wrong(r))
			if !contains(word, left) {
				t.Errorf("alice is told %q", word)
			}
			if other := cardFor(t, w, "bob", r.ID); card.Note != "" || other.Note != "" {
				t.Errorf("the cards note %q and %q", card.Note, other.Note)
			}
		}
		w.Type("bob", r.ID, bridge.VerbClaim, wrong(r))
		if c := cardFor(t, w, "alice", r.ID); !contains(c.Ending, "typed wrong three times") {
			t.Errorf("the team is told %q in the end", c.Ending)
		}
	})
}
