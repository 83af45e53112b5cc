//go:build unix

package bench

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// plan is what has to be polled, and for how long that is looked at.
type plan struct {
	grants  int
	cadence time.Duration
	window  time.Duration
}

// interval is the least time between two polls that is named to the bridge so
// that it polls once in a cadence: it leaves a second, or a fifth, of room.
func (p plan) interval() time.Duration {
	return min(p.cadence-time.Second, p.cadence*5/6).Truncate(time.Second)
}

// outcome is what one role showed in its turn.
type outcome struct {
	perPoll time.Duration // CPU of its process, user and system
	bytes   float64       // RssAnon for each grant, beyond that of an idle process
	heap    float64       // likewise, of the heap after a collection
	made    float64       // part of the polls that were due
	report                // its last, and what the issuer saw
	wrote   bool          // to disk
}

// turn lets one role poll for a while.
func turn(t testing.TB, p plan, issuer *process, role, dir string) outcome {
	t.Helper()
	interval := p.cadence
	if role == "bridge" {
		interval = p.interval()
	}
	issuer.ask(command{Verb: prepare, Grants: p.grants, Cadence: p.cadence, Interval: interval})
	job := task{Role: role, Issuer: issuer.ready.Addr, Cadence: p.cadence}
	idle := idleOf(t, job)

	job.Grants, job.Dir, job.Profile = p.grants, dir, profileOf(role)
	one := start(t, job)
	defer one.stop()
	pass(t, 2*p.cadence+time.Second) // the first polls are no steady state
	issuer.ask(command{Verb: reset})
	before := one.ask(command{Verb: look})
	pass(t, p.window)
	after := one.ask(command{Verb: look})
	after.counts = issuer.ask(command{Verb: look}).counts
	heap := one.ask(command{Verb: collect}).Heap

	polls, grants := float64(max(after.Polls, 1)), float64(p.grants)
	return outcome{
		perPoll: time.Duration(float64(after.CPU-before.CPU) / polls),
		bytes:   float64(after.Anon-idle.Anon) / grants,
		heap:    float64(heap-idle.Heap) / grants,
		made:    float64(after.Polls) / (grants * float64(p.window) / float64(p.cadence)),
		report:  after,
		wrote:   after.Written != before.Written || !after.LastWrite.Equal(before.LastWrite),
	}
}

// idleOf is what a process uses that has nothing pending.
func idleOf(t testing.TB, job task) usage {
	t.Helper()
	if job.Role == "bridge" {
		job.Dir = t.TempDir()
		seed(t, job.Dir, job.Issuer, 0)
	}
	idle := start(t, job)
	defer idle.stop()
	u := idle.ask(command{Verb: look}).usage
	u.Heap = idle.ask(command{Verb: collect}).Heap
	return u
}

// profileOf names the file for the profile of a role, in the directory
// BENCH_PROFILE; "" = none is asked for.
func profileOf(role string) string {
	folder := os.Getenv("BENCH_PROFILE")
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, role)
}

func pass(t testing.TB, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// median is that of a few figures, and of what they are compared with turn by
// turn.
func median[T cmp.Ordered](all []T) T {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
