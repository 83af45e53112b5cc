package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/client/mcpauth"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// files is an MCP server of the official SDK that takes nobody without a token
// of an issuer, made for it. Its tool "read" needs files.read, and "write" needs
// files.write besides.
type files struct {
	url    string
	issuer func() string // of its tokens, as it says
	tokens *oauthtest.Issuer
	told   func(token string)
}

func newFiles(t *testing.T, issuer *oauthtest.Issuer) *files {
	t.Helper()
	f := &files{tokens: issuer, issuer: issuer.URL, told: func(string) {}}
	server := mcp.NewServer(&mcp.Implementation{Name: "files", Version: "1"}, nil)
	for _, tool := range []string{"read", "write"} {
		mcp.AddTool(server, &mcp.Tool{Name: tool}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: tool + " done"}}}, nil, nil
		})
	}
	inner := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
	mux := http.NewServeMux()
	web := httptest.NewUnstartedServer(mux)
	web.Start()
	t.Cleanup(sync.OnceFunc(web.Close))
	f.url = web.URL + "/mcp"
	about := web.URL + "/.well-known/oauth-protected-resource/mcp"
	mux.HandleFunc("GET /.well-known/oauth-protected-resource/mcp", func(w http.ResponseWriter, r *http.Request) {
		auth.ProtectedResourceMetadataHandler(&oauthex.ProtectedResourceMetadata{
			Resource: f.url, AuthorizationServers: []string{f.issuer()}, ScopesSupported: []string{"files.read", "files.write"}, ResourceName: "Files",
		}).ServeHTTP(w, r)
	})
	mux.Handle("/mcp", auth.RequireBearerToken(f.verify, &auth.RequireBearerTokenOptions{ResourceMetadataURL: about, Scopes: []string{"files.read"}})(f.guard(about, inner)))
	return f
}

// verify takes tokens that the issuer made for this server and no other.
func (f *files) verify(_ context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
	f.told(token)
	scopes, resource, ok := f.tokens.Holds(token)
	if !ok || resource != f.url {
		return nil, auth.ErrInvalidToken
	}
	return &auth.TokenInfo{Scopes: scopes, Expiration: time.Now().Add(time.Hour)}, nil
}

// guard lets nobody write who may only read (RFC 6750, section 3.1).
func (f *files) guard(about string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			http.Error(w, "read the call", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var call struct {
			Method string
			Params struct{ Name string }
		}
		_ = json.Unmarshal(body, &call)
		info := auth.TokenInfoFromContext(r.Context())
		if call.Method == "tools/call" && call.Params.Name == "write" && !slices.Contains(info.Scopes, "files.write") {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer error=%q, scope=%q, resource_metadata=%q", "insufficient_scope", "files.write", about))
			http.Error(w, "more is needed", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// withFiles is a world in which helper may ask alice for what the server is for,
// and the issuer is listed.
func withFiles(t *testing.T, f *files, listed string) *world {
	t.Helper()
	w := newWorld(t, options{
		trailer: fmt.Sprintf("resources:\n  - {match: %q, issuers: [%q]}\n", f.url, listed),
		edit: func(text string) string {
			return strings.Replace(text, "    may: [", fmt.Sprintf("    may: [{resource: %q, scopes: [\"files.*\"], ask: [alice], reuse: 1h}, ", f.url), 1)
		},
	})
	f.told = func(token string) { w.secret(token, accessToken) }
	return w
}

// newIssuer is one that nobody has configured: the bridge registers there.
func newIssuer(t *testing.T) *oauthtest.Issuer {
	t.Helper()
	issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"client_secret_basic"}, Interval: time.Second})
	issuer.Start(t)
	return issuer
}

// TestAnMCPServerFromItsURLAlone: an agent knows nothing but the URL. The bridge
// finds out who gives tokens for it, registers there, and asks alice; the tool
// is called; and for another tool she is asked for what is new.
func TestAnMCPServerFromItsURLAlone(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	f := newFiles(t, issuer)
	w := withFiles(t, f, issuer.URL())
	alice := w.human("alice")
	agent := &client.Client{Socket: w.agentSocket()}
	defer agent.Close()
	asked := make(chan api.Request, 10)
	handler := mcpauth.New(agent, api.Ask{}, mcpauth.Options{Each: func(r api.Request) {
		if r.State == api.Asked && r.Version == 1 {
			asked <- r
		}
	}})

	done := make(chan error, 1)
	var session *mcp.ClientSession
	call := func(tool string) {
		result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool})
		if err == nil && (result.IsError || result.Content[0].(*mcp.TextContent).Text != tool+" done") {
			err = fmt.Errorf("%s answers %+v", tool, result.Content[0])
		}
		done <- err
	}
	approve := func(delta ...string) api.Request {
		t.Helper()
		var r api.Request
		select {
		case r = <-asked:
		case err := <-done:
			t.Fatalf("nobody was asked: %v", err)
		case <-time.After(patience):
			t.Fatal("nobody is asked")
		}
		c := alice.showCode(r.ID)
		for _, words := range append(delta, strings.TrimPrefix(f.url[:strings.LastIndex(f.url, "/")], "http://")) {
			if !strings.Contains(c.text, words) {
				t.Errorf("the card does not say %q: %s", words, c.text)
			}
		}
		if err := issuer.Approve(c.code, aliceThere); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		return r
	}

	go func() {
		var err error
		session, err = mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, nil).
			Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: f.url, OAuthHandler: handler, DisableStandaloneSSE: true, MaxRetries: -1}, nil)
		done <- err
	}()
	first := approve("files.read")
	defer func() { _ = session.Close() }()
	if first.Provider != "" || string(first.Issuer) != issuer.URL() || string(first.Resource) != f.url {
		t.Errorf("it was asked for %q at %q, %q", first.Resource, first.Issuer, first.Provider)
	}
	call("read")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	go call("write")
	approve("files.write", "new")
	call("read")
	if err := <-done; err != nil || len(asked) > 0 {
		t.Errorf("%v, and %d more requests", err, len(asked))
	}

	if n := len(issuer.Calls(oauthtest.Register)); n != 1 {
		t.Errorf("%d registrations", n)
	}
	resources := map[string]bool{}
	for _, at := range []oauthtest.Endpoint{oauthtest.Device, oauthtest.Token, oauthtest.Refresh} {
		for _, c := range issuer.Calls(at) {
			resources[c.Form.Get("resource")] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{f.url: true}, resources); diff != "" {
		t.Errorf("resource was sent as\n%s", diff)
	}
}

