package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
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

func refreshOnce(t *testing.T, p *Provider) error {
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	_, err := p.Refresh(ctx, bridge.Tokens{Refresh: bridge.NewSecret("r")}, bridge.RefreshRequest{})
	return err
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
		answer func(http.ResponseWriter, *http.Request)
		sent   bool
	}{
		"dropped":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true},
		"given up":   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, true},
		"cut short":  {func(w http.ResponseWriter, _ *http.Request) { cutShort(w, http.StatusOK) }, true},
		"a cut no":   {func(w http.ResponseWriter, _ *http.Request) { cutShort(w, http.StatusBadRequest) }, false},
		"cut excuse": {func(w http.ResponseWriter, _ *http.Request) { cutShort(w, http.StatusServiceUnavailable) }, false},
	} {
		for _, modern := range []bool{false, true} {
			t.Run(name+map[bool]string{false: ", HTTP/1.1", true: ", HTTP/2"}[modern], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var refreshes atomic.Int32
					s := serve(t, modern, func(w http.ResponseWriter, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the caller has gone
						if r.ProtoMajor == 2 != modern {
							t.Errorf("spoken is %s", r.Proto)
						}
						refreshes.Add(1)
						at.answer(w, r)
					})
					wasSent(t, refreshOnce(t, knowing(s.provider(t))), at.sent)
					synctest.Wait()
					if n := refreshes.Load(); n != 1 {
						t.Errorf("the server saw %d refreshes", n)
					}
				})
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
				house := serve(t, true, nil) // whose certificate it borrows
				take, transport := stranded(t)
				transport.TLSClientConfig = house.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
				transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go resetStreams(tls.Server(theirs, house.TLS), code, &requests)
					return ours, nil
				}
				wasSent(t, refreshOnce(t, take()), true)
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
			wasSent(t, refreshOnce(t, p()), false)
			<-time.After(callTimeout)
		})
	})
	t.Run("it is refused", func(t *testing.T) {
		p, transport := stranded(t)
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
		}
		wasSent(t, refreshOnce(t, p()), false)
	})
	t.Run("silence instead of a handshake", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, transport := stranded(t)
			transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() { _, _ = io.Copy(io.Discard, theirs) }()
				return ours, nil
			}
			wasSent(t, refreshOnce(t, p()), false)
		})
	})
	t.Run("a stranger's certificate", func(t *testing.T) {
		v := newVictim(t)
		p, transport := stranded(t)
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, v.Listener.Addr().String())
		}
		err := refreshOnce(t, p())
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
		err = refreshOnce(t, knowing(p))
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
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, modern, func(w http.ResponseWriter, r *http.Request) {
				if _ = r.ParseForm(); r.PostForm.Get("grant_type") != "refresh_token" {
					pending(w)
					return
				}
				_, _ = io.WriteString(w, grantedAnswer)
			})
			p := knowing(s.provider(t))
			if _, err := pollAs(t, p); err != nil {
				t.Fatal(err)
			}
			s.hall.cut()
			begun := time.Now()
			for range 3 {
				if err := refreshOnce(t, p); err != nil || time.Since(begun) > 0 {
					t.Errorf("after %v: %v", time.Since(begun), err)
				}
			}
			<-time.After(10 * time.Second) // the two sides take leave of each other
			synctest.Wait()
			if s.opened.Load() != 4 || s.open.Load() != 1 {
				t.Errorf("%d connections were opened, %d are left", s.opened.Load(), s.open.Load())
			}
		})
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
	wasSent(t, refreshOnce(t, knowing(p)), false)
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
