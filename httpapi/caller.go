package httpapi

import (
	"net/http"
	"strings"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// admit finds out which agent calls. A browser is turned away before anything
// else is looked at.
func (h *handler) admit(r *http.Request) (bridge.Agent, error) {
	if no := localhttp.RefuseBrowser(r, h.hosts...); no != nil {
		return bridge.Agent{}, no
	}
	if h.stopping.Err() != nil {
		return bridge.Agent{}, localhttp.Refuse(api.ProblemShuttingDown, "the bridge is shutting down").
			WithHint("requests are kept; call again when it is back")
	}
	return h.caller(r)
}

// caller knows an agent by its key or, on the socket, by the uid behind the
// connection. A key in the call wins over the uid: a bad one never falls back
// to it.
func (h *handler) caller(r *http.Request) (bridge.Agent, error) {
	if headers, there := r.Header["Authorization"]; there {
		return h.byKey(headers)
	}
	if h.keyed {
		return bridge.Agent{}, localhttp.Refuse(api.ProblemUnauthenticated, "there is no key in the call").
			WithHint("send it as Authorization: Bearer abk_...; authbridge agent add NAME makes one")
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

// byKey knows an agent by what stands in its Authorization headers. All that
// is not the key of an agent is refused in the same words.
func (h *handler) byKey(headers []string) (bridge.Agent, error) {
	agent, known := h.desk.AgentByKey(bearer(headers))
	if !known {
		return bridge.Agent{}, localhttp.Refuse(api.ProblemUnauthenticated, "this key is not known").
			WithHint("authbridge agent add NAME makes one; its key_hash line belongs under agents in authbridge.yaml, and the bridge reads that again at SIGHUP")
	}
	return agent, nil
}

// bearer is the one key in these headers (RFC 6750, section 2.1); the empty
// text, which is nobody's, where there is none, or more than one.
func bearer(headers []string) bridge.Secret {
	if len(headers) != 1 {
		return bridge.Secret{}
	}
	scheme, key, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return bridge.Secret{}
	}
	return bridge.NewSecret(key)
}

// still looks again at who calls, after a wait: a key that has been replaced
// meanwhile, or a uid that is another agent's now, gets nothing more.
func (h *handler) still(r *http.Request, agent bridge.Agent) error {
	now, err := h.caller(r)
	if err == nil && now.Name != agent.Name {
		err = localhttp.Refuse(api.ProblemUnauthenticated, "who calls is not the agent any more that it was")
	}
	return err
}
