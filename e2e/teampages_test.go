package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/internal/devprovider"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// hides fails the test if the page of somebody who has not claimed tells
// anything that belongs to who has.
func (p *tab) hides(w *world, phrase string) {
	p.t.Helper()
	source := p.value("document.documentElement.outerHTML")
	if told := w.told(source); len(told) > 0 || strings.Contains(source, phrase) || strings.Contains(source, "user_code") {
		p.t.Errorf("somebody else's page tells %q or the check phrase: %s", told, source)
	}
	p.lacks("link", "Open*")
}

// TestATeamIsAskedAsOne: two people at two browsers, and one code at a time,
// which only its claimer sees.
func TestATeamIsAskedAsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{reuse: "4h", edit: withTeam})
	alice, bob := w.inbox("alice"), w.inbox("bob")
	agent := w.start("token", "--provider", "corp", "--scope", "files.read", "--team", "oncall", "--reason", "rotate the logs", "--json")
	agent.says("asked oncall")
	r := w.onlyRequest()
	if r.Team != "oncall" || r.Human != "" || r.Claimed {
		t.Errorf("asked of %q, %q, claimed %v", r.Team, r.Human, r.Claimed)
	}
	for _, p := range []*tab{alice, bob} {
		p.has("article", "Waiting for someone to claim: helper wants corp")
		p.sees("Anybody of the team oncall", "The agent says (not checked)", "rotate the logs", "read your files")
		p.offers("Claim")
		p.offers("Decline for the team")
		p.lacks("button", "Show code")
		p.lacks("button", "Deny")
		p.hides(w, r.CheckPhrase)
	}
	alice.picture("1-alice-asked")
	w.provider.wants(t, nothing)

	alice.press("Claim")
	first := alice.code(w)
	alice.sees(r.CheckPhrase)
	alice.offers("Release")
	alice.has("link", "Open "+host(w.provider.Issuer()))
	bob.has("article", "Claimed by alice: helper wants corp")
	bob.lacks("button", "Claim")
	bob.lacks("button", "Decline for the team")
	bob.hides(w, r.CheckPhrase)
	alice.picture("2-alice-claimed")
	bob.picture("2-bob-sees-claimed")
	if now := w.request(r.ID); !now.Claimed || now.Human != "" || now.State != api.Coded {
		t.Errorf("the agent is told of %s by %q, claimed %v", now.State, now.Human, now.Claimed)
	}

	alice.press("Release")
	bob.sees("Released by alice")
	bob.picture("3-bob-released")
	alice.eventually("the code is gone", `document.querySelectorAll("[data-code]").length`, 0.0)
	alice.hides(w, r.CheckPhrase)
	bob.press("Claim")
	second := bob.code(w)
	if second == first {
		t.Fatal("a released code is shown to somebody else")
	}
	alice.has("article", "Claimed by bob: helper wants corp")
	alice.hides(w, r.CheckPhrase)

	provider := bob.follow("Open "+host(w.provider.Issuer()), w.provider.Issuer())
	provider.signIn("bob")
	provider.sees(second)
	provider.click("button", "Allow")
	token := decode[api.Token](t, answer{body: []byte(agent.wait().wants(t, 0, "granted by bob").stdout)})
	if token.Human != "bob" || !w.provider.Live(token.AccessToken) {
		t.Errorf("granted by %q", token.Human)
	}
	if now := w.request(r.ID); now.Human != "bob" || now.Team != "oncall" {
		t.Errorf("the agent is told that %q of %q granted", now.Human, now.Team)
	}
	alice.has("article", "Approved: helper wants corp")
	alice.sees("Approved by bob")
	bob.has("article", "Approved: helper wants corp")
	bob.sees("bob@example.com")
	alice.picture("4-alice-approved")
	bob.picture("4-bob-approved")
	if page := alice.text(); strings.Contains(page, "bob@example.com") {
		t.Errorf("alice is told bob's account: %s", page)
	}
	w.provider.wants(t, counts{devprovider.KindDeviceAuthorization: 2, devprovider.KindTokenIssued: 1, devprovider.KindRevocation: 0})

	// The team's grant answers the team's asks, and no others.
	again := decode[api.Token](t, answer{body: []byte(w.cli("token", "--provider", "corp", "--scope", "files.read", "--team", "oncall", "--json").wants(t, 0).stdout)})
	if again.AccessToken != token.AccessToken {
		t.Error("the team was asked again")
	}
	if direct := w.ask(`"human":"bob"`); direct.State != api.Asked {
		t.Errorf("an ask to bob alone is answered from the team's grant: %s", direct.State)
	}
}

// TestOfManyWhoClaimOneWins: everybody presses at once, in both browsers.
func TestOfManyWhoClaimOneWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{reuse: "4h", edit: withTeam})
	people := []*human{w.human("alice"), w.human("bob")}
	id := w.ask(`"team":"oncall"`).ID
	pressed := make(chan card, 10)
	for n := range cap(pressed) {
		go func() { pressed <- people[n%2].pressVerb(id, "claim") }()
	}
	for range cap(pressed) {
		<-pressed
	}
	w.becomes(id, api.Coded)
	coded := slices.DeleteFunc(slices.Clone(people), func(h *human) bool { return h.card(id).code == "" })
	if len(coded) != 1 {
		t.Fatalf("%d people see a code", len(coded))
	}
	w.provider.wants(t, counts{devprovider.KindDeviceAuthorization: 1})
}

// TestAClaimLapses, and who lets two of them lapse cannot claim a third time.
func TestAClaimLapses(t *testing.T) {
	t.Parallel()
	life := settings()
	life.Lifetime = time.Second
	w := newWorld(t, options{issuer: oauthtest.New(life), request: "{claim: 1s}", reuse: "4h", edit: withTeam})
	alice, bob := w.human("alice"), w.human("bob")
	id := w.ask(`"team":"oncall"`).ID
	for range 2 {
		alice.press(id, "Claim")
		alice.sees(id, "that the claim is over", func(c card) bool { return strings.Contains(c.text, "alice did not finish in time") })
	}
	if c := alice.card(id); c.buttons["Claim"] != "" || c.buttons["Decline for the team"] == "" {
		t.Errorf("after two lapses alice is offered %v", c.buttons)
	}
	if c := alice.pressVerb(id, "claim"); c.code != "" || !strings.Contains(c.remark, "lapsed") {
		t.Errorf("a third claim is answered with %q", c.remark)
	}
	if c := bob.press(id, "Claim"); c.remark != "" {
		t.Errorf("bob cannot claim: %q", c.remark)
	}
}
