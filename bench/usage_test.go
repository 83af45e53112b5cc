//go:build unix

package bench

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
	"time"
)

// usage is what a process has used, by the system's own count.
type usage struct {
	CPU        time.Duration // user and system, since its start
	Anon       int64         // bytes of memory that is no file's (RssAnon); 0 = the system does not tell
	Heap       int64         // bytes of live and dead objects
	Written    int64         // bytes written to disks (write_bytes); 0 = the system does not tell
	Goroutines int
}

// use reads the usage of this process, if that is asked for after a collection
// of garbage whose memory is given back.
func use(collected bool) usage {
	if collected {
		runtime.GC()
		debug.FreeOSMemory() // collects again, what the first one let go of
	}
	u := usage{Anon: field("/proc/self/status", "RssAnon:") << 10, Written: field("/proc/self/io", "write_bytes:")}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.Heap, u.Goroutines = int64(m.HeapAlloc), runtime.NumGoroutine()
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) == nil {
		u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return u
}

// field reads a number out of a file of lines of names and values.
func field(file, name string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte(name)); ok {
			var n int64
			_, _ = fmt.Sscan(string(value), &n)
			return n
		}
	}
	return 0
}

// profile writes a CPU profile into a file until stop, unless the file is "".
// Allocations are written beside it.
func profile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	cpu, err := os.Create(file + ".cpu")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = cpu.Close()
		if memory, err := os.Create(file + ".allocs"); err == nil {
			_ = pprof.Lookup("allocs").WriteTo(memory, 0)
			_ = memory.Close()
		}
	}, nil
}
