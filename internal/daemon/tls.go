package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
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
	own  tls.Certificate
	leaf *x509.Certificate
	cas  []*x509.Certificate // nil = callers need no certificate
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
	c := &credential{own: own, leaf: own.Leaf}
	if t.ClientCA == "" {
		return c, nil
	}
	if c.cas, err = certificatesIn(t.ClientCAPEM); err != nil {
		return nil, fmt.Errorf("read the certificates in %s: %w", t.ClientCA, err)
	}
	return c, nil
}

// certificatesIn reads those in a text of PEM.
func certificatesIn(text []byte) (all []*x509.Certificate, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
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

// unfit says why those who connect will not believe a certificate, "" for
// nothing.
func (c *credential) unfit(at time.Time, hosts []string) string {
	switch {
	case c == nil:
		return ""
	case at.Before(c.leaf.NotBefore):
		return "it is not valid before " + c.leaf.NotBefore.UTC().Format(time.RFC3339)
	case at.After(c.leaf.NotAfter):
		return "it has expired on " + c.leaf.NotAfter.UTC().Format(time.RFC3339)
	}
	for _, host := range hosts {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			name = host
		}
		if c.leaf.VerifyHostname(name) != nil {
			return "it is not for " + name
		}
	}
	return ""
}
