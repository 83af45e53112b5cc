package e2e

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/authbridge/authbridge/api"
)

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	w := prepareWorld(t, options{})
	for _, c := range contract() {
		if c.kind != command || c.later > 0 {
			continue
		}
		got := w.cli(append(strings.Fields(c.name), "--help")...).wants(t, 0)
		if !strings.Contains(got.stdout, "Usage:") || !strings.Contains(got.stdout, "authbridge "+c.name) {
			t.Errorf("%s --help: %s", c.name, got.stdout)
		}
	}
	if got := w.cli("completion", "bash").wants(t, 0); !strings.Contains(got.stdout, "authbridge") {
		t.Error("no completion for bash")
	}
}

func TestStepByStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	asked := w.cli("ask", "--provider", "corp", "--scope", "files.read", "--scope", "files.write", "--reason", "in steps").wants(t, 0, "asked alice")
	id := asked.line(t)
	if got := decode[api.Request](t, answer{body: []byte(w.cli("status", id, "--json").wants(t, 0).stdout)}); got.ID != id || got.State != api.Asked {
		t.Errorf("status: %+v", got)
	}
	if got := w.cli("status", id).wants(t, 0); !strings.Contains(got.stdout, "asked") || !strings.Contains(got.stdout, "files.write") {
		t.Errorf("status: %s", got.stdout)
	}
	if got := w.cli("list", "--state", "asked", "--limit", "5").wants(t, 0); !strings.Contains(got.stdout, id) {
		t.Errorf("list: %s", got.stdout)
	}
	var all []api.Request
	if err := json.Unmarshal([]byte(w.cli("list", "--json").wants(t, 0).stdout), &all); err != nil || len(all) != 1 {
		t.Errorf("list --json: %v, %v", all, err)
	}
	w.cli("wait", id, "--timeout", "1s").wants(t, 7, "gave up", id)
	w.grant(w.human("alice"), id)
	var token api.Token
	if err := json.Unmarshal([]byte(w.cli("wait", id, "--json").wants(t, 0).stdout), &token); err != nil || !w.provider.Live(token.AccessToken) {
		t.Errorf("wait --json: %v, %v", token, err)
	}
	if slices.Sort(token.Scopes); !slices.Contains(token.Scopes, "files.write") {
		t.Errorf("granted: %v", token.Scopes)
	}
	w.cli("cancel", id, "--json").wants(t, 0) // it stays as it ended
	if w.request(id).State != api.Collected {
		t.Error("cancelling changed what had ended")
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.grant(w.human("alice"), w.ask("").ID)
	print := func(args ...string) string {
		return w.cli(append([]string{"token", "--provider", "corp", "--scope", "files.read"}, args...)...).wants(t, 0).line(t)
	}
	token := print()
	for format, want := range map[string]string{
		"token": token, "header": "Authorization: Bearer " + token, "env": "AUTHBRIDGE_TOKEN='" + token + "'",
	} {
		if got := print("--format", format); got != want {
			t.Errorf("%s: %q", format, got)
		}
	}
	for _, args := range [][]string{{"--format", "json"}, {"--json"}} {
		var got api.Token
		if err := json.Unmarshal([]byte(print(args...)), &got); err != nil || got.AccessToken != token {
			t.Errorf("%v: %v", args, err)
		}
	}
	w.cli("token", "--provider", "corp", "--format", "xml").wants(t, 2, "xml")
}

func TestExec(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.grant(w.human("alice"), w.ask("").ID)
	exec := func(args ...string) result {
		return w.cli(append([]string{"exec", "--provider", "corp", "--scope", "files.read"}, args...)...)
	}
	token := w.cli("token", "--provider", "corp", "--scope", "files.read").wants(t, 0).line(t)
	if got := exec("--", "sh", "-c", `printf %s "$AUTHBRIDGE_TOKEN"`).wants(t, 0); got.stdout != token {
		t.Error("the token is not in the command's environment")
	}
	if got := exec("--env", "GH_TOKEN", "--", "sh", "-c", `printf %s "$GH_TOKEN$AUTHBRIDGE_TOKEN"`).wants(t, 0); got.stdout != token {
		t.Error("--env does not name the variable")
	}
	if got := exec("--", "sh", "-c", "cat /proc/self/cmdline; exit 42").wants(t, 42); strings.Contains(got.stdout+got.stderr, token) {
		t.Error("the token is in an argument")
	}
	exec("--", "sh", "-c", "kill -9 $$").wants(t, 128+int(syscall.SIGKILL))
	exec("--", filepath.Join(w.dir, "nothing")).wants(t, 127, "authbridge: ")
	exec("--", w.dir).wants(t, 126, "authbridge: ")
	exec().wants(t, 2)
	exec("--env", "A=B", "--", "true").wants(t, 2)
	denied := w.start("exec", "--provider", "corp", "--scope", "files.write", "--", "echo", "ran")
	denied.says("asked alice")
	open := w.listed("?state=asked")
	w.human("alice").press(open[0], "Deny")
	if got := denied.wait().wants(t, 3, "authbridge: "); got.stdout != "" {
		t.Errorf("it ran all the same: %s", got.stdout)
	}
}

func TestWhatAnAskCanSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.grant(w.human("alice"), w.ask("").ID)
	asked := func(args ...string) api.Request {
		out := w.cli(append([]string{"ask", "--json", "--provider", "corp", "--scope", "files.read"}, args...)...).wants(t, 0).stdout
		return decode[api.Request](t, answer{body: []byte(out)})
	}
	if r := asked("--min-validity", "30s"); r.State != api.Granted && r.State != api.Collected {
		t.Errorf("the grant does not answer: %s", r.State)
	}
	if r := asked("--fresh"); r.State != api.Asked {
		t.Errorf("--fresh is answered from the grant: %s", r.State)
	}
	if r := asked("--session", "other"); r.State != api.Asked || r.Session != "other" {
		t.Errorf("--session: %s in %q", r.State, r.Session)
	}
	if r := asked("--human", "bob"); r.State != api.Asked || r.Human != "bob" {
		t.Errorf("--human: %s from %s", r.State, r.Human)
	}
	w.cli("token", "--provider", "corp", "--scope", "files.read", "--human", "bob", "--timeout", "1s").wants(t, 7, "gave up")
}

func TestCallsThatAreMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, args := range [][]string{
		{"token"},
		{"token", "--provider", "corp", "extra"},
		{"token", "--nonsense"},
		{"token", "--provider", "corp", "--timeout", "soon"},
		{"ask", "--provider", "corp", "--min-validity", "-1s"},
		{"wait"},
		{"list", "--state", "open"},
		{"inbox"},
		{"exec", "--provider", "corp"},
	} {
		if got := w.cli(args...).wants(t, 2, "authbridge: "); got.stdout != "" {
			t.Errorf("%v printed %q", args, got.stdout)
		}
	}
	w.cli("token", "--provider", "corp", "--scope", "two words").wants(t, 2, "invalid request")
	w.cli("token", "--provider", "corp", "--scope", "admin").wants(t, 6, "not allowed", "hint: ")
	w.cli("status", "req_"+strings.Repeat("0", 26)).wants(t, 8, "not found")
	w.cli("inbox", "link", "carol").wants(t, 8)
	w.cli("inbox", "link", "alice", "--json").wants(t, 0)
	if got := w.cli("version").wants(t, 0).line(t); !strings.HasPrefix(got, "authbridge ") {
		t.Errorf("version: %s", got)
	}
	w.cli("version", "--json").wants(t, 0)
}

func TestWhereABridgeIsLookedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	none := []string{"AUTHBRIDGE_SOCKET=", "AUTHBRIDGE_ADMIN_SOCKET="}
	id := w.cli("ask", "--provider", "corp", "--scope", "files.read").wants(t, 0).line(t)
	reached(t, variable, "AUTHBRIDGE_SOCKET") // as every command here has it
	w.startWith(none, "--socket", w.agentSocket(), "status", id).wait().wants(t, 0)
	w.cli("inbox", "link", "bob").wants(t, 0)
	reached(t, variable, "AUTHBRIDGE_ADMIN_SOCKET")
	w.startWith(none, "--admin-socket", w.adminSocket(), "inbox", "link", "bob").wait().wants(t, 0)
	nowhere := filepath.Join(w.run, "none.sock")
	w.cli("--socket", nowhere, "token", "--provider", "corp").wants(t, 5, nowhere)
	w.cli("--admin-socket", nowhere, "inbox", "link", "bob").wants(t, 5)

	waiting := w.start("wait", id)
	waiting.says("asked alice")
	w.kill()
	w.cli("status", id).wants(t, 5)
	w.restart()
	w.cli("cancel", id).wants(t, 0)
	waiting.wait().wants(t, 4)
}

// TestAnswersThatNoBridgeWouldGive, by somebody else who listens there.
func TestAnswersThatNoBridgeWouldGive(t *testing.T) {
	t.Parallel()
	w := prepareWorld(t, options{})
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", w.agentSocket())
	if err != nil {
		t.Fatal(err)
	}
	status := make(chan int, 1)
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", api.ProblemMediaType)
		code := <-status
		out.WriteHeader(code)
		_, _ = out.Write([]byte(`{"type":"about:blank","status":` + strconv.Itoa(code) + `,"code":"brand_new","detail":"\u001b[31mred"}`))
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	for code, exit := range map[int]int{401: 6, 403: 6, 422: 8, 599: 8} {
		status <- code
		if got := w.cli("ask", "--provider", "corp").wants(t, exit, "authbridge: "); strings.Contains(got.stderr, "\x1b") {
			t.Errorf("%d steers the terminal: %q", code, got.stderr)
		}
	}
}

// TestSecretsAreOnNoDiskButSealed is about the modes of files, and makes sure
// that every world's own search for secrets knows what to look for.
func TestSecretsAreOnNoDiskButSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	alice := w.human("alice")
	id := w.ask("").ID
	code := alice.showCode(id)
	newPerson(t).allow(code, "alice")
	w.becomes(id, api.Granted)
	w.learnFromProvider()
	for what, secret := range map[string]string{
		"the user code": code.code, "the session": alice.session, "the token": w.provider.said("access_token")[0],
		"the device code": w.provider.said("device_code")[0], "the client's secret": corpSecret,
	} {
		if len(w.told("x"+secret+"x")) != 1 {
			t.Errorf("nobody would notice %s in a log", what)
		}
	}
	for file, want := range map[string]os.FileMode{"state": 0o700, "state/authbridge.db": 0o600, "state/seal.key": 0o600} {
		info, err := os.Stat(filepath.Join(w.dir, file))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", file, info, err, want)
		}
	}
}
