package bridge_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

const (
	filesMCP   = "https://files.mcp.example.com/mcp"
	corpIssuer = "https://login.example.com"
	mcpIssuer  = "https://auth.mcp.example.com"
)

// lists has helper ask alice for files:* at all of files.mcp.example.com, whose
// tokens two issuers may give, of which corp is one.
func lists(d *bridge.Directory) {
	d.Resources = []bridge.Resource{{Match: "https://files.mcp.example.com/**", Issuers: []string{corpIssuer, mcpIssuer}}}
	helper := d.Agents["helper"]
	helper.May = append(helper.May, bridge.Rule{
		Resource: "https://files.mcp.example.com/**", Scopes: []string{"files:*"}, Ask: []string{"alice"}, Reuse: 8 * time.Hour,
	})
	d.Agents["helper"] = helper
}

// atResource tells a story in which files.mcp.example.com names these issuers.
func atResource(t *testing.T, change func(*bridge.Directory), said bridge.Protected, tell func(t *testing.T, w *bridgetest.World, mcp *bridgetest.Provider)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := bridgetest.Directory()
		lists(dir)
		if change != nil {
			change(dir)
		}
		resources, mcp := bridgetest.NewResources(), bridgetest.New(mcpIssuer)
		resources.Say(filesMCP, said)
		resources.Open(mcpIssuer, mcp, nil)
		tell(t, bridgetest.StartWithResources(t, dir, openStore(t), bridgetest.New(corpIssuer), resources), mcp)
	})
}

func protected(issuers ...string) bridge.Protected {
	return bridge.Protected{Resource: filesMCP, Issuers: issuers, Supported: []string{"admin", "files:read", "files:write"}}
}

func forFiles(scopes ...string) bridge.Ask { return bridge.Ask{Resource: filesMCP, Scopes: scopes} }

func TestAResourceWhoseIssuerIsAConfiguredProvider(t *testing.T) {
	atResource(t, nil, protected(corpIssuer), func(t *testing.T, w *bridgetest.World, mcp *bridgetest.Provider) {
		r, reply, err := ask(w, "helper", forFiles("files:read"))
		if err != nil || reply != bridge.Created {
			t.Fatal(reply, err)
		}
		want := bridge.Target{Provider: "corp", Issuer: corpIssuer, ClientID: "authbridge", Resource: filesMCP}
		if r.Target != want {
			t.Errorf("it is asked of %+v", r.Target)
		}
		if card, _ := w.Press("alice", r.ID, bridge.VerbShowCode); card.Title != "helper wants files.mcp.example.com" || card.Host != "login.example.com" {
			t.Errorf("the card says %q, access is granted at %q", card.Title, card.Host)
		}
		if diff := cmp.Diff([]bridge.CodeRequest{{Scopes: []string{"openid", "email", "files:read"}, Resource: filesMCP}}, w.Corp.Asked()); diff != "" {
			t.Errorf("corp was asked for\n%s", diff)
		}
		w.Corp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		token := collect(t, w, r.ID)
		if token.Resource != filesMCP || token.Issuer != corpIssuer {
			t.Errorf("the token is for %q, of %q", token.Resource, token.Issuer)
		}
		if mcp.Codes() != 0 {
			t.Error("an issuer was asked that the resource does not name")
		}
		again, reply, err := ask(w, "helper", forFiles("files:read"))
		if err != nil || reply != bridge.Served {
			t.Errorf("asked again: %v, %v, %v", again.State, reply, err)
		}
		if _, reply, err := ask(w, "helper", files("files:read")); err != nil || reply != bridge.Created {
			t.Errorf("a token for a resource answers an ask to the provider: %v, %v", reply, err)
		}
	})
}

