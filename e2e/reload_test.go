package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/authbridge/authbridge/api"
)

// hangUp has the bridge take its configuration anew, and waits until it has
// said one more time what comes of it.
func (w *world) hangUp(says string) {
	w.t.Helper()
	before := strings.Count(w.bridge.log.String(), says)
	if err := w.bridge.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		w.t.Fatal(err)
	}
	eventually(w.t, "the bridge says: "+says, func() bool { return strings.Count(w.bridge.log.String(), says) > before })
}

// TestAReloadTakesBackAtOnce: when the bridge says that it has reloaded, what
// the file forbids is over; a file with a fault changes nothing before.
func TestAReloadTakesBackAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	alice := w.human("alice")
	given := w.ask("")
	newPerson(t).allow(alice.showCode(given.ID), "alice")
	w.becomes(given.ID, api.Granted)
	token := w.collect(given.ID)
	waiting, bobs := w.ask(`"session":"other"`), w.ask(`"human":"bob"`)

	w.edit("ask: [alice, bob]", "ask: [bobb]")
	w.hangUp("not reloaded: the bridge goes on with the configuration that it has")
	w.edit("ask: [bobb]", "ask: [bob]")
	w.edit("log: {level: debug}", "log: {level: info}")
	w.hangUp("not reloaded: the bridge goes on with the configuration that it has")
	if !strings.Contains(w.bridge.log.String(), `"key":"log.level","what":"differs from what the bridge was started with, and needs a restart"`) {
		t.Error("the log does not say what needs a restart")
	}
	if again := w.ask(""); again.State != api.Granted || w.request(waiting.ID).State != api.Asked {
		t.Errorf("a bad file changed something: %s", again.State)
	}

	w.edit("log: {level: info}", "log: {level: debug}")
	w.hangUp(`"msg":"reloaded"`)
	w.http("POST", "/v1/requests", ask).problem(t, api.ProblemNotAllowed)
	w.http("POST", "/v1/requests/"+given.ID+"/token", "").problem(t, api.ProblemNotAllowed)
	w.ends(waiting.ID, api.Cancelled, api.OutcomePolicyChanged)
	if now := w.request(bobs.ID); now.State != api.Asked {
		t.Errorf("what is still allowed is %s", now.State)
	}
	eventually(t, "the token is revoked at the provider", func() bool { return !w.provider.Live(token.AccessToken) })

	w.edit("ask: [bob]", "ask: [alice, bob]")
	w.hangUp(`"msg":"reloaded"`)
	if a := w.http("POST", "/v1/requests", ask); a.status != http.StatusCreated {
		t.Errorf("what is allowed again is answered %d %s", a.status, a.body)
	}
}

// TestAReloadPutsOutWhoIsGone: whoever is taken out of the file is out of the
// inbox too, and comes back only with a new link.
func TestAReloadPutsOutWhoIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	page := w.inbox("bob")
	w.edit("  bob: {email: bob@example.com}\n", "")
	w.edit("ask: [alice, bob]", "ask: [alice]")
	w.hangUp(`"msg":"reloaded"`)
	page.sees("Not signed in")
	w.edit("humans:\n", "humans:\n  bob: {email: bob@elsewhere.example}\n")
	w.hangUp(`"msg":"reloaded"`)
	page.open(w.bridge.inbox() + "/")
	page.sees("Not signed in")
}
