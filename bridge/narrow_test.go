package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

func TestShorterReuseShortens(t *testing.T) {
	for what, c := range map[string]struct {
		reuse time.Duration
		ends  time.Duration // after the yes
	}{
		"shorter": {2 * time.Hour, 2 * time.Hour},
		"over":    {time.Second, 0},
		"none":    {0, time.Hour}, // the life of the token that was handed out
		"longer":  {16 * time.Hour, 8 * time.Hour},
	} {
		t.Run(what, func(t *testing.T) {
			reloading(t, func(t *testing.T, w *bridgetest.World) {
				r := granted(t, w, bridge.Ask{})
				if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
					t.Fatal(err)
				}
				given := grantOf(t, w, w.See(r.ID).Grant)
				bridgetest.Pass(time.Minute)
				ended := reload(t, w, configured(rules(func(r *bridge.Rule) { r.Reuse = c.reuse })))
				if (ended.Shortened == 1) != (c.reuse < 8*time.Hour) || ended.Grants+ended.Requests != 0 {
					t.Errorf("it came to %+v", ended)
				}
				bridgetest.Pass(time.Second)
				_, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}})
				if err != nil || (reply == bridge.Served) != (c.reuse > time.Minute) {
					t.Errorf("the next ask: %v, %v", reply, err)
				}
				g := grantOf(t, w, given.ID)
				if c.ends > 0 {
					bridgetest.Pass(time.Until(given.CreatedAt.Add(c.ends)) - time.Second)
					if g = grantOf(t, w, given.ID); g.State != bridge.GrantLive {
						t.Fatalf("it is %s before its time", g.State)
					}
					bridgetest.Pass(2 * time.Second)
					g = grantOf(t, w, given.ID)
				}
				if g.State != bridge.GrantEnded {
					t.Errorf("it is %s after its time", g.State)
				}
			})
		})
	}
}

func members(names ...string) func(*bridge.Directory) {
	return func(d *bridge.Directory) { d.Teams["ops"] = bridge.Team{Name: "ops", Members: names} }
}

