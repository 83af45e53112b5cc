package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/adapters/slack/slacktest"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// slackToken is the secret of the app in Slack.
const slackToken = "a token of the app in Slack"

// workspace is a world whose people are in Slack, too. Slack is a strict
// stand-in: what it would refuse fails the test.
type workspace struct {
	chat
	slack      *slacktest.Slack
	alice, bob *slacktest.Person
}

// inSlack starts a bridge whose people are reached in Slack, over sockets or,
// with mode "http", by signed calls.
func inSlack(t *testing.T, mode string, o options) *workspace {
	t.Helper()
	s := slacktest.Start(t, slacktest.World{
		People: []slacktest.User{
			{ID: "U0ALICE", Name: "alice", Email: "alice@example.com"},
			{ID: "U0BOB", Name: "bob", Email: "bob@example.com"},
			{ID: "U0MALLORY", Name: "mallory", Email: "mallory@example.com"},
		},
		Channels: []slacktest.Channel{
			{ID: "C0ONCALL", Name: "oncall", Members: []string{"U0ALICE", "U0BOB", "U0MALLORY", "U0BRIDGE"}},
			{ID: "C0AGENTS", Name: "agents", Members: []string{"U0ALICE", "U0MALLORY", "U0BRIDGE"}},
		},
		Unlimited: true,
	})
	dir := t.TempDir()
	file := func(name, secret string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	o.reuse = "4h"
	o.edit = func(text string) string {
		text = strings.Replace(text, "alice: {email: alice@example.com}", "alice: {email: alice@example.com, slack: U0ALICE, via: [slack, web], timezone: Europe/Berlin}", 1)
		text = strings.Replace(text, "bob: {email: bob@example.com}", "bob: {email: bob@example.com, via: [slack]}", 1)
		text = strings.Replace(text, "ask: [alice, bob]", "ask: [alice, bob, oncall]", 1)
		text += "teams: {oncall: {members: [alice, bob], slack: C0ONCALL}}\n"
		secrets := "app_token: " + file("app", s.AppToken())
		if mode == "http" {
			secrets = "signing_secret: " + file("signing", s.SigningSecret())
		}
		return text + fmt.Sprintf("slack: {bot_token: %s, %s, mode: %s, api_url: %q}\n", file("bot", s.BotToken()), secrets, mode, s.URL())
	}
	ws := &workspace{chat: chat{prepareWorld(t, o), s.Until}, slack: s, alice: s.Person("U0ALICE"), bob: s.Person("U0BOB")}
	for _, secret := range []string{s.BotToken(), s.AppToken(), s.SigningSecret()} {
		ws.secret(secret, slackToken)
	}
	t.Cleanup(ws.listen) // before the world looks for what was told
	ws.serve()
	if mode == "http" {
		s.RequestsTo(ws.bridge.inbox())
	} else {
		s.Until("the bridge is connected", func() bool { return s.Connected() > 0 })
	}
	return ws
}

// listen keeps all that Slack was told. Codes go there, to one person.
func (ws *workspace) listen() {
	for _, e := range ws.slack.Exchanges() {
		ws.heard("Slack", e.Asked+"\n"+e.Answer, userCode)
	}
}

// allowed is somebody who follows Open, and allows.
func (ws *workspace) allowed(p *slacktest.Person, login string) {
	ws.allowsAt(p.Button(ws.openLabel()).URL, login)
}

// TestSlack tells the whole story in each mode: the same presses, the same
// screens, the same ends.
func TestSlack(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"socket", "http"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			ws := inSlack(t, mode, options{})
			ws.aHumanIsAsked()
			ws.aTeamIsAsked()
			ws.somebodyDidNotAsk()
		})
	}
}

func (ws *workspace) aHumanIsAsked() {
	t := ws.t
	agent := ws.start("token", "--provider", "corp", "--scope", "files.read", "--reason", "summarise <!channel> https://evil.example")
	agent.says("asked alice in Slack")
	r := ws.onlyRequest()
	ws.sees(ws.alice, "Access request", r.CheckPhrase, "read your files")
	if shownCode.MatchString(ws.alice.Screen()) || strings.Contains(ws.bob.Screen(), "Access request") {
		t.Error("there is a code before anybody asked for one, or somebody else sees the card")
	}
	ws.alice.Press("Show code")
	code := ws.code(ws.alice)
	for _, push := range ws.slack.Pushes("U0ALICE") {
		if strings.Contains(push, code) {
			t.Errorf("her locked screen showed %q", push)
		}
	}
	ws.allowed(ws.alice, "alice")
	ws.sees(ws.alice, "Approved")
	agent.wait().wants(t, 0, "granted by alice")
	if shownCode.MatchString(ws.alice.Screen()) {
		t.Error("the code is still there")
	}
	ws.alice.Press("Revoke", "Revoke")
	ws.slack.Until("the grant is over", func() bool { return ws.onlyGrant().State == api.GrantRevoked })
}

