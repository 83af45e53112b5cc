package kill

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// tokenLife is short enough for every grant to be refreshed in every life of
// the bridge.
const tokenLife = 3 * time.Second

// holders is how many grants there are at once.
const holders = 6

// rotations are the moments around a refresh at which the bridge is killed.
var rotations = []aim{
	{on: refreshing, hold: true},
	{on: refreshing, delay: 5 * time.Millisecond},
	{on: rotated, hold: true},
	{on: rotSent, delay: time.Millisecond},
	{on: rotSent, delay: 5 * time.Millisecond},
	{on: rotSent, commits: 1},
	{on: rotSent, commits: 1, delay: 10 * time.Millisecond},
	{on: released, delay: 20 * time.Millisecond},
}

// TestKilledAroundARotation kills the bridge while it refreshes, at a provider
// that takes every refresh token once. One of them ends the grant when a spent
// one comes back; the other repeats its answer for a while, so that there no
// kill may cost anybody a grant.
func TestKilledAroundARotation(t *testing.T) {
	rounds, seed := setting(t, "AUTHBRIDGE_KILL_ROUNDS", fewRounds)/10+1, setting(t, "AUTHBRIDGE_KILL_SEED", rand.Uint64N(1e9))
	t.Logf("%d rounds each with AUTHBRIDGE_KILL_SEED=%d", rounds, seed)
	for n, c := range []struct {
		name     string
		settings oauthtest.Settings
	}{
		{"a spent token ends the grant", oauthtest.Settings{TokenLifetime: tokenLife}},
		{"a spent token is answered again", oauthtest.Settings{TokenLifetime: tokenLife, Grace: time.Minute, GraceRepeats: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := emptyWorld(t, 100+n, seed, &tally{hit: map[row]int{}, aimed: map[row]int{}})
			w.provider = newProvider(t, w.rec, c.settings)
			w.configure("openid, email, offline_access")
			r := &rotation{world: w, forgiving: c.settings.GraceRepeats}
			for range rounds {
				r.round(rotations[w.rng.IntN(len(rotations))])
			}
			r.quiet()
			t.Logf("%d refreshes, %d kills, %d grants given up, the human asked again %d times", r.count(rotated), r.count(killed), r.count(givingUp), r.count(askedAgain))
			w.checkSecrets()
		})
	}
}

// rotation is a world whose agent holds some grants and uses them without a
// pause.
type rotation struct {
	*world
	forgiving bool // a refresh token is honoured again after its use
	held      []string
	made      int
}

// round is one life that ends around a refresh.
func (r *rotation) round(a aim) {
	r.begin()
	for len(r.held) < holders {
		r.obtain()
	}
	t := newTrap(a, r.bridge.commits, r.bridge.dead)
	r.rec.arm(t)
	unwanted := ""
	if r.rng.IntN(3) == 0 {
		unwanted = r.held[r.rng.IntN(holders)]
	}
	wait := r.use(unwanted, func() bool { return false })
	t.wait(r.rng, 2*tokenLife)
	r.rec.add(fact{what: killed})
	r.bridge.kill(r.t)
	wait()
	r.drain()
	r.verdict()
}

// quiet is the last life: nobody is killed, and what is held serves on.
func (r *rotation) quiet() {
	r.begin()
	over := time.Now().Add(3 * tokenLife)
	r.use("", func() bool { return time.Now().After(over) })()
	for _, ask := range r.held {
		last, lost := r.last(released, ask), r.last(askedAgain, ask).what != "" // for a reason, or else the verdict says so
		if !lost && (last.life != r.rec.life || !r.provider.Live(last.token)) {
			r.t.Errorf("the agent got no token of %s that lives, in quiet", ask)
		}
	}
	for _, f := range r.rec.all() {
		if f.what == givenUp {
			r.until("what was given up is taken back at the provider", func() bool { return !r.honoured(f.ask) })
		}
	}
	r.bridge.stop(r.t)
	r.rec.add(fact{what: stopped})
	r.drain()
	r.verdict()
}

func (r *rotation) verdict() {
	r.t.Helper()
	facts := r.rec.all()
	for _, v := range checkRotations(facts, measure().commit, r.forgiving) {
		r.t.Errorf("life %d: %s\n%s", r.rec.life, v, story(facts, v.ask))
	}
	for n, log := range r.logs {
		if log.crashed() {
			r.t.Errorf("the bridge broke down in life %d:\n%s", n+1, log)
		}
	}
	if r.t.Failed() {
		r.t.FailNow()
	}
	lost := map[string]bool{}
	for _, f := range facts {
		lost[f.ask] = lost[f.ask] || f.what == askedAgain
	}
	kept := r.held[:0]
	for _, ask := range r.held {
		if !lost[ask] {
			kept = append(kept, ask)
		}
	}
	r.held = kept
}

