package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/authbridge/authbridge/config"
)

// credentials is how the bridge proves on ports who it is, and whose
// certificates callers may have. A reload replaces it while the ports stay
// open: whoever connects from then on sees the new one.
type credentials struct{ now atomic.Pointer[credential] }

// credential is what the files held when they were read.
type credential struct {
	own tls.Certificate
	cas []*x509.Certificate // nil = callers need no certificate
}

// newCredential makes one of what was read with the configuration; nil is
// none.
func newCredential(t *config.TLS) (*credential, error) {
	if t == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	own, err := tls.X509KeyPair(t.CertPEM, []byte(t.KeyPEM.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("read the certificate in %s and its key: %w", t.Cert, err)
	}
	c := &credential{own: own}
	if t.ClientCA == "" {
		return c, nil
	}
	if c.cas, err = config.Certificates(t.ClientCAPEM); err != nil {
		return nil, fmt.Errorf("read the certificates in %s: %w", t.ClientCA, err)
	}
	return c, nil
}

// server is the TLS of a door; callers says whether those who come need a
// certificate, if client_ca is configured.
//
// There is no HTTP/2 in it. The bounds of the doors count connections, and
// hold because each of them has one call at a time.
func (c *credentials) server(callers bool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.now.Load().server(callers), nil
		},
	}
}

func (c *credential) server(callers bool) *tls.Config {
	s := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{c.own}}
	if callers && c.cas != nil {
		s.ClientAuth = tls.RequireAndVerifyClientCert
		s.ClientCAs = x509.NewCertPool()
		for _, ca := range c.cas {
			s.ClientCAs.AddCert(ca)
		}
	}
	return s
}

// vouched reports whether the certificate with which a connection was opened
// would still do: it has not run out since, and its CA is still one of ours.
// Whoever need not have one is always vouched for.
func (c *credentials) vouched(s *tls.ConnectionState) bool {
	now := c.now.Load()
	switch {
	case now == nil || now.cas == nil:
		return true
	case s == nil || len(s.PeerCertificates) == 0 || time.Now().After(s.PeerCertificates[0].NotAfter):
		return false
	}
	return slices.ContainsFunc(s.VerifiedChains, func(chain []*x509.Certificate) bool {
		return slices.ContainsFunc(now.cas, chain[len(chain)-1].Equal)
	})
}
