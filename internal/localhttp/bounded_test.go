package localhttp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"
)

// hall is a bounded server on a socket; what it is asked it answers once let
// has a value.
type hall struct {
	*Bounded
	t    *testing.T
	path string
	busy chan struct{} // gets a value for every call of /wait
	let  chan struct{}
}

func newHall(t *testing.T, bounds Bounds) *hall {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.sock")
	l, err := Listen(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{Bounded: Bound(l, bounds), t: t, path: path, busy: make(chan struct{}, 100), let: make(chan struct{})}
	server := &http.Server{Handler: h.Serve(h), ConnContext: ConnContext}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(h) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
		if n := h.Open(); n != 0 {
			t.Errorf("%d connections are still counted", n)
		}
	})
	return h
}

func (h *hall) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if Crowded(r.Context()) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if r.URL.Path == "/wait" {
		h.busy <- struct{}{}
		<-h.let
	}
	_, known := UID(r.Context())
	fmt.Fprintf(w, "known %v", known)
}

// line is one connection to the hall.
type line struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (h *hall) dial() *line {
	h.t.Helper()
	c, err := new(net.Dialer).DialContext(h.t.Context(), "unix", h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	return &line{c, h.t, bufio.NewReader(c)}
}

func (l *line) send(path string) {
	l.t.Helper()
	if _, err := io.WriteString(l, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		l.t.Fatal(err)
	}
}

// status is that of the answer, 0 if the connection was closed.
func (l *line) status() int {
	l.t.Helper()
	resp, err := http.ReadResponse(l.r, nil)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		l.t.Error(err)
	}
	return resp.StatusCode
}

func (l *line) get(path string) int {
	l.t.Helper()
	l.send(path)
	return l.status()
}

// TestIdleConnectionsShutNobodyOut, not even whoever leaks them: the one that
// has been idle the longest gives way.
func TestIdleConnectionsShutNobodyOut(t *testing.T) {
	h := newHall(t, Bounds{Total: 9, Each: 3})
	first, second := h.dial(), h.dial()
	if first.get("/") != 200 || second.get("/") != 200 {
		t.Fatal("no answer")
	}
	for i := range 50 {
		if got := h.dial().get("/"); got != 200 {
			t.Fatalf("connection %d is answered %d", i, got)
		}
		if n := h.Open(); n > 3 {
			t.Fatalf("%d connections are open", n)
		}
	}
	if first.status() != 0 || second.status() != 0 {
		t.Error("the oldest are still open")
	}
}

// TestABusyConnectionGivesWayToNobody: a new one is told that there is no
// room, and so are not more than a few.
func TestABusyConnectionGivesWayToNobody(t *testing.T) {
	h := newHall(t, Bounds{Total: 9, Each: 3}) // one of the nine is for saying no
	var busy []*line
	for range 3 {
		l := h.dial()
		l.send("/wait")
		<-h.busy
		busy = append(busy, l)
	}
	silent := h.dial() // takes the place for being told
	if got := h.dial().status(); got != 0 {
		t.Errorf("one too many to be told is answered %d", got)
	}
	if got := silent.get("/"); got != http.StatusTooManyRequests {
		t.Errorf("one too many is answered %d", got)
	}
	if silent.status() != 0 {
		t.Error("who was told is still connected")
	}
	close(h.let)
	for _, l := range busy {
		if got := l.status(); got != 200 {
			t.Errorf("who was busy is answered %d", got)
		}
	}
	if got := h.dial().get("/"); got != 200 {
		t.Errorf("with room again: %d", got)
	}
}

