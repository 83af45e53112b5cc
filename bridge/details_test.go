package bridge_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

const (
	twelve  = `[ {"type": "payment", "amount": "12 EUR"} ]`
	twelve1 = `[{"amount":"12 EUR","type":"payment"}]` // in its one form
	ninety  = `[{"type":"payment","amount":"90 EUR"}]`
)

// paying lets helper ask with authorization details of the type payment.
func paying(d *bridge.Directory) { detailTypes(d, "payment") }

func detailTypes(d *bridge.Directory, types ...string) {
	helper := d.Agents["helper"]
	helper.May = slices.Clone(helper.May)
	helper.May[0].Details = types
	d.Agents["helper"] = helper
}

func pay(details string) bridge.Ask {
	return bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Details: []byte(details)}
}

func TestDetailsArePolicy(t *testing.T) {
	for name, c := range map[string]struct {
		listed []string
		ask    string
		want   bridge.ProblemCode
	}{
		"of a listed type":      {[]string{"account", "payment"}, twelve, ""},
		"none where some may":   {[]string{"payment"}, "", ""},
		"none listed":           {nil, twelve, bridge.ProblemNotAllowed},
		"another type":          {[]string{"account"}, twelve, bridge.ProblemNotAllowed},
		"one of two":            {[]string{"account"}, `[{"type":"account"},{"type":"payment"}]`, bridge.ProblemNotAllowed},
		"the beginning of one":  {[]string{"payment_initiation"}, twelve, bridge.ProblemNotAllowed},
		"in other letters":      {[]string{"payment"}, `[{"type":"Payment"}]`, bridge.ProblemNotAllowed},
		"no details":            {[]string{"payment"}, `{"type":"payment"}`, bridge.ProblemInvalidRequest},
		"of no type":            {[]string{"payment"}, `[{"amount":"12 EUR"}]`, bridge.ProblemInvalidRequest},
		"with a type in hiding": {[]string{"payment"}, `[{"type":"payment","TYPE":"account"}]`, bridge.ProblemInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(d *bridge.Directory) { detailTypes(d, c.listed...) }, func(t *testing.T, w *bridgetest.World) {
				if _, _, err := ask(w, "helper", pay(c.ask)); problemCode(err) != c.want {
					t.Errorf("answered %v", err)
				}
				if c.want != "" && w.Corp.Codes() != 0 {
					t.Error("the provider was asked")
				}
			})
		})
	}
}

// What is asked with details is asked of the provider as it is shown, and the
// agent is told what came of it.
func TestDetailsAreCarriedAndShown(t *testing.T) {
	story(t, paying, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(pay(twelve))
		card, _ := w.Press("alice", r.ID, bridge.VerbShowCode)
		if want := []string{"type: payment; amount: 12 EUR"}; !slices.Equal(card.Details, want) {
			t.Errorf("the card says %q", card.Details)
		}
		if asked := w.Corp.Asked(); len(asked) != 1 || asked[0].Details != twelve1 {
			t.Errorf("corp was asked for %+v", asked)
		}
		w = w.Restart()
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(time.Minute)
		if token := collect(t, w, r.ID); token.Details != twelve1 {
			t.Errorf("the token is for %q", token.Details)
		}
		if g := grantOf(t, w, w.See(r.ID).Grant); g.Details != twelve1 || g.Key.Details != twelve1 {
			t.Errorf("the grant is for %q", g.Details)
		}
	})
}

func TestTwoAsksJoinIfTheirDetailsAreTheSame(t *testing.T) {
	story(t, paying, func(t *testing.T, w *bridgetest.World) {
		first := w.MustAsk(pay(twelve))
		if same, reply, err := ask(w, "helper", pay(twelve1)); err != nil || reply != bridge.Joined || same.ID != first.ID {
			t.Errorf("the same, written otherwise: %v, %v", reply, err)
		}
		if _, reply, err := ask(w, "helper", pay(ninety)); err != nil || reply != bridge.Created {
			t.Errorf("another amount: %v, %v", reply, err)
		}
		if _, reply, err := ask(w, "helper", pay("")); err != nil || reply != bridge.Created {
			t.Errorf("without: %v, %v", reply, err)
		}
	})
}