func TestAResourceWhoseIssuerNobodyConfigured(t *testing.T) {
	atResource(t, nil, protected("https://elsewhere.example", mcpIssuer), func(t *testing.T, w *bridgetest.World, mcp *bridgetest.Provider) {
		r, _, err := ask(w, "helper", forFiles("files:read"))
		if err != nil {
			t.Fatal(err)
		}
		if want := (bridge.Target{Issuer: mcpIssuer, ClientID: "registered", Resource: filesMCP}); r.Target != want {
			t.Errorf("it is asked of %+v", r.Target)
		}
		card, _ := w.Press("alice", r.ID, bridge.VerbShowCode)
		if card.Title != "helper wants files.mcp.example.com" || card.Host != "auth.mcp.example.com" {
			t.Errorf("the card says %q, access is granted at %q", card.Title, card.Host)
		}
		if diff := cmp.Diff([]bridge.ScopeLine{{Scope: "files:read"}}, card.Scopes); diff != "" {
			t.Errorf("the card says\n%s", diff)
		}
		own := []string{"openid", "email", "offline_access"}
		if diff := cmp.Diff([]bridge.CodeRequest{{Scopes: []string{"files:read"}, Own: own, Resource: filesMCP}}, mcp.Asked()); diff != "" {
			t.Errorf("the issuer was asked for\n%s", diff)
		}
		w = w.Restart() // the code is polled by a bridge that has looked at nothing
		mcp.Approve(bridgetest.Alice)
		bridgetest.Pass(20 * time.Second)
		token := collect(t, w, r.ID)
		if token.Resource != filesMCP || token.Issuer != mcpIssuer || token.Account != "alice@example.com" {
			t.Errorf("the token is %+v", token)
		}
		bridgetest.Pass(58 * time.Minute)
		if mcp.Refreshes() != 1 {
			t.Errorf("%d refreshes", mcp.Refreshes())
		}
		if _, err := w.GiveUp(ctx, "helper", token.Grant); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(mcp.Revoked()) == 0 {
			t.Error("the tokens were not taken back")
		}
	})
}

func TestTheAccountCountsAtAnIssuerThatNobodyConfigured(t *testing.T) {
	atResource(t, nil, protected(mcpIssuer), func(t *testing.T, w *bridgetest.World, mcp *bridgetest.Provider) {
		r, _, err := ask(w, "helper", forFiles("files:read"))
		if err != nil {
			t.Fatal(err)
		}
		w.Press("alice", r.ID, bridge.VerbShowCode)
		mcp.Approve(bridgetest.Bob)
		bridgetest.Pass(10 * time.Second)
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeIdentityMismatch)
		if len(mcp.Revoked()) == 0 {
			t.Error("bob's tokens were kept")
		}
	})
}

func TestOnlyListedIssuersCount(t *testing.T) {
	atResource(t, nil, protected("https://evil.example", "https://accounts.google.example"), func(t *testing.T, w *bridgetest.World, _ *bridgetest.Provider) {
		_, _, err := ask(w, "helper", forFiles("files:read"))
		if p, ok := errors.AsType[*bridge.Problem](err); !ok || p.Code != bridge.ProblemUnknownIssuer || p.Hint == "" {
			t.Fatalf("the ask is answered by %v", err)
		}
		listed, err := w.UnlistedIssuers(ctx)
		if err != nil || len(listed) != 2 {
			t.Fatalf("the operator sees %v, %v", listed, err)
		}
		for _, u := range listed {
			if u.Resource != filesMCP || u.Agent != "helper" || u.First.IsZero() || !slices.Contains([]string{"https://evil.example", "https://accounts.google.example"}, u.Issuer) {
				t.Errorf("the operator sees %+v", u)
			}
		}
		w.Resources.Say(filesMCP, protected(mcpIssuer, "https://evil.example"))
		if _, _, err := ask(w, "helper", forFiles("files:read")); err != nil {
			t.Errorf("one of its issuers is listed: %v", err)
		}
	})
}

