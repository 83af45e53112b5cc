package oauth

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/sync/singleflight"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/profile"
)

// The ways in which our client proves itself (RFC 8414, section 2,
// token_endpoint_auth_methods_supported).
const (
	AuthNone  = "none"
	AuthBasic = "client_secret_basic"
	AuthPost  = "client_secret_post"
)

// Config describes one authorization server and our client there.
type Config struct {
	// Profile is what is known of the server beforehand, with its places
	// filled in; its issuer is not looked at. The zero profile knows nothing.
	Profile profile.Profile

	// Issuer identifies the server, byte for byte as its metadata says it.
	Issuer string

	ClientID     string
	ClientSecret bridge.Secret // empty = a public client

	// AuthMethod is AuthNone, AuthBasic, AuthPost, AuthKey or AuthTLS; "" means
	// AuthNone without a secret, else what the profile says, else AuthBasic.
	AuthMethod string

	Certificate *tls.Certificate // with AuthTLS: our own, and its key

	// KeyOf returns our key, with AuthKey. It is called for each proof.
	KeyOf func(context.Context) (ClientKey, error)

	// KeyAudience is whom proofs by the key are for; "" = the issuer.
	KeyAudience string

	Network NetworkPolicy
}

// Provider is one authorization server and our client there. It is safe for
// concurrent use and implements [bridge.Provider].
type Provider struct {
	issuer  *url.URL
	name    string // the issuer, byte for byte
	id      string
	secret  bridge.Secret
	method  string
	keyOf   func(context.Context) (ClientKey, error)
	proveTo string // the audience of proofs by the key
	network NetworkPolicy
	profile profile.Profile

	client   *http.Client  // for libraries; our own calls go to the gate
	gate     gate          // of the client
	once     gate          // with a connection for each call, for what must not be sent twice
	patience time.Duration // how long one call may take

	lastEndpoint atomic.Pointer[endpoint]
	lastPending  atomic.Pointer[reply] // that meant nothing but authorization_pending

	flight singleflight.Group
	mu     sync.Mutex // guards what follows
	known  *metadata  // the last good document; kept when its time is over
	until  time.Time  // when known is to be looked for again
	keys   *oidc.RemoteKeySet
	keysAt string // the jwks_uri that keys come from
}

var _ bridge.Provider = (*Provider)(nil)

// New checks cfg, reporting all its faults at once, and calls nobody. The
// client is best the one that [NewHTTPClient] made for the whole process;
// nil makes one. Whatever the client, redirects are refused, answers capped
// and addresses vetted.
func New(cfg Config, client *http.Client) (*Provider, error) {
	if cfg.AuthMethod == "" {
		cfg.AuthMethod = cfg.defaultMethod()
	}
	issuer, err := cfg.check()
	if err != nil {
		return nil, fmt.Errorf("provider %q: %w", cfg.Issuer, err)
	}
	if client == nil {
		client = NewHTTPClient(cfg.Network)
	}
	hardened, way := harden(client, cfg.Network)
	if cfg.Certificate != nil {
		if way, err = way.showing(*cfg.Certificate); err != nil {
			return nil, fmt.Errorf("provider %q: %w", cfg.Issuer, err)
		}
	}
	return &Provider{
		issuer:   issuer,
		name:     cfg.Issuer,
		id:       cfg.ClientID,
		secret:   cfg.ClientSecret,
		method:   cfg.AuthMethod,
		keyOf:    cfg.KeyOf,
		proveTo:  cmp.Or(cfg.KeyAudience, cfg.Issuer),
		network:  cfg.Network,
		profile:  cfg.Profile,
		client:   hardened,
		gate:     way,
		once:     way.apart(),
		patience: hardened.Timeout,
	}, nil
}

func (c Config) defaultMethod() string {
	if c.ClientSecret.IsZero() {
		return AuthNone
	}
	return cmp.Or(c.Profile.Method, AuthBasic)
}

// check returns the parsed issuer. RFC 8414, section 2, forbids it a query
// and a fragment.
func (c Config) check() (*url.URL, error) {
	var faults []error
	issuer, err := c.Network.parse(c.Issuer)
	if err != nil {
		faults = append(faults, fmt.Errorf("issuer: %w", err))
	} else if strings.Contains(c.Issuer, "?") {
		faults = append(faults, errors.New("issuer: it must not have a query"))
	}
	if c.ClientID == "" {
		faults = append(faults, errors.New("client_id is missing"))
	}
	switch c.AuthMethod {
	case AuthNone:
		if !c.ClientSecret.IsZero() && c.Profile.Method != AuthNone {
			faults = append(faults, errors.New("a client secret is given, but the method is none"))
		}
	case AuthKey:
		if c.KeyOf == nil || !c.ClientSecret.IsZero() {
			faults = append(faults, fmt.Errorf("%s needs a key, and no client secret", AuthKey))
		}
	case AuthTLS:
		if c.Certificate == nil || !c.ClientSecret.IsZero() {
			faults = append(faults, fmt.Errorf("%s needs a certificate, and no client secret", AuthTLS))
		}
	case AuthBasic, AuthPost:
		if c.ClientSecret.IsZero() {
			faults = append(faults, fmt.Errorf("%s needs a client secret", c.AuthMethod))
		}
	default:
		faults = append(faults, fmt.Errorf("unknown method %q; use %s, %s, %s, %s or %s",
			c.AuthMethod, AuthNone, AuthBasic, AuthPost, AuthKey, AuthTLS))
	}
	return issuer, errors.Join(faults...)
}

// refuse builds a hard no.
func refuse(outcome bridge.OutcomeCode, format string, args ...any) *bridge.Refusal {
	return &bridge.Refusal{Outcome: outcome, Cause: fmt.Sprintf(format, args...)}
}
