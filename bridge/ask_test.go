package bridge_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// ask asks as an agent and returns everything.
func ask(w *bridgetest.World, agent string, a bridge.Ask) (bridge.Request, bridge.Reply, error) {
	return w.Ask(ctx, w.Agent(agent), a)
}

func files(scopes ...string) bridge.Ask { return bridge.Ask{Provider: "corp", Scopes: scopes} }

func TestPolicyDeniesByDefault(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		unknownHuman, email, slack := files("files:read"), files("files:read"), files("files:read")
		unknownHuman.Human, email.Human, slack.Human = "mallory", "bob@example.com", "slack:U0ALICE"
		cases := map[string]struct {
			agent bridge.Agent
			ask   bridge.Ask
			want  bridge.ProblemCode
		}{
			"its own scope":             {w.Agent("helper"), files("files:read"), ""},
			"two of its scopes":         {w.Agent("helper"), files("files:read", "files:write"), ""},
			"by e-mail":                 {w.Agent("helper"), email, ""},
			"by Slack id":               {w.Agent("helper"), slack, ""},
			"another scope":             {w.Agent("helper"), files("admin"), bridge.ProblemNotAllowed},
			"one scope too many":        {w.Agent("helper"), files("files:read", "admin"), bridge.ProblemNotAllowed},
			"a scope like its own":      {w.Agent("helper"), files("xfiles:read"), bridge.ProblemNotAllowed},
			"no scope, no default":      {w.Agent("helper"), files(), bridge.ProblemNotAllowed},
			"an unknown provider":       {w.Agent("helper"), bridge.Ask{Provider: "nowhere", Scopes: []string{"files:read"}}, bridge.ProblemNotAllowed},
			"an unknown human":          {w.Agent("helper"), unknownHuman, bridge.ProblemNotAllowed},
			"no provider":               {w.Agent("helper"), bridge.Ask{Scopes: []string{"files:read"}}, bridge.ProblemInvalidRequest},
			"an agent without rules":    {bridge.Agent{Name: "bare", Owner: "alice"}, files("files:read"), bridge.ProblemNotAllowed},
			"an agent without an owner": {bridge.Agent{Name: "bare"}, files("files:read"), bridge.ProblemInvalidRequest},
			"two scopes in one":         {w.Agent("helper"), files("files:read admin"), bridge.ProblemInvalidRequest},
			"a quote in a scope":        {w.Agent("helper"), files(`files:"`), bridge.ProblemInvalidRequest},
		}
		for name, c := range cases {
			if _, _, err := w.Ask(ctx, c.agent, c.ask); problemCode(err) != c.want {
				t.Errorf("%s: %v (%q), want %q", name, err, problemCode(err), c.want)
			}
		}
	})
}

// TestARefusalSaysWhatIsMissing: who only left the scopes out is not told that
// the human is not theirs to ask.
func TestARefusalSaysWhatIsMissing(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		for provider, want := range map[string]string{
			"corp":    `agent "helper" may not ask alice at corp without saying for which scopes`,
			"nowhere": `agent "helper" may not ask alice at nowhere`,
		} {
			_, _, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: provider})
			if p, is := errors.AsType[*bridge.Problem](err); !is || p.Detail != want {
				t.Errorf("at %s: %v, want %s", provider, err, want)
			}
		}
	})
}

