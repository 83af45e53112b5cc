package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"strings"

	"github.com/authbridge/authbridge/bridge"
)

// Desk is where agents are served; [*bridge.Bridge] is one. All methods are
// safe for concurrent use. A refusal is a [*bridge.Problem], a store that
// cannot be used now is [bridge.ErrStoreUnavailable], and what belongs to
// another agent is as if it did not exist.
type Desk interface {
	// AgentByUID finds the agent that runs as a local user.
	AgentByUID(uid uint32) (bridge.Agent, bool)
	// AgentByKey finds the agent that has a key. How long it takes says
	// nothing about the key.
	AgentByKey(key bridge.Secret) (bridge.Agent, bool)
	// Whoami tells what an agent may ask.
	Whoami(agent bridge.Agent) bridge.Standing

	// Ask takes an ask and says how it was met.
	Ask(ctx context.Context, agent bridge.Agent, ask bridge.Ask) (bridge.Request, bridge.Reply, error)
	// Get reads one request.
	Get(ctx context.Context, agent string, id bridge.RequestID) (bridge.Request, error)
	// Await reads a request once enough says so, or when ctx ends as it is
	// then: that is no error.
	Await(ctx context.Context, agent string, id bridge.RequestID, enough func(bridge.Request) bool) (bridge.Request, error)
	// Changes returns what changed of an agent's requests and grants after a
	// cursor, as soon as something did or the cursor is not known, or nothing
	// when ctx ends: that is no error.
	Changes(ctx context.Context, agent string, after bridge.Cursor) (bridge.Changes, error)
	// List reads a page of an agent's requests, newest first, from those
	// older than before; next is the before of the page after it, "" = none.
	List(ctx context.Context, agent string, states []bridge.State, before bridge.RequestID, limit int) (page []bridge.Request, next bridge.RequestID, err error)
	// Cancel withdraws a request; one that has ended stays as it ended.
	Cancel(ctx context.Context, agent string, id bridge.RequestID) (bridge.Request, error)
	// Grants reads a page of an agent's grants, those that are over too,
	// newest first, from those older than before; next is the before of the
	// page after it, "" = none.
	Grants(ctx context.Context, agent string, before bridge.GrantID, limit int) (page []bridge.Grant, next bridge.GrantID, err error)
	// GiveUp ends a grant; one that is over stays as it ended.
	GiveUp(ctx context.Context, agent string, id bridge.GrantID) (bridge.Grant, error)
	// Collect hands out the token of a granted request.
	Collect(ctx context.Context, agent bridge.Agent, id bridge.RequestID) (bridge.Token, error)
}

// Options is what the agent API is made of.
type Options struct {
	Desk     Desk            // required
	Log      *slog.Logger    // faults, which callers are not told; nil = none
	Stopping context.Context // when it ends, waits and streams end and new calls are refused; nil = never
}

// API is the agent API as it is served at the agents' socket. The server there
// has to have [localhttp.ConnContext] as ConnContext, or nobody is known but by
// a key.
type API struct {
	http.Handler
	h *handler
}

// TCP is the same API at a port: whoever calls needs a key, and the Host has
// to be one of these, in lower case and as it is sent. What one agent may have
// under way is counted for both together.
func (a *API) TCP(hosts []string) http.Handler {
	h := *a.h
	h.hosts, h.keyed = hosts, true
	return h.tidy(h.mux())
}

// New makes the agent API.
func New(o Options) *API {
	h := &handler{desk: o.Desk, log: o.Log, stopping: o.Stopping, waits: newPlaces(maxWaits), streams: newPlaces(maxStreams), asks: newPace(asksEvery, asksAtOnce), outages: newOutages()}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.stopping == nil {
		h.stopping = context.Background()
	}
	return &API{h.tidy(h.mux()), h}
}

type handler struct {
	hosts    []string // none = localhost alone
	keyed    bool     // nobody is known by a uid
	desk     Desk
	log      *slog.Logger
	stopping context.Context
	waits    *places // calls that wait
	streams  *places // streams of events
	asks     *pace
	outages  *outages
}

// handle answers one call of a known agent. It answers nothing when it
// returns an error.
type handle func(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error

// tidy keeps the mux from answering untidy paths with a redirect of its own,
// before anybody has looked at who asks.
func (h *handler) tidy(mux *http.ServeMux) http.Handler {
	astray := h.guarded(nothingHere)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; p != "/" && path.Clean(p) != strings.TrimSuffix(p, "/") || !strings.HasPrefix(p, "/") {
			astray.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// guarded looks at who calls before a route does anything.
func (h *handler) guarded(do handle) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agent, err := h.admit(r)
		if err == nil {
			err = do(w, r, agent)
		}
		if err != nil {
			h.fail(w, r, err)
		}
	})
}
