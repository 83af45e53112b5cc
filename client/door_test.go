package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/httpapi"
)

// keyed answers whoami to those who show this key, and nobody else.
func keyed(t *testing.T, key string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+key {
			answering(http.StatusUnauthorized, api.ProblemMediaType, `{"code":"unauthenticated","detail":"this key is not known","status":401}`)(w, r)
			return
		}
		if r.Header.Get("Origin") != "" || r.Header.Get("Referer") != "" {
			t.Error("the call looks like a browser's")
		}
		answering(http.StatusOK, api.MediaType, `{"agent":"ci"}`)(w, r)
	})
}

func TestABridgeAtAURL(t *testing.T) {
	const key = "abk_12345"
	plain, secure := httptest.NewServer(keyed(t, key)), httptest.NewTLSServer(keyed(t, key))
	defer plain.Close()
	defer secure.Close()
	cas := x509.NewCertPool()
	cas.AddCert(secure.Certificate())
	_, port, _ := net.SplitHostPort(plain.Listener.Addr().String())
	for name, c := range map[string]*client.Client{
		"http by address": {URL: plain.URL, Key: client.NewKey(key)},
		"http by name":    {URL: "http://localhost:" + port + "/", Key: client.NewKey(key)},
		"https":           {URL: secure.URL, Key: client.NewKey(key), TLS: &tls.Config{RootCAs: cas}},
	} {
		if who, err := c.Whoami(t.Context()); err != nil || who.Agent != "ci" {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
		c.Close()
	}
	c := &client.Client{URL: plain.URL, Key: client.NewKey("abk_old")}
	defer c.Close()
	var p *client.Problem
	if _, err := c.Whoami(t.Context()); !errors.As(err, &p) || p.Code != api.ProblemUnauthenticated || !strings.Contains(string(p.Hint), "authbridge agent add") {
		t.Errorf("a key that is not known: %+v", err)
	}
}

// TestWhereNoKeyIsSent: each of these would show the key to somebody, or
// leaves open where the bridge is. None of them makes a connection.
func TestWhereNoKeyIsSent(t *testing.T) {
	key := client.NewKey("abk_12345")
	for says, c := range map[string]*client.Client{
		"both a Socket and a URL":     {Socket: "/nowhere", URL: "https://bridge.example.com", Key: key},
		"none; the operator makes":    {URL: "https://bridge.example.com"},
		"could be read on the way":    {URL: "http://bridge.example.com:8740", Key: key},
		"read on the way, and the ho": {URL: "http://10.0.0.1:8740", Key: key},
		"read on the way, and":        {URL: "http://localhost.example.com", Key: key},
		"begins with \"ftp\"":         {URL: "ftp://127.0.0.1", Key: key},
		"scheme, host and port":       {URL: "https://alice:abk_12345@bridge.example.com", Key: key},
		"scheme, host and port alone": {URL: "https://bridge.example.com/v1", Key: key},
		"host and port alone":         {URL: "bridge.example.com:8740", Key: key},
		"host and port alone, such":   {URL: "https://", Key: key},
		"no https URL":                {Socket: "/nowhere", TLS: &tls.Config{}},
		"no https URL to use them":    {URL: "http://127.0.0.1:1", Key: key, TLS: &tls.Config{}},
	} {
		_, err := c.Whoami(t.Context())
		if err == nil || !strings.Contains(err.Error(), says) || errors.Is(err, client.ErrNoBridge) || strings.Contains(err.Error(), "12345") {
			t.Errorf("%s: %v", says, err)
		}
		for _, err := range c.Events(t.Context(), "c-1") {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s, of events: %v", says, err)
			}
		}
	}
}

// TestAStrangersCertificate: the key is not sent to whoever happens to answer.
func TestAStrangersCertificate(t *testing.T) {
	seen := false
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen = true }))
	secure.Config.ErrorLog = nil
	defer secure.Close()
	c := &client.Client{URL: secure.URL, Key: client.NewKey("abk_12345")}
	defer c.Close()
	_, err := c.Whoami(t.Context())
	var none *client.NoBridge
	if !errors.As(err, &none) || none.URL != secure.URL || !strings.Contains(none.Hint, "AUTHBRIDGE_CA") || seen {
		t.Errorf("%v, %+v, seen: %v", err, none, seen)
	}
}

func TestWhereThereIsNoBridgeAtAURL(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	plain := httptest.NewServer(keyed(t, "k"))
	defer plain.Close()
	wants := httptest.NewUnstartedServer(keyed(t, "k"))
	wants.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	wants.StartTLS()
	defer wants.Close()
	trusting := &tls.Config{RootCAs: x509.NewCertPool()}
	trusting.RootCAs.AddCert(wants.Certificate())
	for says, c := range map[string]*client.Client{
		"its listen.tcp is this":     {URL: "http://" + addr},
		"sets listen.tls":            {URL: "https" + strings.TrimPrefix(plain.URL, "http")},
		"name one with AUTHBRIDGE_C": {URL: wants.URL, TLS: trusting},
	} {
		c.Key = client.NewKey("k")
		_, err := c.Whoami(t.Context())
		var none *client.NoBridge
		if !errors.As(err, &none) || !strings.Contains(none.Hint, says) || !strings.Contains(err.Error(), c.URL) {
			t.Errorf("%s: %v, %+v", says, err, none)
		}
		c.Close()
	}
}

