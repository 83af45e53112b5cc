//go:build unix

package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"testing"
	"time"
)

// taskVariable holds, in the environment of a process that this test binary
// starts of itself, what that process is to be.
const taskVariable = "AUTHBRIDGE_BENCH_TASK"

// longestLife ends a process that was forgotten.
const longestLife = 30 * time.Minute

// task is what one process is to be.
type task struct {
	Role    string        // one of roles
	Issuer  string        // "127.0.0.1:port"; all but the issuer
	Grants  int           // how many are pending
	Cadence time.Duration // from one poll of a grant to its next
	Dir     string        // where files lie
	Profile string        // a file for a CPU profile; "" = none
}

// player begins to play a role. What it returns answers commands, and is not
// called by two at once; the role ends with ctx.
type player func(ctx context.Context, t task) (answer func(command) report, err error)

// roles are all that a process can be.
func roles() map[string]player {
	return map[string]player{
		"issuer": playIssuer,
		"ideal":  playIdeal,
		"oauth2": playOAuth2,
		"bridge": playBridge,
		"scan":   playScan,
		"daemon": playDaemon,
	}
}

// command is what a process is told, a line of JSON at its standard input.
type command struct {
	Verb verb

	Grants   int           // prepare: for how many
	Cadence  time.Duration // prepare: how they will be polled
	Interval time.Duration // prepare: what is named to them as the least
	Polls    int64         // await: this many since reset
}

type verb string

const (
	look    verb = "look"    // say how things are
	collect verb = "collect" // collect garbage first
	prepare verb = "prepare" // issuer: expect other grants
	reset   verb = "reset"   // issuer: count afresh
	await   verb = "await"   // issuer: until so many polls were counted
)

// report is what a process answers, a line of JSON at its standard output. It
// begins with one that says that it is ready.
type report struct {
	Fault string // "" = none
	usage

	Addr      string        // issuer
	Took      time.Duration // bridge, scan: from the opening of the file to being ready
	Found     int           // scan: keys
	Faults    int64         // bridge: warnings and errors in its log
	LastWrite time.Time     // bridge: when the store's file was written to
	Dead      int64         // oauth2: flows that have ended
	counts
}

// TestMain is also the entry of the processes that the benchmarks start.
func TestMain(m *testing.M) {
	if text := os.Getenv(taskVariable); text != "" {
		os.Exit(play(text))
	}
	os.Exit(m.Run())
}

// play is the life of a process that has a task. It ends when its standard
// input does, and so when whoever started it ends, however that was.
func play(text string) int {
	ctx, cancel := context.WithTimeout(context.Background(), longestLife)
	defer cancel()
	signal.Ignore(os.Interrupt) // who started it ends it
	out := json.NewEncoder(os.Stdout)
	answer, err := begin(ctx, text)
	if err != nil {
		_ = out.Encode(report{Fault: err.Error()})
		return 1
	}
	lines := make(chan command)
	go func() {
		defer close(lines)
		in := json.NewDecoder(os.Stdin)
		for {
			var c command
			if in.Decode(&c) != nil {
				return
			}
			lines <- c
		}
	}()
	for c := (command{Verb: look}); ; {
		r := answer(c)
		r.usage = use(c.Verb == collect)
		if out.Encode(r) != nil {
			return 1
		}
		var more bool
		select {
		case c, more = <-lines:
		case <-ctx.Done():
		}
		if !more {
			return 0
		}
	}
}

func begin(ctx context.Context, text string) (func(command) report, error) {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return nil, err
	}
	role, ok := roles()[t.Role]
	if !ok {
		return nil, fmt.Errorf("no role %q", t.Role)
	}
	stop, err := profile(t.Profile)
	if err != nil {
		return nil, err
	}
	answer, err := role(ctx, t)
	return func(c command) report {
		if c.Verb == collect {
			stop()
		}
		return answer(c)
	}, err
}

// process is a running process with a task.
type process struct {
	t     testing.TB
	role  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	ended bool
	ready report
}

// start starts this binary again with a task and waits until it is ready. It
// ends with the test at the latest.
func start(t testing.TB, task task) *process {
	t.Helper()
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, role: task.Role, cmd: exec.CommandContext(t.Context(), self)}
	p.cmd.Env = append(os.Environ(), taskVariable+"="+string(text))
	p.cmd.Stderr = os.Stderr
	p.in, err = p.cmd.StdinPipe()
	out, err2 := p.cmd.StdoutPipe()
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	p.ready = p.heard()
	return p
}

// ask sends a command and returns what the process answers.
func (p *process) ask(c command) report {
	p.t.Helper()
	if err := json.NewEncoder(p.in).Encode(c); err != nil {
		p.t.Fatalf("%s is gone: %v", p.role, err)
	}
	return p.heard()
}

func (p *process) heard() report {
	p.t.Helper()
	line, err := p.out.ReadBytes('\n')
	var r report
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	if err != nil || r.Fault != "" {
		p.t.Fatalf("%s: %s (%v)", p.role, r.Fault, err)
	}
	return r
}

// stop ends the process and waits for it.
func (p *process) stop() {
	if p.ended {
		return
	}
	p.ended = true
	_ = p.in.Close()
	_, _ = io.Copy(io.Discard, p.out)
	if err := p.cmd.Wait(); err != nil && p.t.Context().Err() == nil {
		p.t.Errorf("%s ended with: %v", p.role, err)
	}
}
