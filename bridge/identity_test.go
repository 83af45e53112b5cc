package bridge_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// hub is an account that tells no address, as at a provider that hosts code.
var hub = bridge.Account{Subject: "583231", Name: "Octo Cat"}

// trusting is a rule change: what is done about an account that nothing is
// known of.
func trusting(trust bridge.Trust) func(*bridge.Directory) {
	return func(d *bridge.Directory) {
		p := d.Providers["corp"]
		p.Trust = trust
		d.Providers["corp"] = p
	}
}

// signedIn takes a request of helper to where the provider has told who granted.
func signedIn(t *testing.T, w *bridgetest.World, ask bridge.Ask, who bridge.Account) bridge.Request {
	t.Helper()
	r := w.MustAsk(ask)
	w.Press(r.Human, r.ID, bridge.VerbShowCode)
	w.Corp.Approve(who)
	bridgetest.Pass(10 * time.Second)
	return w.See(r.ID)
}

// asked takes a request to where alice is asked whether the account is hers.
func asked(t *testing.T, w *bridgetest.World, ask bridge.Ask, who bridge.Account) bridge.Request {
	t.Helper()
	r := signedIn(t, w, ask, who)
	if !r.Confirming() {
		t.Fatalf("nobody is asked: %s, %+v", r.State, r.Outcome)
	}
	return r
}

func pinOf(t *testing.T, w *bridgetest.World, human string) (subject string) {
	t.Helper()
	err := w.Store.View(ctx, func(tx bridge.ReadTx) (err error) {
		subject, err = tx.Pin(human, "https://login.example.com")
		return err
	})
	if err != nil && !errors.Is(err, bridge.ErrNotFound) {
		t.Fatal(err)
	}
	return subject
}

func cardFor(t *testing.T, w *bridgetest.World, human string, id bridge.RequestID) bridge.Card {
	t.Helper()
	in, err := w.Inbox(ctx, human)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Concat(in.Waiting, in.Given, in.Earlier) {
		if c.Request == id {
			return c
		}
	}
	t.Fatalf("%s sees no card of %s", human, id)
	return bridge.Card{}
}

func TestMineTiesTheAccountAndGives(t *testing.T) {
	story(t, trusting(bridge.TrustFirstUse), func(t *testing.T, w *bridgetest.World) {
		r := asked(t, w, bridge.Ask{}, hub)
		if c := cardFor(t, w, "alice", r.ID); c.Question != "Signed in as Octo Cat (583231) at login.example.com: mine / not mine?" {
			t.Errorf("alice is asked %q", c.Question)
		}
		if pinOf(t, w, "alice") != "" {
			t.Error("the account is hers before she said so")
		}
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); problemCode(err) != bridge.ProblemNotReady {
			t.Errorf("collect while she is asked: %v", err)
		}
		w = w.Restart()
		w.Press("alice", r.ID, bridge.VerbMine)
		w.Expect(r.ID, bridge.Granted, "")
		if got := pinOf(t, w, "alice"); got != hub.Subject {
			t.Errorf("alice is tied to %q", got)
		}
		token, err := w.Collect(ctx, w.Agent("helper"), r.ID)
		if err != nil || token.Access.Reveal() != "access-1" || token.Account != "Octo Cat (583231)" {
			t.Errorf("collected %+v, %v", token, err)
		}
		if _, remark := w.Press("alice", r.ID, bridge.VerbMine); remark == "" {
			t.Error("the second press got no answer")
		}
		again := signedIn(t, w, bridge.Ask{Session: "two"}, bridge.Account{Subject: hub.Subject, Name: "Renamed"})
		if again.State != bridge.Granted {
			t.Errorf("the known account, renamed: %s", again.State)
		}
	})
}

// What she is asked about is what she gives: nobody looks at it again meanwhile.
func TestTheQuestionStays(t *testing.T) {
	story(t, trusting(bridge.TrustFirstUse), func(t *testing.T, w *bridgetest.World) {
		r := asked(t, w, bridge.Ask{}, hub)
		w.Corp.Fail("Identify", bridge.ErrNoIdentity)
		w = w.Restart()
		bridgetest.Pass(time.Minute)
		if got := w.See(r.ID); !got.Confirming() || got.Signed != r.Signed || !got.DueBy.Equal(r.DueBy) {
			t.Errorf("after a restart she is asked about %+v until %v", got.Signed, got.DueBy)
		}
	})
}

