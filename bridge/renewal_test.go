package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// bare is a token endpoint that says nothing: whether it used the refresh
// token nobody knows.
var errBare = errors.New("connection reset")

// lose lets the provider forget a grant that was used, and time go by until
// the bridge has found that out.
func lose(t *testing.T, w *bridgetest.World, id bridge.GrantID) {
	t.Helper()
	w.Corp.Forget()
	bridgetest.Pass(time.Until(grantOf(t, w, id).AccessExpiresAt))
	if g := grantOf(t, w, id); g.State != bridge.GrantNeedsReauth {
		t.Fatalf("the grant that the provider has forgotten is %s", g.State)
	}
}

// waitingCards are those on a human's page.
func waitingCards(t *testing.T, w *bridgetest.World, human string) []bridge.Card {
	t.Helper()
	in, err := w.Inbox(ctx, human)
	if err != nil {
		t.Fatal(err)
	}
	return in.Waiting
}

func TestALostGrantIsRenewedWithOneButton(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		cursor, err := w.Changes(ctx, "helper", "")
		if err != nil {
			t.Fatal(err)
		}
		first, token := fetched(t, w, bridge.Ask{})
		before := w.See(first.ID)
		lose(t, w, token.Grant)

		cards := waitingCards(t, w, "alice")
		if len(cards) != 1 || cards[0].Title != "helper's access to corp has run out; renew it?" || cards[0].Phrase != "" || len(cards[0].Says) != 0 {
			t.Fatalf("alice is shown %+v", cards)
		}
		var labels []string
		for _, b := range cards[0].Buttons {
			labels = append(labels, b.Label)
		}
		if !slices.Equal(labels, []string{"I did not ask for this", "Deny", "Show code"}) {
			t.Errorf("the buttons are %v", labels)
		}
		if now := w.See(first.ID); now.Card == before.Card || now.Version != before.Version {
			t.Errorf("the card that led to it went from %d to %d, its request from %d to %d", before.Card, now.Card, before.Version, now.Version)
		}
		news, err := w.Changes(ctx, "helper", cursor.Next)
		if err != nil || !slices.ContainsFunc(news.All, func(c bridge.Change) bool {
			return c.Grant != nil && c.Grant.ID == token.Grant && c.Grant.State == bridge.GrantNeedsReauth
		}) {
			t.Errorf("the agent is not told: %+v, %v", news, err)
		}

		w.Press("alice", cards[0].Request, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		renewal := w.Expect(cards[0].Request, bridge.Collected, "")
		old, now := grantOf(t, w, token.Grant), grantOf(t, w, renewal.Grant)
		if old.State != bridge.GrantEnded || now.State != bridge.GrantLive || now.Key != old.Key || now.Human != "alice" {
			t.Errorf("the old grant is %s, the new one %+v", old.State, now)
		}
		if _, err := w.Collect(ctx, w.Agent("helper"), renewal.ID); problemCode(err) != bridge.ProblemGone {
			t.Errorf("collect what nobody asked for: %v", err)
		}
		if r := w.MustAsk(bridge.Ask{}); r.State != bridge.Granted || r.Grant != renewal.Grant {
			t.Errorf("the next ask is %s", r.State)
		}
	})
}

// A renewal is the bridge's own: no ask joins it, and none is refused because
// of it.
func TestARenewalJoinsNothing(t *testing.T) {
	tight := func(d *bridge.Directory) { d.Limits.MaxOpenPerHuman, d.Limits.MaxOpenPerAgentAndHuman = 2, 1 }
	story(t, tight, func(t *testing.T, w *bridgetest.World) {
		_, one := fetched(t, w, bridge.Ask{})
		_, two := fetched(t, w, bridge.Ask{Session: "two"})
		lose(t, w, two.Grant)
		if g := grantOf(t, w, one.Grant); g.State != bridge.GrantNeedsReauth {
			t.Fatalf("the first grant is %s", g.State)
		}
		cards := waitingCards(t, w, "alice")
		if len(cards) != 2 {
			t.Fatalf("%d renewals for two grants", len(cards))
		}
		r, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}})
		if err != nil || reply != bridge.Created || r.Renews != "" {
			t.Fatalf("the agent's ask: %v, %v", reply, err)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		mine, others := grantOf(t, w, one.Grant).Renewal, grantOf(t, w, two.Grant).Renewal
		w.Expect(mine, bridge.Cancelled, bridge.OutcomeCancelled)
		w.Expect(others, bridge.Asked, "")
	})
}

