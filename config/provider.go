package config

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// provider is a provider as it is read.
type provider struct {
	Provider
	says       profiled
	scopeWords map[string]string
	trust      bridge.Trust
}

func (d *decoder) provider(name string) []setting {
	p := &provider{Provider: Provider{Name: name}, scopeWords: map[string]string{}, trust: bridge.TrustConfigured}
	d.providers[name] = p
	return slices.Concat(d.profileSettings(&p.says), d.proof(&p.Proof), []setting{
		{
			key: "issuer", read: d.issuer(&p.Issuer), example: "https://login.example.com",
			means: "The authorization server's own URL, letter by letter as its metadata has it (RFC 8414). It must be given where the profile does not make it of other keys.",
		},
		{
			key: "client_id", read: d.word(&p.ClientID), example: "authbridge",
			means: "The id that the provider gave to the bridge. It must be given.",
		},
		{
			key: "client_secret", read: d.secret(&p.ClientSecret, secretExample(name)), example: "env:CORP_SECRET",
			means: "The secret that the provider gave to the bridge. A public client has none.",
		},
		{
			key: "token_endpoint_auth_method", read: d.authMethod(&p.AuthMethod), example: "client_secret_basic",
			means:     "How the bridge proves there that it is itself (RFC 7591, section 2).",
			otherwise: "`none` without a `client_secret`, else as the profile has it, mostly `client_secret_basic`",
		},
		{
			key: "scopes", read: d.texts("scopes", &p.Scopes, d.checkScope), example: "[openid, email, offline_access]",
			means:     "The bridge's own scopes, added to every ask and not subject to `may`: `openid` and `email` tell whose account granted, and many providers give refresh tokens for `offline_access` only.",
			otherwise: "as the profile has it",
		},
		{
			key: "scope_words", read: d.mapped("scopes to words", func(scope string) reader { return d.scopeWord(p, scope) }), example: `{files.read: "read your files"}`,
			means: "What scopes mean, in the words that people are shown: an agent \"wants to\" do this.",
		},
		{
			key: "trust", read: d.trust(&p.trust), example: "first_use",
			means: "What is done about an account that nothing is known of: `configured` ends the request, `first_use` asks the human once whether it is theirs, " +
				"`none` takes any account where the provider tells none, and says so on the card.",
		},
	})
}

// secretExample is how the client secret of a provider may be given.
func secretExample(name string) string {
	if !bridge.IsName(name) {
		name = "client"
	}
	variable := strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToUpper(name)) + "_SECRET"
	if !variableName.MatchString(variable) {
		variable = "CLIENT_SECRET"
	}
	return "client_secret: env:" + variable
}

// issuer reads what checkIssuer judges when all is read.
func (d *decoder) issuer(into *string) reader {
	r := d.word(into)
	r.form = "an https URL without query and fragment"
	return r
}

func (d *decoder) authMethod(into *AuthMethod) reader {
	return d.choice((*string)(into), []string{string(AuthNone), string(AuthBasic), string(AuthPost), string(AuthKey), string(AuthTLS)})
}

// trust reads what is done about an account that nothing is known of.
func (d *decoder) trust(into *bridge.Trust) reader {
	words := []string{string(bridge.TrustConfigured), string(bridge.TrustFirstUse), string(bridge.TrustNone)}
	return d.choice((*string)(into), words)
}

// scopeWord reads what a scope means, for people.
func (d *decoder) scopeWord(p *provider, scope string) reader {
	return reader{take: func(path string, v value) {
		var words string
		if d.checkScope(path, scope) {
			d.phrase(&words, 200).take(path, v)
		}
		if words != "" {
			p.scopeWords[scope] = words
		}
	}}
}

// A scope is one or more of these characters (RFC 6749, section 3.3).
var scopeToken = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]+$`)

func (d *decoder) checkScope(path, s string) bool {
	ok := scopeToken.MatchString(s)
	if !ok {
		d.fault(path, "not a scope", "a scope has no spaces, quotes or backslashes; several are several items")
	}
	return ok
}

func (d *decoder) checkProviders() {
	clients := map[[2]string]string{}
	for _, name := range inOrder(d, "providers", d.providers) {
		p, at := d.providers[name], join("providers", name)
		if !d.given(at) {
			continue
		}
		d.checkProvider(at, p)
		if p.Issuer == "" || p.ClientID == "" {
			continue
		}
		client := [2]string{p.Issuer, p.ClientID}
		if first, taken := clients[client]; taken {
			d.fault(at, fmt.Sprintf("the same issuer and client_id as %s, so it would be open whose accounts and grants are whose", join("providers", first)),
				"keep one of the two, or register a second client")
			continue
		}
		clients[client] = name
	}
}

func (d *decoder) checkProvider(at string, p *provider) {
	if !d.given(at + ".client_id") {
		d.fault(at, "has no client_id", "client_id: the id that the provider gave to the bridge")
	}
	if p.Issuer != "" && !d.checkIssuer(at+".issuer", p.Issuer) {
		p.Issuer = ""
	} else if !d.fillProfile(at, p) {
		p.Issuer = ""
	}
	d.checkAuthMethod(at, p)
	d.checkProof(at, p)
}

// checkAuthMethod fills in the default: none without a secret, else basic.
func (d *decoder) checkAuthMethod(at string, p *provider) {
	method, secret := at+".token_endpoint_auth_method", d.given(at+".client_secret")
	switch {
	case p.AuthMethod == AuthNone && secret:
		d.fault(method, "none, but there is a client_secret", "remove one of the two")
	case p.AuthMethod == AuthKey, p.AuthMethod == AuthTLS:
	case p.AuthMethod != "" && p.AuthMethod != AuthNone && !secret:
		d.fault(method, string(p.AuthMethod)+" needs a client_secret", secretExample(p.Name))
	case p.AuthMethod == "" && secret:
		p.AuthMethod = cmp.Or(AuthMethod(p.Profile.Method), AuthBasic)
	case p.AuthMethod == "":
		p.AuthMethod = AuthNone
	}
}

// checkIssuer goes by RFC 8414, section 2: an https URL without query and
// fragment. It never repeats the URL, which may hold a password.
func (d *decoder) checkIssuer(path, issuer string) bool {
	u, err := url.Parse(issuer)
	what, hint := "", ""
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		what, hint = "not the URL of an issuer", "such as https://login.example.com"
	case u.User != nil:
		what, hint = "an issuer's URL has no user and no password", ""
	case strings.ContainsAny(issuer, "?#"):
		what, hint = "an issuer's URL has no query and no fragment", ""
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		what, hint = "http, but tokens travel over https only", ""
	case u.Scheme == "http" && !d.config.Network.AllowHTTPLoopback && d.faulted("network.allow_http_loopback"):
		return false // it is open whether it is allowed
	case u.Scheme == "http" && !d.config.Network.AllowHTTPLoopback:
		what, hint = "http on loopback is not allowed", "for tests: network: {allow_http_loopback: true}"
	default:
		return true
	}
	d.fault(path, what, hint)
	return false
}

// directoryProviders is what the domain knows of the providers.
func (d *decoder) directoryProviders() map[string]bridge.ProviderInfo {
	all := make(map[string]bridge.ProviderInfo, len(d.providers))
	for name, p := range d.providers {
		all[name] = bridge.ProviderInfo{
			Name:       name,
			Issuer:     p.Issuer,
			ClientID:   p.ClientID,
			Scopes:     slices.Clone(p.Scopes),
			ScopeWords: p.scopeWords,
			Trust:      p.trust,
			Widens:     p.Profile.Widens,
		}
	}
	return all
}