func TestNotMineThrowsItAway(t *testing.T) {
	story(t, trusting(bridge.TrustFirstUse), func(t *testing.T, w *bridgetest.World) {
		r := asked(t, w, bridge.Ask{}, hub)
		w.Press("alice", r.ID, bridge.VerbNotMine)
		r = w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
		if contains(r.Outcome.Message, "Octo") || len(w.Corp.Revoked()) != 1 || pinOf(t, w, "alice") != "" {
			t.Errorf("the agent is told %q, revoked %v, pinned %q", r.Outcome.Message, w.Corp.Revoked(), pinOf(t, w, "alice"))
		}
		if _, remark := w.Press("alice", r.ID, bridge.VerbMine); !contains(remark, "over") {
			t.Errorf("Mine after Not mine was answered %q", remark)
		}
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
	})
}

func TestNobodySaysWhoseItIs(t *testing.T) {
	story(t, trusting(bridge.TrustFirstUse), func(t *testing.T, w *bridgetest.World) {
		r := asked(t, w, bridge.Ask{}, hub)
		bridgetest.Pass(9 * time.Minute)
		w.Expect(r.ID, bridge.Held, "")
		bridgetest.Pass(time.Minute)
		w.Expect(r.ID, bridge.Expired, bridge.OutcomeExpired)
		if len(w.Corp.Revoked()) != 1 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
	})
}

// The ten minutes were over while the bridge was down: the first press finds
// that out, even before the clock does.
func TestMineComesTooLate(t *testing.T) {
	story(t, trusting(bridge.TrustFirstUse), func(t *testing.T, w *bridgetest.World) {
		r := asked(t, w, bridge.Ask{}, hub)
		w.Stop()
		bridgetest.Pass(20 * time.Minute)
		w = w.Restart()
		w.Press("alice", r.ID, bridge.VerbMine)
		w.Expect(r.ID, bridge.Expired, bridge.OutcomeExpired)
		if pinOf(t, w, "alice") != "" {
			t.Error("the account is hers all the same")
		}
	})
}

func TestOnlyWhoIsAskedSaysWhoseItIs(t *testing.T) {
	story(t, trusting(bridge.TrustFirstUse), func(t *testing.T, w *bridgetest.World) {
		r := asked(t, w, bridge.Ask{}, hub)
		for _, verb := range []bridge.Verb{bridge.VerbMine, bridge.VerbNotMine} {
			if _, _, err := w.Click(ctx, bridge.Clicker{Human: "bob"}, r.ID, verb); !errors.Is(err, bridge.ErrNotFound) {
				t.Errorf("bob presses %s: %v", verb, err)
			}
		}
		if got := w.See(r.ID); !got.Confirming() || got.Signed != r.Signed {
			t.Errorf("after bob's presses: %s, %+v", got.State, got.Signed)
		}
	})
}

// Mine is not a way to give what no question was asked about.
func TestMineBeforeAnybodyIsAsked(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		fault := errors.New("bad gateway")
		w.Corp.Fail("Identify", fault, fault, fault)
		r := w.MustAsk(bridge.Ask{})
		w.Press("alice", r.ID, bridge.VerbMine)
		w.Expect(r.ID, bridge.Asked, "")
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Press("alice", r.ID, bridge.VerbMine)
		w.Expect(r.ID, bridge.Coded, "")
		w.Corp.Approve(bridgetest.Bob)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Held, "")
		if _, remark := w.Press("alice", r.ID, bridge.VerbMine); remark == "" {
			t.Error("a press too early got no answer")
		}
		bridgetest.Pass(time.Minute)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
	})
}

