package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// manyAsks is the configuration's request section where limits are not what a
// test is about.
const manyAsks = "{max_open_per_human: 1000, max_open_per_agent_and_human: 1000}"

// TestAFullDisk: an ask that cannot be stored is refused, and says when to try
// again; what was stored before is there; and a token that arrives meanwhile
// is kept until there is room.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{request: manyAsks})
	alice, ready := w.human("alice"), "http://"+w.bridge.at("ops")+"/readyz"
	flow := w.ask("").ID
	shown := alice.showCode(flow)

	// The file cannot grow.
	lift := w.bridge.limit(fileSize, used(t, filepath.Join(w.dir, "state", "authbridge.db")))
	acknowledged, refused := w.fill()
	if p := refused.problem(t, api.ProblemStoreUnavailable); !p.Retryable || refused.header.Get("Retry-After") == "" {
		t.Errorf("the refusal says: %s, Retry-After %q", refused.body, refused.header.Get("Retry-After"))
	}
	lift()

	// Nothing can be written at all.
	lift = w.bridge.limit(fileSize, 0)
	w.http("POST", "/v1/requests", `{"provider":"corp","scopes":["files.read"],"session":"nothing"}`).problem(t, api.ProblemStoreUnavailable)
	// A look at the store is good for a second.
	eventually(t, "the bridge says that it is not ready", func() bool { return status(t, ready) == http.StatusServiceUnavailable })
	if got := w.request(flow); got.State != api.Coded {
		t.Errorf("what was there is %s", got.State)
	}
	newPerson(t).allow(shown, "alice")
	eventually(t, "the token is given and cannot be stored", func() bool {
		return len(w.provider.said("access_token")) == 1 && strings.Contains(w.bridge.log.String(), "store what a provider answered: trying again")
	})
	if got := w.request(flow); got.State != api.Coded {
		t.Errorf("the request is %s before its token is stored", got.State)
	}
	lift()

	w.becomes(flow, api.Granted)
	if w.collect(flow).AccessToken != w.provider.said("access_token")[0] {
		t.Error("the agent got another token")
	}
	eventually(t, "the bridge is ready again", func() bool { return status(t, ready) == http.StatusOK })
	acknowledged = append(acknowledged, w.ask(`"session":"again"`).ID)
	w.stop()
	w.restart()
	for _, id := range acknowledged {
		if got := w.request(id); got.State != api.Asked {
			t.Errorf("%s is %s", id, got.State)
		}
	}
	if len(w.provider.said("access_token")) != 1 {
		t.Error("a second token was given")
	}
}

// fill asks until an ask is not taken, and returns those that were.
func (w *world) fill() (acknowledged []string, refused answer) {
	w.t.Helper()
	for i := range 900 {
		a := w.http("POST", "/v1/requests", fmt.Sprintf(`{"provider":"corp","scopes":["files.read"],"session":"fill %d","reason":%q,"context":[%[3]q,%[3]q,%[3]q,%[3]q]}`,
			i, strings.Repeat("r", 300), strings.Repeat("c", 100)))
		if a.status != http.StatusCreated {
			return acknowledged, a
		}
		acknowledged = append(acknowledged, decode[api.Request](w.t, a).ID)
	}
	w.t.Fatal("the disk is never full")
	return nil, answer{}
}

// TestWhatCannotBeWrittenAtTheStart: one sentence and no stack.
func TestWhatCannotBeWrittenAtTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.stop()
	state := filepath.Join(w.dir, "state")
	db := filepath.Join(state, "authbridge.db")
	starts := func(exit int, words ...string) {
		t.Helper()
		w.launch()
		select {
		case <-w.bridge.done:
		case <-time.After(patience):
			t.Fatal("it runs")
		}
		w.bridge.once.Do(func() {})
		said := w.bridge.log.String()
		_, sentence, _ := strings.Cut(said, "authbridge: ")
		if got := w.bridge.cmd.ProcessState.ExitCode(); got != exit || strings.Count(sentence, "\n") != 1 || strings.Contains(said, "goroutine ") {
			t.Errorf("exit %d, want %d: %s", got, exit, said)
		}
		for _, word := range words {
			if !strings.Contains(sentence, word) {
				t.Errorf("it does not say %q: %s", word, said)
			}
		}
	}
	if err := os.Chmod(db, 0o400); err != nil {
		t.Fatal(err)
	}
	starts(2, "cannot start: ", db, "read-only")
	if err := os.Chmod(db, 0o600); err != nil {
		t.Fatal(err)
	}
	w.under = "ulimit -f 0;"
	if err := os.Remove(db); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(state, "seal.key")); err != nil {
		t.Fatal(err)
	}
	starts(1, "cannot start: ", "file too large")
	w.under = ""
	w.edit("state_dir: "+state, "state_dir: /proc/authbridge")
	starts(2, "cannot start: make the state directory: mkdir /proc/authbridge")
	w.edit("state_dir: /proc/authbridge", "state_dir: "+state)
	w.serve()
}

