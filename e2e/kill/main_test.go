package kill

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// binaryPath is the program under test. TestMain builds it.
var binaryPath string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	flag.Parse()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	dir, err := os.MkdirTemp("", "authbridge-kill-")
	if err != nil {
		return broken(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := build(dir); err != nil {
		return broken(err)
	}
	_ = flag.Set("test.parallel", strconv.Itoa(worlds)) // they mostly wait for a poll
	return m.Run()
}

func broken(err error) int {
	fmt.Fprintln(os.Stderr, "kill:", err)
	return 1
}

// build makes the program. For many rounds it is as it is released: without the
// race detector it starts and commits quicker. For a few it is the one that the
// tests in e2e have made already, with the detector.
func build(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	binaryPath = filepath.Join(dir, "authbridge")
	how, env := []string{"build", "-race", "-o", binaryPath}, os.Environ()
	if os.Getenv("AUTHBRIDGE_KILL_ROUNDS") != "" {
		how, env = []string{"build", "-trimpath", "-o", binaryPath}, append(env, "CGO_ENABLED=0")
	}
	c := exec.CommandContext(ctx, "go", append(how, "github.com/authbridge/authbridge/cmd/authbridge")...)
	c.Env = env
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}
