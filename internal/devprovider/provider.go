package devprovider

import (
	"net/http"

	"github.com/authbridge/authbridge/internal/demo/provider"
)

// Options describes a provider, as the demo's does.
type Options = provider.Options

// Client is an application that may ask for tokens.
type Client = provider.Client

// Account is a person who can sign in, with any password.
type Account = provider.Account

// UserCodeFormat is the form of user codes.
type UserCodeFormat = provider.UserCodeFormat

// AuthMethod says how a client authenticates.
type AuthMethod = provider.AuthMethod

// Grant is what one person gave one client, and what became of it.
type Grant = provider.Grant

// How a client authenticates.
const (
	AuthNone  = provider.AuthNone
	AuthBasic = provider.AuthBasic
	AuthPost  = provider.AuthPost
)

// Base20 is the form of user codes that RFC 8628 section 6.1 suggests.
func Base20() UserCodeFormat { return provider.Base20() }

// maxBody bounds what is read of a request here; the provider behind it reads
// no more either.
const maxBody = 64 << 10

// Provider is an OpenID provider, an [http.Handler] for its issuer's host.
// It is safe for concurrent use and has nothing to close.
type Provider struct {
	real    *provider.Provider
	journal *journal
	faults  *faults
	handler http.Handler
}

// New makes a provider with a fresh signing key. The error names every fault
// in the options, whose Watch is for the journal. Package op logs requests
// that it refuses to the default logger of log/slog, at levels info and warn,
// without tokens.
func New(options Options) (*Provider, error) {
	p := &Provider{journal: &journal{}}
	p.faults = &faults{journal: p.journal}
	options.Watch = p.journal.add
	var err error
	if p.real, err = provider.New(options); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", p.real)
	mux.Handle("POST /token", http.MaxBytesHandler(p.faults.before(p.real), maxBody))
	p.handler = mux
	return p, nil
}

// ServeHTTP implements [http.Handler].
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// Issuer returns the issuer URL as it was given.
func (p *Provider) Issuer() string { return p.real.Issuer() }

// Journal returns a copy of all entries so far, oldest first. None of the
// methods below leaves one.
func (p *Provider) Journal() []Entry { return p.journal.all() }

// Live tells whether this access token would be accepted now: made here, not
// revoked, not past its time.
func (p *Provider) Live(token string) bool { return provider.Live(p.real, token) }

// Grants returns all grants so far, oldest first.
func (p *Provider) Grants() []Grant { return provider.Grants(p.real) }

// GrantOf returns the grant that an access token or a refresh token came of,
// whether it is good any more or not. A refresh token that was forgotten, and
// an access token that is past its time, came of none.
func (p *Provider) GrantOf(token string) (Grant, bool) { return provider.GrantOf(p.real, token) }

// Honours tells whether a refresh with this refresh token would be answered
// with tokens now.
func (p *Provider) Honours(refreshToken string) bool { return provider.Honours(p.real, refreshToken) }

// ForgetRefreshTokens has the provider know none of the refresh tokens that
// it has given out. Access tokens live on; so does what is given out later.
func (p *Provider) ForgetRefreshTokens() { provider.ForgetRefreshTokens(p.real) }
