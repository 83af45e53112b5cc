package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi"
)

// remote serves a desk over TCP, as a bridge with listen.tcp does.
func remote(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 2 || len(args) == 3 && args[2] == "tls", "remote VARIABLE KEY [tls]")
	d := sceneOf(ts).desk
	d.Rekey("helper", bridge.HashKey(bridge.NewSecret(args[1])))
	srv := httptest.NewUnstartedServer(nil)
	srv.Config.Handler = httpapi.New(httpapi.Options{Desk: d}).TCP([]string{srv.Listener.Addr().String()})
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	if len(args) == 3 {
		pair := selfSigned(sceneOf(ts).t)
		keep(ts, "cert.pem", "CERTIFICATE", pair.Certificate[0])
		keep(ts, "ca.pem", "CERTIFICATE", pair.Certificate[0])
		key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
		ts.Check(err)
		keep(ts, "cert.key", "PRIVATE KEY", key)
		cas := x509.NewCertPool()
		cas.AddCert(pair.Leaf)
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: cas, ClientAuth: tls.RequireAndVerifyClientCert}
		srv.StartTLS()
	} else {
		srv.Start()
	}
	ts.Defer(srv.Close)
	ts.Setenv(args[0], srv.URL)
}

func keep(ts *testscript.TestScript, name, kind string, der []byte) {
	ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// selfSigned is a certificate for 127.0.0.1 that is its own CA, and good for
// both ends.
func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
