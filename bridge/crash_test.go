package bridge_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge/bridgetest"
)

// row is one row of the crash table: what a crash falls between, and the
// boundaries where it does.
type row struct {
	between, and string
	at           []string // as [bridgetest.Boundary.String], up to its end or a "+"
}

// crashTable is every place where a process can die. A crash of the saga's
// first life at any boundary falls into one of the rows.
var crashTable = []row{
	{"nothing done yet", "names noted", []string{"before commit of names"}},
	{"names noted", "ask stored", []string{"after commit of names"}},
	{"nothing done yet", "ask stored", []string{"before commit of ask", "before commit of served"}},
	{"ask stored", "card posted", []string{"after commit of ask", "before commit of attempt"}},
	{"attempt stored", "card posted", []string{"after commit of attempt", "before Post"}},
	{"card posted", "that stored", []string{"after Post"}},
	{"change stored", "card edited", []string{"before Edit"}},
	{"card edited", "that stored", []string{"after Edit", "before commit of delivery"}},
	{"delivery stored", "next change", []string{"after commit of delivery"}},
	{"time for a reminder", "that stored", []string{"before commit of another surface"}},
	{"reminder stored", "it is posted", []string{"after commit of another surface"}},
	{"press of Show code", "press stored", before("show_code", "claim")},
	{"press stored", "code asked for", append(after("show_code", "claim"), "before Begin")},
	{"provider gave a code", "code stored", []string{"after Begin of a code", "before commit of minted"}},
	{"provider gave no code", "fault stored", []string{"after Begin of a fault", "before commit of mint_fault"}},
	{"fault stored", "press again", []string{"after commit of mint_fault"}},
	{"code stored", "card edited", []string{"after commit of minted"}},
	{"code shown", "poll", []string{"before Poll"}},
	{"claim let go", "that stored", before("release", "claim_lapsed")},
	{"claim over", "next claim", after("release", "claim_lapsed")},
	{"human approved", "poll", []string{"before Poll, approved"}},
	{"poll learnt nothing", "next poll", []string{"after Poll of pending", "after Poll of a fault"}},
	{"provider said slow_down", "interval stored", []string{"after Poll of slow_down", "before commit of unseen while coded"}},
	{"interval stored", "next poll", []string{"after commit of unseen while coded"}},
	{"provider said no", "no stored", []string{"after Poll of denied", "before commit of access_denied"}},
	{"provider gave the token", "token stored", []string{"after Poll of granted", "before commit of token", "before commit of owed+token"}},
	{"token stored", "account asked for", []string{"after commit of token", "before Identify"}},
	{"account known", "decision stored", []string{"after Identify", "before commit of account_matches", "before commit of account_differs", "before commit of account_unknown"}},
	{"question stored", "human asked", []string{"after commit of account_unknown"}},
	{"human says whose it is", "that stored", before("mine", "not_mine")},
	{"digits typed", "wrong try counted", before("wrong_digits")},
	{"wrong try counted", "next try", after("wrong_digits")},
	{"grant stored", "agent answered", []string{"after commit of account_matches", "after commit of served", "after commit of mine"}},
	{"agent came", "collected stored", []string{"before commit of collect", "before commit of unseen while collected"}},
	{"collected stored", "token sent", []string{"after commit of collect", "after commit of unseen while collected"}},
	{"somebody ended it", "end stored", before("deny", "not_me", "cancel", "team_decline")},
	{"end stored", "they are answered", after("deny", "not_me", "cancel", "access_denied", "team_decline")},
	{"time over, or taken back", "end stored", before("code_lapsed", "ttl_over", "collect_within_over", "identity_timeout", "confirmation_timeout", "grant owed")},
	{"end stored by the clock", "tokens revoked", after("code_lapsed", "ttl_over", "collect_within_over", "identity_timeout", "confirmation_timeout", "grant owed", "account_differs", "not_mine")},
	{"tokens owed", "provider told", []string{"after commit of owed+token", "before Revoke"}},
	{"provider told", "revocation noted", []string{"after Revoke", "before commit of paid", "before commit of owed", "before commit of grant owed"}},
	{"revocation noted", "forgotten", []string{"after commit of paid", "after commit of owed"}},
	{"time to refresh", "that stored", []string{"before commit of refreshing"}},
	{"refresh stored", "refresh sent", []string{"after commit of refreshing", "before Refresh"}},
	{"refresh answered", "new tokens stored", []string{"after Refresh of tokens", "before commit of refreshed"}},
	{"new tokens stored", "agent gets one", []string{"after commit of refreshed"}},
	{"provider did not refresh", "that stored", []string{"after Refresh of a fault", "before commit of not refreshed", "before commit of needs_reauth"}},
	{"that stored", "next try, or human asked", []string{"after commit of not refreshed", "after commit of needs_reauth"}},
	{"old requests looked for", "forgotten", []string{"before forget", "after forget"}},
}