// TestWhoLeavesATeam takes along what they gave for it, and leaves to the
// others what they had claimed.
func TestWhoLeavesATeam(t *testing.T) {
	reloading(t, func(t *testing.T, w *bridgetest.World) {
		given := w.MustAsk(bridge.Ask{Team: "ops", Session: "given"})
		w.Press("alice", given.ID, bridge.VerbClaim)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(given.ID, bridge.Granted, "")
		own := granted(t, w, bridge.Ask{Session: "own"})
		claimed := w.MustAsk(bridge.Ask{Team: "ops", Session: "claimed"})
		w.Press("alice", claimed.ID, bridge.VerbClaim)
		free := w.MustAsk(bridge.Ask{Team: "ops", Session: "free"})

		ended := reload(t, w, configured(members("bob")))
		if ended.Requests != 1 {
			t.Errorf("it ended %+v", ended)
		}
		w.Expect(given.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
		w.Expect(own.ID, bridge.Granted, "")
		w.Expect(free.ID, bridge.Asked, "")
		if r := w.Expect(claimed.ID, bridge.Asked, ""); r.ClaimedBy != "" {
			t.Errorf("%s still holds a claim", r.ClaimedBy)
		}
		w.Press("bob", claimed.ID, bridge.VerbClaim)
		w.Corp.Approve(bridgetest.Bob)
		bridgetest.Pass(10 * time.Second)
		w.Expect(claimed.ID, bridge.Granted, "")
		if got := w.Corp.Revoked(); !slices.Equal(got, []string{"access-1"}) {
			t.Errorf("revoked: %v, want what was given through the team", got)
		}
	})
}

func TestDigitsThatAreWantedFromNowOn(t *testing.T) {
	reloading(t, func(t *testing.T, w *bridgetest.World) {
		s := arrange(t, w)
		reload(t, w, configured(rules(func(r *bridge.Rule) { r.Digits = true })))
		for _, r := range []bridge.Request{s.asked, s.coded} {
			w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
		}
		s.identified()
		bridgetest.Pass(time.Second)
		for _, r := range []bridge.Request{s.held, s.granted} {
			w.Expect(r.ID, bridge.Granted, "")
		}
	})
}

// TestAnAccountThatNobodyKnows was good enough as long as none was wanted.
func TestAnAccountThatNobodyKnows(t *testing.T) {
	none := corpInfo(func(p *bridge.ProviderInfo) { p.Trust = bridge.TrustNone })
	reloading(t, func(t *testing.T, w *bridgetest.World) {
		reload(t, w, configured(none))
		w.Corp.Fail("Identify", bridge.ErrNoIdentity)
		r := granted(t, w, bridge.Ask{})
		if ended := reload(t, w, configured(none)); ended != (bridge.Reviewed{}) {
			t.Errorf("the same configuration ended %+v", ended)
		}
		reload(t, w, configured())
		if g := grantOf(t, w, w.See(r.ID).Grant); g.State != bridge.GrantRevoked {
			t.Errorf("the grant is %s", g.State)
		}
	})
}

// TestWhoTakesANameIsTiedToNothing of those who had it before, and sees
// nothing of theirs.
func TestWhoTakesANameIsTiedToNothing(t *testing.T) {
	other := bridge.Account{Subject: "s-other", Email: "alice@elsewhere.example", EmailVerified: true}
	somebody := alice(func(h *bridge.Human) { h.Email = other.Email })
	for what, steps := range map[string][]func(*bridge.Directory){
		"at once":                {somebody},
		"after she was gone":     {func(d *bridge.Directory) { delete(d.Humans, "alice") }, somebody},
		"after she had no email": {alice(func(h *bridge.Human) { h.Email = "" }), somebody},
	} {
		t.Run(what, func(t *testing.T) {
			reloading(t, func(t *testing.T, w *bridgetest.World) {
				first := granted(t, w, bridge.Ask{})
				mark, _ := w.Bearer("alice")
				for _, step := range steps {
					reload(t, w, configured(step))
				}
				if now, known := w.Bearer("alice"); !known || now == mark {
					t.Error("who bears the name has the mark of the one before")
				}
				if in, err := w.Inbox(ctx, "alice"); err != nil || len(in.Earlier)+len(in.Given)+len(in.Waiting) > 0 {
					t.Errorf("she is shown %+v, %v", in, err)
				}
				r := w.MustAsk(bridge.Ask{Session: "hers"})
				w.Press("alice", r.ID, bridge.VerbShowCode)
				w.Corp.Approve(bridgetest.Alice) // who has the account that the name was tied to
				bridgetest.Pass(10 * time.Second)
				w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
				r = w.MustAsk(bridge.Ask{Session: "again"})
				w.Press("alice", r.ID, bridge.VerbShowCode)
				w.Corp.Approve(other)
				bridgetest.Pass(10 * time.Second)
				w.Expect(r.ID, bridge.Granted, "")
				w.Expect(first.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
			})
		})
	}
}

// TestTheNextAgentOfANameSeesNothing of the one before: no request, no grant,
// and no answer by a key.
func TestTheNextAgentOfANameSeesNothing(t *testing.T) {
	reloading(t, func(t *testing.T, w *bridgetest.World) {
		before := w.Agent("helper")
		r := granted(t, w, bridge.Ask{IdempotencyKey: "k"})
		waiting := w.MustAsk(bridge.Ask{Session: "other"})
		reload(t, w, configured(narrowings["the agent is another"]))
		now := w.Agent("helper")
		if _, err := w.Get(ctx, "helper", r.ID); problemCode(err) != bridge.ProblemNotFound {
			t.Errorf("it reads a request: %v", err)
		}
		if all, _, err := w.List(ctx, "helper", nil, "", 10); err != nil || len(all) > 0 {
			t.Errorf("it lists %v, %v", all, err)
		}
		if all, _, err := w.Grants(ctx, "helper", "", 10); err != nil || len(all) > 0 {
			t.Errorf("it holds %v, %v", all, err)
		}
		if _, err := w.Cancel(ctx, "helper", waiting.ID); problemCode(err) != bridge.ProblemNotFound {
			t.Errorf("it cancels: %v", err)
		}
		again, reply, err := w.Ask(ctx, now, bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, IdempotencyKey: "k"})
		if err != nil || reply != bridge.Created || again.ID == r.ID {
			t.Errorf("a key leads to %s (%v), %v", again.ID, reply, err)
		}
		if _, _, err := w.Ask(ctx, before, bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Session: "late"}); problemCode(err) != bridge.ProblemNotAllowed {
			t.Errorf("who had the name when it called: %v", err)
		}
	})
}

// TestASuspensionStays with the names, whoever bears them.
func TestASuspensionStays(t *testing.T) {
	reloading(t, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbNotMe)
		for _, change := range []string{"nothing", "she is somebody else", "the agent is another", "she is gone"} {
			reload(t, w, configured(narrowings[change], harmless[change]))
			reload(t, w, configured())
			if _, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}}); problemCode(err) != bridge.ProblemSuspended {
				t.Errorf("after %q: %v", change, err)
			}
		}
	})
}

// TestAConfigurationThatCameWhileTheBridgeWasDown does what it would have done
// to one that runs.
func TestAConfigurationThatCameWhileTheBridgeWasDown(t *testing.T) {
	for what, change := range narrowings {
		t.Run(what, func(t *testing.T) {
			reloading(t, func(t *testing.T, w *bridgetest.World) {
				s := arrange(t, w)
				s.identified = func() {}
				w.Stop()
				w.Directory = configured(change)
				w = w.Restart()
				bridgetest.Pass(time.Second)
				for _, r := range []bridge.Request{s.asked, s.coded, s.granted} {
					w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
				}
				if g := grantOf(t, w, w.See(s.collected.ID).Grant); g.State != bridge.GrantRevoked {
					t.Errorf("the grant is %s", g.State)
				}
			})
		})
	}
}

// dyingStore takes so many more changes, and then none.
type dyingStore struct {
	bridge.Store
	left atomic.Int64
}

