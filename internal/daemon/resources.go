package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
)

// resources is who looks at resources, and who speaks with issuers that are no
// configured provider. It implements [bridge.Resources].
type resources struct {
	*oauth.Clients
	looks atomic.Pointer[oauth.Resources] // by the network policy of now
}

var _ bridge.Resources = (*resources)(nil)

// newResources makes both; it calls nobody.
func newResources(ctx context.Context, c *calls, store bridge.Store, log *slog.Logger) (*resources, error) {
	r := &resources{Clients: oauth.NewClients(oauth.ClientsConfig{Safe: bridge.NewSafe(store, "clients"), PublicURL: c.cfg.PublicURL})}
	r.use(c)
	err := r.Load(ctx)
	if errors.Is(err, bridge.ErrUnreadable) {
		log.Error("the clients that the bridge had registered cannot be read; new ones are registered, and what was granted with the old ones needs its human again", "err", err)
		return r, nil
	}
	return r, err
}

// use has all calls go by the way out of a configuration.
func (r *resources) use(c *calls) {
	network := oauth.NetworkPolicy(c.cfg.Network)
	r.Use(network, c.client)
	r.looks.Store(oauth.NewResources(oauth.ResourcesConfig{Network: network, Client: c.client}))
}

// Look implements [bridge.Resources].
func (r *resources) Look(ctx context.Context, resource string, entry bridge.Resource) (bridge.Protected, error) {
	return r.looks.Load().Look(ctx, resource, entry)
}

// documents serves what the bridge publishes of its clients, and lets
// everything else pass. Whoever asks may read it.
func (r *resources) documents(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, call *http.Request) {
		rest, ours := strings.CutPrefix(call.URL.Path, oauth.DocumentPath)
		agent, below := strings.CutPrefix(rest, "/")
		switch {
		case !ours, rest != "" && !below:
			next.ServeHTTP(w, call)
		case call.Method != http.MethodGet && call.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			say(w, http.StatusMethodNotAllowed, "This can only be read.")
		case below && agent == "":
			say(w, http.StatusNotFound, "There is no such client.")
		default:
			r.serveDocument(w, call, agent)
		}
	})
}

func (r *resources) serveDocument(w http.ResponseWriter, call *http.Request, agent string) {
	text, err := r.Document(call.Context(), agent)
	switch {
	case errors.Is(err, bridge.ErrNotFound):
		say(w, http.StatusNotFound, "There is no such client.")
	case err != nil:
		say(w, http.StatusServiceUnavailable, fmt.Sprintf("The bridge cannot say this now: %v.", err))
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=300")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(text) //nolint:gosec // G705: JSON of ours, said to be that, and nosniff
	}
}
