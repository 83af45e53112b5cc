package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What the system can be short of, for a process that runs.
const (
	fileSize  = unix.RLIMIT_FSIZE
	openFiles = unix.RLIMIT_NOFILE
)

// limit lowers what the bridge may have, until lift is called.
func (b *bridge) limit(resource int, most uint64) (lift func()) {
	b.t.Helper()
	var before unix.Rlimit
	if err := unix.Prlimit(b.cmd.Process.Pid, resource, nil, &before); err != nil {
		b.t.Fatal(err)
	}
	b.setLimit(resource, unix.Rlimit{Cur: most, Max: before.Max})
	return func() { b.setLimit(resource, before) }
}

func (b *bridge) setLimit(resource int, now unix.Rlimit) {
	b.t.Helper()
	if err := unix.Prlimit(b.cmd.Process.Pid, resource, &now, nil); err != nil {
		b.t.Fatal(err)
	}
}

// used is how much of the disk a file takes, without the holes in it.
func used(t testing.TB, path string) uint64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return uint64(info.Sys().(*syscall.Stat_t).Blocks) * 512
}

// files is how many files the bridge has open.
func (b *bridge) files() int {
	b.t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", b.cmd.Process.Pid))
	if err != nil {
		b.t.Fatal(err)
	}
	return len(all)
}

// memory is how many MiB the bridge takes.
func (b *bridge) memory() int {
	b.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		b.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.t.Fatal(err)
	}
	return kib >> 10
}
