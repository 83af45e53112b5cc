package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// discordToken is the secret of the bot in Discord.
const discordToken = "the token of the bot in Discord"

// guild is a world whose people are in Discord, too. Discord is a strict
// stand-in: what it would refuse fails the test.
type guild struct {
	chat
	discord           *discordtest.Discord
	alice, bob, carol *discordtest.Person
}

// inDiscord starts a bridge whose people are reached in Discord, over the
// gateway or, with mode "http", by signed calls. Alice and bob are known by
// their ids; carol is nobody there.
func inDiscord(t *testing.T, mode string, o options) *guild {
	t.Helper()
	office := discordtest.Office()
	office.Unlimited = true
	d := discordtest.Start(t, office)
	token := filepath.Join(t.TempDir(), "bot")
	if err := os.WriteFile(token, []byte(d.Token()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.reuse = "4h"
	edit := o.edit
	o.edit = func(text string) string {
		if edit != nil {
			text = edit(text)
		}
		text = strings.Replace(text, "alice: {email: alice@example.com}", fmt.Sprintf("alice: {email: alice@example.com, discord: %q, via: [discord, web]}", discordtest.Alice), 1)
		text = strings.Replace(text, "bob: {email: bob@example.com}", fmt.Sprintf("bob: {email: bob@example.com, discord: %q, via: [discord]}", discordtest.Bob), 1)
		text = strings.Replace(text, "ask: [alice, bob]", "ask: [alice, bob, oncall, nights]", 1)
		text += fmt.Sprintf("teams: {oncall: {members: [alice, bob], discord: %q}, nights: {discord_role: %q, discord: %q}}\n", discordtest.Deploys, discordtest.OnCall, discordtest.Deploys)
		return text + fmt.Sprintf("discord: {bot_token: %q, mode: %s, public_key: %q, api_url: %q}\n", "file:"+token, mode, d.PublicKey(), d.URL())
	}
	g := &guild{
		chat: chat{prepareWorld(t, o), d.Until}, discord: d,
		alice: d.Person(discordtest.Alice), bob: d.Person(discordtest.Bob), carol: d.Person(discordtest.Carol),
	}
	g.secret(d.Token(), discordToken)
	t.Cleanup(g.listen) // before the world looks for what was told
	g.serve()
	if mode == "http" {
		d.RequestsTo(g.bridge.inbox())
	} else {
		d.Until("the bridge is connected", func() bool { return d.Connected() > 0 })
	}
	return g
}

// listen keeps all that Discord was told. Codes go there, to one person.
func (g *guild) listen() {
	for _, e := range g.discord.Exchanges() {
		g.heard("Discord", e.Asked+"\n"+e.Answer, userCode)
	}
}

// allowed is somebody who follows Open, and allows.
func (g *guild) allowed(p *discordtest.Person, login string) {
	g.allowsAt(p.Button(g.openLabel()).URL, login)
}

// TestDiscord tells the whole story in each mode: the same presses, the same
// screens, the same ends.
func TestDiscord(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"gateway", "http"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			g := inDiscord(t, mode, options{})
			g.aHumanIsAsked()
			g.aTeamIsAsked()
			g.somebodyDidNotAsk()
			if mode == "http" {
				reached(t, route, "POST "+discordtest.InteractionsPath)
			}
		})
	}
}

func (g *guild) aHumanIsAsked() {
	t := g.t
	agent := g.start("token", "--provider", "corp", "--scope", "files.read", "--reason", "summarise @everyone https://evil.example")
	agent.says("asked alice in Discord")
	r := g.onlyRequest()
	g.sees(g.alice, "Access request", r.CheckPhrase, "read your files")
	if shownCode.MatchString(g.alice.Screen()) || strings.Contains(g.bob.Screen(), "Access request") {
		t.Error("there is a code before anybody asked for one, or somebody else sees the card")
	}
	g.alice.Press("Show code")
	code := g.code(g.alice)
	for _, push := range g.discord.Pushes(discordtest.Alice) {
		if strings.Contains(push, code) {
			t.Errorf("her locked screen showed %q", push)
		}
	}
	g.allowed(g.alice, "alice")
	g.sees(g.alice, "Approved")
	agent.wait().wants(t, 0, "granted by alice")
	if shownCode.MatchString(g.alice.Screen()) {
		t.Error("the code is still there")
	}
	g.alice.Press("Revoke", "Revoke now")
	g.discord.Until("the grant is over", func() bool { return g.onlyGrant().State == api.GrantRevoked })
}

