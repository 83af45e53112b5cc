//go:build unix

package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/daemon"
)

// BenchmarkWaiting is what it costs the daemon that somebody waits for a
// request: all of them over one stream of events, and each with a call of its
// own. What a request that is pending costs in any case is not in it.
// BENCH_WAITING says how many requests the stream is for.
func BenchmarkWaiting(b *testing.B) {
	for _, grants := range numbers(b, "BENCH_WAITING", 100_000) {
		b.Run(fmt.Sprintf("requests=%d", grants), func(b *testing.B) { benchmarkWaiting(b, grants) })
	}
}

func benchmarkWaiting(b *testing.B, grants int) {
	const calls, changes = 500, 1000
	var stream, heap, call []float64
	for range b.N {
		h := settle(b, grants)
		h.withdraw(min(changes, grants/4)) // as much work as with the stream
		before := h.one.ask(command{Verb: collect})
		h.follow(min(changes, grants/4))
		after := h.one.ask(command{Verb: collect})
		stream = append(stream, float64(after.Anon-before.Anon)/float64(grants))
		heap = append(heap, float64(after.Heap-before.Heap)/float64(grants))
		h.wait(min(calls, grants/2))
		call = append(call, float64(h.one.ask(command{Verb: collect}).Anon-after.Anon)/float64(min(calls, grants/2)))
		h.leave()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(stream), "stream-B/request")
	b.ReportMetric(median(heap), "stream-heap-B/request")
	b.ReportMetric(median(call), "call-B/request")
}

// household is a running daemon with pending requests, and their agent.
type household struct {
	t      testing.TB
	one    *process
	agent  *client.Client
	ctx    context.Context
	cancel context.CancelFunc
	guests sync.WaitGroup
}

func settle(t testing.TB, grants int) *household {
	t.Helper()
	dir, err := os.MkdirTemp("", "ab") // short enough for a socket on every system
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	issuer := start(t, task{Role: "issuer"})
	issuer.ask(command{Verb: prepare, Interval: 20 * time.Minute}) // no polls meanwhile
	seed(t, filepath.Join(dir, "state"), issuer.ready.Addr, grants)
	one := start(t, task{Role: "daemon", Dir: dir, Issuer: issuer.ready.Addr})
	h := &household{t: t, one: one, agent: &client.Client{Socket: one.ready.Addr}}
	h.ctx, h.cancel = context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(h.leave)
	return h
}

// leave ends all that the agent does, and the daemon.
func (h *household) leave() {
	h.cancel()
	h.guests.Wait()
	h.agent.Close()
	h.one.stop()
}

// follow opens a stream of events, withdraws some requests, and returns when
// the stream has told of all of them. It stays open.
func (h *household) follow(changes int) {
	h.t.Helper()
	begun, told := make(chan struct{}), make(chan struct{})
	h.guests.Go(func() {
		ended := map[string]bool{}
		for e, err := range h.agent.Events(h.ctx, "") {
			switch {
			case err != nil:
				if h.ctx.Err() == nil {
					h.t.Errorf("the events: %v", err)
				}
				return
			case e.Reset:
				close(begun)
			case e.Request != nil && e.Request.State == api.Cancelled:
				if ended[e.Request.ID] = true; len(ended) == changes {
					close(told)
				}
			}
		}
	})
	until(h, begun)
	h.withdraw(changes)
	until(h, told)
}

// withdraw ends so many requests.
func (h *household) withdraw(number int) {
	h.t.Helper()
	for r := range h.some(number) {
		if _, err := h.agent.Cancel(h.ctx, r.ID); err != nil {
			h.t.Fatal(err)
		}
	}
}

// wait opens so many calls, each of which waits for a request of its own.
func (h *household) wait(calls int) {
	h.t.Helper()
	var asked sync.WaitGroup
	for r := range h.some(calls) {
		asked.Add(1)
		h.guests.Go(func() {
			asked.Done()
			if _, err := h.agent.Request(h.ctx, r.ID, r.Version, time.Minute); err != nil && h.ctx.Err() == nil {
				h.t.Errorf("wait: %v", err)
			}
		})
	}
	asked.Wait()
	for h.one.ask(command{Verb: look}).Goroutines < calls { // each call has at least one
		until(h, time.After(10*time.Millisecond))
	}
}

// some yields so many requests whose humans have a code.
func (h *household) some(number int) func(func(api.Request) bool) {
	return func(yield func(api.Request) bool) {
		h.t.Helper()
		for r, err := range h.agent.Requests(h.ctx, client.Filter{States: []api.State{api.Coded}, Max: number}) {
			if err != nil {
				h.t.Fatal(err)
			}
			if !yield(r) {
				return
			}
		}
	}
}

func until[T any](h *household, done <-chan T) {
	h.t.Helper()
	select {
	case <-done:
	case <-h.ctx.Done():
		h.t.Fatal(h.ctx.Err())
	}
}

// playDaemon is the whole daemon, as authbridge serve runs it.
func playDaemon(ctx context.Context, t task) (func(command) report, error) {
	places := map[string]string{"STATE_DIRECTORY": filepath.Join(t.Dir, "state"), "RUNTIME_DIRECTORY": filepath.Join(t.Dir, "run")}
	text := fmt.Sprintf(`
listen: {web: "", ops: ""}
network: {allow_http_loopback: true}
providers: {corp: {issuer: "http://%s", client_id: authbridge}}
humans: {alice: {email: alice@example.com}}
agents: {helper: {uid: %d, owner: alice, may: [{provider: corp, scopes: ["files.*"], ask: [alice]}]}}
`, t.Issuer, os.Getuid())
	cfg, err := config.Parse("authbridge.yaml", []byte(text), config.Env{
		Getenv:  func(name string) string { return places[name] },
		UID:     uint32(os.Getuid()),
		GroupID: func(string) (uint32, error) { return uint32(os.Getgid()), nil },
	})
	if err != nil {
		return nil, err
	}
	d, err := daemon.Start(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	agent := &client.Client{Socket: cfg.Listen.Socket}
	defer agent.Close()
	if _, err := agent.Whoami(ctx); err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	return func(command) report { return report{Addr: cfg.Listen.Socket} }, nil
}