// TestOnlyTheBridgeIsSpokenTo: whoever listens at the socket is looked at
// before a word is said.
func TestOnlyTheBridgeIsSpokenTo(t *testing.T) {
	c, desk := bridged(t)
	var asked []uint32
	c = &client.Client{Socket: c.Socket, Trust: func(uid uint32) bool { asked = append(asked, uid); return false }}
	_, err := c.Wait(t.Context(), "req_1", 7, nil)
	var none *client.NoBridge
	if !errors.As(err, &none) || !strings.Contains(err.Error(), "neither this user nor root") || !strings.Contains(none.Hint, "AUTHBRIDGE_SOCKET") {
		t.Errorf("%v, %+v", err, none)
	}
	if len(asked) != 1 || asked[0] != uint32(os.Getuid()) {
		t.Errorf("asked about %v", asked)
	}
	if desk.Calls() != 0 {
		t.Error("something was sent")
	}
}

// TestASocketOfAnotherUser needs root: only root can be two users.
func TestASocketOfAnotherUser(t *testing.T) {
	if path := os.Getenv("SQUAT_AT"); path != "" {
		squat(t, path)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("only root can start a process of another user")
	}
	dir, err := os.MkdirTemp("", "ab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "agent.sock")
	program := filepath.Join(dir, "squatter")
	if binary, err := os.ReadFile("/proc/self/exe"); err != nil || os.WriteFile(program, binary, 0o755) != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	squatter := exec.CommandContext(ctx, program, "-test.run=^TestASocketOfAnotherUser$")
	squatter.Env = []string{"SQUAT_AT=" + socket, "TMPDIR=" + dir}
	squatter.Dir = dir
	squatter.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}
	ready, err := squatter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := squatter.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = squatter.Process.Kill(); _ = squatter.Wait() }()
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(socket, 0, 0); err != nil { // the file may look like root's
		t.Fatal(err)
	}
	c := &client.Client{Socket: socket}
	defer c.Close()
	if _, err := c.Whoami(t.Context()); !errors.Is(err, client.ErrNoBridge) || !strings.Contains(err.Error(), "uid 12345 listens there") {
		t.Errorf("got %v", err)
	}
	told := &client.Client{Socket: socket, Trust: func(uid uint32) bool { return uid == 12345 }}
	defer told.Close()
	if who, err := told.Whoami(t.Context()); err != nil || who.Agent != "squatter" {
		t.Errorf("told so: %+v, %v", who, err)
	}
}

// squat is the other user's process: it answers until it is killed.
func squat(t *testing.T, path string) {
	l, err := net.Listen("unix", path) //nolint:noctx // it ends with the process
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString(".")
	_ = http.Serve(l, answering(http.StatusOK, api.MediaType, `{"agent":"squatter"}`))
}

func TestAWaitOutlivesARestartOverTCP(t *testing.T) {
	_, desk := bridged(t)
	desk.Rekey("me", bridge.HashKey(bridge.NewSecret("abk_12345")))
	srv := httptest.NewUnstartedServer(nil)
	addr := srv.Listener.Addr().String()
	handler := httpapi.New(httpapi.Options{Desk: desk}).TCP([]string{addr})
	srv.Config.Handler = handler
	srv.Start()
	c := &client.Client{URL: srv.URL, Key: client.NewKey("abk_12345")}
	defer c.Close()
	r, err := c.Ask(t.Context(), ask, client.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var away []error
	closed := make(chan struct{})
	c.Away = func(why error, _ time.Time) {
		if away = append(away, why); why == nil {
			return
		}
		<-closed
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
		if err != nil {
			t.Error(err)
			return
		}
		again := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
		again.Start()
		t.Cleanup(again.Close)
		desk.Grant(bridge.RequestID(r.ID), token)
	}
	stop := sync.OnceFunc(func() {
		_ = srv.Listener.Close()
		close(closed)
		srv.CloseClientConnections()
		srv.Close()
	})
	got, err := c.WaitToken(t.Context(), r.ID, 0, func(api.Request) { go stop() })
	if err != nil || got.AccessToken != "at-12345" {
		t.Errorf("token of grant %s, %v", got.Grant, err)
	}
	if len(away) != 2 || !errors.Is(away[0], client.ErrNoBridge) || away[1] != nil {
		t.Errorf("away: %v", away)
	}
}

// TestWhereThereIsNoRoomToWaitOneMayLook: what is new is heard all the same.
func TestWhereThereIsNoRoomToWaitOneMayLook(t *testing.T) {
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("wait") != "" {
			answering(http.StatusTooManyRequests, api.ProblemMediaType, `{"code":"too_many_open","detail":"no room"}`)(w, r)
			return
		}
		answering(http.StatusOK, api.MediaType, `{"id":"req_1","state":"granted","version":3}`)(w, r)
	}))
	if r, err := c.Wait(t.Context(), "req_1", 2, nil); err != nil || r.Version != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}