func (g *guild) aTeamIsAsked() {
	t := g.t
	r := g.ask(`"team":"oncall"`)
	for _, p := range []*discordtest.Person{g.alice, g.bob, g.carol} {
		g.sees(p, "Waiting for someone to claim")
	}
	g.carol.PressIn("Waiting for someone to claim", "Claim")
	g.sees(g.carol, "You are nobody here yet")
	if now := g.request(r.ID); now.Claimed {
		t.Error("a stranger claimed it")
	}
	g.bob.PressIn("Waiting for someone to claim", "Claim")
	code := g.code(g.bob)
	g.sees(g.bob, "only you can see this")
	g.sees(g.alice, "Claimed by bob")
	for _, p := range []*discordtest.Person{g.alice, g.carol} {
		if strings.Contains(p.Screen(), code) || strings.Contains(p.Screen(), r.CheckPhrase) {
			t.Errorf("the team sees what is bob's alone:\n%s", p.Screen())
		}
	}
	g.allowed(g.bob, "bob")
	g.becomes(r.ID, api.Granted)
	g.sees(g.alice, "Approved by bob")
	if strings.Contains(g.bob.Screen(), code) {
		t.Error("bob's code is still there")
	}
	g.collect(r.ID)
}

func (g *guild) somebodyDidNotAsk() {
	r := g.ask(fmt.Sprintf(`"session":"another","origin":{"platform":"discord","channel":%q}`, discordtest.Deploys))
	g.sees(g.carol, "helper has asked alice")
	g.sees(g.alice, r.CheckPhrase)
	g.alice.PressIn(r.CheckPhrase, "I did not ask for this")
	g.ends(r.ID, api.Denied, "not_me")
	g.http("POST", api.RequestsPath, `{"provider":"corp","scopes":["files.read"]}`).problem(g.t, api.ProblemSuspended)
	if strings.Contains(g.carol.Screen(), r.CheckPhrase) {
		g.t.Error("the agent's channel has the phrase")
	}
	g.alice.Command("authbridge whoami")
	g.sees(g.alice, "You are alice here")
}

// TestBehaviour01NoSecretReachesDiscord: what Discord was told in a whole story
// holds the code that it is to show, and nothing else that is secret.
func TestBehaviour01NoSecretReachesDiscord(t *testing.T) {
	t.Parallel()
	g := inDiscord(t, "gateway", options{})
	g.aHumanIsAsked()
	secrets := []string{corpSecret, g.discord.Token()}
	for _, name := range []string{"device_code", "access_token", "id_token"} {
		said := g.provider.said(name)
		if len(said) == 0 {
			t.Fatalf("the provider gave no %s", name)
		}
		secrets = append(secrets, said...)
	}
	if leaks := g.discord.Leaks(secrets...); len(leaks) > 0 {
		t.Errorf("Discord was told: %v", leaks)
	}
}

// What a provider says that no card may show, in Discord either: a place that is
// not its own, and a code that is none.
func TestBehaviour11ForeignHostIsNotShownInDiscord(t *testing.T) {
	t.Parallel()
	notShownInDiscord(t, oauthtest.Set("verification_uri", "https://evil.example/device"), "evil.example")
}

func TestBehaviour12MalformedCodeIsNotShownInDiscord(t *testing.T) {
	t.Parallel()
	notShownInDiscord(t, oauthtest.Set("user_code", "```@here CODE"), "@here")
}

func notShownInDiscord(t *testing.T, fault oauthtest.Fault, hidden string) {
	t.Helper()
	g := inDiscord(t, "gateway", options{issuer: oauthtest.New(settings())})
	g.issuer.Inject(oauthtest.Device, fault)
	r := g.ask(`"team":"oncall"`)
	g.sees(g.bob, "Waiting for someone to claim")
	g.bob.PressIn("Waiting for someone to claim", "Claim")
	g.ends(r.ID, api.Failed, api.OutcomeProviderError)
	g.sees(g.alice, "Failed")
	if leaks := g.discord.Leaks(hidden); len(leaks) > 0 {
		t.Errorf("Discord was told: %v", leaks)
	}
}

