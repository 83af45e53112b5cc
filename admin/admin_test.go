package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// inbox makes links for alice and bob.
type inbox struct {
	made  []string
	fault error
}

func (*inbox) Humans() []string { return []string{"bob", "alice"} }

var until = time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))

func (i *inbox) NewLink(_ context.Context, human string) (string, time.Time, error) {
	i.made = append(i.made, human)
	return "http://127.0.0.1:8741/#s3cret-" + human, until, i.fault
}

// call is one call of the handler, by the bridge's own user unless it says
// otherwise.
type call struct {
	method, path, body string
	header             http.Header
	host               string
	uid                uint32
	unknown            bool // nobody can see who calls
}

func do(t *testing.T, h http.Handler, c call) *httptest.ResponseRecorder {
	t.Helper()
	if c.method == "" {
		c.method, c.path = http.MethodPost, admin.InboxLinksPath+c.path
	}
	r := httptest.NewRequestWithContext(t.Context(), c.method, "http://localhost"+c.path, strings.NewReader(c.body))
	r.Header = http.Header{"Content-Type": {"application/json"}}
	maps.Copy(r.Header, c.header)
	if c.host != "" {
		r.Host = c.host
	}
	if !c.unknown {
		r = r.WithContext(localhttp.WithUID(r.Context(), c.uid))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func problem(t *testing.T, w *httptest.ResponseRecorder, code api.ProblemCode, status int) (p api.Problem) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Code != code || w.Header().Get("Content-Type") != api.ProblemMediaType {
		t.Errorf("status %d, want %s: %s", w.Code, code, w.Body)
	}
	return p
}

func TestALinkForAHuman(t *testing.T) {
	i := new(inbox)
	w := do(t, admin.New(admin.Options{Keeper: new(keeper), Linker: i}), call{body: `{"human":"alice"}`, uid: uint32(os.Geteuid())})
	const want = `{"url":"http://127.0.0.1:8741/#s3cret-alice","expires_at":"2026-01-02T02:04:05Z"}` + "\n"
	if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}

func TestWhoMayNotIsRefused(t *testing.T) {
	alice := `{"human":"alice"}`
	for name, c := range map[string]struct {
		call
		code   api.ProblemCode
		status int
		says   string
	}{
		"another user":        {call{body: alice, uid: uint32(os.Geteuid()) + 1}, api.ProblemNotAllowed, 403, "may not administer"},
		"nobody known":        {call{body: alice, unknown: true}, api.ProblemUnauthenticated, 401, "cannot be seen"},
		"a page":              {call{body: alice, header: http.Header{"Origin": {"null"}}}, api.ProblemInvalidRequest, 400, "Origin"},
		"a link":              {call{body: alice, header: http.Header{"Referer": {"x"}}}, api.ProblemInvalidRequest, 400, "Referer"},
		"a rebound name":      {call{body: alice, host: "evil.example"}, api.ProblemInvalidRequest, 400, "evil.example"},
		"nobody, in a page":   {call{body: alice, unknown: true, host: "evil.example"}, api.ProblemInvalidRequest, 400, "evil.example"},
		"a form":              {call{body: alice, header: http.Header{"Content-Type": {"text/plain"}}}, api.ProblemInvalidRequest, 400, "JSON"},
		"no human":            {call{body: `{}`}, api.ProblemInvalidRequest, 400, "no human"},
		"no body":             {call{}, api.ProblemInvalidRequest, 400, "no human"},
		"an unknown member":   {call{body: `{"human":"alice","ttl":1}`}, api.ProblemInvalidRequest, 400, `"ttl"`},
		"a parameter":         {call{path: "?human=bob", body: alice}, api.ProblemInvalidRequest, 400, "no parameters"},
		"too much":            {call{body: alice + strings.Repeat(" ", api.MaxBody)}, api.ProblemTooLarge, 413, "too large"},
		"an unknown human":    {call{body: `{"human":"carol"}`}, api.ProblemNotFound, 404, `no human "carol"`},
		"a name in capitals":  {call{body: `{"human":"Alice"}`}, api.ProblemNotFound, 404, `no human "Alice"`},
		"another method":      {call{method: http.MethodGet, path: admin.InboxLinksPath}, api.ProblemInvalidRequest, 405, "GET"},
		"another path":        {call{method: http.MethodPost, path: "/v1/nothing", body: alice}, api.ProblemNotFound, 404, "nothing"},
		"a path that goes up": {call{method: http.MethodPost, path: "/x/.." + admin.InboxLinksPath, body: alice}, api.ProblemNotFound, 404, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			i := new(inbox)
			if p := problem(t, do(t, admin.New(admin.Options{Keeper: new(keeper), Linker: i}), c.call), c.code, c.status); !strings.Contains(p.Detail, c.says) {
				t.Errorf("says %q", p.Detail)
			}
			if len(i.made) != 0 {
				t.Error("a link was made")
			}
		})
	}
}

