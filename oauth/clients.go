package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/authbridge/authbridge/bridge"
)

// Safe keeps sealed what must outlive a restart; *[bridge.Safe] is one. What
// is missing is [bridge.ErrNotFound].
type Safe interface {
	Get(ctx context.Context, key string) (bridge.Secret, error)
	Put(ctx context.Context, key string, value bridge.Secret) error
}

// ClientsConfig is what clients are registered with.
type ClientsConfig struct {
	Safe      Safe
	Network   NetworkPolicy
	HTTP      *http.Client // nil makes one
	PublicURL string       // the origin of the bridge's own pages; "" = none
	Name      string       // what people at an issuer are told who we are; "" = "authbridge"
}

// Clients are the clients that the bridge has registered by itself, at issuers
// that are no configured provider: one at each, or one for each agent. It is
// safe for concurrent use. Load comes first.
type Clients struct {
	safe      Safe
	publicURL string
	name      string
	flight    singleflight.Group
	changing  sync.Mutex // what is kept: held while it is read, changed and stored

	mu      sync.Mutex // guards what follows
	network NetworkPolicy
	http    *http.Client
	key     ClientKey
	all     []registration        // the newest last
	known   map[[2]string]*client // by issuer and client id
}

// client is who speaks as one of them.
type client struct {
	*Provider
	lost func(context.Context) error // the issuer does not know it any more
}

// registration is a client as it is kept.
type registration struct {
	Issuer  string
	Agent   string `json:",omitzero"` // whose it is alone; "" = everybody's
	ID      string
	Secret  string    `json:",omitzero"`
	Method  string    // as in [Config.AuthMethod]
	Made    time.Time // also of the secret
	Expires time.Time `json:",omitzero"` // of the secret; zero = never
	Over    bool      `json:",omitzero"` // another takes its place for what is new
}

// What is kept, and how many clients at most. What an operator lists bounds
// them; agents with clients of their own multiply it.
const (
	safeClients = "clients"
	safeKey     = "key"
	maxClients  = 256
)

// NewClients returns clients of whom nothing is known yet.
func NewClients(c ClientsConfig) *Clients {
	clients := &Clients{safe: c.Safe, publicURL: c.PublicURL, name: cmp.Or(c.Name, "authbridge"), known: map[[2]string]*client{}}
	clients.Use(c.Network, c.HTTP)
	return clients
}

