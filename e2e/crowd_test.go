package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// The variables that make a process of this test binary a crowd.
const (
	crowdAt   = "AUTHBRIDGE_E2E_CROWD"
	crowdSize = "AUTHBRIDGE_E2E_CROWD_SIZE"
)

// crowd opens connections to a socket and leaves them idle until its standard
// input ends. Every tenth has asked something before. It says when all are
// open.
func crowd(at string) (exit int) {
	size, err := strconv.Atoi(os.Getenv(crowdSize))
	if err != nil {
		return broken(err)
	}
	all := make([]net.Conn, 0, size)
	for len(all) < size {
		c, err := persist(at)
		if err != nil {
			return broken(err)
		}
		if all = append(all, c); len(all)%10 == 0 {
			_, _ = io.WriteString(c, "GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\n\r\n")
		}
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	for _, c := range all {
		_ = c.Close()
	}
	return 0
}

// persist connects; the system says no while too many wait to be let in.
func persist(at string) (c net.Conn, err error) {
	if within(patience, func() bool {
		c, err = net.Dial("unix", at) //nolint:noctx // a process of its own, which ends with its input
		return err == nil
	}) {
		return c, nil
	}
	return nil, err
}

// startCrowd starts a process with so many connections to the agents' socket.
// open is closed when it has all, and leave ends it.
func (w *world) startCrowd(size int) (open <-chan struct{}, leave func()) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	c := exec.Command(self) //nolint:noctx // it ends with its standard input, which ends with us
	c.Env = append(os.Environ(), crowdAt+"="+w.agentSocket(), crowdSize+"="+strconv.Itoa(size))
	input, err := c.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	output, err := c.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	all := make(chan struct{})
	go func() {
		defer close(all)
		if words, err := bufio.NewReader(output).ReadString('\n'); words != "open\n" {
			w.t.Errorf("the crowd says %q, %v", words, err)
		}
	}()
	leave = func() {
		_ = input.Close()
		<-all
		_ = c.Wait()
	}
	return all, leave
}

// TestTwentyThousandIdleConnections of one agent take neither all files nor
// all memory, and shut nobody out: not the operator, not who opens the inbox,
// and not the agent itself.
func TestTwentyThousandIdleConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	before := w.bridge.memory()
	one, leaveOne := w.startCrowd(10_000)
	two, leaveTwo := w.startCrowd(10_000)
	served := 0
	for ; !closed(one) || !closed(two); served++ {
		began := time.Now()
		w.isServed()
		if took := time.Since(began); took > time.Minute { // on a busy machine; who is shut out waits until the crowd leaves
			t.Errorf("while the crowd comes, four calls take %s", took)
		}
	}
	w.isServed()
	files, memory := w.bridge.files(), w.bridge.memory()
	leaveOne()
	leaveTwo()
	eventually(t, "the connections are gone", func() bool { return w.bridge.files() < 100 })
	w.ask("")
	after := w.bridge.memory()
	if files > mostFiles {
		t.Errorf("the bridge had %d files open", files)
	}
	if most := max(memory, after); most > before+mostMemory {
		t.Errorf("the bridge takes %d MiB, and took %d", most, before)
	}
	t.Logf("served %d times meanwhile; files %d; MiB before, with the crowd, after: %d, %d, %d", served, files, before, memory, after)
}

// What the bridge may take for a crowd of one agent: a place for 2048
// connections, and some 25 KiB for each. The detector of races, which is in
// the program here, takes eight times that.
const (
	mostFiles  = 2200
	mostMemory = 600
)

// isServed calls at every door.
func (w *world) isServed() {
	w.t.Helper()
	w.inboxLink("alice")
	for _, page := range []string{w.bridge.inbox() + "/", "http://" + w.bridge.at("ops") + "/readyz"} {
		if got := status(w.t, page); got != 200 {
			w.t.Errorf("%s answers %d", page, got)
		}
	}
	// Who comes while the system's own queue is full has to try again.
	eventually(w.t, "the agent is served", func() bool {
		a, err := w.try("GET", "/v1/whoami", "")
		return err == nil && a.status == 200
	})
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
