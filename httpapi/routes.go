package httpapi

import (
	_ "embed"
	"net/http"
	"slices"
	"strings"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

//go:generate go test -run ^TestOpenAPI$ -update

// document describes the API. It is drawn from the table below and the types
// of package api.
//
//go:embed openapi.json
var document []byte

// route is one way to call the API. The mux and the document are made of the
// same table.
type route struct {
	method, path string
	do           func(*handler, http.ResponseWriter, *http.Request, bridge.Agent) error

	what    string            // it does, in a sentence
	query   []string          // the parameters that it knows
	headers []string          // likewise
	takes   any               // its body; nil = none
	gives   map[int]any       // its answers, by status
	sends   []any             // what the events of a stream carry
	refuses []api.ProblemCode // besides what any call may be refused with
}

// askProblems are those of whoever asks.
func askProblems(more ...api.ProblemCode) []api.ProblemCode {
	return append([]api.ProblemCode{
		api.ProblemNotAllowed, api.ProblemSuspended, api.ProblemIdempotencyConflict, api.ProblemTooLarge, api.ProblemQuiet,
		api.ProblemChatUnavailable, api.ProblemProviderUnavailable,
	}, more...)
}

// routes is the agent API.
func routes() []route {
	one, grant := api.RequestsPath+"/{id}", api.GrantsPath+"/{id}"
	return []route{
		{
			method: http.MethodPost, path: api.RequestsPath, do: (*handler).ask,
			what:  "Ask a human for access. 201 is a new request; 200 is one that is open already and the same, or one that a live grant has answered at once.",
			takes: api.Ask{}, headers: []string{"Prefer", api.IdempotencyKeyHeader},
			gives: map[int]any{http.StatusCreated: api.Request{}, http.StatusOK: api.Request{}}, refuses: askProblems(),
		},
		{
			method: http.MethodGet, path: api.RequestsPath, do: (*handler).list,
			what: "List your requests, newest first.", query: []string{"state", "limit", "cursor"},
			gives: map[int]any{http.StatusOK: api.RequestPage{}},
		},
		{
			method: http.MethodGet, path: one, do: (*handler).get,
			what: "Read a request, or wait until it changes.", query: []string{"after", "wait"},
			gives: map[int]any{http.StatusOK: api.Request{}}, refuses: []api.ProblemCode{api.ProblemNotFound},
		},
		{
			method: http.MethodDelete, path: one, do: (*handler).cancel,
			what:  "Cancel a request, for everyone who joined it. One that has ended stays as it ended.",
			gives: map[int]any{http.StatusOK: api.Request{}}, refuses: []api.ProblemCode{api.ProblemNotFound, api.ProblemTooLarge},
		},
		{
			method: http.MethodPost, path: one + "/token", do: (*handler).collect,
			what:  "Collect the token of a granted request. Within a minute you may fetch it again.",
			gives: map[int]any{http.StatusOK: api.Token{}},
			refuses: []api.ProblemCode{
				api.ProblemNotFound, api.ProblemNotReady, api.ProblemGone, api.ProblemNotAllowed, api.ProblemSuspended, api.ProblemTooLarge, api.ProblemProviderUnavailable,
			},
		},
		{
			method: http.MethodPost, path: api.TokenPath, do: (*handler).token,
			what:  "Ask, wait and collect in one. 202 says that the human has not decided: wait at Location, do not ask again.",
			takes: api.Ask{}, headers: []string{"Prefer", api.IdempotencyKeyHeader},
			gives: map[int]any{http.StatusOK: api.Token{}, http.StatusAccepted: api.Parked{}}, refuses: askProblems(api.ProblemNotFound, api.ProblemNotReady, api.ProblemGone),
		},
		{
			method: http.MethodGet, path: api.GrantsPath, do: (*handler).grants,
			what: "List what you were given, newest first.", query: []string{"limit", "cursor"},
			gives: map[int]any{http.StatusOK: api.GrantPage{}},
		},
		{
			method: http.MethodDelete, path: grant, do: (*handler).giveUp,
			what:  "Give up a grant. One that is over stays as it ended.",
			gives: map[int]any{http.StatusOK: api.Grant{}}, refuses: []api.ProblemCode{api.ProblemNotFound, api.ProblemTooLarge},
		},
		{
			method: http.MethodGet, path: api.EventsPath, do: (*handler).events,
			what: "Follow all your requests and grants: server-sent events.", headers: []string{api.LastEventIDHeader},
			gives: map[int]any{http.StatusOK: nil}, sends: []any{api.Request{}, api.Grant{}, api.Reset{}},
		},
		{
			method: http.MethodGet, path: api.WhoamiPath, do: (*handler).whoami,
			what:  "See who you are to the bridge, and what you may ask.",
			gives: map[int]any{http.StatusOK: api.Whoami{}},
		},
	}
}

// mux puts every route on a mux, and behind each a refusal of the methods that
// it does not have.
func (h *handler) mux() *http.ServeMux {
	mux, methods := http.NewServeMux(), map[string][]string{api.DocumentPath: {http.MethodGet}}
	for _, r := range routes() {
		mux.Handle(r.method+" "+r.path, h.guarded(func(w http.ResponseWriter, q *http.Request, agent bridge.Agent) error { return r.do(h, w, q, agent) }))
		methods[r.path] = append(methods[r.path], r.method)
	}
	for path, have := range methods {
		mux.Handle(path, h.guarded(otherMethod(slices.Sorted(slices.Values(have)))))
	}
	mux.HandleFunc(http.MethodGet+" "+api.DocumentPath, h.describe)
	mux.Handle("/", h.guarded(nothingHere))
	return mux
}

// describe serves GET /openapi.json. It is the same for everybody, and so
// nobody has to say who they are; a page that a browser shows gets nothing.
func (h *handler) describe(w http.ResponseWriter, r *http.Request) {
	if no := localhttp.RefuseBrowser(r, h.hosts...); no != nil {
		no.Write(w)
		return
	}
	w.Header().Set("Content-Type", api.MediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(document) // who has gone away is told nothing
}

func otherMethod(methods []string) handle {
	allow := strings.Join(methods, ", ")
	return func(_ http.ResponseWriter, r *http.Request, _ bridge.Agent) error {
		return localhttp.RefuseMethod(r, allow)
	}
}

func nothingHere(http.ResponseWriter, *http.Request, bridge.Agent) error {
	return localhttp.Refuse(api.ProblemNotFound, "there is nothing at this path").
		WithHint("the API begins with %s, %s and %s; %s describes it", api.RequestsPath, api.TokenPath, api.WhoamiPath, api.DocumentPath)
}
