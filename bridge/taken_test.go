package bridge_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// gave takes a request all the way to the agent.
func gave(t *testing.T, w *bridgetest.World, ask bridge.Ask) bridge.Request {
	t.Helper()
	r := granted(t, w, ask)
	if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
		t.Fatal(err)
	}
	return w.See(r.ID)
}

// answered asks for what a live grant holds already.
func answered(t *testing.T, w *bridgetest.World, ask bridge.Ask) bridge.Request {
	t.Helper()
	ask.Provider, ask.Scopes = "corp", []string{"files:read"}
	r, reply, err := w.Ask(ctx, w.Agent("helper"), ask)
	if err != nil || reply != bridge.Served {
		t.Fatalf("the ask was answered %v, %v", reply, err)
	}
	return r
}

// wantNothing is what an agent gets from a grant that is over: its asks go to
// the human again, and none of these requests leads to a token.
func wantNothing(t *testing.T, w *bridgetest.World, requests ...bridge.Request) {
	t.Helper()
	for _, r := range requests {
		if token, err := w.Collect(ctx, w.Agent("helper"), r.ID); problemCode(err) != bridge.ProblemGone || !token.Access.IsZero() {
			t.Errorf("collect %s after the end: %v", r.ID, err)
		}
	}
	_, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}})
	if err != nil || reply != bridge.Created {
		t.Errorf("the next ask is answered %v, %v", reply, err)
	}
}

// takers are all who can take a grant back, on their own ways.
var takers = map[string]struct {
	by   bridge.ActorKind
	take func(t *testing.T, w *bridgetest.World, r bridge.Request)
}{
	"the human": {bridge.ByHuman, func(_ *testing.T, w *bridgetest.World, r bridge.Request) {
		w.Press("alice", r.ID, bridge.VerbRevoke)
	}},
	"the agent": {bridge.ByAgent, func(t *testing.T, w *bridgetest.World, r bridge.Request) {
		t.Helper()
		if g, err := w.GiveUp(ctx, "helper", r.Grant); err != nil || g.State != bridge.GrantRevoked {
			t.Errorf("give up: %s, %v", g.State, err)
		}
	}},
}

// From the moment that somebody has taken a grant back, nothing leads to its
// token: not an ask, not the grace, not another request that was served.
func TestATakenGrantGivesNothing(t *testing.T) {
	for name, who := range takers {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				first := gave(t, w, bridge.Ask{})
				again := answered(t, w, bridge.Ask{})
				fetched := answered(t, w, bridge.Ask{})
				if _, err := w.Collect(ctx, w.Agent("helper"), fetched.ID); err != nil {
					t.Fatal(err)
				}
				who.take(t, w, first)
				w.Expect(again.ID, bridge.Denied, bridge.OutcomeRevoked)
				w.Expect(fetched.ID, bridge.Collected, "")
				wantNothing(t, w, first, again, fetched)
				wantRevoked(t, w, "access-1")
				g := grantOf(t, w, first.Grant)
				if g.State != bridge.GrantRevoked || g.EndedBy != who.by || g.Revocation != bridge.RevocationDone || sealed(t, w, bridge.GrantSecret(g.ID)) {
					t.Errorf("the grant is %+v", g)
				}
			})
		})
	}
}

// A grant that nobody has collected yet can be taken back, too.
func TestATakenGrantIsNotReleased(t *testing.T) {
	for name, who := range takers {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				r := granted(t, w, bridge.Ask{})
				who.take(t, w, r)
				w.Expect(r.ID, bridge.Denied, bridge.OutcomeRevoked)
				wantNothing(t, w, r)
				wantRevoked(t, w, "access-1")
			})
		})
	}
}

func TestTakingBackTwiceIsOnce(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := gave(t, w, bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbRevoke)
		ended := grantOf(t, w, r.Grant).EndedAt
		bridgetest.Pass(time.Minute)
		if c, word := w.Press("alice", r.ID, bridge.VerbRevoke); word != "This was over already." || c.Headline != "Revoked" {
			t.Errorf("the second press is answered %q with %q", word, c.Headline)
		}
		g, err := w.GiveUp(ctx, "helper", r.Grant)
		if err != nil || g.State != bridge.GrantRevoked || g.EndedBy != bridge.ByHuman || !g.EndedAt.Equal(ended) {
			t.Errorf("given up after it was taken back: %+v, %v", g, err)
		}
		wantRevoked(t, w, "access-1")
	})
}

