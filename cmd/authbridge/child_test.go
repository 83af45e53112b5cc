package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// execAt runs exec at a desk that grants this token.
func execAt(t *testing.T, secret string, args ...string) result {
	t.Helper()
	d := newDesk(t)
	d.grants(tokenOf(secret))
	return d.call(append([]string{"exec", "--provider", "corp"}, args...)...)
}

func TestExecEndsAsItsCommandDoes(t *testing.T) {
	dir := t.TempDir()
	plain := dir + "/plain"
	if err := os.WriteFile(plain, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		argv []string
		exit int
		said string // on our part
	}{
		{[]string{"true"}, 0, ""},
		{[]string{"false"}, 1, ""},
		{[]string{"sh", "-c", "exit 3"}, 3, ""},
		{[]string{"sh", "-c", "exit 255"}, 255, ""},
		{[]string{"sh", "-c", "kill -TERM $$"}, 128 + int(syscall.SIGTERM), ""},
		{[]string{"sh", "-c", "kill -KILL $$"}, 128 + int(syscall.SIGKILL), ""},
		{[]string{"no-such-command-anywhere"}, 127, "authbridge: no-such-command-anywhere: command not found\n"},
		{[]string{dir + "/missing"}, 127, "command not found\n"},
		{[]string{plain}, 126, "authbridge: cannot run " + plain},
		{[]string{dir}, 126, "authbridge: cannot run " + dir},
	} {
		got := execAt(t, "tok-123", append([]string{"--"}, c.argv...)...).expect(t, c.exit, c.said)
		if c.said == "" && strings.Contains(got.err, "authbridge:") {
			t.Errorf("%v: a line of ours came after the command ran: %s", c.argv, got.err)
		}
	}
}

// TestTheTokenIsInTheEnvironmentAlone: not among the arguments of the child,
// not in our own environment, not on a stream.
func TestTheTokenIsInTheEnvironmentAlone(t *testing.T) {
	const look = `
		secret=tok; secret="$secret-123"
		test "$AUTHBRIDGE_TOKEN" = "$secret" || exit 10
		for process in $$ $PPID; do
			if test -r /proc/$process/cmdline; then args=$(tr '\0' ' ' </proc/$process/cmdline)
			else args=$(ps -ww -o args= -p $process); fi
			case $args in "") exit 11;; *"$secret"*) exit 12;; esac
		done`
	got := execAt(t, "tok-123", "--", "sh", "-c", look, "sh", "first argument", "second")
	if got.exit != 0 || got.out != "" || strings.Contains(got.err, "tok-123") {
		t.Errorf("exit %d, %q, %q", got.exit, got.out, got.err)
	}
	if slices.ContainsFunc(os.Environ(), func(v string) bool { return strings.Contains(v, "tok-123") }) {
		t.Error("the token is in our own environment")
	}
}

func TestExecGivesItsStreamsToTheCommand(t *testing.T) {
	got := execAt(t, "tok-123", "--", "sh", "-c", "echo result; echo remark >&2; cat").expect(t, 0, "remark\n")
	if got.out != "result\n" {
		t.Errorf("standard output holds %q", got.out)
	}
}

func TestExecNamesTheVariable(t *testing.T) {
	const show = `printf '%s %s' "$GH_TOKEN" "${AUTHBRIDGE_TOKEN-unset}"`
	got := execAt(t, "tok-123", "--env", "GH_TOKEN", "--", "sh", "-c", show).expect(t, 0)
	if got.out != "tok-123 unset" {
		t.Errorf("the command sees %q", got.out)
	}
}

// TestAnInheritedVariableGivesWay: the command must never get yesterday's
// token because both are there.
func TestAnInheritedVariableGivesWay(t *testing.T) {
	t.Setenv("GH_TOKEN", "yesterday")
	got := execAt(t, "tok-123", "--env", "GH_TOKEN", "--", "env").expect(t, 0)
	if n := strings.Count("\n"+got.out, "\nGH_TOKEN="); n != 1 || !strings.Contains(got.out, "GH_TOKEN=tok-123\n") {
		t.Errorf("GH_TOKEN is there %d times:\n%s", n, got.out)
	}
}