// A press on a renewal that comes to its end meanwhile gives nothing away, and
// leaves nothing behind.
func TestARenewalIsWithdrawnWithItsGrant(t *testing.T) {
	for _, state := range []bridge.State{bridge.Asked, bridge.Coded, bridge.Held} {
		t.Run(string(state), func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				_, token := fetched(t, w, bridge.Ask{})
				lose(t, w, token.Grant)
				renewal := grantOf(t, w, token.Grant).Renewal
				if state == bridge.Held {
					defer w.Corp.HoldIdentify()()
				}
				bridgetest.Pass(time.Until(grantOf(t, w, token.Grant).EndsAt) - time.Minute)
				if state != bridge.Asked {
					w.Press("alice", renewal, bridge.VerbShowCode)
				}
				if state == bridge.Held {
					w.Corp.Approve(bridgetest.Alice)
				}
				bridgetest.Pass(30 * time.Second)
				w.Expect(renewal, state, "")
				bridgetest.Pass(31 * time.Second)
				if got := w.See(renewal); got.State != bridge.Cancelled && got.State != bridge.Expired {
					t.Errorf("the renewal of a grant that is over is %s", got.State)
				}
				if sealed(t, w, bridge.CodeSecret(renewal)) || sealed(t, w, bridge.HeldSecret(renewal)) || sealed(t, w, bridge.GrantSecret(token.Grant)) {
					t.Error("a secret is left")
				}
				bridgetest.Pass(time.Minute)
				for _, i := range w.Corp.Issues() {
					if i.Access != "access-1" && !i.Revoked {
						t.Errorf("%s was not revoked", i.Access)
					}
				}
			})
		})
	}
}

// Who refuses to renew is not asked again by the bridge, and the agent asks
// as before.
func TestADeniedRenewalIsTheEndOfIt(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		_, token := fetched(t, w, bridge.Ask{})
		lose(t, w, token.Grant)
		renewal := grantOf(t, w, token.Grant).Renewal
		w.Press("alice", renewal, bridge.VerbDeny)
		w.Expect(renewal, bridge.Denied, bridge.OutcomeDenied)
		bridgetest.Pass(3 * time.Hour)
		if cards := waitingCards(t, w, "alice"); len(cards) != 0 {
			t.Errorf("alice is asked again: %+v", cards)
		}
		if g := grantOf(t, w, token.Grant); g.State != bridge.GrantNeedsReauth {
			t.Errorf("the grant is %s", g.State)
		}
		w = w.Restart()
		bridgetest.Pass(time.Until(grantOf(t, w, token.Grant).EndsAt) + time.Second)
		if g := grantOf(t, w, token.Grant); g.State != bridge.GrantEnded {
			t.Errorf("after its time the grant is %s", g.State)
		}
	})
}

