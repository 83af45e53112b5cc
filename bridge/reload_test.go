package bridge_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// configured is the world's configuration with room for many requests, and
// what a test changes.
func configured(changes ...func(*bridge.Directory)) *bridge.Directory {
	dir := bridgetest.Directory()
	dir.Limits.MaxOpenPerHuman, dir.Limits.MaxOpenPerAgentAndHuman = 10_000, 10_000
	dir.Teams = map[string]bridge.Team{"ops": {Name: "ops", Members: []string{"alice", "bob"}}}
	helper := dir.Agents["helper"]
	helper.May = append(slices.Clone(helper.May), bridge.Rule{Provider: "corp", Scopes: []string{"files:*"}, Ask: []string{"ops"}, Reuse: 4 * time.Hour})
	dir.Agents["helper"] = helper
	for _, change := range changes {
		if change != nil {
			change(dir)
		}
	}
	return dir
}

func rules(change func(*bridge.Rule)) func(*bridge.Directory) {
	return func(d *bridge.Directory) {
		helper := d.Agents["helper"]
		helper.May = slices.Clone(helper.May)
		for i := range helper.May {
			change(&helper.May[i])
		}
		d.Agents["helper"] = helper
	}
}

func alice(change func(*bridge.Human)) func(*bridge.Directory) {
	return func(d *bridge.Directory) {
		h := d.Humans["alice"]
		change(&h)
		d.Humans["alice"] = h
	}
}

func corpInfo(change func(*bridge.ProviderInfo)) func(*bridge.Directory) {
	return func(d *bridge.Directory) {
		p := d.Providers["corp"]
		change(&p)
		d.Providers["corp"] = p
	}
}

// inEveryState is what a new configuration meets: one request in each state
// that is not over, and a grant that was collected.
type inEveryState struct {
	asked, coded, held, granted, collected bridge.Request
	identified                             func() // lets the account of the held one be known
}

func (s inEveryState) open() map[string]bridge.Request {
	return map[string]bridge.Request{"asked": s.asked, "coded": s.coded, "held": s.held, "granted": s.granted}
}

func arrange(t *testing.T, w *bridgetest.World) (s inEveryState) {
	t.Helper()
	s.collected = granted(t, w, bridge.Ask{Session: "collected"})
	if _, err := w.Collect(ctx, w.Agent("helper"), s.collected.ID); err != nil {
		t.Fatal(err)
	}
	s.granted = granted(t, w, bridge.Ask{Session: "granted"})
	s.identified = w.Corp.HoldIdentify()
	s.held = w.MustAsk(bridge.Ask{Session: "held"})
	w.Press("alice", s.held.ID, bridge.VerbShowCode)
	w.Corp.Approve(bridgetest.Alice)
	bridgetest.Pass(10 * time.Second)
	w.Expect(s.held.ID, bridge.Held, "")
	s.coded = w.MustAsk(bridge.Ask{Session: "coded"})
	w.Press("alice", s.coded.ID, bridge.VerbShowCode)
	w.Expect(s.coded.ID, bridge.Coded, "")
	s.asked = w.MustAsk(bridge.Ask{Session: "asked"})
	return s
}

// reloading runs a test in a world that is configured so.
func reloading(t *testing.T, tell func(t *testing.T, w *bridgetest.World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tell(t, bridgetest.Start(t, configured(), openStore(t), bridgetest.New("https://login.example.com")))
	})
}

// reload gives the world another configuration, and waits for what it does.
func reload(t *testing.T, w *bridgetest.World, dir *bridge.Directory) bridge.Reviewed {
	t.Helper()
	providers := map[string]bridge.Provider{}
	for name := range dir.Providers {
		providers[name] = w.Corp
	}
	ended, err := w.Reload(ctx, dir, providers)
	if err != nil {
		t.Fatalf("reload: %v", err)
	}
	w.Directory = dir
	return ended
}

