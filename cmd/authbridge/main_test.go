package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts and tests run the real main, and a program for exec
// to run, as processes of their own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"authbridge": main, "obedient": obedient})
}

// obedient says that it is ready, names the first signal that it gets, and
// ends with 9.
func obedient() {
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1)
	fmt.Println("ready")
	fmt.Println("got", <-got)
	os.Exit(9)
}
