package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/config"
)

// TestAReload takes another configuration over while agents wait, and keeps
// what it can of its providers.
func TestAReload(t *testing.T) {
	over := clean(t)
	dir, provider := home(t), corp()
	h := open(t, configured(t, dir, helper), provider)
	waiting := h.ask("one")

	next := configured(t, dir, strings.Replace(helper, "humans: {", "humans: {bob: {}, ", 1))
	if err := h.Reload(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if h.calls.Load().providers["corp"] != bridge.Provider(provider) {
		t.Error("a provider that is configured as before is another")
	}
	h.until(waiting.ID, api.Asked)
	if _, known := h.bridge.Bearer("bob"); !known {
		t.Error("bob is not there")
	}

	narrow := configured(t, dir, strings.Replace(helper, `"files.*"`, `"mail"`, 1))
	if err := h.Reload(t.Context(), narrow); err != nil {
		t.Fatal(err)
	}
	if r := h.until(waiting.ID, api.Cancelled); r.Outcome == nil || r.Outcome.Code != api.OutcomePolicyChanged {
		t.Errorf("it ended as %+v", r.Outcome)
	}
	if _, err := h.agent.Ask(t.Context(), asking("two"), client.AskOptions{}); client.CodeOf(err) != api.ProblemNotAllowed {
		t.Errorf("an ask for what is forbidden: %v", err)
	}
	h.endsSoon()
	over()
}

// TestAReloadOfWhatNeedsARestart changes nothing, not even what it could.
func TestAReloadOfWhatNeedsARestart(t *testing.T) {
	dir := home(t)
	h := open(t, configured(t, dir, helper), corp())
	moved := configured(t, dir, strings.NewReplacer(`ops: "127.0.0.1:0"`, `ops: ""`, `"files.*"`, `"mail"`).Replace(helper))
	err := h.Reload(t.Context(), moved)
	faults, are := errors.AsType[*config.Faults](err)
	if !are || len(faults.List) != 1 || faults.List[0].Key != "listen.ops" || faults.List[0].Line == 0 {
		t.Errorf("got %v", err)
	}
	if r := h.ask("one"); r.State != api.Asked {
		t.Errorf("an ask is %s", r.State)
	}
}

// TestProvidersAreMadeAnewWhenTheyChange, and only then.
func TestProvidersAreMadeAnewWhenTheyChange(t *testing.T) {
	dir := home(t)
	first, err := new(calls).to(configured(t, dir, helper))
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		old, now                 string
		sameProvider, sameClient bool
	}{
		"nothing":       {"", "", true, true},
		"what is asked": {"scopes: [openid, email]", "scopes: [openid]", true, true},
		"our client":    {"client_id: authbridge", "client_id: other", false, true},
		"the issuer":    {"login.example.com", "elsewhere.example.com", false, true},
		"the network":   {"allow_http_loopback: true", "allow_http_loopback: false", false, false},
	} {
		next, err := first.to(configured(t, dir, strings.Replace(helper, c.old, c.now, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if got := next.providers["corp"] == first.providers["corp"]; got != c.sameProvider {
			t.Errorf("%s: the provider stays: %v", what, got)
		}
		if got := next.client == first.client; got != c.sameClient {
			t.Errorf("%s: the client stays: %v", what, got)
		}
	}
}

// TestAReloadOfABridgeThatEndsWithoutHavingBegun is let go: the end of the
// daemon waits for it.
func TestAReloadOfABridgeThatEndsWithoutHavingBegun(t *testing.T) {
	cfg := configured(t, home(t), helper)
	d, err := start(t.Context(), cfg, map[string]bridge.Provider{"corp": corp()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { check(t, d.close()) }()
	reloaded := make(chan error, 1)
	go func() { reloaded <- d.Reload(t.Context(), cfg) }()
	d.stop()
	select {
	case err := <-reloaded:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits for ever")
	}
}