// TestNoFileIsLeft: with no file to open, calls wait and polls fail; no
// request ends of it, and all goes on when there is one again.
func TestNoFileIsLeft(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	id := s.ask("").ID
	code := s.alice.showCode(id).code
	s.issuer.Inject(oauthtest.Token, oauthtest.Fault{Header: http.Header{"Content-Type": {"application/json"}, "Connection": {"close"}}}) // so that the next poll needs another
	lift := s.bridge.limit(openFiles, 3)
	eventually(t, "a poll has no file", func() bool { return strings.Contains(s.bridge.log.String(), "too many open files") })
	answered := make(chan answer, 1)
	go func() {
		a, err := s.try("GET", "/v1/requests/"+id, "")
		if err != nil {
			t.Errorf("who calls meanwhile is told %v", err)
		}
		answered <- a
	}()
	eventually(t, "nobody can be let in", func() bool { return strings.Contains(s.bridge.log.String(), "accept") })
	lift()
	if a := <-answered; a.status != http.StatusOK || decode[api.Request](t, a).State != api.Coded {
		t.Errorf("who called meanwhile is answered %d %s", a.status, a.body)
	}
	if err := s.issuer.Approve(code, aliceThere); err != nil {
		t.Fatal(err)
	}
	s.becomes(id, api.Granted)
	s.collect(id)
}

// TestFewFiles: of the limit the bridge takes the hard one, and shares it out:
// an agent all of whose connections are busy is told that there is no room,
// the operator and who opens the inbox have theirs.
func TestFewFiles(t *testing.T) {
	t.Parallel()
	w := prepareWorld(t, options{})
	w.under = "ulimit -Sn 32; ulimit -Hn 64;"
	w.serve()
	var busy []net.Conn
	for range 8 { // 32 of 64 are for connections, 16 of them for agents, 8 of them for one
		c := w.dial("POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
			t.Fatalf("a call that has begun is answered %q, %v", line, err)
		}
		busy = append(busy, c)
	}
	refused := w.http("GET", "/v1/whoami", "")
	refused.problem(t, api.ProblemTooManyOpen)
	if after := refused.header.Get("Retry-After"); after != "2" {
		t.Errorf("Retry-After is %q", after)
	}
	w.inboxLink("alice")
	if got := status(t, w.bridge.inbox()+"/"); got != http.StatusOK {
		t.Errorf("the inbox answers %d", got)
	}
	for _, c := range busy {
		_ = c.Close()
	}
	eventually(t, "there is room", func() bool {
		a, err := w.try("GET", "/v1/whoami", "")
		return err == nil && a.status == http.StatusOK
	})
	for range 40 { // leaked, and nobody is shut out
		w.dial("")
	}
	w.isServed()
}

// dial connects to the agents' socket and says this.
func (w *world) dial(words string) net.Conn {
	w.t.Helper()
	c, err := new(net.Dialer).DialContext(w.t.Context(), "unix", w.agentSocket())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, words); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// TestSlowCallers hold nobody up, and are cut off.
func TestSlowCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{request: manyAsks})
	for i := range 20 {
		w.ask(fmt.Sprintf(`"session":"%d","reason":%q`, i, strings.Repeat("r", 300)))
	}
	began := time.Now()
	half := w.dial("GET /v1/whoami HTTP/1.1\r\n")
	for range 100 {
		w.dial("GET /v1/whoami HTTP/1.1\r\nX-Slow: ")
		w.dial("POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{")
		w.dial(strings.Repeat("GET /v1/requests?limit=200 HTTP/1.1\r\nHost: localhost\r\n\r\n", 20))
	}
	w.isServed()
	w.ask("")
	if err := half.SetReadDeadline(began.Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, half); err != nil {
		t.Errorf("half a call is still connected after %s: %v", time.Since(began), err)
	}
}

