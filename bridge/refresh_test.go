package bridge_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// fetched takes a request all the way to its token.
func fetched(t *testing.T, w *bridgetest.World, ask bridge.Ask) (bridge.Request, bridge.Token) {
	t.Helper()
	r := granted(t, w, ask)
	return r, collect(t, w, r.ID)
}

func collect(t *testing.T, w *bridgetest.World, id bridge.RequestID) bridge.Token {
	t.Helper()
	token, err := w.Collect(ctx, w.Agent("helper"), id)
	if err != nil {
		t.Fatalf("collect: %v", err)
	}
	return token
}

// A grant that is used has a fresh token long before the old one is over, and
// nobody waits for it.
func TestATokenIsRefreshedAheadOfItsEnd(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		_, token := fetched(t, w, bridge.Ask{})
		life := time.Until(token.ExpiresAt)
		bridgetest.Pass(life * 74 / 100)
		if n := w.Corp.Refreshes(); n != 0 {
			t.Fatalf("%d refreshes before three quarters of its life", n)
		}
		bridgetest.Pass(life * 17 / 100)
		g := grantOf(t, w, token.Grant)
		if w.Corp.Refreshes() != 1 || g.Refreshing != 0 || !g.Rotates || !g.AccessExpiresAt.After(token.ExpiresAt) {
			t.Errorf("after nine tenths: %d refreshes, %+v", w.Corp.Refreshes(), g)
		}
		if len(w.Corp.Revoked()) != 0 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
		again := w.MustAsk(bridge.Ask{})
		if got := collect(t, w, again.ID); again.State != bridge.Granted || got.Access.Equal(token.Access) || w.Corp.Refreshes() != 1 {
			t.Errorf("a second ask is %s and gets %v after %d refreshes", again.State, got, w.Corp.Refreshes())
		}
		if w.Corp.Codes() != 1 {
			t.Errorf("the human was asked %d times", w.Corp.Codes())
		}
	})
}

// short tokens live for so little that nothing is refreshed between two looks.
const short = 2 * time.Minute

// However many come at once for a token that is over, the provider is asked
// once, and all get what it gave.
func TestFiftyCallersOneRefresh(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = short
		fetched(t, w, bridge.Ask{})
		var waiting []bridge.Request
		for range 25 {
			waiting = append(waiting, w.MustAsk(bridge.Ask{}))
		}
		release := w.Corp.HoldRefresh()
		bridgetest.Pass(short) // the refresh ahead is under way as well
		var mu sync.Mutex
		var got []string
		var all sync.WaitGroup
		take := func(id bridge.RequestID) {
			token, err := w.Collect(ctx, w.Agent("helper"), id)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || time.Until(token.ExpiresAt) < time.Minute {
				t.Errorf("collected a token that lives for %v: %v", time.Until(token.ExpiresAt), err)
				return
			}
			got = append(got, token.Access.Reveal())
		}
		for _, r := range waiting {
			all.Go(func() { take(r.ID) })
			all.Go(func() {
				r, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}})
				if err != nil || r.State != bridge.Granted {
					t.Errorf("an ask that waits for a refresh: %s, %v", r.State, err)
					return
				}
				take(r.ID)
			})
		}
		bridgetest.Pass(time.Second)
		release()
		all.Wait()
		if w.Corp.Refreshes() != 1 || len(got) != 50 {
			t.Errorf("%d refreshes for %d callers", w.Corp.Refreshes(), len(got))
		}
		for _, access := range got {
			if access != got[0] {
				t.Errorf("one got %s and another %s", got[0], access)
			}
		}
	})
}

