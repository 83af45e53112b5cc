package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/tlstest"
)

// pair writes a certificate and its key into a directory of the test.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	tlstest.Write(t, cert, key, tlstest.New(t).Issue("bridge", time.Hour))
	return cert, key
}

func withTLS(listen, cert, key, more string) string {
	return "listen: {" + listen + "tls: {cert: file:" + cert + ", key: file:" + key + more + "}}"
}

func TestTCPBeyondLoopback(t *testing.T) {
	cert, key := pair(t)
	c := mustParse(t, withTLS("tcp: ':8740', tcp_hosts: ['bridge.internal:8740', '[fd00::1]:8740', bridge.internal], ", cert, key, ", client_ca: file:"+cert), environment())
	l := c.Listen
	if l.TCP != ":8740" || len(l.TCPHosts) != 3 || l.TLS.Cert != cert || l.TLS.Key != key || l.TLS.ClientCA != cert || len(l.TLS.ClientCAPEM) == 0 {
		t.Errorf("listen: %+v", l)
	}
	if secret, err := os.ReadFile(key); err != nil || l.TLS.KeyPEM.Reveal() != string(secret) {
		t.Errorf("the key is another, %v", err)
	}
	if _, err := config.Parse("x", []byte("listen: {tcp: 'localhost:0', tcp_hosts: [a]}"), environment()); err != nil {
		t.Errorf("loopback without TLS: %v", err)
	}
	if l := mustParse(t, "listen: {tcp: ''}", environment()).Listen; l.TCP != "" || l.TLS != nil {
		t.Errorf("off is %+v", l)
	}
}

func TestWhatIsSaidOfPortsIsJudged(t *testing.T) {
	const needs = "1: listen.tcp: can be reached from other machines, which needs listen.tls"
	cert, key := pair(t)
	other, otherKey := pair(t)
	readable := written(t, "-----BEGIN PRIVATE KEY-----", 0o644)
	plain := written(t, "hunter2", 0o600)
	broken := written(t, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o600)
	half := written(t, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600)
	const on = "tcp: '127.0.0.1:1', "
	checkWrong(t, []wrong{
		{"all interfaces", "listen: {tcp: ':8740'}", needs},
		{"all of IPv6", "listen: {tcp: '[::]:8740'}", needs},
		{"a name", "listen: {tcp: 'bridge.internal:8740'}", needs},
		{"an address of the network", "listen: {tcp: '10.0.0.1:8740'}", needs},
		{"no port", "listen: {tcp: '127.0.0.1'}", "1: listen.tcp: not an address"},
		{"named port", "listen: {tcp: '127.0.0.1:http'}", "1: listen.tcp: not an address"},
		{"a URL", "listen: {tcp: 'https://bridge.internal:1'}", "1: listen.tcp: not an address"},
		{"the inbox's place", "listen: {tcp: '127.0.0.1:8741'}", "1: listen.tcp: the same as listen.web"},
		{"hosts of nothing", "listen: {tcp_hosts: [bridge.internal]}", "1: listen.tcp_hosts: but listen.tcp is off, so nobody calls there"},
		{"any host", "listen: {" + on + "tcp_hosts: ['*']}", "1: listen.tcp_hosts[0]: not a host as it stands in a call"},
		{"any host of a domain", "listen: {" + on + "tcp_hosts: ['*.internal']}", "1: listen.tcp_hosts[0]: not a host as it stands in a call"},
		{"a host with a scheme", "listen: {" + on + "tcp_hosts: ['https://a']}", "1: listen.tcp_hosts[0]: not a host as it stands in a call"},
		{"a host with a path", "listen: {" + on + "tcp_hosts: ['a/b']}", "1: listen.tcp_hosts[0]: not a host as it stands in a call"},
		{"a host in capitals", "listen: {" + on + "tcp_hosts: ['A.internal:1']}", "1: listen.tcp_hosts[0]: has capital letters"},
		{"every address by no name", withTLS("tcp: ':8740', ", cert, key, ""), "1: listen.tcp: every address of this machine, and listen.tcp_hosts does not say what agents call it"},
		{"TLS for nothing", withTLS("web: '', ", cert, key, ""), "1: listen.tls: but listen.tcp and listen.web are off, so nothing would use it"},
		{"callers' certificates for nothing", withTLS("", cert, key, ", client_ca: file:"+cert), "1: listen.tls.client_ca: but listen.tcp is off, and nobody else is asked for a certificate"},
		{"no key", "listen: {" + on + "tls: {cert: file:" + cert + "}}", "1: listen.tls: has no key"},
		{"no certificate", "listen: {" + on + "tls: {key: file:" + key + "}}", "1: listen.tls: has no cert"},
		{"no file", "listen: {" + on + "tls: {cert: '" + cert + "', key: file:" + key + "}}", "1: listen.tls.cert: does not name a file"},
		{"a literal key", "listen: {" + on + "tls: {cert: file:" + cert + ", key: hunter2}}", "1: listen.tls.key: does not name a file"},
		{"a relative file", withTLS(on, cert, "key.pem", ""), "1: listen.tls.key: not an absolute path"},
		{"a certificate that is not there", withTLS(on, "/nowhere/c.pem", key, ""), "1: listen.tls.cert: /nowhere/c.pem cannot be read: no such file or directory"},
		{"a key that is not there", withTLS(on, cert, "/nowhere/k.pem", ""), "1: listen.tls.key: /nowhere/k.pem cannot be read: no such file or directory"},
		{"a key that others can read", withTLS(on, cert, readable, ""), "1: listen.tls.key: " + readable + " can be read by other users"},
		{"a key that is none", withTLS(on, cert, plain, ""), "1: listen.tls.key: " + plain + " is no private key in PEM"},
		{"a key that cannot be parsed", withTLS(on, cert, half, ""), "1: listen.tls.key: " + half + " does not go with the certificate in " + cert},
		{"a certificate that is none", withTLS(on, plain, key, ""), "1: listen.tls.cert: " + plain + " is no certificate in PEM"},
		{"a certificate that cannot be parsed", withTLS(on, broken, key, ""), "1: listen.tls.cert: " + broken + " is no certificate in PEM"},
		{"the key for a certificate", withTLS(on, key, key, ""), "1: listen.tls.cert: " + key + " is no certificate in PEM"},
		{"another's key", withTLS(on, cert, otherKey, ""), "1: listen.tls.key: " + otherKey + " does not go with the certificate in " + cert},
		{"a CA that is none", withTLS(on, other, otherKey, ", client_ca: file:"+plain), "1: listen.tls.client_ca: " + plain + " is no certificate in PEM"},
		{"TLS that is true", "listen: {" + on + "tls: true}", "1: listen.tls: true or false where a mapping of keys to values belongs"},
	})
}

