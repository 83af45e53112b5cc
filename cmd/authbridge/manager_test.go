package main

import (
	"errors"
	"net"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// listenAsManager is a service manager that writes down what it is told, a
// message a line with its states joined by "; ".
func listenAsManager(t testing.TB) (address string, heard *transcript) {
	t.Helper()
	address, heard = filepath.Join(shortDir(t), "notify"), &transcript{}
	at, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: address})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for message := make([]byte, 4096); ; {
			n, err := at.Read(message)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			for i, c := range message[:n] {
				if c == '\n' {
					message[i] = ';'
				}
			}
			_, _ = heard.Write(append(message[:n:n], '\n'))
		}
	}()
	t.Cleanup(func() { _ = at.Close(); <-done })
	return address, heard
}

func asManager(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 1, "manager NAME")
	s := sceneOf(ts)
	address, heard := listenAsManager(s.t)
	ts.Setenv("NOTIFY_SOCKET", address)
	s.jobs[args[0]] = &job{heard: heard}
}

// A manager that is gone, or was never there, does not keep the bridge from its
// work; and only an address of this machine is one.
func TestTellingAManager(t *testing.T) {
	address, heard := listenAsManager(t)
	if err := manager(address).tell(isReady, status("ready\nREADY=0")); err != nil {
		t.Error(err)
	}
	said, more := heard.read()
	if said == "" {
		<-more
		said, _ = heard.read()
	}
	if said != "READY=1;STATUS=ready\n" {
		t.Errorf("the manager hears %q", said)
	}
	if err := manager("").tell(isReady); err != nil {
		t.Errorf("without a manager: %v", err)
	}
	for _, nowhere := range []string{address + "-gone", "@authbridge-gone", "vsock:2:1", "relative"} {
		if manager(nowhere).tell(isReady) == nil {
			t.Errorf("%s hears something", nowhere)
		}
	}
}