// What the provider cannot do now is no matter for the human.
func TestAnOutageNeverAsksAHuman(t *testing.T) {
	down := &bridge.Unavailable{Err: errors.New("bad gateway")}
	slow := &bridge.Unavailable{Err: errors.New("too many requests"), RetryAfter: 5 * time.Minute}
	no := &bridge.Refusal{Outcome: bridge.OutcomeProviderError, Cause: "invalid_client"}
	for name, tc := range map[string]struct {
		fault error
		wait  time.Duration
	}{"busy": {down, time.Second}, "asks for time": {slow, 5 * time.Minute}, "refuses": {no, time.Second}} {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				w.Corp.TokenLifetime = short
				_, token := fetched(t, w, bridge.Ask{})
				w.Corp.Fail("Refresh", tc.fault)
				bridgetest.Pass(80 * time.Second) // it may be tried ahead
				_, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}})
				p, _ := errors.AsType[*bridge.Problem](err)
				if p == nil || p.Code != bridge.ProblemProviderUnavailable || p.RetryAfter <= 0 || p.RetryAfter < tc.wait-2*time.Minute {
					t.Fatalf("an ask in an outage: %v", err)
				}
				if g := grantOf(t, w, token.Grant); g.State != bridge.GrantLive || g.Refreshing != 0 {
					t.Errorf("the grant is %s, %d refreshes of unknown end", g.State, g.Refreshing)
				}
				bridgetest.Pass(p.RetryAfter + time.Second)
				if r := w.MustAsk(bridge.Ask{}); r.State != bridge.Granted {
					t.Errorf("after the outage the ask is %s", r.State)
				}
				if w.Corp.Codes() != 1 {
					t.Errorf("the human was asked %d times", w.Corp.Codes())
				}
			})
		})
	}
}

// A token lives for at least as long as the agent says, if the provider lets
// it, and never for so long that each ask would need a new one.
func TestMinValidity(t *testing.T) {
	for name, tc := range map[string]struct {
		life, wants, left time.Duration
		refreshes         int
	}{
		"long enough":                  {time.Hour, 10 * time.Minute, 20 * time.Minute, 0},
		"too short":                    {time.Hour, 25 * time.Minute, 20 * time.Minute, 1},
		"the default, long enough":     {time.Hour, 0, 20 * time.Minute, 0},
		"more than a token ever has":   {time.Hour, 5 * time.Hour, 31 * time.Minute, 0},
		"more than half of its life":   {time.Hour, 5 * time.Hour, 29 * time.Minute, 1},
		"a token that lives for 90 s":  {90 * time.Second, 0, 50 * time.Second, 0},
		"and has less than half of it": {90 * time.Second, 0, 40 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				w.Corp.TokenLifetime = tc.life
				_, token := fetched(t, w, bridge.Ask{})
				bridgetest.Pass(time.Until(token.ExpiresAt) - tc.left)
				r := w.MustAsk(bridge.Ask{MinValidity: tc.wants})
				if r.State != bridge.Granted || w.Corp.Refreshes() != tc.refreshes {
					t.Fatalf("the ask is %s after %d refreshes, want %d", r.State, w.Corp.Refreshes(), tc.refreshes)
				}
				got := collect(t, w, r.ID)
				if fresh := !got.Access.Equal(token.Access); fresh != (tc.refreshes == 1) || w.Corp.Refreshes() != tc.refreshes {
					t.Errorf("collected a fresh token: %v, after %d refreshes", fresh, w.Corp.Refreshes())
				}
			})
		})
	}
}

// A token that was granted long ago is refreshed before it is collected.
func TestCollectRefreshes(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = short
		r := granted(t, w, bridge.Ask{})
		bridgetest.Pass(30 * time.Minute)
		before := w.Corp.Refreshes()
		token := collect(t, w, r.ID)
		if w.Corp.Refreshes() != before+1 || time.Until(token.ExpiresAt) < time.Minute {
			t.Errorf("after %d refreshes the token lives for %v", w.Corp.Refreshes()-before, time.Until(token.ExpiresAt))
		}
		bridgetest.Pass(59 * time.Second)
		if again := collect(t, w, r.ID); !again.Access.Equal(token.Access) {
			t.Error("within the grace it is another token")
		}
	})
}

