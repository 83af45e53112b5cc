package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// serve listens at a real socket and returns a client of it.
func serve(t testing.TB, h http.Handler) *http.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent.sock")
	l, err := localhttp.Listen(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ConnContext: localhttp.ConnContext}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = srv.Close()
		<-done
	})
	return &http.Client{Transport: transport}
}

func fetch(t testing.TB, client *http.Client, path string) (status int, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func TestOnARealSocketTheKernelSaysWhichAgentCalls(t *testing.T) {
	me := agent("me", uint32(os.Getuid()))
	client := serve(t, httpapi.New(httpapi.Options{Desk: httpapitest.NewDesk(t, me)}))
	status, body := fetch(t, client, api.WhoamiPath)
	var who api.Whoami
	if err := json.Unmarshal(body, &who); err != nil || status != http.StatusOK || who.Agent != "me" {
		t.Errorf("status %d, %s, %v", status, body, err)
	}
}

func TestOnARealSocketAnotherUserIsNobody(t *testing.T) {
	other := agent("other", uint32(os.Getuid())+1)
	client := serve(t, httpapi.New(httpapi.Options{Desk: httpapitest.NewDesk(t, other)}))
	if status, body := fetch(t, client, api.WhoamiPath); status != http.StatusUnauthorized || !strings.Contains(string(body), "unauthenticated") {
		t.Errorf("status %d, %s", status, body)
	}
}

// BenchmarkGet shows what the API costs beside a server that only writes the
// same JSON.
func BenchmarkGet(b *testing.B) {
	desk := httpapitest.NewDesk(b, agent("me", uint32(os.Getuid())))
	r := httpapitest.Request("me", time.Now())
	desk.Put(r)
	path := api.RequestPath(string(r.ID))
	ours := httpapi.New(httpapi.Options{Desk: fixed{desk, r}})
	_, body := fetch(b, serve(b, ours), path)
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", api.MediaType)
		_, _ = w.Write(body)
	})
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{{"bare", bare}, {"api", ours}} {
		b.Run(c.name, func(b *testing.B) {
			client := serve(b, c.handler)
			for b.Loop() {
				if status, got := fetch(b, client, path); status != http.StatusOK || len(got) != len(body) {
					b.Fatalf("status %d, %s", status, got)
				}
			}
		})
	}
}

// fixed always has the same request, so that a desk's work is not measured.
type fixed struct {
	*httpapitest.Desk
	r bridge.Request
}

func (f fixed) Get(context.Context, string, bridge.RequestID) (bridge.Request, error) {
	return f.r, nil
}
