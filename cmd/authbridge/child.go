package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exits of exec that follow the shell.
const (
	exitCannotRun = 126
	exitNotFound  = 127
	exitSignalled = 128
)

// runChild runs a command with one more variable in its environment, hands
// it the signals that we get, and returns its exit: 128+N when signal N
// ended it. The variable is in the child's environment and nowhere else. The
// agent's key is not: who is handed one token could ask for all the others.
func (s *stdio) runChild(argv []string, name, value string) int {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return s.cannotRun(argv[0], err)
	}
	child := exec.Command(path, argv[1:]...) //nolint:gosec,noctx // running what the caller names, for as long as it runs, is what exec is for
	child.Args[0] = argv[0]
	child.Env = append(without(os.Environ(), name, keyVariable), name+"="+value)
	child.Stdin, child.Stdout, child.Stderr = s.in, s.out, s.err
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, passedOn...)
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		return s.cannotRun(argv[0], err)
	}
	done := make(chan struct{})
	go passOn(child.Process, signals, done, foreground)
	err = child.Wait()
	close(done)
	return exitOfChild(child.ProcessState, err)
}

// passedOn are the signals that belong to the child.
var passedOn = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// passOn hands the child what we get. What comes from the keyboard a terminal
// sends to the child by itself, and many programs take a second Ctrl-C as "at
// once": then we only must not die of it.
func passOn(child *os.Process, signals <-chan os.Signal, done <-chan struct{}, foreground func() bool) {
	for {
		select {
		case sig := <-signals:
			if (sig == syscall.SIGINT || sig == syscall.SIGQUIT) && foreground() {
				continue
			}
			_ = child.Signal(sig) // it may have ended meanwhile
		case <-done:
			return
		}
	}
}

// foreground reports whether a terminal sends its signals to us and, with us,
// to the child.
func foreground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close() //nolint:errcheck // only looked at
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

func exitOfChild(state *os.ProcessState, err error) int {
	if state == nil {
		return exitInternal
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitSignalled + int(status.Signal())
	}
	if code := state.ExitCode(); code >= 0 {
		return code
	}
	if err != nil {
		return exitInternal
	}
	return exitDone
}

func (s *stdio) cannotRun(name string, err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(s.err, "authbridge: %s: command not found\n", s.plain(name))
		return exitNotFound
	}
	fmt.Fprintf(s.err, "authbridge: cannot run %s: %v\n", s.plain(name), err)
	return exitCannotRun
}

// without drops variables from an environment.
func without(env []string, names ...string) []string {
	return slices.DeleteFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(names, name)
	})
}