// What somebody else has given or holds does not exist.
func TestNobodyElseTakesAGrantBack(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := gave(t, w, bridge.Ask{})
		open := w.MustAsk(bridge.Ask{Session: "two"})
		if _, err := w.GiveUp(ctx, "other", r.Grant); problemCode(err) != bridge.ProblemNotFound {
			t.Errorf("another agent gives it up: %v", err)
		}
		if _, err := w.GiveUp(ctx, "helper", bridge.NewGrantID(time.Now())); problemCode(err) != bridge.ProblemNotFound {
			t.Errorf("one that never was: %v", err)
		}
		if mine, _, err := w.Grants(ctx, "other", "", 10); err != nil || len(mine) != 0 {
			t.Errorf("another agent sees %d, %v", len(mine), err)
		}
		for human, id := range map[string]bridge.RequestID{"bob": r.ID, "alice": open.ID, "carol": bridge.NewRequestID(time.Now())} {
			if _, _, err := w.Click(ctx, bridge.Clicker{Human: human}, id, bridge.VerbRevoke); !errors.Is(err, bridge.ErrNotFound) {
				t.Errorf("%s revokes %s: %v", human, id, err)
			}
		}
		if g := grantOf(t, w, r.Grant); g.State != bridge.GrantLive {
			t.Errorf("the grant is %s", g.State)
		}
		w.Expect(open.ID, bridge.Asked, "")
		wantRevoked(t, w)
	})
}

// An agent that gives up one grant ends no other: not that of another session,
// nor that of another agent, of the same human and client.
func TestGivingUpIsNoWiderThanTheGrant(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		mine := gave(t, w, bridge.Ask{})
		session := gave(t, w, bridge.Ask{Session: "two"})
		others := files("files:read")
		others.Human = "alice"
		o, _, err := ask(w, "other", others)
		if err != nil {
			t.Fatal(err)
		}
		w.Press("alice", o.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		o = w.Expect(o.ID, bridge.Granted, "")
		if _, err := w.GiveUp(ctx, "helper", mine.Grant); err != nil {
			t.Fatal(err)
		}
		wantRevoked(t, w, "access-1")
		for _, r := range []bridge.Request{session, o} {
			if g := grantOf(t, w, r.Grant); g.State != bridge.GrantLive {
				t.Errorf("the grant of %s is %s", r.Agent, g.State)
			}
		}
		if token, err := w.Collect(ctx, w.Agent("other"), o.ID); err != nil || token.Access.Reveal() != "access-3" {
			t.Errorf("the other agent collects: %v", err)
		}
	})
}

// A token that another grant holds, too, is revoked when the last of them
// ends, and not before: whoever triggers it.
func TestASharedTokenOutlivesWhatIsTakenBack(t *testing.T) {
	for same, last := range map[string]string{"access": "access-1", "refresh": "access-2"} {
		for name, who := range takers {
			t.Run(same+", "+name, func(t *testing.T) {
				story(t, nil, func(t *testing.T, w *bridgetest.World) {
					w.Corp.Same = same
					one, two := gave(t, w, bridge.Ask{}), gave(t, w, bridge.Ask{Session: "two"})
					who.take(t, w, one)
					wantRevoked(t, w)
					if g := grantOf(t, w, one.Grant); g.State != bridge.GrantRevoked || g.Revocation != bridge.RevocationNone {
						t.Errorf("the first grant is %s, %s", g.State, g.Revocation)
					}
					answered(t, w, bridge.Ask{Session: "two"})
					who.take(t, w, two)
					wantRevoked(t, w, last)
				})
			})
		}
	}
}