// A grant answers an ask for the very same details, and no other: what was
// given for one payment is no leave to make another, nor one without bounds.
func TestAGrantAnswersItsOwnDetailsAlone(t *testing.T) {
	story(t, paying, func(t *testing.T, w *bridgetest.World) {
		first := granted(t, w, pay(twelve))
		if _, reply, err := ask(w, "helper", pay(ninety)); err != nil || reply != bridge.Created {
			t.Errorf("another amount: %v, %v", reply, err)
		}
		plain, reply, err := ask(w, "helper", pay(""))
		if err != nil || reply != bridge.Created {
			t.Errorf("without: %v, %v", reply, err)
		}
		served, reply, err := ask(w, "helper", pay(twelve1))
		if err != nil || reply != bridge.Served || served.GrantedDetails != twelve1 {
			t.Errorf("the same: %v, %v", reply, err)
		}
		w.Press("alice", plain.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(plain.ID, bridge.Granted, "")
		if g := grantOf(t, w, w.See(first.ID).Grant); g.State != bridge.GrantLive {
			t.Errorf("the grant of the payment is %s by one without details", g.State)
		}
		if _, reply, _ := ask(w, "helper", pay("")); reply != bridge.Served {
			t.Errorf("the other grant: %v", reply)
		}
	})
}

func TestGoingBeyondAGrantKeepsItsDetails(t *testing.T) {
	story(t, paying, func(t *testing.T, w *bridgetest.World) {
		first := granted(t, w, pay(twelve))
		more := pay(twelve)
		more.Scopes = []string{"files:write"}
		r, reply, err := ask(w, "helper", more)
		if err != nil || reply != bridge.Created || !slices.Equal(r.Scopes, []string{"files:read", "files:write"}) || r.Details != twelve1 {
			t.Fatalf("%v, %v: %q with %q", reply, err, r.Scopes, r.Details)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Granted, "")
		if g := grantOf(t, w, w.See(first.ID).Grant); g.State != bridge.GrantEnded {
			t.Errorf("the grant before is %s", g.State)
		}
	})
}

func TestANoIsAboutTheseDetails(t *testing.T) {
	story(t, paying, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(pay(twelve))
		w.Press("alice", r.ID, bridge.VerbDeny)
		if _, _, err := ask(w, "helper", pay(twelve1)); problemCode(err) != bridge.ProblemQuiet {
			t.Errorf("the same again: %v", err)
		}
		if _, reply, err := ask(w, "helper", pay("")); err != nil || reply != bridge.Created {
			t.Errorf("without: %v, %v", reply, err)
		}
	})
}

// Whatever the provider makes of it, the agent gets nothing of a type that its
// rule does not list.
func TestDetailsThatTheProviderGrants(t *testing.T) {
	for name, c := range map[string]struct {
		granted bridge.Details
		listed  []string
		state   bridge.State
		outcome bridge.OutcomeCode
	}{
		"narrowed":                       {`[{"amount":"5 EUR","type":"payment"}]`, []string{"payment"}, bridge.Granted, ""},
		"none of them":                   {"", []string{"payment"}, bridge.Granted, ""},
		"another type that it may":       {`[{"type":"account"}]`, []string{"account", "payment"}, bridge.Granted, ""},
		"another type":                   {`[{"type":"account"}]`, []string{"payment"}, bridge.Failed, bridge.OutcomeScopeExceeded},
		"one more":                       {`[{"type":"payment"},{"type":"account"}]`, []string{"payment"}, bridge.Failed, bridge.OutcomeScopeExceeded},
		"something that nobody can read": {bridge.UnreadableDetails, []string{"payment"}, bridge.Failed, bridge.OutcomeScopeExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(d *bridge.Directory) { detailTypes(d, c.listed...) }, func(t *testing.T, w *bridgetest.World) {
				w.Corp.Change(func(p *bridgetest.Provider) { p.Details = &c.granted })
				r := w.MustAsk(pay(twelve))
				w.Press("alice", r.ID, bridge.VerbShowCode)
				w.Corp.Approve(bridgetest.Alice)
				bridgetest.Pass(10 * time.Second)
				r = w.Expect(r.ID, c.state, c.outcome)
				if c.state == bridge.Failed {
					if len(w.Corp.Revoked()) != 1 {
						t.Errorf("revoked: %v", w.Corp.Revoked())
					}
					return
				}
				if token := collect(t, w, r.ID); token.Details != c.granted {
					t.Errorf("the token is for %q", token.Details)
				}
				if _, reply, err := ask(w, "helper", pay(twelve)); err != nil || reply != bridge.Served {
					t.Errorf("the same ask again: %v, %v", reply, err)
				}
			})
		})
	}
}

// Nobody asked for details, and the provider gives some.
func TestDetailsThatNobodyAskedFor(t *testing.T) {
	for _, widens := range []string{"", "everything app Example Bridge may do"} {
		change := func(d *bridge.Directory) {
			corp := d.Providers["corp"]
			corp.Widens = widens
			d.Providers["corp"] = corp
		}
		story(t, change, func(t *testing.T, w *bridgetest.World) {
			more := bridge.Details(`[{"type":"payment"}]`)
			w.Corp.Change(func(p *bridgetest.Provider) { p.Details = &more })
			r := w.MustAsk(pay(""))
			w.Press("alice", r.ID, bridge.VerbShowCode)
			w.Corp.Approve(bridgetest.Alice)
			bridgetest.Pass(10 * time.Second)
			if widens == "" {
				w.Expect(r.ID, bridge.Failed, bridge.OutcomeScopeExceeded)
				return
			}
			w.Expect(r.ID, bridge.Granted, "")
			if in, _ := w.Inbox(ctx, "alice"); len(in.Given) != 1 || !slices.Equal(in.Given[0].Details, []string{"type: payment"}) {
				t.Errorf("alice is shown %+v", in.Given)
			}
		})
	}
}

