package bridge_test

import (
	"errors"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// operator is whoever administers the bridge.
var operator = bridge.Actor{Kind: bridge.ByOperator, Name: "uid 0"}

func TestTheOperatorSeesEverybodys(t *testing.T) {
	roomy := func(d *bridge.Directory) { d.Limits.MaxOpenPerAgentAndHuman, d.Limits.MaxOpenPerHuman = 10, 10 }
	story(t, roomy, func(t *testing.T, w *bridgetest.World) {
		given := gave(t, w, bridge.Ask{Session: "given"})
		second := gave(t, w, bridge.Ask{Session: "second"})
		over := gave(t, w, bridge.Ask{Session: "over"})
		w.Press("alice", over.ID, bridge.VerbRevoke)
		var open []bridge.RequestID
		for _, to := range []string{"alice", "bob", "bob"} {
			bridgetest.Pass(time.Second)
			a := files("files:read")
			a.Human, a.Session = to, time.Now().String()
			r, _, err := ask(w, "helper", a)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, r.ID)
		}
		ended := w.MustAsk(bridge.Ask{Session: "ended"})
		w.Press("alice", ended.ID, bridge.VerbDeny)

		first, next, err := w.OpenRequests(ctx, "", 2)
		if err != nil || len(first) != 2 || next != open[1] || first[0].ID != open[0] || first[1].ID != open[1] {
			t.Fatalf("the first page: %+v, %q, %v", first, next, err)
		}
		last, next, err := w.OpenRequests(ctx, next, 2)
		if err != nil || len(last) != 1 || next != "" || last[0].ID != open[2] {
			t.Errorf("the last page: %+v, %q, %v", last, next, err)
		}
		grants, more, err := w.CurrentGrants(ctx, "", 1)
		if err != nil || len(grants) != 1 || grants[0].ID != given.Grant || more != given.Grant {
			t.Fatalf("the first grant: %+v, %q, %v", grants, more, err)
		}
		grants, more, err = w.CurrentGrants(ctx, more, 1)
		if err != nil || len(grants) != 1 || grants[0].ID != second.Grant || more != "" {
			t.Errorf("the second grant: %+v, %q, %v", grants, more, err)
		}
	})
}

func TestTheOperatorSeesSuspensions(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		for _, pair := range [][2]string{{"helper", "alice"}, {"helper", "bob"}, {"other", "alice"}} {
			a := files("files:read")
			a.Human = pair[1]
			r, _, err := ask(w, pair[0], a)
			if err != nil {
				t.Fatal(err)
			}
			w.Press(pair[1], r.ID, bridge.VerbNotMe)
		}
		seen := map[string]bool{}
		for without := 0; ; {
			page, more, err := w.Suspensions(ctx, without, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page {
				seen[s.Agent+" "+s.Human] = true
			}
			if without += len(page); !more {
				break
			}
		}
		if len(seen) != 3 || !seen["helper bob"] || !seen["other alice"] {
			t.Errorf("suspended: %v", seen)
		}
	})
}

