package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// TestScripts tells the stories of testdata/script. Besides the commands of
// testscript they use:
//
//	exits N COMMAND...     run a command, which has to end with this exit
//	start NAME COMMAND...  run a command beside the script
//	says NAME TEXT         wait until it has said this
//	signal NAME INT        send it a signal
//	ends N NAME            wait for its end, which has to be with this exit
//	capture VARIABLE       keep what the last command printed
//	desk                   open a bridge with a human who follows the script
//	leaves, returns        that bridge is away, and is back
//	human VERB [WORD]      plan what that human does the next time an agent waits
//	given SESSION VARIABLE a human has given the agent a grant; keep its id
//	manager NAME           listen as the service manager of what is started after it
//	refuse CODE HINT       make that bridge refuse everything
//	waited                 wait until an agent waits
//	occupy VARIABLE        listen on a port of 127.0.0.1
//	remote VARIABLE KEY [tls]  open that bridge over TCP, for whoever shows the key;
//	                       with tls, ca.pem, cert.pem and cert.key are left here
//	issuer VARIABLE        open an authorization server, which knows the client authbridge
//	arrives ADDRESS E-MAIL CODE STATE  sign in there as somebody; keep what it sends back
//	door NAME FOR VARIABLE     keep where a bridge listens for that, such as inbox
//	http ADDRESS LINE...   send a request as it stands, to a port or a socket, and print the answer
//	crawl ADDRESS TEXT     connect twenty times, send this, and stay
//	cutoff                 wait until all those are cut off
//	member NAME VARIABLE   keep a member of the JSON in that answer
//	complains CODE [WORDS] have it refuse device codes in these words; "" = no more
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "start": start, "says": says, "signal": send, "ends": ends, "capture": capture,
			"desk": atDesk, "human": human, "given": givenTo, "refuse": refuse, "waited": waited, "manager": asManager, "occupy": occupy, "remote": remote,
			"leaves": leaves, "returns": returns,
			"issuer": issuer, "complains": complains, "arrives": arrives,
			"door": door, "http": raw, "member": member, "crawl": crawl, "cutoff": cutOff,
		},
	})
}

// patience bounds what only a defect makes long.
const patience = 30 * time.Second

// scene is what belongs to one script.
type scene struct {
	t    testing.TB
	desk *desk
	jobs map[string]*job

	issuer *oauthtest.Issuer
	slow   []net.Conn // of callers that crawl
}

type sceneKey struct{}

// variables are what the commands of a script see of its environment.
var variables = []string{
	"PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME",
	"AUTHBRIDGE_CONFIG", "AUTHBRIDGE_SOCKET", "AUTHBRIDGE_ADMIN_SOCKET",
	"AUTHBRIDGE_URL", "AUTHBRIDGE_KEY", "AUTHBRIDGE_CA", "AUTHBRIDGE_CERT", "AUTHBRIDGE_CERT_KEY", "SSL_CERT_FILE", "CORP_SECRET", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "NOTIFY_SOCKET", "GORACE", "GOCOVERDIR",
}

func setUp(env *testscript.Env) error {
	t, ok := env.T().(testing.TB)
	if !ok {
		return errors.New("the script has no test")
	}
	env.Values[sceneKey{}] = &scene{t: t, jobs: map[string]*job{}}
	env.Setenv("GORACE", "atexit_sleep_ms=0") // else each process lingers for a second
	env.Setenv("XDG_RUNTIME_DIR", shortDir(t))
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
	return nil
}

func sceneOf(ts *testscript.TestScript) *scene { return ts.Value(sceneKey{}).(*scene) }

// job is a command that runs beside the script.
type job struct {
	cmd      *exec.Cmd
	out, err transcript
	heard    *transcript // of a job that only listens
}

// transcript keeps what a command says, and wakes who waits for a word.
type transcript struct {
	mu      sync.Mutex
	text    []byte
	changed chan struct{}
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
	return len(p), nil
}

func (t *transcript) read() (text string, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return string(t.text), t.changed
}

