package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal: who sits at it, and what a program has.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return person, program // who still reads from it when a test ends closes it
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// TestASecretIsTypedUnseen, and after it, or after Ctrl-C in the middle of it,
// the terminal shows again what is typed.
func TestASecretIsTypedUnseen(t *testing.T) {
	person, program := terminal(t)
	s := &stdio{in: program, out: &bytes.Buffer{}, err: &bytes.Buffer{}, env: func(string) string { return "" }}
	answered := make(chan string, 1)
	go func() {
		secret, err := s.talk().AskSecret(t.Context(), "Client secret: ")
		if err != nil {
			t.Error(err)
		}
		answered <- secret.Reveal()
	}()
	for echoes(t, program) { // until it is not shown, nobody would type it
		runtime.Gosched()
	}
	if _, err := person.WriteString("hunter2\n"); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; got != "hunter2" {
		t.Errorf("it was read as %q", got)
	}
	if !echoes(t, program) {
		t.Error("the terminal shows nothing any more")
	}
	if _, err := program.WriteString("<end>"); err != nil {
		t.Fatal(err)
	}
	var screen []byte
	for piece := make([]byte, 100); !bytes.Contains(screen, []byte("<end>")); {
		n, err := person.Read(piece)
		if err != nil {
			t.Fatal(err)
		}
		screen = append(screen, piece[:n]...)
	}
	if bytes.Contains(screen, []byte("hunter2")) {
		t.Errorf("the secret was shown: %q", screen)
	}

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := s.talk().AskSecret(ctx, "Client secret: ")
		answered <- fmt.Sprint(err)
	}()
	for echoes(t, program) {
		runtime.Gosched()
	}
	cancel()
	if got := <-answered; got != context.Canceled.Error() || !echoes(t, program) {
		t.Errorf("it ended with %q, and the terminal shows what is typed: %v", got, echoes(t, program))
	}
}
