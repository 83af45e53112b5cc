package bridge_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// race is two things that happen to one request at nearly the same time, with
// the order forced: what is committed first wins.
type race struct {
	name string
	run  func(t *testing.T, w *bridgetest.World) bridge.RequestID
	end  string // how the request ends
	took bool   // the agent gets its token
	kept bool   // what was granted is not revoked before its time
}

func TestRacesInBothOrders(t *testing.T) {
	for _, r := range slices.Concat(tokenRaces(), identityRaces(), clockRaces(), collectRaces()) {
		t.Run(r.name, func(t *testing.T) {
			story(t, func(d *bridge.Directory) { d.Limits.CollectWithin = 10 * time.Minute }, func(t *testing.T, w *bridgetest.World) {
				id := r.run(t, w)
				bridgetest.Pass(5 * time.Second)
				r.judge(t, w, id)
			})
		})
	}
}

// judge looks at the end that a race came to.
func (r race) judge(t *testing.T, w *bridgetest.World, id bridge.RequestID) {
	t.Helper()
	_, err := w.Collect(ctx, w.Agent("helper"), id)
	if (err == nil) != r.took {
		t.Errorf("collect: %v", err)
	}
	synctest.Wait()
	for _, issue := range w.Corp.Issues() {
		if issue.Revoked == r.kept {
			t.Errorf("%s: revoked %v", issue.Access, issue.Revoked)
		}
	}
	err = w.Store.View(ctx, func(tx bridge.ReadTx) error {
		after, err := tx.Request(id)
		if end := endOf(after); end != r.end {
			t.Errorf("it ended as %s, want %s", end, r.end)
		}
		if ends := endings(t, tx, id); len(ends) != 1 {
			t.Errorf("it ended %d times: %v", len(ends), ends)
		}
		for _, ref := range []bridge.SecretRef{bridge.CodeSecret(id), bridge.HeldSecret(id), bridge.RevocationSecret(string(id))} {
			if _, err := tx.Secret(ref); !errors.Is(err, bridge.ErrNotFound) {
				t.Errorf("%s is still there: %v", ref, err)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// inFlight takes a request to where the human has granted and the provider's
// answer is on its way.
func inFlight(w *bridgetest.World) (id bridge.RequestID, arrive func()) {
	r := w.MustAsk(bridge.Ask{})
	w.Press("alice", r.ID, bridge.VerbShowCode)
	release := w.Corp.Hold()
	w.Corp.Approve(bridgetest.Alice)
	bridgetest.Pass(7 * time.Second)
	return r.ID, func() { release(); synctest.Wait() }
}

// unknown takes a request to held, with the answer whose account it is on its
// way.
func unknown(w *bridgetest.World) (id bridge.RequestID, arrive func()) {
	release := w.Corp.HoldIdentify()
	r := w.MustAsk(bridge.Ask{})
	w.Press("alice", r.ID, bridge.VerbShowCode)
	w.Corp.Approve(bridgetest.Alice)
	bridgetest.Pass(7 * time.Second)
	return r.ID, func() { release(); synctest.Wait() }
}

func cancels(t *testing.T, w *bridgetest.World, id bridge.RequestID) {
	t.Helper()
	if _, err := w.Cancel(ctx, "helper", id); err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

// either runs two steps in one of their orders.
func either(first bool, a, b func()) {
	if !first {
		a, b = b, a
	}
	a()
	b()
}

func tokenRaces() []race {
	against := func(first bool, do func(t *testing.T, w *bridgetest.World, id bridge.RequestID)) func(*testing.T, *bridgetest.World) bridge.RequestID {
		return func(t *testing.T, w *bridgetest.World) bridge.RequestID {
			id, arrive := inFlight(w)
			either(first, func() { do(t, w, id) }, arrive)
			return id
		}
	}
	deny := func(_ *testing.T, w *bridgetest.World, id bridge.RequestID) { w.Press("alice", id, bridge.VerbDeny) }
	notMe := func(_ *testing.T, w *bridgetest.World, id bridge.RequestID) {
		w.Press("alice", id, bridge.VerbNotMe)
	}
	both := func(_ *testing.T, w *bridgetest.World, id bridge.RequestID) {
		w.Press("alice", id, bridge.VerbShowCode) // does nothing: a code is there
		w.Press("alice", id, bridge.VerbDeny)
	}
	return []race{
		{name: "deny, then the token", run: against(true, deny), end: "denied/denied"},
		{name: "the token, then deny", run: against(false, deny), end: "collected", took: true, kept: true},
		{name: "not me, then the token", run: against(true, notMe), end: "denied/not_me"},
		{name: "the token, then not me", run: against(false, notMe), end: "denied/revoked"},
		{name: "cancel, then the token", run: against(true, cancels), end: "cancelled/cancelled"},
		{name: "the token, then cancel", run: against(false, cancels), end: "cancelled/cancelled"},
		{name: "show code and deny, then the token", run: against(true, both), end: "denied/denied"},
	}
}

func identityRaces() []race {
	against := func(first bool, do func(t *testing.T, w *bridgetest.World, id bridge.RequestID)) func(*testing.T, *bridgetest.World) bridge.RequestID {
		return func(t *testing.T, w *bridgetest.World) bridge.RequestID {
			id, arrive := unknown(w)
			either(first, func() { do(t, w, id) }, arrive)
			return id
		}
	}
	deny := func(_ *testing.T, w *bridgetest.World, id bridge.RequestID) { w.Press("alice", id, bridge.VerbDeny) }
	early := func(t *testing.T, w *bridgetest.World, id bridge.RequestID) {
		if _, err := w.Collect(ctx, w.Agent("helper"), id); w.See(id).State == bridge.Held && problemCode(err) != bridge.ProblemNotReady {
			t.Errorf("collect before the account is known: %v", err)
		}
	}
	return []race{
		{name: "deny, then the account", run: against(true, deny), end: "denied/denied"},
		{name: "the account, then deny", run: against(false, deny), end: "collected", took: true, kept: true},
		{name: "cancel, then the account", run: against(true, cancels), end: "cancelled/cancelled"},
		{name: "the account, then cancel", run: against(false, cancels), end: "cancelled/cancelled"},
		{name: "collect, then the account", run: against(true, early), end: "collected", took: true, kept: true},
	}
}

func clockRaces() []race {
	// The request expires a minute after it was asked.
	expiring := func(w *bridgetest.World, left time.Duration) bridge.RequestID {
		r := w.MustAsk(bridge.Ask{TTL: time.Minute})
		bridgetest.Pass(time.Minute - left)
		return r.ID
	}
	return []race{
		{name: "a press, then the end of the request", end: "collected", took: true, kept: true, run: func(_ *testing.T, w *bridgetest.World) bridge.RequestID {
			id := expiring(w, time.Nanosecond)
			release := w.Corp.HoldBegin()
			w.Press("alice", id, bridge.VerbShowCode)
			bridgetest.Pass(2 * time.Second) // its time comes while the code is on its way
			release()
			synctest.Wait()
			w.Corp.Approve(bridgetest.Alice)
			bridgetest.Pass(7 * time.Second)
			return id
		}},
		{name: "the end of the request, then a press", end: "expired/expired", run: func(t *testing.T, w *bridgetest.World) bridge.RequestID {
			id := expiring(w, 0)
			if _, word := w.Press("alice", id, bridge.VerbShowCode); word == "" || w.Corp.Codes() != 0 {
				t.Errorf("the press was answered %q, with %d codes", word, w.Corp.Codes())
			}
			return id
		}},
		{name: "the code lapses, then the token", end: "denied/denied", run: func(_ *testing.T, w *bridgetest.World) bridge.RequestID {
			w.Corp.Lifetime = 10 * time.Second
			id, arrive := inFlight(w)
			bridgetest.Pass(4 * time.Second)
			w.Expect(id, bridge.Asked, "")
			arrive()
			w.Press("alice", id, bridge.VerbDeny)
			return id
		}},
		{name: "the token, then the code lapses", end: "collected", took: true, kept: true, run: func(_ *testing.T, w *bridgetest.World) bridge.RequestID {
			w.Corp.Lifetime = 10 * time.Second
			id, arrive := inFlight(w)
			arrive()
			bridgetest.Pass(4 * time.Second)
			return id
		}},
		{name: "the time for the account ends, then the account", end: "failed/provider_error", run: func(_ *testing.T, w *bridgetest.World) bridge.RequestID {
			id, arrive := unknown(w)
			bridgetest.Pass(identityIsOver)
			arrive()
			return id
		}},
	}
}

// identityIsOver is longer than a token is held while nobody can say whose it
// is.
const identityIsOver = 11 * time.Minute

func collectRaces() []race {
	collect := func(t *testing.T, w *bridgetest.World, id bridge.RequestID) {
		t.Helper()
		if _, err := w.Collect(ctx, w.Agent("helper"), id); err != nil {
			t.Errorf("collect: %v", err)
		}
	}
	grant := func(w *bridgetest.World) bridge.RequestID {
		id, arrive := unknown(w)
		arrive()
		return id
	}
	return []race{
		{name: "collect, then cancel", end: "collected", took: true, kept: true, run: func(t *testing.T, w *bridgetest.World) bridge.RequestID {
			id := grant(w)
			collect(t, w, id)
			cancels(t, w, id)
			return id
		}},
		{name: "collect at the last moment", end: "collected", took: true, kept: true, run: func(t *testing.T, w *bridgetest.World) bridge.RequestID {
			id := grant(w)
			bridgetest.Pass(10*time.Minute - time.Nanosecond)
			collect(t, w, id)
			return id
		}},
		{name: "the time to collect ends, then collect", end: "expired/not_collected", run: func(_ *testing.T, w *bridgetest.World) bridge.RequestID {
			id := grant(w)
			bridgetest.Pass(10 * time.Minute)
			return id
		}},
		{name: "not me on another request, then collect", end: "expired/not_collected", run: func(t *testing.T, w *bridgetest.World) bridge.RequestID {
			id := grant(w)
			w.Press("alice", w.MustAsk(bridge.Ask{Session: "two"}).ID, bridge.VerbNotMe)
			if _, err := w.Collect(ctx, w.Agent("helper"), id); problemCode(err) != bridge.ProblemSuspended {
				t.Errorf("collect after not me: %v", err)
			}
			bridgetest.Pass(10 * time.Minute)
			return id
		}},
	}
}

// briefly lets what is granted live for half an hour.
func briefly(d *bridge.Directory) {
	for name, agent := range d.Agents {
		agent.May = slices.Clone(agent.May)
		agent.May[0].Reuse = 30 * time.Minute
		d.Agents[name] = agent
	}
}

// What a grant serves is collected before the grant ends, or never; and an ask
// that comes after its end is put to the human again.
func TestTheEndOfAGrantAgainstAnAsk(t *testing.T) {
	for _, c := range []struct {
		name    string
		ask     time.Duration // before the grant's end
		collect time.Duration
		reply   bridge.Reply
		took    bool
	}{
		{"ask, collect, end", time.Second, time.Nanosecond, bridge.Served, true},
		{"ask, end, collect", time.Second, 0, bridge.Served, false},
		{"end, ask", 0, 0, bridge.Created, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, briefly, func(t *testing.T, w *bridgetest.World) {
				first := granted(t, w, bridge.Ask{})
				if _, err := w.Collect(ctx, w.Agent("helper"), first.ID); err != nil {
					t.Fatal(err)
				}
				end := grantOf(t, w, first.Grant).EndsAt
				bridgetest.Pass(time.Until(end) - c.ask)
				r, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}})
				if err != nil || reply != c.reply {
					t.Fatalf("the ask was answered %v, %v", reply, err)
				}
				bridgetest.Pass(time.Until(end) - c.collect)
				if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); (err == nil) != c.took {
					t.Errorf("collect: %v", err)
				}
				bridgetest.Pass(time.Second)
				if revoked := w.Corp.Revoked(); len(revoked) != 1 {
					t.Errorf("revoked after the grant's end: %v", revoked)
				}
			})
		})
	}
}