func TestKeysOfAgentsAreJudged(t *testing.T) {
	const hash = "abh1$uYKvdtAHkcTPyHxLWUDkKfUMZP7LQBbgQaRTWHUi3EI"
	checkWrong(t, []wrong{
		{"the key itself", "agents: {ci: {key_hash: abk_HUNTER2HUNTER2HUNTER2HUNTER}}", "1: agents.ci.key_hash: a literal key; only its hash belongs here"},
		{"another hash", "agents: {ci: {key_hash: 'sha256:00'}}", "1: agents.ci.key_hash: not the hash of a key"},
		{"half a hash", "agents: {ci: {key_hash: '" + hash[:40] + "'}}", "1: agents.ci.key_hash: not the hash of a key"},
		{"nothing", "agents: {ci: {key_hash: ''}}", "1: agents.ci.key_hash: is empty"},
		{"a number", "agents: {ci: {key_hash: 7}}", "1: agents.ci.key_hash: a number where text belongs"},
		{"one key for two", "agents:\n  b: {key_hash: " + hash + "}\n  a: {uid: 7, key_hash: " + hash + "}", "3: agents.a.key_hash: the same as agents.b's, so it would be open who is asking"},
		{"neither", "agents: {ci: {where: here}}", "1: agents.ci: has no uid and no key_hash, so nobody could be this agent"},
	})
	a := mustParse(t, "agents: {ci: {key_hash: '"+hash+"'}}", environment()).Directory.Agents["ci"]
	if a.KeyHash.String() != hash || a.UID != nil {
		t.Errorf("the agent is %+v", a)
	}
	said := faultsOf(t, "agents: {ci: {key_hash: abk_HUNTER2HUNTER2HUNTER2HUNTER}}", environment()).Error()
	if strings.Contains(said, "HUNTER2") || !strings.Contains(said, "authbridge agent add ci") {
		t.Errorf("a key is repeated, or nothing is said to be done: %s", said)
	}
}

// TestCertificatesThatAreRenewedNeedNoRestart: another file does.
func TestCertificatesThatAreRenewedNeedNoRestart(t *testing.T) {
	cert, key := pair(t)
	text := withTLS("tcp: '127.0.0.1:1', ", cert, key, "")
	running := mustParse(t, text, environment())
	newCert, newKey := pair(t)
	for from, to := range map[string]string{newCert: cert, newKey: key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	next := mustParse(t, text, environment())
	if err := config.CheckReload(running, next); err != nil || string(next.Listen.TLS.CertPEM) == string(running.Listen.TLS.CertPEM) {
		t.Errorf("renewed files: %v", err)
	}
	third, thirdKey := pair(t)
	for what, other := range map[string]string{
		"other files": withTLS("tcp: '127.0.0.1:1', ", third, thirdKey, ""),
		"a client CA": withTLS("tcp: '127.0.0.1:1', ", cert, key, ", client_ca: file:"+cert),
		"no TLS":      "listen: {tcp: '127.0.0.1:1'}",
	} {
		err := config.CheckReload(running, mustParse(t, other, environment()))
		if err == nil || !strings.Contains(err.Error(), "listen.tls: differs") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