func before(events ...string) []string { return at("before", events) }
func after(events ...string) []string  { return at("after", events) }

func at(side string, events []string) []string {
	for i, e := range events {
		events[i] = side + " commit of " + e
	}
	return events
}

// hits counts the crashes in each row.
type hits struct {
	mu    sync.Mutex
	n     map[string]int
	plots int // that were told to their end
}

func (h *hits) note(t *testing.T, b string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range crashTable {
		if slices.ContainsFunc(r.at, func(at string) bool {
			return b == at || strings.HasPrefix(b, at+"+") || strings.HasPrefix(b, at+" of ")
		}) {
			h.n[r.between+" | "+r.and]++
			return
		}
	}
	t.Errorf("a crash %s is in no row of the table", b)
}

func (h *hits) told() { h.mu.Lock(); defer h.mu.Unlock(); h.plots++ }

// share is the part of an exhaustive walk that is gone: of each of parts steps
// in a row, one. All of them is one part.
type share struct{ part, parts int }

// shareOfTheWalk reads which part is gone from AUTHBRIDGE_WALK, such as "2/3":
// with the race detector all of it takes minutes. "make test" goes one after
// the other from commit to commit, "make walk" all.
func shareOfTheWalk(t *testing.T) share {
	t.Helper()
	s := share{1, 1}
	if text := os.Getenv("AUTHBRIDGE_WALK"); text != "" {
		if n, err := fmt.Sscanf(text, "%d/%d", &s.part, &s.parts); n != 2 || err != nil || s.part < 1 || s.part > s.parts {
			t.Fatalf("AUTHBRIDGE_WALK is %q: it says which part of how many, such as 2/3", text)
		}
	}
	return s
}

// holds reports whether the nth step, counted from 1, belongs to the share.
func (s share) holds(n int) bool { return (n-s.part)%s.parts == 0 }

func (s share) whole() bool { return s.parts == 1 }

// A process that dies anywhere loses nothing, doubles nothing and does nothing
// early: each plot is told as often as it has boundaries, and each time the
// process dies at another one.
func TestCrashAtEveryStep(t *testing.T) {
	walk := shareOfTheWalk(t)
	seen := &hits{n: map[string]int{}}
	t.Run("plots", func(t *testing.T) {
		for _, p := range plots() {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				trail := calm(t, p).Trail()
				died := 0
				for n, b := range trail {
					repeats := n >= 3 && b.Call == "forget" // to look for old requests is the same step every time
					if !repeats && walk.holds(n+1) {
						crashOnce(t, p, trail[:n+1], seen)
						died++
					}
				}
				seen.told()
				t.Logf("died at %d of %d boundaries", died, len(trail))
			})
		}
	})
	for _, r := range crashTable {
		name := r.between + " | " + r.and
		t.Logf("%5d  %s", seen.n[name], name)
		if seen.n[name] == 0 && seen.plots == len(plots()) && walk.whole() {
			t.Errorf("no crash fell between %s", name)
		}
	}
}