// TestTheKeyStaysBehind: who is handed one token must not be able to ask for
// all that the agent may have.
func TestTheKeyStaysBehind(t *testing.T) {
	t.Setenv("AUTHBRIDGE_KEY", "abk_of-the-agent")
	t.Setenv("AUTHBRIDGE_KEY_ID", "7")
	got := execAt(t, "tok-123", "--", "env").expect(t, 0)
	if strings.Contains(got.out, "abk_of-the-agent") {
		t.Errorf("the command was handed the agent's key:\n%s", got.out)
	}
	if !strings.Contains(got.out, "AUTHBRIDGE_TOKEN=tok-123\n") || !strings.Contains(got.out, "AUTHBRIDGE_KEY_ID=7\n") {
		t.Errorf("the command lacks what is its own:\n%s", got.out)
	}

	got = execAt(t, "tok-123", "--env", "AUTHBRIDGE_KEY", "--", "env").expect(t, 0)
	if strings.Contains(got.out, "abk_of-the-agent") || !strings.Contains(got.out, "AUTHBRIDGE_KEY=tok-123\n") {
		t.Errorf("the variable that was named does not hold the token alone:\n%s", got.out)
	}
}

func TestNamesOfVariables(t *testing.T) {
	for name, good := range map[string]bool{
		"AUTHBRIDGE_TOKEN": true, "_": true, "a1": true,
		"": false, "1A": false, "A-B": false, "A=B": false, "A B": false, "A\n": false, "A\x00": false, "Ä": false,
	} {
		d := newDesk(t)
		d.grants(tokenOf("tok-123"))
		want := exitUsage
		if good {
			want = exitDone
		}
		d.call("exec", "--provider", "corp", "--env", name, "--", "true").expect(t, want)
		if !good && d.Calls() > 0 {
			t.Errorf("%q: the human was asked before the name was looked at", name)
		}
	}
}

func TestExecNeedsACommand(t *testing.T) {
	for _, args := range [][]string{{"exec"}, {"exec", "--provider", "corp"}, {"exec", "--provider", "corp", "--"}} {
		command(nil, args...).expect(t, exitUsage, "exec needs a command: authbridge exec --provider NAME -- COMMAND")
	}
}

// TestFlagsBehindTheCommandAreTheCommands: nothing of what is to be run is
// taken for ours, with or without the two dashes.
func TestFlagsBehindTheCommandAreTheCommands(t *testing.T) {
	for _, args := range [][]string{{"--", "echo", "--json", "-n", "--help"}, {"echo", "--json", "-n", "--help"}} {
		if got := execAt(t, "tok-123", args...).expect(t, 0); got.out != "--json -n --help\n" {
			t.Errorf("%v prints %q", args, got.out)
		}
	}
}

func TestATokenThatFitsIntoNoEnvironment(t *testing.T) {
	execAt(t, "tok\x00", "--", "true").expect(t, exitOther, "authbridge: the token holds a zero byte")
}

// TestTheKeyboardReachesTheChildByItself: it must not see one Ctrl-C twice.
func TestTheKeyboardReachesTheChildByItself(t *testing.T) {
	for _, c := range []struct {
		sig        syscall.Signal
		foreground bool
		passed     bool
	}{
		{syscall.SIGINT, true, false},
		{syscall.SIGQUIT, true, false},
		{syscall.SIGTERM, true, true},
		{syscall.SIGINT, false, true},
		{syscall.SIGHUP, false, true},
	} {
		child := exec.CommandContext(t.Context(), "sleep", "60")
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// What comes second ends the child in any case; which of the two did
		// it tells whether the first was passed on.
		signals := make(chan os.Signal, 2)
		signals <- c.sig
		signals <- syscall.SIGUSR1
		done := make(chan struct{})
		over := make(chan struct{})
		go func() {
			defer close(over)
			passOn(child.Process, signals, done, func() bool { return c.foreground })
		}()
		_ = child.Wait()
		close(done)
		<-over
		want := syscall.SIGUSR1
		if c.passed {
			want = c.sig
		}
		if got := exitOfChild(child.ProcessState, nil); got != exitSignalled+int(want) {
			t.Errorf("%s, foreground %v: the child ended with %d, want %d", c.sig, c.foreground, got, exitSignalled+int(want))
		}
	}
}
