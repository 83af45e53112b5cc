package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/httpapi"
	"github.com/authbridge/authbridge/httpapi/httpapitest"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// desk is a bridge whose human is played by the test: each time an agent
// waits, the human does the next thing that is planned.
type desk struct {
	*httpapitest.Desk
	socket string
	waited chan struct{} // gets a value when somebody begins to wait

	given int
	close func() // the bridge is away

	mu   sync.Mutex
	plan []func(bridge.RequestID)
}

// openDesk serves a desk at a socket until the test ends. Whoever runs the
// test is its agent "helper".
func openDesk(t testing.TB, socket string) *desk {
	t.Helper()
	uid := uint32(os.Getuid())
	d := &desk{
		Desk:   httpapitest.NewDesk(t, bridge.Agent{Name: "helper", UID: &uid, Owner: "alice", May: mayAsk()}),
		socket: socket, waited: make(chan struct{}, 1),
	}
	d.opens(t)
	t.Cleanup(func() { d.close() })
	return d
}

// opens begins to serve, also after close. What is known stays known.
func (d *desk) opens(t testing.TB) {
	t.Helper()
	l, err := localhttp.Listen(t.Context(), d.socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: httpapi.New(httpapi.Options{Desk: d}), ConnContext: localhttp.ConnContext}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	d.close = func() { _ = srv.Close(); <-done }
}

// mayAsk is what the agent of a desk is told that it may ask.
func mayAsk() []bridge.Rule {
	return []bridge.Rule{
		{Provider: "corp", Scopes: []string{"files.read", "calendar.*"}, DefaultScopes: []string{"files.read"}, Ask: []string{"alice", "bob"}},
		{Provider: "wiki", Scopes: []string{"*"}, DefaultScopes: []string{"pages"}, Ask: []string{"alice"}},
	}
}

// shortDir is a directory whose sockets have paths short enough for every
// system.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	return openDesk(t, filepath.Join(shortDir(t), "agent.sock"))
}

// Await has the human do the next planned thing, and then waits.
func (d *desk) Await(ctx context.Context, agent string, id bridge.RequestID, enough func(bridge.Request) bool) (bridge.Request, error) {
	if act := d.next(); act != nil {
		act(id)
	}
	select {
	case d.waited <- struct{}{}:
	default:
	}
	return d.Desk.Await(ctx, agent, id, enough)
}

func (d *desk) next() func(bridge.RequestID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.plan) == 0 {
		return nil
	}
	act := d.plan[0]
	d.plan = d.plan[1:]
	return act
}

// then plans what the human does the next time that an agent waits.
func (d *desk) then(act func(bridge.RequestID)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plan = append(d.plan, act)
}

// changes plans any change of the request.
func (d *desk) changes(change func(*bridge.Request)) {
	d.then(func(id bridge.RequestID) { d.Change(id, change) })
}

func (d *desk) grants(token bridge.Token) {
	d.then(func(id bridge.RequestID) { d.Grant(id, token) })
}

func (d *desk) ends(state bridge.State, code bridge.OutcomeCode) {
	d.then(func(id bridge.RequestID) {
		d.End(id, state, bridge.Outcome{Code: code, Message: "that is how it ended"})
	})
}

// sees is the card on the human's screen, presses is Show code.
func sees(r *bridge.Request) {
	r.Surfaces = []bridge.Surface{{Channel: "web", State: bridge.DeliveryShown}}
}

func presses(r *bridge.Request) {
	r.State, r.CodeExpiresAt = bridge.Coded, time.Now().Add(15*time.Minute).UTC()
}

// gives puts a grant of the agent there.
func (d *desk) gives(session string, change ...func(*bridge.Grant)) bridge.GrantID {
	d.given++
	now := time.Now().Add(time.Duration(d.given) * time.Second).UTC().Round(0) // each is newer than the last
	g := bridge.Grant{
		ID: bridge.NewGrantID(now), State: bridge.GrantLive, Human: "alice",
		Key:    bridge.GrantKey{Agent: "helper", Session: session, Human: "alice", Provider: "corp", ClientID: "authbridge"},
		Issuer: "https://login.example.com", Account: "alice@example.com", Scopes: []string{"files.read"},
		CreatedAt: now, AccessExpiresAt: now.Add(time.Hour), ReuseUntil: now.Add(8 * time.Hour), EndsAt: now.Add(8 * time.Hour), Revocation: bridge.RevocationNone,
	}
	for _, c := range change {
		c(&g)
	}
	d.PutGrant(g)
	return g.ID
}

// tokenOf is a token as a provider would give it.
func tokenOf(secret string) bridge.Token {
	return bridge.Token{
		Access: bridge.NewSecret(secret), Type: "Bearer", ExpiresAt: time.Now().Add(time.Hour).UTC(),
		Scopes: []string{"files.read"}, Issuer: "https://login.example.com", Account: "alice@example.com",
		Human: "alice", Grant: bridge.NewGrantID(time.Now()),
	}
}
