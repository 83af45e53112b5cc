package bridge_test

import (
	"errors"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// refused says no to what helper asks, in one of the ways.
func refused(t *testing.T, w *bridgetest.World, how string) bridge.Request {
	t.Helper()
	r := w.MustAsk(bridge.Ask{IdempotencyKey: "k1", Body: [32]byte{1}})
	if how == "at the provider" {
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Deny()
		bridgetest.Pass(7 * time.Second)
		return w.Expect(r.ID, bridge.Denied, bridge.OutcomeProviderDenied)
	}
	w.Press("alice", r.ID, bridge.VerbDeny)
	return w.Expect(r.ID, bridge.Denied, bridge.OutcomeDenied)
}

// Whatever an agent dresses its ask in, after a no it is the same ask.
func TestAfterANoTheSameAskIsNotPutAgain(t *testing.T) {
	same := map[string]func(*bridge.Ask){
		"word for word":           func(*bridge.Ask) {},
		"in another session":      func(a *bridge.Ask) { a.Session = "two" },
		"for another reason":      func(a *bridge.Ask) { a.Reason, a.Context = "it is urgent", []string{"ticket 7"} },
		"under the human's name":  func(a *bridge.Ask) { a.Human = "alice" },
		"under her address":       func(a *bridge.Ask) { a.Human = "alice@example.com" },
		"in a chat's name of her": func(a *bridge.Ask) { a.Human = "slack:U0ALICE" },
		"with scopes twice":       func(a *bridge.Ask) { a.Scopes = []string{"files:read", "files:read"} },
		"fresh":                   func(a *bridge.Ask) { a.Fresh = true },
		"for a shorter time":      func(a *bridge.Ask) { a.TTL, a.MinValidity = time.Hour, time.Minute },
		"with a key of its own":   func(a *bridge.Ask) { a.IdempotencyKey, a.Body = "k2", [32]byte{2} },
	}
	for _, how := range []string{"on the card", "at the provider"} {
		t.Run(how, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				refused(t, w, how)
				w = w.Restart()
				for name, dress := range same {
					a := files("files:read")
					dress(&a)
					_, _, err := ask(w, "helper", a)
					p, _ := errors.AsType[*bridge.Problem](err)
					if p == nil || p.Code != bridge.ProblemQuiet || p.RetryAfter <= 9*time.Minute || p.RetryAfter > 10*time.Minute {
						t.Errorf("%s: %v, %+v", name, err, p)
					}
				}
				if in, _ := w.Inbox(ctx, "alice"); len(in.Waiting) != 0 {
					t.Errorf("alice is shown %d cards", len(in.Waiting))
				}
				bridgetest.Pass(10 * time.Minute)
				if _, reply, err := ask(w, "helper", files("files:read")); err != nil || reply != bridge.Created {
					t.Errorf("when it is over: %v, %v", reply, err)
				}
			})
		})
	}
}

// What is another ask is put to its human; a no is no answer to that.
func TestANoIsAboutOneAsk(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		refused(t, w, "on the card")
		for name, c := range map[string]struct {
			agent, human string
			scopes       []string
		}{
			"other scopes":  {"helper", "alice", []string{"files:write"}},
			"more scopes":   {"helper", "alice", []string{"files:read", "files:write"}},
			"another human": {"helper", "bob", []string{"files:read"}},
			"another agent": {"other", "alice", []string{"files:read"}},
		} {
			a := files(c.scopes...)
			a.Human = c.human
			if _, reply, err := ask(w, c.agent, a); err != nil || reply != bridge.Created {
				t.Errorf("%s: %v, %v", name, reply, err)
			}
		}
	})
}

// Only a no hushes: what ended in another way may be asked again at once.
func TestWhatWasNoNoIsAskedAgain(t *testing.T) {
	ends := map[string]func(w *bridgetest.World, id bridge.RequestID){
		"withdrawn": func(w *bridgetest.World, id bridge.RequestID) { _, _ = w.Cancel(ctx, "helper", id) },
		"expired":   func(*bridgetest.World, bridge.RequestID) { bridgetest.Pass(25 * time.Hour) },
		"taken back": func(w *bridgetest.World, id bridge.RequestID) {
			w.Press("alice", id, bridge.VerbShowCode)
			w.Corp.Approve(bridgetest.Alice)
			bridgetest.Pass(10 * time.Second)
			w.Press("alice", id, bridge.VerbRevoke)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				end(w, w.MustAsk(bridge.Ask{}).ID)
				if _, reply, err := ask(w, "helper", files("files:read")); err != nil || reply != bridge.Created {
					t.Errorf("the next ask: %v, %v", reply, err)
				}
			})
		})
	}
}

// A no to a fresh ask takes nothing from what was given before.
func TestALiveGrantAnswersAfterANo(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		gave(t, w, bridge.Ask{})
		r := w.MustAsk(bridge.Ask{Fresh: true})
		w.Press("alice", r.ID, bridge.VerbDeny)
		answered(t, w, bridge.Ask{})
		fresh := files("files:read")
		fresh.Fresh = true
		if _, _, err := ask(w, "helper", fresh); problemCode(err) != bridge.ProblemQuiet {
			t.Errorf("asked fresh again: %v", err)
		}
	})
}

// loud lets everything be asked again at once.
func loud(d *bridge.Directory) { d.Limits.QuietAfterDenied = 0 }

