package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/config"
)

// TestWhatAClientProvesItselfWith is read with the configuration, from files
// that nobody else can read.
func TestWhatAClientProvesItselfWith(t *testing.T) {
	cert, key := pair(t)
	file := func(rest string) string {
		return "providers: {corp: {issuer: https://login.example.com, client_id: authbridge, " + rest + "}}"
	}
	c, err := config.Parse("authbridge.yaml", []byte(file("token_endpoint_auth_method: private_key_jwt, client_key: 'file:"+key+"', client_key_id: '7'")), environment())
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Providers["corp"].Proof; p.Key != key || p.KeyID != "7" || p.KeyPEM.IsZero() {
		t.Errorf("the key is %s, %q", p.Key, p.KeyID)
	}
	shown, err := config.Parse("authbridge.yaml", []byte(file("token_endpoint_auth_method: tls_client_auth, client_certificate: {cert: 'file:"+cert+"', key: 'file:"+key+"'}")), environment())
	if err != nil {
		t.Fatal(err)
	}
	if p := shown.Providers["corp"].Proof; p.Cert != cert || p.CertKey != key || len(p.CertPEM) == 0 || p.CertKeyPEM.IsZero() {
		t.Errorf("the certificate is %s, its key %s", p.Cert, p.CertKey)
	}
	if c.Providers["corp"].Same(shown.Providers["corp"]) {
		t.Error("who proves itself otherwise is the same")
	}

	_, other := pair(t)
	open := filepath.Join(t.TempDir(), "open.pem")
	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(open, text, 0o644); err != nil {
		t.Fatal(err)
	}
	for want, rest := range map[string]string{
		"providers.corp.client_certificate.key: " + other + " does not go with": "token_endpoint_auth_method: tls_client_auth, client_certificate: {cert: 'file:" + cert + "', key: 'file:" + other + "'}",
		"providers.corp.client_certificate: has no key":                         "token_endpoint_auth_method: tls_client_auth, client_certificate: {cert: 'file:" + cert + "'}",
		"providers.corp.client_key: ":                                           "token_endpoint_auth_method: private_key_jwt, client_key: 'file:" + open + "'",
		"providers.corp.client_key: " + cert + " is no private key in PEM":      "token_endpoint_auth_method: private_key_jwt, client_key: 'file:" + cert + "'",
		"providers.corp.client_secret: given, but private_key_jwt does without": "token_endpoint_auth_method: private_key_jwt, client_secret: env:S, client_key: 'file:" + key + "'",
	} {
		if faults := faultsOf(t, file(rest), environment("S", "hush")); !strings.Contains(faults.Error(), want) {
			t.Errorf("%s\nis told as\n%s", want, faults)
		}
	}
}