func TestTheFirstRuleThatAllowsTheWholeAskDecides(t *testing.T) {
	rules := func(d *bridge.Directory) {
		helper := d.Agents["helper"]
		helper.May = []bridge.Rule{
			{Provider: "corp", Scopes: []string{"files:read"}, Ask: []string{"alice"}, Reuse: time.Hour},
			{Provider: "*", Scopes: []string{"*"}, DefaultScopes: []string{"mail"}, Ask: []string{"alice"}, Reuse: 2 * time.Hour},
		}
		d.Agents["helper"] = helper
	}
	story(t, rules, func(t *testing.T, w *bridgetest.World) {
		for name, c := range map[string]struct {
			ask    bridge.Ask
			reuse  time.Duration
			scopes int
		}{
			"the first":            {files("files:read"), time.Hour, 1},
			"beyond the first":     {files("files:read", "admin"), 2 * time.Hour, 2},
			"the default scopes":   {files(), 2 * time.Hour, 1},
			"the same scope twice": {files("files:write", "files:write"), 2 * time.Hour, 1},
		} {
			c.ask.Session = name
			r, _, err := ask(w, "helper", c.ask)
			if err != nil || r.Reuse != c.reuse || len(r.Scopes) != c.scopes {
				t.Errorf("%s: reuse %v, scopes %v, %v", name, r.Reuse, r.Scopes, err)
			}
			if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTheSameAskJoinsTheOpenOne(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r, reply, err := ask(w, "helper", files("files:read", "files:write"))
		if err != nil || reply != bridge.Created {
			t.Fatalf("first: %v, %v", reply, err)
		}
		joined, reply, err := ask(w, "helper", files("files:write", "files:read"))
		if err != nil || reply != bridge.Joined || joined.ID != r.ID {
			t.Errorf("the same again: %s, %v, %v", joined.ID, reply, err)
		}
		for name, other := range map[string]bridge.Ask{
			"another session": {Provider: "corp", Scopes: []string{"files:read", "files:write"}, Session: "two"},
			"another scope":   files("files:read"),
		} {
			if o, reply, err := ask(w, "helper", other); err != nil || reply != bridge.Created || o.ID == r.ID {
				t.Errorf("%s: %v, %v", name, reply, err)
			}
		}
		theirs := files("files:read", "files:write")
		theirs.Human = "alice"
		if o, reply, err := ask(w, "other", theirs); err != nil || reply != bridge.Created || o.ID == r.ID {
			t.Errorf("another agent: %v, %v", reply, err)
		}
	})
}

func TestAHumanIsNotCrowded(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		open := func(agent, session string) error {
			_, _, err := ask(w, agent, bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Human: "alice", Session: session})
			return err
		}
		for _, session := range []string{"1", "2", "3"} {
			if err := open("helper", session); err != nil {
				t.Fatal(err)
			}
		}
		if err := open("helper", "4"); problemCode(err) != bridge.ProblemTooManyOpen {
			t.Errorf("the fourth of one agent: %v", err)
		}
		if err := open("helper", "1"); err != nil {
			t.Errorf("joining takes no room, but: %v", err)
		}
		for _, session := range []string{"1", "2"} {
			if err := open("other", session); err != nil {
				t.Fatal(err)
			}
		}
		if err := open("other", "3"); problemCode(err) != bridge.ProblemTooManyOpen {
			t.Errorf("the sixth for one human: %v", err)
		}
	})
}

func TestIdempotencyKeys(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		keyed := func(body byte) bridge.Ask {
			a := files("files:read")
			a.IdempotencyKey, a.Body = "k1", [32]byte{body}
			return a
		}
		r, _, err := ask(w, "helper", keyed(1))
		if err != nil {
			t.Fatal(err)
		}
		w.Press("alice", r.ID, bridge.VerbDeny)
		if again, reply, err := ask(w, "helper", keyed(1)); err != nil || again.ID != r.ID || reply != bridge.Joined {
			t.Errorf("the same key and body: %s %v %v", again.ID, reply, err)
		}
		if _, _, err := ask(w, "helper", keyed(2)); problemCode(err) != bridge.ProblemIdempotencyConflict {
			t.Errorf("the same key, another body: %v", err)
		}
		theirs := keyed(1)
		theirs.Human = "alice"
		if o, _, err := ask(w, "other", theirs); err != nil || o.ID == r.ID {
			t.Errorf("another agent's key leads to this agent's request: %v", err)
		}
		bridgetest.Pass(25 * time.Hour)
		if late, _, err := ask(w, "helper", keyed(2)); err != nil || late.ID == r.ID {
			t.Errorf("a day later the key is free again, but: %v", err)
		}
	})
}

