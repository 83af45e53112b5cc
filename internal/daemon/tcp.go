package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// openAgents opens the door for agents that come over TCP, with a key.
func (d *Daemon) openAgents(ctx context.Context, agents *httpapi.API) error {
	var secure *tls.Config
	if d.cfg.Listen.TLS != nil {
		secure = d.tls.server(true)
	}
	return d.openTCP(ctx, tcpDoor, d.cfg.Listen.TCP, secure, func(at net.Addr) http.Handler {
		return d.vouchedFor(agents.TCP(d.hostsAt(at)))
	})
}

// hostsAt are the Host values that agents may send at a port: its address as
// it is configured and as it came out, and what the configuration adds. An
// address that stands for all of them is no host.
func (d *Daemon) hostsAt(at net.Addr) []string {
	hosts := d.cfg.Listen.TCPHosts
	_, port, _ := net.SplitHostPort(at.String())
	configured, _, _ := net.SplitHostPort(d.cfg.Listen.TCP)
	addr, err := netip.ParseAddr(configured)
	if configured == "" || err == nil && addr.IsUnspecified() {
		return hosts
	}
	return append([]string{at.String(), strings.ToLower(net.JoinHostPort(configured, port))}, hosts...)
}

// vouchedFor lets in connections whose certificate would still do. They may
// have been opened before the configuration was read again.
func (d *Daemon) vouchedFor(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.tls.vouched(r.TLS) {
			w.Header().Set("Connection", "close")
			localhttp.Refuse(api.ProblemUnauthenticated, "the certificate that this connection was opened with is not accepted any more").
				WithHint("open another, with one of a CA in listen.tls.client_ca").Write(w)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// complaints is the log of a server. Anybody can fail to agree with us on TLS,
// as often as they like: that is no warning.
type complaints struct{ to *slog.Logger }

// Write takes one line.
func (c complaints) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.Contains(line, []byte("TLS handshake error")) {
		level = slog.LevelDebug
	}
	c.to.Log(context.Background(), level, string(bytes.TrimSpace(line)))
	return len(line), nil
}
