package oauth

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/challenge"
)

// What is read of a resource's metadata at most.
const (
	maxIssuers = 20
	maxIssuer  = 512 // bytes
	maxName    = 80  // characters of what the resource is called
)

// look asks the resource and whatever it points to.
func (r *Resources) look(ctx context.Context, at *url.URL, resource string, parent bool) (bridge.Protected, error) {
	said, err := r.knock(ctx, at)
	if err != nil {
		return bridge.Protected{}, err
	}
	document, err := r.document(ctx, at, challenge.ResourceMetadata(said))
	if err != nil {
		return bridge.Protected{}, err
	}
	found, err := readProtected(document, resource, parent, r.reader.network)
	if err != nil {
		return bridge.Protected{}, err
	}
	_, scope := challenge.Bearer(said)
	found.Scopes = askable(strings.Fields(scope))
	return found, nil
}

// knock calls the resource without a token and returns the challenges that it
// answers with (MCP 2026-07-28, "Protected Resource Metadata Discovery"). It
// asks with GET, which changes nothing anywhere; only where that is no method
// of the resource it asks as a client of MCP would, for what needs no session.
// A redirect is not followed: its target is another resource.
func (r *Resources) knock(ctx context.Context, at *url.URL) ([]challenge.Challenge, error) {
	answer, err := r.glance(ctx, getting(at))
	if err == nil && answer.status == http.StatusMethodNotAllowed && answer.header["Www-Authenticate"] == nil {
		answer, err = r.glance(ctx, discovering(at))
	}
	switch {
	case errors.Is(err, errRedirect):
		return nil, nil
	case err != nil:
		return nil, hopeless(&bridge.Unavailable{Err: err})
	case answer.away():
		return nil, answer.later(errors.New("the resource cannot answer now"))
	}
	return challenge.Parse(answer.header.Values("WWW-Authenticate")), nil
}

// discovering asks an MCP server for its versions and abilities (MCP
// 2026-07-28, "server/discover"). One that knows no such method refuses it for
// want of a token all the same.
func discovering(at *url.URL) *http.Request {
	const (
		version = "2026-07-28"
		method  = "server/discover"
		body    = `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{"_meta":{` +
			`"io.modelcontextprotocol/protocolVersion":"` + version + `",` +
			`"io.modelcontextprotocol/clientInfo":{"name":"authbridge","version":"1"},` +
			`"io.modelcontextprotocol/clientCapabilities":{}}}}`
	)
	return &http.Request{
		Method: http.MethodPost, URL: at, Host: at.Host, Body: newBody(body), ContentLength: int64(len(body)),
		GetBody: func() (io.ReadCloser, error) { return newBody(body), nil },
		Header: http.Header{
			"Content-Type": {"application/json"}, "Mcp-Protocol-Version": {version}, "Mcp-Method": {method},
		},
	}
}

// glance makes a call and reads no more of the answer than its header, since
// some resources answer with a stream. Every error of it is a *brokenCall.
func (r *Resources) glance(ctx context.Context, call *http.Request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, r.reader.patience)
	defer cancel()
	call.Header["Accept"], call.Header["User-Agent"] = []string{"application/json, text/event-stream"}, []string{"authbridge"}
	answer, err := r.reader.way.RoundTrip(call.WithContext(ctx))
	if err != nil {
		return reply{}, broken(call.URL, err)
	}
	_ = answer.Body.Close()
	return reply{status: answer.StatusCode, header: answer.Header}, nil
}

// away reports whether the resource cannot say now what it would say. One that
// breaks when it is called without a token has still its metadata.
func (r reply) away() bool {
	return r.busy() && r.status != http.StatusInternalServerError && r.status != http.StatusNotImplemented
}

// document finds the metadata: where the resource says that it is, and only
// there, or else at the well-known places in turn (MCP 2026-07-28, "Protected
// Resource Metadata Discovery").
func (r *Resources) document(ctx context.Context, at *url.URL, named string) (members, error) {
	places := protectedPlaces(at)
	if named != "" {
		if _, err := r.reader.network.parse(named); err != nil {
			return nil, disbelieve("the resource says that its metadata is where it is not to be fetched from: %v", err)
		}
		places = []string{named}
	}
	var last error
	for _, place := range places {
		answer, err := r.reader.read(ctx, place)
		switch {
		case errors.Is(err, errRedirect):
			last = cmp.Or(last, err)
			continue
		case err != nil:
			return nil, hopeless(err)
		case answer.busy():
			last = answer.later(errors.New("the resource's metadata cannot be had now"))
			continue
		case answer.status != http.StatusOK:
			continue
		}
		if m, err := answer.object(); err == nil && m.text("resource") != "" {
			return m, nil
		}
	}
	return nil, noDocument(named != "", last)
}

