package bridgetest

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// World is a running bridge with one provider, "corp", two humans and two
// agents: helper, alice's, may ask alice and bob for files:* at corp; other
// may ask alice for the same. It is for use inside a synctest bubble.
type World struct {
	*bridge.Bridge
	Directory *bridge.Directory
	Store     bridge.Store
	Corp      *Provider
	Chats     map[string]bridge.Messenger // by channel; changes count from the next start
	Rosters   map[string]bridge.Roster    // likewise
	Resources *Resources                  // likewise; nil = none

	t    *testing.T
	stop func()
}

// Alice is the account that alice is expected to grant with.
var Alice = bridge.Account{Subject: "s-alice", Email: "alice@example.com", EmailVerified: true}

// Bob is somebody else's account.
var Bob = bridge.Account{Subject: "s-bob", Email: "bob@example.com", EmailVerified: true}

// Directory returns the world's configuration, for a test to change before
// it starts a world with it. Nobody is reminded of anything in it.
func Directory() *bridge.Directory {
	uid, otherUID := uint32(1001), uint32(1002)
	limits := bridge.DefaultLimits()
	limits.Remind = 0
	rule := bridge.Rule{Provider: "corp", Scopes: []string{"files:*"}, Ask: []string{"alice", "bob"}, Reuse: 8 * time.Hour}
	return &bridge.Directory{
		Humans: map[string]bridge.Human{
			"alice": {Name: "alice", Email: "alice@example.com", Slack: "U0ALICE"},
			"bob":   {Name: "bob", Email: "bob@example.com"},
		},
		Agents: map[string]bridge.Agent{
			"helper": {Name: "helper", UID: &uid, Owner: "alice", Where: "alice's laptop", May: []bridge.Rule{rule}},
			"other":  {Name: "other", UID: &otherUID, Owner: "bob", May: []bridge.Rule{rule}},
		},
		Providers: map[string]bridge.ProviderInfo{
			"corp": {
				Name: "corp", Issuer: "https://login.example.com", ClientID: "authbridge",
				Scopes: []string{"openid", "email"}, ScopeWords: map[string]string{"files:read": "read your files"},
			},
		},
		Channels: []string{"web"},
		Limits:   limits,
	}
}

// Start runs a bridge over a store until the test ends or Stop.
func Start(t *testing.T, dir *bridge.Directory, store bridge.Store, corp *Provider) *World {
	t.Helper()
	return StartWithChats(t, dir, store, corp, nil)
}

// StartWithChats is Start for a bridge with messengers. Which channels humans
// are asked on is the matter of the directory.
func StartWithChats(t *testing.T, dir *bridge.Directory, store bridge.Store, corp *Provider, chats map[string]bridge.Messenger) *World {
	t.Helper()
	return StartWithGroups(t, dir, store, corp, chats, nil)
}

// StartWithGroups is StartWithChats for a bridge that learns who is in groups.
func StartWithGroups(t *testing.T, dir *bridge.Directory, store bridge.Store, corp *Provider, chats map[string]bridge.Messenger, rosters map[string]bridge.Roster) *World {
	t.Helper()
	return start(t, &World{Directory: dir, Store: store, Corp: corp, Chats: chats, Rosters: rosters})
}

// StartWithResources is Start for a bridge that looks at resources.
func StartWithResources(t *testing.T, dir *bridge.Directory, store bridge.Store, corp *Provider, resources *Resources) *World {
	t.Helper()
	return start(t, &World{Directory: dir, Store: store, Corp: corp, Resources: resources})
}

// start runs the bridge of a world.
func start(t *testing.T, w *World) *World {
	t.Helper()
	options := bridge.Options{
		Directory: w.Directory, Store: w.Store,
		Providers:  map[string]bridge.Provider{"corp": w.Corp},
		Messengers: w.Chats,
		Rosters:    w.Rosters,
		Log:        slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if w.Resources != nil {
		options.Resources = w.Resources
	}
	b := bridge.New(options)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	w.Bridge, w.t = b, t
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the bridge ended with %v", err)
		}
	}
	t.Cleanup(w.Stop)
	synctest.Wait()
	return w
}

// Stop ends the bridge and waits for it; the store stays open.
func (w *World) Stop() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// Restart ends the bridge and starts another on the same store.
func (w *World) Restart() *World {
	w.t.Helper()
	w.Stop()
	return start(w.t, &World{Directory: w.Directory, Store: w.Store, Corp: w.Corp, Chats: w.Chats, Rosters: w.Rosters, Resources: w.Resources})
}

// Agent returns a configured agent.
func (w *World) Agent(name string) bridge.Agent { return w.Directory.Agents[name] }

// MustAsk asks as helper, in alice's name, and fails the test if it is
// refused.
func (w *World) MustAsk(ask bridge.Ask) bridge.Request {
	w.t.Helper()
	if ask.Provider == "" {
		ask.Provider = "corp"
	}
	if ask.Scopes == nil {
		ask.Scopes = []string{"files:read"}
	}
	r, _, err := w.Ask(context.Background(), w.Agent("helper"), ask)
	if err != nil {
		w.t.Fatalf("ask: %v", err)
	}
	return r
}

// Press clicks a button as a human and waits until everything is quiet.
func (w *World) Press(human string, id bridge.RequestID, verb bridge.Verb) (bridge.Card, string) {
	w.t.Helper()
	return w.Type(human, id, verb, "")
}

// Type is Press with something typed.
func (w *World) Type(human string, id bridge.RequestID, verb bridge.Verb, typed string) (bridge.Card, string) {
	w.t.Helper()
	card, remark, err := w.Click(context.Background(), bridge.Clicker{Human: human, Channel: "web", Typed: typed}, id, verb)
	if err != nil {
		w.t.Fatalf("%s presses %s: %v", human, verb, err)
	}
	synctest.Wait()
	return card, remark
}

// See returns a request as it stands.
func (w *World) See(id bridge.RequestID) bridge.Request {
	w.t.Helper()
	synctest.Wait()
	var r bridge.Request
	err := w.Store.View(context.Background(), func(tx bridge.ReadTx) error {
		var err error
		r, err = tx.Request(id)
		return err
	})
	if err != nil {
		w.t.Fatalf("read %s: %v", id, err)
	}
	return r
}

// Expect fails the test unless the request is in a state, with an outcome
// ("" = none).
func (w *World) Expect(id bridge.RequestID, state bridge.State, outcome bridge.OutcomeCode) bridge.Request {
	w.t.Helper()
	r := w.See(id)
	var got bridge.OutcomeCode
	if r.Outcome != nil {
		got = r.Outcome.Code
	}
	if r.State != state || got != outcome {
		w.t.Fatalf("the request is %s (%q), want %s (%q)", r.State, got, state, outcome)
	}
	return r
}

// Pass lets time go by.
func Pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