// The same holds for what is thrown away before it became a grant: an agent
// that has its human sign in again, and withdraws, ends nothing.
func TestASharedTokenOutlivesWhatIsThrownAway(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Same = "refresh"
		one := gave(t, w, bridge.Ask{})
		w.Corp.Fail("Identify", errors.New("bad gateway"))
		id := signIn(w, bridge.Ask{Session: "two"}, bridgetest.Alice)
		w.Expect(id, bridge.Held, "")
		if _, err := w.Cancel(ctx, "helper", id); err != nil {
			t.Fatal(err)
		}
		wantRevoked(t, w)
		if g := grantOf(t, w, one.Grant); g.State != bridge.GrantLive {
			t.Errorf("the first grant is %s", g.State)
		}
		w.Press("alice", one.ID, bridge.VerbRevoke)
		wantRevoked(t, w, "access-1")
	})
}

// And for a token that is being checked while an older pair is still to be
// revoked: the queue must not end what the human has just given again.
func TestATokenThatIsBeingCheckedIsNotRevoked(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.Same = "access"
		one := gave(t, w, bridge.Ask{})
		w.Corp.Fail("Revoke", errors.New("bad gateway"), errors.New("bad gateway"), errors.New("bad gateway"))
		w.Press("alice", one.ID, bridge.VerbRevoke)
		w.Corp.Fail("Identify", errors.New("bad gateway"), errors.New("bad gateway"), errors.New("bad gateway"))
		id := signIn(w, bridge.Ask{}, bridgetest.Alice)
		w.Expect(id, bridge.Held, "")
		bridgetest.Pass(time.Minute)
		r := w.Expect(id, bridge.Granted, "")
		wantRevoked(t, w)
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Errorf("collect what was given again: %v", err)
		}
	})
}

func TestAnAgentsGrants(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		var made []bridge.GrantID
		for _, session := range []string{"one", "two", "three"} {
			made = append(made, gave(t, w, bridge.Ask{Session: session}).Grant)
		}
		if _, err := w.GiveUp(ctx, "helper", made[1]); err != nil {
			t.Fatal(err)
		}
		first, next, err := w.Grants(ctx, "helper", "", 2)
		if err != nil || len(first) != 2 || next == "" || first[0].ID != made[2] || first[1].ID != made[1] || first[1].State != bridge.GrantRevoked {
			t.Fatalf("the first page: %+v, %q, %v", first, next, err)
		}
		last, next, err := w.Grants(ctx, "helper", next, 2)
		if err != nil || len(last) != 1 || next != "" || last[0].ID != made[0] {
			t.Errorf("the last page: %+v, %q, %v", last, next, err)
		}
	})
}

// What is given and not over stands once in the inbox, under what was given,
// and can be taken back there, even when its request is long forgotten.
func TestTheInboxListsWhatWasGiven(t *testing.T) {
	forgetful := func(d *bridge.Directory) {
		for name, agent := range d.Agents {
			agent.May[0].Reuse = 30 * 24 * time.Hour
			d.Agents[name] = agent
		}
		d.Limits.Retain = 24 * time.Hour
	}
	story(t, forgetful, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = 0
		old := gave(t, w, bridge.Ask{})
		bridgetest.Pass(3 * 24 * time.Hour)
		if _, err := w.Get(ctx, "helper", old.ID); problemCode(err) != bridge.ProblemNotFound {
			t.Fatalf("the old request is kept: %v", err)
		}
		fresh := gave(t, w, bridge.Ask{Session: "two"})
		in, err := w.Inbox(ctx, "alice")
		if err != nil || len(in.Given) != 2 || len(in.Earlier) != 0 || in.GivenMore != 0 {
			t.Fatalf("the inbox: %+v, %v", in, err)
		}
		for i, want := range []bridge.Request{fresh, old} {
			c := in.Given[i]
			if c.Request != want.ID || c.Title != "helper wants corp" || c.Headline != "Approved" || c.UsedAt.IsZero() || c.Until.IsZero() || len(c.Scopes) == 0 {
				t.Errorf("the card %d is %+v", i, c)
			}
		}
		if c, _ := w.Press("alice", old.ID, bridge.VerbRevoke); c.Headline != "Revoked" || len(c.Buttons) != 0 {
			t.Errorf("the old one, taken back: %+v", c)
		}
		if g := grantOf(t, w, old.Grant); g.State != bridge.GrantRevoked {
			t.Errorf("the old grant is %s", g.State)
		}
		if in, err = w.Inbox(ctx, "alice"); err != nil || len(in.Given) != 1 || in.Given[0].Request != fresh.ID {
			t.Errorf("the inbox then: %+v, %v", in, err)
		}
		if bobs, err := w.Inbox(ctx, "bob"); err != nil || len(bobs.Given) != 0 {
			t.Errorf("bob sees %d, %v", len(bobs.Given), err)
		}
	})
}