// Use has all calls from now on go by a policy and an HTTP client; nil makes
// one.
func (c *Clients) Use(network NetworkPolicy, client *http.Client) {
	if client == nil {
		client = NewHTTPClient(network)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.network, c.http = network, client
	clear(c.known)
}

// Load reads what is kept. With [bridge.ErrUnreadable] the clients go on as if
// there had been none.
func (c *Clients) Load(ctx context.Context) error {
	kept, err := c.safe.Get(ctx, safeClients)
	var all []registration
	switch {
	case errors.Is(err, bridge.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read our clients: %w", err)
	case json.Unmarshal([]byte(kept.Reveal()), &all) != nil:
		return fmt.Errorf("read our clients: %w", bridge.ErrUnreadable)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = all
	return nil
}

// ownKey is the key that all clients prove themselves with. It is read when it
// is first needed, and made when there is none.
func (c *Clients) ownKey(ctx context.Context) (ClientKey, error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	key := c.key
	c.mu.Unlock()
	if !key.IsZero() {
		return key, nil
	}
	kept, err := c.safe.Get(ctx, safeKey)
	switch {
	case err == nil:
		key, err = ReadClientKey(kept, "")
	case errors.Is(err, bridge.ErrNotFound):
		if key, kept, err = NewClientKey(); err == nil {
			err = c.safe.Put(ctx, safeKey, kept)
		}
	}
	if err != nil {
		return ClientKey{}, fmt.Errorf("read the key of our clients: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key = key
	return key, nil
}

// Client implements [bridge.Resources].
func (c *Clients) Client(ctx context.Context, issuer, agent string, details []string) (string, error) {
	id, err := c.clientOf(ctx, issuer, agent)
	if err != nil || len(details) == 0 {
		return id, err
	}
	return id, c.take(ctx, issuer, id, details)
}

// take refuses authorization details that the issuer is known not to take. What
// is not known now is found out with the device request.
func (c *Clients) take(ctx context.Context, issuer, id string, details []string) error {
	known, ok := c.find(issuer, id)
	if !ok {
		return nil
	}
	md, err := known.discover(ctx)
	if err != nil {
		return nil //nolint:nilerr // as the comment has it
	}
	return md.takes(details)
}

// clientOf finds our client, or registers it. All that want the same one at the
// same time share one registration (RFC 7591).
func (c *Clients) clientOf(ctx context.Context, issuer, agent string) (string, error) {
	if r, ok := c.current(issuer, agent, time.Now()); ok {
		return r.ID, nil
	}
	found := c.flight.DoChan(issuer+"\x00"+agent, func() (any, error) {
		if r, ok := c.current(issuer, agent, time.Now()); ok {
			return r.ID, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		defer cancel()
		r, err := c.register(ctx, issuer, agent)
		if err != nil {
			return "", err
		}
		return r.ID, c.keep(ctx, r)
	})
	select {
	case <-ctx.Done():
		return "", &bridge.Unavailable{Err: ctx.Err()}
	case result := <-found:
		id, _ := result.Val.(string)
		return id, result.Err
	}
}

// current finds the client that new requests go by.
func (c *Clients) current(issuer, agent string, now time.Time) (registration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.IndexFunc(c.all, func(r registration) bool {
		return r.Issuer == issuer && r.Agent == agent && !r.Over && !r.old(now) && c.stands(r)
	})
	if at < 0 {
		return registration{}, false
	}
	return c.all[at], true
}

// old reports whether the secret of a client is about to expire: a fifth of its
// life before it does, so that what is granted with it can still be refreshed.
func (r registration) old(now time.Time) bool {
	return !r.Expires.IsZero() && !now.Before(r.Expires.Add(-r.Expires.Sub(r.Made)/5))
}

// stands reports whether a client that is a document of ours is still where it
// says: the bridge may have moved.
func (c *Clients) stands(r registration) bool {
	return !isDocument(r.ID) || r.ID == c.documentOf(r.Agent)
}

// keep stores a new client, and what it takes the place of. It is there only
// once that is done: a client that is forgotten at a crash is registered again.
func (c *Clients) keep(ctx context.Context, r registration) error {
	return c.change(ctx, func(before registration) (registration, bool) {
		before.Over = before.Over || before.Issuer == r.Issuer && before.Agent == r.Agent
		return before, before.Issuer != r.Issuer || before.ID != r.ID
	}, r)
}

// oldest is the client that can be missed most: one that is over, else the
// first.
func oldest(all []registration) int {
	return max(0, slices.IndexFunc(all, func(r registration) bool { return r.Over }))
}

// change stores the clients as each says, but for those that it leaves out, and
// more behind them.
func (c *Clients) change(ctx context.Context, each func(registration) (registration, bool), more ...registration) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	before := c.all
	c.mu.Unlock()
	var all []registration
	for _, r := range before {
		if r, stays := each(r); stays {
			all = append(all, r)
		}
	}
	all = append(all, more...)
	for len(all) > maxClients {
		all = slices.Delete(all, oldest(all), oldest(all)+1)
	}
	text, err := json.Marshal(all) //nolint:gosec // G117: for the safe, which seals it
	if err != nil {
		return fmt.Errorf("write our clients: %w", err)
	}
	if err := c.safe.Put(ctx, safeClients, bridge.NewSecret(string(text))); err != nil {
		return fmt.Errorf("store our clients: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = all
	return nil
}

// forget has a new client registered the next time: the issuer does not know
// this one any more. It stays for what was granted by it.
func (c *Clients) forget(ctx context.Context, issuer, id string) error {
	return c.change(ctx, func(r registration) (registration, bool) {
		r.Over = r.Over || r.Issuer == issuer && r.ID == id && !isDocument(id)
		return r, true
	})
}

// Provider implements [bridge.Resources].
func (c *Clients) Provider(issuer, id string) (bridge.Provider, bool) {
	p, ok := c.find(issuer, id)
	if !ok {
		return nil, false
	}
	return p, true
}

// find returns who speaks as a client that is kept.
func (c *Clients) find(issuer, id string) (*client, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.known[[2]string{issuer, id}]; known != nil {
		return known, true
	}
	at := slices.IndexFunc(c.all, func(r registration) bool { return r.Issuer == issuer && r.ID == id })
	if at < 0 {
		return nil, false
	}
	r := c.all[at]
	cfg := Config{Issuer: r.Issuer, ClientID: r.ID, ClientSecret: bridge.NewSecret(r.Secret), AuthMethod: r.Method, Network: c.network}
	if r.Method == AuthKey {
		cfg.KeyOf = c.ownKey
	}
	made, err := New(cfg, c.http)
	if err != nil { // such as an issuer over http that is not allowed any more
		return nil, false
	}
	known := &client{Provider: made, lost: func(ctx context.Context) error { return c.forget(ctx, issuer, id) }}
	c.known[[2]string{issuer, id}] = known
	return known, true
}

// Begin is that of the provider. An issuer that has forgotten the client says
// invalid_client (RFC 6749, section 5.2); the next ask has another.
func (c *client) Begin(ctx context.Context, ask bridge.CodeRequest) (bridge.Code, error) {
	code, err := c.Provider.Begin(ctx, ask)
	if word, is := errors.AsType[oauthError](err); is && word == "invalid_client" {
		err = errors.Join(c.lost(context.WithoutCancel(ctx)),
			refuse(bridge.OutcomeProviderError, "%s does not know our client any more; the next request goes by a new one", c.issuer.Host))
	}
	return code, err
}

// register finds out how we can be a client there, and becomes one: by our own
// document where the issuer reads those, else by its registration.
func (c *Clients) register(ctx context.Context, issuer, agent string) (registration, error) {
	c.mu.Lock()
	network, way := c.network, c.http
	c.mu.Unlock()
	at, err := New(Config{Issuer: issuer, ClientID: "unregistered", Network: network}, way)
	if err != nil {
		return registration{}, refuse(bridge.OutcomeProviderError, "%v", err)
	}
	md, err := at.discover(ctx)
	if err != nil {
		return registration{}, err
	}
	if err := md.offersDeviceGrant(); err != nil {
		return registration{}, err
	}
	made := registration{Issuer: issuer, Agent: agent, Made: time.Now().UTC().Round(time.Second)}
	switch {
	case bool(md.Documents) && c.documentOf(agent) != "" && md.takesKey():
		made.ID, made.Method = c.documentOf(agent), AuthKey
		return made, nil
	case md.Registration != "":
		return c.ask(ctx, at, md, made)
	}
	return registration{}, refuse(bridge.OutcomeProviderError,
		"nobody can be a client of %s without its operator: register one there by hand, for the device grant, and configure it under providers", at.issuer.Host)
}

// takesKey reports whether the issuer takes proofs by a key like ours. What it
// does not list is not known to work (RFC 8414, section 2: without a list it is
// client_secret_basic).
func (md *metadata) takesKey() bool {
	return slices.Contains(md.Methods, AuthKey) && (md.KeyAlgorithms == nil || slices.Contains(md.KeyAlgorithms, "ES256"))
}

// isDocument reports whether a client's id is the address of its document.
func isDocument(id string) bool { return strings.HasPrefix(id, "https://") }
