package daemon

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
	"github.com/authbridge/authbridge/internal/tlstest"
)

// remote is a bridge whose agent "ci" comes over TCP with a key.
type remote struct {
	*house
	dir  string
	ca   *tlstest.Authority
	key  bridge.Secret
	text string // its configuration
	log  *logs
}

// remoteText is the configuration of a remote bridge: its directory, the
// section tls and the hash of the key are to be filled in.
const remoteText = `
listen: {web: "", ops: "", tcp: "127.0.0.1:0", tcp_hosts: ["bridge.internal:8740"]%s}
network: {allow_http_loopback: true}
providers: {corp: {issuer: "https://login.example.com", client_id: authbridge, scopes: [openid, email]}}
humans: {alice: {email: alice@example.com}}
agents: {ci: {key_hash: "%s", owner: alice, may: [{provider: corp, scopes: ["files.*"], ask: [alice], reuse: 0s}]}}
`

func newRemote(t *testing.T, secured bool, more string) *remote {
	t.Helper()
	key, hash := bridge.NewKey()
	r := &remote{dir: home(t), ca: tlstest.New(t), key: key, log: new(logs)}
	file := filepath.Join(r.dir, "tls")
	tlstest.Write(t, file+".pem", file+".key", r.ca.Issue("bridge.internal", 24*time.Hour))
	check(t, os.WriteFile(filepath.Join(r.dir, "ca.pem"), tlstest.PEM(r.ca.Own()), 0o600))
	section := ""
	if secured {
		section = fmt.Sprintf(", tls: {cert: 'file:%s.pem', key: 'file:%s.key'%s}", file, file, more)
	}
	r.text = fmt.Sprintf(remoteText, section, hash)
	d, err := start(t.Context(), configured(t, r.dir, r.text), map[string]bridge.Provider{"corp": corp()}, slog.New(slog.NewTextHandler(r.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	r.house = run(t, d)
	return r
}

// call is a call of ci with a key; certificates are for a bridge that wants
// one.
func (r *remote) call(key bridge.Secret, host string, certificates ...tls.Certificate) (reply, error) {
	r.t.Helper()
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: r.ca.Pool(), Certificates: certificates, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	return r.over(transport, key, host)
}

// reply is what is left of an answer.
type reply struct {
	status int
	major  int  // of HTTP
	last   bool // of its connection
	tls    *tls.ConnectionState
}

func (r *remote) over(transport *http.Transport, key bridge.Secret, host string) (reply, error) {
	r.t.Helper()
	scheme := "http"
	if r.cfg.Listen.TLS != nil {
		scheme = "https"
	}
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, scheme+"://"+r.at(tcpDoor)+api.WhoamiPath, nil)
	check(r.t, err)
	req.Host = host
	req.Header.Set("Authorization", "Bearer "+key.Reveal())
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	check(r.t, resp.Body.Close())
	return reply{resp.StatusCode, resp.ProtoMajor, resp.Close, resp.TLS}, nil
}

func (r *remote) wants(status int, key bridge.Secret, host string, certificates ...tls.Certificate) {
	r.t.Helper()
	resp, err := r.call(key, host, certificates...)
	if err != nil || resp.status != status {
		r.t.Errorf("answered %v, %v; want %d", resp, err, status)
	}
}

func (r *remote) reload(text string) {
	r.t.Helper()
	check(r.t, r.Reload(r.t.Context(), configured(r.t, r.dir, text)))
}

func TestAnAgentOverTCP(t *testing.T) {
	over := clean(t)
	for _, secured := range []bool{false, true} {
		r := newRemote(t, secured, "")
		r.wants(http.StatusOK, r.key, "")
		r.wants(http.StatusOK, r.key, "bridge.internal:8740")
		r.wants(http.StatusBadRequest, r.key, "evil.example")
		r.wants(http.StatusUnauthorized, bridge.NewSecret("abk_x"), "")
		r.stop()
	}
	over()
}

// TestNoHTTP2 whatever a caller offers: the bounds count connections.
func TestNoHTTP2(t *testing.T) {
	r := newRemote(t, true, "")
	resp, err := r.call(r.key, "")
	if err != nil || resp.major != 1 || resp.tls.NegotiatedProtocol != "http/1.1" {
		t.Errorf("they speak %v, %v", resp, err)
	}
	only := &tls.Config{RootCAs: r.ca.Pool(), NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
	c, err := (&tls.Dialer{Config: only}).DialContext(t.Context(), "tcp", r.at(tcpDoor))
	if err == nil {
		_ = c.Close()
		t.Error("a caller that only speaks HTTP/2 is let in")
	}
}

// TestAKeyIsReplacedAtAReload: the old one is nobody's from then on.
func TestAKeyIsReplacedAtAReload(t *testing.T) {
	r := newRemote(t, false, "")
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	if resp, err := r.over(transport, r.key, ""); err != nil || resp.status != http.StatusOK {
		t.Fatalf("answered %v, %v", resp, err)
	}
	key, hash := bridge.NewKey()
	r.reload(strings.Replace(r.text, bridge.HashKey(r.key).String(), hash.String(), 1))
	r.wants(http.StatusOK, key, "")
	if resp, err := r.over(transport, r.key, ""); err != nil || resp.status != http.StatusUnauthorized {
		t.Errorf("on a connection that is open the old key is answered %v, %v", resp, err)
	}
	said := r.log.String()
	for _, secret := range []string{key.Reveal(), r.key.Reveal()} {
		if strings.Contains(said, secret) {
			t.Error("a key is in the log")
		}
	}
}

// TestACertificateIsRenewed: who connects after a reload sees the new one, and
// a file that does not fit changes nothing.
func TestACertificateIsRenewed(t *testing.T) {
	r := newRemote(t, true, "")
	file := filepath.Join(r.dir, "tls")
	shown := func() string {
		resp, err := r.call(r.key, "")
		if err != nil {
			t.Fatal(err)
		}
		return resp.tls.PeerCertificates[0].Subject.CommonName
	}
	tlstest.Write(t, file+".pem", file+".key", r.ca.Issue("renewed.internal", time.Hour))
	if got := shown(); got != "bridge.internal" {
		t.Errorf("before the reload it is %s", got)
	}
	r.reload(r.text)
	if got := shown(); got != "renewed.internal" {
		t.Errorf("after the reload it is %s", got)
	}
	if !strings.Contains(r.log.String(), "the certificate is not for bridge.internal") {
		t.Error("nobody is told that the certificate is for another name")
	}
	check(t, os.WriteFile(file+".key", []byte("-----BEGIN PRIVATE KEY-----"), 0o600))
	env := config.Env{Getenv: func(string) string { return r.dir }}
	if _, err := config.Parse("x", []byte(r.text), env); err == nil {
		t.Error("half a key is taken")
	}
	if got := shown(); got != "renewed.internal" {
		t.Errorf("after a bad file it is %s", got)
	}
}

func TestACertificateThatHasRunOutIsAWarning(t *testing.T) {
	r := newRemote(t, true, "")
	if said := r.log.String(); strings.Contains(said, "certificate") {
		t.Errorf("a good certificate: %s", said)
	}
	for why, pair := range map[string]tls.Certificate{
		"the certificate has expired on": r.ca.Issue("bridge.internal", -time.Hour),
		"the certificate is not for":     r.ca.Issue("elsewhere.internal", 24*time.Hour),
	} {
		tlstest.Write(t, filepath.Join(r.dir, "tls.pem"), filepath.Join(r.dir, "tls.key"), pair)
		r.reload(r.text)
		if said := r.log.String(); !strings.Contains(said, "level=WARN") || !strings.Contains(said, why) {
			t.Errorf("nobody is told that %s: %s", why, said)
		}
	}
}

// TestCallersNeedACertificate where client_ca says so, and a key as well.
func TestCallersNeedACertificate(t *testing.T) {
	r := newRemote(t, true, "")
	r.stop()
	r.text = strings.Replace(r.text, ".key'}", ".key', client_ca: 'file:"+r.dir+"/ca.pem'}", 1)
	d, err := start(t.Context(), configured(t, r.dir, r.text), map[string]bridge.Provider{"corp": corp()}, quiet())
	check(t, err)
	r.house = run(t, d)
	mine := r.ca.Issue("ci", time.Hour)
	r.wants(http.StatusOK, r.key, "", mine)
	r.wants(http.StatusUnauthorized, bridge.NewSecret("abk_x"), "", mine)
	for what, certificates := range map[string][]tls.Certificate{
		"none": nil, "of another CA": {tlstest.New(t).Issue("ci", time.Hour)}, "run out": {r.ca.Issue("ci", -time.Minute)},
	} {
		if resp, err := r.call(r.key, "", certificates...); err == nil {
			t.Errorf("a certificate, %s: answered %d", what, resp.status)
		}
	}

	// A CA that is taken away takes away who has come with it, at once.
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.ca.Pool(), Certificates: []tls.Certificate{mine}, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(4)}}
	defer transport.CloseIdleConnections()
	if resp, err := r.over(transport, r.key, ""); err != nil || resp.status != http.StatusOK {
		t.Fatalf("answered %v, %v", resp, err)
	}
	other := tlstest.New(t)
	check(t, os.WriteFile(filepath.Join(r.dir, "ca.pem"), tlstest.PEM(other.Own()), 0o600))
	r.reload(r.text)
	if resp, err := r.over(transport, r.key, ""); err != nil || resp.status != http.StatusUnauthorized || !resp.last {
		t.Errorf("on the connection that is open it is answered %v, %v", resp, err)
	}
	if resp, err := r.over(transport, r.key, ""); err == nil && resp.status != http.StatusUnauthorized {
		t.Errorf("a session that goes on is answered %d", resp.status)
	}
	r.wants(http.StatusOK, r.key, "", other.Issue("ci", time.Hour))
}

// TestAReloadThatTakesLong: who is not to come any more does not come for so
// long.
func TestAReloadThatTakesLong(t *testing.T) {
	r := newRemote(t, true, "")
	r.stop()
	r.text = strings.Replace(r.text, ".key'}", ".key', client_ca: 'file:"+r.dir+"/ca.pem'}", 1)
	d, err := start(t.Context(), configured(t, r.dir, r.text), map[string]bridge.Provider{"corp": corp()}, quiet())
	check(t, err)
	r.house = run(t, d)
	mine, other := r.ca.Issue("ci", time.Hour), tlstest.New(t)
	r.wants(http.StatusOK, r.key, "", mine)
	check(t, os.WriteFile(filepath.Join(r.dir, "ca.pem"), tlstest.PEM(other.Own()), 0o600))
	next := configured(t, r.dir, r.text)
	resume := r.hang()
	defer resume()
	reloaded := make(chan error, 1)
	go func() { reloaded <- r.Reload(t.Context(), next) }()
	for until := time.Now().Add(10 * time.Second); ; {
		if _, err := r.call(r.key, "", mine); err != nil {
			break
		}
		if time.Now().After(until) {
			t.Fatal("a CA that was taken away is believed until the reload is over")
		}
	}
	r.wants(http.StatusOK, r.key, "", other.Issue("ci", time.Hour))
	resume()
	check(t, <-reloaded)
}

// TestNoiseAtThePort: whoever comes with something else is sent away, says
// nothing worth a warning, and keeps nobody from being served.
func TestNoiseAtThePort(t *testing.T) {
	r := newRemote(t, true, "")
	for what, said := range map[string]string{
		"plain HTTP":        "GET /v1/whoami HTTP/1.1\r\nHost: x\r\n\r\n",
		"something else":    "SSH-2.0-x\r\n\r\n\r\n\r\n\r\n",
		"a line for a log":  "\x16\x03\x01\x00\x05\x01\x00\x00\x01\nlevel=ERROR msg=fake",
		"a header too long": "",
	} {
		t.Run(what, func(t *testing.T) {
			var c net.Conn
			var err error
			if said == "" {
				c, err = (&tls.Dialer{Config: &tls.Config{RootCAs: r.ca.Pool(), MinVersion: tls.VersionTLS12}}).DialContext(t.Context(), "tcp", r.at(tcpDoor))
				said = "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 1<<20)
			} else {
				c, err = new(net.Dialer).DialContext(t.Context(), "tcp", r.at(tcpDoor))
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			go func() { _, _ = io.WriteString(c, said) }()
			check(t, c.SetReadDeadline(time.Now().Add(tooLong)))
			answer, err := io.ReadAll(bufio.NewReader(c))
			if errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(string(answer), " 200 ") {
				t.Errorf("answered %q, %v", answer, err)
			}
		})
	}
	r.wants(http.StatusOK, r.key, "")
	if said := r.log.String(); strings.Contains(said, "WARN") || strings.Contains(said, "level=ERROR") {
		t.Errorf("the log says: %s", said)
	}
}

// halfOpen is a daemon that is all one secure door, with few places.
func halfOpen(t *testing.T, ca *tlstest.Authority, l net.Listener) *Daemon {
	t.Helper()
	d := lone(tcpDoor, l)
	d.doors[0].secure = d.tls.server(false)
	d.tls.now.Store(&credential{own: ca.Issue("bridge.internal", 100*365*24*time.Hour)})
	return d
}

// TestAFullPort: who calls is answered although others hold all the places,
// and have not even agreed on TLS.
func TestAFullPort(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	ca := tlstest.New(t)
	d := halfOpen(t, ca, l)
	go func() { _ = serve(d.doors[0]) }()
	for range 40 {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.Addr().String()+"/", nil)
	check(t, err)
	resp, err := transport.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("answered %v, %v", resp, err)
	}
	check(t, resp.Body.Close())
	if n := d.doors[0].listener.Open(); n > 9 {
		t.Errorf("%d connections are open", n)
	}
	check(t, d.shut())
}

// TestWhoDoesNotAgreeOnTLSIsCutOff in as much time as a header has.
func TestWhoDoesNotAgreeOnTLSIsCutOff(t *testing.T) {
	for what, c := range map[string]struct{ first, again string }{
		"says nothing": {"", ""}, "a hello, byte by byte": {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "a"},
	} {
		t.Run(what, func(t *testing.T) {
			ca := tlstest.New(t)
			synctest.Test(t, func(t *testing.T) {
				memory := httpapitest.NewListener()
				d := halfOpen(t, ca, memory)
				go func() { _ = serve(d.doors[0]) }()
				began := time.Now()
				conn, err := memory.Dial(t.Context())
				check(t, err)
				var trickling sync.WaitGroup
				trickling.Go(func() { trickle(conn, c.first, c.again) })
				go func() { _, _ = io.Copy(io.Discard, conn) }()
				synctest.Wait()
				for d.doors[0].listener.Open() > 0 && time.Since(began) < time.Hour {
					<-time.After(time.Second)
				}
				if took := time.Since(began); took < headerTimeout || took > headerTimeout+7*time.Second { // it takes its leave of who does not listen
					t.Errorf("cut off after %s", took)
				}
				_ = conn.Close()
				trickling.Wait()
				check(t, d.shut())
			})
		})
	}
}

// logs keeps what is logged. It is safe for concurrent use.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
