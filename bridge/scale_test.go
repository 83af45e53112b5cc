package bridge_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

// What the bridge promises about a crowd of requests whose humans have
// codes, as the issuer sees it: through the real client, on a real store, in
// time that passes as quickly as the machine can work.

// crowdSize is how many requests wait. "make scale" says a hundred thousand; with
// the race detector fewer have to do.
var crowdSize = flag.Int("crowd", 2_000, "requests that wait in TestACrowdOfRequests")

const (
	willing = 2_000 // of their humans approve, or a fifth where that is less

	perHuman = 10  // requests to one human
	perAgent = 100 // humans whom one agent may ask
	atOnce   = 64  // polls under way with one issuer

	// How often a code may be polled, and how long an answer takes: some 40
	// polls are under way with a hundred thousand codes.
	crowdInterval = time.Minute
	slowInterval  = 90 * time.Second // after a slow_down, which names it
	crowdDelay    = 30 * time.Millisecond
	crowdLifetime = 30 * time.Minute
)

func humanOf(n int) string { return fmt.Sprintf("human-%05d", n/perHuman) }
func agentOf(n int) string { return fmt.Sprintf("agent-%03d", n/perHuman/perAgent) }

// crowdDirectory is a configuration for so many requests.
func crowdDirectory(requests int) *bridge.Directory {
	d := &bridge.Directory{
		Humans: map[string]bridge.Human{}, Agents: map[string]bridge.Agent{},
		Providers: map[string]bridge.ProviderInfo{"corp": {Name: "corp", Issuer: crowdOrigin, ClientID: "authbridge"}},
		Channels:  []string{"web"}, Limits: bridge.DefaultLimits(),
	}
	for n := 0; n < requests; n += perHuman {
		human, name := humanOf(n), agentOf(n)
		d.Humans[human] = bridge.Human{Name: human, Email: human + "@example.com"}
		agent := d.Agents[name]
		if agent.Name = name; agent.May == nil {
			agent.May = []bridge.Rule{{Provider: "corp", Scopes: []string{"files:*"}, Reuse: 8 * time.Hour}}
		}
		agent.May[0].Ask = append(agent.May[0].Ask, human)
		d.Agents[name] = agent
	}
	return d
}

// seeds is a store with requests that wait, to be copied: every bubble begins
// at the same instant. ids has the request of each code.
type seeds struct {
	state string
	ids   []bridge.RequestID
}

