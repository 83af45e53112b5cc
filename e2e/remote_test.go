package e2e

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/authbridge/authbridge/api"
	domain "github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/client/mcpauth"
)

// remoteKey is the key of the agent helper in newRemoteWorld.
const remoteKey = "abk_E2EREMOTEKEY7QZ4TTN5WXJ3VPL"

// newRemoteWorld is a world whose agent is known by a key, at a port.
func newRemoteWorld(t *testing.T) (w *world, url string) {
	t.Helper()
	hash := domain.HashKey(domain.NewSecret(remoteKey)).String()
	w = newWorld(t, options{edit: func(text string) string {
		text = strings.Replace(text, "listen: {", `listen: {tcp: "127.0.0.1:0", `, 1)
		return strings.Replace(text, "    owner: alice\n", "    key_hash: \""+hash+"\"\n    owner: alice\n", 1)
	}})
	w.secret(remoteKey, "an agent's key")
	return w, "http://" + w.bridge.at("agents over TCP")
}

// TestAnAgentOfAnotherMachine: what stands in two variables is all that
// changes for its commands. A bridge that restarts is waited for there, too.
func TestAnAgentOfAnotherMachine(t *testing.T) {
	t.Parallel()
	w, url := newRemoteWorld(t)
	env := []string{"AUTHBRIDGE_SOCKET=", "AUTHBRIDGE_URL=" + url, "AUTHBRIDGE_KEY=" + remoteKey}
	agent := w.startWith(env, "token", "--provider", "corp", "--scope", "files.read")
	agent.says("asked alice in their inbox")
	w.edit(`tcp: "127.0.0.1:0"`, `tcp: "`+strings.TrimPrefix(url, "http://")+`"`)
	w.kill()
	w.restart()
	agent.says("the bridge is back")
	alice := w.human("alice")
	newPerson(t).allow(alice.showCode(w.onlyRequest().ID), alice.name)
	token := agent.wait().wants(t, 0, "the bridge is away", "granted by alice@example.com").line(t)
	w.secret(token, accessToken)
	w.startWith(env, "list", "--state", "collected").wait().wants(t, 0)
	reached(t, variable, "AUTHBRIDGE_URL")

	stranger := []string{"AUTHBRIDGE_SOCKET=", "AUTHBRIDGE_URL=" + url, "AUTHBRIDGE_KEY=" + remoteKey + "X"}
	if got := w.startWith(stranger, "list").wait().wants(t, 6, "unauthenticated", "authbridge agent add"); strings.Contains(got.stderr, remoteKey) {
		t.Error("the key is repeated")
	}
	w.startWith([]string{"AUTHBRIDGE_KEY=" + remoteKey + "X"}, "list").wait().wants(t, 6) // at the socket, too, and without falling back to the uid
	w.startWith([]string{"AUTHBRIDGE_KEY=" + remoteKey}, "list").wait().wants(t, 0)
	reached(t, variable, "AUTHBRIDGE_KEY")
	w.startWith([]string{"AUTHBRIDGE_URL=" + url, "AUTHBRIDGE_KEY=" + remoteKey}, "list").wait().wants(t, 2, "name one bridge")
}

// TestAnMCPClientGetsItsTokenFromTheBridge: a client and a server of the
// official SDK, the bridge, the provider, and alice. What she takes back she
// is asked for again, once.
func TestAnMCPClientGetsItsTokenFromTheBridge(t *testing.T) {
	t.Parallel()
	w, url := newRemoteWorld(t)
	agent := &client.Client{URL: url, Key: client.NewKey(remoteKey)}
	defer agent.Close()
	alice := w.human("alice")
	server := w.mcpServer()
	asked := make(chan string, 10)
	handler := mcpauth.New(agent, api.Ask{Provider: "corp", Scopes: []string{"files.read"}}, mcpauth.Options{Each: func(r api.Request) {
		if r.State == api.Asked && r.Version == 1 {
			asked <- r.ID
		}
	}})
	connect := func() error {
		session, err := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, nil).
			Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: server, OAuthHandler: handler, DisableStandaloneSSE: true, MaxRetries: -1}, nil)
		if err == nil {
			err = session.Close()
		}
		return err
	}
	connected := make(chan error, 1)
	soon := func() string {
		t.Helper()
		select {
		case id := <-asked:
			return id
		case err := <-connected:
			t.Fatalf("nobody was asked: %v", err)
		case <-time.After(patience):
			t.Fatal("nobody is asked")
		}
		return ""
	}
	go func() { connected <- connect() }()
	newPerson(t).allow(alice.showCode(soon()), alice.name)
	if err := <-connected; err != nil {
		t.Fatal(err)
	}
	if err := connect(); err != nil || len(asked) != 0 { // nobody is asked
		t.Errorf("again: %v, asked %d more", err, len(asked))
	}

	if _, err := agent.GiveUp(t.Context(), w.onlyGrant().ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the provider knows", func() bool { return w.onlyGrant().Revocation == api.RevocationDone })
	go func() { connected <- connect() }()
	id := soon()
	if r, err := agent.Cancel(t.Context(), id); err != nil || r.State != api.Cancelled {
		t.Fatalf("%s, %v", r.State, err)
	}
	var err error
	select {
	case err = <-connected:
	case <-time.After(patience):
		t.Fatal("the client still waits")
	}
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Code != api.ProblemGone {
		t.Errorf("withdrawn: %v", err)
	}
}

// mcpServer takes tokens with which the provider tells whose they are.
func (w *world) mcpServer() string {
	w.t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "files", Version: "1"}, nil)
	verify := func(ctx context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
		w.secret(token, accessToken)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.provider.Issuer()+"/userinfo", nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		calls := &http.Client{Timeout: patience}
		defer calls.CloseIdleConnections()
		resp, err := calls.Do(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, auth.ErrInvalidToken
		}
		return &auth.TokenInfo{Expiration: time.Now().Add(time.Hour)}, nil
	}
	inner := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
	web := httptest.NewServer(auth.RequireBearerToken(verify, nil)(inner))
	w.t.Cleanup(sync.OnceFunc(web.Close))
	return web.URL
}
