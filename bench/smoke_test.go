//go:build unix

package bench

import (
	"testing"
	"time"
)

// TestEachRolePolls runs what the benchmarks run, with a few grants: every
// one of them is polled twice over, and the bridge is never early.
func TestEachRolePolls(t *testing.T) {
	p := plan{grants: 30, cadence: 2 * time.Second}
	for _, role := range []string{"ideal", "bridge", "oauth2"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			issuer := start(t, task{Role: "issuer"})
			issuer.ask(command{Verb: prepare, Grants: p.grants, Cadence: p.cadence, Interval: p.interval()})
			dir := t.TempDir()
			if role == "bridge" {
				seed(t, dir, issuer.ready.Addr, p.grants)
			}
			one := start(t, task{Role: role, Issuer: issuer.ready.Addr, Grants: p.grants, Cadence: p.cadence, Dir: dir})
			defer one.stop()
			before := one.ask(command{Verb: look})
			seen := issuer.ask(command{Verb: await, Polls: 2 * int64(p.grants)})
			after := one.ask(command{Verb: look})
			switch {
			case seen.Polls < 2*int64(p.grants):
				t.Errorf("%d polls were made", seen.Polls)
			case seen.P99 == 0:
				t.Error("nothing is known of their lateness")
			case after.CPU <= before.CPU || after.Heap == 0 || after.Goroutines == 0:
				t.Errorf("the process does not tell what it uses: %+v", after.usage)
			case after.Dead > 0 || after.Faults > 0:
				t.Errorf("%d flows ended and %d faults were logged, although nothing happened but polls", after.Dead, after.Faults)
			case role == "bridge" && seen.Early > 0:
				t.Errorf("%d polls were early", seen.Early)
			}
		})
	}
}

// TestIssuerKnowsEarlyPolls is about the other side of a count that is to be
// zero: who polls twice in a row is counted.
func TestIssuerKnowsEarlyPolls(t *testing.T) {
	issuer := start(t, task{Role: "issuer"})
	issuer.ask(command{Verb: prepare, Grants: 1, Cadence: time.Hour, Interval: time.Minute})
	client := tuned()
	defer client.CloseIdleConnections()
	for range 3 {
		if !ask(t.Context(), client, "http://"+issuer.ready.Addr+"/token", deviceCode(0, 0), make([]byte, 1024)) {
			t.Fatal("the issuer does not answer that the human has not finished")
		}
	}
	if seen := issuer.ask(command{Verb: look}); seen.Polls != 3 || seen.Early != 2 || seen.Conns != 1 {
		t.Errorf("of three polls in a row on one connection %+v was counted", seen.counts)
	}
	if ask(t.Context(), client, "http://"+issuer.ready.Addr+"/token", deviceCode(1, 0), make([]byte, 1024)) {
		t.Error("a code that was never given counts as pending")
	}
}

// TestRestartFindsAll starts a bridge and the bare program on a few pending
// requests.
func TestRestartFindsAll(t *testing.T) {
	const grants = 20
	dir, issuer := t.TempDir(), start(t, task{Role: "issuer"})
	issuer.ask(command{Verb: prepare, Interval: time.Minute})
	seed(t, dir, issuer.ready.Addr, grants)
	lay(t, dir, grants)
	for _, role := range []string{"scan", "bridge"} {
		if ready := started(t, task{Role: role, Dir: dir, Grants: grants, Issuer: issuer.ready.Addr}); ready.Took <= 0 || ready.CPU <= 0 {
			t.Errorf("%s took %v, and %v of CPU", role, ready.Took, ready.CPU)
		}
	}
}

// TestTheStreamTells runs what is measured of agents that wait.
func TestTheStreamTells(t *testing.T) {
	const grants = 20
	h := settle(t, grants)
	h.follow(grants / 2)
	h.wait(grants / 2)
}