// TestLinkedInDiscord: somebody without an id is tied by a code, is of the team
// by their role from then on, and unties themselves.
func TestLinkedInDiscord(t *testing.T) {
	t.Parallel()
	g := inDiscord(t, "gateway", options{edit: func(text string) string {
		return strings.Replace(text, "alice: {", "carol: {email: carol@example.com, via: [discord]}\n  alice: {", 1)
	}})
	made := g.cli("human", "link", "carol").wants(t, 0).stdout
	g.discord.Until("the commands are there", func() bool { return len(g.discord.Calls("PUT /applications/{app}/commands")) == 1 })
	g.carol.Command("authbridge link code:WRONG123")
	g.sees(g.carol, "This code is wrong")
	g.carol.Command("authbridge link code:" + strings.Fields(made)[2])
	g.sees(g.carol, "You are carol here now")

	r := g.ask(`"team":"nights"`)
	g.alice.PressIn("Waiting for someone to claim", "Claim")
	g.sees(g.alice, "This is not for you to answer")
	g.carol.PressIn("Waiting for someone to claim", "Claim")
	g.code(g.carol)
	g.sees(g.alice, "Claimed by carol")
	g.carol.PressIn("Claimed by carol", "Release")
	g.sees(g.bob, "Released by carol")

	g.carol.Command("authbridge unlink")
	g.sees(g.carol, "You are not carol here any more")
	g.carol.PressIn("Released by carol", "Claim")
	g.sees(g.carol, "You are nobody here yet")
	g.http("DELETE", api.RequestPath(r.ID), "").wants(t, 200)
}

// TestAClaimWithDigits: the code of who claims comes after the digits that the
// agent shows, where they typed them; what they hold ends with their claim.
func TestAClaimWithDigits(t *testing.T) {
	t.Parallel()
	g := inDiscord(t, "http", options{edit: func(text string) string {
		return strings.Replace(text, "ask: [alice, bob]", "ask: [alice, bob], binding: require", 1)
	}})
	r := g.ask(`"team":"oncall"`)
	digits := regexp.MustCompile(`[0-9]{4}$`).FindString(r.CheckPhrase)
	if digits == "" {
		t.Fatalf("the agent has no digits to show: %q", r.CheckPhrase)
	}
	claims := func(typed string) {
		g.bob.PressIn("Waiting for someone to claim", "Claim")
		g.sees(g.bob, "Digits before you claim it")
		g.bob.Type("The four digits that the agent shows", typed)
		g.bob.Submit()
	}
	wrong := "0000"
	if digits == wrong {
		wrong = "1111"
	}
	claims(wrong)
	g.sees(g.bob, "These are not the digits that helper shows. Two tries are left.")
	if now := g.request(r.ID); now.Claimed || now.State != api.Asked {
		t.Errorf("with wrong digits: %+v", now)
	}
	claims(digits)
	code := g.code(g.bob)
	g.sees(g.alice, "Claimed by bob")
	if strings.Contains(g.alice.Screen(), digits) || strings.Contains(g.alice.Screen(), code) {
		t.Errorf("the team sees what is bob's alone:\n%s", g.alice.Screen())
	}
	g.bob.PressIn("Claimed by bob", "Release")
	g.sees(g.bob, "You released this")
	if strings.Contains(g.bob.Screen(), code) {
		t.Error("bob's code is still there")
	}
	g.http("DELETE", api.RequestPath(r.ID), "").wants(t, 200)
}

// TestTheInvitation is the link for whoever manages a server, and what the
// doctor then finds; and a press is tried.
func TestTheInvitation(t *testing.T) {
	t.Parallel()
	g := inDiscord(t, "gateway", options{})
	got := g.cli("discord", "invite").wants(t, 0).stdout
	if want := g.discord.URL() + "/oauth2/authorize?client_id=" + g.discord.App() + "&permissions=274877975552&scope=bot+applications.commands\n"; got != want {
		t.Errorf("the link is %q, want %q", got, want)
	}
	g.discord.Until("the commands are there", func() bool { return len(g.discord.Calls("PUT /applications/{app}/commands")) == 1 })
	var about []string
	for _, f := range g.doctor(0).Findings {
		if f.About == "discord" {
			about = append(about, f.Level+": "+f.What)
		}
	}
	if found := strings.Join(about, "\n"); strings.Contains(found, "fail:") || !strings.Contains(found, "ok: the bridge is connected") || !strings.Contains(found, "ok: /authbridge is registered") {
		t.Errorf("the doctor says\n%s", found)
	}
	trial := g.start("doctor", "--press", "alice")
	g.alice.Press("It works")
	if got := trial.wait().wants(t, 0); !regexp.MustCompile(`(?m)^ok +discord +alice's press arrived after [0-9]+ ms$`).MatchString(got.stdout) {
		t.Errorf("the doctor says\n%s", got.stdout)
	}
	g.sees(g.alice, "Your press has arrived")
}
