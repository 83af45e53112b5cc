package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/authbridge/authbridge/bridge"
)

// How long it is believed what a resource said, and how seldom it is asked,
// however often agents come: a resource at most once in resourcePause, and the
// resources of one host maxPerHost times.
const (
	resourceLife  = 5 * time.Minute
	resourcePause = 10 * time.Second
	maxPerHost    = 20
)

// How many resources and hosts are remembered.
const (
	maxResources = 1000
	maxHosts     = 1000
)

// ResourcesConfig is what resources are looked at with.
type ResourcesConfig struct {
	Network NetworkPolicy
	Client  *http.Client // best the one that [NewHTTPClient] made; nil makes one
	Clients *Clients     // who speaks with the issuers that resources name
}

// Resources finds out who gives tokens for a resource, from its URL alone. It
// is safe for concurrent use and implements [bridge.Resources].
type Resources struct {
	*Clients
	reader reader
	flight singleflight.Group

	mu    sync.Mutex // guards what follows
	seen  *recent[sight]
	hosts *recent[visits]
}

var _ bridge.Resources = (*Resources)(nil)

// sight is what came of a look, until it has to be looked again.
type sight struct {
	found bridge.Protected
	err   error
	until time.Time
}

// visits counts the looks at the resources of a host.
type visits struct {
	since time.Time
	count int
}

// NewResources calls nobody. Whatever the client, redirects are followed only
// for metadata, answers capped and addresses vetted.
func NewResources(c ResourcesConfig) *Resources {
	client := c.Client
	if client == nil {
		client = NewHTTPClient(c.Network)
	}
	hardened, way := harden(client, c.Network)
	return &Resources{
		Clients: c.Clients,
		reader:  reader{c.Network, way, hardened.Timeout},
		seen:    newRecent[sight](maxResources),
		hosts:   newRecent[visits](maxHosts),
	}
}

// Look implements [bridge.Resources]. What a resource said is believed for
// five minutes. One that said nothing of use is asked again after ten seconds,
// and until then what came of the last look is told again. Callers that come
// at the same time share a look, which no single one of them can cancel.
func (r *Resources) Look(ctx context.Context, resource string, entry bridge.Resource) (bridge.Protected, error) {
	at, err := r.reader.network.parse(resource)
	if err != nil {
		return bridge.Protected{}, refuse(bridge.OutcomeProviderError, "the resource is not to be called: %v", err)
	}
	key := fmt.Sprint(entry.Parent, " ", resource)
	if s, ok := r.recall(key); ok {
		return s.found, s.err
	}
	looked := r.flight.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		defer cancel()
		return r.once(ctx, key, at, resource, entry.Parent), nil
	})
	select {
	case <-ctx.Done():
		return bridge.Protected{}, &bridge.Unavailable{Err: broken(at, ctx.Err())}
	case result := <-looked:
		s := result.Val.(sight).copied()
		return s.found, s.err
	}
}

// once looks, unless somebody has just done so.
func (r *Resources) once(ctx context.Context, key string, at *url.URL, resource string, parent bool) sight {
	if s, ok := r.recall(key); ok {
		return s
	}
	if wait := r.visit(at.Host); wait > 0 {
		return sight{err: &bridge.Unavailable{RetryAfter: wait, Err: errors.New("the resources of this host were asked too often just now")}}
	}
	found, err := r.look(ctx, at, resource, parent)
	s := sight{found, err, time.Now().Add(resourceLife)}
	if err != nil {
		s.until = time.Now().Add(resourcePause)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.put(key, s)
	return s
}

func (r *Resources) recall(key string) (sight, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.seen.get(key)
	if !ok || !time.Now().Before(s.until) {
		return sight{}, false
	}
	return s.copied(), true
}

// copied lets nobody change what others are told.
func (s sight) copied() sight {
	s.found.Issuers = slices.Clone(s.found.Issuers)
	s.found.Scopes = slices.Clone(s.found.Scopes)
	s.found.Supported = slices.Clone(s.found.Supported)
	return s
}

// visit counts a look at a host, and returns how long to wait instead where
// there were enough.
func (r *Resources) visit(host string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	v, _ := r.hosts.get(host)
	if end := v.since.Add(resourcePause); !now.Before(end) {
		v = visits{since: now}
	} else if v.count >= maxPerHost {
		return end.Sub(now)
	}
	v.count++
	r.hosts.put(host, v)
	return 0
}
