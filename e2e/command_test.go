package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// result is what came of a command.
type result struct {
	stdout, stderr string
	exit           int
}

// running is a command that has not ended yet.
type running struct {
	t      *testing.T
	world  *world
	args   []string
	cmd    *exec.Cmd
	stdout *journal
	stderr *journal
	done   chan struct{}
}

// cli runs a command to its end.
func (w *world) cli(args ...string) result {
	w.t.Helper()
	return w.start(args...).wait()
}

// start runs a command in the background. It is killed if the test ends first.
func (w *world) start(args ...string) *running {
	w.t.Helper()
	return w.startWith(nil, args...)
}

// startWith is start with more variables in the environment, or "NAME=" to
// take one away.
func (w *world) startWith(env []string, args ...string) *running {
	w.t.Helper()
	return w.spawn(exec.Command(binary, args...), env, args) //nolint:noctx // bounded by wait and by the end of the test
}

// spawn starts a process that tells what it says, and is known by args.
func (w *world) spawn(cmd *exec.Cmd, env, args []string) *running {
	w.t.Helper()
	r := &running{t: w.t, world: w, cmd: cmd, args: args, stdout: newJournal(), stderr: newJournal(), done: make(chan struct{})}
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = append(w.env(), env...), w.dir, r.stdout, r.stderr
	if err := r.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.done)
	}()
	w.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.done
	})
	return r
}

// wait returns how the command ended.
func (r *running) wait() result {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		r.t.Fatalf("%q still runs after %s\nstdout: %s\nstderr: %s", r.args, patience, r.stdout, r.stderr)
	}
	got := result{r.stdout.String(), r.stderr.String(), r.cmd.ProcessState.ExitCode()}
	if strings.Contains(got.stderr, "DATA RACE") {
		r.t.Errorf("%q raced:\n%s", r.args, got.stderr)
	}
	r.record(got)
	return got
}

// ended tells whether the command is over.
func (r *running) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// says waits until the command has said something on standard error.
func (r *running) says(words string) {
	r.t.Helper()
	eventually(r.t, strings.Join(r.args, " ")+" says "+words, func() bool {
		if strings.Contains(r.stderr.String(), words) {
			return true
		}
		if r.ended() && !strings.Contains(r.stderr.String(), words) {
			r.t.Fatalf("%q ended and never said %q\nstdout: %s\nstderr: %s", r.args, words, r.stdout, r.stderr)
		}
		return false
	})
}

// signal sends a signal to the command.
func (r *running) signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		r.t.Fatal(err)
	}
}

var jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`)

var keyOfAgent = regexp.MustCompile(`abk_[A-Z2-7]{26}`)

// record writes down what of the contract a command has reached, and which
// secrets it told.
func (r *running) record(got result) {
	for _, token := range jwt.FindAllString(got.stdout, -1) {
		r.world.secret(token, accessToken)
	}
	if _, link, ok := strings.Cut(got.stdout, "/#"); ok && r.args[0] == "inbox" {
		secret, _, _ := strings.Cut(strings.TrimSpace(link), `"`)
		r.world.secret(secret, linkSecret)
	}
	for _, key := range keyOfAgent.FindAllString(got.stdout, -1) {
		r.world.secret(key, agentKey)
	}
	recordCommand(r.t, r.args, got)
	name := commandName(r.args)
	may := map[string][]string{"token": {accessToken}, "wait": {accessToken}, "exec": {accessToken}, "inbox link": {linkSecret}, "demo": {linkSecret}, "agent add": {agentKey}}[name]
	r.world.heard("standard output of "+name, got.stdout, may...)
	r.world.heard("standard error of "+name, got.stderr)
}

func recordCommand(t testing.TB, args []string, got result) {
	name := commandName(args)
	reached(t, exit, exitName(name, got.exit))
	if got.exit == 2 {
		return // flags of a call that was not understood reach nothing
	}
	reached(t, command, name)
	for i, word := range args {
		if word == "--" {
			break
		}
		if word, value, _ := strings.Cut(word, "="); strings.HasPrefix(word, "--") {
			reached(t, flagged, word)
			if value == "" && i+1 < len(args) {
				value = args[i+1]
			}
			if word == "--format" {
				reached(t, format, value)
			}
		}
	}
	for line := range bytes.Lines([]byte(got.stdout)) {
		reachedInAnswer(t, line)
	}
}

// exitName is the exit as the contract has it: some of exec's are not ours.
func exitName(command string, code int) string {
	ours := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 126, 127, 130}
	switch {
	case command != "exec" || slices.Contains(ours, code):
		return strconv.Itoa(code)
	case code > 128:
		return "128+N"
	default:
		return "COMMAND's"
	}
}

// commandName is the command that a list of arguments calls.
func commandName(args []string) string {
	for i, word := range args {
		group := i+1 < len(args) && slices.Contains([]string{"inbox", "config", "human", "admin", "agent", "slack", "discord"}, word)
		switch {
		case strings.HasPrefix(word, "--") || i > 0 && slices.Contains([]string{"--config", "--socket", "--admin-socket"}, args[i-1]):
		case group:
			return word + " " + args[i+1]
		default:
			return word
		}
	}
	return ""
}

// wants fails the test unless a command ended as expected: with this exit, and
// with these words on standard error.
func (r result) wants(t testing.TB, exit int, words ...string) result {
	t.Helper()
	if r.exit != exit {
		t.Fatalf("exit %d, want %d\nstdout: %s\nstderr: %s", r.exit, exit, r.stdout, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("standard error does not say %q: %s", w, r.stderr)
		}
	}
	return r
}

// line is what a command printed, if that is one line.
func (r result) line(t testing.TB) string {
	t.Helper()
	text, ok := strings.CutSuffix(r.stdout, "\n")
	if !ok || text == "" || strings.Contains(text, "\n") {
		t.Fatalf("standard output is not one line: %q\nstderr: %s", r.stdout, r.stderr)
	}
	return text
}
