package tokensource_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/client/tokensource"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// bridged is a client of the real API over a fake desk.
func bridged(t testing.TB) (*client.Client, *httpapitest.Desk) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	uid := uint32(os.Getuid())
	desk := httpapitest.NewDesk(t, bridge.Agent{Name: "me", UID: &uid, Owner: "alice"})
	c := &client.Client{Socket: filepath.Join(dir, "agent.sock")}
	l, err := localhttp.Listen(t.Context(), c.Socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: httpapi.New(httpapi.Options{Desk: desk}), ConnContext: localhttp.ConnContext}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { c.Close(); _ = srv.Close() })
	return c, desk
}

var ask = api.Ask{Provider: "corp", Scopes: []string{"files.read"}}

func tokenOf(text string, left time.Duration) bridge.Token {
	return bridge.Token{
		Access: bridge.NewSecret(text), Type: "Bearer", ExpiresAt: time.Now().Add(left).UTC(), Scopes: []string{"files.read"},
		Issuer: "https://login.example.com", Human: "alice", Grant: bridge.NewGrantID(time.Now()),
	}
}

// grants is a human who grants whatever they are asked.
func grants(desk *httpapitest.Desk, text string, left time.Duration) tokensource.Options {
	return tokensource.Options{Each: func(r api.Request) {
		if r.State == api.Asked {
			desk.Grant(bridge.RequestID(r.ID), tokenOf(text, left))
		}
	}}
}

func TestAProgramOfOAuthGetsItsTokens(t *testing.T) {
	c, desk := bridged(t)
	resource := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}))
	defer resource.Close()
	calls := oauth2.NewClient(t.Context(), tokensource.New(t.Context(), c, ask, grants(desk, "tok-1", time.Hour)))
	for range 3 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, resource.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := calls.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(said) != "Bearer tok-1" {
			t.Errorf("sent %q", said)
		}
	}
	if n := len(desk.Asks()); n != 1 {
		t.Errorf("the bridge was asked %d times", n)
	}
}

// TestATokenNearItsEndIsReplaced by asking again, which a live grant answers.
func TestATokenNearItsEndIsReplaced(t *testing.T) {
	c, desk := bridged(t)
	src := tokensource.New(t.Context(), c, ask, grants(desk, "tok-1", -time.Second))
	if got, err := src.Token(); err != nil || got.AccessToken != "tok-1" || got.Extra("scope") != "files.read" {
		t.Fatal(err)
	}
	desk.Serve(tokenOf("tok-2", time.Hour))
	for range 2 {
		if got, err := src.Token(); err != nil || got.AccessToken != "tok-2" || time.Until(got.Expiry) < 59*time.Minute {
			t.Fatal(err)
		}
	}
	if n := len(desk.Asks()); n != 2 {
		t.Errorf("the bridge was asked %d times", n)
	}
}

// TestABridgeThatRestartsIsNotNoticed while the token at hand is good: that it
// would be replaced by now is no reason to fail. A no of the bridge is one.
func TestABridgeThatRestartsIsNotNoticed(t *testing.T) {
	c, desk := bridged(t)
	src := tokensource.New(t.Context(), c, ask, grants(desk, "tok-1", time.Hour))
	if _, err := src.Token(); err != nil {
		t.Fatal(err)
	}
	tokensource.Age(src)
	up := c.Socket + ".up"
	if err := os.Rename(c.Socket, up); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if got, err := src.Token(); err != nil || got.AccessToken != "tok-1" {
		t.Errorf("while no bridge answers: %v", err)
	}
	if err := os.Rename(up, c.Socket); err != nil {
		t.Fatal(err)
	}
	desk.Fail(&bridge.Problem{Code: bridge.ProblemSuspended, Detail: "suspended"})
	if _, err := src.Token(); client.CodeOf(err) != api.ProblemSuspended {
		t.Errorf("a no is passed over: %v", err)
	}
}

func TestManyWantATokenAndOneAsks(t *testing.T) {
	c, desk := bridged(t)
	src := tokensource.New(t.Context(), c, ask, grants(desk, "tok-1", time.Hour))
	errs := make(chan error)
	const all = 20
	for range all {
		go func() {
			_, err := src.Token()
			errs <- err
		}()
	}
	for range all {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := len(desk.Asks()); n != 1 {
		t.Errorf("the bridge was asked %d times", n)
	}
}

// TestAWaitIsBounded: and who was asked stays asked.
func TestAWaitIsBounded(t *testing.T) {
	c, desk := bridged(t)
	var open bridge.RequestID
	src := tokensource.New(t.Context(), c, ask, tokensource.Options{
		Wait: 50 * time.Millisecond,
		Each: func(r api.Request) { open = bridge.RequestID(r.ID) },
	})
	_, err := src.Token()
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "alice has not decided; request "+string(open)+" lives on") {
		t.Fatalf("got %v", err)
	}
	desk.Grant(open, tokenOf("tok-1", time.Hour))
	if got, err := src.Token(); err != nil || got.AccessToken != "tok-1" {
		t.Errorf("got %v", err)
	}
	if n := len(desk.Asks()); n != 1 {
		t.Errorf("the bridge was asked %d times", n)
	}
}

func TestAProgramThatEndsWaitsNoMore(t *testing.T) {
	c, desk := bridged(t)
	ctx, cancel := context.WithCancel(t.Context())
	src := tokensource.New(ctx, c, ask, tokensource.Options{Each: func(api.Request) { cancel() }})
	if _, err := src.Token(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := src.Token(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := len(desk.Asks()); n != 1 {
		t.Errorf("the bridge was asked %d times", n)
	}
}

// TestANoIsSaid, is shared by who waited for it, and ends the matter: the next
// call is another ask.
func TestANoIsSaid(t *testing.T) {
	c, desk := bridged(t)
	src := tokensource.New(t.Context(), c, ask, tokensource.Options{Each: func(r api.Request) {
		if r.State == api.Asked {
			desk.End(bridge.RequestID(r.ID), bridge.Denied, bridge.Outcome{Code: bridge.OutcomeDenied, Message: "alice said no"})
		}
	}})
	_, err := src.Token()
	p, ok := errors.AsType[*client.Problem](err)
	if !ok || p.Request.Outcome.Code != api.OutcomeDenied {
		t.Fatalf("got %v", err)
	}
	desk.Serve(tokenOf("tok-1", time.Hour))
	if got, err := src.Token(); err != nil || got.AccessToken != "tok-1" {
		t.Errorf("got %v", err)
	}
}

// TestErrorsHoldNoToken, whatever answers at the socket.
func TestErrorsHoldNoToken(t *testing.T) {
	c, desk := bridged(t)
	desk.Fail(&bridge.Problem{Code: bridge.ProblemNotAllowed, Detail: "not for you", Hint: "ask for files.read"})
	_, err := tokensource.New(t.Context(), c, ask, tokensource.Options{}).Token()
	if err == nil || err.Error() != "token of corp: not for you; ask for files.read" {
		t.Errorf("got %v", err)
	}
	if said := fmt.Sprintf("%+v %#v", err, err); strings.Contains(said, "tok-") {
		t.Errorf("it says %s", said)
	}
}
