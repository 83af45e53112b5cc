package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// serve listens at a real socket and returns a client of it.
func serve(t *testing.T, h http.Handler) *client.Client {
	t.Helper()
	c := &client.Client{Socket: filepath.Join(t.TempDir(), "agent.sock")}
	l, err := localhttp.Listen(t.Context(), c.Socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ConnContext: localhttp.ConnContext}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() {
		c.Close()
		_ = srv.Close()
		<-done
	})
	return c
}

// bridged is a client of the real API over a fake desk, as agent "me".
func bridged(t *testing.T) (*client.Client, *httpapitest.Desk) {
	t.Helper()
	uid := uint32(os.Getuid())
	desk := httpapitest.NewDesk(t, bridge.Agent{Name: "me", UID: &uid, Owner: "alice"})
	return serve(t, httpapi.New(httpapi.Options{Desk: desk})), desk
}

var (
	ask   = api.Ask{Provider: "corp", Scopes: []string{"files:read"}, MinValidity: api.Duration(90 * time.Second), TTL: api.Duration(36 * time.Hour)}
	token = bridge.Token{Access: bridge.NewSecret("at-12345"), Type: "Bearer", Issuer: "https://login.example.com", Human: "alice", Grant: "grt_1"}
)

func TestAWholeStory(t *testing.T) {
	c, desk := bridged(t)
	ctx := t.Context()
	who, err := c.Whoami(ctx)
	if err != nil || who.Agent != "me" || who.Owner != "alice" {
		t.Fatalf("whoami %+v, %v", who, err)
	}
	r, err := c.Ask(ctx, ask, client.AskOptions{IdempotencyKey: "k1"})
	if err != nil || r.State != api.Asked || r.Provider != "corp" {
		t.Fatalf("asked %+v, %v", r, err)
	}
	if got := desk.Asks()[0]; got.MinValidity != 90*time.Second || got.TTL != 36*time.Hour || got.IdempotencyKey != "k1" {
		t.Errorf("the desk was asked %+v", got)
	}
	if _, err := c.Collect(ctx, r.ID); client.CodeOf(err) != api.ProblemNotReady {
		t.Errorf("collected early: %v", err)
	}
	id := bridge.RequestID(r.ID)
	var seen []api.State
	got, err := c.WaitToken(ctx, r.ID, 0, func(r api.Request) {
		if seen = append(seen, r.State); r.State == api.Asked {
			desk.Change(id, func(r *bridge.Request) { r.State = bridge.Coded })
		} else if r.State == api.Coded {
			desk.Grant(id, token)
		}
	})
	if err != nil || got.AccessToken != "at-12345" || got.ExpiresAt != nil {
		t.Errorf("token of grant %s, %v", got.Grant, err)
	}
	if fmt.Sprint(seen) != "[asked coded granted]" {
		t.Errorf("seen %v", seen)
	}
	if r, err = c.Request(ctx, r.ID, 0, 0); err != nil || r.State != api.Collected {
		t.Errorf("in the end %s, %v", r.State, err)
	}
}

func TestATokenInOneCall(t *testing.T) {
	c, desk := bridged(t)
	_, err := c.Token(t.Context(), ask, client.AskOptions{Wait: -1})
	var parked *client.Parked
	if !errors.As(err, &parked) || parked.State != api.Asked || !strings.Contains(err.Error(), "do not ask again") {
		t.Fatalf("parked: %v", err)
	}
	desk.Grant(bridge.RequestID(parked.ID), token)
	if got, err := c.WaitToken(t.Context(), parked.ID, parked.Version, nil); err != nil || got.AccessToken != "at-12345" {
		t.Errorf("token of grant %s, %v", got.Grant, err)
	}
	desk.Serve(token)
	if got, err := c.Token(t.Context(), ask, client.AskOptions{}); err != nil || got.AccessToken != "at-12345" {
		t.Errorf("served: token of grant %s, %v", got.Grant, err)
	}
}

