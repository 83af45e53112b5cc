package httpapi

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// get serves GET /v1/requests/{id}. With ?after=V it waits until the version
// is above V or the request has ended; with ?wait alone, until it changes,
// unless it is the agent's turn already.
func (h *handler) get(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error {
	id, err := requestID(r)
	if err != nil {
		return err
	}
	after, wait, err := readWait(r)
	if err != nil {
		return err
	}
	leave, err := h.enter(agent.Name, wait)
	if err != nil {
		return err
	}
	defer leave()
	request, err := h.desk.Get(r.Context(), agent.Name, id)
	if err != nil {
		return err
	}
	seen := request.Version
	enough := func(now bridge.Request) bool { return !now.State.Open() || now.Version > seen }
	if after != nil {
		enough = func(now bridge.Request) bool { return now.State.Ended() || now.Version > *after }
	}
	if wait > 0 && !enough(request) {
		if request, err = h.await(r, agent, id, wait, enough); err != nil {
			return err
		}
	}
	return h.answer(w, r, http.StatusOK, requestOf(request))
}

// cancel serves DELETE /v1/requests/{id}.
func (h *handler) cancel(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error {
	id, err := bare(w, r)
	if err != nil {
		return err
	}
	request, err := h.desk.Cancel(r.Context(), agent.Name, id)
	if err != nil {
		return err
	}
	return h.answer(w, r, http.StatusOK, requestOf(request))
}

// collect serves POST /v1/requests/{id}/token.
func (h *handler) collect(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error {
	id, err := bare(w, r)
	if err != nil {
		return err
	}
	return h.handOut(w, r, agent, id)
}

func (h *handler) handOut(w http.ResponseWriter, r *http.Request, agent bridge.Agent, id bridge.RequestID) error {
	token, err := h.desk.Collect(r.Context(), agent, id)
	if err != nil {
		return err
	}
	return h.answer(w, r, http.StatusOK, tokenOf(token))
}

// whoami serves GET /v1/whoami.
func (h *handler) whoami(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error {
	if _, err := readQuery(r); err != nil {
		return err
	}
	who := whoamiOf(h.desk.Whoami(agent))
	if _, keyed := r.Header["Authorization"]; keyed {
		who.By = api.ByKey
	}
	return localhttp.WriteJSON(w, http.StatusOK, who)
}

// list serves GET /v1/requests.
func (h *handler) list(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error {
	q, err := readQuery(r, "state", "limit", "cursor")
	if err != nil {
		return err
	}
	states, err := readStates(q["state"])
	if err != nil {
		return err
	}
	limit, err := readLimit(q)
	if err != nil {
		return err
	}
	before, err := readCursor[bridge.RequestID](q, requestWord)
	if err != nil {
		return err
	}
	requests, next, err := h.desk.List(r.Context(), agent.Name, states, before, limit)
	if err != nil {
		return err
	}
	page := api.RequestPage{Items: make([]api.Request, 0, len(requests)), NextCursor: cursor(next)}
	for _, request := range requests {
		page.Items = append(page.Items, requestOf(request))
	}
	return h.answer(w, r, http.StatusOK, page)
}

// bare reads a call that names a request and says nothing else.
func bare(w http.ResponseWriter, r *http.Request) (bridge.RequestID, error) {
	id, err := requestID(r)
	if err != nil {
		return "", err
	}
	return id, nothingMore(w, r)
}

// nothingMore refuses a call that says more than its path does.
func nothingMore(w http.ResponseWriter, r *http.Request) error {
	if _, err := readQuery(r); err != nil {
		return err
	}
	return localhttp.ReadJSON(w, r, &struct{}{})
}

// requestID reads the id in a path. What cannot be one names no request.
func requestID(r *http.Request) (bridge.RequestID, error) {
	id := bridge.RequestID(r.PathValue("id"))
	if !looksLike(requestWord, id) {
		return "", localhttp.Refuse(api.ProblemNotFound, "there is no such request, or it is not yours").
			WithHint("the id of a request begins with req_; GET %s lists yours", api.RequestsPath)
	}
	return id, nil
}

// The words that ids begin with.
const (
	requestWord = "req_"
	grantWord   = "grt_"
)

// looksLike reports whether a text can be an id that begins with a word.
func looksLike[ID ~string](word string, id ID) bool {
	const letters = 26
	rest, ok := strings.CutPrefix(string(id), word)
	return ok && len(rest) == letters && !strings.ContainsFunc(rest, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'v')
	})
}

// readQuery reads the query. A name that the route does not have is refused,
// and so is one that comes twice, but for "state".
func readQuery(r *http.Request, names ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, localhttp.Refuse(api.ProblemInvalidRequest, "the query cannot be read")
	}
	for name, values := range q {
		if !slices.Contains(names, name) {
			return nil, localhttp.Refuse(api.ProblemInvalidRequest, "this route has no parameter %q", name[:min(len(name), 100)]).
				WithHint("leave it out; nothing is accepted and ignored")
		}
		if len(values) > 1 && name != "state" {
			return nil, localhttp.Refuse(api.ProblemInvalidRequest, "the parameter %q is there %d times", name, len(values))
		}
	}
	return q, nil
}

// readStates reads ?state=a,b&state=c.
func readStates(values []string) ([]bridge.State, error) {
	var states []bridge.State
	for _, value := range values {
		for word := range strings.SplitSeq(value, ",") {
			state := bridge.State(word)
			if !slices.Contains(bridge.States(), state) {
				return nil, localhttp.Refuse(api.ProblemInvalidRequest, "there is no state %q", word[:min(len(word), 100)]).
					WithHint("the states are %s", words(api.States()))
			}
			states = append(states, state)
		}
	}
	return states, nil
}

func words(states []api.State) string {
	all := make([]string, 0, len(states))
	for _, s := range states {
		all = append(all, string(s))
	}
	return strings.Join(all, ", ")
}

func readLimit(q url.Values) (int, error) {
	if !q.Has("limit") {
		return api.DefaultLimit, nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 1 || n > api.MaxLimit {
		return 0, localhttp.Refuse(api.ProblemInvalidRequest, "the limit has to be a number from 1 to %d", api.MaxLimit)
	}
	return n, nil
}

// cursor hides that a page begins after an id: callers are to give it back,
// not to make one.
func cursor[ID ~string](next ID) api.Optional {
	return api.Optional(base64.RawURLEncoding.EncodeToString([]byte(next)))
}

func readCursor[ID ~string](q url.Values, word string) (ID, error) {
	if !q.Has("cursor") {
		return "", nil
	}
	plain, err := base64.RawURLEncoding.DecodeString(q.Get("cursor"))
	if err != nil || !looksLike(word, ID(plain)) {
		return "", localhttp.Refuse(api.ProblemInvalidRequest, "this is no cursor").
			WithHint("take it from next_cursor of the page before, or leave it out")
	}
	return ID(plain), nil
}
