package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
)

// everyCommand walks over all commands that are the program's own.
func everyCommand(t *testing.T, visit func(*cobra.Command)) {
	t.Helper()
	a := &app{stdio: &stdio{env: func(string) string { return "" }}}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "completion" || c.Hidden {
			return // one explains itself, the others have not landed
		}
		visit(c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(a.root())
}

func TestTheCommandsAreThoseThatWerePromised(t *testing.T) {
	var names []string
	everyCommand(t, func(c *cobra.Command) {
		if !c.HasSubCommands() {
			names = append(names, strings.TrimPrefix(c.CommandPath(), "authbridge "))
		}
	})
	slices.Sort(names)
	want := []string{"admin issuers", "admin lift", "admin list", "admin release", "admin revoke", "agent add", "ask", "audit", "backup", "cancel", "config check", "demo", "discord invite", "doctor", "exec", "grants", "human link", "human unlink", "inbox link", "init", "list", "providers", "revoke", "serve", "slack manifest", "status", "token", "version", "wait"}
	if !slices.Equal(names, want) {
		t.Errorf("there are %v, want %v", names, want)
	}
}

func TestAFlagThatACommandHasNoUseForIsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"serve", "--socket", "/nowhere"},
		{"serve", "--json"},
		{"demo", "--socket", "/nowhere"},
		{"demo", "--config", "/nowhere"},
		{"token", "--config", "/nowhere"},
		{"--config", "/nowhere", "token"},
		{"list", "--admin-socket", "/nowhere"},
		{"doctor", "--socket", "/nowhere"},
		{"exec", "--json", "--", "true"},
		{"inbox", "link", "alice", "--socket", "/nowhere"},
		{"ask", "--provider", "corp", "--timeout", "1m"},
	} {
		if got := command(nil, args...).expect(t, exitUsage); !strings.Contains(got.err, "no use") {
			t.Errorf("%v: %s", args, got.err)
		}
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	everyCommand(t, func(c *cobra.Command) {
		path := strings.Fields(c.CommandPath())[1:]
		got := command(nil, append(path, "--help")...).expect(t, exitDone)
		if got.err != "" {
			t.Errorf("%s: help goes to standard error", c.CommandPath())
		}
		if !c.HasSubCommands() && !strings.Contains(got.out, "Examples:\n  ") {
			t.Errorf("%s has no example", c.CommandPath())
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q is no heading", c.CommandPath(), c.Short)
		}
		for line := range strings.SplitSeq(c.Long+"\n"+c.Example, "\n") {
			if len(line) > 110 {
				t.Errorf("%s: a line of its help has %d bytes", c.CommandPath(), len(line))
			}
		}
		asked := command(nil, append([]string{"help"}, path...)...).expect(t, exitDone)
		if !strings.HasPrefix(asked.out, got.out[:strings.Index(got.out, "\n")]) {
			t.Errorf("help %s says something else", c.CommandPath())
		}
	})
}

// TestExamplesParse keeps the examples from naming what is not there.
func TestExamplesParse(t *testing.T) {
	everyCommand(t, func(c *cobra.Command) {
		for line := range strings.SplitSeq(c.Example, "\n") {
			_, call, found := strings.Cut(line, "authbridge ")
			if !found {
				continue
			}
			called, rest, err := c.Root().Find(strings.Fields(call))
			if err != nil || called == c.Root() {
				t.Errorf("%s: the example %q calls nothing", c.CommandPath(), line)
				continue
			}
			for _, word := range rest {
				if word == "--" {
					break
				}
				name, is := strings.CutPrefix(word, "--")
				if is && called.Flag(name) == nil && called.InheritedFlags().Lookup(name) == nil {
					t.Errorf("%s: the example %q has an unknown flag %s", c.CommandPath(), line, word)
				}
			}
		}
	})
}

