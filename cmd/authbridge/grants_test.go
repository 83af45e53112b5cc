package main

import (
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

func TestGrantsAsJSON(t *testing.T) {
	d := newDesk(t)
	if got := d.call("grants", "--json").expect(t, exitDone); got.out != "[]\n" {
		t.Errorf("no grants are %q", got.out)
	}
	id := d.gives("s1")
	var all []api.Grant
	d.call("grants", "--json").expect(t, exitDone).object(t, &all)
	if len(all) != 1 || all[0].ID != string(id) || all[0].State != api.GrantLive || all[0].Session != "s1" {
		t.Errorf("the list holds %+v", all)
	}
	var g api.Grant
	d.call("revoke", string(id), "--json").expect(t, exitDone).object(t, &g)
	if g.ID != string(id) || g.State != api.GrantRevoked {
		t.Errorf("given up it is %+v", g)
	}
}

// TestWhatAProviderWasTold: who gives up a grant learns what becomes of the
// token, also where that is not what they hoped for.
func TestWhatAProviderWasTold(t *testing.T) {
	ended := func(how bridge.Revocation) func(*bridge.Grant) {
		return func(g *bridge.Grant) { g.State, g.Revocation = bridge.GrantRevoked, how }
	}
	endless := func(g *bridge.Grant) { g.AccessExpiresAt = time.Time{} }
	for want, change := range map[string][]func(*bridge.Grant){
		"yes":                                      {ended(bridge.RevocationDone)},
		"not yet; the bridge goes on trying":       {ended(bridge.RevocationPending)},
		"no; another grant has the same token":     {ended(bridge.RevocationNone)},
		"it cannot revoke; the token lives until ": {ended(bridge.RevocationUnsupported)},
		"it cannot revoke; the token lives on, nobody says how long": {ended(bridge.RevocationUnsupported), endless},
	} {
		d := newDesk(t)
		got := d.call("revoke", string(d.gives("", change...))).expect(t, exitDone)
		if !strings.Contains(got.out, "provider told  "+want) {
			t.Errorf("want %q in:\n%s", want, got.out)
		}
	}
}
