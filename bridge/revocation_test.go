package bridge_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// stage is what everybody is shown so long after a grant has ended.
type stage struct {
	after time.Duration
	told  bridge.Revocation
	words string // on the human's card
}

// providersAnswers are how a provider can take it that tokens are to be
// revoked, and what that makes of it for everybody.
func providersAnswers() map[string]struct {
	answer  func(w *bridgetest.World) (later func(*bridgetest.World) *bridgetest.World)
	moments []stage
	line    bridge.Kind // of the audit log, in the end
	alive   bool        // the token, in the end
} {
	away := errors.New("connection refused")
	errs := func(n int, err error) func(*bridgetest.World) func(*bridgetest.World) *bridgetest.World {
		return func(w *bridgetest.World) func(*bridgetest.World) *bridgetest.World {
			for range n {
				w.Corp.Fail("Revoke", err)
			}
			return nil
		}
	}
	const told, telling, cannot = "login.example.com has been told.", "login.example.com is being told.", "login.example.com could not be made to take it back"
	type row = struct {
		answer  func(w *bridgetest.World) (later func(*bridgetest.World) *bridgetest.World)
		moments []stage
		line    bridge.Kind
		alive   bool
	}
	return map[string]row{
		"yes": {errs(0, nil), []stage{{time.Second, bridge.RevocationDone, told}}, bridge.AuditRevocationDone, false},
		"away, then yes": {
			errs(2, &bridge.Unavailable{Err: away}),
			[]stage{{time.Second, bridge.RevocationPending, telling}, {10 * time.Second, bridge.RevocationDone, told}},
			bridge.AuditRevocationDone, false,
		},
		"to come again in an hour, then yes": {
			errs(1, &bridge.Unavailable{RetryAfter: time.Hour, Err: away}),
			[]stage{{59 * time.Minute, bridge.RevocationPending, telling}, {61 * time.Minute, bridge.RevocationDone, told}},
			bridge.AuditRevocationDone, false,
		},
		"that it cannot": {errs(1, bridge.ErrCannotRevoke), []stage{{time.Second, bridge.RevocationUnsupported, cannot}}, bridge.AuditRevocationUnsupported, true},
		"no": {
			errs(100, &bridge.Refusal{Outcome: bridge.OutcomeProviderError, Cause: "invalid_client"}),
			[]stage{{23 * time.Hour, bridge.RevocationPending, telling}, {26 * time.Hour, bridge.RevocationUnsupported, cannot}},
			bridge.AuditRevocationGivenUp, true,
		},
		"no, until our client is set right there": {
			errs(3, &bridge.Refusal{Outcome: bridge.OutcomeProviderError, Cause: "invalid_client"}),
			[]stage{{2 * time.Hour, bridge.RevocationPending, telling}, {4 * time.Hour, bridge.RevocationDone, told}},
			bridge.AuditRevocationDone, false,
		},
		"with a web page, for ever": {
			errs(500, &bridge.Unavailable{Err: errors.New("the answer is a web page")}),
			[]stage{{6 * 24 * time.Hour, bridge.RevocationPending, telling}, {8 * 24 * time.Hour, bridge.RevocationUnsupported, cannot}},
			bridge.AuditRevocationGivenUp, true,
		},
		"nothing for minutes": {
			func(w *bridgetest.World) func(*bridgetest.World) *bridgetest.World {
				release := w.Corp.HoldRevoke()
				return func(w *bridgetest.World) *bridgetest.World { release(); return w }
			},
			[]stage{{5 * time.Minute, bridge.RevocationPending, telling}, {15 * time.Minute, bridge.RevocationDone, told}},
			bridge.AuditRevocationDone, false,
		},
		"nothing before the bridge ends": {
			func(w *bridgetest.World) func(*bridgetest.World) *bridgetest.World {
				release := w.Corp.HoldRevoke()
				return func(w *bridgetest.World) *bridgetest.World { w.Stop(); release(); return w.Restart() }
			},
			[]stage{{10 * time.Second, bridge.RevocationPending, telling}, {2 * time.Minute, bridge.RevocationDone, told}},
			bridge.AuditRevocationDone, false,
		},
	}
}

// endsOfAGrant are all ways in which one ends, with who it is that ends it and
// the beginning of what its human is told.
func endsOfAGrant() map[string]struct {
	end   func(t *testing.T, w *bridgetest.World, r bridge.Request)
	by    bridge.ActorKind
	state bridge.GrantState
	words string
} {
	type row = struct {
		end   func(t *testing.T, w *bridgetest.World, r bridge.Request)
		by    bridge.ActorKind
		state bridge.GrantState
		words string
	}
	return map[string]row{
		"the human": {func(_ *testing.T, w *bridgetest.World, r bridge.Request) { w.Press("alice", r.ID, bridge.VerbRevoke) }, bridge.ByHuman, bridge.GrantRevoked, "You took back what helper had."},
		"the agent": {func(t *testing.T, w *bridgetest.World, r bridge.Request) {
			t.Helper()
			if _, err := w.GiveUp(ctx, "helper", r.Grant); err != nil {
				t.Fatal(err)
			}
		}, bridge.ByAgent, bridge.GrantRevoked, "helper gave up what it had."},
		"the operator": {func(t *testing.T, w *bridgetest.World, r bridge.Request) {
			t.Helper()
			if _, err := w.TakeGrant(ctx, operator, r.Grant); err != nil {
				t.Fatal(err)
			}
		}, bridge.ByOperator, bridge.GrantRevoked, "The operator took back what helper had."},
		"the clock": {func(t *testing.T, w *bridgetest.World, r bridge.Request) {
			t.Helper()
			bridgetest.Pass(time.Until(grantOf(t, w, r.Grant).EndsAt))
		}, bridge.ByClock, bridge.GrantEnded, "helper had access, which is over."},
	}
}