func TestMistakesInTheCall(t *testing.T) {
	for _, c := range []struct{ call, said string }{
		{"nonsense", `authbridge knows no "nonsense"`},
		{"config nonsense", `authbridge config knows no "nonsense"`},
		{"config", "authbridge config needs one of its commands"},
		{"inbox", "authbridge inbox needs one of its commands"},
		{"inbox link", "authbridge inbox link takes one name of a human"},
		{"human", "authbridge human needs one of its commands"},
		{"human unlink", "authbridge human unlink takes one name of a human"},
		{"human link", "authbridge human link takes one name of a human"},
		{"human unlink alice --issuer=", "--issuer is empty; leave it out to mean all issuers"},
		{"help nonsense", `there is no command "nonsense" to explain`},
		{"completion", "authbridge completion needs one of its commands"},
		{"completion nonsense", `authbridge completion knows no "nonsense"`},
		{"completion bash more", `unknown command "more"`},
		{"token --nonsense", "unknown flag: --nonsense"},
		{"token --timeout soon", "invalid argument"},
		{"token more", `authbridge token knows no "more"`},
		{"token", "nothing to ask for; say at which provider with --provider, or for which URL with --resource"},
		{"token --provider corp --resource https://files.example.com", "--resource and --provider are two ways to say what is asked for; give one of them"},
		{"token --provider corp --human alice --team oncall", "--human and --team are two ways to say who is asked; give one of them"},
		{"token --provider corp --timeout -1s", "invalid argument \"-1s\""},
		{"token --provider corp --min-validity -1s", "invalid argument \"-1s\""},
		{"wait", "authbridge wait takes one request id"},
		{"wait a b", "authbridge wait takes one request id"},
		{"wait req_0123456789abcdefghij012345 --timeout -1s", "invalid argument \"-1s\""},
		{"status", "authbridge status takes one request id"},
		{"cancel", "authbridge cancel takes one request id"},
		{"revoke", "authbridge revoke takes one grant id"},
		{"admin", "authbridge admin needs one of its commands"},
		{"admin list more", `authbridge admin list knows no "more"`},
		{"admin list --limit 0", `invalid argument "0" for "--limit" flag: say a whole number, 1 or more`},
		{"admin revoke", "authbridge admin revoke takes one grant or request id"},
		{"admin release", "authbridge admin release takes one request id"},
		{"admin lift helper", "authbridge admin lift takes the names of an agent and a human"},
		{"grants more", `authbridge grants knows no "more"`},
		{"grants --limit 0", `invalid argument "0" for "--limit" flag: say a whole number, 1 or more`},
		{"list more", `authbridge list knows no "more"`},
		{"list --limit 0", `invalid argument "0" for "--limit" flag: say a whole number, 1 or more`},
		{"list --state waiting", `there is no state "waiting"`},
		{"config check a b", "config check takes one file at most"},
		{"version more", `authbridge version knows no "more"`},
		{"doctor more", `authbridge doctor knows no "more"`},
		{"serve more", `authbridge serve knows no "more"`},
	} {
		got := command([]string{"AUTHBRIDGE_SOCKET=/nowhere"}, strings.Fields(c.call)...).expect(t, exitUsage, "authbridge: "+c.said)
		if got.out != "" {
			t.Errorf("%s: standard output holds %q", c.call, got.out)
		}
	}
}

func TestFlagsAndGrammarPointToTheHelp(t *testing.T) {
	for _, c := range []struct{ call, hint string }{
		{"nonsense", "  hint: see authbridge --help\n"},
		{"tokken", "  hint: did you mean token? see authbridge --help\n"},
		{"admin lst", "  hint: did you mean list? see authbridge admin --help\n"},
		{"token --provder corp", "  hint: did you mean --provider? see authbridge token --help\n"},
		{"token --admin-sockett x", "  hint: see authbridge token --help\n"}, // which would be refused
		{"list --sockt x", "  hint: did you mean --socket? see authbridge list --help\n"},
		{"list --limit x", `invalid argument "x" for "--limit" flag: say a whole number, 1 or more`},
		{"list --limit -3", "say a whole number, 1 or more"},
		{"list --limit 99999999999", "say a whole number, 1 or more"},
		{"token --nonsense", "  hint: see authbridge token --help\n"},
		{"inbox link", "  hint: see authbridge inbox link --help\n"},
	} {
		command(nil, strings.Fields(c.call)...).expect(t, exitUsage, c.hint)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		got := command(nil, "completion", shell).expect(t, exitDone)
		if !strings.Contains(got.out, "authbridge") || got.err != "" {
			t.Errorf("%s: %d bytes, and %q on standard error", shell, len(got.out), got.err)
		}
	}
	got := command(nil, "__complete", "to").expect(t, exitDone)
	if !strings.HasPrefix(got.out, "token\t") {
		t.Errorf("what completes \"to\": %q", got.out)
	}
}

