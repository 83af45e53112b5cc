package oauth

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// DocumentPath is where the bridge publishes what it says of its clients: as
// DocumentPath itself of the one that all agents share, and below it of an
// agent's own.
const DocumentPath = "/oauth/client"

// documentOf is the address of a client's document (OAuth Client ID Metadata
// Document, section 3: https, with a path); "" = there is none.
func (c *Clients) documentOf(agent string) string {
	if !strings.HasPrefix(c.publicURL, "https://") {
		return ""
	}
	if agent == "" {
		return c.publicURL + DocumentPath
	}
	return c.publicURL + DocumentPath + "/" + url.PathEscape(agent)
}

// Document is the metadata document of the client of an agent that has one of
// its own, or with "" of the one that all share; what there is not is
// [bridge.ErrNotFound]. Everybody may read it: it proves nothing to have it,
// since the client proves itself by its key, and it names no address to which
// anybody could be sent in our name.
func (c *Clients) Document(ctx context.Context, agent string) ([]byte, error) {
	at := c.documentOf(agent)
	if at == "" || agent != "" && !c.has(agent) {
		return nil, bridge.ErrNotFound
	}
	m, err := c.metadata(ctx, agent, AuthKey)
	if err != nil {
		return nil, err
	}
	m.ID = at
	return json.MarshalIndent(m, "", "  ")
}

// has reports whether an agent has a document of its own.
func (c *Clients) has(agent string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.all, func(r registration) bool { return r.Agent == agent && isDocument(r.ID) })
}
