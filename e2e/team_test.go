package e2e

import (
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
)

// withTeam lets helper ask the team of alice and bob.
func withTeam(text string) string {
	return strings.Replace(text, "ask: [alice, bob]", "ask: [alice, bob, oncall]", 1) + "teams: {oncall: {members: [alice, bob]}}\n"
}

// TestATeamClaims walks a team's request from the command to the token, with
// two members at their pages.
func TestATeamClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{reuse: "4h", edit: withTeam})
	alice, bob := w.human("alice"), w.human("bob")
	agent := w.start("token", "--provider", "corp", "--scope", "files.read", "--team", "oncall", "--reason", "the disk is full")
	agent.says("asked oncall in their inbox")
	r := w.onlyRequest()
	if r.Human != "" || r.Team != "oncall" || r.Claimed {
		t.Errorf("asked %q of %q, claimed %v", r.Human, r.Team, r.Claimed)
	}
	for _, h := range []*human{alice, bob} {
		if c := h.card(r.ID); c.buttons["Claim"] == "" || c.buttons["Decline for the team"] == "" || strings.Contains(c.text, r.CheckPhrase) {
			t.Errorf("%s sees %q", h.name, c.text)
		}
	}

	first := alice.showCode(r.ID, "Claim")
	agent.says("somebody of oncall is looking at it")
	other := bob.sees(r.ID, "who has it", func(c card) bool { return strings.Contains(c.text, "Claimed by alice") })
	if other.code != "" || other.open != "" || len(other.buttons) != 0 || strings.Contains(other.text, r.CheckPhrase) {
		t.Errorf("bob sees %q and %v", other.text, other.buttons)
	}
	if c := bob.pressVerb(r.ID, "claim"); !strings.Contains(c.remark, "alice has claimed it, until") || c.code != "" {
		t.Errorf("bob is told %q", c.remark)
	}
	if now := w.request(r.ID); now.Human != "" || !now.Claimed {
		t.Errorf("the agent sees %q, claimed %v", now.Human, now.Claimed)
	}

	alice.press(r.ID, "Release")
	second := bob.showCode(r.ID, "Claim")
	if second.code == first.code {
		t.Error("bob has the code that alice released")
	}
	newPerson(t).allow(first, "alice") // it is burnt: nobody asks what came of it
	newPerson(t).allow(second, "bob")
	agent.wait().wants(t, 0, "granted by bob")
	alice.sees(r.ID, "who gave", func(c card) bool {
		return strings.Contains(c.text, "Approved by bob") && !strings.Contains(c.text, "bob@example.com")
	})

	again := w.ask(`"team":"oncall"`)
	if again.State != api.Granted || again.Human != "bob" {
		t.Errorf("the next ask to the team is %s, by %q", again.State, again.Human)
	}
	apart := w.ask(`"team":"oncall","session":"another"`)
	bob.press(apart.ID, "Decline for the team")
	w.ends(apart.ID, api.Denied, "denied")
	alice.sees(apart.ID, "who declined", func(c card) bool { return strings.Contains(c.text, "Declined for the team by bob") })

	both := w.http("POST", api.RequestsPath, `{"provider":"corp","human":"alice","team":"oncall"}`).problem(t, api.ProblemInvalidRequest)
	if !strings.Contains(both.Detail, "both a human and a team") {
		t.Errorf("both: %s", both.Detail)
	}
	w.cli("token", "--provider", "corp", "--human", "alice", "--team", "oncall").wants(t, 2, "give one of them")
}