func (s *dyingStore) Update(ctx context.Context, fn func(bridge.Tx) error) error {
	if s.left.Add(-1) < 0 {
		return fmt.Errorf("%w: no more", bridge.ErrStoreUnavailable)
	}
	return s.Store.Update(ctx, fn)
}

// TestAReviewThatIsCutOff goes on at the next start, wherever it was.
func TestAReviewThatIsCutOff(t *testing.T) {
	const grants = 400
	for changes := range 5 {
		t.Run(fmt.Sprint(changes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dying := &dyingStore{Store: openStore(t)}
				dying.left.Store(1 << 40)
				w := bridgetest.Start(t, configured(), dying, bridgetest.New("https://login.example.com"))
				give(t, w.Store, grants)
				waiting := w.MustAsk(bridge.Ask{})
				next := configured(rules(func(r *bridge.Rule) { r.Scopes = []string{"mail"} }))

				cut, over := context.WithCancel(ctx)
				dying.left.Store(int64(changes))
				done := make(chan error)
				go func() {
					_, err := w.Reload(cut, next, map[string]bridge.Provider{"corp": w.Corp})
					done <- err
				}()
				synctest.Wait()
				over()
				if err := <-done; (err != nil) != (changes == 0) {
					t.Errorf("reload: %v", err)
				}
				w.Stop()
				left := live(t, dying.Store)
				if changes == 4 && (left == 0 || left == grants) {
					t.Errorf("%d of %d grants are live: the review was not cut off in the middle", left, grants)
				}

				w.Store, w.Directory = dying.Store, next
				w = w.Restart()
				bridgetest.Pass(time.Minute)
				if left := live(t, w.Store); left != 0 {
					t.Errorf("%d grants are live after the next start", left)
				}
				w.Expect(waiting.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
			})
		})
	}
}

// give stores grants of alice's, each for a session of its own.
func give(t testing.TB, store bridge.Store, n int) {
	t.Helper()
	now := time.Now().UTC().Round(0)
	for batch := range slices.Chunk(slices.Collect(func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}), 500) {
		err := store.Update(ctx, func(tx bridge.Tx) error {
			for _, i := range batch {
				g := bridge.Grant{
					ID:    bridge.NewGrantID(now),
					Key:   bridge.GrantKey{Agent: "helper", Session: fmt.Sprint(i), Human: "alice", Provider: "corp", ClientID: "authbridge"},
					State: bridge.GrantLive, Human: "alice", Issuer: "https://login.example.com", Subject: "s-alice",
					Scopes: []string{"files:read"}, CreatedAt: now, ReuseUntil: now.Add(8 * time.Hour), EndsAt: now.Add(8 * time.Hour),
				}
				tx.PutGrant(g)
				tx.PutSecret(bridge.GrantSecret(g.ID), bridge.NewSecret(`{"Access":"a"}`))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func live(t testing.TB, store bridge.Store) (n int) {
	t.Helper()
	err := store.View(ctx, func(tx bridge.ReadTx) error {
		for _, err := range tx.CurrentGrants() {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAReloadThatCannotBeKept changes nothing.
func TestAReloadThatCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dying := &dyingStore{Store: openStore(t)}
		dying.left.Store(1 << 40)
		w := bridgetest.Start(t, configured(), dying, bridgetest.New("https://login.example.com"))
		r := w.MustAsk(bridge.Ask{})
		dying.left.Store(0)
		if _, err := w.Reload(ctx, configured(narrowings["she is gone"]), nil); !errors.Is(err, bridge.ErrStoreUnavailable) {
			t.Errorf("reload: %v", err)
		}
		dying.left.Store(1 << 40)
		bridgetest.Pass(10 * time.Second)
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
	})
}

// TestAFormerProviderTakesItsTokensBack, also when it is called otherwise now
// or has been gone for a while, and never gets those of another.
func TestAFormerProviderTakesItsTokensBack(t *testing.T) {
	renamed := func(d *bridge.Directory) {
		p := d.Providers["corp"]
		p.Name = "work"
		d.Providers = map[string]bridge.ProviderInfo{"work": p}
	}
	for what, step := range map[string]func(*bridge.Directory){
		"gone":    narrowings["the provider is gone"],
		"moved":   narrowings["the provider has moved"],
		"renamed": renamed,
	} {
		t.Run(what, func(t *testing.T) {
			reloading(t, func(t *testing.T, w *bridgetest.World) {
				granted(t, w, bridge.Ask{})
				w.Corp.Fail("Revoke", &bridge.Unavailable{Err: errors.New("away")}, &bridge.Unavailable{Err: errors.New("away")})
				next, other := configured(step), bridgetest.New("https://elsewhere.example.com")
				providers := map[string]bridge.Provider{"corp": other}
				if what == "renamed" {
					providers = map[string]bridge.Provider{"work": w.Corp}
				}
				for range 3 {
					if _, err := w.Reload(ctx, next, providers); err != nil {
						t.Fatal(err)
					}
				}
				bridgetest.Pass(time.Minute)
				if got := w.Corp.Revoked(); !slices.Equal(got, []string{"access-1"}) || len(other.Revoked()) > 0 {
					t.Errorf("revoked: %v, elsewhere %v", got, other.Revoked())
				}
			})
		})
	}
}
