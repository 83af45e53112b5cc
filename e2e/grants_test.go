package e2e

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/internal/devprovider"
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

// TestTakingBack: who gave presses Revoke, and as soon as the page says so the
// agent is refused.
func TestTakingBack(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	j.showCode()
	provider := j.openProvider()
	provider.signIn("alice")
	provider.click("button", "Allow")
	token := j.agent.wait().wants(t, 0).line(t)
	g := j.onlyGrant()
	if g.State != api.GrantLive || g.Human != "alice" || g.Revocation != api.RevocationNone || g.ID != string(j.request(j.id).Grant) {
		t.Errorf("the grant: %+v", g)
	}
	events := j.follow("")
	events.next("", "", nil)
	j.page.has("article", "Approved: helper wants corp")
	j.page.picture("1-given")
	j.page.press("Revoke")
	j.page.sees("You took back what helper had")
	j.http("POST", "/v1/requests/"+j.id+"/token", "").problem(t, api.ProblemGone)
	if g := j.onlyGrant(); g.State != api.GrantRevoked || g.Revocation == api.RevocationNone {
		t.Errorf("after Revoke: %+v", g)
	}
	var told api.Grant
	events.next(api.EventGrant, grantMembers, &told)
	if told.ID != g.ID || told.State != api.GrantRevoked {
		t.Errorf("the agent is told: %+v", told)
	}
	eventually(t, "the provider has taken the token back", func() bool {
		return !j.provider.Live(token) && j.onlyGrant().Revocation == api.RevocationDone
	})
	j.page.lacks("button", "Revoke")
	j.page.picture("2-revoked")

	// The human is asked again, and nothing else of hers is lost.
	if again := j.ask(""); again.State != api.Asked {
		t.Errorf("the next ask is %s", again.State)
	}
	j.provider.wants(t, counts{devprovider.KindTokenIssued: 1})
}

// TestTakenBackBeforeItIsFetched ends the request, as denied.
func TestTakenBackBeforeItIsFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	alice := w.human("alice")
	id := w.ask("").ID
	w.grant(alice, id)
	alice.press(id, "Revoke")
	w.ends(id, api.Denied, api.OutcomeRevoked)
	p := w.http("POST", "/v1/requests/"+id+"/token", "").problem(t, api.ProblemGone)
	if p.Request == nil || p.Request.Outcome == nil || p.Request.Outcome.Code != api.OutcomeRevoked {
		t.Errorf("gone says %+v", p.Request)
	}
	w.cli("wait", id).wants(t, 3)
	if c := alice.pressVerb(id, "revoke"); c.remark == "" {
		t.Error("a second Revoke is not answered")
	}
	eventually(t, "the token is revoked", func() bool { return !w.provider.Live(w.provider.said("access_token")[0]) })
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

// TestAllowAgain: after "I did not ask for this" the agent is refused until
// the same human lets it ask again.
func TestAllowAgain(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	j.page.press("I did not ask for this")
	j.agent.wait().wants(t, 3)
	j.http("POST", "/v1/requests", ask).problem(t, api.ProblemSuspended)
	j.page.offers("Allow again")
	j.page.picture("1-stopped")
	if elsewhere := j.human("bob").page(); strings.Contains(elsewhere, "Allow again") {
		t.Errorf("bob may allow what alice stopped: %s", elsewhere)
	}
	j.page.press("Allow again")
	eventually(t, "the agent may ask again", func() bool {
		return j.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.read"],"session":"later"}`).status == http.StatusCreated
	})
	j.page.offers("Show code")
	j.page.lacks("button", "Allow again")
	j.page.picture("2-allowed")
}

// TestQuietAfterANo: the same ask is not put to the same human again for a
// while, another one is.
func TestQuietAfterANo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	alice := w.human("alice")
	id := w.ask("").ID
	alice.press(id, "Deny")
	w.ends(id, api.Denied, api.OutcomeDenied)
	for _, body := range []string{ask, `{"provider":"corp","scopes":["files.read"],"session":"other","reason":"please"}`} {
		a := w.http("POST", "/v1/requests", body)
		a.problem(t, api.ProblemQuiet)
		if after, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || after <= 0 || after > 600 {
			t.Errorf("Retry-After: %q", a.header.Get("Retry-After"))
		}
	}
	w.cli("token", "--provider", "corp", "--scope", "files.read").wants(t, 8)
	w.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.write"]}`).wants(t, http.StatusCreated)
	w.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.read"],"human":"bob"}`).wants(t, http.StatusCreated)
}
