package config

import (
	"log/slog"
	"net/netip"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/profile"
)

// Config is a configuration that was read, completed with the defaults and
// found to agree with itself. All paths in it are absolute and clean.
type Config struct {
	File     string // as it was named to Load or Parse; "" = no file
	StateDir string // to be made with mode 0700
	Listen   Listen
	// PublicURL is the origin under which others reach Listen.Web, as browsers
	// write it: "https://authbridge.example.com"; "" = nobody does.
	PublicURL string
	Store     Store
	Seal      string // file of the sealing keyset; made when it is missing
	// SealHandedOver says that Seal lies in the directory that the service
	// manager made for this service's credentials ($CREDENTIALS_DIRECTORY).
	SealHandedOver bool
	Log            Log

	Network Network

	// SecretFiles are the files that secrets were read from, sorted.
	SecretFiles []string

	// Directory is what the domain needs: humans, agents, providers, limits.
	Directory bridge.Directory
	// Providers has the same names as Directory.Providers.
	Providers map[string]Provider

	Slack   *Slack   // nil = none
	Discord *Discord // nil = none

	lines map[string]int // where the keys stand
}

// Network says where outgoing calls may go, besides https at public addresses.
type Network struct {
	AllowHTTPLoopback bool           // http:// on loopback (tests, demo)
	AllowPrivate      []netip.Prefix // private ranges that outgoing calls may reach
}

// Listen says where the bridge is reached.
type Listen struct {
	Socket      string // agents; mode 0600, or 0660 with SocketGroup
	SocketGroup string // "" = none
	SocketGID   uint32 // the group's id; only with SocketGroup
	Admin       string // the operator's commands; mode 0600
	Web         string // host:port of the inbox, "" = off; beyond loopback only with TLS or TrustedProxy
	Ops         string // loopback host:port of health and metrics, "" = off

	TCP      string   // host:port of the agent API, "" = off; beyond loopback only with TLS
	TCPHosts []string // Host values that agents may send there besides TCP itself, in lower case
	TLS      *TLS     // for TCP and Web; nil = none

	TrustedProxy []netip.Prefix // who may say for whom they call at Web; nil = nobody
	SignIn       string         // the provider through which people sign in under PublicURL, "" = none
}

// TLS is how the bridge proves on ports who it is, and who may call. What the
// files hold was read with the configuration, and fits together.
type TLS struct {
	Cert, Key   string        // absolute paths
	ClientCA    string        // likewise; "" = callers need no certificate
	CertPEM     []byte        // the certificate, and those between it and its CA
	KeyPEM      bridge.Secret // its private key
	ClientCAPEM []byte        // those whose certificates callers at TCP must have; nil = none
}

// Store says where requests and grants are kept.
type Store struct {
	Kind string // StoreBolt
	Path string
}

// StoreBolt is the embedded store: one file.
const StoreBolt = "bolt"

// Log says how the daemon logs.
type Log struct {
	Level  slog.Level
	Format string // one of the Log formats
}

// The formats of the log. LogAuto is text on a terminal and JSON otherwise.
const (
	LogAuto = "auto"
	LogText = "text"
	LogJSON = "json"
)

// Provider is an authorization server and our client there.
type Provider struct {
	Name         string
	Issuer       string // https, or http on loopback if Network.AllowHTTPLoopback
	ClientID     string
	ClientSecret bridge.Secret // not empty with other methods than AuthNone
	AuthMethod   AuthMethod
	Scopes       []string // the bridge's own, added to every ask
	Proof        Proof    // with AuthKey and AuthTLS

	// Profile is what is known of the server beforehand, completed with what
	// the file says: nothing is left open in it.
	Profile profile.Profile
}

// AuthMethod is how our client proves itself at the token endpoint, in the
// words of RFC 7591, section 2.
type AuthMethod string

// The methods of this version.
const (
	AuthNone  AuthMethod = "none"
	AuthBasic AuthMethod = "client_secret_basic"
	AuthPost  AuthMethod = "client_secret_post"
	AuthKey   AuthMethod = "private_key_jwt"
	AuthTLS   AuthMethod = "tls_client_auth"
)

// Parse reads and checks the text of a configuration file. The name is for
// faults only. Its error is a *Faults that lists all that is wrong.
func Parse(name string, data []byte, env Env) (*Config, error) {
	top, fault := parseYAML(name, data)
	if fault != nil {
		return nil, fault
	}
	d := newDecoder(name, env)
	d.mapping("", top, d.file())
	d.resolve()
	d.check()
	if err := d.faults.err(); err != nil {
		return nil, err
	}
	return d.finish(), nil
}
