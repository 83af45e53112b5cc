package oauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
)

// mcpServer is an MCP server of the official SDK, behind what is put before it
// (nil = it is open to all), with its metadata at the well-known place. It
// returns its URL.
func mcpServer(t *testing.T, guard func(at string, next http.Handler) http.Handler) (resource string) {
	server := mcp.NewServer(&mcp.Implementation{Name: "files", Version: "1"}, nil)
	var next http.Handler = mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
	mux := http.NewServeMux()
	at := httptest.NewServer(mux)
	t.Cleanup(at.Close)
	resource = at.URL + "/mcp"
	const place = "/.well-known/oauth-protected-resource/mcp"
	if guard != nil {
		next = guard(at.URL+place, next)
	}
	mux.Handle("/mcp", next)
	mux.Handle(place, auth.ProtectedResourceMetadataHandler(&oauthex.ProtectedResourceMetadata{
		Resource: resource, AuthorizationServers: []string{"https://login.example.com"},
		ScopesSupported: []string{"files:read", "files:write"}, ResourceName: "Files",
	}))
	return resource
}

// bearerOnly is the SDK's own way to refuse calls without a token.
func bearerOnly(at string, next http.Handler) http.Handler {
	return auth.RequireBearerToken(func(context.Context, string, *http.Request) (*auth.TokenInfo, error) {
		return nil, auth.ErrInvalidToken
	}, &auth.RequireBearerTokenOptions{ResourceMetadataURL: at, Scopes: []string{"files:read"}})(next)
}

// TestLooksAtRealServers: a server of the official SDK, guarded by its own
// middleware, by one that does not let GET through to it, and not at all.
func TestLooksAtRealServers(t *testing.T) {
	postsOnly := func(at string, next http.Handler) http.Handler {
		guarded := bearerOnly(at, next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				w.Header().Set("Allow", http.MethodPost)
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			guarded.ServeHTTP(w, r)
		})
	}
	for name, at := range map[string]struct {
		guard  func(string, http.Handler) http.Handler
		scopes []string
	}{
		"guarded": {bearerOnly, []string{"files:read"}}, "posts alone": {postsOnly, []string{"files:read"}}, "open": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			resource := mcpServer(t, at.guard)
			policy := oauth.NetworkPolicy{AllowHTTPLoopback: true}
			client := oauth.NewHTTPClient(policy)
			t.Cleanup(client.CloseIdleConnections)
			found, err := oauth.NewResources(oauth.ResourcesConfig{Network: policy, Client: client}).Look(t.Context(), resource, bridge.Resource{})
			if err != nil {
				t.Fatal(err)
			}
			want := bridge.Protected{
				Resource: resource, Issuers: []string{"https://login.example.com"}, Scopes: at.scopes,
				Supported: []string{"files:read", "files:write"}, Name: "Files",
			}
			if diff := cmp.Diff(want, found); diff != "" {
				t.Error(diff)
			}
		})
	}
}
