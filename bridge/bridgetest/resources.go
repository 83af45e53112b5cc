package bridgetest

import (
	"context"
	"errors"
	"sync"

	"github.com/authbridge/authbridge/bridge"
)

// Resources is a scripted [bridge.Resources]: what resources say of
// themselves, and issuers at which the bridge can register. The clients that
// were registered outlive a restart of the bridge, as they would in its safe.
type Resources struct {
	mu       sync.Mutex
	said     map[string]bridge.Protected
	faults   map[string]error
	issuers  map[string]*Provider
	refusals map[string]error
	clients  map[[2]string]bool // issuer, client
	looks    []string
}

// NewResources returns resources of which nothing is known yet.
func NewResources() *Resources {
	return &Resources{
		said: map[string]bridge.Protected{}, faults: map[string]error{},
		issuers: map[string]*Provider{}, refusals: map[string]error{}, clients: map[[2]string]bool{},
	}
}

// Say sets what a resource says of itself.
func (r *Resources) Say(url string, of bridge.Protected) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said[url] = of
	delete(r.faults, url)
}

// Fail makes looks at a resource end with an error.
func (r *Resources) Fail(url string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[url] = err
}

// Open lets the bridge register at an issuer, or, with an error, not.
func (r *Resources) Open(issuer string, p *Provider, refusal error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.issuers[issuer], r.refusals[issuer] = p, refusal
}

// Forget forgets all clients.
func (r *Resources) Forget() { r.mu.Lock(); defer r.mu.Unlock(); clear(r.clients) }

// Looks are the resources that were looked at, one by one.
func (r *Resources) Looks() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.looks...)
}

// Look tells what was said.
func (r *Resources) Look(_ context.Context, url string, _ bridge.Resource) (bridge.Protected, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looks = append(r.looks, url)
	if err := r.faults[url]; err != nil {
		return bridge.Protected{}, err
	}
	said, ok := r.said[url]
	if !ok {
		return bridge.Protected{}, &bridge.Refusal{Outcome: bridge.OutcomeProviderError, Cause: "it publishes no protected resource metadata"}
	}
	return said, nil
}

// Client registers at an issuer. What details it is to ask for is all the same.
func (r *Resources) Client(_ context.Context, issuer, agent string, _ []string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refusals[issuer]; err != nil {
		return "", err
	}
	if r.issuers[issuer] == nil {
		return "", errors.New("there is no such issuer")
	}
	client := "registered"
	if agent != "" {
		client += "-for-" + agent
	}
	r.clients[[2]string{issuer, client}] = true
	return client, nil
}

// Provider speaks as a client that was registered.
func (r *Resources) Provider(issuer, client string) (bridge.Provider, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.issuers[issuer]
	return p, p != nil && r.clients[[2]string{issuer, client}]
}
