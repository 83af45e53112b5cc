package daemon

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// BenchmarkAPI is how long an agent waits for an answer, beside the same
// library bare: a ServeMux of net/http and encoding/json, which say the same
// bytes over the same kind of socket, know nobody and keep nothing. The
// two take turns on a connection each; the ratio is the median of those of the
// turns, so that a neighbour who comes in spoils a turn and not the figure.
func BenchmarkAPI(b *testing.B) {
	h := open(b, crowd(b, 100), new(patientCorp))
	asked := h.ask("one")
	for i := range 49 {
		ask := asking(fmt.Sprintf("session-%d", i))
		ask.Human = someone(i, 100)
		if _, err := h.agent.Ask(b.Context(), ask, client.AskOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, path, pattern string
		into                any
	}{
		{"whoami", api.WhoamiPath, api.WhoamiPath, new(api.Whoami)},
		{"request", api.RequestPath(asked.ID), api.RequestsPath + "/{id}", new(api.Request)},
		{"list-of-50", api.RequestsPath, api.RequestsPath, new(api.RequestPage)},
	} {
		b.Run(c.name, func(b *testing.B) {
			ours := newWire(b, h.cfg.Listen.Socket)
			if err := json.Unmarshal(ours.get(c.path), c.into); err != nil {
				b.Fatal(err)
			}
			bare := newWire(b, bareAPI(b, c.pattern, c.into))
			if bare.get(c.path); len(bare.body) != len(ours.body) {
				b.Fatalf("the one says %d bytes, the other %d", len(ours.body), len(bare.body))
			}
			compare(b, func() { ours.get(c.path) }, func() { bare.get(c.path) })
		})
	}
}

// compare times two things that take turns.
func compare(b *testing.B, one, other func()) {
	b.Helper()
	const turn = 200
	var ratios, ones, others []float64
	for done := 0; done < b.N || len(ratios) == 0; done += turn {
		o, t := p50(turn, one), p50(turn, other)
		ratios, ones, others = append(ratios, o/t), append(ones, o), append(others, t)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rank(ones, 50), "p50-us")
	b.ReportMetric(rank(others, 50), "bare-p50-us")
	b.ReportMetric(rank(ratios, 50), "x-bare")
}

// p50 is the median of how long it takes, in microseconds.
func p50(times int, do func()) float64 {
	took := make([]time.Duration, times)
	for i := range took {
		began := time.Now()
		do()
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return float64(took[times/2]) / float64(time.Microsecond)
}

// bareAPI answers one path with one value, and returns where it listens.
func bareAPI(b *testing.B, pattern string, v any) string {
	b.Helper()
	path := filepath.Join(home(b), "bare.sock")
	l, err := localhttp.Listen(b.Context(), path, nil)
	if err != nil {
		b.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", api.MediaType)
		_ = json.NewEncoder(w).Encode(v)
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	go func() { _ = s.Serve(l) }()
	b.Cleanup(func() { _ = s.Close() })
	return path
}

// wire is one connection, without a client that costs more than what is
// measured.
type wire struct {
	b    *testing.B
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

func newWire(b *testing.B, socket string) *wire {
	b.Helper()
	conn, err := new(net.Dialer).DialContext(b.Context(), "unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &wire{b: b, conn: conn, in: bufio.NewReader(conn)}
}

// get makes one call and returns the body, until the next.
func (w *wire) get(path string) []byte {
	_, err := io.WriteString(w.conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n")
	if err != nil {
		w.b.Fatal(err)
	}
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.b.Fatal(err)
	}
	defer resp.Body.Close()
	if w.body, err = io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		w.b.Fatalf("answered %d, %v", resp.StatusCode, err)
	}
	return w.body
}