// An agent that names resources in a loop, or a resource that names another
// issuer each time, takes up no more than a little of the store.
func TestUnlistedIssuersAreBounded(t *testing.T) {
	atResource(t, nil, protected("https://evil.example"), func(t *testing.T, w *bridgetest.World, _ *bridgetest.Provider) {
		for range 150 {
			w.Resources.Say(filesMCP, protected("https://evil.example/"+time.Now().Format("150405")))
			if _, _, err := ask(w, "helper", forFiles("files:read")); problemCode(err) != bridge.ProblemUnknownIssuer {
				t.Fatal(err)
			}
			bridgetest.Pass(time.Second)
		}
		all, err := w.UnlistedIssuers(ctx)
		if err != nil || len(all) != 100 {
			t.Fatalf("%d are remembered, %v", len(all), err)
		}
		if !slices.IsSortedFunc(all, func(x, y bridge.UnlistedIssuer) int { return y.Last.Compare(x.Last) }) {
			t.Error("the last does not come first")
		}
	})
}

func TestThePolicyIsAskedBeforeAResource(t *testing.T) {
	bob := forFiles("files:read")
	bob.Human = "bob"
	for name, c := range map[string]struct {
		agent string
		ask   bridge.Ask
		want  bridge.ProblemCode
	}{
		"a resource of nobody's rule": {"other", forFiles("files:read"), bridge.ProblemNotAllowed},
		"a human of no rule":          {"helper", bob, bridge.ProblemNotAllowed},
		"scopes of no rule":           {"helper", forFiles("admin"), bridge.ProblemNotAllowed},
		"a resource not listed":       {"helper", bridge.Ask{Resource: "https://169.254.169.254/latest", Scopes: []string{"files:read"}}, bridge.ProblemNotAllowed},
		"a host like a listed one":    {"helper", bridge.Ask{Resource: "https://files.mcp.example.com.evil.example/mcp", Scopes: []string{"files:read"}}, bridge.ProblemNotAllowed},
		"no URL":                      {"helper", bridge.Ask{Resource: "files", Scopes: []string{"files:read"}}, bridge.ProblemInvalidRequest},
		"a user name in it":           {"helper", bridge.Ask{Resource: "https://a@files.mcp.example.com/mcp"}, bridge.ProblemInvalidRequest},
		"a provider besides":          {"helper", bridge.Ask{Provider: "corp", Resource: filesMCP}, bridge.ProblemInvalidRequest},
		"a challenge of nothing":      {"helper", bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Challenge: bridge.Challenge{Error: "invalid_token"}}, bridge.ProblemInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			atResource(t, nil, protected(corpIssuer), func(t *testing.T, w *bridgetest.World, _ *bridgetest.Provider) {
				if _, _, err := ask(w, c.agent, c.ask); problemCode(err) != c.want {
					t.Errorf("%v, want %s", err, c.want)
				}
				if looks := w.Resources.Looks(); len(looks) > 0 {
					t.Errorf("%v was called for somebody who may not ask", looks)
				}
			})
		})
	}
}

// TestARuleForProvidersIsNoneForResources: "*" stands for what is configured.
func TestARuleForProvidersIsNoneForResources(t *testing.T) {
	all := func(d *bridge.Directory) {
		helper := d.Agents["helper"]
		helper.May = []bridge.Rule{{Provider: "*", Scopes: []string{"*"}, Ask: []string{"alice"}}}
		d.Agents["helper"] = helper
	}
	atResource(t, all, protected(corpIssuer), func(t *testing.T, w *bridgetest.World, _ *bridgetest.Provider) {
		if _, _, err := ask(w, "helper", forFiles("files:read")); problemCode(err) != bridge.ProblemNotAllowed {
			t.Error(err)
		}
	})
}

func TestWhichScopesAreAskedForAResource(t *testing.T) {
	said := func(own ...string) bridge.Protected {
		p := protected(corpIssuer)
		p.Scopes = own
		return p
	}
	for name, c := range map[string]struct {
		met  bridge.Challenge
		said bridge.Protected
		want []string
	}{
		"those of the challenge that the agent met": {bridge.Challenge{Scopes: []string{"files:write", "admin"}}, said("files:list"), []string{"files:write"}},
		"those of the resource's own":               {bridge.Challenge{}, said("files:list"), []string{"files:list"}},
		"those that it knows":                       {bridge.Challenge{}, said(), []string{"files:read", "files:write"}},
		"none that the agent may ask for":           {bridge.Challenge{Scopes: []string{"admin"}}, said("files:list"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			atResource(t, nil, c.said, func(t *testing.T, w *bridgetest.World, _ *bridgetest.Provider) {
				r, _, err := ask(w, "helper", bridge.Ask{Resource: filesMCP, Challenge: c.met})
				if c.want == nil {
					if problemCode(err) != bridge.ProblemNotAllowed {
						t.Error(err)
					}
					return
				}
				if err != nil || !slices.Equal(r.Scopes, c.want) {
					t.Errorf("asked for %v, %v", r.Scopes, err)
				}
			})
		})
	}
}