// TestOnlyListedIssuersAreAsked: a server that names an issuer of its own gets
// no token, and nothing is sent to that issuer. The operator sees it, lists it,
// and then it works.
func TestOnlyListedIssuersAreAsked(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	f := newFiles(t, issuer)
	w := withFiles(t, f, "https://login.example.com")
	w.cli("token", "--resource", f.url).wants(t, 8, "unknown issuer", issuer.URL(), "authbridge admin issuers")
	if calls := issuer.Journal(); len(calls) > 0 {
		t.Errorf("the issuer was called: %v", calls)
	}
	if got := w.cli("admin", "issuers").wants(t, 0).stdout; !strings.Contains(got, issuer.URL()) || !strings.Contains(got, f.url) || !strings.Contains(got, "helper") {
		t.Errorf("the operator sees %s", got)
	}
	var all []struct{ Issuer, Resource, Agent string }
	if err := json.Unmarshal([]byte(w.cli("admin", "issuers", "--json").wants(t, 0).stdout), &all); err != nil || len(all) != 1 || all[0].Issuer != issuer.URL() {
		t.Errorf("%v, %v", all, err)
	}
	w.cli("token", "--resource", "https://elsewhere.example/mcp").wants(t, 6, "not allowed")

	text, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.configure(strings.Replace(string(text), `["https://login.example.com"]`, fmt.Sprintf("[%q]", issuer.URL()), 1))
	w.stop()
	w.restart()
	alice := w.human("alice")
	token := w.start("token", "--resource", f.url)
	token.says("asked alice in their inbox")
	if err := issuer.Approve(alice.showCode(w.onlyRequest().ID).code, aliceThere); err != nil {
		t.Fatal(err)
	}
	text2 := token.wait().wants(t, 0, "granted by alice@example.com").line(t)
	if scopes, resource, ok := issuer.Holds(w.secret(text2, accessToken)); !ok || resource != f.url || !slices.Contains(scopes, "files.read") {
		t.Errorf("the token holds %v for %q: %v", scopes, resource, ok)
	}
	if got := w.cli("admin", "issuers").wants(t, 0); got.stdout != "" {
		t.Errorf("what is listed by now is still shown: %s", got.stdout)
	}
}

// TestAResourceAskedForOverHTTP: what an agent in another language sends, and
// gets. Of its challenge nothing counts but error and scope.
func TestAResourceAskedForOverHTTP(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	f := newFiles(t, issuer)
	w := withFiles(t, f, issuer.URL())
	w.edit(fmt.Sprintf("issuers: [%q]", issuer.URL()), fmt.Sprintf("issuers: [%q], resource_match: exact, client: per_agent", issuer.URL()))
	w.stop()
	w.restart()
	trap := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was called on an agent's word", r.URL) }))
	t.Cleanup(trap.Close)
	body := fmt.Sprintf(`{"resource":%q,"challenge":"Bearer error=\"insufficient_scope\", scope=\"files.write admin\", resource_metadata=\"%s/prm\""}`, f.url, trap.URL)
	r := decode[api.Request](t, w.http("POST", "/v1/requests", body).wants(t, http.StatusCreated))
	if r.Provider != "" || string(r.Resource) != f.url || string(r.Issuer) != issuer.URL() || !slices.Equal(r.Scopes, []string{"files.write"}) {
		t.Errorf("the request is %+v", r)
	}
	if all := issuer.Registered(); len(all) != 1 || all[0].Name != "authbridge: helper" {
		t.Errorf("the issuer knows %+v", all)
	}
	if err := issuer.Approve(w.human("alice").showCode(r.ID).code, aliceThere); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is granted", func() bool { return w.request(r.ID).State == api.Granted })
	token := decode[api.Token](t, w.http("POST", "/v1/requests/"+r.ID+"/token", "").wants(t, http.StatusOK))
	if w.secret(token.AccessToken, accessToken); string(token.Resource) != f.url || token.Issuer != issuer.URL() || string(token.Account) != "alice@example.com" {
		t.Errorf("the token is %+v", token)
	}
	w.edit(issuer.URL(), "https://login.example.com")
	w.stop()
	w.restart()
	w.http("POST", "/v1/requests", fmt.Sprintf(`{"resource":%q}`, f.url)).wants(t, http.StatusUnprocessableEntity)
	w.http("POST", "/v1/requests", fmt.Sprintf(`{"resource":%q,"provider":"corp"}`, f.url)).wants(t, http.StatusBadRequest)
}
