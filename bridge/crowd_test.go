package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

// How large the crowd is: so many rooms, with so many people in each, who are
// asked so often, and eight who act on each request at the same time. Rooms are
// small, and one follows the other: the race detector knows 255 goroutines at
// once; with more it takes turns, and has been seen to fail over that.
const (
	crowds       = 50
	crowdPeople  = 5
	crowdAsks    = 4
	crowdLasts   = 50 * time.Second // of virtual time, in which all of them act
	crowdCodes   = 14 * time.Second // how long a code lives
	crowdRestart = 7 * time.Second  // how long a life of the bridge lasts, unless it dies
)

// Whatever many do at once to many requests, and however often the bridge
// stops or dies meanwhile, each request ends once, and one token is released
// for it at most.
func TestManyActAtOnce(t *testing.T) {
	released, asked := 0, crowds*crowdPeople*crowdAsks
	for i := range crowds {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			synctest.Test(t, func(t *testing.T) {
				c := gather(t)
				c.act(rand.New(rand.NewPCG(seed, 0)))
				bridgetest.Pass(30 * time.Minute)
				released += c.audit()
				c.close()
			})
		})
	}
	if t.Logf("%d of %d requests led to a token", released, asked); released < asked/5 {
		t.Error("too few of them for this to show anything")
	}
}

// crowd is one room: a bridge that is restarted now and then, and those who
// act on its requests.
type crowd struct {
	t     *testing.T
	dir   *bridge.Directory
	corp  *bridgetest.Provider
	state string
	lives int
	lost  int // tokens that were under way in crashes

	mu    sync.Mutex
	shift *shift
	got   map[bridge.RequestID][]string // tokens, as they were collected
	ids   []bridge.RequestID
}

// shift is one life of the bridge. Nobody calls it once it is closing; they
// wait for the next.
type shift struct {
	bridge  *bridge.Bridge
	points  *bridgetest.Failpoints
	store   bridge.Store
	stop    context.CancelFunc
	done    chan error
	calls   sync.WaitGroup
	closing bool
	next    chan struct{}
}

func gather(t *testing.T) *crowd {
	dir := bridgetest.Directory()
	rule := dir.Agents["helper"].May[0]
	rule.Ask, rule.Reuse = nil, 5*time.Minute
	for i := range crowdPeople {
		name := fmt.Sprintf("human%02d", i)
		dir.Humans[name] = bridge.Human{Name: name, Email: name + "@example.com"}
		rule.Ask = append(rule.Ask, name)
	}
	helper := dir.Agents["helper"]
	helper.May = []bridge.Rule{rule}
	dir.Agents["helper"] = helper
	dir.Limits.MaxOpenPerHuman, dir.Limits.MaxOpenPerAgentAndHuman = crowdAsks, crowdAsks
	dir.Limits.TTL = 3 * time.Minute
	dir.Limits.CollectWithin, dir.Limits.CollectGrace = 20*time.Second, 10*time.Second
	c := &crowd{
		t: t, dir: dir, corp: bridgetest.New("https://login.example.com"),
		state: filepath.Join(t.TempDir(), "state"), got: map[bridge.RequestID][]string{},
	}
	c.corp.Lifetime, c.corp.TokenLifetime = crowdCodes, 10*time.Minute
	c.open(0)
	return c
}

// open begins a shift; it dies at a boundary if one is named.
func (c *crowd) open(crashAt int) {
	opened, err := store.Open(ctx, store.Options{StateDir: c.state}, bolt.Backend())
	if err != nil {
		c.t.Fatal(err)
	}
	points := bridgetest.NewFailpoints()
	points.CrashAt(crashAt)
	s := &shift{points: points, store: points.Store(opened), done: make(chan error, 1), next: make(chan struct{})}
	s.bridge = bridge.New(bridge.Options{
		Directory: c.dir, Store: s.store, Log: slog.New(slog.DiscardHandler),
		Providers: map[string]bridge.Provider{"corp": points.Provider(c.corp)},
	})
	run, stop := context.WithCancel(ctx)
	s.stop = stop
	go func() { s.done <- s.bridge.Run(run) }()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift = s
	c.lives++
}

// call makes one call of the bridge that runs, and makes it again of the next
// one when there was no answer.
func (c *crowd) call(do func(b *bridge.Bridge) error) error {
	for {
		c.mu.Lock()
		s := c.shift
		if s.closing {
			c.mu.Unlock()
			<-s.next
			continue
		}
		s.calls.Add(1)
		c.mu.Unlock()
		err := do(s.bridge)
		s.calls.Done()
		if !errors.Is(err, bridgetest.ErrCrashed) {
			return err
		}
		<-s.next
	}
}

