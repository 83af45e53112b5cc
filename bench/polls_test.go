//go:build unix

package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// numbers reads numbers from the environment, with commas between them.
func numbers(t testing.TB, name string, otherwise int) []int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return []int{otherwise}
	}
	var all []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			t.Fatalf("%s=%s: %q is no number above 0", name, text, word)
		}
		all = append(all, n)
	}
	return all
}

// mostOAuth2 is how many goroutines of golang.org/x/oauth2 are started at
// most: each of a million would take some twenty kilobytes.
const mostOAuth2 = 100_000

// BenchmarkPolls is what it costs to wait for humans: memory for each grant
// that is pending, CPU for each poll, and how late the polls are when they
// reach the issuer. The bridge, the ideal and golang.org/x/oauth2 take turns,
// each in a process of its own, all with the same number of polls a second.
// BENCH_PENDING says how many grants are pending; -benchtime 3x makes three
// rounds, of which the medians count.
func BenchmarkPolls(b *testing.B) {
	for _, grants := range numbers(b, "BENCH_PENDING", 100_000) {
		b.Run(fmt.Sprintf("pending=%d", grants), func(b *testing.B) { benchmarkPolls(b, grants) })
	}
}

func benchmarkPolls(b *testing.B, grants int) {
	p := plan{grants: grants, cadence: 5 * time.Second, window: 10 * time.Second}
	roles := []string{"ideal", "bridge", "oauth2"}
	if grants > mostOAuth2 {
		p.cadence, p.window, roles = time.Minute, time.Minute, roles[:2]
	}
	issuer := start(b, task{Role: "issuer"})
	all := map[string][]outcome{}
	for range b.N {
		dir := b.TempDir() // each round anew: a code is good for half an hour
		issuer.ask(command{Verb: prepare, Cadence: p.cadence, Interval: p.interval()})
		seed(b, dir, issuer.ready.Addr, grants)
		for _, role := range roles {
			o := turn(b, p, issuer, role, dir)
			b.Logf("%-6s %s", role, o)
			all[role] = append(all[role], o)
		}
	}
	b.ReportMetric(0, "ns/op")
	reportPolls(b, all)
	checkPolls(b, all["bridge"])
}

func (o outcome) String() string {
	return fmt.Sprintf("%5.0f B and %5.0f B of heap for each, %6.1f us a poll, %5.1f %% made, late by %v, %v, %v (p50, p99, p99.9), %d early, %d connections, %d ended, %d faults",
		o.bytes, o.heap, us(o.perPoll), 100*o.made, o.P50, o.P99, o.P999, o.Early, o.Conns, o.Dead, o.Faults)
}

// figure is one figure of an outcome.
type figure struct {
	unit string
	of   func(outcome) float64
}

// reportPolls reports figures of the bridge and how they compare.
func reportPolls(b *testing.B, all map[string][]outcome) {
	for _, f := range []figure{
		{"B/pending", func(o outcome) float64 { return o.bytes }},
		{"us/poll", func(o outcome) float64 { return us(o.perPoll) }},
		{"p99-late-ms", func(o outcome) float64 { return us(o.P99) / 1000 }},
	} {
		b.ReportMetric(middle(all["bridge"], f.of), f.unit)
		name, _, _ := strings.Cut(strings.TrimSuffix(f.unit, "-late-ms"), "/")
		for _, other := range []string{"ideal", "oauth2"} {
			if len(all[other]) > 0 {
				b.ReportMetric(ratio(all["bridge"], all[other], f.of), name+"-x-"+other)
			}
		}
	}
	for _, f := range []figure{
		{"heap-B/pending", func(o outcome) float64 { return o.heap }},
		{"made-%", func(o outcome) float64 { return 100 * o.made }},
		{"early-polls", func(o outcome) float64 { return float64(o.Early) }},
		{"conns/1k-polls", func(o outcome) float64 { return 1000 * float64(o.Conns) / float64(max(o.Polls, 1)) }},
	} {
		b.ReportMetric(middle(all["bridge"], f.of), f.unit)
	}
}

func middle(all []outcome, of func(outcome) float64) float64 {
	values := make([]float64, len(all))
	for i, o := range all {
		values[i] = of(o)
	}
	return median(values)
}

// ratio is the median of the ratios of the rounds.
func ratio(ours, theirs []outcome, of func(outcome) float64) float64 {
	values := make([]float64, len(ours))
	for i := range ours {
		values[i] = of(ours[i]) / of(theirs[i])
	}
	return median(values)
}

// checkPolls fails on what no speed makes up for.
func checkPolls(t testing.TB, bridge []outcome) {
	t.Helper()
	for _, o := range bridge {
		switch {
		case o.Polls == 0:
			t.Error("the bridge did not poll")
		case o.Early > 0:
			t.Errorf("%d of %d polls were early", o.Early, o.Polls)
		case o.wrote:
			t.Error("something was written to disk while nothing but polls happened")
		case o.Faults > 0:
			t.Errorf("%d faults were logged", o.Faults)
		}
	}
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