func TestAnUnknownHumanIsToldTheNamesThereAre(t *testing.T) {
	p := problem(t, do(t, admin.New(admin.Options{Keeper: new(keeper), Linker: new(inbox)}), call{body: `{"human":"carol"}`}), api.ProblemNotFound, 404)
	if p.Hint != "there are: alice, bob" {
		t.Errorf("hint %q", p.Hint)
	}
}

func TestWithoutAnInboxThereAreNoLinks(t *testing.T) {
	p := problem(t, do(t, admin.New(admin.Options{Keeper: new(keeper)}), call{body: `{"human":"alice"}`}), api.ProblemNotFound, 404)
	if !strings.Contains(string(p.Hint), "listen.web") {
		t.Errorf("hint %q", p.Hint)
	}
}

func TestWhileStoppingNothingIsMade(t *testing.T) {
	stopping, stop := context.WithCancel(t.Context())
	stop()
	i := new(inbox)
	w := do(t, admin.New(admin.Options{Keeper: new(keeper), Linker: i, Stopping: stopping}), call{body: `{"human":"alice"}`})
	if problem(t, w, api.ProblemShuttingDown, 503); w.Header().Get("Retry-After") == "" || len(i.made) != 0 {
		t.Errorf("Retry-After %q, %d links", w.Header().Get("Retry-After"), len(i.made))
	}
}

func TestAFaultIsLoggedAndNotTold(t *testing.T) {
	var log bytes.Buffer
	i := &inbox{fault: errors.New("disk full")}
	w := do(t, admin.New(admin.Options{Keeper: new(keeper), Linker: i, Log: slog.New(slog.NewTextHandler(&log, nil))}), call{body: `{"human":"alice"}`})
	p := problem(t, w, api.ProblemInternal, 500)
	if strings.Contains(w.Body.String(), "disk full") || strings.Contains(w.Body.String(), "s3cret") || p.Reference == "" {
		t.Errorf("tells %s", w.Body)
	}
	if !strings.Contains(log.String(), "disk full") || !strings.Contains(log.String(), p.Reference) || strings.Contains(log.String(), "s3cret") {
		t.Errorf("logs %s", &log)
	}
}

func TestTheCommandsSide(t *testing.T) {
	i := new(inbox)
	c := admin.Client{Socket: filepath.Join(t.TempDir(), "admin.sock")}
	_, err := c.InboxLink(t.Context(), "alice")
	var none *client.NoBridge
	if !errors.As(err, &none) || !strings.Contains(none.Hint, "AUTHBRIDGE_ADMIN_SOCKET") {
		t.Errorf("without a bridge: %v", err)
	}
	l, err := localhttp.Listen(t.Context(), c.Socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: admin.New(admin.Options{Keeper: new(keeper), Linker: i}), ConnContext: localhttp.ConnContext}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	defer func() { _ = srv.Close(); <-done }()

	link, err := c.InboxLink(t.Context(), "alice")
	if err != nil || link.URL != "http://127.0.0.1:8741/#s3cret-alice" || !link.ExpiresAt.Equal(until) {
		t.Errorf("got %s, %v", link.URL, err)
	}
	if _, err = c.InboxLink(t.Context(), "carol"); client.CodeOf(err) != api.ProblemNotFound {
		t.Errorf("for carol: %v", err)
	}
}

func TestALinkIsNotPrinted(t *testing.T) {
	link := admin.Link{URL: "http://127.0.0.1:8741/#s3cret", ExpiresAt: until}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "link", link)
	if seen := log.String() + fmt.Sprintf("%v %+v %#v %s %q %d", link, link, &link, link, []admin.Link{link}, link); strings.Contains(seen, "s3cret") {
		t.Errorf("it shows: %s", seen)
	}
}
