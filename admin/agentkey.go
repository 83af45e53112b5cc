package admin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// Keymaker draws keys for agents. [*bridge.Bridge] is one.
type Keymaker interface {
	// NewAgentKey draws a key for an agent, and notes who wanted it.
	NewAgentKey(ctx context.Context, agent string, by bridge.Actor) (bridge.DrawnKey, error)
}

// AgentKeysPath takes the name of an agent by POST, and answers with a key for
// it, which is nowhere else.
const AgentKeysPath = "/v1/agent-keys"

// keyAsk asks for one.
type keyAsk struct {
	Agent string `json:"agent"`
}

// AgentKey is a key for an agent. It is a secret: printed as a whole or logged
// it does not show.
type AgentKey struct {
	Agent   string       `json:"agent"`
	Key     string       `json:"key"`
	KeyHash string       `json:"key_hash"` // what goes into the configuration
	Known   bool         `json:"known"`    // the agent is configured
	Renewed bool         `json:"renewed"`  // it has a key, whose place this one takes
	File    api.Optional `json:"file"`     // the configuration that the bridge was started with; null = none
	PID     int          `json:"pid"`      // of the bridge, which reads that again at SIGHUP
}

// String tells whose key it is, and by its hash which.
func (k AgentKey) String() string { return "[key of " + k.Agent + " with hash " + k.KeyHash + "]" }

// Format writes String, whatever the verb.
func (k AgentKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue returns String.
func (k AgentKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// NewAgentKey returns a key for an agent, which need not be configured yet.
// The errors are those of package client: a [*client.Problem], or a
// [*client.NoBridge].
func (c Client) NewAgentKey(ctx context.Context, agent string) (AgentKey, error) {
	var key AgentKey
	err := c.call(ctx, http.MethodPost, AgentKeysPath, keyAsk{agent}, &key)
	return key, err
}

// newAgentKey serves POST /v1/agent-keys.
func (h *handler) newAgentKey(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery != "" {
		return localhttp.Refuse(api.ProblemInvalidRequest, "this route has no parameters")
	}
	var ask keyAsk
	if err := localhttp.ReadJSON(w, r, &ask); err != nil {
		return err
	}
	if !bridge.IsName(ask.Agent) {
		return localhttp.Refuse(api.ProblemInvalidRequest, "this is not the name of an agent").
			WithHint(bridge.NameRule)
	}
	drawn, err := h.keymaker.NewAgentKey(r.Context(), ask.Agent, operatorOf(r))
	if err != nil {
		return err
	}
	return localhttp.WriteJSON(w, http.StatusOK, AgentKey{
		Agent: ask.Agent, Key: drawn.Key.Reveal(), KeyHash: drawn.Hash.String(), Known: drawn.Known, Renewed: drawn.Renewed,
		File: api.Optional(h.file), PID: os.Getpid(),
	})
}