// noDocument says why there is no metadata, as far as it is known.
func noDocument(named bool, last error) error {
	switch {
	case last != nil:
		return hopeless(last)
	case named:
		return refuse(bridge.OutcomeProviderError, "the resource says where its metadata is (resource_metadata), and there is none")
	}
	return refuse(bridge.OutcomeProviderError,
		"the resource does not say who gives tokens for it: it has no protected resource metadata (RFC 9728)")
}

// protectedPlaces lists where metadata may be: with the path inserted (RFC
// 9728, section 3.1), then without.
func protectedPlaces(at *url.URL) []string {
	root := at.Scheme + "://" + at.Host + "/.well-known/oauth-protected-resource"
	if path := strings.TrimSuffix(at.EscapedPath(), "/"); path != "" {
		return []string{root + path, root}
	}
	return []string{root}
}

// readProtected reads the metadata of a resource (RFC 9728, section 2). It must
// speak for the URL that was asked, byte for byte (section 3.3), or, where that
// is allowed, for a parent of it.
func readProtected(m members, resource string, parent bool, network NetworkPolicy) (bridge.Protected, error) {
	found := bridge.Protected{Resource: m.text("resource"), Name: bridge.Clean(m.text("resource_name"), maxName)}
	if found.Resource != resource {
		above := isParent(found.Resource, resource)
		switch {
		case above && parent:
			found.Deviation = "the metadata speaks for a parent of the resource, " + found.Resource
		case above:
			return bridge.Protected{}, disbelieve("the resource's metadata speaks for a parent of it, %q; if that is meant, the operator sets resource_match: parent",
				clean(found.Resource, 100))
		default:
			return bridge.Protected{}, disbelieve("the resource's metadata speaks for another resource, %q; the two must be identical",
				clean(found.Resource, 100))
		}
	}
	issuers, err := readIssuers(m, network)
	if err != nil {
		return bridge.Protected{}, err
	}
	found.Issuers = issuers
	if list, is := m["scopes_supported"].([]any); is {
		found.Supported = askable(texts(list))
	}
	return found, nil
}

// isParent reports whether a claimed resource is above another: on the same
// origin, with a path that the other's begins with, or the same in another
// notation.
func isParent(claimed, resource string) bool {
	canonical, err := bridge.CanonicalResource(claimed)
	return err == nil && strings.HasPrefix(resource+"/", canonical+"/")
}

// readIssuers reads authorization_servers: one at least, and each an issuer as
// RFC 8414, section 2, has them.
func readIssuers(m members, network NetworkPolicy) ([]string, error) {
	list, _ := m["authorization_servers"].([]any)
	named := texts(list)
	switch {
	case len(named) == 0:
		return nil, disbelieve("the resource's metadata names nobody who gives tokens for it (authorization_servers)")
	case len(named) != len(list):
		return nil, disbelieve("the resource's metadata names something that is no issuer (authorization_servers)")
	case len(named) > maxIssuers:
		return nil, disbelieve("the resource's metadata names %d issuers; at most %d are read", len(named), maxIssuers)
	}
	var issuers []string
	for _, issuer := range named {
		if err := checkIssuer(issuer, network); err != nil {
			return nil, disbelieve("the resource's metadata names an issuer that is not to be used, %q: %v", clean(issuer, 100), err)
		}
		if !slices.Contains(issuers, issuer) {
			issuers = append(issuers, issuer)
		}
	}
	return issuers, nil
}

func checkIssuer(issuer string, network NetworkPolicy) error {
	strange := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>\^{|}`+"`", r) }
	switch {
	case len(issuer) > maxIssuer:
		return errors.New("it is too long")
	case strings.ContainsFunc(issuer, strange):
		return errors.New("it has signs that an address does not have")
	case strings.Contains(issuer, "?"):
		return errors.New("it has a query")
	}
	_, err := network.parse(issuer)
	return err
}

// texts are the texts in a list.
func texts(list []any) (found []string) {
	for _, v := range list {
		if text, is := v.(string); is {
			found = append(found, text)
		}
	}
	return found
}

// askable are the words that can be asked for as scopes, each once and at most
// a hundred. What cannot be asked for is left out: less is asked for then.
func askable(words []string) (scopes []string) {
	for _, word := range words {
		if isScope(word) && !slices.Contains(scopes, word) && len(scopes) < maxScopes {
			scopes = append(scopes, word)
		}
	}
	return scopes
}