// TestTheEnd: told to stop while a provider hangs, an agent waits, another
// does not read and a third has sent half a call, the bridge answers who can
// be answered, and is gone within ten seconds.
func TestTheEnd(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{request: manyAsks})
	id := s.ask("").ID
	s.alice.showCode(id)
	s.issuer.Always(oauthtest.Token, oauthtest.Fault{Hang: true})
	polls := len(s.issuer.Calls(oauthtest.Token))
	eventually(t, "the provider hangs", func() bool { return len(s.issuer.Calls(oauthtest.Token)) > polls })
	for i := range 30 {
		s.ask(fmt.Sprintf(`"session":"%d","reason":%q`, i, strings.Repeat("r", 300)))
	}
	s.dial(strings.Repeat("GET /v1/requests?limit=200 HTTP/1.1\r\nHost: localhost\r\n\r\n", 20))
	half := s.dial("GET /v1/whoami HTTP/1.1\r\n")
	waits := s.dial("GET /v1/requests/" + id + "?after=1000&wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	served := s.dial("GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\n\r\n")
	answerOf(t, served) // so the three before it are let in, too

	began, ended := time.Now(), make(chan struct{})
	go func() { defer close(ended); s.stop() }()
	if got := answerOf(t, waits); got.status != http.StatusOK || decode[api.Request](t, got).State != api.Coded {
		t.Errorf("who waits is answered %d %s", got.status, got.body)
	}
	late := s.http("GET", "/v1/whoami", "")
	if p := late.problem(t, api.ProblemShuttingDown); !p.Retryable || late.header.Get("Retry-After") != "2" {
		t.Errorf("who comes late is told %s, Retry-After %q", late.body, late.header.Get("Retry-After"))
	}
	if _, err := io.WriteString(half, "Host: localhost\r\n\r\n"); err != nil {
		t.Error(err)
	}
	answerOf(t, half).problem(t, api.ProblemShuttingDown)
	if got := status(t, s.bridge.inbox()+"/"); got != http.StatusServiceUnavailable {
		t.Errorf("the inbox answers %d", got)
	}
	if got := status(t, "http://"+s.bridge.at("ops")+"/healthz"); got != http.StatusOK {
		t.Errorf("/healthz says %d", got)
	}
	<-ended
	if took := time.Since(began); took > 11*time.Second {
		t.Errorf("the end took %s", took)
	}
	for _, path := range []string{s.agentSocket(), s.adminSocket()} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
	s.issuer.Always(oauthtest.Token, oauthtest.Fault{})
	s.restart()
	s.becomes(id, api.Coded)
}

// answerOf reads one answer from a connection.
func answerOf(t *testing.T, c net.Conn) answer {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

// TestToldTwice: who insists does not wait for the clean end.
func TestToldTwice(t *testing.T) {
	t.Parallel()
	s := withIssuer(t, settings(), options{})
	id := s.ask("").ID
	s.alice.showCode(id)
	s.issuer.Always(oauthtest.Token, oauthtest.Fault{Hang: true})
	polls := len(s.issuer.Calls(oauthtest.Token))
	eventually(t, "the provider hangs", func() bool { return len(s.issuer.Calls(oauthtest.Token)) > polls })
	s.bridge.once.Do(func() {
		if err := s.bridge.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is stopping", func() bool { return strings.Contains(s.bridge.log.String(), `"stopping"`) })
		began := time.Now()
		if err := s.bridge.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		<-s.bridge.done
		how, _ := s.bridge.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if took := time.Since(began); took > 5*time.Second || !how.Signaled() || how.Signal() != syscall.SIGINT {
			t.Errorf("it took %s and ended by %v", took, s.bridge.err)
		}
	})
	s.issuer.Always(oauthtest.Token, oauthtest.Fault{})
	s.restart()
	s.becomes(id, api.Coded)
}
