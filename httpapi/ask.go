package httpapi

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/challenge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// ask serves POST /v1/requests.
func (h *handler) ask(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error {
	request, reply, err := h.place(w, r, agent, 0)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if reply == bridge.Created {
		status = http.StatusCreated
	}
	w.Header().Set("Location", api.RequestPath(string(request.ID)))
	return h.answer(w, r, status, requestOf(request))
}

// token serves POST /v1/token: ask, wait and collect in one.
func (h *handler) token(w http.ResponseWriter, r *http.Request, agent bridge.Agent) error {
	request, _, err := h.place(w, r, agent, api.DefaultTokenWait*time.Second)
	if err != nil {
		return err
	}
	w.Header().Set("Location", api.RequestPath(string(request.ID)))
	if request.State.Open() {
		return h.answer(w, r, http.StatusAccepted, parked(request))
	}
	if err := r.Context().Err(); err != nil {
		return err // a token is not handed to somebody who has gone
	}
	return h.handOut(w, r, agent, request.ID)
}

// place reads an ask, hands it in and waits as long as the caller prefers, or
// else for the given time, for the human's word.
func (h *handler) place(w http.ResponseWriter, r *http.Request, agent bridge.Agent, wait time.Duration) (bridge.Request, bridge.Reply, error) {
	if _, err := readQuery(r); err != nil {
		return bridge.Request{}, 0, err
	}
	preferred, stated, err := preferredWait(r.Header.Values("Prefer"))
	if err != nil {
		return bridge.Request{}, 0, err
	}
	if stated {
		wait = preferred
	}
	ask, err := readAsk(w, r)
	if err != nil {
		return bridge.Request{}, 0, err
	}
	if err := h.mayAsk(agent.Name); err != nil {
		return bridge.Request{}, 0, err
	}
	leave, err := h.enter(agent.Name, wait)
	if err != nil {
		return bridge.Request{}, 0, err
	}
	defer leave()
	request, reply, err := h.desk.Ask(r.Context(), agent, ask)
	if err == nil && wait > 0 && request.State.Open() {
		request, err = h.await(r, agent, request.ID, wait, func(r bridge.Request) bool { return !r.State.Open() })
	}
	if err == nil && stated {
		w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.Seconds())))
	}
	return request, reply, err
}

// readAsk reads the ask of a call.
func readAsk(w http.ResponseWriter, r *http.Request) (bridge.Ask, error) {
	var sent api.Ask
	if err := localhttp.ReadJSON(w, r, &sent); err != nil {
		return bridge.Ask{}, err
	}
	keys := r.Header.Values(api.IdempotencyKeyHeader)
	if len(keys) > 1 {
		return bridge.Ask{}, localhttp.Refuse(api.ProblemInvalidRequest, "there is more than one %s", api.IdempotencyKeyHeader)
	}
	ask := askOf(sent)
	if len(keys) == 0 || keys[0] == "" {
		return ask, nil
	}
	said, err := json.Marshal(sent)
	ask.IdempotencyKey, ask.Body = keys[0], sha256.Sum256(said)
	return ask, err
}

func askOf(a api.Ask) bridge.Ask {
	var from bridge.Origin
	if a.Origin != nil {
		from = bridge.Origin(*a.Origin)
	}
	return bridge.Ask{
		Provider: a.Provider, Resource: a.Resource, Challenge: challengeOf(a.Challenge), Scopes: a.Scopes, Details: a.AuthorizationDetails, Human: a.Human, Team: a.Team,
		Reason: a.Reason, Context: a.Context, Session: a.Session,
		MinValidity: time.Duration(a.MinValidity), TTL: time.Duration(a.TTL), Fresh: a.Fresh, Origin: from,
	}
}

// challengeOf reads of an agent's challenge what is believed of it: the error
// and the scope of its Bearer challenge (RFC 6750, section 3). Whatever else it
// says, the bridge asks the resource itself.
func challengeOf(sent api.Challenge) bridge.Challenge {
	code, scope := challenge.Bearer(challenge.Parse([]string{string(sent)}))
	return bridge.Challenge{Error: code, Scopes: strings.Fields(scope)}
}