// Whoever ends a grant, and whatever its provider says: nothing is handed out
// any more from that moment on, and everybody is told the truth of how far the
// provider knows, across a restart, too.
func TestHowAGrantEnds(t *testing.T) {
	for who, ending := range endsOfAGrant() {
		for what, provider := range providersAnswers() {
			t.Run(who+" ends it, the provider says "+what, func(t *testing.T) {
				story(t, nil, func(t *testing.T, w *bridgetest.World) {
					w.Corp.TokenLifetime = 12 * time.Hour
					r := gave(t, w, bridge.Ask{})
					later := provider.answer(w)
					ending.end(t, w, r)
					ended := time.Now()
					wantNothing(t, w, r)
					for i, m := range provider.moments {
						bridgetest.Pass(time.Until(ended.Add(m.after)))
						wantEverybodyTold(t, w, r, ending.state, m, ending.words)
						if later != nil && i == 0 {
							w = later(w)
						}
					}
					g := grantOf(t, w, r.Grant)
					if g.EndedBy != ending.by || sealed(t, w, bridge.GrantSecret(g.ID)) || sealed(t, w, bridge.RevocationSecret(string(g.ID))) {
						t.Errorf("in the end the grant is %+v", g)
					}
					if n := owed(t, w); n != 0 {
						t.Errorf("%d sets of tokens are still to be revoked", n)
					}
					if wider := slices.Contains(w.Corp.Wider(), true); wider && ending.by != bridge.ByHuman && ending.by != bridge.ByOperator {
						t.Error("the provider was free to end more than these tokens, which neither a human nor the operator wanted")
					} else if !wider && !provider.alive && (ending.by == bridge.ByHuman || ending.by == bridge.ByOperator) {
						t.Error("the provider was held to these tokens, though a human or the operator wanted them gone")
					}
					if alive := len(w.Corp.Revoked()) == 0; alive != provider.alive {
						t.Errorf("the provider's token is alive: %v", alive)
					}
					lines := events(t, w.Store, bridge.AuditGrantOver, provider.line)
					if len(lines) != 2 || lines[0].By != ending.by || lines[1].Grant != g.ID || lines[1].Outcome != string(g.Revocation) {
						t.Errorf("the operator reads %+v", lines)
					}
				})
			})
		}
	}
}

// wantEverybodyTold looks at what the agent and the human see of a grant that
// is over.
func wantEverybodyTold(t *testing.T, w *bridgetest.World, r bridge.Request, state bridge.GrantState, m stage, words string) {
	t.Helper()
	held, _, err := w.Grants(ctx, "helper", "", 1)
	if err != nil || len(held) != 1 || held[0].State != state || held[0].Revocation != m.told {
		t.Errorf("after %v the agent sees %+v, %v", m.after, held, err)
	}
	in, err := w.Inbox(ctx, "alice")
	if err != nil || len(in.Given) != 0 {
		t.Fatalf("after %v alice has given %+v, %v", m.after, in.Given, err)
	}
	for _, c := range in.Earlier {
		if c.Request != r.ID {
			continue
		}
		if m.told == bridge.RevocationDone && state == bridge.GrantEnded { // no news: it was to end
			m.words = ""
		}
		if !contains(c.Ending, words) || !contains(c.Ending, m.words) || len(c.Buttons) != 0 {
			t.Errorf("after %v alice reads %q and %v", m.after, c.Ending, c.Buttons)
		}
		return
	}
	t.Errorf("after %v alice sees no card of it", m.after)
}

// Where a provider cannot revoke, the card says until when the token lives,
// if the provider has said so.
func TestWhatLivesOnIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		lifetime time.Duration
		words    string
	}{
		"until it lapses":        {12 * time.Hour, "lives until it lapses"},
		"nobody says until when": {0, "lives on, nobody says how long"},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				w.Corp.TokenLifetime, w.Corp.NoRefresh = c.lifetime, true
				r := gave(t, w, bridge.Ask{})
				expires := grantOf(t, w, r.Grant).AccessExpiresAt
				w.Corp.Fail("Revoke", bridge.ErrCannotRevoke)
				w.Press("alice", r.ID, bridge.VerbRevoke)
				bridgetest.Pass(time.Second)
				in, _ := w.Inbox(ctx, "alice")
				card := in.Earlier[0]
				if !contains(card.Ending, c.words) || c.lifetime > 0 && !card.Until.Equal(expires) {
					t.Errorf("the card says %q until %v; the token lapses %v", card.Ending, card.Until, expires)
				}
			})
		})
	}
}