// sow makes the first request as it is made in life and all others in its
// image, since a hundred thousand clicks would take longer than all the rest.
func sow(t *testing.T, requests int) *seeds {
	t.Helper()
	s := &seeds{state: filepath.Join(t.TempDir(), "state"), ids: make([]bridge.RequestID, requests)}
	synctest.Test(t, func(t *testing.T) {
		issuer := newCrowdIssuer(0)
		w := crowdBridge(t, crowdDirectory(requests), s.state, issuer)
		r, _, err := w.Ask(ctx, w.dir.Agents[agentOf(0)], bridge.Ask{
			Provider: "corp", Scopes: []string{"files:read"}, Human: humanOf(0), Session: sessionOf(0), Reason: "summarise the planning folder",
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Click(ctx, bridge.Clicker{Human: humanOf(0), Channel: "web"}, r.ID, bridge.VerbShowCode); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		w.stop()
		s.multiply(t, w.store, r.ID)
		w.close()
		issuer.close()
	})
	return s
}

func sessionOf(n int) string { return fmt.Sprintf("session-%d", n) }

// multiply stores the others.
func (s *seeds) multiply(t *testing.T, to bridge.Store, first bridge.RequestID) {
	t.Helper()
	var model bridge.Request
	var code string
	err := to.View(ctx, func(tx bridge.ReadTx) (err error) {
		if model, err = tx.Request(first); err != nil {
			return err
		}
		sealed, err := tx.Secret(bridge.CodeSecret(first))
		code = sealed.Reveal()
		return err
	})
	if err != nil || model.State != bridge.Coded || !strings.Contains(code, deviceCode(0)) || !strings.Contains(code, userCode(0)) {
		t.Fatalf("the first request is %s: %v", model.State, err)
	}
	s.ids[0] = first
	const batch = 2000
	for from := 1; from < len(s.ids); from += batch {
		err := to.Update(ctx, func(tx bridge.Tx) error {
			for n := from; n < min(from+batch, len(s.ids)); n++ {
				r := model
				r.ID = bridge.NewRequestID(model.CreatedAt.Add(time.Duration(n) * time.Microsecond))
				r.Agent, r.Human, r.Session = agentOf(n), humanOf(n), sessionOf(n)
				tx.PutRequest(r, nil)
				own := strings.NewReplacer(deviceCode(0), deviceCode(n), userCode(0), userCode(n)).Replace(code)
				tx.PutSecret(bridge.CodeSecret(r.ID), bridge.NewSecret(own))
				s.ids[n] = r.ID
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// reap runs a story over a copy of the store, with an issuer that knows all
// its codes, and at the end looks at what holds for every story.
func (s *seeds) reap(t *testing.T, tell func(t *testing.T, w *crowdWorld, i *crowdIssuer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		state := filepath.Join(t.TempDir(), "state")
		copyState(t, s.state, state)
		issuer := newCrowdIssuer(len(s.ids))
		w := crowdBridge(t, crowdDirectory(len(s.ids)), state, issuer)
		tell(t, w, issuer)
		w.stop()
		w.close()
		issuer.close()
		polls := 0
		for _, c := range issuer.codes {
			polls += c.polls
		}
		t.Logf("%d polls, %d at once at most, %d connections", polls, issuer.mostPolling.Load(), issuer.dials.Load())
		if issuer.early != 0 {
			t.Errorf("%d polls came early", issuer.early)
		}
		if most := issuer.mostPolling.Load(); most > atOnce {
			t.Errorf("%d polls were under way at once, more than %d", most, atOnce)
		}
		for _, what := range issuer.strange {
			t.Error(what)
		}
	})
}

func copyState(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, f.Name()), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// crowdWorld is a running bridge.
type crowdWorld struct {
	*bridge.Bridge
	dir    *bridge.Directory
	store  bridge.Store
	issuer *crowdIssuer
	t      *testing.T
	stop   func() // what runs; it may be called again
}

// crowdBridge opens a store and runs a bridge on it.
func crowdBridge(t *testing.T, dir *bridge.Directory, state string, issuer *crowdIssuer) *crowdWorld {
	t.Helper()
	opened, err := store.Open(ctx, store.Options{StateDir: state}, bolt.Backend())
	if err != nil {
		t.Fatal(err)
	}
	w := &crowdWorld{dir: dir, store: opened, issuer: issuer, t: t}
	w.start()
	return w
}

// start runs a bridge, the first or after a stop.
func (w *crowdWorld) start() {
	w.Bridge = bridge.New(bridge.Options{
		Directory: w.dir, Store: w.store, Log: slog.New(slog.DiscardHandler),
		Providers: map[string]bridge.Provider{"corp": w.issuer.provider(w.t)},
	})
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.Run(running) }()
	<-w.Ready()
	w.stop = func() {
		w.stop = func() {}
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("the bridge ended with %v", err)
		}
	}
}

func (w *crowdWorld) close() {
	if err := w.store.Close(); err != nil {
		w.t.Errorf("close the store: %v", err)
	}
}

// every is how long it takes from one poll of a code to the next if nothing
// holds it up: to the answer, and then the interval with its margin.
func every(interval time.Duration) time.Duration {
	return crowdDelay + max(interval+time.Second, interval+interval/5)
}

// expectPunctual fails the test unless each code was polled when it was due,
// 999 times in a thousand, from its first poll on.
func (i *crowdIssuer) expectPunctual(t *testing.T, until time.Duration) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	due, made := 0, 0
	for n, c := range i.codes {
		if c.polls == 0 || c.first > 2*every(crowdInterval)+time.Second {
			t.Fatalf("code %d was first polled after %v", n, c.first)
		}
		due += 1 + int((until-c.first)/every(c.interval))
		made += c.polls
	}
	t.Logf("%d of %d polls were made: %.4f", made, due, float64(made)/float64(due))
	if float64(made) < 0.999*float64(due) {
		t.Errorf("%d of %d polls were made", made, due)
	}
}

// expectSpread fails the test if a second saw many more polls than its share:
// a quarter, besides what chance brings where the share is small.
func (i *crowdIssuer) expectSpread(t *testing.T) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	steady := float64(len(i.codes)) / every(crowdInterval).Seconds()
	most := slices.Max(i.perSecond)
	t.Logf("%d polls in the busiest second, %.0f in a steady one: %.2f", most, steady, float64(most)/steady)
	if float64(most) > 1.25*steady+5*math.Sqrt(steady) {
		t.Errorf("%d polls came in one second, %.0f are steady", most, steady)
	}
}

// TestACrowdOfRequests tells three stories about the same requests.
func TestACrowdOfRequests(t *testing.T) {
	s := sow(t, *crowdSize)
	t.Run("steady", func(t *testing.T) { s.reap(t, threeRounds) })
	t.Run("restart", func(t *testing.T) { s.reap(t, aRestart) })
	t.Run("faults", func(t *testing.T) { s.reap(t, s.faultsAndAnOutage) })
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d MiB of memory", m.Sys>>20)
	if m.Sys > 2<<30 {
		t.Error("that is more than 2 GiB")
	}
}

// threeRounds lets time pass in which each code is due three times. The
// bridge was just started: it waits for one interval and then spreads the
// first polls over another.
func threeRounds(t *testing.T, _ *crowdWorld, i *crowdIssuer) {
	rounds := 4 * every(crowdInterval)
	<-time.After(rounds)
	i.expectPunctual(t, rounds)
	i.expectSpread(t)
	i.expectFewConnections(t)
}

// expectFewConnections: those for the polls at once, and less than one for a
// thousand polls besides.
func (i *crowdIssuer) expectFewConnections(t *testing.T) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	polls := 0
	for _, c := range i.codes {
		polls += c.polls
	}
	if n := int(i.dials.Load()) - atOnce; n*1000 > polls {
		t.Errorf("%d connections for %d polls", i.dials.Load(), polls)
	}
}

// aRestart stops the bridge in the middle: the next one does not know when it
// polled last, has to honour each slow_down, and does not come with all codes
// at once.
func aRestart(t *testing.T, w *crowdWorld, i *crowdIssuer) {
	for n := 0; n < len(i.codes); n += 100 {
		i.tell(n, func(c *crowdCode) { c.slowed = true })
	}
	<-time.After(5 * every(crowdInterval) / 2)
	w.stop()
	before := i.polls()
	<-time.After(time.Second)
	w.start()
	<-time.After(9 * every(slowInterval) / 4)
	for n, polls := range i.polls() {
		if polls-before[n] < 1 {
			t.Fatalf("code %d was not polled after the restart", n)
		}
	}
	for n := 0; n < len(i.codes); n += 100 {
		i.tell(n, func(c *crowdCode) {
			if c.slowed || c.interval != slowInterval {
				t.Errorf("code %d was told slow_down: %v; its interval is %v", n, !c.slowed, c.interval)
			}
		})
	}
	i.expectSpread(t)
}

// polls returns how often each code was polled.
func (i *crowdIssuer) polls() []int {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := make([]int, len(i.codes))
	for n, c := range i.codes {
		all[n] = c.polls
	}
	return all
}

// faultsAndAnOutage is an issuer with which one call in a hundred gets 503,
// another loses its connection, and for half a minute nobody answers. Humans
// approve before, meanwhile and afterwards; each approval becomes a token in
// the hands of the right request, once, and nothing else does.
func (s *seeds) faultsAndAnOutage(t *testing.T, w *crowdWorld, i *crowdIssuer) {
	const out, back = 100 * time.Second, 130 * time.Second
	i.outageFrom, i.outageEnd = i.begun.Add(out), i.begun.Add(back)
	i.faults.Store(true)
	chosen := s.chosen()
	for part, at := range []time.Duration{time.Second, out + 10*time.Second, back + 5*time.Second} {
		<-time.After(time.Until(i.begun.Add(at)))
		for k := part; k < len(chosen); k += 3 {
			i.tell(chosen[k], func(c *crowdCode) { c.approved = true })
		}
	}
	for left := chosen; len(left) > 0; {
		<-time.After(10 * time.Second)
		if time.Since(i.begun) > crowdLifetime-time.Minute {
			t.Errorf("%d of %d approved flows have no token before their codes lapse", len(left), len(chosen))
			break
		}
		left = s.unfinished(t, w, left)
	}
	t.Logf("all had their tokens %v after the outage", time.Since(i.outageEnd).Round(time.Second))
	w.stop()
	s.expectOwnTokens(t, w, i)
}

// chosen are the requests whose humans approve, evenly spread.
func (s *seeds) chosen() []int {
	some := min(willing, len(s.ids)/5)
	all := make([]int, some)
	for k := range all {
		all[k] = k * len(s.ids) / some
	}
	return all
}

// unfinished returns those of the requests that are still under way.
func (s *seeds) unfinished(t *testing.T, w *crowdWorld, of []int) (left []int) {
	t.Helper()
	err := w.store.View(ctx, func(tx bridge.ReadTx) error {
		for _, n := range of {
			r, err := tx.Request(s.ids[n])
			if err != nil {
				return err
			}
			if r.State == bridge.Coded || r.State == bridge.Held {
				left = append(left, n)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// expectOwnTokens looks at every request: those whose humans approved have
// their own token, the others still wait.
func (s *seeds) expectOwnTokens(t *testing.T, w *crowdWorld, i *crowdIssuer) {
	t.Helper()
	granted := 0
	err := w.store.View(ctx, func(tx bridge.ReadTx) error {
		for n, id := range s.ids {
			r, err := tx.Request(id)
			if err != nil {
				return err
			}
			c := i.codes[n]
			if !c.approved {
				if r.State != bridge.Coded || c.tokens != 0 {
					t.Errorf("request %d, whose human did nothing, is %s with %d tokens", n, r.State, c.tokens)
				}
				continue
			}
			granted++
			if r.State != bridge.Granted || c.tokens != 1 {
				t.Errorf("request %d, whose human approved, is %s (%v) with %d tokens", n, r.State, r.Outcome, c.tokens)
				continue
			}
			g, err := tx.Grant(r.Grant)
			if err != nil {
				return err
			}
			tokens, err := tx.Secret(bridge.GrantSecret(g.ID))
			if err != nil {
				return err
			}
			if !strings.Contains(tokens.Reveal(), accessToken(n)) || g.Human != humanOf(n) || g.Key.Session != sessionOf(n) {
				t.Errorf("request %d has the grant of %s, %s", n, g.Human, g.Key.Session)
			}
		}
		return nil
	})
	if err != nil || granted != len(s.chosen()) {
		t.Errorf("%d are granted: %v", granted, err)
	}
}