func TestAnOutageOfAResourceAsksNobody(t *testing.T) {
	atResource(t, nil, protected(corpIssuer), func(t *testing.T, w *bridgetest.World, _ *bridgetest.Provider) {
		w.Resources.Fail(filesMCP, &bridge.Unavailable{RetryAfter: 7 * time.Second, Err: errors.New("no answer from files.mcp.example.com")})
		_, _, err := ask(w, "helper", forFiles("files:read"))
		p, ok := errors.AsType[*bridge.Problem](err)
		if !ok || p.Code != bridge.ProblemProviderUnavailable || p.RetryAfter != 7*time.Second {
			t.Fatalf("the ask is answered by %v", err)
		}
		w.Resources.Fail(filesMCP, &bridge.Refusal{Cause: "its metadata speaks for another resource"})
		if _, _, err := ask(w, "helper", forFiles("files:read")); problemCode(err) != bridge.ProblemUnknownIssuer || !contains(err.Error(), "another resource") {
			t.Errorf("the ask is answered by %v", err)
		}
	})
}

// TestNobodyIsAskedWhereThereCanBeNoClient: what is known at the asking is no
// matter for a human.
func TestNobodyIsAskedWhereThereCanBeNoClient(t *testing.T) {
	atResource(t, nil, protected(mcpIssuer), func(t *testing.T, w *bridgetest.World, mcp *bridgetest.Provider) {
		w.Resources.Open(mcpIssuer, mcp, &bridge.Refusal{Outcome: bridge.OutcomeDeviceGrantUnsupported, Cause: "its metadata names no device_authorization_endpoint"})
		r, _, err := ask(w, "helper", forFiles("files:read"))
		if err != nil {
			t.Fatal(err)
		}
		r = w.Expect(r.ID, bridge.Failed, bridge.OutcomeDeviceGrantUnsupported)
		if !contains(r.Outcome.Message, "device_authorization_endpoint") {
			t.Errorf("the agent is told %q", r.Outcome.Message)
		}
		w.Resources.Open(mcpIssuer, mcp, &bridge.Unavailable{Err: errors.New("no answer")})
		if _, _, err := ask(w, "helper", forFiles("files:read")); problemCode(err) != bridge.ProblemProviderUnavailable {
			t.Errorf("an outage of the issuer is answered by %v", err)
		}
	})
}

// TestCheck64AStepUpAsksForTheUnion also shows the human what is new.
func TestCheck64AStepUpAsksForTheUnion(t *testing.T) {
	atResource(t, nil, protected(mcpIssuer), func(t *testing.T, w *bridgetest.World, mcp *bridgetest.Provider) {
		grantFiles(t, w, mcp, forFiles("files:read"))
		more := bridge.Ask{Resource: filesMCP, Challenge: bridge.Challenge{Error: "insufficient_scope", Scopes: []string{"files:write"}}}
		r, reply, err := ask(w, "helper", more)
		if err != nil || reply != bridge.Created {
			t.Fatal(reply, err)
		}
		card, _ := w.Press("alice", r.ID, bridge.VerbShowCode)
		if diff := cmp.Diff([]bridge.ScopeLine{{Scope: "files:read"}, {Scope: "files:write", New: true}}, card.Scopes); diff != "" {
			t.Errorf("the card says\n%s", diff)
		}
		mcp.Approve(bridgetest.Alice)
		bridgetest.Pass(10 * time.Second)
		if token := collect(t, w, r.ID); !slices.Contains(token.Scopes, "files:read") || !slices.Contains(token.Scopes, "files:write") {
			t.Errorf("the token is for %v", token.Scopes)
		}
	})
}