// narrowings are new configurations under which nothing of what helper had of
// alice may go on.
var narrowings = map[string]func(*bridge.Directory){
	"the agent is gone":           func(d *bridge.Directory) { delete(d.Agents, "helper") },
	"the agent may nothing":       rules(func(r *bridge.Rule) { r.Scopes = []string{"mail"} }),
	"a scope is gone":             rules(func(r *bridge.Rule) { r.Scopes = []string{"files:write"} }),
	"she may not be asked":        rules(func(r *bridge.Rule) { r.Ask = []string{"bob"} }),
	"she is gone":                 func(d *bridge.Directory) { delete(d.Humans, "alice") },
	"the provider is gone":        func(d *bridge.Directory) { delete(d.Providers, "corp") },
	"the provider has moved":      corpInfo(func(p *bridge.ProviderInfo) { p.Issuer = "https://elsewhere.example.com" }),
	"our client is another":       corpInfo(func(p *bridge.ProviderInfo) { p.ClientID = "other" }),
	"the provider is not allowed": rules(func(r *bridge.Rule) { r.Provider = "other" }),
	"the agent is another": func(d *bridge.Directory) {
		helper := d.Agents["helper"]
		helper.UID = new(uint32(4711))
		d.Agents["helper"] = helper
	},
	"she is somebody else":     alice(func(h *bridge.Human) { h.Email = "alice@elsewhere.example" }),
	"her e-mail is gone":       alice(func(h *bridge.Human) { h.Email = "" }),
	"her Slack is another's":   alice(func(h *bridge.Human) { h.Slack = "U0OTHER" }),
	"her account is another's": alice(func(h *bridge.Human) { h.Accounts = map[string]string{"corp": "sub:s-other"} }),
}

// harmless are new configurations that leave everything as it is.
var harmless = map[string]func(*bridge.Directory){
	"nothing":              nil,
	"more scopes":          rules(func(r *bridge.Rule) { r.Scopes = append([]string{"mail"}, r.Scopes...) }),
	"longer reuse":         rules(func(r *bridge.Rule) { r.Reuse *= 2 }),
	"capitals":             alice(func(h *bridge.Human) { h.Email = "Alice@Example.com" }),
	"her Discord is known": alice(func(h *bridge.Human) { h.Discord = "80351110224678912" }),
	"an account elsewhere": alice(func(h *bridge.Human) { h.Accounts = map[string]string{"https://elsewhere.example.com": "sub:1"} }),
	"the account she has":  alice(func(h *bridge.Human) { h.Accounts = map[string]string{"corp": "sub:s-alice"} }),
	"somebody more":        func(d *bridge.Directory) { d.Humans["carol"] = bridge.Human{Name: "carol"} },
	"another is gone":      func(d *bridge.Directory) { delete(d.Agents, "other") },
	"less time to ask":     func(d *bridge.Directory) { d.Limits.TTL = time.Minute },
	"a smaller crowd":      func(d *bridge.Directory) { d.Limits.MaxOpenPerHuman = 1 },
	"other words": func(d *bridge.Directory) {
		helper := d.Agents["helper"]
		helper.Where = "elsewhere"
		d.Agents["helper"] = helper
	},
}

func TestWhatANewConfigurationForbidsEndsAtOnce(t *testing.T) {
	for what, change := range narrowings {
		t.Run(what, func(t *testing.T) {
			reloading(t, func(t *testing.T, w *bridgetest.World) {
				s := arrange(t, w)
				ended := reload(t, w, configured(change))
				if ended.Requests != 4 || ended.Grants != 1 {
					t.Errorf("it ended %+v, want 4 requests, and the grant that was collected", ended)
				}
				for _, r := range s.open() {
					w.Expect(r.ID, bridge.Cancelled, bridge.OutcomePolicyChanged)
				}
				if g := grantOf(t, w, w.See(s.collected.ID).Grant); g.State != bridge.GrantRevoked {
					t.Errorf("the grant is %s", g.State)
				}
				s.identified()
				bridgetest.Pass(time.Second)
				if got := slices.Sorted(slices.Values(w.Corp.Revoked())); !slices.Equal(got, []string{"access-1", "access-2", "access-3"}) {
					t.Errorf("revoked at the provider: %v, want all three tokens", got)
				}
				polls := w.Corp.Polls()
				bridgetest.Pass(time.Minute)
				if w.Corp.Polls() != polls {
					t.Error("a burnt code is polled")
				}
			})
		})
	}
}