// While alice thinks, the account becomes bob's: two sign in with it at once.
func TestAnAccountThatBecomesSomebodyElsesMeanwhile(t *testing.T) {
	story(t, trusting(bridge.TrustFirstUse), func(t *testing.T, w *bridgetest.World) {
		r := asked(t, w, bridge.Ask{}, hub)
		s := asked(t, w, bridge.Ask{Human: "bob"}, hub)
		w.Press("bob", s.ID, bridge.VerbMine)
		w.Expect(s.ID, bridge.Granted, "")
		w.Press("alice", r.ID, bridge.VerbMine)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
		if pinOf(t, w, "bob") != hub.Subject || pinOf(t, w, "alice") != "" {
			t.Error("the account changed hands")
		}
	})
}

// The rules of now decide when she presses, not those of when she was asked.
func TestMineUnderOtherRules(t *testing.T) {
	for name, change := range map[string]struct {
		do   func(*bridge.Directory)
		want bridge.OutcomeCode
	}{
		"no first use any more": {trusting(bridge.TrustConfigured), bridge.OutcomePolicyChanged},
		"another account is configured": {func(d *bridge.Directory) {
			alice := d.Humans["alice"]
			alice.Accounts = map[string]string{"corp": "sub:s-work"}
			d.Humans["alice"] = alice
		}, bridge.OutcomeIdentityMismatch},
		"the agent may not ask": {func(d *bridge.Directory) { d.Agents["helper"] = bridge.Agent{Name: "helper", Owner: "alice"} }, bridge.OutcomePolicyChanged},
		"fewer scopes": {func(d *bridge.Directory) {
			a := d.Agents["helper"]
			a.May = []bridge.Rule{{Provider: "corp", Scopes: []string{"mail"}, Ask: []string{"alice"}}}
			d.Agents["helper"] = a
		}, bridge.OutcomePolicyChanged},
		"the provider is another": {func(d *bridge.Directory) {
			p := d.Providers["corp"]
			p.Issuer = "https://elsewhere.example.com"
			d.Providers["corp"] = p
		}, bridge.OutcomePolicyChanged},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, trusting(bridge.TrustFirstUse), func(t *testing.T, w *bridgetest.World) {
				r := asked(t, w, bridge.Ask{}, hub)
				w.Stop()
				change.do(w.Directory)
				w = w.Restart()
				w.Press("alice", r.ID, bridge.VerbMine)
				r = w.See(r.ID)
				if r.Outcome == nil || r.Outcome.Code != change.want || pinOf(t, w, "alice") != "" {
					t.Errorf("%s, %+v; want %s", r.State, r.Outcome, change.want)
				}
			})
		})
	}
}

// More than the agent may have is thrown away before anybody is asked.
func TestNobodyIsAskedAboutTooMuch(t *testing.T) {
	story(t, trusting(bridge.TrustFirstUse), func(t *testing.T, w *bridgetest.World) {
		w.Corp.Scopes = []string{"files:read", "admin"}
		r := signedIn(t, w, bridge.Ask{}, hub)
		if r.Outcome == nil || r.Outcome.Code != bridge.OutcomeScopeExceeded || pinOf(t, w, "alice") != "" {
			t.Errorf("%s, %+v", r.State, r.Outcome)
		}
	})
}

