package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/internal/devprovider"
)

// counts is how often each thing happened at the provider.
type counts = map[devprovider.Kind]int

// nothing is what the provider has seen before anybody has pressed Show code.
var nothing = counts{
	devprovider.KindDeviceAuthorization: 0, devprovider.KindPoll: 0, devprovider.KindSignIn: 0, devprovider.KindTokenIssued: 0,
}

// journey is alice at her inbox in a browser, with an agent that waits for a
// token.
type journey struct {
	*world
	page  *tab
	agent *running
	id    string
}

func begin(t *testing.T, o options) *journey {
	t.Helper()
	w := newWorld(t, o)
	j := &journey{world: w, page: w.inbox("alice")}
	j.agent = w.start("token", "--provider", "corp", "--scope", "files.read", "--reason", "summarise the Q3 planning folder")
	j.agent.says("asked alice in their inbox")
	j.id = w.onlyRequest().ID
	j.page.has("article", "Access request: helper wants corp")
	return j
}

// showCode presses Show code and waits for the code.
func (j *journey) showCode() string {
	j.t.Helper()
	j.page.press("Show code")
	return j.page.code(j.world)
}

// openProvider follows Open.
func (j *journey) openProvider() *tab {
	j.t.Helper()
	return j.page.follow("Open "+host(j.provider.Issuer()), j.provider.Issuer())
}

func host(issuer string) string { return strings.TrimPrefix(issuer, "http://") }

func TestOneRequestWalksTheWholePath(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	phrase := j.request(j.id).CheckPhrase
	j.agent.says("check phrase " + phrase)
	j.page.sees("helper, on the test bench", "read your files", "The agent says (not checked)", "summarise the Q3 planning folder", phrase)
	j.page.offers("I did not ask for this")
	j.page.offers("Deny")
	j.page.lacks("link", "Open*")
	j.page.picture("1-asked")
	j.provider.wants(t, nothing)

	j.page.value(`window.here = "still here"`)
	code := j.showCode()
	j.page.picture("2-coded")
	if j.page.value("window.here") != "still here" {
		t.Error("the page was loaded again to show the code")
	}
	j.agent.says("alice is looking at it")
	j.provider.wants(t, counts{devprovider.KindDeviceAuthorization: 1, devprovider.KindSignIn: 0, devprovider.KindTokenIssued: 0})
	j.page.press("I have finished") // too soon: it gives nothing away, and is answered
	j.page.sees("Asking " + host(j.provider.Issuer()))

	provider := j.openProvider()
	provider.signIn("alice")
	provider.sees(code, "Example Bridge", "read your files")
	provider.picture("3-provider")
	provider.click("button", "Allow")
	provider.sees("You are done")

	got := j.agent.wait().wants(t, 0, "granted by alice")
	token := got.line(t)
	if !j.provider.Live(token) || strings.Contains(got.stderr, token) {
		t.Errorf("not a live token on standard output alone: %s", got.stderr)
	}
	j.page.has("article", "Approved: helper wants corp")
	j.page.sees("alice@example.com")
	j.page.picture("4-approved")
	once := counts{
		devprovider.KindDeviceAuthorization: 1, devprovider.KindSignIn: 1, devprovider.KindConsent: 1,
		devprovider.KindTokenIssued: 1, devprovider.KindRevocation: 0,
	}
	j.provider.wants(t, once)

	// The grant lives: the next ask needs no human, and nothing from the provider.
	again := j.cli("token", "--provider", "corp", "--scope", "files.read").wants(t, 0)
	if again.line(t) != token {
		t.Error("the second token is not the grant's")
	}
	j.provider.wants(t, once)
	if j.request(j.id).State != api.Collected {
		t.Error("the request is not collected")
	}
}

func TestDeny(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	j.page.press("Deny")
	j.page.has("article", "Denied: helper wants corp")
	j.page.picture("denied")
	got := j.agent.wait().wants(t, 3, "the human declined")
	if got.stdout != "" {
		t.Errorf("standard output has %q", got.stdout)
	}
	j.ends(j.id, api.Denied, api.OutcomeDenied)
	j.provider.wants(t, nothing)
}

