package discord

import (
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/adapters/discord/discordtest"
	"github.com/authbridge/authbridge/bridge"
)

// An answer that comes after Discord had to be told to wait takes the place of
// that, and stands there once, for who typed it alone.
func TestASlowCommandIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.runs()
	let := o.desk.Slowly()
	o.discord.Person(discordtest.Alice).CommandIn(discordtest.Deploys, "authbridge whoami")
	o.discord.Until("Discord was told to wait", func() bool { return len(o.discord.Calls(routeRespond)) == 1 })
	let()
	o.sees(discordtest.Alice, "only you can see this", "You are alice here")
	o.sees(discordtest.Bob, "!You are alice here")
	if screen := o.discord.Person(discordtest.Alice).Screen(); strings.Count(screen, "@authbridge") != 1 {
		t.Errorf("alice sees more than one answer:\n%s", screen)
	}
}

// TestBehaviour17WhoHasNoSayTiesNothing: who is pending in a server, and a bot,
// become nobody by a code, and it is not used up.
func TestBehaviour17WhoHasNoSayTiesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desk.Codes["ABCD-1234"] = "carol"
	o.runs()
	dave := o.discord.Person(discordtest.Dave)
	for _, line := range []string{"link code:ABCD-1234", "unlink", "list", "revoke name:7f3c", "verify code:" + userCode, "whoami", "pending"} {
		dave.CommandIn(discordtest.Deploys, "authbridge "+line)
		o.sees(discordtest.Dave, "not yet agreed to the rules")
		dave.Dismiss("not yet agreed")
	}
	for _, command := range []string{"link", "unlink", "list"} {
		said := o.adapter.serve(t.Context(), inbound{
			kind: commanded, user: discordtest.Robot, bot: true, command: command, options: map[string]string{"code": "ABCD-1234"}, at: time.Now(),
		})
		if text := string(asJSON(t, said.Body)); !strings.Contains(text, "A bot has no say here") {
			t.Errorf("a bot that types %s is told %s", command, text)
		}
	}
	if o.desk.Codes["ABCD-1234"] != "carol" || o.desk.People[discordtest.Dave] != "dave" || o.desk.People[discordtest.Robot] != "robot" {
		t.Errorf("the codes are %v, the people %v", o.desk.Codes, o.desk.People)
	}
}

// Whatever is typed is repeated to nobody, and a command that is none gets
// help.
func TestNoCommandRepeatsWhatWasTyped(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, command := range []string{"", "list", "pending", "revoke", "verify", "link", "unlink", "whoami", "help", "become_admin"} {
		for _, user := range []string{discordtest.Alice, discordtest.Carol} {
			said := o.adapter.serve(t.Context(), inbound{
				kind: commanded, user: user, command: command, at: time.Now(),
				options: map[string]string{"code": "@everyone WDJB", "name": "<@1> WDJB", "else": "WDJB"},
			})
			text := string(asJSON(t, said.Body))
			if strings.Contains(text, "WDJB") || !strings.Contains(text, `"flags":68`) || !strings.Contains(text, `"parse":[]`) {
				t.Errorf("/authbridge %s is answered with %s", command, text)
			}
			if command == "become_admin" && !strings.Contains(text, "what waits for you") {
				t.Errorf("it is no help: %s", text)
			}
		}
	}
}

// Pages that are not there, and those of somebody who is nobody any more.
func TestPagesThatAreNotThere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	given := over(card(revoke))
	given.Headline, given.Ending, given.Buttons = "Approved", "helper has access.", []bridge.Button{revoke}
	o.desk.Shown.Given = []bridge.Card{given}
	turn := func(page, user string) string {
		said := o.adapter.serve(t.Context(), inbound{kind: pressed, user: user, custom: customID(doPage, page), ephemeral: true, at: time.Now()})
		return string(asJSON(t, said.Body))
	}
	for _, page := range []string{"0", "1", "99999999", "-1", "-99999999"} {
		if text := turn(page, discordtest.Alice); !strings.Contains(text, `"type":7`) || !strings.Contains(text, "helper has access") {
			t.Errorf("page %s is %s", page, text)
		}
	}
	for _, page := range []string{"x", "99999999999999999999", "1.5", "0x1"} {
		if text := turn(page, discordtest.Alice); text != "null" {
			t.Errorf("page %s is %s", page, text)
		}
	}
	if text := turn("0", discordtest.Carol); !strings.Contains(text, "You are nobody here yet") || strings.Contains(text, "helper") {
		t.Errorf("a stranger sees %s", text)
	}
}

// What was asked on a message that others see is not answered in its place.
func TestOnlyWhatOneSeesIsReplaced(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, custom := range []string{customID(doKeep, string(request)), customID(doSure+"revoke", string(request)), customID(doPage, "0")} {
		for _, ephemeral := range []bool{true, false} {
			said := o.adapter.serve(t.Context(), inbound{kind: pressed, user: discordtest.Alice, custom: custom, ephemeral: ephemeral, at: time.Now()})
			text := string(asJSON(t, said.Body))
			if strings.Contains(text, `"type":7`) != ephemeral || strings.Contains(text, `"flags":68`) == ephemeral {
				t.Errorf("%s, seen by one: %t: %s", custom, ephemeral, text)
			}
		}
	}
}

// What is pressed twice, the second time on what it was before, says so where
// it stands.
func TestRevokeNowTwice(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	given := over(card(revoke))
	given.Headline, given.Ending, given.Buttons = "Approved", "helper has access.", []bridge.Button{revoke}
	o.desk.Shown.Given = []bridge.Card{given}
	ended := false
	o.desk.OnClick = func(bridge.Clicker, bridge.RequestID, bridge.Verb) (bridge.Card, string, error) {
		if ended {
			return over(card()), "This is over already.", nil
		}
		ended = true
		return bridge.Card{Ending: "Revoked by you."}, "", nil
	}
	o.runs()
	alice := o.discord.Person(discordtest.Alice)
	alice.CommandIn(discordtest.Deploys, "authbridge revoke name:7f3c")
	o.sees(discordtest.Alice, "Revoke now")
	button := alice.Button("Revoke now")
	button.Press()
	o.sees(discordtest.Alice, "Revoked by you", "!Revoke now")
	button.Press()
	o.sees(discordtest.Alice, "This is over already", "!Revoked by you")
	if did := o.desk.Did(); did != "alice revoke, alice revoke" || len(o.desk.Adopted) != 0 {
		t.Errorf("she did %s, and adopted are %q", did, o.desk.Adopted)
	}
}
