package config

import (
	"crypto/tls"
	"fmt"

	"github.com/authbridge/authbridge/bridge"
)

// Proof is what our client proves itself with at a provider, besides a secret.
// Files are absolute paths, "" = none.
type Proof struct {
	Key    string        // private_key_jwt: the file of the client's private key
	KeyPEM bridge.Secret // what is in it
	KeyID  string        // what the provider knows it by; "" = its thumbprint (RFC 7638)

	Cert, CertKey string        // tls_client_auth: the client's certificate, and its private key
	CertPEM       []byte        // and those between it and its CA
	CertKeyPEM    bridge.Secret // the private key
}

// same reports whether two prove the same; the files may differ.
func (p Proof) same(other Proof) bool {
	return p.KeyPEM.Equal(other.KeyPEM) && p.KeyID == other.KeyID &&
		string(p.CertPEM) == string(other.CertPEM) && p.CertKeyPEM.Equal(other.CertKeyPEM)
}

// proof declares what a client proves itself with.
func (d *decoder) proof(p *Proof) []setting {
	return []setting{
		{
			key: "client_key", read: d.privateKey(&p.Key, &p.KeyPEM), example: "file:/etc/authbridge/corp.pem",
			means:   "The private key of a client that proves itself by `private_key_jwt`: EC, Ed25519, or RSA of 2048 bits and more, without a password, in a file that nobody else can read. Its public half is registered at the provider.",
			instead: "client_secret",
		},
		{
			key: "client_key_id", read: d.word(&p.KeyID), example: "2026-11",
			means:     "What the provider knows that key by (`kid`).",
			otherwise: "its thumbprint (RFC 7638)", instead: "client_secret",
		},
		d.clientCertificate(p),
	}
}

func (d *decoder) clientCertificate(p *Proof) setting {
	section := d.section(
		"client_certificate", "What a client proves itself with by `tls_client_auth` (RFC 8705).",
		setting{
			key: "cert", read: d.certificates(&p.Cert, &p.CertPEM), example: "file:/etc/authbridge/client.pem",
			means: "The certificate, and behind it those between it and its CA.",
		},
		setting{
			key: "key", read: d.privateKey(&p.CertKey, &p.CertKeyPEM), example: "file:/etc/authbridge/client.key",
			means: "Its private key, without a password, in a file that nobody else can read.",
		},
	)
	section.instead = "client_secret"
	section.example = "{cert: file:/etc/authbridge/client.pem, key: file:/etc/authbridge/client.key}"
	return section
}

// checkProof refuses a method without what it needs, and what no method needs.
func (d *decoder) checkProof(at string, p *provider) {
	key, cert, secret := at+".client_key", at+".client_certificate", at+".client_secret"
	switch p.AuthMethod {
	case AuthKey:
		d.needs(key, "private_key_jwt", "client_key: file:/etc/authbridge/"+p.Name+".pem", secret)
	case AuthTLS:
		d.needs(cert, "tls_client_auth", "client_certificate: {cert: file:/etc/authbridge/client.pem, key: file:/etc/authbridge/client.key}", secret)
		d.checkCertificate(cert, p.Proof)
	case AuthNone, AuthBasic, AuthPost:
	}
	for _, spare := range []struct {
		path   string
		method AuthMethod
	}{{key, AuthKey}, {at + ".client_key_id", AuthKey}, {cert, AuthTLS}} {
		if d.given(spare.path) && p.AuthMethod != spare.method && !d.faulted(at+".token_endpoint_auth_method") {
			d.fault(spare.path, "nothing uses it", "token_endpoint_auth_method: "+string(spare.method))
		}
	}
}

// needs refuses a method without its key, or with a secret besides.
func (d *decoder) needs(path, method, example, secret string) {
	if !d.given(path) {
		d.fault(path, method+" needs it", example)
	}
	if d.given(secret) {
		d.fault(secret, "given, but "+method+" does without", "remove it")
	}
}

func (d *decoder) checkCertificate(at string, p Proof) {
	for _, key := range []string{"cert", "key"} {
		if d.given(at) && !d.given(at+"."+key) {
			d.fault(at, "has no "+key, key+": file:/etc/authbridge/client.pem")
		}
	}
	if p.Cert == "" || p.CertKey == "" {
		return
	}
	if _, err := tls.X509KeyPair(p.CertPEM, []byte(p.CertKeyPEM.Reveal())); err != nil {
		// The library's words are about the two files, and hold nothing of them.
		d.fault(at+".key", fmt.Sprintf("%s does not go with the certificate in %s", p.CertKey, p.Cert), "the key that the certificate was made for, without a password, and the certificate first in its file")
	}
}