func TestAProviderThatNeedNotTell(t *testing.T) {
	story(t, trusting(bridge.TrustNone), func(t *testing.T, w *bridgetest.World) {
		w.Corp.Fail("Identify", bridge.ErrNoIdentity)
		r := w.MustAsk(bridge.Ask{})
		if c := cardFor(t, w, "alice", r.ID); !contains(c.Whose, "may not tell the bridge whose account") {
			t.Errorf("before her yes the card says %q", c.Whose)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(hub)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		if c := cardFor(t, w, "alice", r.ID); !contains(c.Ending, "does not tell whose account") {
			t.Errorf("after her yes the card says %q", c.Ending)
		}
		token, err := w.Collect(ctx, w.Agent("helper"), r.ID)
		if err != nil || token.Account != "" {
			t.Errorf("collected %+v, %v", token, err)
		}
		if gone, err := w.Unlink(ctx, "alice", "", bridge.Actor{}); err != nil || len(gone.Pins)+len(gone.Ties) != 0 {
			t.Errorf("she is tied to %v, %v", gone, err)
		}
	})
}

// Unlinking forgets whose account is whose and takes nothing back; what is
// granted next is checked anew, and the account is free for somebody else.
func TestUnlink(t *testing.T) {
	operator := bridge.Actor{Kind: bridge.ByOperator, Name: "uid 0"}
	story(t, trusting(bridge.TrustFirstUse), func(t *testing.T, w *bridgetest.World) {
		r := asked(t, w, bridge.Ask{}, hub)
		w.Press("alice", r.ID, bridge.VerbMine)
		if gone, err := w.Unlink(ctx, "alice", "https://elsewhere.example.com", operator); err != nil || len(gone.Pins)+len(gone.Ties) != 0 {
			t.Errorf("at another issuer: %v, %v", gone, err)
		}
		if gone, err := w.Unlink(ctx, "bob", "", operator); err != nil || len(gone.Pins)+len(gone.Ties) != 0 || pinOf(t, w, "alice") == "" {
			t.Errorf("bob's: %v, %v", gone, err)
		}
		if _, err := w.Unlink(ctx, "nobody", "", operator); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("nobody's: %v", err)
		}
		gone, err := w.Unlink(ctx, "alice", "https://login.example.com", operator)
		if want := (bridge.Pin{Human: "alice", Issuer: "https://login.example.com", Subject: hub.Subject}); err != nil || len(gone.Pins) != 1 || gone.Pins[0] != want {
			t.Fatalf("alice's: %v, %v", gone, err)
		}
		if got := lastAudited(t, w); got.Event != bridge.AuditUnpinned || got.Human != "alice" || got.By != bridge.ByOperator || got.Actor != "uid 0" || got.Detail != "at https://login.example.com" {
			t.Errorf("the audit log ends with %+v", got)
		}
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil || len(w.Corp.Revoked()) != 0 {
			t.Errorf("what she has given is gone: %v", err)
		}
		s := asked(t, w, bridge.Ask{Human: "bob"}, hub)
		w.Press("bob", s.ID, bridge.VerbMine)
		w.Expect(s.ID, bridge.Granted, "")
		if again := signedIn(t, w, bridge.Ask{Session: "two"}, hub); again.Outcome == nil || again.Outcome.Code != bridge.OutcomeIdentityMismatch {
			t.Errorf("what is bob's now, given by alice: %s", again.State)
		}
	})
}

// Whoever is taken out of the configuration is tied to nothing any more: there
// is nothing left to forget.
func TestUnlinkWhoIsGone(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		signedIn(t, w, bridge.Ask{}, bridgetest.Alice)
		w.Stop()
		delete(w.Directory.Humans, "alice")
		w = w.Restart()
		if err := w.Store.View(ctx, func(tx bridge.ReadTx) error {
			for pin, err := range tx.Pins("alice") {
				t.Errorf("still tied to %s, %v", pin.Issuer, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Unlink(ctx, "alice", "", bridge.Actor{Kind: bridge.ByOperator}); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("forgotten by hand: %v", err)
		}
	})
}

func lastAudited(t *testing.T, w *bridgetest.World) (last bridge.AuditLine) {
	t.Helper()
	err := w.Store.View(ctx, func(tx bridge.ReadTx) error {
		for line, err := range tx.AuditLines(0) {
			if err != nil {
				return err
			}
			var entry bridge.AuditEntry
			if err := json.Unmarshal(line.JSON, &entry); err != nil {
				return err
			}
			last = entry.AuditLine
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// TestAnAddressIsNoAccount: an address may pass to somebody else, and what has
// no subject could not be told from it then.
func TestAnAddressIsNoAccount(t *testing.T) {
	for _, trust := range []bridge.Trust{bridge.TrustConfigured, bridge.TrustFirstUse, bridge.TrustNone} {
		t.Run(string(trust), func(t *testing.T) {
			story(t, trusting(trust), func(t *testing.T, w *bridgetest.World) {
				r := signedIn(t, w, bridge.Ask{}, bridge.Account{Email: "alice@example.com", EmailVerified: true})
				w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
			})
		})
	}
}
