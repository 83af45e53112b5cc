package doctor

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// TestResources: what keeps asks for a resource from being granted is found
// before an agent meets it.
func TestResources(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		issuer oauthtest.Settings
		names  string // whom the resource names; "" = the issuer
		match  string // "" = the resource
		about  string // resources[0], or the issuer
		said   string
	}{
		"all is well":           {oauthtest.Settings{Registration: true}, "", "", "resources[0]", "ok http://127.0.0.1"},
		"the bridge registers":  {oauthtest.Settings{Registration: true}, "", "", "ISSUER", "ok issuer matches, device grant offered; the bridge registers itself there"},
		"somebody else":         {oauthtest.Settings{Registration: true}, "https://evil.example", "", "resources[0]", "fail http://127.0.0.1"},
		"no metadata":           {oauthtest.Settings{Registration: true}, "nobody", "", "resources[0]", "fail http://127.0.0.1"},
		"a pattern":             {oauthtest.Settings{Registration: true}, "", "https://*.example.com/**", "resources[0]", "ok https://*.example.com/** is a pattern"},
		"no way to be a client": {oauthtest.Settings{}, "", "", "ISSUER", "fail it registers nobody by itself"},
		"no public address": {
			oauthtest.Settings{Methods: []string{"private_key_jwt"}, Documents: func(string) ([]byte, error) { return nil, nil }},
			"", "", "ISSUER",
			"fail it takes clients by their own documents, and this bridge has no public address",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := oauthtest.New(c.issuer)
			at := issuer.Start(t)
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/.well-known/oauth-protected-resource/mcp" || c.names == "nobody" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				names := c.names
				if names == "" {
					names = at
				}
				_ = json.NewEncoder(w).Encode(map[string]any{"resource": server.URL + "/mcp", "authorization_servers": []string{names}})
			}))
			t.Cleanup(server.Close)
			match := c.match
			if match == "" {
				match = server.URL + "/mcp"
			}
			cfg := configured(t, `
network: {allow_http_loopback: true}
resources: [{match: "`+match+`", issuers: ["ISSUER"]}]
humans: {alice: {email: alice@example.com}}
`, at)
			found := Resources(t.Context(), cfg, nil)
			said := strings.Join(about(found, strings.ReplaceAll(c.about, "ISSUER", at)), "\n")
			if !strings.HasPrefix(said, c.said) {
				t.Errorf("it says %q, want %q; all: %v", said, c.said, found)
			}
			if len(issuer.Calls(oauthtest.Register)) > 0 {
				t.Error("a look has registered a client")
			}
			fit(t, found)
		})
	}
}
