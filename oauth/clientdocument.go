package oauth

import (
	"encoding/json"
	"net/url"
	"strings"
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

// Document is the metadata document of the client of an agent, or with "" of
// the one that all share; false means that there is none. Everybody may read
// it: it proves nothing to have it, since the client proves itself by its key,
// and it names no address to which anybody could be sent in our name.
func (c *Clients) Document(agent string) (text []byte, ok bool) {
	at := c.documentOf(agent)
	if at == "" {
		return nil, false
	}
	m := c.metadata(agent, AuthKey)
	m.ID = at
	text, err := json.MarshalIndent(m, "", "  ")
	return text, err == nil
}