// What is found out by collecting is told at once: a new ask may end better.
func TestWhatIsLostIsNotCollected(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = short
		r := granted(t, w, bridge.Ask{})
		bridgetest.Pass(short)
		w.Corp.Forget()
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); problemCode(err) != bridge.ProblemGone {
			t.Fatalf("collect what the provider has forgotten: %v", err)
		}
		if got := w.Expect(r.ID, bridge.Failed, bridge.OutcomeTokenLost); !got.Outcome.Retryable {
			t.Error("a new ask is said to be in vain")
		}
		if g := grantOf(t, w, r.Grant); g.State != bridge.GrantRevoked {
			t.Errorf("the grant that nobody ever used is %s", g.State)
		}
		if next := w.MustAsk(bridge.Ask{}); next.State != bridge.Asked {
			t.Errorf("the next ask is %s", next.State)
		}
	})
}

// Policy and the human's word are asked before a provider is called for a
// token, and again when it has come.
func TestNothingIsRefreshedForWhoMayNotHaveIt(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = short
		r := granted(t, w, bridge.Ask{})
		bridgetest.Pass(short - 20*time.Second) // it is not refreshed ahead: nobody has it
		release := w.Corp.HoldRefresh()
		done := make(chan error, 1)
		go func() {
			_, err := w.Collect(ctx, w.Agent("helper"), r.ID)
			done <- err
		}()
		bridgetest.Pass(time.Second)
		w.Press("alice", w.MustAsk(bridge.Ask{Session: "two"}).ID, bridge.VerbNotMe)
		release()
		if err := <-done; problemCode(err) != bridge.ProblemSuspended {
			t.Errorf("collected by a suspended agent: %v", err)
		}
		before := w.Corp.Refreshes()
		bridgetest.Pass(short)
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); problemCode(err) != bridge.ProblemSuspended || w.Corp.Refreshes() != before {
			t.Errorf("%v, after %d more refreshes", err, w.Corp.Refreshes()-before)
		}
	})
}

// Without a refresh token a grant answers until its token is over, and says
// when that is.
func TestWithoutARefreshTokenAGrantEndsWithItsToken(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.NoRefresh = true
		first, token := fetched(t, w, bridge.Ask{})
		bridgetest.Pass(time.Until(token.ExpiresAt) - 10*time.Second)
		r := w.MustAsk(bridge.Ask{})
		if r.State != bridge.Granted {
			t.Fatalf("with ten seconds left the ask is %s", r.State)
		}
		if got := collect(t, w, r.ID); !got.Access.Equal(token.Access) || !got.ExpiresAt.Equal(token.ExpiresAt) {
			t.Errorf("collected a token until %v, want %v", got.ExpiresAt, token.ExpiresAt)
		}
		card := w.See(first.ID).Card
		bridgetest.Pass(11 * time.Second)
		if g := grantOf(t, w, token.Grant); g.State != bridge.GrantEnded {
			t.Errorf("the grant is %s", g.State)
		}
		if w.See(first.ID).Card == card {
			t.Error("its card does not tell")
		}
		if r := w.MustAsk(bridge.Ask{}); r.State != bridge.Asked || w.Corp.Refreshes() != 0 {
			t.Errorf("the next ask is %s after %d refreshes", r.State, w.Corp.Refreshes())
		}
	})
}

// A grant that nobody uses is kept alive, but not at every turn.
func TestAnIdleGrantIsRefreshedOnceAnHour(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = 5 * time.Minute
		fetched(t, w, bridge.Ask{})
		bridgetest.Pass(6 * time.Minute)
		if n := w.Corp.Refreshes(); n != 1 {
			t.Fatalf("%d refreshes of a grant that was just used", n)
		}
		bridgetest.Pass(6 * time.Hour)
		if n := w.Corp.Refreshes() - 1; n < 5 || n > 6 {
			t.Errorf("%d refreshes in six hours in which nobody asked", n)
		}
		w = w.Restart()
		before := w.Corp.Refreshes()
		bridgetest.Pass(30 * time.Minute)
		if n := w.Corp.Refreshes() - before; n > 1 {
			t.Errorf("%d refreshes in half an hour after a start", n)
		}
		collect(t, w, w.MustAsk(bridge.Ask{}).ID)
		before = w.Corp.Refreshes()
		bridgetest.Pass(5 * time.Minute)
		if n := w.Corp.Refreshes() - before; n != 1 {
			t.Errorf("%d refreshes once it is used again", n)
		}
	})
}