// close ends the shift.
func (c *crowd) close() {
	c.mu.Lock()
	s := c.shift
	s.closing = true
	c.mu.Unlock()
	s.calls.Wait()
	s.stop()
	if err := <-s.done; err != nil && !errors.Is(err, bridgetest.ErrCrashed) {
		c.t.Errorf("the bridge ended with %v", err)
	}
	c.lost += s.points.Lost()
	if err := s.store.Close(); err != nil {
		c.t.Errorf("close the store: %v", err)
	}
}

// restart ends the shift, in good order unless it has died, and begins the
// next.
func (c *crowd) restart(crashAt int) {
	c.mu.Lock()
	old := c.shift
	c.mu.Unlock()
	c.close()
	c.open(crashAt)
	close(old.next)
}

// act has everybody act on everything, and the bridge restarted meanwhile.
func (c *crowd) act(chance *rand.Rand) {
	var all sync.WaitGroup
	for i := range crowdPeople {
		human := fmt.Sprintf("human%02d", i)
		for j := range crowdAsks {
			ask := bridge.Ask{
				Provider: "corp", Scopes: []string{"files:read"}, Human: human,
				Session: fmt.Sprint(j), IdempotencyKey: fmt.Sprint(human, j),
			}
			if chance.IntN(4) == 0 {
				ask.TTL = time.Duration(1+chance.IntN(30)) * time.Second
			}
			c.eight(&all, chance, human, ask)
		}
	}
	for i := range 6 {
		select {
		case <-c.shift.points.Dead():
		case <-time.After(crowdRestart + time.Duration(chance.IntN(2000))*time.Millisecond):
		}
		c.restart((i + 1) % 2 * (20 + chance.IntN(80))) // the last one lives
	}
	all.Wait()
}

// moment is some time of the crowd's, often the same as another's.
func moment(chance *rand.Rand) time.Duration {
	return time.Duration(chance.IntN(int(crowdLasts/time.Second))) * time.Second
}

// eight are those who act on one request: two who press Show code, others who
// deny, withdraw or collect it, and the one who signs in. Each knows what they
// will do before it begins.
func (c *crowd) eight(all *sync.WaitGroup, chance *rand.Rand, human string, ask bridge.Ask) {
	first := time.Duration(chance.IntN(15)) * time.Second
	verdict, ends, when := chance.IntN(10), chance.IntN(6), moment(chance)
	press := func(id bridge.RequestID) {
		<-time.After(first)
		c.click(human, id, bridge.VerbShowCode)
		<-time.After(crowdCodes + 3*time.Second)
		c.click(human, id, bridge.VerbShowCode)
	}
	acts := []func(bridge.RequestID){press, press, c.collect, c.collect, func(id bridge.RequestID) { c.sign(human, id, verdict) }}
	for i, do := range []func(bridge.RequestID){
		func(id bridge.RequestID) { c.click(human, id, bridge.VerbDeny) },
		func(id bridge.RequestID) { c.cancel(id) },
		func(id bridge.RequestID) { c.click(human, id, bridge.VerbNotMe) },
	} {
		mine := ends == i && (i < 2 || chance.IntN(20) == 0)
		acts = append(acts, func(id bridge.RequestID) {
			if <-time.After(when); mine {
				do(id)
			}
		})
	}
	all.Go(func() {
		if id := c.ask(ask); id != "" {
			for _, act := range acts {
				all.Go(func() { act(id) })
			}
		}
	})
}

