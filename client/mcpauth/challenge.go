package mcpauth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// challenge is what is believed of a server's WWW-Authenticate: which scopes
// it wants, and that a token of the same person with more of them would do.
type challenge struct {
	scopes []string
	stepUp bool
}

// Bounds of what a server may want.
const (
	maxChallenge = 8 << 10 // bytes
	maxScopes    = 50
)

var errForbidden = errors.New("the server refuses this call (403) and asks for no other scope: no token would help, and nobody was asked")

// challengeOf reads a refusal (RFC 6750, section 3). What cannot be read is
// taken for not said; scopes that nobody could ask for are an error.
func challengeOf(resp *http.Response) (challenge, error) {
	var c challenge
	name := ""
	for _, said := range bearers(resp.Header.Values("WWW-Authenticate")) {
		c.scopes = union(c.scopes, strings.Fields(said["scope"]))
		name = said["error"]
	}
	if len(c.scopes) > maxScopes {
		return challenge{}, fmt.Errorf("the server asks for %d scopes, which is more than anybody looks at", len(c.scopes))
	}
	for _, scope := range c.scopes {
		if strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return challenge{}, fmt.Errorf("the server asks for %q, which is no scope", scope)
		}
	}
	if resp.StatusCode != http.StatusForbidden {
		return c, nil
	}
	// Servers made with the same SDK name the scopes and leave out the error.
	if c.stepUp = len(c.scopes) > 0 && (name == "insufficient_scope" || name == ""); !c.stepUp {
		return challenge{}, errForbidden
	}
	return c, nil
}

// bearers are the parameters of the Bearer challenges.
func bearers(headers []string) (all []map[string]string) {
	if size := len(strings.Join(headers, "")); size > maxChallenge {
		return nil
	}
	challenges, err := oauthex.ParseWWWAuthenticate(headers)
	if err != nil {
		return nil
	}
	for _, c := range challenges {
		if strings.EqualFold(c.Scheme, "Bearer") {
			all = append(all, c.Params)
		}
	}
	return all
}

// union keeps the order in which scopes are first named.
func union(lists ...[]string) (all []string) {
	for _, list := range lists {
		for _, scope := range list {
			if !slices.Contains(all, scope) {
				all = append(all, scope)
			}
		}
	}
	return all
}

func contains(have, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(scope string) bool { return !slices.Contains(have, scope) })
}