func TestVersion(t *testing.T) {
	if got := command(nil, "version").expect(t, exitDone); got.out != "authbridge "+version+"\n" || got.err != "" {
		t.Errorf("%+v", got)
	}
	var said struct{ Version string }
	command(nil, "version", "--json").expect(t, exitDone).object(t, &said)
	if said.Version != version {
		t.Errorf("version %q", said.Version)
	}
}

// TestJSON goes through every command that prints.
func TestJSON(t *testing.T) {
	d := newDesk(t)
	var r, again api.Request
	d.call("ask", "--provider", "corp", "--scope", "files.read", "--scope", "files.write", "--reason", "tidy up", "--session", "s1", "--json").
		expect(t, exitDone).object(t, &r)
	if r.State != api.Asked || r.Reason != "tidy up" || r.Session != "s1" || !slices.Equal(r.Scopes, []string{"files.read", "files.write"}) {
		t.Errorf("asked for %+v", r)
	}
	d.call("status", r.ID, "--json").expect(t, exitDone).object(t, &again)
	if again.ID != r.ID {
		t.Errorf("status tells of %s", again.ID)
	}
	var all []api.Request
	d.call("list", "--json").expect(t, exitDone).object(t, &all)
	if len(all) != 1 || all[0].ID != r.ID {
		t.Errorf("the list holds %+v", all)
	}
	d.grants(tokenOf("tok-123"))
	var token api.Token
	d.call("wait", r.ID, "--json").expect(t, exitDone).object(t, &token)
	if token.AccessToken != "tok-123" {
		t.Error("wait has another token")
	}
	d.call("cancel", r.ID, "--json").expect(t, exitDone).object(t, &again)
	if again.State != api.Collected {
		t.Errorf("cancelling what has ended makes it %s", again.State)
	}
}

func TestJSONOfNothing(t *testing.T) {
	if got := newDesk(t).call("list", "--json").expect(t, exitDone); got.out != "[]\n" {
		t.Errorf("an empty list is %q", got.out)
	}
}

// TestJSONWithAnError: who reads standard output gets JSON or nothing.
func TestJSONWithAnError(t *testing.T) {
	d := newDesk(t)
	d.ends(bridge.Denied, bridge.OutcomeDenied)
	if got := d.call("token", "--provider", "corp", "--json").expect(t, exitDenied); got.out != "" {
		t.Errorf("standard output holds %q", got.out)
	}
}

func TestListForPeople(t *testing.T) {
	d := newDesk(t)
	if got := d.call("list").expect(t, exitDone, "no requests; authbridge ask --provider NAME makes one"); got.out != "" {
		t.Errorf("standard output holds %q", got.out)
	}
	for _, session := range []string{"one", "two", "three"} {
		d.call("ask", "--provider", "corp", "--session", session).expect(t, exitDone)
	}
	if got := d.call("list").expect(t, exitDone); strings.Count(got.out, "\n") != 3 || !strings.Contains(got.out, "asked") || got.err != "" {
		t.Errorf("%+v", got)
	}
	if got := d.call("list", "--limit", "2").expect(t, exitDone); strings.Count(got.out, "\n") != 2 {
		t.Errorf("--limit 2 lists:\n%s", got.out)
	}
	if got := d.call("list", "--state", "denied,failed").expect(t, exitDone); got.out != "" {
		t.Errorf("those that failed:\n%s", got.out)
	}
}

func TestAskPassesOnWhatItIsTold(t *testing.T) {
	d := newDesk(t)
	d.call("ask", "--provider", "corp", "--scope", "a", "--scope", "b", "--human", "alice", "--reason", "why", "--session", "s", "--min-validity", "5m", "--fresh").
		expect(t, exitDone)
	got := d.Asks()[0]
	if got.Provider != "corp" || !slices.Equal(got.Scopes, []string{"a", "b"}) || got.Human != "alice" || got.Reason != "why" ||
		got.Session != "s" || got.MinValidity.String() != "5m0s" || !got.Fresh {
		plain, _ := json.Marshal(got)
		t.Errorf("the bridge was asked for %s", plain)
	}
}

// TestALiveGrantAnswersWithoutAHuman, and so without a word of progress.
func TestALiveGrantAnswersWithoutAHuman(t *testing.T) {
	d := newDesk(t)
	d.Serve(tokenOf("tok-live"))
	if got := d.call("token", "--provider", "corp").expect(t, exitDone); got.out != "tok-live\n" || got.err != "" {
		t.Errorf("%+v", got)
	}
}
