package daemon

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/httpapi/httpapitest"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// TestWhoIsSlowIsCutOff: each way to keep a connection busy without getting
// on has its end, and others are served meanwhile.
func TestWhoIsSlowIsCutOff(t *testing.T) {
	const call = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n"
	for name, c := range map[string]struct {
		first string        // said at once
		again string        // said every second after that
		in    time.Duration // when it is cut off
	}{
		"says nothing":                {"", "", headerTimeout},
		"a header, byte by byte":      {"POST / HTTP/1.1\r\nX-Slow: ", "a", headerTimeout},
		"a body, byte by byte":        {call + "\r\n", " ", readTimeout},
		"an answer that nobody reads": {"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n", "", writeTimeout},
		"idle after a call":           {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "", idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := httpapitest.NewListener()
				d := lone(agentDoor, memory)
				go func() { _ = serve(d.doors[0]) }()
				began := time.Now()
				conn, err := memory.Dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var trickling sync.WaitGroup
				trickling.Go(func() { trickle(conn, c.first, c.again) })
				if !strings.Contains(name, "nobody reads") {
					go func() { _, _ = io.Copy(io.Discard, conn) }()
				}
				synctest.Wait()
				others(t, memory)
				for d.doors[0].listener.Open() > 0 && time.Since(began) < time.Hour {
					<-time.After(time.Second)
				}
				if took := time.Since(began); took < c.in || took > c.in+2*time.Second {
					t.Errorf("cut off after %s, want %s", took, c.in)
				}
				_ = conn.Close()
				trickling.Wait() // it hears of it with its next word
				if err := d.shut(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// trickle says something, and then the same little again every second.
func trickle(conn net.Conn, first, again string) {
	_, err := io.WriteString(conn, first)
	for ; err == nil && again != ""; _, err = io.WriteString(conn, again) {
		<-time.After(time.Second)
	}
}

// others are served at once, and hang up.
func others(t *testing.T, memory *httpapitest.Listener) {
	t.Helper()
	began := time.Now()
	agent, hangUp := memory.Client()
	defer hangUp()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := agent.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK || time.Since(began) > 0 {
		t.Errorf("another is answered %d after %s, %v", resp.StatusCode, time.Since(began), err)
	}
}

// lone is a daemon that is all one door, with a room behind it that reads a
// body and answers at length when it is asked to.
func lone(name string, l net.Listener) *Daemon {
	d := &Daemon{log: slog.New(slog.DiscardHandler), bounds: map[string]localhttp.Bounds{name: {Total: 9}}}
	d.stopping, d.stop = context.WithCancel(context.Background())
	d.admit(name, l, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{}
		if err := localhttp.ReadJSON(w, r, &body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if r.URL.Path == "/long" {
			_, _ = io.WriteString(w, strings.Repeat("long ", 1<<20))
		}
	}))
	return d
}