func (ws *workspace) aTeamIsAsked() {
	t, mallory := ws.t, ws.slack.Person("U0MALLORY")
	r := ws.ask(`"team":"oncall"`)
	for _, p := range []*slacktest.Person{ws.alice, ws.bob, mallory} {
		ws.sees(p, "Waiting for someone to claim")
	}
	mallory.PressIn("Waiting for someone to claim", "Claim")
	ws.sees(mallory, "You are nobody here yet")
	if now := ws.request(r.ID); now.Claimed {
		t.Error("a stranger claimed it")
	}
	ws.bob.PressIn("Waiting for someone to claim", "Claim")
	code := ws.code(ws.bob)
	ws.sees(ws.alice, "Claimed by bob")
	for _, p := range []*slacktest.Person{ws.alice, mallory} {
		if strings.Contains(p.Screen(), code) || strings.Contains(p.Screen(), r.CheckPhrase) {
			t.Errorf("the team sees what is bob's alone:\n%s", p.Screen())
		}
	}
	ws.allowed(ws.bob, "bob")
	ws.becomes(r.ID, api.Granted)
	ws.sees(ws.alice, "Approved by bob")
	ws.collect(r.ID)
}

func (ws *workspace) somebodyDidNotAsk() {
	r := ws.ask(`"session":"another","origin":{"platform":"slack","channel":"C0AGENTS"}`)
	mallory := ws.slack.Person("U0MALLORY")
	ws.sees(mallory, "helper has asked alice")
	ws.sees(ws.alice, r.CheckPhrase)
	ws.alice.PressIn(r.CheckPhrase, "I did not ask for this")
	ws.ends(r.ID, api.Denied, "not_me")
	ws.http("POST", api.RequestsPath, `{"provider":"corp","scopes":["files.read"]}`).problem(ws.t, api.ProblemSuspended)
	if strings.Contains(mallory.Screen(), r.CheckPhrase) {
		ws.t.Error("the agent's thread has the phrase")
	}
	ws.alice.Command("/authbridge whoami")
	ws.sees(ws.alice, "You are alice here")
	ws.alice.OpenHome()
	ws.sees(ws.alice, "Allow again")
	if ws.slack.Connected() == 0 {
		for _, path := range []string{slacktest.InteractionsPath, slacktest.CommandsPath, slacktest.EventsPath} {
			reached(ws.t, route, "POST "+path)
		}
	}
}

// delivered waits until the agent is told this of a card in Slack.
func (ws *workspace) delivered(id, want string) {
	ws.t.Helper()
	r := ws.request(id)
	for range 20 {
		for _, d := range r.Delivery {
			if d.Channel == "slack" && string(d.State) == want {
				return
			}
		}
		r = decode[api.Request](ws.t, ws.http("GET", fmt.Sprintf("%s?after=%d&wait=5", api.RequestPath(id), r.Version), "").wants(ws.t, 200))
	}
	ws.t.Fatalf("the card was never %s: %+v", want, r.Delivery)
}

// TestBehaviour01NoSecretReachesSlack: what Slack was told in a whole story
// holds the code that it is to show, and nothing else that is secret.
func TestBehaviour01NoSecretReachesSlack(t *testing.T) {
	t.Parallel()
	ws := inSlack(t, "socket", options{})
	ws.aHumanIsAsked()
	var secrets []string
	for _, name := range []string{"device_code", "access_token", "id_token"} {
		said := ws.provider.said(name)
		if len(said) == 0 {
			t.Fatalf("the provider gave no %s", name)
		}
		secrets = append(secrets, said...)
	}
	secrets = append(secrets, corpSecret, ws.slack.BotToken(), ws.slack.AppToken())
	if leaks := ws.slack.Leaks(secrets...); len(leaks) > 0 {
		t.Errorf("Slack was told: %v", leaks)
	}
}

// What a provider says that no card may show: a place that is not its own, and
// a code that is none.
func TestBehaviour11ForeignHostIsNotShown(t *testing.T) {
	t.Parallel()
	notShown(t, oauthtest.Set("verification_uri", "https://evil.example/device"), "evil.example")
}

func TestBehaviour12MalformedCodeIsNotShown(t *testing.T) {
	t.Parallel()
	notShown(t, oauthtest.Set("user_code", "`<!channel>` CODE"), "<!channel>")
}

func notShown(t *testing.T, fault oauthtest.Fault, hidden string) {
	t.Helper()
	ws := inSlack(t, "socket", options{issuer: oauthtest.New(settings())})
	ws.issuer.Inject(oauthtest.Device, fault)
	r := ws.ask("")
	ws.sees(ws.alice, "Show code")
	ws.alice.Press("Show code")
	ws.ends(r.ID, api.Failed, api.OutcomeProviderError)
	ws.sees(ws.alice, "Failed")
	if leaks := ws.slack.Leaks(hidden); len(leaks) > 0 {
		t.Errorf("Slack was told: %v", leaks)
	}
}

