package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bridge is one process of `authbridge serve`.
type bridge struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *journal      // standard error
	out  *journal      // standard output, where nothing belongs
	done chan struct{} // closed when the process has ended
	once sync.Once
	err  error // how it ended; read after done
}

// stopsWithin is how long a bridge may take to stop: it promises about ten
// seconds.
const stopsWithin = 15 * time.Second

// startBridge starts one, after a shell has done what under says.
func startBridge(t *testing.T, env []string, dir, under string) *bridge {
	t.Helper()
	b := &bridge{t: t, log: newJournal(), out: newJournal(), done: make(chan struct{})}
	b.cmd = exec.Command("sh", "-c", under+` exec "$0" serve`, binary) //nolint:noctx // it lives as long as the test wants
	b.cmd.Env, b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = env, dir, b.out, b.log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		b.err = b.cmd.Wait()
		close(b.done)
	}()
	return b
}

// at is where the bridge listens for "agents", "admin", "inbox" or "ops".
func (b *bridge) at(door string) string {
	b.t.Helper()
	var at string
	eventually(b.t, "the bridge listens for "+door, func() bool {
		select {
		case <-b.done:
			b.t.Fatalf("the bridge ended before it listened for %s: %v\n%s", door, b.err, b.log.String())
		default:
		}
		at = b.log.address(door)
		return at != ""
	})
	return at
}

// inbox is the address of the inbox.
func (b *bridge) inbox() string {
	b.t.Helper()
	return "http://" + b.at("inbox")
}

func (b *bridge) awaitReady() {
	b.t.Helper()
	ops := "http://" + b.at("ops")
	eventually(b.t, "the bridge is ready", func() bool { return status(b.t, ops+"/readyz") == http.StatusOK })
}

// status is the status of a plain GET, 0 if there is no answer.
func status(t testing.TB, url string) int {
	t.Helper()
	status, _, _ := get(t, url)
	return status
}

// get makes a plain GET; the status is 0 if there is no answer.
func get(t testing.TB, url string) (status int, header http.Header, body []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, nil
	}
	defer resp.Body.Close()
	body, _ = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, body
}

func (b *bridge) kill() {
	b.t.Helper()
	b.once.Do(func() { _ = b.cmd.Process.Kill() })
	select {
	case <-b.done:
	case <-time.After(stopsWithin):
		b.t.Error("the bridge survived being killed")
	}
}

// stop wants a clean end, the first time that it is asked.
func (b *bridge) stop() {
	b.t.Helper()
	b.once.Do(func() {
		_ = b.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-b.done:
			if b.err != nil {
				b.t.Errorf("the bridge did not stop cleanly: %v\n%s", b.err, b.log.String())
			}
		case <-time.After(stopsWithin):
			b.t.Errorf("the bridge still runs %s after SIGTERM\n%s", stopsWithin, b.log.String())
			_ = b.cmd.Process.Signal(syscall.SIGQUIT) // its goroutines go to the log
			<-b.done
		}
	})
}

// journal keeps what a process writes. It is safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func newJournal() *journal { return &journal{} }

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// address finds where a bridge said that it listens.
func (j *journal) address(door string) string {
	lines := bufio.NewScanner(bytes.NewReader([]byte(j.String())))
	for lines.Scan() {
		var line struct{ Msg, For, At string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" && line.For == door {
			return line.At
		}
	}
	return ""
}
