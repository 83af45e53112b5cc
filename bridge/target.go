package bridge

import (
	"cmp"
	"slices"
)

// Target is where a request asks for a token, and what for.
type Target struct {
	Provider string // the configured name; "" when only the issuer is known
	Issuer   string
	ClientID string
	Resource string // RFC 8707; "" = none
}

// lane is what the loops know the target by: all that goes to one issuer goes
// by one lane, whatever it is called here.
func (t Target) lane() string { return cmp.Or(t.Provider, t.Issuer) }

// named is what people, logs and metrics know the authorization server by.
func (t Target) named() string { return cmp.Or(t.Provider, issuerHost(t.Issuer)) }

// words names what was asked for as the agent did.
func (t Target) words() string { return cmp.Or(t.Resource, t.Provider) }

// ownScopes are the bridge's own at an issuer that nobody has configured: what
// tells whose account granted, and what keeps the grant alive.
func ownScopes() []string { return []string{"openid", "email", "offline_access"} }

// resource finds the operator's entry for a resource.
func (d *Directory) resource(url string) (Resource, bool) {
	for _, entry := range d.Resources {
		if ResourceFits(entry.Match, url) {
			return entry, true
		}
	}
	return Resource{}, false
}

// at finds the configured provider of an issuer; of several it is the first by
// name.
func (d *Directory) at(issuer string) (ProviderInfo, bool) {
	found := ProviderInfo{}
	for name, p := range d.Providers {
		if p.Issuer == issuer && (found.Name == "" || name < found.Name) {
			found = p
		}
	}
	return found, found.Name != ""
}

// info is what is known of the client that a target goes by, and whether it may
// still go by it: the provider is still the issuer and the client that it was,
// and the issuer is still listed for the resource.
func (d *Directory) info(t Target) (ProviderInfo, bool) {
	if t.Resource != "" {
		entry, known := d.resource(t.Resource)
		listed := known && slices.Contains(entry.Issuers, t.Issuer)
		if t.Provider == "" {
			return ProviderInfo{Issuer: t.Issuer, ClientID: t.ClientID, Scopes: ownScopes()}, listed
		}
		if !listed {
			return d.Providers[t.Provider], false
		}
	}
	p, ok := d.Providers[t.Provider]
	return p, ok && p.Issuer == t.Issuer && p.ClientID == t.ClientID
}

// about reports whether the rule speaks of a target.
func (r Rule) about(t Target) bool {
	if t.Resource != "" {
		return r.Resource != "" && ResourceFits(r.Resource, t.Resource)
	}
	return r.Provider == "*" || r.Provider != "" && r.Provider == t.Provider
}