func TestATokenThatTheResourceRefusesIsRefreshedOnce(t *testing.T) {
	atResource(t, nil, protected(mcpIssuer), func(t *testing.T, w *bridgetest.World, mcp *bridgetest.Provider) {
		first := grantFiles(t, w, mcp, forFiles("files:read"))
		bridgetest.Pass(10 * time.Minute)
		refused := bridge.Ask{Resource: filesMCP, Scopes: []string{"files:read"}, Challenge: bridge.Challenge{Error: "invalid_token"}}
		r, reply, err := ask(w, "helper", refused)
		if err != nil || reply != bridge.Served || mcp.Refreshes() != 1 {
			t.Fatalf("%v after %d refreshes: %v", reply, mcp.Refreshes(), err)
		}
		if second := collect(t, w, r.ID); second.Access.Reveal() == first.Access.Reveal() {
			t.Error("it is the refused token again")
		}
		bridgetest.Pass(10 * time.Second)
		if _, reply, err = ask(w, "helper", refused); err != nil || reply != bridge.Created || mcp.Refreshes() != 1 {
			t.Errorf("the fresh one is refused too: %v after %d refreshes: %v", reply, mcp.Refreshes(), err)
		}
	})
}

// TestTokensAreBoundToTheirIssuer: once a resource has another issuer, what was
// granted at the old one answers nothing.
func TestTokensAreBoundToTheirIssuer(t *testing.T) {
	atResource(t, nil, protected(mcpIssuer), func(t *testing.T, w *bridgetest.World, mcp *bridgetest.Provider) {
		token := grantFiles(t, w, mcp, forFiles("files:read"))
		w.Resources.Say(filesMCP, protected(corpIssuer))
		r, reply, err := ask(w, "helper", forFiles("files:read"))
		if err != nil || reply != bridge.Created || r.Target.Issuer != corpIssuer {
			t.Fatalf("%v at %s: %v (the old grant is %s)", reply, r.Target.Issuer, err, token.Grant)
		}
	})
}

// TestAnIssuerThatIsListedNoMore: narrowing acts at once, on what is open and
// on what was given.
func TestAnIssuerThatIsListedNoMore(t *testing.T) {
	for name, narrow := range map[string]func(*bridge.Directory){
		"the issuer":   func(d *bridge.Directory) { d.Resources[0].Issuers = []string{corpIssuer} },
		"the resource": func(d *bridge.Directory) { d.Resources = nil },
		"the rule": func(d *bridge.Directory) {
			helper := d.Agents["helper"]
			helper.May = helper.May[:1]
			d.Agents["helper"] = helper
		},
	} {
		t.Run(name, func(t *testing.T) {
			atResource(t, nil, protected(mcpIssuer), func(t *testing.T, w *bridgetest.World, mcp *bridgetest.Provider) {
				token := grantFiles(t, w, mcp, forFiles("files:read"))
				open, _, err := ask(w, "helper", forFiles("files:write"))
				if err != nil {
					t.Fatal(err)
				}
				next := bridgetest.Directory()
				lists(next)
				narrow(next)
				if _, err := w.Reload(ctx, next, map[string]bridge.Provider{"corp": w.Corp}); err != nil {
					t.Fatal(err)
				}
				w.Expect(open.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
				if !slices.Contains(mcp.Revoked(), token.Access.Reveal()) {
					t.Errorf("what was given is still good: %v", mcp.Revoked())
				}
			})
		})
	}
}

// grantFiles has alice grant what helper asks for, and returns its token.
func grantFiles(t *testing.T, w *bridgetest.World, at *bridgetest.Provider, wanted bridge.Ask) bridge.Token {
	t.Helper()
	r, _, err := ask(w, "helper", wanted)
	if err != nil {
		t.Fatal(err)
	}
	w.Press("alice", r.ID, bridge.VerbShowCode)
	at.Approve(bridgetest.Alice)
	bridgetest.Pass(10 * time.Second)
	return collect(t, w, r.ID)
}
