package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/internal/devprovider"
)

// provider is corp: a real one, on a port of its own. It also keeps what it
// said to the bridge, so that a test knows every secret that there is.
type provider struct {
	*devprovider.Provider

	mu       sync.Mutex
	told     []map[string]any // the JSON answers at the endpoints for tokens and codes
	lifetime time.Duration    // what the next code says of its life; 0 = the truth
	held     chan struct{}    // until it is closed no poll is answered; nil = all are
}

func newProvider(t *testing.T, o options) *provider {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	made, err := devprovider.New(devprovider.Options{
		Issuer: "http://" + l.Addr().String(),
		Clients: []devprovider.Client{{
			ID: "authbridge", Secret: corpSecret, Name: "Example Bridge",
			Scopes: []string{"openid", "email", "profile", "offline_access", "files.read", "files.write"}, RedirectURIs: callbacks(o),
		}},
		Accounts: []devprovider.Account{
			{Login: "alice", Subject: "a-1", Email: "alice@example.com", EmailVerified: true, Name: "Alice"},
			{Login: "bob", Subject: "b-2", Email: "bob@example.com", EmailVerified: true, Name: "Bob"},
			// Says to be alice, which nobody has checked.
			{Login: "mallory", Subject: "m-3", Email: "alice@example.com", Name: "Mallory"},
		},
		ScopeWords:          map[string]string{"files.read": "read your files", "files.write": "change your files"},
		CodeLifetime:        o.codeLife,
		AccessTokenLifetime: o.tokenLife,
		Interval:            time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{Provider: made}
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Shutdown(context.Background()) })
	return p
}

func callbacks(o options) []string {
	if o.callback == "" {
		return nil
	}
	return []string{o.callback}
}

// ServeHTTP lets the provider answer, and keeps what it says to programs.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/token" && r.URL.Path != "/device_authorization" {
		p.Provider.ServeHTTP(w, r)
		return
	}
	if held := p.holding(); held != nil && r.URL.Path == "/token" {
		<-held
	}
	said := httptest.NewRecorder()
	p.Provider.ServeHTTP(said, r)
	body := p.keep(said.Body.Bytes())
	maps.Copy(w.Header(), said.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(said.Code)
	_, _ = w.Write(body)
}

func (p *provider) keep(body []byte) []byte {
	var answer map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&answer) != nil {
		return body
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, answer)
	if answer["device_code"] != nil && p.lifetime != 0 {
		answer["expires_in"] = int(p.lifetime.Seconds())
		p.lifetime = 0
		body, _ = json.Marshal(answer)
	}
	return body
}

// shorten makes the next code say that it lives this long, in whole seconds.
func (p *provider) shorten(life time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lifetime = life
}

// hold lets polls wait for their answers until letGo is called, or the test
// is over.
func (p *provider) hold(t *testing.T) (letGo func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := make(chan struct{})
	p.held = held
	letGo = sync.OnceFunc(func() { close(held) })
	t.Cleanup(letGo)
	return letGo
}

func (p *provider) holding() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

// said lists what the provider gave the bridge under a name, such as
// access_token, oldest first.
func (p *provider) said(name string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, answer := range p.told {
		if text, ok := answer[name].(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// count counts what happened at the provider.
func (p *provider) count(kind devprovider.Kind) int {
	return len(slices.DeleteFunc(p.Journal(), func(e devprovider.Entry) bool { return e.Kind != kind }))
}

// polls counts the polls for a code so far, whatever their answer.
func (p *provider) polls(userCode string) int {
	n := 0
	for _, e := range p.Journal() {
		if e.UserCode == userCode && (e.Kind == devprovider.KindPoll || e.Kind == devprovider.KindEarlyPoll) {
			n++
		}
	}
	return n
}

// wants fails the test unless the provider saw this often what is named, and
// never an early poll.
func (p *provider) wants(t testing.TB, counts map[devprovider.Kind]int) {
	t.Helper()
	for kind, want := range counts {
		if got := p.count(kind); got != want {
			t.Errorf("the provider saw %d x %s, want %d", got, kind, want)
		}
	}
	if early := p.count(devprovider.KindEarlyPoll); early != 0 {
		t.Errorf("%d polls came too early", early)
	}
}