// A chat's card of what was given offers to take it back for as long as that
// lasts, and says what became of it, long after the request has ended.
func TestAChatsCardFollowsItsGrant(t *testing.T) {
	chatStory(t, 0, nil, func(t *testing.T, w *chatting) {
		for name, agent := range w.Directory.Agents {
			agent.May[0].Reuse = 72 * time.Hour
			w.Directory.Agents[name] = agent
		}
		w.Corp.TokenLifetime = 0
		r := gave(t, w.World, bridge.Ask{})
		bridgetest.Pass(time.Second)
		w.shows(t, "has access", "[Revoke]")
		bridgetest.Pass(48 * time.Hour)
		release := w.Corp.HoldRevoke()
		if _, err := w.GiveUp(ctx, "helper", r.Grant); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(time.Second)
		w.shows(t, "helper gave up what it had", "is being told", "![Revoke]")
		release()
		bridgetest.Pass(time.Second)
		w.shows(t, "has been told")
		w.messages(t, 1)
	})
}

// dimStore cannot list what a human has given, for a while.
type dimStore struct {
	bridge.Store
	dim atomic.Bool
}

type dimTx struct{ bridge.ReadTx }

func (dimTx) GrantsFrom(string) iter.Seq2[bridge.Grant, error] {
	return func(yield func(bridge.Grant, error) bool) { yield(bridge.Grant{}, bridge.ErrStoreUnavailable) }
}

func (s *dimStore) View(ctx context.Context, fn func(bridge.ReadTx) error) error {
	return s.Store.View(ctx, func(tx bridge.ReadTx) error {
		if s.dim.Load() {
			tx = dimTx{tx}
		}
		return fn(tx)
	})
}

// Who else holds a token has to be known before it is revoked.
func TestNothingIsRevokedBlindly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &dimStore{Store: openStore(t)}
		w := bridgetest.Start(t, bridgetest.Directory(), store, bridgetest.New("https://login.example.com"))
		w.Corp.Same = "access"
		one := gave(t, w, bridge.Ask{})
		gave(t, w, bridge.Ask{Session: "two"})
		store.dim.Store(true)
		if _, err := w.GiveUp(ctx, "helper", one.Grant); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(10 * time.Second)
		if got := w.Corp.Revoked(); len(got) > 0 {
			t.Errorf("revoked: %v, which another grant holds", got)
		}
		store.dim.Store(false)
		bridgetest.Pass(2 * time.Minute)
		wantRevoked(t, w)
		answered(t, w, bridge.Ask{Session: "two"})
	})
}

// However many come at the moment of Revoke: whoever calls after it was
// answered gets nothing, and what was granted is revoked once.
func TestRevokeAmongManyWhoCollect(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := gave(t, w, bridge.Ask{})
		var waiting []bridge.Request
		for range 10 {
			waiting = append(waiting, answered(t, w, bridge.Ask{}))
		}
		var over atomic.Bool
		var all sync.WaitGroup
		for _, one := range append(waiting, r) {
			for range 5 {
				all.Go(func() {
					for range 20 {
						late := over.Load()
						_, err := w.Collect(ctx, w.Agent("helper"), one.ID)
						if late && err == nil {
							t.Error("a token was handed out after Revoke was answered")
						}
						if err != nil && problemCode(err) != bridge.ProblemGone {
							t.Errorf("collect: %v", err)
						}
					}
				})
			}
		}
		for range 5 {
			all.Go(func() {
				if _, _, err := w.Click(ctx, bridge.Clicker{Human: "alice"}, r.ID, bridge.VerbRevoke); err != nil {
					t.Errorf("revoke: %v", err)
				}
				over.Store(true)
			})
		}
		all.Wait()
		wantNothing(t, w, append(waiting, r)...)
		wantRevoked(t, w, "access-1")
		if lines := events(t, w.Store, bridge.AuditGrantOver); len(lines) != 1 {
			t.Errorf("it ended %d times", len(lines))
		}
	})
}