// What a refresh brings takes the place of what was held, unless it may not
// be used: then both are revoked.
func TestWhatARefreshBrings(t *testing.T) {
	held := []string{"openid", "email", "files:read", "files:write"}
	for name, tc := range map[string]struct {
		corp    func(*bridgetest.Provider)
		fault   error
		state   bridge.GrantState
		revoked []string
		holds   bool // files:write
		rotates bool
	}{
		"new tokens":         {func(*bridgetest.Provider) {}, nil, bridge.GrantLive, nil, true, true},
		"the same refresh":   {func(p *bridgetest.Provider) { p.KeepRefresh = true }, nil, bridge.GrantLive, nil, true, false},
		"a shorter life":     {func(p *bridgetest.Provider) { p.TokenLifetime = 10 * time.Minute }, nil, bridge.GrantLive, nil, true, true},
		"a life not known":   {func(p *bridgetest.Provider) { p.TokenLifetime = 0 }, nil, bridge.GrantLive, nil, true, true},
		"fewer scopes":       {func(p *bridgetest.Provider) { p.Scopes = []string{"files:read"} }, nil, bridge.GrantLive, nil, false, true},
		"more than the rule": {func(p *bridgetest.Provider) { p.Scopes = append(held, "admin") }, nil, bridge.GrantRevoked, []string{"access-1", "access-2"}, true, false},
		"another account":    {func(*bridgetest.Provider) {}, bridge.ErrOtherAccount, bridge.GrantRevoked, []string{"access-1", ""}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				_, token := fetched(t, w, bridge.Ask{Scopes: []string{"files:read", "files:write"}})
				w.Corp.Change(tc.corp)
				if tc.fault != nil {
					w.Corp.Fail("Refresh", tc.fault)
				}
				bridgetest.Pass(55 * time.Minute)
				if w.Corp.Refreshes() < 1 {
					t.Fatal("nothing was refreshed")
				}
				g := grantOf(t, w, token.Grant)
				if g.State != tc.state || g.Rotates != tc.rotates || slices.Contains(g.Scopes, "files:write") != tc.holds {
					t.Errorf("the grant is %s with %v, rotating: %v", g.State, g.Scopes, g.Rotates)
				}
				revoked := w.Corp.Revoked()
				slices.Sort(revoked)
				slices.Sort(tc.revoked)
				if !slices.Equal(revoked, tc.revoked) {
					t.Errorf("revoked: %q, want %q", revoked, tc.revoked)
				}
				if w.MustAsk(bridge.Ask{Scopes: []string{"files:write"}}).State == bridge.Granted != (tc.holds && tc.state == bridge.GrantLive) {
					t.Errorf("the grant answers for files:write, or does not, against what it holds: %+v", g)
				}
			})
		})
	}
}

// An answer that comes when the grant is over is revoked, too, and nobody gets
// it.
func TestARefreshThatComesTooLateIsRevoked(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = short
		r := granted(t, w, bridge.Ask{})
		bridgetest.Pass(short)
		release := w.Corp.HoldRefresh()
		done := make(chan error, 1)
		go func() {
			_, err := w.Collect(ctx, w.Agent("helper"), r.ID)
			done <- err
		}()
		bridgetest.Pass(time.Second)
		revoke := w.Corp.HoldRevoke() // else the refresh token is no good any more
		if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(time.Second)
		release()
		bridgetest.Pass(time.Second)
		revoke()
		if err := <-done; problemCode(err) != bridge.ProblemGone {
			t.Errorf("collect what was cancelled meanwhile: %v", err)
		}
		bridgetest.Pass(time.Second)
		revoked := w.Corp.Revoked()
		if slices.Sort(revoked); !slices.Equal(revoked, []string{"access-1", "access-2"}) {
			t.Errorf("revoked: %v", revoked)
		}
		if sealed(t, w, bridge.GrantSecret(r.Grant)) {
			t.Error("tokens are left")
		}
	})
}

