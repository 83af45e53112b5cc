package doctor

import (
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/tlstest"
)

// TestCertificate: one that is over, not good yet or soon over, and one that is
// for other names than those by which people and agents call.
func TestCertificate(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for what, c := range map[string]struct {
		after, left time.Duration
		name        string
		proxies     []netip.Prefix
		want        []string
	}{
		"good":           {-48 * day, 30 * day, "bridge.internal", nil, nil},
		"soon over":      {-48 * day, 13 * day, "bridge.internal", nil, []string{"warn the certificate is good until"}},
		"over":           {-48 * day, -time.Hour, "bridge.internal", nil, []string{"fail the certificate has expired on"}},
		"too early":      {time.Hour, 30 * day, "bridge.internal", nil, []string{"fail the certificate is not valid before"}},
		"short and good": {-1 * day, 5 * day, "bridge.internal", nil, nil},
		"short and soon": {-5 * day, 1 * day, "bridge.internal", nil, []string{"warn the certificate is good until"}},
		"other name":     {-1 * day, 30 * day, "elsewhere.internal", nil, []string{"warn the certificate is not for bridge.internal", "warn the certificate is not for bridge.internal"}},
		"a proxy's name": {-1 * day, 30 * day, "elsewhere.internal", proxies, []string{"warn the certificate is not for bridge.internal"}},
	} {
		cfg := configured(t, "", "")
		cfg.PublicURL = "https://bridge.internal:8741"
		cfg.Listen.TCPHosts, cfg.Listen.TrustedProxy = []string{"bridge.internal"}, c.proxies
		cfg.Listen.TLS = &config.TLS{CertPEM: certificateFor(t, c.name, c.after, c.left)}
		found := Certificate(cfg, time.Now())
		said := about(found, "listen.tls")
		if !slices.EqualFunc(said, c.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", what, said, c.want)
		}
		fit(t, found)
	}
}

// certificateFor makes one that is good from after until left from now on.
func certificateFor(t *testing.T, name string, after, left time.Duration) []byte {
	t.Helper()
	return tlstest.PEM(tlstest.New(t).Sign(&x509.Certificate{
		DNSNames: []string{name}, NotBefore: time.Now().Add(after), NotAfter: time.Now().Add(left),
	}))
}