func TestDenyBurnsTheCode(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	code := j.showCode()
	provider := j.openProvider()
	provider.signIn("alice")
	j.page.press("Deny")
	j.page.has("article", "Denied: helper wants corp")
	j.agent.wait().wants(t, 3)
	burnt := j.provider.polls(code)
	provider.click("button", "Allow") // too late
	provider.sees("You are done")

	// A second request runs for some polls; none of them is for the burnt code
	// but one that was under way.
	alice := j.human("alice")
	other := decode[api.Request](t, j.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.write"]}`)).ID // not what she has just refused
	j.grant(alice, other)
	if now := j.provider.polls(code); now > burnt+1 {
		t.Errorf("a burnt code was polled %d times", now-burnt)
	}
	for _, token := range j.provider.said("access_token")[:j.provider.count(devprovider.KindTokenIssued)-1] {
		eventually(t, "a token that came too late is revoked", func() bool { return !j.provider.Live(token) })
	}
}

func TestIDidNotAskForThis(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	j.page.press("I did not ask for this")
	j.page.has("article", "Denied: helper wants corp")
	j.page.picture("not-me")
	j.agent.wait().wants(t, 3, "did not ask for this")
	j.ends(j.id, api.Denied, api.OutcomeNotMe)
	j.cli("token", "--provider", "corp", "--scope", "files.read").wants(t, 6, "authbridge: suspended")
	j.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.read"]}`).problem(t, api.ProblemSuspended)

	// That holds for good, and for alice alone.
	j.stop()
	j.restart()
	j.cli("ask", "--provider", "corp", "--scope", "files.read").wants(t, 6, "suspended")
	j.cli("ask", "--provider", "corp", "--scope", "files.read", "--human", "bob").wants(t, 0)
	j.provider.wants(t, nothing)
}

func TestRefusedAtTheProvider(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	j.showCode()
	provider := j.openProvider()
	provider.signIn("alice")
	provider.click("button", "Refuse")
	provider.sees("You refused")
	j.agent.wait().wants(t, 3, "refused at the provider")
	j.ends(j.id, api.Denied, api.OutcomeProviderDenied)
	j.page.has("article", "Denied: helper wants corp")
	j.provider.wants(t, counts{devprovider.KindRefusal: 1, devprovider.KindTokenIssued: 0})
}

func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	for _, login := range []string{"bob", "mallory"} {
		t.Run(login, func(t *testing.T) {
			t.Parallel()
			j := begin(t, options{})
			j.showCode()
			provider := j.openProvider()
			provider.signIn(login)
			provider.click("button", "Allow")
			got := j.agent.wait().wants(t, 8, "another account signed in")
			if got.stdout != "" {
				t.Errorf("standard output has %q", got.stdout)
			}
			j.ends(j.id, api.Failed, api.OutcomeIdentityMismatch)
			j.page.has("article", "Not used: helper wants corp")
			j.page.picture("mismatch")
			tokens := j.provider.said("access_token")
			if len(tokens) != 1 {
				t.Fatalf("%d tokens were issued, want 1", len(tokens))
			}
			eventually(t, "the token is revoked", func() bool { return !j.provider.Live(tokens[0]) })
			j.http("POST", "/v1/requests/"+j.id+"/token", "").problem(t, api.ProblemGone)
		})
	}
}

func TestACodeLapsesAndAnotherIsShown(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	j.provider.shorten(3 * time.Second)
	first := j.showCode()
	j.page.offers("Get a new code")
	j.page.lacks("link", "Open*")
	j.page.picture("lapsed")
	j.becomes(j.id, api.Asked)
	j.page.press("Get a new code")
	second := j.page.code(j.world)
	if first == second {
		t.Fatal("the new code is the old one")
	}
	polls := j.provider.polls(first)
	provider := j.openProvider()
	provider.signIn("alice")
	provider.sees(second)
	provider.click("button", "Allow")
	j.agent.wait().wants(t, 0)
	if j.provider.polls(first) != polls {
		t.Error("a lapsed code was polled")
	}
	j.provider.wants(t, counts{devprovider.KindDeviceAuthorization: 2, devprovider.KindTokenIssued: 1})
}

func TestCancelWhileTheHumanDecides(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	j.showCode()
	j.cli("cancel", j.id).wants(t, 0)
	j.agent.wait().wants(t, 4, "the agent withdrew the request")
	j.page.has("article", "Cancelled: helper wants corp")
	j.page.lacks("link", "Open*")
	j.ends(j.id, api.Cancelled, api.OutcomeCancelled)
	j.cli("wait", j.id).wants(t, 4, "the agent withdrew the request")
}

func TestCtrlCLeavesTheRequest(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	j.agent.signal(syscall.SIGINT)
	j.agent.wait().wants(t, 130, j.id, "authbridge cancel "+j.id)
	j.page.offers("Show code")
	if r := j.request(j.id); r.State != api.Asked {
		t.Fatalf("the request is %s", r.State)
	}
	later := j.start("wait", j.id, "--format", "json")
	j.showCode()
	provider := j.openProvider()
	provider.signIn("alice")
	provider.click("button", "Allow")
	later.wait().wants(t, 0)
}

func TestTheBridgeIsKilledWhileTheHumanDecides(t *testing.T) {
	t.Parallel()
	j := begin(t, options{})
	j.showCode()
	provider := j.openProvider()
	provider.signIn("alice")
	j.kill()
	provider.click("button", "Allow")
	provider.sees("You are done")
	j.restart()
	token := j.agent.wait().wants(t, 0).line(t)
	if !j.provider.Live(token) {
		t.Error("the token is not live")
	}
	page := j.inbox("alice")
	page.has("article", "Approved: helper wants corp")
	j.provider.wants(t, counts{devprovider.KindDeviceAuthorization: 1, devprovider.KindTokenIssued: 1})
}