// An ask that goes beyond the grant asks for both, so that the human decides
// about all that the agent will have; the old grant answers until then.
func TestAStepUpAsksForBoth(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		_, token := fetched(t, w, bridge.Ask{})
		r := w.MustAsk(bridge.Ask{Scopes: []string{"files:write"}})
		if !slices.Equal(r.Scopes, []string{"files:read", "files:write"}) || !slices.Equal(r.Added, []string{"files:write"}) {
			t.Fatalf("asked for %v, new: %v", r.Scopes, r.Added)
		}
		card := waitingCards(t, w, "alice")[0]
		for _, line := range card.Scopes {
			if line.New != (line.Scope == "files:write") {
				t.Errorf("%s is marked as new: %v", line.Scope, line.New)
			}
		}
		if joins := w.MustAsk(bridge.Ask{Scopes: []string{"files:write"}}); joins.ID != r.ID {
			t.Error("the same ask does not join")
		}
		if old := w.MustAsk(bridge.Ask{}); old.State != bridge.Granted || old.Grant != token.Grant {
			t.Errorf("the old grant does not answer meanwhile: %s", old.State)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		r = w.Expect(r.ID, bridge.Granted, "")
		for _, scope := range []string{"files:read", "files:write"} {
			if got := w.MustAsk(bridge.Ask{Scopes: []string{scope}}); got.Grant != r.Grant {
				t.Errorf("%s is answered from %s", scope, got.Grant)
			}
		}
		wantRevoked(t, w, "access-1")
	})
}

// What the agent may not ask any more is not asked for again.
func TestAStepUpIsCutToTheRule(t *testing.T) {
	rules := func(d *bridge.Directory) {
		narrow := bridge.Rule{Provider: "corp", Scopes: []string{"files:read", "files:write"}, Ask: []string{"alice"}, Reuse: time.Hour}
		wide := bridge.Rule{Provider: "corp", Scopes: []string{"files:*", "mail:*"}, Ask: []string{"alice"}, Reuse: time.Hour}
		agent := d.Agents["helper"]
		agent.May = []bridge.Rule{narrow, wide}
		d.Agents["helper"] = agent
	}
	story(t, rules, func(t *testing.T, w *bridgetest.World) {
		fetched(t, w, bridge.Ask{Scopes: []string{"files:read", "mail:read"}})
		r := w.MustAsk(bridge.Ask{Scopes: []string{"files:write"}})
		if !slices.Equal(r.Scopes, []string{"files:read", "files:write"}) {
			t.Errorf("asked for %v", r.Scopes)
		}
	})
}

// Who asks afresh is answered by the human; the old grant serves others until
// the new one takes its place.
func TestAFreshAskLeavesTheOldGrantUntilItIsReplaced(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		_, token := fetched(t, w, bridge.Ask{Scopes: []string{"files:read", "files:write"}})
		r := w.MustAsk(bridge.Ask{Fresh: true})
		if r.State != bridge.Asked || len(r.Added) != 0 {
			t.Fatalf("a fresh ask is %s, new in it: %v", r.State, r.Added)
		}
		if other := w.MustAsk(bridge.Ask{Scopes: []string{"files:write"}}); other.State != bridge.Granted || other.Grant != token.Grant {
			t.Errorf("another ask meanwhile is %s", other.State)
		}
		if g := grantOf(t, w, token.Grant); g.State != bridge.GrantLive {
			t.Errorf("the old grant is %s before the new one is there", g.State)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		r = w.Expect(r.ID, bridge.Granted, "")
		if now := grantOf(t, w, token.Grant); now.State != bridge.GrantEnded || r.Grant == token.Grant {
			t.Errorf("the old grant is %s", now.State)
		}
	})
}

