package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/authbridge/authbridge/bridge"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// metadataLife is how long metadata is believed. Failures are not kept. Where
// an older document can stand in, a search takes at most metadataPatience,
// since the caller has more to do in its time, and after one that failed
// there is none for metadataPause.
const (
	metadataLife     = time.Hour
	metadataPatience = 5 * time.Second
	metadataPause    = time.Minute
)

// errDisbelieved marks a document that was found and must not be used.
var errDisbelieved = errors.New("the metadata is not to be believed")

// errNoMetadata marks an address at which no document was found.
var errNoMetadata = errors.New("there is no metadata")

// metadata is what we use of an authorization server's metadata (RFC 8414,
// section 2; RFC 8628, section 4; OpenID Connect Discovery 1.0, section 3).
type metadata struct {
	Issuer     string   `json:"issuer"`
	Device     string   `json:"device_authorization_endpoint"`
	Token      string   `json:"token_endpoint"`
	Revocation string   `json:"revocation_endpoint"`
	Userinfo   string   `json:"userinfo_endpoint"`
	Keys       string   `json:"jwks_uri"`
	Grants     []string `json:"grant_types_supported"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`

	Aliases aliases `json:"mtls_endpoint_aliases"`

	// For sign-ins alone: vetted when one is made.
	Authorization string `json:"authorization_endpoint"`
	TellsIssuer   bool   `json:"authorization_response_iss_parameter_supported"` // RFC 9207, section 3

	// For who registers, and for profiles. What is wrongly typed here is taken
	// for not said, so that it spoils nothing else.
	Registration  string `json:"registration_endpoint"`                 // vetted by who registers
	Documents     flag   `json:"client_id_metadata_document_supported"` // MCP 2026-07-28
	Scopes        words  `json:"scopes_supported"`
	Methods       words  `json:"token_endpoint_auth_methods_supported"`
	KeyAlgorithms words  `json:"token_endpoint_auth_signing_alg_values_supported"`
	Challenges    words  `json:"code_challenge_methods_supported"`      // RFC 7636, of PKCE
	DetailTypes   words  `json:"authorization_details_types_supported"` // RFC 9396, section 10
}

// flag is a member that is true, and false whatever else it may be.
type flag bool

// UnmarshalJSON implements [json.Unmarshaler].
func (f *flag) UnmarshalJSON(text []byte) error {
	*f = string(text) == "true"
	return nil
}

// maxWords bounds a list of words, and maxWord one of them in bytes.
const (
	maxWords = 1000
	maxWord  = 200
)

// words is a list of plain words, at most 1000 of at most 200 bytes each. What
// is no such word is left out; an empty list is not nil, and what is no list
// is.
type words []string

// UnmarshalJSON implements [json.Unmarshaler].
func (w *words) UnmarshalJSON(text []byte) error {
	*w = nil
	var all []any
	if json.Unmarshal(text, &all) != nil || all == nil {
		return nil
	}
	*w = words{}
	for _, one := range all[:min(len(all), maxWords)] {
		if word, is := one.(string); is && word != "" && len(word) <= maxWord && isPlain(word) {
			*w = append(*w, word)
		}
	}
	return nil
}

// fixed is the metadata of a profile that needs no document.
func (p *Provider) fixed() *metadata {
	md := &metadata{Issuer: p.name}
	p.override(md)
	return md
}

// override puts what the profile knows over what a document says. A device
// endpoint that the profile knows is there, whatever the document lists.
func (p *Provider) override(md *metadata) {
	over := p.profile.Endpoints
	for _, at := range []struct {
		ours string
		into *string
	}{
		{over.Device, &md.Device},
		{over.Token, &md.Token},
		{over.Revocation, &md.Revocation},
		{over.Userinfo, &md.Userinfo},
		{over.Keys, &md.Keys},
	} {
		if at.ours != "" {
			*at.into = at.ours
		}
	}
	if over.Device != "" {
		md.Grants = nil
	}
}

// discover returns the metadata to begin something new with. The last good
// document stands in for one that cannot be had, but not for one that must
// not be used: the issuer then says something, and it is wrong.
func (p *Provider) discover(ctx context.Context) (*metadata, error) {
	md, err := p.current(ctx)
	if last := p.last(); err != nil && last != nil && !errors.Is(err, errDisbelieved) {
		return last, nil
	}
	return md, err
}

// lastGood returns the metadata to finish with what has begun: tokens that
// are out have to be checked and revoked, whatever becomes of the metadata.
func (p *Provider) lastGood(ctx context.Context) (*metadata, error) {
	md, err := p.current(ctx)
	if last := p.last(); err != nil && last != nil {
		return last, nil
	}
	return md, err
}

