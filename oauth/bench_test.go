package oauth

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// BenchmarkPoll is the processor time of one poll beside that of an ideal
// poller in the same run: url.Values.Encode, what http.Client.Post does, and the
// answer thrown away, on the same transport. "in memory" has no sockets and so
// nothing but the two clients; "on sockets" polls an issuer in a process of
// its own 20,000 times a second, as a hundred thousand pending requests do.
func BenchmarkPoll(b *testing.B) {
	b.Run("in memory", func(b *testing.B) {
		compare(b, "http://127.0.0.1:1/token", memory, unhurried)
	})
	b.Run("on sockets", func(b *testing.B) {
		compare(b, "http://"+issuerProcess(b)+"/token", nil, paced)
	})
}

// compare runs the two in turns and reports the medians.
func compare(b *testing.B, endpoint string, dial func(context.Context, string, string) (net.Conn, error), run func(func())) {
	network := NetworkPolicy{AllowHTTPLoopback: true}
	tuned := func() *http.Transport {
		t := newDialer(network).transport()
		if dial != nil {
			t.DialContext = dial
		}
		b.Cleanup(t.CloseIdleConnections)
		return t
	}
	ideal := idealPoll(b, &http.Client{Transport: tuned()}, endpoint)
	ours := ourPoll(b, &http.Client{Transport: tuned()}, network, endpoint)
	run(ideal)
	run(ours)
	var ratios, micros, allocs, idealAllocs []float64
	for b.Loop() {
		a, m := cost(run, ideal)
		c, n := cost(run, ours)
		ratios = append(ratios, float64(c)/float64(a))
		micros = append(micros, float64(c)/float64(time.Microsecond))
		idealAllocs, allocs = append(idealAllocs, m), append(allocs, n)
	}
	b.ReportMetric(median(ratios), "cpu/ideal")
	b.ReportMetric(median(micros), "cpu-µs/poll")
	b.ReportMetric(median(allocs), "allocs/poll")
	b.ReportMetric(median(idealAllocs), "ideal-allocs/poll")
	b.ReportMetric(0, "ns/op")
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// pollsPerRun is how many polls one run makes.
const pollsPerRun = 20_000

// cost is the processor time and the allocations of one poll.
func cost(run func(func()), poll func()) (cpu time.Duration, allocs float64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun := cpuTime()
	run(poll)
	cpu = cpuTime() - begun
	runtime.ReadMemStats(&after)
	return cpu / pollsPerRun, float64(after.Mallocs-before.Mallocs) / pollsPerRun
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func unhurried(poll func()) {
	for range pollsPerRun {
		poll()
	}
}

// paced makes 20 polls in each millisecond, with 64 workers.
func paced(poll func()) {
	var workers sync.WaitGroup
	work := make(chan struct{}, 1024)
	for range 64 {
		workers.Go(func() {
			for range work {
				poll()
			}
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	begun, sent := time.Now(), 0
	for sent < pollsPerRun {
		<-tick.C
		due := min(int(time.Since(begun)/(time.Second/20_000)), pollsPerRun)
		for ; sent < due; sent++ {
			work <- struct{}{}
		}
	}
	close(work)
	workers.Wait()
}

const benchCode = "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"

func idealPoll(b *testing.B, client *http.Client, endpoint string) func() {
	return func() {
		form := url.Values{"client_id": {"authbridge"}, "grant_type": {deviceGrant}, "device_code": {benchCode}}
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, endpoint, strings.NewReader(form.Encode()))
		if err != nil {
			b.Error(err)
			return
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := client.Do(r)
		if err != nil {
			b.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}

// ourPoll polls as the bridge does, each with its own bound in time.
func ourPoll(b *testing.B, client *http.Client, network NetworkPolicy, endpoint string) func() {
	p, err := New(Config{Issuer: "http://127.0.0.1:1", ClientID: "authbridge", Network: network}, client)
	if err != nil {
		b.Fatal(err)
	}
	code := bridge.Code{DeviceCode: bridge.NewSecret(benchCode), TokenEndpoint: endpoint}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		if answer, err := p.Poll(ctx, code); err != nil || answer.Verdict != bridge.PollPending {
			b.Errorf("verdict %v: %v", answer.Verdict, err)
		}
	}
}

const pendingAnswer = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n" +
	`{"error":"authorization_pending"}`

// memory is a connection to an issuer that answers each request, which comes
// in one write, at once.
func memory(context.Context, string, string) (net.Conn, error) {
	return &memoryConn{answers: make(chan struct{}, 16), closed: make(chan struct{})}, nil
}

type memoryConn struct {
	net.Conn
	answers, closed chan struct{}
	once            sync.Once
}

func (c *memoryConn) Write(p []byte) (int, error) { c.answers <- struct{}{}; return len(p), nil }

func (c *memoryConn) Read(p []byte) (int, error) {
	select {
	case <-c.answers:
		return copy(p, pendingAnswer), nil
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

func (c *memoryConn) Close() error { c.once.Do(func() { close(c.closed) }); return nil }

// issuerProcess starts this very program as an issuer, so that what the
// issuer costs is not counted, and returns its address.
func issuerProcess(b *testing.B) string {
	b.Helper()
	issuer := exec.CommandContext(context.Background(), os.Args[0], "-test.run=^TestBeAnIssuer$")
	issuer.Env = append(os.Environ(), "OAUTH_BENCH_ISSUER=1")
	leash, err := issuer.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	said, err := issuer.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := issuer.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = leash.Close(); _ = issuer.Wait() })
	address, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// TestBeAnIssuer is no test: see issuerProcess. It ends with its parent.
func TestBeAnIssuer(t *testing.T) {
	if os.Getenv("OAUTH_BENCH_ISSUER") == "" {
		t.Skip("for the benchmark alone")
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerPending(conn)
		}
	}()
	_, _ = fmt.Fprintln(os.Stdout, listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = listener.Close()
}

// answerPending answers each request, whose form ends with the device code or
// the grant type.
func answerPending(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	buffer := make([]byte, 4096)
	for n := 0; ; {
		more, err := conn.Read(buffer[n:])
		if n += more; err != nil {
			return
		}
		head, body, whole := bytes.Cut(buffer[:n], []byte("\r\n\r\n"))
		_, length, _ := strings.Cut(string(head), "Content-Length: ")
		var want int
		_, _ = fmt.Sscanf(length, "%d", &want)
		if !whole || len(body) < want {
			continue
		}
		n = 0
		if _, err := io.WriteString(conn, pendingAnswer); err != nil {
			return
		}
	}
}
