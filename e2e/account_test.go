package e2e

import (
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
)

// firstUse trusts whom an account belongs to at its first use, and makes what
// is known of bob match none of the provider's accounts.
func firstUse(text string) string {
	text = strings.Replace(text, "scopes: [openid, email]", "trust: first_use, scopes: [openid, email]", 1)
	return strings.Replace(text, "bob: {email: bob@example.com}", "bob: {email: bob@elsewhere.example}", 1)
}

// TestSomebodyElsesAccountGrants: where the first use is trusted, the human
// who was asked says whose account it is, and nothing is handed out before.
func TestSomebodyElsesAccountGrants(t *testing.T) {
	t.Parallel()
	j := begin(t, options{edit: firstUse})
	j.showCode()
	provider := j.openProvider()
	provider.signIn("mallory")
	provider.click("button", "Allow")
	j.page.sees("Signed in as", "mine / not mine?", "Nothing is handed out before you say")
	j.page.picture("1-question")
	j.agent.says("the account is being checked")
	j.http("POST", "/v1/requests/"+j.id+"/token", "").problem(t, api.ProblemNotReady)
	j.page.offers("Mine")
	j.page.press("Not mine")
	j.page.has("article", "Not used: helper wants corp")
	j.page.picture("2-not-mine")
	if got := j.agent.wait().wants(t, 8); got.stdout != "" {
		t.Errorf("standard output has %q", got.stdout)
	}
	j.ends(j.id, api.Failed, api.OutcomeIdentityMismatch)
	tokens := j.provider.said("access_token")
	eventually(t, "the token is revoked", func() bool { return len(tokens) == 1 && !j.provider.Live(tokens[0]) })

	// Nothing was learnt from it: mallory's account is asked about again.
	alice, again := j.human("alice"), j.ask(`"human":"alice"`).ID
	newPerson(t).allow(alice.showCode(again), "mallory")
	alice.sees(again, "the question", func(c card) bool { return c.buttons["Mine"] != "" })
	alice.press(again, "Deny")
	j.ends(again, api.Denied, api.OutcomeDenied)
}

// TestMineIsRemembered: after the first yes that account is the human's, and
// no other is, nor is it anybody else's.
func TestMineIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{edit: firstUse})
	alice, bob := w.human("alice"), w.human("bob")
	first := w.ask(`"human":"bob"`).ID
	newPerson(t).allow(bob.showCode(first), "bob")
	c := bob.sees(first, "the question", func(c card) bool { return c.buttons["Mine"] != "" })
	if !strings.Contains(c.text, "bob@example.com") || !strings.Contains(c.text, host(w.provider.Issuer())) {
		t.Errorf("bob is asked: %s", c.text)
	}
	if other := alice.page(); strings.Contains(other, first) {
		t.Errorf("alice sees bob's request: %s", other)
	}
	if status, _, _ := alice.call("POST", "/requests/"+first+"/mine", ""); status != 404 {
		t.Errorf("alice answers for bob: %d", status)
	}
	bob.press(first, "Mine")
	w.becomes(first, api.Granted)
	if token := w.collect(first); token.Human != "bob" || token.Account != "bob@example.com" {
		t.Errorf("the token is of %q, account %q", token.Human, token.Account)
	}

	pinned := w.ask(`"human":"bob","fresh":true,"session":"pinned"`).ID
	newPerson(t).allow(bob.showCode(pinned), "bob")
	w.becomes(pinned, api.Granted)

	for who, h := range map[string]*human{
		"mallory": bob,   // bob is known by now, and it is not he
		"bob":     alice, // the account is bob's
	} {
		id := w.ask(`"human":"` + h.name + `","fresh":true,"session":"` + who + `"`).ID
		newPerson(t).allow(h.showCode(id), who)
		w.ends(id, api.Failed, api.OutcomeIdentityMismatch)
	}
	live := 0
	for _, token := range w.provider.said("access_token") {
		if within(patience/10, func() bool { return !w.provider.Live(token) }) {
			continue
		}
		live++
	}
	if live != 2 {
		t.Errorf("%d tokens are live, want bob's two", live)
	}
}
