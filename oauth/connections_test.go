package oauth

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

// most is how many polls the bridge has under way with one issuer.
const most = 64

// server is a provider in memory, over TLS, that counts its connections.
type server struct {
	*httptest.Server
	opened, open atomic.Int32
	hall         *hall
}

// serve runs a server for a test in a bubble. The protocol is HTTP/2 if both
// sides may speak it.
func serve(t *testing.T, http2 bool, handler http.HandlerFunc) *server {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(handler), hall: &hall{guests: make(chan net.Conn)}}
	_ = s.Listener.Close()
	s.Listener, s.EnableHTTP2 = s.hall, http2
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.opened.Add(1)
			s.open.Add(1)
		}
		if state == http.StateClosed {
			s.open.Add(-1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// provider is our client there, with the transport of the product but for the
// way to the server.
func (s *server) provider(t *testing.T) *Provider {
	t.Helper()
	transport := newDialer(NetworkPolicy{}).transport()
	transport.DialContext = s.hall.dial
	transport.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	p, err := New(Config{Issuer: "https://example.com", ClientID: "us"}, &http.Client{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return p
}

// hall is where connections in memory are met.
type hall struct {
	guests chan net.Conn
	mu     sync.Mutex
	let    []*line
}

func (h *hall) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	l := &line{Conn: ours}
	h.mu.Lock()
	h.let = append(h.let, l)
	h.mu.Unlock()
	select {
	case h.guests <- theirs:
		return l, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// cut makes what is said on the present connections vanish, as when a
// firewall forgets them: no end is signalled.
func (h *hall) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.let {
		l.dead.Store(true)
	}
}

func (h *hall) Accept() (net.Conn, error) {
	conn, ok := <-h.guests
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (h *hall) Close() error {
	defer func() { _ = recover() }() // closed twice
	close(h.guests)
	return nil
}

func (h *hall) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }

type line struct {
	net.Conn
	dead atomic.Bool
}

func (l *line) Write(p []byte) (int, error) {
	if l.dead.Load() {
		return len(p), nil
	}
	return l.Conn.Write(p)
}

func pending(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"error":"authorization_pending"}`)
}

var waiting = bridge.Code{DeviceCode: bridge.NewSecret("d"), TokenEndpoint: "https://example.com/token"}

// pollAs polls as the bridge does, which gives each poll 30 s.
func pollAs(t *testing.T, p *Provider) (bridge.Answer, error) {
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	return p.Poll(ctx, waiting)
}

// inRounds makes so many polls, 64 at a time: all connections are in use, then
// none is.
func inRounds(rounds int, poll func()) {
	for range rounds {
		var round sync.WaitGroup
		for range most {
			round.Go(poll)
		}
		round.Wait()
	}
}

// TestConnectionsAreUsedAgain: once the connections are there, polls open less
// than one in a thousand, whatever is answered.
func TestConnectionsAreUsedAgain(t *testing.T) {
	var polls atomic.Int32
	everybody := make(chan struct{})
	handler := func(w http.ResponseWriter, _ *http.Request) {
		n := polls.Add(1)
		if n == most {
			close(everybody)
		}
		<-everybody
		switch n % 100 {
		case 1:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case 2:
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(make([]byte, 100_000))
		case 3:
			w.Header().Set("Location", "/sign-in")
			w.WriteHeader(http.StatusFound)
			_, _ = w.Write(make([]byte, 10_000))
		case 4:
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			pending(w)
		}
	}
	var opened atomic.Int32
	issuer := httptest.NewUnstartedServer(http.HandlerFunc(handler))
	issuer.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	issuer.Start()
	t.Cleanup(issuer.Close)
	network := NetworkPolicy{AllowHTTPLoopback: true}
	p, err := New(Config{Issuer: issuer.URL, ClientID: "us", Network: network}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.client.CloseIdleConnections)
	code := bridge.Code{DeviceCode: waiting.DeviceCode, TokenEndpoint: issuer.URL + "/token"}
	var answered atomic.Int32
	inRounds(80, func() {
		answer, err := p.Poll(t.Context(), code)
		if busy := (*bridge.Unavailable)(nil); err != nil && !errors.As(err, &busy) || answer.Verdict != bridge.PollPending {
			t.Errorf("verdict %v: %v", answer.Verdict, err)
		}
		if err == nil {
			answered.Add(1)
		}
	})
	if more := opened.Load() - most; more < 0 || more*1000 >= polls.Load() {
		t.Errorf("%d connections for %d polls, %d at once", opened.Load(), polls.Load(), most)
	}
	if n := answered.Load(); n < 4_900 || n > 4_930 {
		t.Errorf("%d polls were answered", n)
	}
}

// TestACodeDoesNotWaitBehindPolls is the server whose token endpoint hangs
// while all else works; and its connections are not kept for ever.
func TestACodeDoesNotWaitBehindPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the caller has gone
				<-r.Context().Done()
				return
			}
			_, _ = io.WriteString(w, `{"issuer":"https://example.com","token_endpoint":"https://example.com/token",
				"device_authorization_endpoint":"https://example.com/device","device_code":"d","user_code":"ABCD",
				"verification_uri":"https://example.com/"}`)
		})
		p := s.provider(t)
		var polls sync.WaitGroup
		for range most {
			polls.Go(func() {
				if _, err := pollAs(t, p); err == nil {
					t.Error("a hanging server answered")
				}
			})
		}
		synctest.Wait()
		if s.open.Load() != most {
			t.Errorf("%d polls hang", s.open.Load())
		}
		begun := time.Now()
		if _, err := p.Begin(t.Context(), bridge.CodeRequest{}); err != nil || time.Since(begun) > 0 {
			t.Errorf("a code took %v: %v", time.Since(begun), err)
		}
		polls.Wait()
		if took := time.Since(begun); took != callTimeout {
			t.Errorf("the polls hung for %v", took)
		}
		synctest.Wait()
		if left := s.open.Load(); left != 1 {
			t.Errorf("%d connections are left, want that of the code alone", left)
		}
	})
}

// TestADeadConnectionIsNoticed: an HTTP/2 connection carries all calls, and
// one that the network has forgotten swallows them in silence. It is given up
// and another one opened, without anybody's help.
func TestADeadConnectionIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spoken atomic.Int32
		s := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
			spoken.Store(int32(r.ProtoMajor))
			pending(w)
		})
		p := s.provider(t)
		for range 100 {
			if _, err := pollAs(t, p); err != nil {
				t.Fatal(err)
			}
		}
		if s.opened.Load() != 1 || spoken.Load() != 2 {
			t.Errorf("%d connections with HTTP/%d", s.opened.Load(), spoken.Load())
		}
		s.hall.cut()
		begun := time.Now()
		if _, err := pollAs(t, p); err == nil {
			t.Error("a dead connection answered")
		}
		if _, err := pollAs(t, p); err != nil {
			t.Errorf("the poll after it: %v", err)
		}
		if took := time.Since(begun); took > callTimeout || s.opened.Load() != 2 {
			t.Errorf("after %v there were %d connections", took, s.opened.Load())
		}
	})
}