func begin(ts *testscript.TestScript, args []string) *job {
	path := args[0]
	if found, err := exec.LookPath(path); err == nil {
		path = found
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	ts.Defer(cancel)
	j := &job{cmd: exec.CommandContext(ctx, path, args[1:]...)}
	j.cmd.Dir = ts.MkAbs(".")
	for _, name := range variables {
		if value := ts.Getenv(name); value != "" {
			j.cmd.Env = append(j.cmd.Env, name+"="+value)
		}
	}
	j.cmd.Stdout, j.cmd.Stderr, j.cmd.WaitDelay = &j.out, &j.err, patience
	ts.Check(j.cmd.Start())
	return j
}

// finish waits for a job and hands its streams to "stdout" and "stderr".
func (j *job) finish(ts *testscript.TestScript, want string) {
	_ = j.cmd.Wait()
	out, _ := j.out.read()
	said, _ := j.err.read()
	_, _ = ts.Stdout().Write([]byte(out))
	_, _ = ts.Stderr().Write([]byte(said))
	if got := strconv.Itoa(j.cmd.ProcessState.ExitCode()); got != want {
		ts.Fatalf("%s: exit %s, want %s", j.cmd.Args, got, want)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) >= 2, "exits N COMMAND...")
	begin(ts, args[1:]).finish(ts, args[0])
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) >= 2, "start NAME COMMAND...")
	j := begin(ts, args[1:])
	ts.Defer(func() { _ = j.cmd.Process.Kill() })
	sceneOf(ts).jobs[args[0]] = j
}

func jobOf(ts *testscript.TestScript, name string) *job {
	j := sceneOf(ts).jobs[name]
	if j == nil {
		ts.Fatalf("nothing was started as %q", name)
	}
	return j
}

func says(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 2, "says NAME TEXT")
	j := jobOf(ts, args[0])
	over := time.After(patience)
	for {
		out, more := cmp.Or(j.heard, &j.out).read()
		said, remark := j.err.read()
		if strings.Contains(out, args[1]) || strings.Contains(said, args[1]) {
			return
		}
		select {
		case <-more:
		case <-remark:
		case <-over:
			ts.Fatalf("%s does not say %q but: %s%s", args[0], args[1], out, said)
		}
	}
}

func send(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 2, "signal NAME INT")
	sig := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL, "USR1": syscall.SIGUSR1}[args[1]]
	ts.Check(jobOf(ts, args[0]).cmd.Process.Signal(sig))
}

func ends(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 2, "ends N NAME")
	jobOf(ts, args[1]).finish(ts, args[0])
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 1, "capture VARIABLE")
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

func atDesk(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 0, "desk")
	s := sceneOf(ts)
	s.desk = openDesk(s.t, filepath.Join(ts.Getenv("XDG_RUNTIME_DIR"), "authbridge", "agent.sock"))
}

func leaves(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 0, "leaves")
	sceneOf(ts).desk.close()
}

func returns(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 0, "returns")
	sceneOf(ts).desk.opens(sceneOf(ts).t)
}

func human(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 1 || len(args) == 2, "human VERB [WORD]")
	d := sceneOf(ts).desk
	switch args[0] {
	case "sees":
		d.changes(sees)
	case "presses":
		d.changes(presses)
	case "grants":
		d.grants(tokenOf(args[1]))
	case "denies":
		d.ends(bridge.Denied, bridge.OutcomeDenied)
	case "forgets":
		d.ends(bridge.Expired, bridge.OutcomeExpired)
	case "mistakes":
		d.ends(bridge.Failed, bridge.OutcomeIdentityMismatch)
	default:
		ts.Fatalf("what is it to say that a human %s?", args[0])
	}
}

func givenTo(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 2, "given SESSION VARIABLE")
	ts.Setenv(args[1], string(sceneOf(ts).desk.gives(args[0])))
}

func refuse(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 2, "refuse CODE HINT")
	sceneOf(ts).desk.Fail(&bridge.Problem{Code: bridge.ProblemCode(args[0]), Detail: "this is why", Hint: args[1]})
}

func waited(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 0, "waited")
	select {
	case <-sceneOf(ts).desk.waited:
	case <-time.After(patience):
		ts.Fatalf("no agent waits")
	}
}

func occupy(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 1, "occupy VARIABLE")
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

func wants(ts *testscript.TestScript, neg, ok bool, usage string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", usage)
	}
}
