package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/authbridge/authbridge/bridge"
)

const grantedAnswer = `{"access_token":"a","token_type":"Bearer"}`

// knowing makes a provider know its metadata, so that a refresh is the one
// call it makes.
func knowing(p *Provider) *Provider {
	p.remember(&metadata{Issuer: p.name, Token: p.name + "/token"})
	return p
}

func refreshOnce(ctx context.Context, p *Provider) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.Refresh(ctx, bridge.Tokens{Refresh: bridge.NewSecret("r")}, bridge.RefreshRequest{})
	return err
}

// house is a provider over TLS on a socket, where connections end as they do
// in life: those in memory cannot be closed by both sides at once.
type house struct {
	*httptest.Server
	opened atomic.Int32
	closed chan struct{}
	let    hall // to cut connections by
}

func open(t *testing.T, modern bool, handler http.HandlerFunc) *house {
	t.Helper()
	h := &house{Server: httptest.NewUnstartedServer(handler), closed: make(chan struct{}, 100)}
	h.EnableHTTP2 = modern
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			h.opened.Add(1)
		}
		if state == http.StateClosed {
			h.closed <- struct{}{}
		}
	}
	h.StartTLS()
	t.Cleanup(h.Close)
	return h
}

// client is ours, with the transport of the product but for the way there.
func (h *house) client(t *testing.T) *Provider {
	t.Helper()
	take, transport := stranded(t)
	transport.TLSClientConfig = h.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, h.Listener.Addr().String())
		if err != nil {
			return nil, err
		}
		l := &line{Conn: conn}
		h.let.mu.Lock()
		defer h.let.mu.Unlock()
		h.let.let = append(h.let.let, l)
		return l, nil
	}
	t.Cleanup(transport.CloseIdleConnections)
	return take()
}

// wasSent says what an error of a refresh says about it.
func wasSent(t *testing.T, err error, want bool) {
	t.Helper()
	var busy *bridge.Unavailable
	if err == nil || errors.As(err, &busy) == want {
		t.Errorf("got %v (%T), want that it may have been sent: %v", err, err, want)
	}
}

// TestARefreshIsSentOnce: whatever becomes of a connection, over either
// protocol, the server sees one request, and who asked is told that it may
// have been carried out.
func TestARefreshIsSentOnce(t *testing.T) {
	for name, at := range map[string]struct {
		answer func(w http.ResponseWriter, giveUp func())
		sent   bool
	}{
		"dropped":    {func(http.ResponseWriter, func()) { panic(http.ErrAbortHandler) }, true},
		"given up":   {func(_ http.ResponseWriter, giveUp func()) { giveUp() }, true},
		"cut short":  {func(w http.ResponseWriter, _ func()) { cutShort(w, http.StatusOK) }, true},
		"a cut no":   {func(w http.ResponseWriter, _ func()) { cutShort(w, http.StatusBadRequest) }, false},
		"cut excuse": {func(w http.ResponseWriter, _ func()) { cutShort(w, http.StatusServiceUnavailable) }, false},
	} {
		for _, modern := range []bool{false, true} {
			t.Run(name+map[bool]string{false: ", HTTP/1.1", true: ", HTTP/2"}[modern], func(t *testing.T) {
				var refreshes atomic.Int32
				ctx, cancel := context.WithCancel(t.Context())
				h := open(t, modern, func(w http.ResponseWriter, r *http.Request) {
					if r.ProtoMajor == 2 != modern {
						t.Errorf("spoken is %s", r.Proto)
					}
					_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the caller has gone
					refreshes.Add(1)
					at.answer(w, func() { cancel(); <-r.Context().Done() })
				})
				wasSent(t, refreshOnce(ctx, h.client(t)), at.sent)
				h.Close() // and no request is under way any more
				if n := refreshes.Load(); n != 1 {
					t.Errorf("the server saw %d refreshes", n)
				}
			})
		}
	}
}

func cutShort(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "100")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, grantedAnswer)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// TestARefusedStreamIsNotSentAgain is the server of HTTP/2 that resets the
// request in the words after which a transport repeats it unasked.
func TestARefusedStreamIsNotSentAgain(t *testing.T) {
	for _, code := range []http2.ErrCode{http2.ErrCodeRefusedStream, http2.ErrCodeProtocol} {
		t.Run(code.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var requests atomic.Int32
				lender := serve(t, true, nil) // of a certificate
				take, transport := stranded(t)
				transport.TLSClientConfig = lender.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
				transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go resetStreams(tls.Server(theirs, lender.TLS), code, &requests)
					return ours, nil
				}
				wasSent(t, refreshOnce(t.Context(), take()), true)
				if n := requests.Load(); n != 1 {
					t.Errorf("the server saw %d requests", n)
				}
			})
		})
	}
}

// resetStreams reads each request to its end and resets it.
func resetStreams(conn net.Conn, code http2.ErrCode, requests *atomic.Int32) {
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(conn, conn)
	if framer.WriteSettings() != nil {
		return
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		if data, ok := frame.(*http2.DataFrame); ok && data.StreamEnded() {
			requests.Add(1)
			_ = framer.WriteRSTStream(data.StreamID, code)
		}
	}
}