// TestWhoHasMostGivesWay when all places are taken; others keep theirs.
func TestWhoHasMostGivesWay(t *testing.T) {
	b := Bound(nil, Bounds{Total: 9, Each: 6})
	greedy, modest, late := peer{uid: 1, known: true}, peer{uid: 2, known: true}, peer{uid: 3, known: true}
	sit := func(p peer) (*guest, *guest, bool) {
		g := &guest{of: b, peer: p}
		victim, in := b.enter(g)
		return g, victim, in
	}
	kept, _, _ := sit(modest)
	for range 6 {
		sit(greedy)
	}
	sit(modest)
	for range 3 {
		if _, victim, in := sit(late); !in || victim == nil || victim.peer != greedy {
			t.Fatalf("in: %v, in the place of %+v", in, victim)
		}
	}
	if kept.gone || b.open != 8 || b.parties[greedy].open != 3 {
		t.Errorf("modest is gone: %v; %d are open, %d of greedy", kept.gone, b.open, b.parties[greedy].open)
	}
}

func TestAtTheirBoundAUserPushesOutNobodyElse(t *testing.T) {
	b := Bound(nil, Bounds{Total: 100, Each: 2})
	own, other := peer{uid: 1, known: true}, peer{uid: 2, known: true}
	b.enter(&guest{of: b, peer: other})
	for range 2 {
		g := &guest{of: b, peer: own}
		b.enter(g)
		b.busy(g)
	}
	g := &guest{of: b, peer: own}
	if victim, in := b.enter(g); victim != nil || !in || !g.crowded {
		t.Errorf("in: %v, in the place of %+v", in, victim)
	}
	if ctx := ConnContext(context.Background(), g); !Crowded(ctx) {
		t.Error("nobody will tell them")
	}
}

// TestWhoPromisesAndSendsNothingShutsNobodyOut: the server would wait for what
// is still to come of a call that has been worked on. Nobody else has to.
func TestWhoPromisesAndSendsNothingShutsNobodyOut(t *testing.T) {
	h := newHall(t, Bounds{Total: 16})
	for range 40 {
		if _, err := io.WriteString(h.dial(), "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	status := 0
	for try := 0; try < 100 && status != http.StatusOK; try++ { // some are being worked on just now
		status = h.dial().get("/")
	}
	if status != http.StatusOK {
		t.Errorf("somebody else is answered %d", status)
	}
}

// TestStrangersShareTheWhole: where nobody is known, one bound is for all.
func TestStrangersShareTheWhole(t *testing.T) {
	b := Bound(nil, Bounds{Total: 9})
	for i := range 20 {
		victim, in := b.enter(&guest{of: b})
		if !in || (victim != nil) != (i >= 8) {
			t.Fatalf("%d: in %v, in the place of %v", i, in, victim)
		}
	}
}

// TestMachinesAreToldApart at a port: one that opens connection after
// connection loses its own, and a caller from elsewhere keeps theirs.
func TestMachinesAreToldApart(t *testing.T) {
	b := Bound(nil, Bounds{Total: 9, Each: 8})
	from := func(addr string) peer {
		return peerOf(remote{addr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1))})
	}
	honest := &guest{of: b, peer: from("10.0.0.1")}
	b.enter(honest)
	for range 50 {
		b.enter(&guest{of: b, peer: from("10.0.0.2")})
	}
	if honest.gone || b.open > 8 {
		t.Errorf("who came first is gone: %v; %d are open", honest.gone, b.open)
	}
	for one, other := range map[string]string{
		"10.0.0.1": "::ffff:10.0.0.1", "fd00::1": "fd00::ffff:1:2", "fe80::1%eth0": "fe80::2%eth1",
	} {
		if from(one) != from(other) {
			t.Errorf("%s and %s count as two", one, other)
		}
	}
	for one, other := range map[string]string{"10.0.0.1": "10.0.0.2", "fd00::1": "fd00:0:0:1::1"} {
		if from(one) == from(other) {
			t.Errorf("%s and %s count as one", one, other)
		}
	}
}

// remote is a connection from somewhere.
type remote struct {
	net.Conn
	addr net.Addr
}

func (r remote) RemoteAddr() net.Addr { return r.addr }
