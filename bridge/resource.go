package bridge

import "context"

// Resources finds out what stands behind the URL of a resource, and speaks
// with issuers at which the bridge has registered itself. Its methods are safe
// for concurrent use, honour ctx, and are never called while a transaction is
// open, but for Provider, which calls nobody.
type Resources interface {
	// Look calls the resource without a token and reads its protected
	// resource metadata (RFC 9728): what the resource itself answers, and what
	// it has at the well-known places, is all that is believed. The URL is
	// canonical ([CanonicalResource]); the entry is the operator's for it. A
	// *Refusal means that it says nothing that can be used; any other error,
	// that nothing is known now.
	Look(ctx context.Context, resource string, entry Resource) (Protected, error)

	// Client returns the id of our client at an issuer that is no configured
	// provider, and registers one where there is none yet: by a client ID
	// metadata document, else dynamically (RFC 7591). With an agent it is a
	// client of that agent's own; "" is for one that all share. details are
	// the types of the authorization details that it is to ask for. A *Refusal
	// says why there cannot be one, or that the issuer knows such a type not,
	// and what the operator can do.
	Client(ctx context.Context, issuer, agent string, details []string) (clientID string, err error)

	// Provider returns who speaks with an issuer as one of these clients;
	// false means that no such client is known any more.
	Provider(issuer, clientID string) (Provider, bool)
}

// Protected is what a resource says of itself. None of it is believed about
// anything but the resource, and no issuer in it is used that the operator has
// not listed for the resource.
type Protected struct {
	Resource  string   // what it calls itself: RFC 8707's resource, the same in all requests
	Issuers   []string // its authorization_servers, in its order; at least one
	Scopes    []string // those of its own challenge; nil = it named none
	Supported []string // its scopes_supported
	Name      string   // its resource_name, cleaned, for showing; "" = none
	Deviation string   // what was let pass that the specification does not, in words; "" = nothing
}

// Resource is what agents may name by URL: an entry of "resources". The first
// whose pattern matches decides.
type Resource struct {
	Match    string   // pattern, as [ResourceFits] reads it
	Issuers  []string // whose tokens it may be given; byte for byte
	Parent   bool     // its metadata may speak for a parent of the URL (resource_match: parent)
	PerAgent bool     // each agent has a client of its own at issuers that are no configured provider
}