func TestALiveGrantAnswersItsAgentsNextAsk(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = 2 * time.Hour
		first := granted(t, w, bridge.Ask{Scopes: []string{"files:read", "files:write"}})
		token, err := w.Collect(ctx, w.Agent("helper"), first.ID)
		if err != nil {
			t.Fatal(err)
		}
		r, reply, err := ask(w, "helper", files("files:read"))
		if err != nil || reply != bridge.Served || r.State != bridge.Granted {
			t.Fatalf("within the grant: %v, %s, %v", reply, r.State, err)
		}
		again, err := w.Collect(ctx, w.Agent("helper"), r.ID)
		if err != nil || !again.Access.Equal(token.Access) {
			t.Errorf("collected %v", err)
		}
		if in, _ := w.Inbox(ctx, "alice"); len(in.Waiting) != 0 || len(in.Given) != 1 {
			t.Errorf("alice is shown %d waiting and %d given; a served ask is put to nobody", len(in.Waiting), len(in.Given))
		}
		fresh, session, long := files("files:read"), files("files:read"), files("files:read")
		fresh.Fresh, session.Session, long.MinValidity = true, "two", 118*time.Minute
		for name, a := range map[string]bridge.Ask{
			"more scopes": files("files:delete"), "fresh": fresh, "another session": session,
		} {
			o, reply, err := ask(w, "helper", a)
			if err != nil || reply != bridge.Created {
				t.Errorf("%s: %v, %v", name, reply, err)
			}
			if _, err := w.Cancel(ctx, "helper", o.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, reply, _ := ask(w, "helper", long); reply != bridge.Served {
			t.Errorf("the wanted validity is not cut to half of the token's life: %v", reply)
		}
		if o, reply, err := ask(w, "other", bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Human: "alice"}); err != nil || reply != bridge.Created {
			t.Errorf("another agent is answered from it: %s %v %v", o.ID, reply, err)
		}
		bridgetest.Pass(2*time.Hour - 30*time.Second)
		if _, reply, err := ask(w, "helper", files("files:read")); err != nil || reply != bridge.Served || w.Corp.Refreshes() != 1 {
			t.Errorf("when the first token lives for seconds only: %v, %v, %d refreshes", reply, err, w.Corp.Refreshes())
		}
	})
}

func TestCancellingAServedRequestLeavesTheGrant(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		first := granted(t, w, bridge.Ask{})
		if _, err := w.Collect(ctx, w.Agent("helper"), first.ID); err != nil {
			t.Fatal(err)
		}
		r, _, _ := ask(w, "helper", files("files:read"))
		if _, err := w.Cancel(ctx, "helper", r.ID); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(time.Second)
		if len(w.Corp.Revoked()) != 0 {
			t.Error("the grant of another request was revoked")
		}
		if _, reply, _ := ask(w, "helper", files("files:read")); reply != bridge.Served {
			t.Errorf("the grant no longer serves: %v", reply)
		}
	})
}

// A request that nobody came for does not take back what another request of
// the same agent got from its grant.
func TestWhatSomebodyCollectedIsNotTakenBack(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		first := granted(t, w, bridge.Ask{})
		second, reply, err := ask(w, "helper", files("files:read"))
		if err != nil || reply != bridge.Served {
			t.Fatalf("the second ask: %v, %v", reply, err)
		}
		if _, err := w.Collect(ctx, w.Agent("helper"), second.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Cancel(ctx, "helper", first.ID); err != nil {
			t.Fatal(err)
		}
		bridgetest.Pass(time.Second)
		if len(w.Corp.Revoked()) != 0 {
			t.Error("a token that was collected has been revoked")
		}
		if in, _ := w.Inbox(ctx, "alice"); !contains(in.Given[0].Ending, "has access") || in.Given[0].Until.IsZero() {
			t.Errorf("alice is told %q until %v", in.Given[0].Ending, in.Given[0].Until)
		}
	})
}

// What the card said about "until" is true, and use does not extend it.
func TestAGrantEndsWhenTheCardSaidSo(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		w.Corp.TokenLifetime = 0
		r := granted(t, w, bridge.Ask{})
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Fatal(err)
		}
		if in, _ := w.Inbox(ctx, "alice"); !contains(in.Given[0].Ending, "has access") || !in.Given[0].Until.After(time.Now().Add(7*time.Hour)) {
			t.Errorf("the card says %q until %v", in.Given[0].Ending, in.Given[0].Until)
		}
		w = w.Restart()
		bridgetest.Pass(7 * time.Hour)
		if _, reply, _ := ask(w, "helper", files("files:read")); reply != bridge.Served {
			t.Fatalf("within its time: %v", reply)
		}
		bridgetest.Pass(2 * time.Hour)
		if len(w.Corp.Revoked()) != 1 {
			t.Errorf("revoked: %v", w.Corp.Revoked())
		}
		if in, _ := w.Inbox(ctx, "alice"); !contains(in.Earlier[0].Ending, "had access") || in.Earlier[0].Until.After(time.Now()) {
			t.Errorf("the card still says %q until %v", in.Earlier[0].Ending, in.Earlier[0].Until)
		}
		if _, reply, err := ask(w, "helper", files("files:read")); err != nil || reply != bridge.Created {
			t.Errorf("after its time: %v, %v", reply, err)
		}
	})
}

