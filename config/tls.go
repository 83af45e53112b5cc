package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// tls declares the section. What the files hold is read at once: it is judged
// with the rest, and a reload reads it anew.
func (d *decoder) tls(l *Listen) setting {
	t := &TLS{}
	section := d.section(
		"tls", "How the bridge proves on ports who it is. The files are read again at SIGHUP, so that a renewed certificate needs no restart; other files do.",
		setting{
			key: "cert", read: d.certificates(&t.Cert, &t.CertPEM), example: "file:/etc/authbridge/cert.pem",
			means: "The certificate, and behind it those between it and its CA.",
		},
		setting{
			key: "key", read: d.privateKey(&t.Key, &t.KeyPEM), example: "file:/etc/authbridge/key.pem",
			means: "Its private key, without a password, in a file that nobody else can read.",
		},
		setting{
			key: "client_ca", read: d.certificates(&t.ClientCA, &t.ClientCAPEM), example: "file:/etc/authbridge/ca.pem",
			means:     "Whose certificates callers at `tcp` must have, besides a key.",
			otherwise: "callers need no certificate",
		},
	)
	take := section.read.take
	section.read.take = func(path string, v value) {
		l.TLS = t
		take(path, v)
	}
	return section
}

// fileNamed reads "file:/path" of what is not secret itself, or faults and
// returns "".
func (d *decoder) fileNamed(path string, v value) string {
	s, ok := d.scalarText(path, v)
	if !ok {
		return ""
	}
	file, found := strings.CutPrefix(s, "file:")
	if !found {
		d.fault(path, "does not name a file", "such as file:/etc/authbridge/"+path[strings.LastIndexByte(path, '.')+1:]+".pem")
		return ""
	}
	return d.absolute(path, file)
}

// certificates reads a file of one certificate or more, in PEM.
func (d *decoder) certificates(name *string, into *[]byte) reader {
	return reader{form: "`file:` and an absolute path, of PEM", take: func(path string, v value) {
		file := d.fileNamed(path, v)
		if file == "" {
			return
		}
		got, err := readBounded(file, maxBytes)
		if err != nil {
			d.fault(path, fmt.Sprintf("%s cannot be read: %v", file, cause(err)), "")
			return
		}
		if _, err := Certificates(got); err != nil || len(got) > maxBytes {
			d.fault(path, file+" is no certificate in PEM", "it begins with -----BEGIN CERTIFICATE-----")
			return
		}
		*name, *into = file, got
	}}
}

// Certificates reads all that are in a text of PEM, in their order; what else
// is in it is passed over. None, or one that cannot be read, is an error.
func Certificates(text []byte) (all []*x509.Certificate, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read a certificate: %w", err)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	return all, nil
}

// privateKey reads the file of a private key, which nobody else may read.
func (d *decoder) privateKey(name *string, into *bridge.Secret) reader {
	return reader{form: "`file:` and an absolute path, of PEM", take: func(path string, v value) {
		file := d.fileNamed(path, v)
		if file == "" {
			return
		}
		got, err := readPrivate(file, d.env.get("CREDENTIALS_DIRECTORY"))
		open, isOpen := errors.AsType[*openToOthers](err)
		switch {
		case isOpen:
			d.fault(path, open.Error(), open.hint())
		case err != nil:
			d.fault(path, fmt.Sprintf("%s cannot be read: %v", file, cause(err)), "")
		case !strings.Contains(got, "PRIVATE KEY-----"):
			d.fault(path, file+" is no private key in PEM", "it begins with -----BEGIN PRIVATE KEY-----")
		default:
			*name, *into = file, bridge.NewSecret(got)
		}
	}}
}

// checkTLS refuses what would prove nothing, and what nobody would see.
func (d *decoder) checkTLS() {
	const at = "listen.tls"
	l := d.config.Listen
	if l.TLS == nil || d.faulted(at) {
		return
	}
	for _, key := range []string{"cert", "key"} {
		if !d.given(at + "." + key) {
			d.fault(at, "has no "+key, key+": file:/etc/authbridge/"+key+".pem")
		}
	}
	if l.TCP == "" && l.Web == "" && !d.faulted("listen.tcp") && !d.faulted("listen.web") {
		d.fault(at, "but listen.tcp and listen.web are off, so nothing would use it", "tcp: "+tcpExample)
	}
	if l.TCP == "" && d.given(at+".client_ca") && !d.faulted("listen.tcp") {
		d.fault(at+".client_ca", "but listen.tcp is off, and nobody else is asked for a certificate", "tcp: "+tcpExample)
	}
	d.checkPair(at, l.TLS)
}

// checkPair refuses a key that is not that of the certificate.
func (d *decoder) checkPair(at string, t *TLS) {
	if t.Cert == "" || t.Key == "" {
		return
	}
	if _, err := tls.X509KeyPair(t.CertPEM, []byte(t.KeyPEM.Reveal())); err != nil {
		// The library's words are about the two files, and hold nothing of them.
		d.fault(at+".key", fmt.Sprintf("%s does not go with the certificate in %s", t.Key, t.Cert), "the key that the certificate was made for, without a password, and the certificate first in its file")
	}
}

// sameFiles reports whether two name the same files; what is in them may
// differ. Either may be nil.
func (t *TLS) sameFiles(other *TLS) bool {
	if t == nil || other == nil {
		return t == other
	}
	return t.Cert == other.Cert && t.Key == other.Key && t.ClientCA == other.ClientCA
}
