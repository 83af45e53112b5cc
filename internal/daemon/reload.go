package daemon

import (
	"context"
	"fmt"
	"net/http"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/doctor"
	"github.com/authbridge/authbridge/oauth"
)

// Reload takes another configuration over while the daemon runs, all of it or,
// with an error, nothing. Keys that need a restart are a [*config.Faults]. It
// returns when all that the new one forbids has ended, or when ctx does, or the
// daemon begins to stop, for whatever reason: the end waits for it.
func (d *Daemon) Reload(ctx context.Context, next *config.Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.stopping, cancel)() //nolint:contextcheck // of the daemon, not of the caller
	d.reloading.Lock()
	defer d.reloading.Unlock()
	before := d.calls.Load()
	if err := config.CheckReload(before.cfg, next); err != nil {
		return err
	}
	calls, err := before.to(next)
	if err != nil {
		return err
	}
	credential, err := newCredential(next.Listen.TLS)
	if err != nil {
		return err
	}
	back := d.goBy(calls, credential)
	ended, err := d.bridge.Reload(ctx, &next.Directory, calls.providers)
	if err != nil {
		back()
		return err
	}
	if calls.client != before.client {
		before.hangUp()
	}
	d.metrics.know(next.Providers)
	d.warn(next)
	d.log.Info("reloaded", "file", next.File, "requests ended", ended.Requests, "grants revoked", ended.Grants, "grants shortened", ended.Shortened)
	return nil
}

// goBy has the daemon go by what was made of a configuration, and returns how
// it goes by what was before. It comes before the bridge's own part, which may
// take long: who is not to connect any more must not for so long, and pages
// that it wakes see how people sign in now.
func (d *Daemon) goBy(now *calls, credential *credential) (back func()) {
	calls, tls, way := d.calls.Swap(now), d.tls.now.Swap(credential), d.signIns.now.Load()
	d.signIns.follow(now.cfg, now.providers)
	if now.client != calls.client {
		d.resources.use(now)
	}
	return func() {
		d.calls.Store(calls)
		if now.client != calls.client {
			d.resources.use(calls)
		}
		d.tls.now.Store(tls)
		d.signIns.now.Store(way)
	}
}

// calls is how providers are reached under one configuration.
type calls struct {
	cfg       *config.Config
	client    *http.Client // nil = whoever made the providers sees to that
	providers map[string]bridge.Provider
}

// to makes what another configuration needs; it calls nobody. A provider that
// is configured as before stays the same, with all that it has learnt.
func (c *calls) to(next *config.Config) (*calls, error) {
	after := &calls{cfg: next, client: c.client, providers: make(map[string]bridge.Provider)}
	same := c.cfg != nil && c.cfg.Network.Same(next.Network)
	if !same {
		after.client = oauth.NewHTTPClient(oauth.NetworkPolicy(next.Network))
	}
	for name, p := range next.Providers {
		if before, there := c.providers[name]; there && same && p.Same(c.cfg.Providers[name]) {
			after.providers[name] = before
			continue
		}
		ours, err := doctor.Client(p)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: providers.%s.%w", next.File, next.Line("providers."+name), name, err)
		}
		ours.Network = oauth.NetworkPolicy(next.Network)
		made, err := oauth.New(ours, after.client)
		if err != nil {
			return nil, fmt.Errorf("provider %s: %w", name, err)
		}
		after.providers[name] = made
	}
	return after, nil
}

// hangUp closes idle connections to providers.
func (c *calls) hangUp() {
	if c.client != nil {
		c.client.CloseIdleConnections()
	}
}