func TestANewGrantReplacesTheOldOne(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		granted(t, w, bridge.Ask{})
		r := granted(t, w, bridge.Ask{Scopes: []string{"files:write"}})
		bridgetest.Pass(time.Second)
		if got := w.Corp.Revoked(); len(got) != 1 || got[0] != "access-1" {
			t.Errorf("revoked: %v, want the first", got)
		}
		if token, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil || token.Access.Reveal() != "access-2" {
			t.Errorf("collect the second: %v", err)
		}
	})
}

func TestReuseZeroAsksEveryTime(t *testing.T) {
	never := func(d *bridge.Directory) {
		helper := d.Agents["helper"]
		helper.May[0].Reuse = 0
		d.Agents["helper"] = helper
	}
	story(t, never, func(t *testing.T, w *bridgetest.World) {
		r := granted(t, w, bridge.Ask{})
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
			t.Fatal(err)
		}
		if _, reply, err := ask(w, "helper", files("files:read")); err != nil || reply != bridge.Created {
			t.Errorf("the next ask: %v, %v", reply, err)
		}
	})
}

// The policy is asked again at the last moment.
func TestWhatIsNoLongerAllowedIsNotReleased(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := granted(t, w, bridge.Ask{})
		done := granted(t, w, bridge.Ask{Session: "two"})
		if _, err := w.Collect(ctx, w.Agent("helper"), done.ID); err != nil {
			t.Fatal(err)
		}
		helper := w.Directory.Agents["helper"]
		helper.May = nil
		w.Directory.Agents["helper"] = helper
		w = w.Restart()
		if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); problemCode(err) != bridge.ProblemGone {
			t.Errorf("collect: %v", err)
		}
		w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
		if _, err := w.Collect(ctx, w.Agent("helper"), done.ID); problemCode(err) != bridge.ProblemNotAllowed {
			t.Errorf("collect again within the grace: %v", err)
		}
		bridgetest.Pass(time.Second)
		if got := slices.Sorted(slices.Values(w.Corp.Revoked())); !slices.Equal(got, []string{"access-1", "access-2"}) {
			t.Errorf("revoked: %v, want what was collected too", got)
		}
	})
}

func TestAClickOnWhatIsNoLongerAllowed(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		delete(w.Directory.Agents, "helper")
		w = w.Restart()
		w.Press("alice", r.ID, bridge.VerbShowCode)
		w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
		if w.Corp.Codes() != 0 {
			t.Error("a code was made")
		}
	})
}

func TestAHumanWhomNothingReaches(t *testing.T) {
	nowhere := func(d *bridge.Directory) { d.Channels = nil }
	story(t, nowhere, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{})
		w.Expect(r.ID, bridge.Failed, bridge.OutcomeHumanUnreachable)
		var events []bridge.Kind
		err := w.Store.View(ctx, func(tx bridge.ReadTx) error {
			for e, err := range bridgetest.History(tx, r.ID) {
				if err != nil {
					return err
				}
				events = append(events, e.Event)
			}
			return nil
		})
		if err != nil || len(events) != 2 {
			t.Errorf("its history is %v, %v", events, err)
		}
	})
}

func TestTheAgentsWordsAreCleaned(t *testing.T) {
	story(t, nil, func(t *testing.T, w *bridgetest.World) {
		r := w.MustAsk(bridge.Ask{Reason: "line one\nline\u202etwo\x00", Context: []string{" a\u200bb "}})
		if r.Reason != "line one linetwo" || r.Context[0] != "ab" {
			t.Errorf("kept %q and %q", r.Reason, r.Context)
		}
	})
}