// Where every ask asks, the one token is still good when it is fetched, and is
// taken back at its own end.
func TestAGrantThatIsNotReusedIsRefreshedForItsOneCollect(t *testing.T) {
	once := func(d *bridge.Directory) { d.Agents["helper"].May[0].Reuse = 0 }
	story(t, once, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = 5 * time.Minute
		r := granted(t, w, bridge.Ask{})
		bridgetest.Pass(4*time.Minute + 20*time.Second)
		token := collect(t, w, r.ID)
		if w.Corp.Refreshes() != 1 || time.Until(token.ExpiresAt) < 4*time.Minute {
			t.Fatalf("after %d refreshes the token lives for %v", w.Corp.Refreshes(), time.Until(token.ExpiresAt))
		}
		bridgetest.Pass(time.Until(token.ExpiresAt) - time.Second)
		if g := grantOf(t, w, r.Grant); g.State != bridge.GrantLive {
			t.Errorf("before the end of its token the grant is %s", g.State)
		}
		bridgetest.Pass(2 * time.Second)
		if g := grantOf(t, w, r.Grant); g.State != bridge.GrantEnded || w.Corp.Refreshes() != 1 {
			t.Errorf("after it the grant is %s, after %d refreshes", g.State, w.Corp.Refreshes())
		}
	})
}

// refuser is a store that can be made to refuse changes.
type refuser struct {
	bridge.Store
	refuses atomic.Bool
}

func (s *refuser) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	return s.Store.Update(ctx, func(tx bridge.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if s.refuses.Load() {
			return bridge.ErrStoreUnavailable
		}
		return nil
	})
}

// refusing tells a story on a store that can be made to refuse changes.
func refusing(t *testing.T, tell func(t *testing.T, w *bridgetest.World, disk *refuser)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		disk := &refuser{Store: openStore(t)}
		tell(t, bridgetest.Start(t, bridgetest.Directory(), disk, bridgetest.New("https://login.example.com")), disk)
	})
}

// What a refresh brings could not be kept while the disk is full: nothing is
// refreshed then.
func TestNothingIsRefreshedThatCouldNotBeKept(t *testing.T) {
	refusing(t, func(t *testing.T, w *bridgetest.World, disk *refuser) {
		r := granted(t, w, bridge.Ask{})
		disk.refuses.Store(true)
		bridgetest.Pass(59*time.Minute + 30*time.Second)
		for range 5 {
			if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); !errors.Is(err, bridge.ErrStoreUnavailable) {
				t.Errorf("collect from a store that takes nothing: %v", err)
			}
		}
		if n := w.Corp.Refreshes(); n != 0 {
			t.Fatalf("%d refreshes whose answers could not be kept", n)
		}
		disk.refuses.Store(false)
		bridgetest.Pass(3 * time.Second)
		collect(t, w, r.ID)
		if n := w.Corp.Refreshes(); n != 1 {
			t.Errorf("%d refreshes once it takes changes again", n)
		}
	})
}

// An answer is held while the disk is full, for a while; then it is given back,
// so that nobody has it.
func TestAnAnswerThatCannotBeKept(t *testing.T) {
	for name, tc := range map[string]struct {
		full    time.Duration
		state   bridge.GrantState
		revoked []string
	}{
		"for a minute":  {time.Minute, bridge.GrantLive, nil},
		"for very long": {11 * time.Minute, bridge.GrantNeedsReauth, []string{"access-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			refusing(t, func(t *testing.T, w *bridgetest.World, disk *refuser) {
				_, token := fetched(t, w, bridge.Ask{})
				release := w.Corp.HoldRefresh()
				for grantOf(t, w, token.Grant).Refreshing == 0 {
					bridgetest.Pass(time.Second)
				}
				disk.refuses.Store(true)
				release()
				bridgetest.Pass(tc.full)
				disk.refuses.Store(false)
				bridgetest.Pass(time.Minute)
				if g := grantOf(t, w, token.Grant); g.State != tc.state || !slices.Equal(w.Corp.Revoked(), tc.revoked) && len(w.Corp.Revoked())+len(tc.revoked) > 0 {
					t.Errorf("the grant is %s, and %v is revoked", g.State, w.Corp.Revoked())
				}
			})
		})
	}
}