func TestADeniedRequestIsGone(t *testing.T) {
	c, desk := bridged(t)
	r, err := c.Ask(t.Context(), ask, client.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	desk.End(bridge.RequestID(r.ID), bridge.Denied, bridge.Outcome{Code: bridge.OutcomeNotMe, Message: "not me"})
	_, err = c.WaitToken(t.Context(), r.ID, r.Version, nil)
	var p *client.Problem
	if !errors.As(err, &p) || p.Code != api.ProblemGone || p.Request.Outcome.Code != api.OutcomeNotMe {
		t.Errorf("got %v", err)
	}
}

func TestCancel(t *testing.T) {
	c, _ := bridged(t)
	r, err := c.Ask(t.Context(), ask, client.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = c.Cancel(t.Context(), r.ID); err != nil || r.State != api.Cancelled {
		t.Errorf("%s, %v", r.State, err)
	}
	if _, err = c.Cancel(t.Context(), "../../v1/whoami"); client.CodeOf(err) != api.ProblemNotFound {
		t.Errorf("an id that is a path: %v", err)
	}
}

func TestRequestsComeInAllTheirPages(t *testing.T) {
	c, desk := bridged(t)
	const all = api.MaxLimit + 7
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range all {
		r := httpapitest.Request("me", start.Add(time.Duration(i)*time.Second))
		if i%2 == 0 {
			r.State = bridge.Denied
		}
		desk.Put(r)
	}
	count := func(f client.Filter) int {
		n, last := 0, "req_~"
		for r, err := range c.Requests(t.Context(), f) {
			if err != nil {
				t.Fatal(err)
			}
			if r.ID >= last {
				t.Fatalf("%s comes after %s", r.ID, last)
			}
			n, last = n+1, r.ID
		}
		return n
	}
	for want, f := range map[int]client.Filter{
		all: {}, 3: {Max: 3}, 201: {Max: 201}, all/2 + 1: {States: []api.State{api.Denied}}, 0: {States: []api.State{api.Failed, api.Held}},
	} {
		if got := count(f); got != want {
			t.Errorf("%+v: %d, want %d", f, got, want)
		}
	}
	desk.Fail(bridge.ErrStoreUnavailable)
	for _, err := range c.Requests(t.Context(), client.Filter{}) {
		if client.CodeOf(err) != api.ProblemStoreUnavailable {
			t.Errorf("got %v", err)
		}
	}
}

func TestARefusalCarriesEverything(t *testing.T) {
	c, desk := bridged(t)
	desk.Fail(&bridge.Problem{Code: bridge.ProblemTooManyOpen, Detail: "three are open", Hint: "wait", RetryAfter: time.Minute})
	_, err := c.Ask(t.Context(), ask, client.AskOptions{})
	var p *client.Problem
	if !errors.As(err, &p) || p.Code != api.ProblemTooManyOpen || p.Hint != "wait" || p.RetryAfter != time.Minute || !p.Retryable || err.Error() != "three are open; wait" {
		t.Errorf("got %+v", err)
	}
	if client.CodeOf(fmt.Errorf("ask: %w", err)) != api.ProblemTooManyOpen || client.CodeOf(errors.New("x")) != "" || client.CodeOf(nil) != "" {
		t.Error("CodeOf finds another code")
	}
}

func TestWhereThereIsNoBridge(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	for socket, says := range map[string][2]string{
		"":                            {"no socket is named", "AUTHBRIDGE_SOCKET"},
		filepath.Join(dir, "no.sock"): {"no bridge answers at " + filepath.Join(dir, "no.sock") + ": no such file or directory", "authbridge serve"},
		stale:                         {"connection refused", "start it again"},
	} {
		c := &client.Client{Socket: socket}
		for name, do := range map[string]func() error{
			"ask":    func() error { _, err := c.Ask(t.Context(), ask, client.AskOptions{}); return err },
			"wait":   func() error { _, err := c.Wait(t.Context(), "req_1", 0, nil); return err },
			"whoami": func() error { _, err := c.Whoami(t.Context()); return err },
		} {
			err := do()
			var none *client.NoBridge
			if !errors.Is(err, client.ErrNoBridge) || !errors.As(err, &none) {
				t.Fatalf("%s at %q: %v", name, socket, err)
			}
			if !strings.Contains(err.Error(), says[0]) || !strings.Contains(none.Hint, says[1]) || none.Socket != socket {
				t.Errorf("%s at %q: %v, hint %q", name, socket, err, none.Hint)
			}
		}
	}
}

func TestWhatIsNoBridgeIsNotBelieved(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>at-12345")) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.example/", http.StatusFound)
		},
		"an error page":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "at-12345", http.StatusBadGateway) },
		"other JSON":          answering(http.StatusOK, api.MediaType, `["at-12345"]`),
		"broken JSON":         answering(http.StatusOK, api.MediaType, `{"access_token":"at-12345"`),
		"a problem of others": answering(http.StatusForbidden, api.ProblemMediaType, `{"detail":"at-12345"}`),
		"no problem":          answering(http.StatusForbidden, api.ProblemMediaType, `at-12345`),
		"without an end": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", api.MediaType)
			for chunk := []byte(strings.Repeat("at-12345", 1024)); r.Context().Err() == nil; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := serve(t, h).Token(t.Context(), ask, client.AskOptions{})
			if err == nil || errors.Is(err, client.ErrNoBridge) || client.CodeOf(err) != "" {
				t.Errorf("%v, %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "at-12345") {
				t.Errorf("the answer is in the error: %v", err)
			}
		})
	}
}

func answering(status int, mediaType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestMembersOfALaterVersionAreNoFault(t *testing.T) {
	c := serve(t, answering(http.StatusOK, api.MediaType, `{"id":"req_1","state":"asked","version":3,"mood":"good","outcome":null,"human":null}`))
	if r, err := c.Request(t.Context(), "req_1", 0, 0); err != nil || r.Version != 3 || r.Human != "" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTheCallersContextIsTheCallersError(t *testing.T) {
	c, _ := bridged(t)
	r, err := c.Ask(t.Context(), ask, client.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err = c.Wait(ctx, r.ID, 0, func(api.Request) { cancel(enough) })
	if !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}
