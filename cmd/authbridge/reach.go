package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/client"
)

// keyVariable is where the key of an agent stands.
const keyVariable = "AUTHBRIDGE_KEY"

// agent is the client of the agents' commands. The key is never a flag: what
// stands in a command line, every process of the machine can read.
func (a *app) agent() (*client.Client, error) {
	key := client.NewKey(a.env(keyVariable))
	switch {
	case a.socket != "" && a.url != "":
		return nil, usage("a socket (--socket, AUTHBRIDGE_SOCKET) and a URL (--url, AUTHBRIDGE_URL) are both given; name one bridge")
	case a.url != "" && key.IsZero():
		return nil, &failure{
			exit: exitUsage, err: errors.New("a bridge at a URL wants a key, and AUTHBRIDGE_KEY holds none"),
			hint: "the operator makes one with: authbridge agent add NAME",
		}
	}
	shown, err := a.tls()
	if err != nil {
		return nil, err
	}
	c := &client.Client{URL: a.url, Key: key, TLS: shown}
	if a.url == "" {
		c.Socket, c.Trust = a.find(a.socket, "agent.sock")
	}
	if err := c.Check(); err != nil {
		return nil, &failure{exit: exitUsage, err: err}
	}
	return c, nil
}

// operator is the client of the operator's commands.
func (a *app) operator() admin.Client {
	socket, trust := a.find(a.adminSocket, "admin.sock")
	return admin.Client{Socket: socket, Trust: trust}
}

// systemDir is where a bridge of the system has its sockets. Only root makes
// directories there.
const systemDir = "/run/authbridge"

// find is where a socket is: as it was given, else in the own runtime
// directory, else in the system's; the first that is there. When none is, it
// is the one where a bridge of one's own would be. trust says who may listen
// there besides root and ourselves (nil = nobody): whoever names a socket has
// said so, and in the system's directory root has.
func (a *app) find(given, name string) (socket string, trust func(uint32) bool) {
	if given != "" {
		return given, func(uint32) bool { return true }
	}
	var places []string
	if dir := a.env("XDG_RUNTIME_DIR"); dir != "" {
		places = append(places, filepath.Join(dir, "authbridge", name))
	}
	if dir := a.stateDir(); dir != "" {
		places = append(places, filepath.Join(dir, name))
	}
	places = append(places, filepath.Join(systemDir, name))
	for _, place := range places {
		if _, err := os.Stat(place); err != nil {
			continue
		}
		if filepath.Dir(place) == systemDir {
			return place, installedIn(systemDir)
		}
		return place, nil
	}
	return places[0], nil
}

// installedIn trusts a bridge whose directory root has made: for it, or for
// root itself and closed to others.
func installedIn(dir string) func(uint32) bool {
	return func(uid uint32) bool {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
			return false
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		return ok && (owner.Uid == 0 || owner.Uid == uid)
	}
}

// foundIn trusts root and ourselves, and who has the directory of a socket that
// a configuration names to themselves.
func foundIn(dir string) func(uint32) bool {
	installed := installedIn(dir)
	return func(uid uint32) bool { return uid == 0 || int64(uid) == int64(os.Geteuid()) || installed(uid) }
}

// stateDir is where a bridge without a runtime directory keeps its sockets.
func (a *app) stateDir() string {
	if dir := a.env("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "authbridge")
	}
	if home := a.env("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "authbridge")
	}
	return ""
}

// tls is what the variables say of CAs and of a certificate to show; nil when
// they say nothing.
func (a *app) tls() (*tls.Config, error) {
	ca, cert, key := a.env("AUTHBRIDGE_CA"), a.env("AUTHBRIDGE_CERT"), a.env("AUTHBRIDGE_CERT_KEY")
	switch {
	case ca == "" && cert == "" && key == "":
		return nil, nil //nolint:nilnil // nothing is said, and nothing is wrong
	case a.url == "":
		return nil, usage("AUTHBRIDGE_CA, AUTHBRIDGE_CERT and AUTHBRIDGE_CERT_KEY are for a bridge at a URL, and none is given")
	case (cert == "") != (key == ""):
		return nil, usage("AUTHBRIDGE_CERT and AUTHBRIDGE_CERT_KEY go together, and one of them is missing")
	}
	shown := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca) //nolint:gosec // the caller names a file of theirs
		if err != nil {
			return nil, usage("read AUTHBRIDGE_CA: %w", err)
		}
		shown.RootCAs = x509.NewCertPool()
		if !shown.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("AUTHBRIDGE_CA: %s holds no certificate in PEM form", ca)
		}
	}
	if cert == "" {
		return shown, nil
	}
	pair, err := certificate(cert, key)
	shown.Certificates = []tls.Certificate{pair}
	return shown, err
}

// certificate reads a certificate and its key, which is for our eyes only.
func certificate(cert, key string) (tls.Certificate, error) {
	if info, err := os.Stat(key); err == nil && info.Mode().Perm()&0o077 != 0 {
		return tls.Certificate{}, &failure{
			exit: exitUsage, err: fmt.Errorf("AUTHBRIDGE_CERT_KEY: others can read %s (mode %04o)", key, info.Mode().Perm()&fs.ModePerm),
			hint: "chmod 600 " + key,
		}
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, usage("read AUTHBRIDGE_CERT and AUTHBRIDGE_CERT_KEY: %w", err)
	}
	return pair, nil
}