// The operator ends what they point at, a grant or a request, and whoever it
// was of is told by whom.
func TestTheOperatorsHand(t *testing.T) {
	take := map[string]func(w *bridgetest.World, r bridge.Request) (bridge.Taken, error){
		"by the grant": func(w *bridgetest.World, r bridge.Request) (bridge.Taken, error) {
			return w.TakeGrant(ctx, operator, r.Grant)
		},
		"by the request": func(w *bridgetest.World, r bridge.Request) (bridge.Taken, error) {
			return w.TakeRequest(ctx, operator, r.ID)
		},
	}
	for name, take := range take {
		t.Run("a grant, "+name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				r := gave(t, w, bridge.Ask{})
				again := answered(t, w, bridge.Ask{})
				done, err := take(w, r)
				if err != nil || !done.Changed || done.Grant.State != bridge.GrantRevoked {
					t.Fatalf("taken: %+v, %v", done, err)
				}
				w.Expect(again.ID, bridge.Denied, bridge.OutcomeRevoked)
				wantNothing(t, w, r, again)
				wantRevoked(t, w, "access-1")
				in, _ := w.Inbox(ctx, "alice")
				if len(in.Given) != 0 || !contains(in.Earlier[0].Ending, "The operator took back what helper had.") {
					t.Errorf("alice is shown %+v", in)
				}
				if done, err = take(w, r); err != nil || done.Changed {
					t.Errorf("taken twice: %+v, %v", done, err)
				}
			})
		})
	}
	t.Run("an open request", func(t *testing.T) {
		story(t, nil, func(t *testing.T, w *bridgetest.World) {
			r := w.MustAsk(bridge.Ask{})
			w.Press("alice", r.ID, bridge.VerbShowCode)
			done, err := w.TakeRequest(ctx, operator, r.ID)
			if err != nil || !done.Changed || done.Grant != nil || done.Request.State != bridge.Cancelled {
				t.Fatalf("taken: %+v, %v", done, err)
			}
			after := w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
			if !contains(after.Outcome.Message, "the operator ended it") {
				t.Errorf("the agent is told %q", after.Outcome.Message)
			}
			w.Corp.Approve(bridgetest.Alice)
			bridgetest.Pass(time.Minute)
			if w.Corp.Issued() != 0 {
				t.Error("its code is still polled")
			}
			if done, err = w.TakeRequest(ctx, operator, r.ID); err != nil || done.Changed {
				t.Errorf("taken twice: %+v, %v", done, err)
			}
		})
	})
	t.Run("nothing", func(t *testing.T) {
		story(t, nil, func(t *testing.T, w *bridgetest.World) {
			if _, err := w.TakeGrant(ctx, operator, bridge.NewGrantID(time.Now())); !errors.Is(err, bridge.ErrNotFound) {
				t.Errorf("a grant that never was: %v", err)
			}
			if _, err := w.TakeRequest(ctx, operator, bridge.NewRequestID(time.Now())); !errors.Is(err, bridge.ErrNotFound) {
				t.Errorf("a request that never was: %v", err)
			}
		})
	})
}

func TestTheOperatorLifts(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Press("alice", w.MustAsk(bridge.Ask{}).ID, bridge.VerbNotMe)
		for _, c := range []struct {
			agent, human string
			lifted       bool
			missing      bool
		}{{"helper", "bob", false, false}, {"nobody", "alice", false, true}, {"helper", "carol", false, true}, {"helper", "alice", true, false}, {"helper", "alice", false, false}} {
			lifted, err := w.Lift(ctx, operator, c.agent, c.human)
			if lifted != c.lifted || errors.Is(err, bridge.ErrNotFound) != c.missing || err != nil && !c.missing {
				t.Errorf("lift %s for %s: %v, %v", c.agent, c.human, lifted, err)
			}
		}
		if err := asks(w, "alice"); err != nil {
			t.Errorf("the next ask: %v", err)
		}
	})
}

// Everything that somebody takes, gives up, bars or lifts has its line, with
// who it was.
func TestActsOnGrantsLeaveALine(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		one, two, three := gave(t, w, bridge.Ask{Session: "1"}), gave(t, w, bridge.Ask{Session: "2"}), gave(t, w, bridge.Ask{Session: "3"})
		who := bridge.Clicker{Human: "alice", Channel: "slack", User: "U0ALICE"}
		if _, _, err := w.Click(ctx, who, one.ID, bridge.VerbRevoke); err != nil {
			t.Fatal(err)
		}
		if _, err := w.GiveUp(ctx, "helper", two.Grant); err != nil {
			t.Fatal(err)
		}
		if _, err := w.TakeGrant(ctx, operator, three.Grant); err != nil {
			t.Fatal(err)
		}
		r := w.MustAsk(bridge.Ask{Session: "4"})
		if _, _, err := w.Click(ctx, who, r.ID, bridge.VerbNotMe); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Lift(ctx, operator, "helper", "alice"); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(time.Second)
		want := map[string]int{
			"grant_over human alice slack U0ALICE revoked": 1,
			"grant_over agent helper   revoked":            1,
			"grant_over operator uid 0   revoked":          1,
			"agent_suspended human alice slack U0ALICE ":   1,
			"agent_allowed operator uid 0   ":              1,
			"revocation_done provider corp   done":         3,
		}
		got := map[string]int{}
		for _, l := range events(t, w.Store, bridge.AuditGrantOver, bridge.AuditSuspended, bridge.AuditAllowed, bridge.AuditRevocationDone) {
			key := string(l.Event) + " " + string(l.By) + " " + l.Actor + " " + l.Channel + " " + l.PlatformUser + " " + l.Outcome
			got[key]++
		}
		for key, n := range want {
			if got[key] != n {
				t.Errorf("%d lines %q, want %d", got[key], key, n)
			}
			delete(got, key)
		}
		if len(got) != 0 {
			t.Errorf("and besides %v", got)
		}
	})
}
