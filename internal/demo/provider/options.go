package provider

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Defaults for the fields of [Options] that are left zero.
const (
	DefaultCodeLifetime        = 10 * time.Minute
	DefaultInterval            = 5 * time.Second
	DefaultAccessTokenLifetime = 5 * time.Minute
)

// AuthMethod says how a client authenticates at the device authorization,
// token and revocation endpoints. Any other way than the registered one is
// refused as invalid_client.
type AuthMethod string

// The values are those of the OAuth token endpoint authentication registry.
const (
	AuthNone  AuthMethod = AuthMethod(oidc.AuthMethodNone)
	AuthBasic AuthMethod = AuthMethod(oidc.AuthMethodBasic)
	AuthPost  AuthMethod = AuthMethod(oidc.AuthMethodPost)
)

// Options describes a provider. Only Issuer is required.
type Options struct {
	// Issuer is the provider's own URL: https, or http on a loopback host;
	// scheme, host and port only. The caller listens there.
	Issuer string
	// Clients are the only ones served. IDs are unique.
	Clients []Client
	// Accounts are the only ones that can sign in. Logins and subjects are unique.
	Accounts []Account
	// ScopeWords says on the consent page what a scope allows, in words that
	// complete "It will be able to". The scopes of OpenID Connect have theirs.
	ScopeWords map[string]string
	// CodeLifetime is how long a device code lives, in whole seconds.
	CodeLifetime time.Duration
	// Interval is the least time between two polls, in whole seconds.
	Interval time.Duration
	// AccessTokenLifetime is how long access tokens and ID tokens live, in
	// whole seconds, where their client has no say of its own.
	AccessTokenLifetime time.Duration
	// RefreshGrace is how long a spent refresh token is honoured again, and
	// then gives tokens that are new, too. Zero: whoever uses one twice ends
	// the grant.
	RefreshGrace time.Duration
	// UserCode is the form of user codes; the zero value is base 20, XXXX-XXXX.
	UserCode UserCodeFormat
	// Watch is told of each thing that happens, before it is answered. It is
	// called from many goroutines, some of which hold locks: it must not block,
	// nor call the provider. nil = nobody is told.
	Watch func(Entry)
}

// Client is an application that may ask for tokens.
type Client struct {
	ID string
	// Secret is empty for a public client, and only for one.
	Secret string
	// AuthMethod defaults to AuthNone without a secret, else to AuthBasic.
	AuthMethod AuthMethod
	// Name is shown on the consent page; the ID stands in for an empty one.
	Name string
	// Scopes are all it may ask for; anything else is invalid_scope.
	Scopes []string
	// RedirectURIs are where people who sign in for it are sent back to; none:
	// it signs nobody in.
	RedirectURIs []string
	// AccessTokenLifetime is how long its access tokens and ID tokens live,
	// in whole seconds; zero: as in [Options].
	AccessTokenLifetime time.Duration
}

// signsIn reports whether people can sign in for it.
func (c Client) signsIn() bool { return len(c.RedirectURIs) > 0 }

// Account is a person who can sign in, with any password.
type Account struct {
	Login         string
	Subject       string
	Email         string
	EmailVerified bool
	Name          string
	// About is what the sign-in page says of the account, in a few words.
	About string
}

// UserCodeFormat is the form of user codes: Length characters of Charset with
// a dash after each Group of them (0: none). Codes are compared without regard
// to case and dashes.
type UserCodeFormat struct {
	Charset string
	Length  int
	Group   int
}

// Base20 is the form that RFC 8628 section 6.1 suggests: no vowels, so no words.
func Base20() UserCodeFormat {
	return UserCodeFormat{Charset: "BCDFGHJKLMNPQRSTVWXZ", Length: 8, Group: 4}
}

// example is a code of this form, to show what one looks like.
func (f UserCodeFormat) example() string {
	var b strings.Builder
	for i := range f.Length {
		if f.Group > 0 && i > 0 && i%f.Group == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(f.Charset[i%len(f.Charset)])
	}
	return b.String()
}

func (o Options) withDefaults() Options {
	if o.CodeLifetime == 0 {
		o.CodeLifetime = DefaultCodeLifetime
	}
	if o.Interval == 0 {
		o.Interval = DefaultInterval
	}
	if o.AccessTokenLifetime == 0 {
		o.AccessTokenLifetime = DefaultAccessTokenLifetime
	}
	if o.UserCode == (UserCodeFormat{}) {
		o.UserCode = Base20()
	}
	o.Accounts = slices.Clone(o.Accounts)
	o.Clients = slices.Clone(o.Clients)
	for i := range o.Clients {
		o.Clients[i] = o.Clients[i].withDefaults(o.AccessTokenLifetime)
	}
	return o
}

func (c Client) withDefaults(lifetime time.Duration) Client {
	if c.AccessTokenLifetime == 0 {
		c.AccessTokenLifetime = lifetime
	}
	if c.AuthMethod == "" {
		c.AuthMethod = AuthBasic
		if c.Secret == "" {
			c.AuthMethod = AuthNone
		}
	}
	if c.Name == "" {
		c.Name = c.ID
	}
	c.Scopes, c.RedirectURIs = slices.Clone(c.Scopes), slices.Clone(c.RedirectURIs)
	return c
}

// validate reports every fault at once.
func (o Options) validate() error {
	faults := []error{
		validateIssuer(o.Issuer),
		validateSeconds("CodeLifetime", o.CodeLifetime),
		validateSeconds("Interval", o.Interval),
		validateSeconds("AccessTokenLifetime", o.AccessTokenLifetime),
		o.UserCode.validate(),
	}
	if o.RefreshGrace < 0 {
		faults = append(faults, fmt.Errorf("RefreshGrace %v: must not be negative", o.RefreshGrace))
	}
	clients := map[string]bool{}
	for _, c := range o.Clients {
		faults = append(faults, c.validate(), unique(clients, "client", c.ID))
	}
	logins, subjects := map[string]bool{}, map[string]bool{}
	for _, a := range o.Accounts {
		faults = append(faults, unique(logins, "login", a.Login), unique(subjects, "subject", a.Subject))
	}
	return errors.Join(faults...)
}

func validateIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || issuer != u.Scheme+"://"+u.Host {
		return fmt.Errorf("issuer %q: must be scheme, host and port, nothing more", issuer)
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("issuer %q: must be https, or http on a loopback host", issuer)
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func validateSeconds(field string, d time.Duration) error {
	if d < time.Second || d%time.Second != 0 {
		return fmt.Errorf("%s %v: must be whole seconds, at least one", field, d)
	}
	return nil
}

func (f UserCodeFormat) validate() error {
	if f.Length < 1 || f.Group < 0 || len(f.Charset) < 2 || normalCode(f.Charset) != f.Charset {
		return errors.New("user code: needs a length and a charset of capital letters and digits")
	}
	return nil
}

func (c Client) validate() error {
	switch c.AuthMethod {
	case AuthNone, AuthBasic, AuthPost:
	default:
		return fmt.Errorf("client %q: unknown authentication method %q", c.ID, c.AuthMethod)
	}
	if (c.AuthMethod == AuthNone) != (c.Secret == "") {
		return fmt.Errorf("client %q: a secret goes with %s or %s, and only with these", c.ID, AuthBasic, AuthPost)
	}
	return validateSeconds("AccessTokenLifetime of client "+c.ID, c.AccessTokenLifetime)
}

func unique(seen map[string]bool, what, name string) error {
	if name == "" || seen[name] {
		return fmt.Errorf("%s %q: must be set and unique", what, name)
	}
	seen[name] = true
	return nil
}
