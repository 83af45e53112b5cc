package bridge_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

func codeFor(t *testing.T, w *bridgetest.World, human string) string {
	t.Helper()
	made, err := w.NewLinkCode(ctx, human, operator)
	if err != nil {
		t.Fatal(err)
	}
	return made.Code.Reveal()
}

func TestACodeOfTheOperatorsTies(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		made, err := w.NewLinkCode(ctx, "bob", operator)
		code := made.Code.Reveal()
		if err != nil || len(code) != 9 || code[4] != '-' || made.Human != "bob" || time.Until(made.Expires) != 10*time.Minute {
			t.Fatalf("made %q until %s, %v", code, made.Expires, err)
		}
		if got := lastAudited(t, w); got.Event != bridge.AuditLinkCodeMade || got.Human != "bob" || got.Actor != "uid 0" {
			t.Errorf("the audit log ends with %+v", got)
		}
		typed := " " + strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(code, "-", " "), "1", "l"))
		if who, err := w.Link(ctx, "discord", "80351110224678912", typed); err != nil || who != "bob" {
			t.Fatalf("linked %q, %v", who, err)
		}
		if who, err := w.HumanAt(ctx, "discord", "80351110224678912"); err != nil || who != "bob" {
			t.Errorf("who is %q, %v", who, err)
		}
		if _, err := w.Link(ctx, slackChat, carols, code); !errors.Is(err, bridge.ErrLinkCode) {
			t.Errorf("used again: %v", err)
		}
		isAt(t, w, carols, "")
	})
}

// TestWhereACodeCanBeTyped: where the bridge is, and the file says nothing.
func TestWhereACodeCanBeTyped(t *testing.T) {
	inSlack := func(d *bridge.Directory) { d.Channels = []string{"web", slackChat} }
	story(t, inSlack, func(t *testing.T, w *bridgetest.World) {
		for human, want := range map[string][]string{"bob": {slackChat}, "alice": nil} {
			if chats, err := w.Bridge.Chats(human); err != nil || !slices.Equal(chats, want) {
				t.Errorf("%s: %v, %v", human, chats, err)
			}
		}
		if _, err := w.Bridge.Chats("eve"); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("nobody: %v", err)
		}
		tied(t, w, "bob@example.com", bobs, "bob")
		if chats, err := w.Bridge.Chats("bob"); err != nil || !slices.Equal(chats, []string{slackChat}) {
			t.Errorf("a tie may give way: %v, %v", chats, err)
		}
	})
}

// TestACodeIsInForceForOneOnly of two who type it at the same time.
func TestACodeIsInForceForOneOnly(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		code := codeFor(t, w, "bob")
		var all sync.WaitGroup
		won := make(chan bridge.Address, 20)
		for i := range 20 {
			user := bridge.Address("U0RACE" + string(rune('A'+i)))
			all.Go(func() {
				if _, err := w.Link(ctx, slackChat, user, code); err == nil {
					won <- user
				} else if !errors.Is(err, bridge.ErrLinkCode) {
					t.Errorf("%s: %v", user, err)
				}
			})
		}
		all.Wait()
		if len(won) != 1 {
			t.Fatalf("%d were linked", len(won))
		}
		isAt(t, w, <-won, "bob")
	})
}

func TestCodesThatDoNotHold(t *testing.T) {
	changed := nextTo(func(h *bridge.Human) { h.Email = "other@example.com" })
	for what, spoil := range map[string]func(t *testing.T, w *bridgetest.World, code string) string{
		"too old": func(_ *testing.T, _ *bridgetest.World, code string) string {
			bridgetest.Pass(10 * time.Minute)
			return code
		},
		"another made": func(t *testing.T, w *bridgetest.World, code string) string { codeFor(t, w, "bob"); return code },
		"his name has passed": func(t *testing.T, w *bridgetest.World, code string) string {
			reload(t, w, changed)
			return code
		},
		"a letter off": func(_ *testing.T, _ *bridgetest.World, code string) string {
			if code[0] == 'Z' {
				return "Y" + code[1:]
			}
			return "Z" + code[1:]
		},
		"nothing":            func(*testing.T, *bridgetest.World, string) string { return "" },
		"the key of a note":  func(*testing.T, *bridgetest.World, string) string { return "human/bob" },
		"ten thousand signs": func(*testing.T, *bridgetest.World, string) string { return strings.Repeat("0", 10_000) },
	} {
		t.Run(what, func(t *testing.T) {
			reloading(t, func(t *testing.T, w *bridgetest.World) {
				typed := spoil(t, w, codeFor(t, w, "bob"))
				if who, err := w.Link(ctx, slackChat, bobs, typed); !errors.Is(err, bridge.ErrLinkCode) || who != "" {
					t.Errorf("linked %q, %v", who, err)
				}
				if got := lastAudited(t, w); got.Event != bridge.AuditLinkRefused || got.PlatformUser != string(bobs) || got.Human != "" {
					t.Errorf("the audit log ends with %+v", got)
				}
				isAt(t, w, bobs, "")
			})
		})
	}
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		if _, err := w.NewLinkCode(ctx, "eve", operator); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("a code for nobody: %v", err)
		}
	})
}

