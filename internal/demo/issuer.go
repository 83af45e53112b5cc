package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/authbridge/authbridge/internal/demo/provider"
)

const (
	clientID = "authbridge-demo"
	scope    = "documents.read"
)

// issuer is the demo's provider on a port of its own.
type issuer struct {
	listener net.Listener
	server   *http.Server

	mu  sync.Mutex
	yes []time.Time // when it answered polls with tokens, since they were last taken
}

// newIssuer opens a free port. Nobody is answered before serve.
func newIssuer(ctx context.Context) (*issuer, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a port for the demo's provider: %w", err)
	}
	i := &issuer{listener: l}
	p, err := provider.New(i.options())
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	i.server = &http.Server{
		Handler: p, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	return i, nil
}

func (i *issuer) options() provider.Options {
	return provider.Options{
		Issuer: i.url(),
		Clients: []provider.Client{{
			ID: clientID, Name: "authbridge demo",
			Scopes: []string{"openid", "email", "offline_access", scope},
		}},
		Accounts: []provider.Account{
			{Login: "alice", Subject: "demo-alice", Email: "alice@example.com", EmailVerified: true, Name: "Alice", About: "who is asked: the agent gets its token"},
			{Login: "bob", Subject: "demo-bob", Email: "bob@example.com", EmailVerified: true, Name: "Bob", About: "somebody else: the bridge notices (identity_mismatch), and the agent gets nothing"},
		},
		ScopeWords: map[string]string{scope: "read your documents"},
		Interval:   time.Second, // so that nobody waits for a poll; most providers want five
		Watch:      i.watch,
	}
}

func (i *issuer) url() string { return "http://" + i.listener.Addr().String() }

// watch keeps when the provider says yes to a poll.
func (i *issuer) watch(e provider.Entry) {
	if e.Kind != provider.KindTokenIssued {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.yes = append(i.yes, e.Time)
}

// saidYes takes what watch has kept. It is known when the provider said yes to
// somebody only if it has said so once.
func (i *issuer) saidYes() (at time.Time, known bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := i.yes
	i.yes = nil
	if len(all) != 1 {
		return time.Time{}, false
	}
	return all[0], true
}

// serve answers until close.
func (i *issuer) serve() error {
	if err := i.server.Serve(i.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the demo's provider: %w", err)
	}
	return nil
}

// close lets go of the port, whether it was served or not.
func (i *issuer) close() {
	_ = i.server.Close()
	_ = i.listener.Close()
}
