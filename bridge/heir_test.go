package bridge_test

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// unreviewed runs a test in a world that has taken over a configuration, and
// has not come to what that forbids: this is when arranged has come back.
func unreviewed(t *testing.T, before, after *bridge.Directory, arranged func(t *testing.T, w *bridgetest.World), tell func(t *testing.T, w *bridgetest.World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		gated := &gatedStore{Store: openStore(t), gate: make(chan struct{})}
		w := bridgetest.Start(t, before, gated, bridgetest.New("https://login.example.com"))
		arranged(t, w)
		gated.shut.Store(true)
		over := make(chan struct{})
		go func() { defer close(over); reload(t, w, after) }()
		synctest.Wait()
		w.Directory = after
		tell(t, w)
		gated.shut.Store(false)
		close(gated.gate)
		<-over
	})
}

// TestWhoTakesANameJoinsNothing of what was asked by, or of, the one before,
// and need not wait until it has ended.
func TestWhoTakesANameJoinsNothing(t *testing.T) {
	for _, what := range []string{"the agent is another", "she is somebody else"} {
		t.Run(what, func(t *testing.T) {
			one := func(d *bridge.Directory) { d.Limits.MaxOpenPerHuman = 1 }
			var first bridge.Request
			unreviewed(t, configured(one), configured(one, narrowings[what]), func(_ *testing.T, w *bridgetest.World) {
				first = w.MustAsk(bridge.Ask{Reason: "between the two of us"})
			}, func(t *testing.T, w *bridgetest.World) {
				r, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}})
				if err != nil || reply != bridge.Created || r.ID == first.ID {
					t.Errorf("the ask is met with %s (%v, %q), %v", r.ID, reply, r.Reason, err)
				}
			})
		})
	}
}

// TestWhatAGrantHoldsNowIsAskedAbout: it may hold more by now than its request
// was granted, or less may be known of its account than is wanted.
func TestWhatAGrantHoldsNowIsAskedAbout(t *testing.T) {
	for what, c := range map[string]struct {
		before, after func(*bridge.Directory)
		arranged      func(t *testing.T, w *bridgetest.World) bridge.Request
		want          bridge.ProblemCode
	}{
		"a refresh brought more": {nil, rules(func(r *bridge.Rule) { r.Scopes = []string{"files:read"} }), func(t *testing.T, w *bridgetest.World) bridge.Request {
			w.Corp.Change(func(p *bridgetest.Provider) { p.TokenLifetime = 40 * time.Second })
			r := granted(t, w, bridge.Ask{})
			if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
				t.Fatal(err)
			}
			w.Corp.Change(func(p *bridgetest.Provider) { p.Scopes = []string{"files:read", "files:write"} })
			bridgetest.Pass(40 * time.Second)
			return r
		}, bridge.ProblemNotAllowed},
		"nobody knows the account": {trusting(bridge.TrustNone), nil, func(t *testing.T, w *bridgetest.World) bridge.Request {
			w.Corp.Fail("Identify", bridge.ErrNoIdentity)
			return granted(t, w, bridge.Ask{})
		}, bridge.ProblemGone},
	} {
		t.Run(what, func(t *testing.T) {
			var r bridge.Request
			unreviewed(t, configured(c.before), configured(c.after), func(t *testing.T, w *bridgetest.World) {
				r = c.arranged(t, w)
			}, func(t *testing.T, w *bridgetest.World) {
				if token, err := w.Collect(ctx, w.Agent("helper"), r.ID); problemCode(err) != c.want {
					t.Errorf("it is handed out for %v: %v", token.Scopes, err)
				}
			})
		})
	}
}

