package doctor

import (
	"net"
	"slices"
	"strings"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/config"
)

// soon is how long before its end somebody should see to a certificate. One
// that does not live long has until the last third of its life.
const soon = 14 * 24 * time.Hour

// Certificate looks, as of a moment, whether those who call will believe the
// bridge's own certificate, and for how long. A good one is no finding.
func Certificate(cfg *config.Config, at time.Time) []admin.Finding {
	const about, renew = "listen.tls", "put a new one in its place; the bridge takes it at SIGHUP"
	if cfg.Listen.TLS == nil {
		return nil
	}
	chain, err := config.Certificates(cfg.Listen.TLS.CertPEM)
	if err != nil {
		return nil // the configuration has refused such a file
	}
	own := chain[0]
	var found []admin.Finding
	switch left := own.NotAfter.Sub(at); {
	case at.Before(own.NotBefore):
		found = append(found, Fail(about, "look at this machine's clock, or use another until then", "the certificate is not valid before %s", utc(own.NotBefore)))
	case left <= 0:
		found = append(found, Fail(about, renew, "the certificate has expired on %s", utc(own.NotAfter)))
	case left < min(soon, own.NotAfter.Sub(own.NotBefore)/3):
		found = append(found, Warn(about, renew, "the certificate is good until %s and no longer", utc(own.NotAfter)))
	}
	for _, host := range calledBy(cfg) {
		if own.VerifyHostname(host) != nil {
			found = append(found, Warn(about, "have one made for all names in listen.tcp_hosts and public_url", "the certificate is not for %s", host))
		}
	}
	return found
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// calledBy are the hosts for which the certificate has to be. The public one is
// the proxies' matter, where there are any.
func calledBy(cfg *config.Config) (names []string) {
	hosts := slices.Clone(cfg.Listen.TCPHosts)
	if _, public, is := strings.Cut(cfg.PublicURL, "://"); is && len(cfg.Listen.TrustedProxy) == 0 {
		hosts = append(hosts, public)
	}
	for _, host := range hosts {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			name = host
		}
		names = append(names, name)
	}
	return names
}