// current returns the issuer's metadata that is not over. Callers that ask
// at the same time share one search, which no single one of them can cancel.
func (p *Provider) current(ctx context.Context) (*metadata, error) {
	if p.profile.Fixed {
		return p.fixed(), nil
	}
	if md := p.remembered(); md != nil {
		return md, nil
	}
	found := p.flight.DoChan("metadata", func() (any, error) {
		patience := callTimeout
		if p.last() != nil {
			patience = metadataPatience
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		md, err := p.search(ctx)
		switch {
		case err == nil:
			p.remember(md)
		case !errors.Is(err, errDisbelieved):
			p.pause()
		}
		return md, err
	})
	select {
	case <-ctx.Done():
		return nil, &bridge.Unavailable{Err: broken(p.issuer, ctx.Err())}
	case result := <-found:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*metadata), nil
	}
}

func (p *Provider) remembered() *metadata {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || !time.Now().Before(p.until) {
		return nil
	}
	return p.known
}

func (p *Provider) remember(md *metadata) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.until = md, time.Now().Add(metadataLife)
}

// last returns the last good document, however old; nil = there was none.
func (p *Provider) last() *metadata {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known
}

// pause puts the next search off where there is a document to go on with.
func (p *Provider) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Now().Add(metadataPause)
}

// search looks at the well-known places in turn. A place without metadata
// leads to the next; a broken connection ends the search, since nothing is
// known then.
func (p *Provider) search(ctx context.Context) (*metadata, error) {
	md, _, err := p.find(ctx)
	return md, err
}

// find is search, and returns the answer with the document too.
func (p *Provider) find(ctx context.Context) (*metadata, reply, error) {
	var later error
	for _, place := range p.wellKnown() {
		answer, err := p.reader().read(ctx, place)
		switch {
		case errors.Is(err, errRedirect):
			continue
		case err != nil:
			return nil, reply{}, hopeless(err)
		case answer.busy():
			later = answer.later(nil)
			continue
		case answer.status != http.StatusOK:
			continue
		}
		md, is := answer.metadata()
		if !is {
			continue
		}
		if p.method == AuthTLS {
			md.forCertificates()
		}
		if err := p.believe(md); err != nil {
			return nil, reply{}, err
		}
		p.override(md)
		return md, answer, nil
	}
	if later != nil {
		return nil, reply{}, later
	}
	no := refuse(bridge.OutcomeProviderError,
		"the provider publishes no metadata under its issuer address; check the issuer")
	no.Err = errNoMetadata
	return nil, reply{}, no
}

// metadata reads the metadata of whoever it says.
func (r reply) metadata() (*metadata, bool) {
	var md metadata
	err := json.Unmarshal(r.trimmed(), &md)
	return &md, err == nil && md.Issuer != ""
}

// wellKnown lists where metadata may be, in the order that MCP sets: RFC
// 8414, section 3.1; then OpenID Connect with the path inserted and appended.
func (p *Provider) wellKnown() []string {
	origin := p.issuer.Scheme + "://" + p.issuer.Host
	path := strings.TrimSuffix(p.issuer.EscapedPath(), "/")
	places := []string{
		origin + "/.well-known/oauth-authorization-server" + path,
		origin + "/.well-known/openid-configuration" + path,
	}
	if path != "" {
		places = append(places, origin+path+"/.well-known/openid-configuration")
	}
	return places
}

// believe checks that the document speaks for our issuer, byte for byte (RFC
// 8414, section 3.3), and names only addresses that we may call.
func (p *Provider) believe(md *metadata) error {
	if md.Issuer != p.name {
		return disbelieve("the metadata found for issuer %q speaks for another issuer, %q; the two must be identical",
			p.name, clean(md.Issuer, 100))
	}
	endpoints := map[string]string{
		"device_authorization_endpoint": md.Device,
		"token_endpoint":                md.Token,
		"revocation_endpoint":           md.Revocation,
		"userinfo_endpoint":             md.Userinfo,
		"jwks_uri":                      md.Keys,
	}
	for name, address := range endpoints {
		if address == "" {
			continue
		}
		if _, err := p.network.parse(address); err != nil {
			return disbelieve("the provider's %s is not to be used: %v", name, err)
		}
	}
	return nil
}

func disbelieve(format string, args ...any) *bridge.Refusal {
	no := refuse(bridge.OutcomeProviderError, format, args...)
	no.Err = errDisbelieved
	return no
}

// offersDeviceGrant checks that a device authorization request makes sense.
func (md *metadata) offersDeviceGrant() error {
	switch {
	case md.Device == "":
		return refuse(bridge.OutcomeDeviceGrantUnsupported,
			"the provider's metadata names no device_authorization_endpoint")
	case md.Grants != nil && !slices.Contains(md.Grants, deviceGrant):
		return refuse(bridge.OutcomeDeviceGrantUnsupported,
			"the provider's metadata does not list the device grant under grant_types_supported")
	case md.Token == "":
		return refuse(bridge.OutcomeProviderError, "the provider's metadata names no token_endpoint")
	}
	return nil
}
