package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
)

// TestTheOperatorsHand reaches everybody's requests, grants and suspensions.
func TestTheOperatorsHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{edit: withTeam, reuse: "4h"})
	alice := w.human("alice")
	open, granted := w.ask("").ID, w.ask(`"session":"granted"`).ID
	w.grant(alice, granted)
	token := w.collect(granted)

	lists := func(words ...string) {
		t.Helper()
		got := w.cli("admin", "list").wants(t, 0).stdout
		for _, word := range words {
			if no, without := strings.CutPrefix(word, "!"); strings.Contains(got, no) == without {
				t.Errorf("want %q in:\n%s", word, got)
			}
		}
	}
	lists(open, token.Grant, "!"+granted, "!suspended")
	var all struct {
		Requests, Grants []struct{ ID, Agent, Human string }
		Suspensions      []struct{}
	}
	err := json.Unmarshal([]byte(w.cli("admin", "list", "--json").wants(t, 0).stdout), &all)
	if err != nil || len(all.Requests) != 1 || len(all.Grants) != 1 || all.Grants[0].Human != "alice" || all.Suspensions == nil {
		t.Errorf("admin list --json: %+v, %v", all, err)
	}

	w.cli("admin", "revoke", open).wants(t, 0)
	w.ends(open, api.Cancelled, api.OutcomePolicyChanged)
	w.cli("admin", "revoke", token.Grant).wants(t, 0)
	w.cli("admin", "revoke", token.Grant, "--json").wants(t, 0)
	w.http("POST", api.CollectPath(granted), "").problem(t, api.ProblemGone)
	eventually(t, "the provider has taken the token back", func() bool { return !w.provider.Live(token.AccessToken) })
	alice.sees(granted, "who took it back", func(c card) bool { return strings.Contains(c.text, "The operator took back what helper had") })

	stopped := w.ask("").ID
	alice.press(stopped, "I did not ask for this")
	w.http("POST", api.RequestsPath, ask).problem(t, api.ProblemSuspended)
	lists("suspended")
	w.cli("admin", "lift", "helper", "alice").wants(t, 0)
	w.http("POST", api.RequestsPath, ask).wants(t, http.StatusCreated)
	lists("!suspended")

	claimed := w.ask(`"team":"oncall"`).ID
	alice.press(claimed, "Claim")
	lists("claimed by alice")
	w.cli("admin", "release", claimed).wants(t, 0)
	if r := w.request(claimed); r.State != api.Asked || r.Claimed {
		t.Errorf("released it is %s, claimed %v", r.State, r.Claimed)
	}
	w.cli("admin", "release", claimed).wants(t, 2, "no claim to release")
	for _, line := range []string{`"event":"policy_changed"`, `"event":"grant_over"`, `"event":"agent_allowed"`, `"event":"release"`} {
		found := false
		for said := range strings.SplitSeq(w.cli("audit").wants(t, 0).stdout, "\n") {
			found = found || strings.Contains(said, line) && strings.Contains(said, `"by":"operator","actor":"uid `)
		}
		if !found {
			t.Errorf("the audit log has no line with %s by the operator", line)
		}
	}
}
