package bridge_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

const (
	slackChat = "slack"
	bobs      = bridge.Address("U0BOB")
	carols    = bridge.Address("U0CAROL")
)

// isAt checks who a user of Slack is, "" = nobody.
func isAt(t *testing.T, w *bridgetest.World, user bridge.Address, want string) {
	t.Helper()
	who, err := w.HumanAt(ctx, slackChat, user)
	if want == "" && !errors.Is(err, bridge.ErrNotFound) || want != "" && err != nil || who != want {
		t.Errorf("%s is %q, %v; want %q", user, who, err, want)
	}
}

func tied(t *testing.T, w *bridgetest.World, email string, user bridge.Address, want string) {
	t.Helper()
	if who, err := w.TieByEmail(ctx, slackChat, email, user); err != nil || who != want {
		t.Fatalf("%s with %s is %q, %v; want %q", user, email, who, err, want)
	}
}

// linked ties somebody by a code of the operator's.
func linked(t *testing.T, w *bridgetest.World, human string, user bridge.Address) {
	t.Helper()
	code, err := w.NewLinkCode(ctx, human, operator)
	if err != nil {
		t.Fatalf("a code for %s: %v", human, err)
	}
	if who, err := w.Link(ctx, slackChat, user, code.Code.Reveal()); err != nil || who != human {
		t.Fatalf("linked %q, %v", who, err)
	}
}

func TestTheConfigurationSaysWhoSomebodyIs(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		isAt(t, w, alicesSlack, "alice")
		isAt(t, w, bobs, "")
		if _, err := w.HumanAt(ctx, "discord", alicesSlack); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("the same id on another chat: %v", err)
		}
	})
}

func TestWhoHasTheEmailIsTiedOnce(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		tied(t, w, "Bob@Example.com", bobs, "bob")
		if got := lastAudited(t, w); got.Event != bridge.AuditTied || got.Human != "bob" || got.Channel != slackChat || got.PlatformUser != string(bobs) {
			t.Errorf("the audit log ends with %+v", got)
		}
		tied(t, w, "bob@example.com", bobs, "bob") // again: nothing new
		isAt(t, w, bobs, "bob")
		w = w.Restart()
		isAt(t, w, bobs, "bob")
	})
}

// TestOneUserIsOneHuman: whoever comes second gets nothing, by any way.
func TestOneUserIsOneHuman(t *testing.T) {
	story(t, oncall, func(t *testing.T, w *bridgetest.World) {
		tied(t, w, "bob@example.com", bobs, "bob")
		for what, try := range map[string]func() error{
			"his user for another": func() error { _, err := w.TieByEmail(ctx, slackChat, "carol@example.com", bobs); return err },
			"another user for him": func() error { _, err := w.TieByEmail(ctx, slackChat, "bob@example.com", carols); return err },
			"a configured user":    func() error { _, err := w.TieByEmail(ctx, slackChat, "carol@example.com", alicesSlack); return err },
			"no user":              func() error { _, err := w.TieByEmail(ctx, slackChat, "carol@example.com", ""); return err },
			"his user, by a code": func() error {
				code, _ := w.NewLinkCode(ctx, "carol", operator)
				_, err := w.Link(ctx, slackChat, bobs, code.Code.Reveal())
				return err
			},
			"a user for whom the file names one": func() error {
				code, _ := w.NewLinkCode(ctx, "alice", operator)
				_, err := w.Link(ctx, slackChat, carols, code.Code.Reveal())
				return err
			},
		} {
			if err := try(); !errors.Is(err, bridge.ErrTied) {
				t.Errorf("%s: %v", what, err)
			}
		}
		isAt(t, w, bobs, "bob")
		isAt(t, w, alicesSlack, "alice")
		isAt(t, w, carols, "")
	})
}

func TestAnEmailOfNobodyTiesNobody(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		for _, c := range []struct{ channel, email string }{
			{slackChat, "eve@example.com"},
			{slackChat, ""},
			{slackChat, "bob@example.com "},
			{slackChat, "\u212Aob@example.com"}, // folds to k
			{slackChat, "alice@example.com"},    // the file names her user
			{"discord", "bob@example.com"},      // nobody is found by e-mail there
		} {
			if who, err := w.TieByEmail(ctx, c.channel, c.email, "U0EVE"); !errors.Is(err, bridge.ErrNotFound) || who != "" {
				t.Errorf("%s %q: %q, %v", c.channel, c.email, who, err)
			}
		}
		isAt(t, w, "U0EVE", "")
	})
}