func TestTheOperatorMayWantNoQuiet(t *testing.T) {
	story(t, loud, func(t *testing.T, w *bridgetest.World) {
		refused(t, w, "on the card")
		if _, reply, err := ask(w, "helper", files("files:read")); err != nil || reply != bridge.Created {
			t.Errorf("the next ask: %v, %v", reply, err)
		}
	})
}

// Where more than one thing can be said to an ask, the first of these is:
// suspended, the known request, the open one, the live grant, quiet, too many.
func TestTheOrderOfAnswers(t *testing.T) {
	type setting struct{ suspended, known, open, live, hushed, crowded bool }
	for name, c := range map[string]struct {
		is      setting
		code    bridge.ProblemCode
		reply   bridge.Reply
		ofKnown bool
	}{
		"all of it":             {setting{true, true, false, true, true, true}, bridge.ProblemSuspended, 0, false},
		"suspended and hushed":  {setting{suspended: true, hushed: true}, bridge.ProblemSuspended, 0, false},
		"suspended and crowded": {setting{suspended: true, crowded: true}, bridge.ProblemSuspended, 0, false},
		"suspended and live":    {setting{suspended: true, live: true}, bridge.ProblemSuspended, 0, false},
		"known and hushed":      {setting{known: true, hushed: true, crowded: true}, "", bridge.Joined, true},
		"known and live":        {setting{known: true, live: true}, "", bridge.Joined, true},
		"open and crowded":      {setting{open: true, crowded: true}, "", bridge.Joined, false},
		"live and hushed":       {setting{live: true, hushed: true, crowded: true}, "", bridge.Served, false},
		"hushed and crowded":    {setting{hushed: true, crowded: true}, bridge.ProblemQuiet, 0, false},
		"crowded":               {setting{crowded: true}, bridge.ProblemTooManyOpen, 0, false},
		"nothing":               {setting{}, "", bridge.Created, false},
	} {
		t.Run(name, func(t *testing.T) {
			roomy := func(d *bridge.Directory) { d.Limits.MaxOpenPerAgentAndHuman = 2 }
			story(t, roomy, func(t *testing.T, w *bridgetest.World) {
				a := files("files:read")
				var known bridge.RequestID
				if c.is.live {
					gave(t, w, bridge.Ask{})
				}
				if c.is.known || c.is.hushed {
					first := w.MustAsk(bridge.Ask{Fresh: true, IdempotencyKey: "k", Body: [32]byte{1}})
					known = first.ID
					if c.is.hushed {
						w.Press("alice", first.ID, bridge.VerbDeny)
					} else if _, err := w.Cancel(ctx, "helper", first.ID); err != nil {
						t.Fatal(err)
					}
				}
				if c.is.known {
					a.IdempotencyKey, a.Body = "k", [32]byte{1}
				}
				if c.is.open {
					w.MustAsk(bridge.Ask{})
				}
				if c.is.crowded {
					w.MustAsk(bridge.Ask{Scopes: []string{"files:write"}, Session: "crowd"})
					if !c.is.open {
						w.MustAsk(bridge.Ask{Scopes: []string{"files:list"}, Session: "crowd"})
					}
				}
				if c.is.suspended {
					err := w.Store.Update(ctx, func(tx bridge.Tx) error {
						tx.Suspend("helper", "alice", time.Now())
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				r, reply, err := ask(w, "helper", a)
				if problemCode(err) != c.code || reply != c.reply || c.ofKnown && r.ID != known {
					t.Errorf("answered %v, %v (%q), of %s", reply, err, problemCode(err), r.ID)
				}
			})
		})
	}
}

// Limits count what is open for the human, and what of it is this agent's:
// neither what has ended nor what waits for somebody else.
func TestWhatCountsAsOpen(t *testing.T) {
	few := func(d *bridge.Directory) { d.Limits.MaxOpenPerAgentAndHuman, d.Limits.MaxOpenPerHuman = 2, 3 }
	story(t, few, func(t *testing.T, w *bridgetest.World) {
		to := func(agent, human, session string) error {
			a := files("files:read")
			a.Human, a.Session = human, session
			_, _, err := ask(w, agent, a)
			return err
		}
		for i, c := range []struct {
			agent, human, session string
			want                  bridge.ProblemCode
		}{
			{"helper", "alice", "1", ""},
			{"helper", "alice", "2", ""},
			{"helper", "alice", "3", bridge.ProblemTooManyOpen},
			{"helper", "alice", "2", ""}, // joins
			{"helper", "bob", "3", ""},
			{"other", "alice", "1", ""},
			{"other", "alice", "2", bridge.ProblemTooManyOpen}, // three wait for alice
		} {
			if err := to(c.agent, c.human, c.session); problemCode(err) != c.want {
				t.Errorf("ask %d: %v, want %q", i, err, c.want)
			}
		}
		in, _ := w.Inbox(ctx, "alice")
		w.Press("alice", in.Waiting[0].Request, bridge.VerbDeny)
		if err := to("helper", "alice", "4"); problemCode(err) == "" {
			t.Error("helper asks for a third")
		}
		w.Press("alice", in.Waiting[1].Request, bridge.VerbShowCode) // coded is open, too
		if err := to("other", "alice", "5"); problemCode(err) != bridge.ProblemQuiet && problemCode(err) != "" {
			t.Errorf("with room again: %v", err)
		}
	})
}
