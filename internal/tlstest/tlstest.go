// Package tlstest makes certificates for tests: an authority of the test's own,
// and what it signs, for 127.0.0.1 and for both ends of a connection.
package tlstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	t   testing.TB
	own tls.Certificate
}

// New makes an authority that is good for an hour. Nobody trusts it yet.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t}
	a.own = a.Sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "CA of the test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	})
	return a
}

// Own is its own certificate.
func (a *Authority) Own() tls.Certificate { return a.own }

// Pool trusts it, and nobody else.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.own.Leaf)
	return pool
}

// Issue signs a certificate for a name, good from two hours ago until left from
// now on.
func (a *Authority) Issue(name string, left time.Duration) tls.Certificate {
	a.t.Helper()
	return a.Sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(left),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

// Sign makes a certificate of what is said of it, with a key and a serial
// number of its own.
func (a *Authority) Sign(about *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.check(err)
	about.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	a.check(err)
	by, with := a.own.Leaf, a.own.PrivateKey
	if by == nil {
		by, with = about, key
	}
	made, err := x509.CreateCertificate(rand.Reader, about, by, key.Public(), with)
	a.check(err)
	leaf, err := x509.ParseCertificate(made)
	a.check(err)
	return tls.Certificate{Certificate: [][]byte{made}, PrivateKey: key, Leaf: leaf}
}

func (a *Authority) check(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// PEM is a certificate as it stands in a file.
func PEM(of tls.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: of.Certificate[0]})
}

// Write puts a certificate and its key into files that nobody else can read.
func Write(t testing.TB, cert, key string, of tls.Certificate) {
	t.Helper()
	hidden, err := x509.MarshalPKCS8PrivateKey(of.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string][]byte{cert: PEM(of), key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: hidden})} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
