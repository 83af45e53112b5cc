package provider

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// What is served, beside the pages.
const (
	pathOAuthMetadata       = "/.well-known/oauth-authorization-server"
	pathDeviceAuthorization = "/device_authorization"
	pathToken               = "/token"
	pathUserinfo            = "/userinfo"
	pathRevocation          = "/revoke"
	pathKeys                = "/keys"
)

// maxBody bounds every request body.
const maxBody = 64 << 10

// Provider is an OpenID provider, an [http.Handler] for its issuer's host.
// It is safe for concurrent use and has nothing to close.
type Provider struct {
	issuer  string
	server  *server
	handler http.Handler
}

// New makes a provider with a fresh signing key. The error names every fault
// in the options. Package op logs requests that it refuses to the default
// logger of log/slog, at levels info and warn, without tokens.
func New(options Options) (*Provider, error) {
	o := options.withDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("provider options: %w", err)
	}
	store, err := newStorage(o)
	if err != nil {
		return nil, err
	}
	engine, err := op.NewProvider(engineConfig(o), store, op.StaticIssuer(o.Issuer), op.WithAllowInsecure())
	if err != nil {
		return nil, fmt.Errorf("set up the provider: %w", err)
	}
	pages, err := newBrowser(o, store)
	if err != nil {
		return nil, err
	}
	s := &server{op.NewLegacyServer(engine, store.endpoints()), store, o.Watch}
	return &Provider{o.Issuer, s, http.MaxBytesHandler(routes(s, pages), maxBody)}, nil
}

func engineConfig(o Options) *op.Config {
	config := &op.Config{
		AuthMethodPost:        true,
		CodeMethodS256:        slices.ContainsFunc(o.Clients, Client.signsIn),
		GrantTypeRefreshToken: true,
		SupportedClaims:       []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "email", "email_verified", "name", "preferred_username"},
		SupportedScopes:       allScopes(o.Clients),
		DeviceAuthorization: op.DeviceAuthorizationConfig{
			Lifetime:     o.CodeLifetime,
			PollInterval: o.Interval,
			UserFormPath: pathDevice,
			UserCode: op.UserCodeConfig{
				CharSet:      o.UserCode.Charset,
				CharAmount:   o.UserCode.Length,
				DashInterval: o.UserCode.Group,
			},
		},
	}
	rand.Read(config.CryptoKey[:])
	return config
}

func allScopes(clients []Client) []string {
	scopes := []string{oidc.ScopeOpenID}
	for _, c := range clients {
		scopes = append(scopes, c.Scopes...)
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// routes lets through to op what this provider offers, and nothing else.
func routes(s *server, pages http.Handler) http.Handler {
	issuer := op.NewIssuerInterceptor(s.Provider().IssuerFromRequest)
	engine := op.RegisterServer(s, s.Endpoints(),
		op.WithHTTPMiddleware(issuer.Handler), op.WithServerCORSOptions(nil))
	form := challenged(`Basic realm="device grant"`, strictForm(engine))
	bearer := challenged(`Bearer error="invalid_token"`, strictForm(engine))

	mux := http.NewServeMux()
	mux.Handle("GET "+oidc.DiscoveryEndpoint, engine)
	mux.Handle("GET "+pathOAuthMetadata, at(oidc.DiscoveryEndpoint, engine))
	mux.Handle("GET "+pathKeys, engine)
	if s.storage.signsIn() {
		mux.Handle("GET "+pathAuthorization, engine)
		mux.Handle("GET "+pathGoOn, issuer.HandlerFunc(op.AuthorizeCallbackHandler(s.Provider())))
	}
	mux.Handle("GET "+pathUserinfo, bearer)
	mux.Handle("POST "+pathUserinfo, bearer)
	mux.Handle("POST "+pathDeviceAuthorization, form)
	mux.Handle("POST "+pathToken, form)
	mux.Handle("POST "+pathRevocation, form)
	mux.Handle(pathDevice, pages)
	mux.Handle(pathDevice+"/", pages)
	return mux
}

// at serves every request as if it had asked for path.
func at(path string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawPath = path, ""
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP implements [http.Handler].
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// Issuer returns the issuer URL as it was given.
func (p *Provider) Issuer() string { return p.issuer }
