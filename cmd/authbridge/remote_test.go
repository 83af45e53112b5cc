package main

import (
	"crypto/tls"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/internal/tlstest"
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
		ca := tlstest.New(sceneOf(ts).t)
		pair := ca.Issue("test", time.Hour)
		tlstest.Write(sceneOf(ts).t, ts.MkAbs("cert.pem"), ts.MkAbs("cert.key"), pair)
		ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), tlstest.PEM(ca.Own()), 0o600))
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert}
		srv.StartTLS()
	} else {
		srv.Start()
	}
	ts.Defer(srv.Close)
	ts.Setenv(args[0], srv.URL)
}
