package daemon

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/oauth"
	"github.com/authbridge/authbridge/oauth/oauthtest"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

// TestTheDocumentOfOurClient is for everybody to read, at the address that is
// our client's id; of an agent's own only once there is one.
func TestTheDocumentOfOurClient(t *testing.T) {
	kept, err := store.Open(t.Context(), store.Options{StateDir: filepath.Join(t.TempDir(), "state")}, bolt.Backend())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	issuer := oauthtest.New(oauthtest.Settings{Methods: []string{"private_key_jwt"}, Documents: func(string) ([]byte, error) { return nil, nil }})
	at := issuer.Start(t)
	cfg := &config.Config{PublicURL: "https://bridge.example.com", Network: config.Network{AllowHTTPLoopback: true}}
	r, err := newResources(t.Context(), &calls{cfg: cfg}, kept, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	inbox := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	get := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r.documents(inbox).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "https://bridge.example.com"+path, nil))
		return w
	}
	for path, want := range map[string]int{
		oauth.DocumentPath: 200, oauth.DocumentPath + "/helper": 404, oauth.DocumentPath + "/": 404, oauth.DocumentPath + "/..%2f": 404,
		"/": 418, "/oauth": 418, oauth.DocumentPath + "s": 418,
	} {
		if got := get(http.MethodGet, path).Code; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	if got := get(http.MethodPost, oauth.DocumentPath); got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") == "" {
		t.Errorf("POST: %d", got.Code)
	}
	if _, err := r.Client(t.Context(), at, "helper", nil); err != nil {
		t.Fatal(err)
	}
	w := get(http.MethodGet, oauth.DocumentPath+"/helper")
	var said struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.ID != "https://bridge.example.com/oauth/client/helper" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("it says %s, %v", w.Body, err)
	}
}

// TestClientsOutliveTheBridge: what was registered is kept sealed, and spoken
// for after a restart.
func TestClientsOutliveTheBridge(t *testing.T) {
	kept, err := store.Open(t.Context(), store.Options{StateDir: filepath.Join(t.TempDir(), "state")}, bolt.Backend())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	issuer := oauthtest.New(oauthtest.Settings{Registration: true, Methods: []string{"client_secret_basic"}})
	at := issuer.Start(t)
	c := &calls{cfg: &config.Config{Network: config.Network{AllowHTTPLoopback: true}}}
	var ids []string
	for range 2 {
		r, err := newResources(t.Context(), c, kept, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		id, err := r.Client(t.Context(), at, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := r.Provider(at, id); !ok {
			t.Error("nobody speaks as the client")
		}
		ids = append(ids, id)
	}
	if ids[0] != ids[1] || len(issuer.Calls(oauthtest.Register)) != 1 {
		t.Errorf("the clients are %v", ids)
	}
}
