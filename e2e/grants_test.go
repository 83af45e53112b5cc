package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
)

// grantsPage is an answer to GET /v1/grants.
type grantsPage struct {
	Items      []api.Grant
	NextCursor api.Optional `json:"next_cursor"`
}

func (w *world) grants() []api.Grant {
	w.t.Helper()
	return decode[grantsPage](w.t, w.http("GET", "/v1/grants", "").wants(w.t, http.StatusOK)).Items
}

// onlyGrant is the one grant that there is.
func (w *world) onlyGrant() api.Grant {
	w.t.Helper()
	all := w.grants()
	if len(all) != 1 {
		w.t.Fatalf("there are %d grants: %+v", len(all), all)
	}
	return all[0]
}

// TestAnAgentGivesUp what it holds: that, and no other grant.
func TestAnAgentGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	alice := w.human("alice")
	first, other := w.ask("").ID, w.ask(`"session":"other"`).ID
	w.grant(alice, first)
	w.grant(alice, other)
	mine, kept := w.collect(first), w.collect(other)
	listed := w.cli("grants").wants(t, 0).stdout
	if !strings.Contains(listed, mine.Grant) || !strings.Contains(listed, kept.Grant) {
		t.Errorf("grants: %s", listed)
	}
	var all []api.Grant
	if err := json.Unmarshal([]byte(w.cli("grants", "--json").wants(t, 0).stdout), &all); err != nil || len(all) != 2 {
		t.Errorf("grants --json: %+v, %v", all, err)
	}
	w.cli("revoke", mine.Grant).wants(t, 0)
	w.cli("revoke", mine.Grant, "--json").wants(t, 0) // it stays as it ended
	w.http("POST", "/v1/requests/"+first+"/token", "").problem(t, api.ProblemGone)
	eventually(t, "its token is revoked", func() bool { return !w.provider.Live(mine.AccessToken) })
	if !w.provider.Live(kept.AccessToken) {
		t.Error("another grant's token was revoked with it")
	}
	alice.sees(first, "that helper gave it up", func(c card) bool { return c.buttons["Revoke"] == "" })
	gone := decode[api.Grant](t, w.http("DELETE", "/v1/grants/"+kept.Grant, "").wants(t, http.StatusOK))
	if gone.ID != kept.Grant || gone.State != api.GrantRevoked {
		t.Errorf("given up: %+v", gone)
	}
	w.http("DELETE", "/v1/grants/grt_0123456789abcdefghij012345", "").problem(t, api.ProblemNotFound)
	w.cli("revoke", "grt_0123456789abcdefghij012345").wants(t, 8)
}
