package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/tlstest"
)

// TestPeopleNeedNoCertificate: client_ca is about agents. A person's browser
// has none to show, and neither may anybody speak what TLS was long ago.
func TestPeopleNeedNoCertificate(t *testing.T) {
	r := newRemote(t, true, "")
	r.stop()
	r.text = strings.Replace(strings.Replace(r.text, ".key'}", ".key', client_ca: 'file:"+r.dir+"/ca.pem'}", 1), `web: ""`, `web: "127.0.0.1:0"`, 1)
	d, err := start(t.Context(), configured(t, r.dir, r.text), map[string]bridge.Provider{"corp": corp()}, quiet())
	check(t, err)
	r.house = run(t, d)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.ca.Pool(), ServerName: "bridge.internal", MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+r.at(webDoor)+"/", nil)
	check(t, err)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatalf("without a certificate: %v", err)
	}
	check(t, resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		t.Errorf("without a certificate the inbox answers %d", resp.StatusCode)
	}
	old := &tls.Config{RootCAs: r.ca.Pool(), ServerName: "bridge.internal", Certificates: []tls.Certificate{r.ca.Issue("ci", time.Hour)}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	for _, door := range []string{webDoor, tcpDoor} {
		if conn, err := tls.Dial("tcp", r.at(door), old); err == nil { //nolint:noctx // it is refused at once
			_ = conn.Close()
			t.Errorf("the door for %s speaks TLS 1.1", door)
		}
	}
}

// TestACertificateRunsOutOnAnOpenConnection: then it does not do any more,
// though it did when the connection was made.
func TestACertificateRunsOutOnAnOpenConnection(t *testing.T) {
	ca := tlstest.New(t)
	theirs, err := config.Certificates(tlstest.PEM(ca.Own()))
	check(t, err)
	tell := new(credentials)
	tell.now.Store(&credential{cas: theirs})
	for left, want := range map[time.Duration]bool{time.Hour: true, -time.Second: false} {
		leaf := ca.Issue("ci", left).Leaf
		if leaf == nil {
			t.Fatal("there is no certificate to show")
		}
		s := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf, theirs[0]}}}
		if got := tell.vouched(s); got != want {
			t.Errorf("with %v left it does: %t", left, got)
		}
	}
	if tell.vouched(nil) || tell.vouched(new(tls.ConnectionState)) {
		t.Error("whoever has shown none is let in")
	}
}

// TestAnAddressForAllIsNoHost: a page can be loaded from 0.0.0.0.
func TestAnAddressForAllIsNoHost(t *testing.T) {
	more := []string{"bridge.internal:8740"}
	for configured, want := range map[string][]string{
		"0.0.0.0:0": more, "[::]:0": more, ":0": more,
		"127.0.0.1:0": {"127.0.0.1:8740", "127.0.0.1:8740", more[0]},
		"Localhost:0": {"127.0.0.1:8740", "localhost:8740", more[0]},
	} {
		at := &net.TCPAddr{IP: net.IPv6unspecified, Port: 8740}
		if len(want) > 1 {
			at.IP = net.IPv4(127, 0, 0, 1)
		}
		d := &Daemon{cfg: &config.Config{Listen: config.Listen{TCP: configured, TCPHosts: more}}}
		if got := d.hostsAt(at); !slices.Equal(got, want) {
			t.Errorf("at %s the hosts are %q, want %q", configured, got, want)
		}
	}
}

// TestNoNameOfASiteLeadsToTheMetrics: a page whose own name has come to mean
// this machine reads nothing here.
func TestNoNameOfASiteLeadsToTheMetrics(t *testing.T) {
	h := open(t, configured(t, home(t), helper), corp())
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	for host, want := range map[string]int{
		"": 200, "localhost": 200, "Localhost:9999": 200, "127.0.0.1:8742": 200, "[::1]:8742": 200, "[::1]": 200,
		"rebound.example:8742": 421, "rebound.example": 421, "localhost.example": 421, "127.0.0.1.example": 421, "localhost.": 421,
	} {
		for _, path := range []string{"/metrics", "/readyz", "/healthz"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+h.at(opsDoor)+path, nil)
			check(t, err)
			req.Host = host
			resp, err := transport.RoundTrip(req)
			check(t, err)
			check(t, resp.Body.Close())
			if resp.StatusCode != want {
				t.Errorf("%s as %q is answered %d, want %d", path, host, resp.StatusCode, want)
			}
		}
	}
}
