package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/authbridge/authbridge/bridge"
)

// proposed are the words that a shell would propose, without what they are.
func (r result) proposed(t *testing.T) (words []string) {
	t.Helper()
	for line := range strings.Lines(r.expect(t, exitDone).out) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); !strings.HasPrefix(word, ":") {
			words = append(words, word)
		}
	}
	return words
}

// completing is the call that a shell makes where the next word begins.
func completing(typed string) []string {
	return append(append([]string{"__complete"}, strings.Fields(typed)...), "")
}

func TestFlagsAreCompletedWithWhatTheAgentMayAsk(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct{ typed, want string }{
		{"token --provider", "corp wiki"},
		{"exec --provider", "corp wiki"},
		{"token --scope", "files.read pages"},
		{"token --provider wiki --scope", "pages"},
		{"token --human", "alice bob"},
		{"ask --provider wiki --human", "alice"},
		{"token --team", ""},
		{"token --format", "token json header env"},
		{"list --state", "asked coded held granted collected denied expired cancelled failed"},
		{"token --reason", ""},
		{"help admin", "issuers lift list release revoke"},
		{"help nonsense", ""},
	} {
		if got := strings.Join(d.call(completing(c.typed)...).proposed(t), " "); got != c.want {
			t.Errorf("%s proposes %q, want %q", c.typed, got, c.want)
		}
	}
}

func TestIDsAreCompleted(t *testing.T) {
	d := newDesk(t)
	open := strings.TrimSpace(d.call("ask", "--provider", "corp", "--session", "one").expect(t, exitDone).out)
	over := strings.TrimSpace(d.call("ask", "--provider", "corp", "--session", "two").expect(t, exitDone).out)
	d.call("cancel", over).expect(t, exitDone)
	live := string(d.gives("three"))
	d.gives("four", func(g *bridge.Grant) { g.State = bridge.GrantEnded })
	for _, c := range []struct{ command, want string }{
		{"wait", open},
		{"cancel", open},
		{"status", over + " " + open},
		{"revoke", live},
		{"wait " + open, ""},
	} {
		if got := strings.Join(d.call(completing(c.command)...).proposed(t), " "); got != c.want {
			t.Errorf("%s proposes %q, want %q", c.command, got, c.want)
		}
	}
	if got := d.call("__complete", "wait", ""); !strings.Contains(got.out, "asked · default scopes at corp from alice") {
		t.Errorf("an id is proposed without what it is: %q", got.out)
	}
}

// TestHumansAreCompletedFromTheConfiguration, even where the shell has not the
// daemon's secrets.
func TestHumansAreCompletedFromTheConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "authbridge.yaml")
	text := "providers: {corp: {issuer: \"https://login.example.com\", client_id: a, client_secret: env:CORP_SECRET}}\nhumans: {bob: {}, alice: {email: alice@example.com}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"AUTHBRIDGE_CONFIG=" + file}
	for _, c := range []struct{ command, want string }{
		{"inbox link", "alice bob"},
		{"human unlink", "alice bob"},
		{"human link", "alice bob"},
		{"human unlink alice --issuer", "https://login.example.com"},
	} {
		if got := strings.Join(command(env, completing(c.command)...).proposed(t), " "); got != c.want {
			t.Errorf("%s proposes %q, want %q", c.command, got, c.want)
		}
	}
}

// TestNoBridgeNoProposals: the shell of somebody who types gets no complaint,
// and does not hang.
func TestNoBridgeNoProposals(t *testing.T) {
	deaf, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(shortDir(t), "deaf.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = deaf.Close() })
	for socket, calls := range map[string][]string{
		"/nowhere/agent.sock": {"token --provider", "wait", "revoke", "admin revoke", "admin lift", "inbox link"},
		deaf.Addr().String():  {"token --provider", "admin revoke"},
	} {
		env := []string{"AUTHBRIDGE_SOCKET=" + socket, "AUTHBRIDGE_ADMIN_SOCKET=" + socket, "AUTHBRIDGE_CONFIG=/nowhere/authbridge.yaml"}
		for _, typed := range calls {
			began := time.Now()
			got := command(env, completing(typed)...)
			if words := got.proposed(t); len(words) > 0 || strings.Contains(got.err, "authbridge:") {
				t.Errorf("%s at %s: %q %q", typed, socket, got.out, got.err)
			}
			if took := time.Since(began); took > 20*completeWithin {
				t.Errorf("%s at %s took %s", typed, socket, took)
			}
		}
	}
}

// TestProposalsCannotSteerATerminal: what came from elsewhere stays one line.
func TestProposalsCannotSteerATerminal(t *testing.T) {
	a := &app{stdio: &stdio{}}
	if got := a.word("corp\n:0", "a\tb\x1b[2J\nevil\tcommand"); strings.ContainsAny(got, "\n\x1b") || strings.Count(got, "\t") != 1 {
		t.Errorf("proposed as %q", got)
	}
}

// TestEveryFlagSaysHowItIsCompleted: the default of a shell, the files of the
// directory, is right for few flags and arguments.
func TestEveryFlagSaysHowItIsCompleted(t *testing.T) {
	paths := map[string]bool{"socket": true, "admin-socket": true}
	everyCommand(t, func(c *cobra.Command) {
		if c.ValidArgsFunction == nil {
			t.Errorf("%s: nothing says how its arguments are completed", c.CommandPath())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if _, says := c.GetFlagCompletionFunc(f.Name); !says && !paths[f.Name] && f.NoOptDefVal == "" {
				t.Errorf("%s --%s: nothing says how its value is completed (see complete.go)", c.CommandPath(), f.Name)
			}
		})
	})
}
