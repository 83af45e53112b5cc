package e2e

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// binary is the program under test. TestMain builds it before the first test.
var binary string

func TestMain(m *testing.M) {
	if at := os.Getenv(crowdAt); at != "" {
		os.Exit(crowd(at))
	}
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	flag.Parse()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // where the provider tells whom it refused
	dir, err := os.MkdirTemp("", "authbridge-e2e-")
	if err != nil {
		return broken(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := build(dir); err != nil {
		return broken(err)
	}
	atOnce()
	code := m.Run()
	closeBrowser()
	if code == 0 && everythingRan() {
		return checkContract(os.Stderr)
	}
	return code
}

// atOnce lets more tests run at once than there are processors, unless the
// command line says how many: they mostly wait for one poll or another.
func atOnce() {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0)))
	}
}

func broken(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

// TestTheSources looks at every file of the product: the go command, which
// notes what tests look at, then knows that a result of before is stale when
// one has changed. It cannot know by itself what the program is built from.
func TestTheSources(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git", d.Name() == "bin", d.Name() == "docs":
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		_, err = os.Stat(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// build makes the program with the race detector in it: what it finds ends up
// in the log of the bridge, where the tests look for it.
func build(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	binary = filepath.Join(dir, "authbridge")
	c := exec.CommandContext(ctx, "go", "build", "-race", "-o", binary, "github.com/authbridge/authbridge/cmd/authbridge")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}

// everythingRan tells whether no test was left out on the command line.
func everythingRan() bool {
	for name, off := range map[string]string{"test.run": "", "test.skip": "", "test.list": "", "test.short": "false"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != off {
			return false
		}
	}
	return true
}