// TestWhoTakesANamePressesNothing on what was put to the one before, and is
// shown none of it.
func TestWhoTakesANamePressesNothing(t *testing.T) {
	reloading(t, func(t *testing.T, w *bridgetest.World) {
		s := arrange(t, w)
		reload(t, w, configured(narrowings["she is somebody else"]))
		for _, verb := range []bridge.Verb{
			bridge.VerbShowCode, bridge.VerbDeny, bridge.VerbNotMe, bridge.VerbFinished, bridge.VerbAllowAgain,
			bridge.VerbMine, bridge.VerbNotMine, bridge.VerbRevoke,
		} {
			for _, r := range []bridge.Request{s.asked, s.collected} {
				c, _, err := w.Click(ctx, bridge.Clicker{Human: "alice", Channel: "web"}, r.ID, verb)
				if !errors.Is(err, bridge.ErrNotFound) {
					t.Errorf("she presses %s, and sees %q: %v", verb, c.Title+" "+c.Ending, err)
				}
			}
		}
		if _, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}}); err != nil {
			t.Errorf("the agent asks her: %v", err)
		}
		s.identified()
	})
}

// TestWhoTakesANameWhileTheBridgeIsDown is shown nothing of what was given
// before, though nobody has come to end it yet.
func TestWhoTakesANameWhileTheBridgeIsDown(t *testing.T) {
	reloading(t, func(t *testing.T, w *bridgetest.World) {
		r := granted(t, w, bridge.Ask{})
		w.Stop()
		next := bridge.New(bridge.Options{
			Directory: configured(narrowings["she is somebody else"]), Store: w.Store,
			Providers: map[string]bridge.Provider{"corp": w.Corp}, Log: slog.New(slog.DiscardHandler),
		})
		if err := next.TakeUp(ctx); err != nil {
			t.Fatal(err)
		}
		if in, err := next.Inbox(ctx, "alice"); err != nil || len(in.Given)+len(in.Earlier)+len(in.Waiting) > 0 {
			t.Errorf("she is shown %+v, %v", in, err)
		}
		if _, _, err := next.Click(ctx, bridge.Clicker{Human: "alice", Channel: "web"}, r.ID, bridge.VerbRevoke); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("she takes back what was not hers: %v", err)
		}
	})
}

// TestAPressOnAClaimThatIsNobodysAnyMore: the claim is over then, and not the
// request of the others.
func TestAPressOnAClaimThatIsNobodysAnyMore(t *testing.T) {
	var r bridge.Request
	unreviewed(t, configured(), configured(members("bob")), func(t *testing.T, w *bridgetest.World) {
		r = w.MustAsk(bridge.Ask{Team: "ops"})
		w.Corp.Fail("Begin", errors.New("bad gateway")) // so that a claim is left, and no code
		w.Press("alice", r.ID, bridge.VerbClaim)
	}, func(t *testing.T, w *bridgetest.World) {
		if r = written(t, w, r.ID); r.ClaimedBy != "alice" {
			t.Fatalf("it is claimed by %q", r.ClaimedBy)
		}
		go w.Click(ctx, bridge.Clicker{Human: "bob", Channel: "web"}, r.ID, bridge.VerbClaim) //nolint:errcheck // what becomes of the request is looked at
		synctest.Wait()
		if r = written(t, w, r.ID); r.State != bridge.Asked || r.ClaimedBy != "" {
			t.Errorf("it is %s, claimed by %q", r.State, r.ClaimedBy)
		}
	})
}

// written reads a request as who decides about it does.
func written(t *testing.T, w *bridgetest.World, id bridge.RequestID) (r bridge.Request) {
	t.Helper()
	err := w.Store.Update(ctx, func(tx bridge.Tx) (err error) {
		r, err = tx.Request(id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestWhatTheOneBeforeGaveIsNotRefreshed, however long the reload takes.
func TestWhatTheOneBeforeGaveIsNotRefreshed(t *testing.T) {
	for _, what := range []string{"the agent is another", "she is somebody else"} {
		t.Run(what, func(t *testing.T) {
			unreviewed(t, configured(), configured(narrowings[what]), func(t *testing.T, w *bridgetest.World) {
				w.Corp.TokenLifetime = time.Hour
				fetched(t, w, bridge.Ask{})
			}, func(t *testing.T, w *bridgetest.World) {
				bridgetest.Pass(58 * time.Minute)
				if n := w.Corp.Refreshes(); n != 0 {
					t.Errorf("%d refreshes", n)
				}
			})
		})
	}
}