func TestAConfigurationThatForbidsNothingEndsNothing(t *testing.T) {
	for what, change := range harmless {
		t.Run(what, func(t *testing.T) {
			reloading(t, func(t *testing.T, w *bridgetest.World) {
				s := arrange(t, w)
				if ended := reload(t, w, configured(change)); ended != (bridge.Reviewed{}) {
					t.Errorf("it ended %+v", ended)
				}
				w.Corp.Approve(bridgetest.Alice) // the code that was out
				s.identified()
				bridgetest.Pass(10 * time.Second)
				w.Expect(s.asked.ID, bridge.Asked, "")
				for _, r := range []bridge.Request{s.coded, s.held, s.granted} {
					w.Expect(r.ID, bridge.Granted, "")
					if _, err := w.Collect(ctx, w.Agent("helper"), r.ID); err != nil {
						t.Errorf("collect: %v", err)
					}
				}
				if _, reply, err := w.Ask(ctx, w.Agent("helper"), bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Session: "collected"}); reply != bridge.Served || err != nil {
					t.Errorf("the grant answers no more: %v, %v", reply, err)
				}
				if revoked := w.Corp.Revoked(); len(revoked) > 0 {
					t.Errorf("revoked: %v", revoked)
				}
			})
		})
	}
}

// gatedStore holds up whoever wants to read, but not who decides.
type gatedStore struct {
	bridge.Store
	gate chan struct{}
	shut atomic.Bool
}

func (s *gatedStore) View(ctx context.Context, fn func(bridge.ReadTx) error) error {
	if s.shut.Load() {
		<-s.gate
	}
	return s.Store.View(ctx, fn)
}

// TestNothingIsUsedBeforeItIsEnded: between the moment when a configuration
// is taken over and that when what it forbids has ended, nothing of that can
// be used.
func TestNothingIsUsedBeforeItIsEnded(t *testing.T) {
	for what, change := range narrowings {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gated := &gatedStore{Store: openStore(t), gate: make(chan struct{})}
				w := bridgetest.Start(t, configured(), gated, bridgetest.New("https://login.example.com"))
				s := arrange(t, w)
				codes, helper, next := w.Corp.Codes(), w.Agent("helper"), configured(change)

				gated.shut.Store(true)
				over := make(chan struct{})
				go func() { defer close(over); reload(t, w, next) }()
				synctest.Wait()

				for when, agent := range map[string]bridge.Agent{"of before": helper, "of now": next.Agents["helper"]} {
					if _, err := w.Collect(ctx, agent, s.granted.ID); err == nil {
						t.Errorf("the agent %s collects what was granted", when)
					}
					if token, err := w.Collect(ctx, agent, s.collected.ID); err == nil || !token.Access.IsZero() {
						t.Errorf("the agent %s collects again", when)
					}
					_, reply, err := w.Ask(ctx, agent, bridge.Ask{Provider: "corp", Scopes: []string{"files:read"}, Session: "collected"})
					if err == nil && reply == bridge.Served {
						t.Errorf("the grant answers the agent %s", when)
					}
				}
				s.identified()
				w.Corp.Approve(bridgetest.Alice)
				gated.shut.Store(false)
				close(gated.gate)
				<-over
				bridgetest.Pass(10 * time.Second)
				for _, r := range s.open() {
					if got := w.See(r.ID); got.State != bridge.Cancelled {
						t.Errorf("a request ended as %s", got.State)
					}
				}
				if w.Corp.Codes() != codes {
					t.Error("a code was made")
				}
			})
		})
	}
}
