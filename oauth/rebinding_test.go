package oauth

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/bridge"
)

// TestCheck12ANameThatTurnsInwardsBetweenTwoCalls is the resource whose name is
// public when it is called, and then points at our own machine: its metadata
// would come from there. Each call is judged by the address that it dials.
func TestCheck12ANameThatTurnsInwardsBetweenTwoCalls(t *testing.T) {
	v := newVictim(t)
	guarded := v.client(t, NetworkPolicy{}, nameServer(t, "127.0.0.1"))
	calls := 0
	turning := transportFunc(func(r *http.Request) (*http.Response, error) {
		if calls++; calls > 1 {
			return guarded.Transport.RoundTrip(r)
		}
		w := httptest.NewRecorder()
		w.WriteHeader(http.StatusUnauthorized)
		return w.Result(), nil
	})
	resources := NewResources(ResourcesConfig{Client: &http.Client{Transport: turning}})
	_, err := resources.Look(t.Context(), "https://example.com:"+v.port(t)+"/mcp", bridge.Resource{})
	if !errors.Is(err, errForbidden) || !strings.Contains(err.Error(), "127.0.0.1 is not a public address") || calls != 2 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	if n := v.visits.Load(); n != 0 {
		t.Errorf("the victim was visited %d times", n)
	}
}

// TestARedirectIsDialledUnderGuard: a public resource sends the call for its
// metadata to a name that is inside.
func TestARedirectIsDialledUnderGuard(t *testing.T) {
	v := newVictim(t)
	guarded := v.client(t, NetworkPolicy{}, nameServer(t, "127.0.0.1"))
	inside := "https://example.com:" + v.port(t) + "/latest/meta-data"
	mixed := transportFunc(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host != "public.example.org" {
			return guarded.Transport.RoundTrip(r)
		}
		w := httptest.NewRecorder()
		switch r.URL.Path {
		case "/mcp":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.Header().Set("Location", inside)
			w.WriteHeader(http.StatusFound)
		}
		return w.Result(), nil
	})
	resources := NewResources(ResourcesConfig{Client: &http.Client{Transport: mixed}})
	_, err := resources.Look(t.Context(), "https://public.example.org/mcp", bridge.Resource{})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1 is not a public address") || v.visits.Load() != 0 {
		t.Errorf("visits %d: %v", v.visits.Load(), err)
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestAStreamIsNotReadToItsEnd: a resource that answers a call without a token
// with a stream is left as soon as it has said its header.
func TestAStreamIsNotReadToItsEnd(t *testing.T) {
	left := make(chan struct{})
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/") {
			_ = json.NewEncoder(w).Encode(map[string]any{"resource": server.URL + "/mcp", "authorization_servers": []string{"https://as.example"}})
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(left)
	}))
	t.Cleanup(server.Close)
	client := NewHTTPClient(NetworkPolicy{AllowHTTPLoopback: true})
	t.Cleanup(client.CloseIdleConnections)
	resources := NewResources(ResourcesConfig{Client: client, Network: NetworkPolicy{AllowHTTPLoopback: true}})
	if _, err := resources.Look(t.Context(), server.URL+"/mcp", bridge.Resource{}); err != nil {
		t.Error(err)
	}
	<-left
}

func TestWhatWasNotUsedForLongestMakesRoom(t *testing.T) {
	r := newRecent[int](2)
	r.put("a", 1)
	r.put("b", 2)
	r.get("a")
	r.put("c", 3)
	r.put("c", 4)
	if _, ok := r.get("b"); ok || len(r.byKey) != 2 || r.order.Len() != 2 {
		t.Errorf("b is still there, or the memory is too large: %v", r.byKey)
	}
	if v, ok := r.get("a"); !ok || v != 1 {
		t.Error("a is gone")
	}
	if v, ok := r.get("c"); !ok || v != 4 {
		t.Error("c is gone")
	}
}
