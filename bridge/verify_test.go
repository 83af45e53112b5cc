package bridge_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// shownTo is the code that a human is shown.
func shownTo(t *testing.T, w *bridgetest.World, human string, id bridge.RequestID) string {
	t.Helper()
	card := cardFor(t, w, human, id)
	if card.Code == nil {
		t.Fatalf("%s is shown no code", human)
	}
	return card.Code.UserCode.Reveal()
}

func verified(t *testing.T, w *bridgetest.World, human, typed string) bridge.CodeFinding {
	t.Helper()
	found, err := w.VerifyCode(ctx, human, typed)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	return found
}

func TestACodeOfThisBridgeForThisHuman(t *testing.T) {
	story(t, oncall, func(t *testing.T, w *bridgetest.World) {
		mine, theirs := w.MustAsk(bridge.Ask{}), w.MustAsk(bridge.Ask{Team: "oncall"})
		w.Press("alice", mine.ID, bridge.VerbShowCode)
		w.Press("bob", theirs.ID, bridge.VerbClaim)
		code, teams := shownTo(t, w, "alice", mine.ID), shownTo(t, w, "bob", theirs.ID)

		for _, typed := range []string{code, strings.ToLower(code), " " + strings.ReplaceAll(code, "-", " - ") + "\n", strings.ReplaceAll(code, "-", "\u2013")} {
			found := verified(t, w, "alice", typed)
			if !found.Known || found.Request != mine.ID || found.Agent != "helper" || found.Host != "login.example.com" || !found.LapsesAt.Equal(w.See(mine.ID).CodeExpiresAt) {
				t.Errorf("%q: %+v", typed, found)
			}
			if word := found.Word(); !strings.Contains(word, mine.ID.Short()) || strings.Contains(word, code) {
				t.Errorf("the word is %q", word)
			}
		}
		if found := verified(t, w, "bob", teams); !found.Known || found.Request != theirs.ID {
			t.Errorf("what he has claimed: %+v", found)
		}
		for what, c := range map[string]struct{ human, typed string }{
			"another's":           {"bob", code},
			"a colleague's claim": {"alice", teams},
			"of nobody":           {"alice", "WDJB-MJHT"},
			"nothing":             {"alice", ""},
			"half of it":          {"alice", code[:4]},
			"more than it":        {"alice", code + code},
			"of a stranger":       {"eve", code},
		} {
			found := verified(t, w, c.human, c.typed)
			if found != (bridge.CodeFinding{}) || found.Word() != "Not from this bridge for you. Do not enter it." {
				t.Errorf("%s: %+v", what, found)
			}
		}
	})
}

// TestACodeIsVouchedForAtThePageOfItsCard: some providers have codes entered
// at another host than their issuer's. The one who asks must not be told that
// the card leads to the wrong place.
func TestACodeIsVouchedForAtThePageOfItsCard(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Change(func(p *bridgetest.Provider) { p.Page = "https://www.example.com/device" })
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbShowCode)
		card := cardFor(t, w, "alice", r.ID)
		found := verified(t, w, "alice", shownTo(t, w, "alice", r.ID))
		if found.Host != "www.example.com" || found.Host != card.Code.Host || !strings.Contains(found.Word(), "entered at www.example.com.") {
			t.Errorf("to be entered at %q, and the card says %q: %s", found.Host, card.Code.Host, found.Word())
		}
	})
}

// TestACodeThatIsOverIsNotVouchedFor.
func TestACodeThatIsOverIsNotVouchedFor(t *testing.T) {
	for what, end := range map[string]func(w *bridgetest.World, r bridge.Request){
		"denied":       func(w *bridgetest.World, r bridge.Request) { w.Press("alice", r.ID, bridge.VerbDeny) },
		"lapsed":       func(*bridgetest.World, bridge.Request) { bridgetest.Pass(16 * time.Minute) },
		"granted with": func(w *bridgetest.World, _ bridge.Request) { grants(w, bridgetest.Alice) },
	} {
		t.Run(what, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				r := w.MustAsk(bridge.Ask{})
				w.Press("alice", r.ID, bridge.VerbShowCode)
				code := shownTo(t, w, "alice", r.ID)
				end(w, r)
				if found := verified(t, w, "alice", code); found.Known {
					t.Errorf("found %+v", found)
				}
			})
		})
	}
}

// TestCodesAreNotTriedOut: ten in ten minutes, and others are not held up.
func TestCodesAreNotTriedOut(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		for range 10 {
			verified(t, w, "alice", "WDJB-MJHT")
		}
		w = w.Restart()
		_, err := w.VerifyCode(ctx, "alice", "WDJB-MJHT")
		if limit, ok := errors.AsType[*bridge.TooManyTries](err); !ok || time.Until(limit.Until) != 10*time.Minute {
			t.Errorf("the eleventh: %v", err)
		}
		verified(t, w, "bob", "WDJB-MJHT")
		bridgetest.Pass(10 * time.Minute)
		verified(t, w, "alice", "WDJB-MJHT")
	})
}
