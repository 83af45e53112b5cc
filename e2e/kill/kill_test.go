package kill

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// worlds is how many bridges are killed at the same time.
const worlds = 6

// A few rounds show that nothing is broken. Of fullRounds each row has to be hit
// by wantHits.
const (
	fewRounds  = 10
	wantHits   = 5
	fullRounds = 200
)

// TestKilledAtAnyMoment kills the bridge in several worlds at once, and counts
// which rows of the crash table were hit.
func TestKilledAtAnyMoment(t *testing.T) {
	rounds, seed := setting(t, "AUTHBRIDGE_KILL_ROUNDS", fewRounds), setting(t, "AUTHBRIDGE_KILL_SEED", rand.Uint64N(1e9))
	t.Logf("%d rounds with AUTHBRIDGE_KILL_SEED=%d", rounds, seed)
	c := &tally{left: int(rounds), aimed: map[row]int{}, hit: map[row]int{}}
	if rounds >= fullRounds { // a quick machine slips past some rows
		c.more = fullRounds
	}
	began := time.Now()
	t.Run("worlds", func(t *testing.T) {
		for n := range worlds {
			t.Run(strconv.Itoa(n+1), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, n+1, seed, c)
				for _, a, more := c.next(w.rng); more; _, a, more = c.next(w.rng) {
					w.round(a)
				}
				w.quiet()
				w.checkSecrets()
			})
		}
	})
	t.Logf("seed %d: %d kills in %s\n%s", seed, c.kills, time.Since(began).Round(time.Second), c.table())
	for _, g := range goals {
		if rounds >= fullRounds && c.hit[g.row] < wantHits {
			t.Errorf("%q was hit %d times, want %d", g.row, c.hit[g.row], wantHits)
		}
	}
}

// setting reads a number from the environment.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%s is a number: %v", name, err)
	}
	return n
}

// table says how often each row was aimed at and hit.
func (c *tally) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%6s %6s  %s\n", "hit by", "aims", "between | and (how a hit is known)")
	for _, g := range goals {
		fmt.Fprintf(&b, "%6d %6d  %s (%s)\n", c.hit[g.row], c.aimed[g.row], g.row, g.evidence)
	}
	slices.Sort(c.starts)
	if n := len(c.starts); n > 0 {
		fmt.Fprintf(&b, "%d starts: median %s, longest %s\n", n, c.starts[n/2].Round(time.Millisecond), c.starts[n-1].Round(time.Millisecond))
	}
	return b.String()
}

// TestTheSources looks at every file of the product: the go command, which
// notes what tests look at, then knows that a result of before is stale when
// one has changed. It cannot know by itself what the program is built from.
func TestTheSources(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "bin" || d.Name() == "docs"):
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