// At the very moment when a time is over, whoever comes may be first or too
// late; they are never both.
func TestCollectAtTheMomentItsTimeIsOver(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		for i := range 40 {
			r := granted(t, w, bridge.Ask{Session: string(rune('a' + i))})
			<-time.After(time.Until(r.DueBy))
			var err error
			var both sync.WaitGroup
			both.Go(func() { _, err = w.Collect(ctx, w.Agent("helper"), r.ID) })
			both.Go(func() { _, _ = w.Cancel(ctx, "helper", r.ID) })
			both.Wait()
			bridgetest.Pass(5 * time.Second)
			after := w.See(r.ID)
			if (err == nil) != (after.State == bridge.Collected) {
				t.Fatalf("collect said %v, and the request is %s", err, after.State)
			}
			if last := w.Corp.Issues()[i]; last.Revoked == (err == nil) {
				t.Fatalf("collect said %v, and its token is revoked: %v", err, last.Revoked)
			}
		}
	})
}

// Many who press, or collect, in the same moment get one code and one token.
func TestTheSameThingManyTimesAtOnce(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		var many sync.WaitGroup
		for range 50 {
			many.Go(func() {
				if _, _, err := w.Click(ctx, bridge.Clicker{Human: "alice", Channel: "web"}, r.ID, bridge.VerbShowCode); err != nil {
					t.Error(err)
				}
			})
		}
		many.Wait()
		synctest.Wait()
		if w.Corp.Codes() != 1 {
			t.Errorf("50 presses made %d codes", w.Corp.Codes())
		}
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(7 * time.Second)
		for range 50 {
			many.Go(func() {
				if token, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil || token.Access.Reveal() != "access-1" {
					t.Errorf("collect: %v", err)
				}
			})
		}
		many.Wait()
		w.Expect(r.ID, bridge.Collected, "")
	})
}