// TestARefreshThatFoundNoWay has not been sent, at whichever step it ended.
func TestARefreshThatFoundNoWay(t *testing.T) {
	t.Run("nobody takes the call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, transport := stranded(t)
			transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
				<-time.After(2 * callTimeout)
				return nil, errors.New("nobody there")
			}
			wasSent(t, refreshOnce(t.Context(), p()), false)
			<-time.After(callTimeout)
		})
	})
	t.Run("it is refused", func(t *testing.T) {
		p, transport := stranded(t)
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
		}
		wasSent(t, refreshOnce(t.Context(), p()), false)
	})
	t.Run("silence instead of a handshake", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, transport := stranded(t)
			transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() { _, _ = io.Copy(io.Discard, theirs) }()
				return ours, nil
			}
			wasSent(t, refreshOnce(t.Context(), p()), false)
		})
	})
	t.Run("a stranger's certificate", func(t *testing.T) {
		v := newVictim(t)
		p, transport := stranded(t)
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, v.Listener.Addr().String())
		}
		err := refreshOnce(t.Context(), p())
		wasSent(t, err, false)
		if !strings.Contains(err.Error(), "certificate") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a name that turns inwards", func(t *testing.T) {
		v := newVictim(t)
		client := v.client(t, NetworkPolicy{}, nameServer(t, "127.0.0.1"))
		p, err := New(Config{Issuer: "https://example.com:" + v.port(t), ClientID: "us"}, client)
		if err != nil {
			t.Fatal(err)
		}
		err = refreshOnce(t.Context(), knowing(p))
		wasSent(t, err, false)
		if !strings.Contains(err.Error(), "127.0.0.1 is not a public address") || v.visits.Load() != 0 {
			t.Errorf("%d visits: %v", v.visits.Load(), err)
		}
	})
}

// stranded is a provider whose way out the test has in its hand until it
// takes the provider.
func stranded(t *testing.T) (take func() *Provider, transport *http.Transport) {
	transport = newDialer(NetworkPolicy{}).transport()
	transport.Proxy = nil
	return func() *Provider {
		p, err := New(Config{Issuer: "https://example.com", ClientID: "us"}, &http.Client{Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		return knowing(p)
	}, transport
}

// TestARefreshTakesNoDeadConnection: those that polls have used may have been
// forgotten on the way, and what goes into them is lost without a word. That
// would cost a grant.
func TestARefreshTakesNoDeadConnection(t *testing.T) {
	for _, modern := range []bool{false, true} {
		h := open(t, modern, func(w http.ResponseWriter, r *http.Request) {
			if _ = r.ParseForm(); r.PostForm.Get("grant_type") != "refresh_token" {
				pending(w)
				return
			}
			_, _ = io.WriteString(w, grantedAnswer)
		})
		p := h.client(t)
		if _, err := pollAs(t, p); err != nil {
			t.Fatal(err)
		}
		h.let.cut()
		for n := range 3 {
			if err := refreshOnce(t.Context(), p); err != nil {
				t.Errorf("refresh %d: %v", n, err)
			}
			select {
			case <-h.closed:
			case <-time.After(callTimeout):
				t.Fatal("its connection is kept")
			}
		}
		if n := h.opened.Load(); n != 4 || len(h.closed) != 0 {
			t.Errorf("%d connections were opened, and that of the poll was closed: %v", n, len(h.closed) != 0)
		}
	}
}

// TestALetterIsTakenBackOrRead, and never both: a transport that is late must
// not send what was called unsent.
func TestALetterIsTakenBackOrRead(t *testing.T) {
	unread := &letter{text: strings.NewReader("text")}
	if unread.withdraw() {
		t.Error("nobody has read it")
	}
	if n, err := unread.Read(make([]byte, 8)); n != 0 || !errors.Is(err, errWithdrawn) {
		t.Errorf("it was read after all: %d bytes, %v", n, err)
	}
	begun := &letter{text: strings.NewReader("text")}
	if n, err := begun.Read(make([]byte, 2)); n != 2 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if !begun.withdraw() {
		t.Error("half of it is out")
	}
	if n, err := begun.Read(make([]byte, 8)); n != 0 || !errors.Is(err, errWithdrawn) {
		t.Errorf("the rest went out too: %d bytes, %v", n, err)
	}
}

// TestALateTransportSendsNothing is a transport that returns before it has
// read, and reads then.
func TestALateTransportSendsNothing(t *testing.T) {
	late := &lateTransport{read: make(chan string, 1)}
	p, err := New(Config{Issuer: "https://example.com", ClientID: "us"}, &http.Client{Transport: late})
	if err != nil {
		t.Fatal(err)
	}
	wasSent(t, refreshOnce(t.Context(), knowing(p)), false)
	close(late.goOn())
	if text := <-late.read; text != "" {
		t.Errorf("it went out: %d bytes", len(text))
	}
}

type lateTransport struct {
	late chan struct{}
	read chan string
}

func (l *lateTransport) goOn() chan struct{} { return l.late }

func (l *lateTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	l.late = make(chan struct{})
	go func() {
		<-l.late
		text, _ := io.ReadAll(r.Body)
		l.read <- string(text)
	}()
	return nil, context.DeadlineExceeded
}
