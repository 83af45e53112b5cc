package daemon

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/config"
)

// crowd is a configuration in which the agent may ask so many humans. Who has
// thousands of requests open has many humans, too: the limits are per human.
func crowd(b *testing.B, humans int) *config.Config {
	b.Helper()
	cfg := configured(b, home(b), helper)
	agent := cfg.Directory.Agents["helper"]
	for i := range humans {
		name := someone(i, humans)
		cfg.Directory.Humans[name] = bridge.Human{Name: name, Email: name + "@example.com"}
		agent.May[0].Ask = append(agent.May[0].Ask, name)
	}
	return cfg
}

func someone(i, of int) string { return fmt.Sprintf("human-%05d", i%of) }

// BenchmarkAsk is how many asks a second the bridge takes through the agents'
// socket: each is durable, with an fsync, before it is answered. The rest of
// the metrics are ratios to bare bbolt on the same disk: one Update for each
// write, and one Update for all writes that wait. The three take turns, a
// tenth of a second each, and each ratio is the median of the turns, so that a
// disk that is busy for a while spoils a turn and not the figure.
func BenchmarkAsk(b *testing.B) {
	for _, agents := range []int{1, 64} {
		b.Run(fmt.Sprintf("agents=%d", agents), func(b *testing.B) { benchmarkAsk(b, agents) })
	}
}

func benchmarkAsk(b *testing.B, agents int) {
	asks := askers(b, agents)
	update, group := bareUpdate(bare(b)), bareGroup(b, bare(b))
	const turn = 100 * time.Millisecond
	var asked, updated, grouped crew
	var toUpdate, toGroup []float64
	for asked.done < int64(b.N) {
		rate := asked.work(agents, int64(b.N)-asked.done, turn, asks)
		b.StopTimer()
		toUpdate = append(toUpdate, rate/updated.work(agents, math.MaxInt, turn, update))
		toGroup = append(toGroup, rate/grouped.work(agents, math.MaxInt, turn, group))
		b.StartTimer()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(asked.done)/b.Elapsed().Seconds(), "asks/s")
	b.ReportMetric(rank(toUpdate, 50), "x-bbolt-update")
	b.ReportMetric(rank(toGroup, 50), "x-bbolt-group")
}

// crew is a number of workers who do numbered things.
type crew struct{ done int64 }

// work has them do so many things, or as many as they begin within a time,
// and returns how many that was a second.
func (c *crew) work(workers int, most int64, within time.Duration, do func(worker int, i int64)) float64 {
	began, before := time.Now(), c.done
	var begun, done atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for time.Since(began) < within {
				i := begun.Add(1)
				if i > most {
					return
				}
				do(w, before+i)
				done.Add(1)
			}
		})
	}
	wg.Wait()
	c.done += done.Load()
	return float64(done.Load()) / time.Since(began).Seconds()
}

// askers are agents, each a client with a connection of its own.
func askers(b *testing.B, agents int) func(worker int, i int64) {
	const humans = 2000
	h := open(b, crowd(b, humans), new(patientCorp))
	clients := make([]*client.Client, agents)
	for i := range clients {
		clients[i] = &client.Client{Socket: h.cfg.Listen.Socket}
		b.Cleanup(clients[i].Close)
	}
	return func(worker int, i int64) {
		ask := asking(fmt.Sprintf("session-%d", i))
		ask.Human = someone(int(i), humans)
		ask.Reason = strings.Repeat("because of Q3 ", 20)
		ask.Context = []string{"repository example/planner", "branch fix/4127"}
		if _, err := clients[worker].Ask(context.Background(), ask, client.AskOptions{}); err != nil {
			b.Error(err)
		}
	}
}

// The bytes that bare bbolt writes for an ask: a record and two index lines.
const recordSize = 1 << 10

var records, byOne, byOther = []byte("record"), []byte("index.one"), []byte("index.other")