// TestWhoIsNotAskedInSlackIsNotFoundThere, though their e-mail is known there.
func TestWhoIsNotAskedInSlackIsNotFoundThere(t *testing.T) {
	inWeb := func(d *bridge.Directory) {
		d.Humans["bob"] = bridge.Human{Name: "bob", Email: "bob@example.com", Via: []string{"web"}}
	}
	story(t, inWeb, func(t *testing.T, w *bridgetest.World) {
		if _, err := w.TieByEmail(ctx, slackChat, "bob@example.com", bobs); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("by e-mail: %v", err)
		}
		linked(t, w, "bob", bobs) // the operator says so
		isAt(t, w, bobs, "bob")
	})
}

// nextTo is a configuration in which bob is changed so.
func nextTo(change func(*bridge.Human)) *bridge.Directory {
	return configured(func(d *bridge.Directory) {
		h := d.Humans["bob"]
		change(&h)
		d.Humans["bob"] = h
	})
}

// TestATieEndsWithTheName: what tied the one who bore it ties nobody else to
// what comes after.
func TestATieEndsWithTheName(t *testing.T) {
	gone := configured(func(d *bridge.Directory) { delete(d.Humans, "bob") })
	for what, next := range map[string]*bridge.Directory{
		"another e-mail": nextTo(func(h *bridge.Human) { h.Email = "other@example.com" }),
		"no e-mail":      nextTo(func(h *bridge.Human) { h.Email = "" }),
		"gone":           gone,
	} {
		t.Run(what, func(t *testing.T) {
			reloading(t, func(t *testing.T, w *bridgetest.World) {
				tied(t, w, "bob@example.com", bobs, "bob")
				reload(t, w, next)
				isAt(t, w, bobs, "")
				if lines := auditedOf(t, w, bridge.AuditUntied); len(lines) != 1 || lines[0].Human != "bob" || lines[0].PlatformUser != string(bobs) {
					t.Errorf("the audit log tells %+v", lines)
				}
				reload(t, w, configured()) // whoever is bob now is not the bob of before
				isAt(t, w, bobs, "")
				w = w.Restart()
				isAt(t, w, bobs, "")
				tied(t, w, "bob@example.com", carols, "bob")
			})
		})
	}
}

// TestTheFileGoesBeforeATie, and does not forget it: who named the wrong user
// and takes the line out again has said that bob may be somebody else.
func TestTheFileGoesBeforeATie(t *testing.T) {
	reloading(t, func(t *testing.T, w *bridgetest.World) {
		tied(t, w, "bob@example.com", bobs, "bob")
		reload(t, w, nextTo(func(h *bridge.Human) { h.Slack = "U0BOBNEW" }))
		isAt(t, w, "U0BOBNEW", "bob")
		isAt(t, w, bobs, "")
		reload(t, w, configured())
		isAt(t, w, "U0BOBNEW", "")
		isAt(t, w, bobs, "")
	})
}

// TestAUserWhomTheFileGivesToAnother is theirs, whoever was tied.
func TestAUserWhomTheFileGivesToAnother(t *testing.T) {
	reloading(t, func(t *testing.T, w *bridgetest.World) {
		tied(t, w, "bob@example.com", bobs, "bob")
		reload(t, w, configured(func(d *bridge.Directory) {
			d.Humans["carol"] = bridge.Human{Name: "carol", Slack: string(bobs)}
		}))
		isAt(t, w, bobs, "carol")
	})
}

func TestUnlinkedIsNobody(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		tied(t, w, "bob@example.com", bobs, "bob")
		code, err := w.NewLinkCode(ctx, "bob", operator)
		if err != nil {
			t.Fatal(err)
		}
		if gone, err := w.Unlink(ctx, "bob", "https://login.example.com", operator); err != nil || len(gone.Ties) != 0 {
			t.Errorf("at an issuer: %+v, %v", gone, err)
		}
		isAt(t, w, bobs, "bob")
		gone, err := w.Unlink(ctx, "bob", "", operator)
		if err != nil || len(gone.Ties) != 1 || gone.Ties[0].User != bobs || gone.Ties[0].How != bridge.TiedByEmail {
			t.Fatalf("unlinked %+v, %v", gone, err)
		}
		if got := lastAudited(t, w); got.Event != bridge.AuditUntied || got.Human != "bob" || got.PlatformUser != string(bobs) || got.Actor != "uid 0" {
			t.Errorf("the audit log ends with %+v", got)
		}
		isAt(t, w, bobs, "")
		if _, err := w.Link(ctx, slackChat, bobs, code.Code.Reveal()); !errors.Is(err, bridge.ErrLinkCode) {
			t.Errorf("a code of before: %v", err)
		}
		w = w.Restart()
		isAt(t, w, bobs, "")
	})
}