// TestCodesCannotBeGuessed: five wrong ones, and the right one helps no more
// for ten minutes, not even after a restart. Others are not held up.
func TestCodesCannotBeGuessed(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		code := codeFor(t, w, "bob")
		for range 5 {
			if _, err := w.Link(ctx, slackChat, "U0EVE", "00000000"); !errors.Is(err, bridge.ErrLinkCode) {
				t.Fatal(err)
			}
		}
		w = w.Restart()
		_, err := w.Link(ctx, slackChat, "U0EVE", code)
		limit, ok := errors.AsType[*bridge.TooManyTries](err)
		if !ok || time.Until(limit.Until) != 10*time.Minute {
			t.Fatalf("the sixth: %v", err)
		}
		isAt(t, w, "U0EVE", "")
		if who, err := w.Link(ctx, slackChat, bobs, code); err != nil || who != "bob" {
			t.Errorf("another user: %q, %v", who, err)
		}
		code = codeFor(t, w, "alice")
		bridgetest.Pass(10*time.Minute - time.Second)
		if _, err := w.Link(ctx, slackChat, "U0EVE", code); !errors.As(err, &limit) {
			t.Errorf("a second too early: %v", err)
		}
		bridgetest.Pass(time.Second)
		if _, err := w.Link(ctx, slackChat, "U0EVE", "00000000"); !errors.Is(err, bridge.ErrLinkCode) {
			t.Errorf("in time: %v", err)
		}
	})
}

// TestALinkTakesThePlaceOfATie: the operator knows better than an e-mail.
func TestALinkTakesThePlaceOfATie(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		tied(t, w, "bob@example.com", bobs, "bob")
		linked(t, w, "bob", carols)
		isAt(t, w, carols, "bob")
		isAt(t, w, bobs, "")
		if _, err := w.TieByEmail(ctx, slackChat, "bob@example.com", bobs); !errors.Is(err, bridge.ErrTied) {
			t.Errorf("the one of before: %v", err)
		}
		w = w.Restart()
		isAt(t, w, carols, "bob")
		isAt(t, w, bobs, "")
	})
}

// TestWhoUnlinksIsNobody: only what a code has tied is untied, by its own user.
func TestWhoUnlinksIsNobody(t *testing.T) {
	const bobs bridge.Address = "80351110224678912"
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		if _, err := w.UnlinkChat(ctx, "discord", bobs); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("nobody's user is untied: %v", err)
		}
		if _, err := w.Link(ctx, "discord", bobs, codeFor(t, w, "bob")); err != nil {
			t.Fatal(err)
		}
		if who, err := w.UnlinkChat(ctx, "discord", bobs); err != nil || who != "bob" {
			t.Errorf("untied %q, %v", who, err)
		}
		if got := lastAudited(t, w); got.Event != bridge.AuditUntied || got.Human != "bob" || got.PlatformUser != string(bobs) {
			t.Errorf("the audit log ends with %+v", got)
		}
		for range 2 { // and after a restart
			if who, err := w.HumanAt(ctx, "discord", bobs); !errors.Is(err, bridge.ErrNotFound) {
				t.Errorf("they are still %q, %v", who, err)
			}
			w = w.Restart()
		}
	})
	named := func(d *bridge.Directory) {
		bob := d.Humans["bob"]
		bob.Discord = string(bobs)
		d.Humans["bob"] = bob
	}
	story(t, named, func(t *testing.T, w *bridgetest.World) {
		if _, err := w.UnlinkChat(ctx, "discord", bobs); !errors.Is(err, bridge.ErrTied) {
			t.Errorf("who the file names is untied: %v", err)
		}
	})
}

// TestWhoTriesTooOftenKeepsNoStoreBusy, nor does who is nobody here: whoever is
// in the workspace can press buttons and type codes all day.
func TestWhoTriesTooOftenKeepsNoStoreBusy(t *testing.T) {
	waysStory(t, []string{"slack"}, func(t *testing.T, w *wayward) {
		r := w.MustAsk(bridge.Ask{})
		bridgetest.Pass(time.Second)
		stranger := bridge.Clicker{Human: "bob", Channel: slackChat, User: string(bobs)}
		for _, c := range []struct {
			what string
			most int64 // changes of the store by 40 tries
			try  func() error
		}{
			{"a wrong code", 5, func() error { _, err := w.Link(ctx, slackChat, carols, "0000-0000"); return err }},
			{"a look-up", 10, func() error { return lookUp(w.World) }},
			{"an e-mail", 0, func() error { _, err := w.TieByEmail(ctx, slackChat, "eve@example.com", "U0EVE"); return err }},
			{"a press", 40 + 20, func() error { _, _, err := w.Click(ctx, stranger, r.ID, bridge.VerbDeny); return err }},
		} {
			before := w.store.changes.Load()
			for range 40 {
				if c.try() == nil {
					t.Errorf("%s: it was taken", c.what)
				}
			}
			bridgetest.Pass(time.Second)
			if n := w.store.changes.Load() - before; n > c.most {
				t.Errorf("%s, 40 times, changed the store %d times", c.what, n)
			}
		}
	})
}

// lookUp looks up a code that nobody was sent; ErrNotFound says so.
func lookUp(w *bridgetest.World) error {
	found, err := w.VerifyCode(ctx, "bob", "0000")
	if err == nil && !found.Known {
		return bridge.ErrNotFound
	}
	return err
}