// TestSlackIsAway: what an agent is told of a card that does not arrive, and
// what becomes of it.
func TestSlackIsAway(t *testing.T) {
	t.Parallel()
	ws := inSlack(t, "socket", options{})
	ws.slack.Fail("chat.postMessage", 2, slacktest.Fault{Status: 503})
	late := ws.ask(`"human":"alice"`)
	ws.delivered(late.ID, "retrying")
	ws.delivered(late.ID, "shown")
	ws.alice.PressIn(late.CheckPhrase, "Show code")
	ws.code(ws.alice)

	ws.slack.Change(func(w *slacktest.World) { w.Person("U0BOB").NoPost = "messages_tab_disabled" })
	closed := ws.ask(`"human":"bob"`)
	ws.delivered(closed.ID, "unreachable")
	ws.ends(closed.ID, api.Failed, "human_unreachable")

	ws.slack.Change(func(w *slacktest.World) { w.App.Refuse = "token_revoked" })
	ws.slack.Tolerate("token_revoked")
	ws.delivered(ws.ask(`"human":"alice","session":"finds out"`).ID, "retrying")
	ws.http("POST", api.RequestsPath, `{"provider":"corp","human":"bob","scopes":["files.read"],"session":"one more"}`).problem(t, api.ProblemChatUnavailable)
	// Nobody else notices: the inbox works as ever.
	ws.human("alice").card(late.ID)
}

// TestShownAgain: a card that is lost in the stream comes once more, and the
// one before it says so.
func TestShownAgain(t *testing.T) {
	t.Parallel()
	ws := inSlack(t, "socket", options{})
	r := ws.ask(`"team":"oncall"`)
	ws.sees(ws.alice, "Waiting for someone to claim")
	ws.alice.Press("Claim")
	code := ws.code(ws.alice)
	ws.sees(ws.alice, "Claimed by alice")
	ws.alice.PressIn("Claimed by alice", "Show again")
	ws.sees(ws.alice, "Shown again below")
	ws.slack.Until("there is one code on her screen", func() bool { return strings.Count(ws.alice.Screen(), "| "+code) == 1 })
	reached(t, button, "Show again")
	ws.bob.PressIn("Claimed by alice", "Show again")
	ws.sees(ws.bob, "alice has claimed it")
	if strings.Contains(ws.bob.Screen(), code) {
		t.Error("bob was shown the code")
	}
	ws.alice.PressIn("Claimed by alice", "Release")
	ws.sees(ws.bob, "Waiting for someone to claim", "Released by alice")
	ws.slack.Until("the code is gone", func() bool { return !strings.Contains(ws.alice.Screen(), code) })
	ws.http("DELETE", api.RequestPath(r.ID), "").wants(t, 200)
}

// TestTheManifest is what an operator pastes, and what the doctor then finds.
func TestTheManifest(t *testing.T) {
	t.Parallel()
	ws := inSlack(t, "socket", options{})
	got := ws.cli("slack", "manifest").wants(t, 0)
	for _, scope := range slacktest.BotScopes() {
		if !strings.Contains(got.stdout, "- "+scope+"\n") {
			t.Errorf("the manifest does not ask for %s", scope)
		}
	}
	about := func() (all []string) {
		for _, f := range ws.doctor(0).Findings {
			if f.About == "slack" {
				all = append(all, f.Level+": "+f.What)
			}
		}
		return all
	}
	if found := strings.Join(about(), "\n"); strings.Contains(found, "fail:") || !strings.Contains(found, "ok: the bridge is connected") {
		t.Errorf("the doctor says\n%s", found)
	}
}

// TestAPressIsTried through the running bridge, in each mode: what only a press
// can show.
func TestAPressIsTried(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"socket", "http"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			ws := inSlack(t, mode, options{})
			trial := ws.start("doctor", "--press", "alice")
			ws.sees(ws.alice, "[It works]")
			if strings.Contains(ws.bob.Screen(), "It works") {
				t.Error("bob sees alice's button")
			}
			ws.alice.Press("It works")
			if got := trial.wait().wants(t, 0); !regexp.MustCompile(`(?m)^ok +slack +alice's press arrived after [0-9]+ ms$`).MatchString(got.stdout) {
				t.Errorf("the doctor says\n%s", got.stdout)
			}
			ws.sees(ws.alice, "Your press has arrived")

			ws.slack.Change(func(w *slacktest.World) { w.Person("U0BOB").NoPost = "messages_tab_disabled" })
			if got := ws.cli("doctor", "--press", "bob").wants(t, 8); !strings.Contains(got.stdout, "bob's press cannot be tried") || !strings.Contains(got.stdout, "switch the Messages Tab on") {
				t.Errorf("of bob the doctor says\n%s", got.stdout)
			}
			ws.cli("doctor", "--press", "zoe").wants(t, 8, `there is no human "zoe"`)
		})
	}
}