// A type that is taken off the list ends what is open and what was given.
func TestNarrowingEndsDetails(t *testing.T) {
	for _, at := range []bridge.State{bridge.Asked, bridge.Coded, bridge.Granted, bridge.Collected} {
		t.Run(string(at), func(t *testing.T) {
			story(t, paying, func(t *testing.T, w *bridgetest.World) {
				r := w.MustAsk(pay(twelve))
				if at != bridge.Asked {
					w.Press("alice", r.ID, bridge.VerbShowCode)
				}
				if at == bridge.Granted || at == bridge.Collected {
					w.Corp.Approve(bridgetest.Alice)
					bridgetest.Pass(10 * time.Second)
				}
				if at == bridge.Collected {
					collect(t, w, r.ID)
				}
				narrow := bridgetest.Directory()
				detailTypes(narrow, "account")
				reload(t, w, narrow)
				if at == bridge.Collected {
					if g := grantOf(t, w, w.See(r.ID).Grant); g.State != bridge.GrantRevoked {
						t.Errorf("the grant is %s", g.State)
					}
				} else {
					w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
				}
				if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err == nil {
					t.Error("the token was handed out")
				}
			})
		})
	}
}

// A refresh that says nothing of details leaves them; one that brings others
// than the agent may have ends the grant.
func TestDetailsOfARefresh(t *testing.T) {
	story(t, paying, func(t *testing.T, w *bridgetest.World) {
		r := granted(t, w, pay(twelve))
		collect(t, w, r.ID)
		bridgetest.Pass(55 * time.Minute)
		if g := grantOf(t, w, w.See(r.ID).Grant); w.Corp.Refreshes() == 0 || g.State != bridge.GrantLive || g.Details != twelve1 {
			t.Fatalf("after %d refreshes the grant is %s for %q", w.Corp.Refreshes(), g.State, g.Details)
		}
		again, _, err := ask(w, "helper", pay(twelve))
		if err != nil {
			t.Fatal(err)
		}
		collect(t, w, again.ID)
		more := bridge.Details(`[{"type":"account"}]`)
		w.Corp.Change(func(p *bridgetest.Provider) { p.Details = &more })
		bridgetest.Pass(time.Hour)
		if g := grantOf(t, w, w.See(r.ID).Grant); g.State != bridge.GrantRevoked {
			t.Errorf("the grant is %s for %q", g.State, g.Details)
		}
	})
}

// The renewal of a grant asks for what the grant was asked for.
func TestARenewalKeepsDetails(t *testing.T) {
	story(t, paying, func(t *testing.T, w *bridgetest.World) {
		r := granted(t, w, pay(twelve))
		collect(t, w, r.ID)
		w.Corp.Forget()
		bridgetest.Pass(55 * time.Minute)
		in, err := w.Inbox(ctx, "alice")
		if err != nil || len(in.Waiting) != 1 || !slices.Equal(in.Waiting[0].Details, []string{"type: payment; amount: 12 EUR"}) {
			t.Fatalf("alice is shown %+v, %v", in.Waiting, err)
		}
		w.Press("alice", in.Waiting[0].Request, bridge.VerbShowCode)
		if asked := w.Corp.Asked(); asked[len(asked)-1].Details != twelve1 {
			t.Errorf("corp was asked for %+v", asked[len(asked)-1])
		}
	})
}

// At a resource nothing is looked up for who may not ask with these details.
func TestDetailsAtAResource(t *testing.T) {
	listing := func(d *bridge.Directory) {
		helper := d.Agents["helper"]
		helper.May[len(helper.May)-1].Details = []string{"payment"}
		d.Agents["helper"] = helper
	}
	atResource(t, listing, protected(mcpIssuer), func(t *testing.T, w *bridgetest.World, mcp *bridgetest.Provider) {
		a := forFiles("files:read")
		a.Details = []byte(`[{"type":"account"}]`)
		_, _, err := ask(w, "helper", a)
		if problemCode(err) != bridge.ProblemNotAllowed || !strings.Contains(err.Error(), "account") || len(w.Resources.Looks()) != 0 {
			t.Errorf("%v; looked at %v", err, w.Resources.Looks())
		}
		a.Details = []byte(twelve)
		r, reply, err := ask(w, "helper", a)
		if err != nil || reply != bridge.Created {
			t.Fatal(reply, err)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		if asked := mcp.Asked(); len(asked) != 1 || asked[0].Details != twelve1 {
			t.Errorf("the issuer was asked for %+v", asked)
		}
	})
}