// TestWhatANoteSaysOfOneSideAloneTiesNobody.
func TestWhatANoteSaysOfOneSideAloneTiesNobody(t *testing.T) {
	for what, break_ := range map[string]func(bridge.NotesTx){
		"the user's is gone":  func(n bridge.NotesTx) { n.Delete("user/slack/" + string(bobs)) },
		"the human's is gone": func(n bridge.NotesTx) { n.Delete("human/slack/bob") },
		"the user's is another's": func(n bridge.NotesTx) {
			n.Put("user/slack/"+string(bobs), []byte(`{"user":"U0BOB","human":"carol"}`), time.Time{})
		},
		"the human's is not a tie": func(n bridge.NotesTx) { n.Put("human/slack/bob", []byte(`{`), time.Time{}) },
	} {
		t.Run(what, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				tied(t, w, "bob@example.com", bobs, "bob")
				if err := w.Notes("ties").Update(ctx, func(n bridge.NotesTx) error { break_(n); return nil }); err != nil {
					t.Fatal(err)
				}
				w = w.Restart()
				isAt(t, w, bobs, "")
				tied(t, w, "bob@example.com", carols, "bob")
			})
		})
	}
}

// mailed is a world in which bob is asked in Slack, where no more than his
// e-mail is known.
func mailed(t *testing.T, tell func(t *testing.T, w *bridgetest.World, slack *tying)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		dir.Channels = []string{slackChat, "web"}
		dir.Humans["bob"] = bridge.Human{Name: "bob", Email: "bob@example.com", Via: []string{slackChat, "web"}}
		slack := &tying{Messenger: bridgetest.NewMessenger(t, time.Minute), user: bobs}
		w := bridgetest.StartWithChats(t, dir, openStore(t), bridgetest.New("https://login.example.com"), map[string]bridge.Messenger{slackChat: slack})
		slack.w = w
		tell(t, w, slack)
	})
}

// tying is a messenger that finds one user by e-mail.
type tying struct {
	*bridgetest.Messenger
	w    *bridgetest.World
	user bridge.Address
	to   []bridge.Address
	then func() // after a card was brought, before the outbox knows
}

func (m *tying) Post(c context.Context, to bridge.Address, card bridge.Card, key string) (bridge.MessageRef, error) {
	m.to = append(m.to, to)
	if to == "mailto:bob@example.com" {
		if who, err := m.w.TieByEmail(c, slackChat, "bob@example.com", m.user); err != nil || who != "bob" {
			return "", errors.Join(bridge.ErrUnreachable, err)
		}
		to = m.user
	}
	ref, err := m.Messenger.Post(c, to, card, key)
	if m.then != nil {
		m.then()
		m.then = nil
	}
	return ref, err
}

func TestACardFindsItsHumanByEmail(t *testing.T) {
	mailed(t, func(t *testing.T, w *bridgetest.World, slack *tying) {
		r := w.MustAsk(bridge.Ask{Human: "bob"})
		synctest.Wait()
		w.Press("bob", r.ID, bridge.VerbShowCode)
		bridgetest.Pass(time.Second)
		if screen, code := slack.Screen(bobs), shownTo(t, w, "bob", r.ID); !contains(screen, code) {
			t.Errorf("his code %s is not on his screen:\n%s", code, screen)
		}
		second := w.MustAsk(bridge.Ask{Human: "bob", Session: "two"})
		bridgetest.Pass(time.Second)
		if want := []bridge.Address{"mailto:bob@example.com", bobs}; !slices.Equal(slack.to, want) {
			t.Errorf("posted to %v, want %v", slack.to, want)
		}
		for _, id := range []bridge.RequestID{r.ID, second.ID} {
			for _, s := range w.See(id).Surfaces {
				if s.Channel == slackChat && (s.To != bobs || s.State != bridge.DeliveryShown) {
					t.Errorf("his surface is %+v", s)
				}
			}
		}
	})
}

// TestWhoIsUnlinkedGetsNothingMore: a card that was brought to a user who is
// not bob any more never learns of his code.
func TestWhoIsUnlinkedGetsNothingMore(t *testing.T) {
	unlinks := func(t *testing.T, w *bridgetest.World) {
		if _, err := w.Unlink(ctx, "bob", "", operator); err != nil {
			t.Error(err)
		}
		linked(t, w, "bob", carols)
	}
	for when, during := range map[string]bool{"afterwards": false, "before the outbox knows": true} {
		t.Run(when, func(t *testing.T) {
			mailed(t, func(t *testing.T, w *bridgetest.World, slack *tying) {
				if during {
					slack.then = func() { unlinks(t, w) }
				}
				r := w.MustAsk(bridge.Ask{Human: "bob"})
				bridgetest.Pass(time.Second)
				if !during {
					unlinks(t, w)
				}
				before := slack.Screen(bobs)
				w.Press("bob", r.ID, bridge.VerbShowCode)
				bridgetest.Pass(time.Second)
				w.Expect(r.ID, bridge.Coded, "")
				if got := slack.Screen(bobs); got != before {
					t.Errorf("the user of before sees\n%s\nafter\n%s", got, before)
				}
			})
		})
	}
}