// calm tells a plot in which nothing breaks.
func calm(t *testing.T, p plot) *bridgetest.Failpoints {
	t.Helper()
	points := bridgetest.NewFailpoints()
	synctest.Test(t, func(t *testing.T) { tell(t, p, []*bridgetest.Failpoints{points}) })
	return points
}

// crashOnce tells a plot in which the process dies at the last of some
// boundaries: by its name, for what takes turns may come in another order.
func crashOnce(t *testing.T, p plot, upTo []bridgetest.Boundary, seen *hits) {
	t.Helper()
	last, nth := upTo[len(upTo)-1], 0
	for _, b := range upTo {
		if b.String() == last.String() {
			nth++
		}
	}
	synctest.Test(t, func(t *testing.T) {
		points := bridgetest.NewFailpoints()
		points.CrashAtThe(nth, last)
		s := tell(t, p, []*bridgetest.Failpoints{points}, 2*time.Second)
		if !points.Crashed() {
			return // this time there were fewer like it
		}
		trail := points.Trail()
		if seen.note(t, s.crash); t.Failed() {
			t.Fatalf("the crash was at boundary %d: %v", len(trail), trail[len(trail)-1])
		}
	})
}

// broken tells a plot once for every commit of the walk, which is broken in
// some way, and without a restart.
func broken(t *testing.T, brk func(points *bridgetest.Failpoints, n int)) {
	walk := shareOfTheWalk(t)
	for _, p := range plots() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			commits := calm(t, p).Commits()
			for n := walk.part; n <= commits; n += walk.parts {
				synctest.Test(t, func(t *testing.T) {
					points := bridgetest.NewFailpoints()
					brk(points, n)
					if tell(t, p, []*bridgetest.Failpoints{points}); t.Failed() {
						t.Fatalf("commit %d of %d was broken", n, commits)
					}
				})
			}
			t.Logf("broke %d of %d commits", (commits-walk.part)/walk.parts+1, commits)
		})
	}
}

// A commit that is kept and reported lost leads to the same end.
func TestEveryCommitInDoubt(t *testing.T) {
	broken(t, func(points *bridgetest.Failpoints, n int) { points.DoubtCommits(n, 1) })
}

// So does a disk that is full for a moment, or for three commits in a row.
func TestEveryCommitRefused(t *testing.T) {
	broken(t, func(points *bridgetest.Failpoints, n int) { points.RefuseCommits(n, 1+2*(n%2)) })
}

// crashSeed makes the sample of two crashes the same every time; crashPairs is
// how many are told.
const (
	crashSeed  = 20261122
	crashPairs = 120
)

// The second crash comes while the first one is being got over, and the bridge
// stays away for as long as it likes.
func TestTwoCrashesInOneStory(t *testing.T) {
	walk := shareOfTheWalk(t)
	all := plots()
	steps := map[string]int{}
	for _, p := range all {
		steps[p.name] = len(calm(t, p).Trail())
	}
	chance := rand.New(rand.NewPCG(crashSeed, 0))
	for i := range crashPairs {
		p := all[chance.IntN(len(all))]
		n, m := 1+chance.IntN(steps[p.name]), 1+chance.IntN(1+steps[p.name]/2)
		naps := []time.Duration{0, 2 * time.Second, 30 * time.Second, 5 * time.Minute}
		down := []time.Duration{naps[chance.IntN(len(naps))], naps[chance.IntN(len(naps))]}
		if !walk.holds(i + 1) {
			continue // chance has gone on, so pair i is the same one in each share
		}
		synctest.Test(t, func(t *testing.T) {
			first, second := bridgetest.NewFailpoints(), bridgetest.NewFailpoints()
			first.CrashAt(n)
			second.CrashAt(m)
			tell(t, p, []*bridgetest.Failpoints{first, second}, down...)
			if t.Failed() {
				t.Fatalf("pair %d: %q died at boundary %d and, after %v, at %d, for %v", i, p.name, n, down[0], m, down[1])
			}
		})
	}
}