func bare(b *testing.B) *bbolt.DB {
	b.Helper()
	db, err := bbolt.Open(filepath.Join(home(b), "bare.db"), 0o600, &bbolt.Options{
		FreelistType: bbolt.FreelistMapType, NoStatistics: true, InitialMmapSize: 256 << 20,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{records, byOne, byOther} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// put writes what is written for ask number i.
func put(tx *bbolt.Tx, i int64) error {
	id := binary.BigEndian.AppendUint64([]byte("req_06h07ntv28jglvsl48"), uint64(i))
	if err := tx.Bucket(records).Put(id, make([]byte, recordSize)); err != nil {
		return err
	}
	whom := binary.BigEndian.AppendUint64(nil, uint64(i)*0x9e3779b97f4a7c15) // somewhere in the tree
	for _, index := range [][]byte{byOne, byOther} {
		if err := tx.Bucket(index).Put(append(whom, id...), nil); err != nil {
			return err
		}
	}
	return nil
}

func bareUpdate(db *bbolt.DB) func(int, int64) {
	return func(_ int, i int64) {
		if err := db.Update(func(tx *bbolt.Tx) error { return put(tx, i) }); err != nil {
			panic(err)
		}
	}
}

// bareGroup is the most that can be had of bbolt: all writes that wait share
// one commit.
func bareGroup(b *testing.B, db *bbolt.DB) func(int, int64) {
	type write struct {
		i    int64
		done chan struct{}
	}
	queue, over := make(chan write, 1024), make(chan struct{})
	go func() {
		defer close(over)
		for first := range queue {
			group := []write{first}
			for len(queue) > 0 {
				group = append(group, <-queue)
			}
			err := db.Update(func(tx *bbolt.Tx) error {
				for _, w := range group {
					if err := put(tx, w.i); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				panic(err)
			}
			for _, w := range group {
				close(w.done)
			}
		}
	}()
	b.Cleanup(func() { close(queue); <-over })
	return func(_ int, i int64) {
		w := write{i, make(chan struct{})}
		queue <- w
		<-w.done
	}
}

// BenchmarkApprovalToToken is the time from the provider's answer with the
// token, leaving at the end of a poll, to the token in the hands of the agent
// that waits for it at the socket, when a hundred a second are approved and
// nothing else happens. Between them lie three durable commits (token in,
// account checked, handed out), so the ratio is to three bare bbolt updates one
// after the other, made before and after.
func BenchmarkApprovalToToken(b *testing.B) {
	const grants, pause = 300, 10 * time.Millisecond
	provider := &promptCorp{sent: map[string]time.Time{}}
	h := open(b, configured(b, home(b), helper), provider)
	update := bareUpdate(bare(b))
	var took, floor []time.Duration
	for n := range b.N {
		arrived := make(chan time.Duration, grants)
		for i := range grants {
			session := fmt.Sprintf("%d/%d", n, i)
			id := h.ask(session).ID
			h.press(id, bridge.VerbShowCode)
			h.until(id, api.Coded)
			go func() { arrived <- provider.since(b, h.agent, session) }()
		}
		floor = append(floor, floors(update, int64(2*n), grants/2)...)
		next := time.NewTicker(pause)
		for range grants {
			<-next.C
			provider.approved.Add(1)
		}
		next.Stop()
		for range grants {
			took = append(took, <-arrived)
		}
		floor = append(floor, floors(update, int64(2*n+1), grants/2)...)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(rank(took, 50)), "p50-ms")
	b.ReportMetric(ms(rank(took, 99)), "p99-ms")
	b.ReportMetric(float64(rank(took, 50))/float64(rank(floor, 50)), "p50-x-3-updates")
	b.ReportMetric(float64(rank(took, 99))/float64(rank(floor, 99)), "p99-x-3-updates")
}

// floors is how long three updates take, so many times.
func floors(update func(int, int64), round int64, times int) []time.Duration {
	var all []time.Duration
	for i := range times {
		all = append(all, thrice(update, round*int64(times)+int64(i)))
	}
	return all
}

func thrice(update func(int, int64), i int64) time.Duration {
	began := time.Now()
	for n := range int64(3) {
		update(0, 3*i+n)
	}
	return time.Since(began)
}

func rank[T cmp.Ordered](all []T, percent int) T {
	slices.Sort(all)
	return all[(len(all)-1)*percent/100]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// promptCorp grants the codes up to the number that is approved, each at its
// next poll, and keeps when its answer left.
type promptCorp struct {
	patientCorp
	approved atomic.Int64
	mu       sync.Mutex
	sent     map[string]time.Time // by access token
}

func (p *promptCorp) Begin(ctx context.Context, ask bridge.CodeRequest) (bridge.Code, error) {
	code, err := p.patientCorp.Begin(ctx, ask)
	code.Interval = time.Millisecond // so it is polled every second
	return code, err
}

func (p *promptCorp) Poll(_ context.Context, code bridge.Code) (bridge.Answer, error) {
	var number int64
	if _, err := fmt.Sscanf(code.DeviceCode.Reveal(), deviceCode, &number); err != nil {
		return bridge.Answer{}, err
	}
	if number > p.approved.Load() {
		return bridge.Answer{Verdict: bridge.PollPending}, nil
	}
	access := "token of " + code.DeviceCode.Reveal()
	tokens := bridge.Tokens{Access: bridge.NewSecret(access), Type: "Bearer", Scopes: code.Scopes, ExpiresAt: time.Now().Add(time.Hour)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent[access] = time.Now()
	return bridge.Answer{Verdict: bridge.PollGranted, Tokens: tokens}, nil
}

// since waits for a token and returns how long ago it was sent.
func (p *promptCorp) since(b *testing.B, agent *client.Client, session string) time.Duration {
	token, err := agent.Token(context.Background(), asking(session), client.AskOptions{Wait: time.Minute})
	arrived := time.Now()
	if err != nil {
		b.Error(err)
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return arrived.Sub(p.sent[token.AccessToken])
}

// BenchmarkPending is what a request costs that waits for its human with a
// code, of ten thousand: bytes of heap after a collection of garbage, beyond
// those of a bridge without requests. The second figure is that of a bridge
// that was started anew on the same store.
func BenchmarkPending(b *testing.B) {
	const requests, humans = 10_000, 2_000
	cfg := crowd(b, humans)
	for n := range b.N {
		before := heap()
		h := open(b, cfg, new(patientCorp))
		new(crew).work(64, requests, time.Hour, func(_ int, i int64) { h.code(fmt.Sprintf("%d/%d", n, i), someone(int(i), humans)) })
		b.ReportMetric(float64(heap()-before)/requests, "heap-B/request")
		h.stop()

		before = heap()
		h = open(b, cfg, new(patientCorp))
		b.ReportMetric(float64(heap()-before)/float64(requests*(n+1)), "heap-B/request-restarted")
		h.stop()
	}
	b.ReportMetric(0, "ns/op")
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// code brings a request to where its human has a code.
func (h *house) code(session, human string) {
	ctx := context.Background()
	ask := bridge.Ask{Provider: "corp", Scopes: []string{"files.read"}, Session: session, Human: human, Reason: "summarise the Q3 planning folder"}
	agent := h.cfg.Directory.Agents["helper"]
	r, _, err := h.bridge.Ask(ctx, agent, ask)
	if err == nil {
		_, _, err = h.bridge.Click(ctx, bridge.Clicker{Human: human, Channel: "web"}, r.ID, bridge.VerbShowCode)
	}
	if err == nil {
		r, err = h.bridge.Await(ctx, agent.Name, r.ID, func(r bridge.Request) bool { return r.State != bridge.Asked })
	}
	if err != nil || string(r.State) != string(api.Coded) {
		h.t.Errorf("the request is %s (%v)", r.State, err)
	}
}

const deviceCode = "device code number %030d"

// patientCorp is a provider whose human takes half an hour. It remembers
// nothing, so that only the bridge's memory is measured.
type patientCorp struct{ codes atomic.Int64 }

func (p *patientCorp) Begin(_ context.Context, ask bridge.CodeRequest) (bridge.Code, error) {
	n := p.codes.Add(1)
	return bridge.Code{
		DeviceCode:      bridge.NewSecret(fmt.Sprintf(deviceCode, n)),
		UserCode:        bridge.NewSecret(fmt.Sprintf("C-%06d", n)),
		VerificationURI: "https://login.example.com/device", Lifetime: 30 * time.Minute, Interval: 10 * time.Minute,
		TokenEndpoint: "https://login.example.com/token", Scopes: ask.Scopes, Resource: ask.Resource,
	}, nil
}

func (p *patientCorp) Poll(context.Context, bridge.Code) (bridge.Answer, error) {
	return bridge.Answer{Verdict: bridge.PollPending}, nil
}

func (p *patientCorp) Identify(context.Context, bridge.Tokens, time.Time) (bridge.Account, error) {
	who := bridgetest.Alice
	who.Issuer = "https://login.example.com"
	return who, nil
}

func (p *patientCorp) Refresh(_ context.Context, old bridge.Tokens, _ bridge.RefreshRequest) (bridge.Tokens, error) {
	return old, nil
}

func (p *patientCorp) Revoke(context.Context, bridge.Tokens, bridge.RevokeRequest) error { return nil }