// ask asks, twice at once.
func (c *crowd) ask(ask bridge.Ask) bridge.RequestID {
	var ids [2]bridge.RequestID
	var both sync.WaitGroup
	for i := range ids {
		both.Go(func() {
			err := c.call(func(b *bridge.Bridge) error {
				r, _, err := b.Ask(ctx, c.dir.Agents["helper"], ask)
				ids[i] = r.ID
				return err
			})
			if err != nil {
				c.t.Errorf("ask: %v", err)
			}
		})
	}
	both.Wait()
	if ids[0] != ids[1] {
		c.t.Errorf("one ask became %s and %s", ids[0], ids[1])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids = append(c.ids, ids[0])
	return ids[0]
}

func (c *crowd) click(human string, id bridge.RequestID, verb bridge.Verb) {
	err := c.call(func(b *bridge.Bridge) error {
		_, _, err := b.Click(ctx, bridge.Clicker{Human: human, Channel: "web"}, id, verb)
		return err
	})
	if err != nil {
		c.t.Errorf("press %s: %v", verb, err)
	}
}

func (c *crowd) cancel(id bridge.RequestID) {
	err := c.call(func(b *bridge.Bridge) error { _, err := b.Cancel(ctx, "helper", id); return err })
	if err != nil {
		c.t.Errorf("cancel: %v", err)
	}
}

// collect comes for the token again and again, until there is none any more.
func (c *crowd) collect(id bridge.RequestID) {
	for range 40 {
		<-time.After(2 * time.Second)
		var token bridge.Token
		revoked := c.corp.Revoked() // what comes while the answer is on its way comes too late
		err := c.call(func(b *bridge.Bridge) (err error) {
			token, err = b.Collect(ctx, c.dir.Agents["helper"], id)
			return err
		})
		code := problemCode(err)
		if code == bridge.ProblemNotReady {
			continue
		}
		if code == bridge.ProblemGone || code == bridge.ProblemSuspended {
			return
		}
		if err != nil {
			c.t.Errorf("collect: %v", err)
			return
		}
		access := token.Access.Reveal()
		if slices.Contains(revoked, access) {
			c.t.Errorf("%s was released after it was revoked", access)
		}
		c.mu.Lock()
		c.got[id] = append(c.got[id], access)
		c.mu.Unlock()
	}
}

// sign is the human at the provider, with each code that the page shows: most
// allow, some refuse, and some let the first code lapse.
func (c *crowd) sign(human string, id bridge.RequestID, verdict int) {
	codes := map[string]bool{}
	for range 25 {
		<-time.After(2 * time.Second)
		var in bridge.Inbox
		if err := c.call(func(b *bridge.Bridge) (err error) { in, err = b.Inbox(ctx, human); return err }); err != nil {
			c.t.Errorf("the inbox: %v", err)
		}
		i := slices.IndexFunc(in.Waiting, func(card bridge.Card) bool { return card.Request == id })
		if i < 0 {
			return
		}
		if in.Waiting[i].Code == nil {
			continue
		}
		code := in.Waiting[i].Code.UserCode.Reveal()
		codes[code] = true
		switch {
		case verdict == 9 && len(codes) == 1:
		case verdict == 8:
			c.corp.DenyCode(code)
		default:
			c.corp.ApproveCode(code, bridge.Account{Subject: "s-" + human, Email: human + "@example.com", EmailVerified: true})
		}
	}
}

// honestEnds are all that what people and agents do here may lead to.
var honestEnds = []string{
	"collected", "denied/denied", "denied/not_me", "denied/revoked", "denied/provider_denied", "cancelled/cancelled",
	"expired/expired", "expired/not_collected", "failed/token_lost", "failed/too_many_codes",
}

// audit compares what the store, the agent and the provider say at the end. It
// returns how many tokens were released.
func (c *crowd) audit() int {
	if want := crowdPeople * crowdAsks; len(c.ids) != want {
		c.t.Fatalf("%d requests, want %d", len(c.ids), want)
	}
	outcomes, owners := map[string]int{}, map[string]bridge.RequestID{}
	err := c.shift.store.View(ctx, func(tx bridge.ReadTx) error {
		for _, id := range c.ids {
			r, err := tx.Request(id)
			if err != nil {
				return err
			}
			outcomes[endOf(r)]++
			c.auditOne(tx, r, owners)
		}
		for d, err := range tx.Pending() {
			c.t.Errorf("still pending: %+v, %v", d, err)
		}
		for v, err := range tx.Revocations() {
			c.t.Errorf("still to be revoked: %+v, %v", v, err)
		}
		return nil
	})
	if err != nil {
		c.t.Error(err)
	}
	alive := 0
	for _, issue := range c.corp.Issues() {
		if !issue.Revoked {
			alive++
		}
	}
	for end, n := range outcomes {
		switch {
		case end == "failed/token_lost" && n > c.lost:
			c.t.Errorf("%d requests say that their token was lost, and %d were under way in a crash", n, c.lost)
		case !slices.Contains(honestEnds, end):
			c.t.Errorf("%d requests ended as %s", n, end)
		}
	}
	if alive > c.lost {
		c.t.Errorf("%d tokens are alive and forgotten; %d were under way in a crash", alive, c.lost)
	}
	if early := c.corp.Early(); early != 0 {
		c.t.Errorf("%d polls came early", early)
	}
	c.t.Logf("%d lives, %d tokens, %d released, %d lost in crashes; %v", c.lives, c.corp.Issued(), len(owners), c.lost, outcomes)
	return len(owners)
}

// auditOne looks at one request: one end, and at most one token, which is
// nobody else's.
func (c *crowd) auditOne(tx bridge.ReadTx, r bridge.Request, owners map[string]bridge.RequestID) {
	ends := endings(c.t, tx, r.ID)
	if len(ends) != 1 {
		c.t.Errorf("%s ended %d times: %v", r.ID, len(ends), ends)
	}
	got := slices.Compact(c.got[r.ID])
	switch {
	case len(got) > 1:
		c.t.Errorf("%s released %v", r.ID, got)
	case len(got) == 0:
		return
	case r.State != bridge.Collected:
		c.t.Errorf("%s released %s and is %s", r.ID, got[0], r.State)
	case owners[got[0]] != "":
		c.t.Errorf("%s was released for %s and for %s", got[0], owners[got[0]], r.ID)
	}
	owners[got[0]] = r.ID
}