// A restart finds what was begun, and asks the provider what became of it.
func TestARestartInTheMiddleOfARefresh(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		_, token := fetched(t, w, bridge.Ask{})
		release := w.Corp.HoldRefresh()
		for grantOf(t, w, token.Grant).Refreshing == 0 {
			bridgetest.Pass(time.Second)
		}
		w = w.Restart() // the call outlives its grace, and is given up
		release()
		bridgetest.Pass(5 * time.Second)
		if g := grantOf(t, w, token.Grant); g.State != bridge.GrantLive || g.Refreshing != 0 || !g.AccessExpiresAt.After(token.ExpiresAt) {
			t.Errorf("after the restart the grant is %s, %d refreshes open, its token until %v", g.State, g.Refreshing, g.AccessExpiresAt)
		}
	})
}

// Who waits for a provider that says nothing is let go in the end, or as soon
// as they have had enough.
func TestWaitingForARefreshHasAnEnd(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = short
		r := granted(t, w, bridge.Ask{})
		bridgetest.Pass(short)
		release := w.Corp.HoldRefresh()
		defer release()
		for patience, want := range map[time.Duration]time.Duration{time.Second: time.Second, time.Hour: 30 * time.Second} {
			brief, stop := context.WithTimeout(ctx, patience)
			begun := time.Now()
			_, err := w.Collect(brief, w.Agent("helper"), r.ID)
			stop()
			if took := time.Since(begun); problemCode(err) != bridge.ProblemProviderUnavailable || took > want {
				t.Errorf("with a patience of %v: %v after %v", patience, err, took)
			}
		}
	})
}

// many is as many grants of one issuer, each in a session of its own.
func many(t *testing.T, w *bridgetest.World, n int) (all []bridge.GrantID) {
	t.Helper()
	for i := range n {
		_, token := fetched(t, w, bridge.Ask{Session: "session " + strconv.Itoa(i)})
		all = append(all, token.Grant)
	}
	return all
}

// A provider that refuses our client, because its secret has been changed
// there, refuses it for every grant: it is asked by one of them now and then,
// and not by all, again and again.
func TestAProviderThatRefusesOurClientIsLeftAlone(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		grants := many(t, w, 20)
		no := &bridge.Refusal{Outcome: bridge.OutcomeProviderError, Cause: "invalid_client"}
		w.Corp.Fail("Refresh", slices.Repeat([]error{no}, 1000)...)
		bridgetest.Pass(time.Hour)
		before := w.Corp.Refreshes()
		bridgetest.Pass(10 * time.Minute)
		if n := w.Corp.Refreshes() - before; n == 0 || n > 40 {
			t.Errorf("in ten minutes of a refused client %d refreshes were tried", n)
		}
		w.Corp.Recover("Refresh")
		bridgetest.Pass(2 * time.Minute)
		for _, id := range grants {
			if g := grantOf(t, w, id); g.State != bridge.GrantLive || !g.AccessExpiresAt.After(time.Now()) {
				t.Fatalf("once the secret is right a grant is %s, its token until %v", g.State, g.AccessExpiresAt)
			}
		}
	})
}

// After a long outage, whoever waits does not wait behind all those grants for
// which nobody does.
func TestWhoWaitsComesFirstHoweverLongTheOutage(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		many(t, w, 40)
		down := &bridge.Unavailable{Err: errors.New("bad gateway"), RetryAfter: 5 * time.Minute}
		w.Corp.Fail("Refresh", slices.Repeat([]error{down}, 1000)...)
		bridgetest.Pass(40 * time.Minute)
		mine := bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Session: "mine"}
		fetched(t, w, mine) // its turn comes long after theirs
		bridgetest.Pass(2*time.Hour - time.Minute)

		var took time.Duration
		for range 2 {
			begun := time.Now()
			if _, _, err := w.Ask(ctx, w.Agent("helper"), mine); problemCode(err) != bridge.ProblemProviderUnavailable {
				t.Fatalf("an ask in an outage: %v", err)
			}
			took = time.Since(begun)
			bridgetest.Pass(5 * time.Minute) // the provider is tried once more, for one grant
		}
		if took > 0 {
			t.Errorf("the one try was for another grant: a second ask waited for %v", took)
		}
	})
}
