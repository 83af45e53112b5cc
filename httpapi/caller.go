package httpapi

import (
	"net/http"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// admit finds out which agent calls. A browser is turned away before anything
// else is looked at.
func (h *handler) admit(r *http.Request) (bridge.Agent, error) {
	if no := localhttp.RefuseBrowser(r); no != nil {
		return bridge.Agent{}, no
	}
	if h.stopping.Err() != nil {
		return bridge.Agent{}, localhttp.Refuse(api.ProblemShuttingDown, "the bridge is shutting down").
			WithHint("requests are kept; call again when it is back")
	}
	return h.caller(r)
}

// caller knows an agent by the uid behind the connection. A credential in the
// request wins over it: a bad one never falls back to the uid.
func (h *handler) caller(r *http.Request) (bridge.Agent, error) {
	if _, there := r.Header["Authorization"]; there {
		return bridge.Agent{}, localhttp.Refuse(api.ProblemUnauthenticated, "this key is not known: keys for agents are not in this version").
			WithHint("leave out the Authorization header; on the socket an agent is known by its uid")
	}
	uid, ok := localhttp.UID(r.Context())
	if !ok {
		return bridge.Agent{}, localhttp.Refuse(api.ProblemUnauthenticated, "who calls cannot be seen on this connection").
			WithHint("use the agents' unix socket")
	}
	agent, ok := h.desk.AgentByUID(uid)
	if !ok {
		return bridge.Agent{}, localhttp.Refuse(api.ProblemUnauthenticated, "no agent is configured for uid %d", uid).
			WithHint("in authbridge.yaml, under \"agents:\", add\n"+
				"  NAME: {uid: %d, owner: HUMAN, may: [{provider: PROVIDER, scopes: [SCOPE], ask: [HUMAN]}]}", uid)
	}
	return agent, nil
}
