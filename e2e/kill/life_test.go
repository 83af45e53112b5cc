package kill

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what has to come.
const patience = 30 * time.Second

// life is one process of `authbridge serve`.
type life struct {
	cmd    *exec.Cmd
	log    *journal
	dead   chan struct{} // closed when the process has ended
	err    error         // how; read after dead
	store  *os.File
	agents *http.Client // over the socket
	pages  *http.Client
}

// start runs a bridge and waits until it is ready.
func start(t *testing.T, w *world) *life {
	t.Helper()
	b := &life{log: newJournal(), dead: make(chan struct{})}
	b.cmd = exec.Command(binaryPath, "serve") //nolint:noctx // it lives until it is killed or stopped
	b.cmd.Env, b.cmd.Dir, b.cmd.Stderr = w.env(), w.dir, b.log
	began := time.Now()
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		b.err = b.cmd.Wait()
		close(b.dead)
	}()
	b.agents = &http.Client{Timeout: patience, Transport: &http.Transport{
		MaxIdleConnsPerHost: 100,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", w.agentSocket())
		},
	}}
	b.pages = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	b.awaitReady(t)
	took := time.Since(began)
	store, err := os.Open(w.storePath())
	if err != nil {
		t.Fatal(err)
	}
	b.store = store
	w.rec.add(fact{what: ready, took: took})
	w.tally.started(took)
	return b
}

// awaitReady asks /readyz as soon as the log says where it is.
func (b *life) awaitReady(t *testing.T) {
	t.Helper()
	deadline, again := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer again.Stop()
	for {
		if ops := b.log.address("ops"); ops != "" && b.log.address("inbox") != "" && b.status(t, "http://"+ops+"/readyz") == http.StatusOK {
			return
		}
		select {
		case <-again.C:
		case <-b.dead:
			t.Fatalf("the bridge ended before it was ready: %v\n%s", b.err, b.log)
		case <-deadline:
			t.Fatalf("the bridge is not ready after %s\n%s", patience, b.log)
		}
	}
}

func (b *life) status(t *testing.T, url string) int {
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.pages.Do(r)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// commits is how many transactions the store's file has seen, as its two meta
// pages say. They are read while the bridge runs: what is seen in a meta page
// is what a kill leaves.
func (b *life) commits() uint64 {
	// A page begins with 16 bytes of header; the number is the seventh word
	// after it.
	const page, number = 4096, 16 + 48
	var last uint64
	for n := range 2 {
		var text [8]byte
		if _, err := b.store.ReadAt(text[:], int64(n*page+number)); err == nil {
			last = max(last, binary.LittleEndian.Uint64(text[:]))
		}
	}
	return last
}

// kill ends the process as a power cut would.
func (b *life) kill(t *testing.T) {
	t.Helper()
	_ = b.cmd.Process.Kill()
	select {
	case <-b.dead:
	case <-time.After(patience):
		t.Fatal("the bridge survived being killed")
	}
	if status, ok := b.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the bridge ended by itself: %v\n%s", b.err, b.log)
	}
	b.close()
}

// stop wants a clean end.
func (b *life) stop(t *testing.T) {
	t.Helper()
	_ = b.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-b.dead:
		if b.err != nil {
			t.Errorf("the bridge did not stop cleanly: %v\n%s", b.err, b.log)
		}
	case <-time.After(patience):
		_ = b.cmd.Process.Kill()
		<-b.dead
		t.Errorf("the bridge still ran %s after SIGTERM\n%s", patience, b.log)
	}
	b.close()
}

func (b *life) close() {
	b.agents.CloseIdleConnections()
	b.pages.CloseIdleConnections()
	_ = b.store.Close()
}

// pause waits, and tells whether the bridge still lives then.
func (b *life) pause(d time.Duration) bool {
	select {
	case <-b.dead:
		return false
	case <-time.After(d):
		return true
	}
}

// journal is the log of one process, and where it says that it listens.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
	read int // how far it was looked through for addresses
	at   map[string]string
}

func newJournal() *journal { return &journal{at: map[string]string{}} }

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n, err := j.text.Write(p)
	for {
		line, _, whole := bytes.Cut(j.text.Bytes()[j.read:], []byte("\n"))
		if !whole {
			return n, err
		}
		j.read += len(line) + 1
		var said struct{ Msg, For, At string }
		if json.Unmarshal(line, &said) == nil && said.Msg == "listening" {
			j.at[said.For] = said.At
		}
	}
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) address(door string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.at[door]
}

// crashed tells whether the process said that it broke down by itself.
func (j *journal) crashed() bool {
	text := j.String()
	return strings.Contains(text, "panic:") || strings.Contains(text, "fatal error:")
}

func storeIn(state string) string { return filepath.Join(state, "authbridge.db") }