// Some grants are not worth a human's while, or are not theirs to renew.
func TestNobodyIsAskedToRenewInVain(t *testing.T) {
	withDigits := func(d *bridge.Directory) { d.Agents["helper"].May[0].Digits = true }
	for name, tc := range map[string]struct {
		rules  func(*bridge.Directory)
		before func(t *testing.T, w *bridgetest.World)
		unused bool
	}{
		"never handed out": {unused: true},
		"suspended": {before: func(t *testing.T, w *bridgetest.World) {
			w.Press("alice", w.MustAsk(bridge.Ask{Session: "other"}).ID, bridge.VerbNotMe)
		}},
		"digits": {rules: withDigits},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, tc.rules, func(t *testing.T, w *bridgetest.World) {
				r := w.MustAsk(bridge.Ask{})
				typed := bridge.Clicker{Human: "alice", Channel: "web", Typed: r.CheckPhrase[strings.LastIndexByte(r.CheckPhrase, ' ')+1:]}
				if _, _, err := w.Click(ctx, typed, r.ID, bridge.VerbShowCode); err != nil {
					t.Fatal(err)
				}
				bridgetest.Pass(time.Second)
				w.Corp.Approve(bridgetest.Alice)
				bridgetest.Pass(10 * time.Second)
				r = w.Expect(r.ID, bridge.Granted, "")
				if !tc.unused {
					collect(t, w, r.ID)
				}
				if tc.before != nil {
					tc.before(t, w)
				}
				w.Corp.Forget()
				bridgetest.Pass(80 * time.Minute)
				if g := grantOf(t, w, r.Grant); g.State == bridge.GrantLive || g.Renewal != "" {
					t.Errorf("the grant is %s, its renewal %q", g.State, g.Renewal)
				}
				if cards := waitingCards(t, w, "alice"); len(cards) != 0 {
					t.Errorf("alice is asked: %+v", cards)
				}
			})
		})
	}
}

// A provider that loses all grants at once does not bury a human in cards: the
// agent asks for the rest when it needs it.
func TestNobodyIsBuriedInRenewals(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		grants := many(t, w, 12)
		w.Corp.Forget()
		bridgetest.Pass(80 * time.Minute)
		renewals := 0
		for _, id := range grants {
			g := grantOf(t, w, id)
			if g.State != bridge.GrantNeedsReauth {
				t.Errorf("a grant is %s", g.State)
			}
			if g.Renewal != "" {
				renewals++
			}
		}
		most := bridgetest.Directory().Limits.MaxOpenPerHuman
		if cards := waitingCards(t, w, "alice"); len(cards) != most || renewals != most {
			t.Errorf("alice has %d cards of %d renewals, want %d", len(cards), renewals, most)
		}
		if r := w.MustAsk(bridge.Ask{Session: "session 11"}); r.State != bridge.Asked {
			t.Errorf("the agent's own ask is %s", r.State)
		}
	})
}

// A refresh whose end nobody knows is tried once more with the same token, and
// only then is the human troubled.
func TestAnUnknownOutcomeIsTriedOnceMore(t *testing.T) {
	lost := fmt.Errorf("%w: invalid_grant", bridge.ErrGrantLost)
	busy := &bridge.Unavailable{Err: errors.New("bad gateway")}
	for name, tc := range map[string]struct {
		faults []error
		calls  int
		end    bridge.GrantState
		within time.Duration
	}{
		"it was not used":       {[]error{errBare}, 2, bridge.GrantLive, 5 * time.Second},
		"it was used":           {[]error{errBare, lost}, 2, bridge.GrantNeedsReauth, 5 * time.Second},
		"unknown again":         {[]error{errBare, errBare}, 2, bridge.GrantNeedsReauth, 5 * time.Second},
		"then an outage":        {[]error{errBare, busy, busy}, 4, bridge.GrantLive, 10 * time.Second},
		"an outage and unknown": {[]error{errBare, busy, errBare}, 3, bridge.GrantNeedsReauth, 10 * time.Second},
		"outages":               {[]error{busy, busy, busy}, 4, bridge.GrantLive, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(t *testing.T, w *bridgetest.World) {
				_, token := fetched(t, w, bridge.Ask{})
				w.Corp.Fail("Refresh", tc.faults...)
				for w.Corp.Refreshes() == 0 {
					bridgetest.Pass(time.Second)
				}
				bridgetest.Pass(tc.within)
				g := grantOf(t, w, token.Grant)
				if g.State != tc.end || w.Corp.Refreshes() != tc.calls {
					t.Errorf("the grant is %s after %d calls, want %s after %d", g.State, w.Corp.Refreshes(), tc.end, tc.calls)
				}
				if g.State == bridge.GrantLive && g.Refreshing != 0 {
					t.Errorf("%d refreshes are said to be of unknown end", g.Refreshing)
				}
			})
		})
	}
}