// obtain has alice grant once more.
func (r *rotation) obtain() {
	r.t.Helper()
	ask := fmt.Sprintf("files.%s.%d-%d", plain, r.n, r.made)
	r.made++
	var asked api.Request
	r.must(http.MethodPost, "/v1/requests", r.body(ask), &asked)
	h := r.human.Load()
	h.press(ask, asked.ID, "show_code", clicking)
	r.until("a code for "+ask, func() bool {
		_, page, _, err := h.call(http.MethodGet, "/inbox", "")
		h.read(string(page))
		return err == nil && h.code(asked.ID) != ""
	})
	if err := r.provider.Approve(h.code(asked.ID), aliceThere); err != nil {
		r.t.Fatal(err)
	}
	r.until(ask+" is granted", func() bool {
		r.must(http.MethodGet, "/v1/requests/"+asked.ID, "", &asked)
		return asked.State == api.Granted
	})
	r.held = append(r.held, ask)
}

func (r *rotation) body(ask string) string {
	return fmt.Sprintf(`{"provider":"corp","scopes":[%q],"session":%q}`, ask, ask)
}

// must makes a call that has to succeed.
func (r *rotation) must(method, path, body string, v any) {
	r.t.Helper()
	status, answer, err := r.call(method, path, body)
	if err != nil || status >= 300 || json.Unmarshal(answer, v) != nil {
		r.t.Fatalf("%s %s: %d, %v: %s\n%s", method, path, status, err, answer, r.bridge.log)
	}
}

func (r *rotation) until(what string, holds func() bool) {
	r.t.Helper()
	deadline, again := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-deadline:
			r.t.Fatalf("still waiting for %s after %s\n%s", what, patience, r.bridge.log)
		}
	}
}

// use has the agent ask for a token of every grant again and again, and give
// one of them up, until the bridge is dead or enough says so. The returned
// function waits for that.
func (r *rotation) use(unwanted string, enough func() bool) (wait func()) {
	var using sync.WaitGroup
	for n, ask := range r.held {
		using.Go(func() {
			if ask == unwanted {
				r.giveUp(ask)
			}
			for !enough() && r.bridge.pause(time.Duration(40+7*n)*time.Millisecond) && r.useOnce(ask) {
			}
		})
	}
	return using.Wait
}

// giveUp gives a grant up, if it still serves.
func (r *rotation) giveUp(ask string) {
	var token api.Token
	status, body, err := r.call(http.MethodPost, "/v1/token", r.body(ask), "Prefer", "wait=0")
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &token) != nil {
		return
	}
	r.rec.add(fact{what: released, ask: ask, token: token.AccessToken})
	r.rec.add(fact{what: givingUp, ask: ask})
	if status, _, err := r.call(http.MethodDelete, "/v1/grants/"+token.Grant, ""); err == nil && status == http.StatusOK {
		r.rec.add(fact{what: givenUp, ask: ask})
	}
}

// honoured tells whether anything that the agent had of a grant is still good
// at the provider.
func (r *rotation) honoured(ask string) bool {
	last := r.last(released, ask).token
	family, known := r.provider.FamilyOf(last)
	return r.provider.Live(last) || known && len(family.Honoured) > 0
}

// useOnce tells whether to go on with this grant.
func (r *rotation) useOnce(ask string) bool {
	status, body, err := r.call(http.MethodPost, "/v1/token", r.body(ask), "Prefer", "wait=0")
	var token api.Token
	switch {
	case err != nil:
		return false
	case status == http.StatusOK && json.Unmarshal(body, &token) == nil:
		r.rec.add(fact{what: released, ask: ask, token: token.AccessToken})
	case status == http.StatusAccepted:
		f := fact{what: askedAgain, ask: ask}
		if grant, ok := r.provider.FamilyOf(r.last(released, ask).token); ok {
			f.honoured = len(grant.Honoured)
		}
		r.rec.add(f)
		return false
	case status != http.StatusServiceUnavailable:
		r.surprise(ask, "the bridge answers %d %s", status, body)
		return false
	}
	return true
}

// last is the last fact of a kind about an asking; what "" = there is none.
func (r *rotation) last(w what, ask string) (last fact) {
	for _, f := range r.rec.all() {
		if f.what == w && f.ask == ask {
			last = f
		}
	}
	return last
}

func (r *rotation) count(w what) (n int) {
	for _, f := range r.rec.all() {
		if f.what == w {
			n++
		}
	}
	return n
}
