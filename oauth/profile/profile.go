package profile

import "maps"

// Profile is what is known of one kind of authorization server. The zero
// profile knows nothing: all is as the standards and the server's metadata say.
//
// Addresses, parameters, hosts and Widens may have places in them, such as
// "{tenant}", that stand for keys of the configuration ([Key]);
// [Profile.With] fills them in. What oauth is given has none left.
type Profile struct {
	Name  string // as the configuration calls it: lower case, digits, "_"
	Title string // as people call it

	// Issuer is what the server calls itself; for one without metadata of use,
	// what we call it. "" = the configuration says it.
	Issuer string

	// Endpoints win over what the metadata says. With Fixed they are all there
	// is, and no metadata is looked for.
	Endpoints Endpoints
	Fixed     bool

	// Method is how a client with a secret proves itself unless the
	// configuration says otherwise (RFC 7591, section 2); "" =
	// client_secret_basic. With "none" the secret is for taking tokens back
	// alone. Secret says whether a client has one.
	Method string
	Secret Secrecy

	Scopes     []string          // the bridge's own, unless the configuration says otherwise
	ScopeWords map[string]string // what scopes mean, as an end of "the agent wants to"
	NeedsScope bool              // a device authorization request without scopes is refused there

	// OmitResource keeps RFC 8707's resource out of all requests.
	OmitResource bool

	// PKCE has a device authorization request carry a challenge, and each poll
	// its verifier (RFC 7636): RFC 8628 knows no such thing, and some servers
	// demand it.
	PKCE bool

	// Parameters are further members of a device authorization request, and of
	// no other. None is of [Reserved].
	Parameters map[string]string

	Dialect    Dialect
	Refresh    Refresh
	Revocation Revocation
	Account    Account

	// Hosts are hosts besides those of the issuer's domain on which
	// verification addresses may lie.
	Hosts []string

	// PlainLink means that the address with the code in it is not to be opened.
	PlainLink bool

	// Widens is not empty where tokens may do more than was asked for,
	// whatever the scopes say: an end of "the agent wants to", such as
	// "everything app {app_name} may do". What is granted is then not measured.
	Widens string

	// Blocks are the words by which the server says that the grant is there but
	// forbidden, each with what the operator can do. They are looked for in
	// error_description.
	Blocks []Block

	Proof   Proof
	Sources []string // of what Proof says, such as the title of a page
	Caveats []string // what an operator should know, a sentence each
}

// Endpoints are addresses of an authorization server; "" = as the metadata
// says.
type Endpoints struct {
	Device     string
	Token      string
	Revocation string // RFC 7009
	Userinfo   string
	Keys       string // jwks_uri
}

// Secrecy says whether our client has a secret.
type Secrecy int

// The kinds of secrecy.
const (
	SecretOptional Secrecy = iota
	SecretNeeded
	SecretNone // the client is a public one
)

// Dialect is how a server's requests and answers differ from RFC 8628 and RFC
// 6749. Differences that the general reading copes with are none.
type Dialect struct {
	JSON  bool              // requests are JSON objects and no forms
	Grant string            // grant_type of a poll; "" = that of RFC 8628, section 3.4
	Sent  map[string]string // what members of requests are called: ours to theirs
	Read  map[string]string // what members of answers are called: theirs to ours

	// ResponseType is sent with requests for a code, where those go to the token
	// endpoint; "" = none.
	ResponseType string

	// Scopes are what scopes are called in answers: theirs to ours.
	Scopes map[string]string
}

// Refresh says what becomes of a refresh token that is used.
type Refresh string

// The kinds of refresh.
const (
	RefreshUnknown Refresh = ""        // some rotate, some do not
	RefreshNone    Refresh = "none"    // there are no refresh tokens
	RefreshKept    Refresh = "kept"    // it stays as it is
	RefreshRotates Refresh = "rotates" // each use gives a new one and ends the old
)

// Revocation says how tokens are taken back.
type Revocation struct {
	Reach Reach

	// Delete is the address at which a server without RFC 7009 takes tokens
	// back: an HTTP DELETE with {"access_token": …}, as our client by HTTP
	// Basic (GitHub). "{client_id}" stands in it for our client's id. It needs
	// the client's secret.
	Delete string
}

// Reach is how much ends when a token is revoked.
type Reach string

// The reaches. The zero value counts as ReachGrant, as RFC 7009, section 2.1,
// has it.
const (
	ReachGrant Reach = "grant"           // what one sign-in gave: refresh token and access tokens
	ReachToken Reach = "token"           // this token alone
	ReachUser  Reach = "user and client" // all that this user ever gave to this client
	ReachNone  Reach = "none"            // nothing: tokens live until they lapse
)

// Account says how to learn whose account granted. The zero value is OpenID
// Connect: a verified id_token, else the userinfo endpoint.
type Account struct {
	// URL is an address of the provider's own API, asked with the access
	// token, in place of OpenID Connect.
	URL string

	// Subject, Login and Name are the members, of that answer or of an
	// id_token, that hold what never changes hands, what people sign in with,
	// and how they are called; "" = "sub", none, "name". With another Subject
	// than "sub" the userinfo endpoint is not asked: it does not tell it.
	Subject string
	Login   string
	Name    string

	// None means that there is no way to learn it.
	None bool
}

// Block is a word in an error_description, and what the operator can do.
type Block struct {
	Word   string
	Advice string
}

// Proof is how sure we are of a profile.
type Proof string

// The kinds of proof.
const (
	ProofLive        Proof = "live"        // it has been used with a running server
	ProofDocumented  Proof = "documented"  // its exchanges are those of documents that Sources names
	ProofConstructed Proof = "constructed" // it was put together from what is generally known
)

// All returns the known profiles, the generic one first.
func All() []Profile {
	return []Profile{
		generic(),
		github(),
		githubApp(),
		githubEnterprise(),
		githubGHE(),
		gitlab(),
		google(),
		entra(),
		keycloak(),
		okta(),
		auth0(),
		zitadel(),
		authentik(),
		dex(),
		hydra(),
		pingone(),
		salesforce(),
	}
}

// Find returns the profile of a name; "" is generic.
func Find(name string) (Profile, bool) {
	if name == "" {
		name = Generic
	}
	for _, p := range All() {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}

// Reserved reports whether a member of requests is none of an operator's: the
// bridge sets it itself, or others would.
func Reserved(parameter string) bool {
	switch parameter {
	case "client_id", "client_secret", "client_assertion", "client_assertion_type",
		"grant_type", "device_code", "refresh_token", "code", "code_verifier", "code_challenge", "code_challenge_method",
		"scope", "resource", "audience", "authorization_details", "token", "token_type_hint",
		"redirect_uri", "response_type", "username", "password", "assertion", "request", "request_uri":
		return true
	}
	return false
}

// Add returns the profile with further parameters.
func (p Profile) Add(parameters map[string]string) Profile {
	if len(parameters) == 0 {
		return p
	}
	all := maps.Clone(p.Parameters)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, parameters)
	p.Parameters = all
	return p
}
