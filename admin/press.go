package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/client"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// Presser tries whether what a human presses in a chat arrives.
type Presser interface {
	// Press writes to a human in each of their chats and waits for their
	// presses, a minute at most or until ctx ends. Somebody who is not
	// configured is [bridge.ErrNotFound].
	Press(ctx context.Context, human string) ([]Finding, error)
}

// PressesPath takes a human in its parameter human by POST, and answers with
// [Finding]s, when they have pressed the buttons that they were sent or a minute
// has passed.
const PressesPath = "/v1/presses"

// Press has the bridge try whether what a human presses arrives. The errors are
// those of package client: a [*client.Problem], with not_found for a name that
// is not configured, or a [*client.NoBridge].
func (c Client) Press(ctx context.Context, human string) (found []Finding, err error) {
	var text bytes.Buffer
	err = c.with(func(bridge *client.Client) error {
		return bridge.Stream(ctx, http.MethodPost, PressesPath+"?"+url.Values{"human": {human}}.Encode(), api.MediaType, &text)
	})
	if err == nil {
		err = json.Unmarshal(text.Bytes(), &found)
	}
	return found, err
}

// press serves POST /v1/presses.
func (h *handler) press(w http.ResponseWriter, r *http.Request) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	human := q.Get("human")
	switch {
	case err != nil, len(q) != 1, len(q["human"]) != 1, human == "":
		return localhttp.Refuse(api.ProblemInvalidRequest, "this route has the parameter human, once, and no other")
	case h.presser == nil:
		return localhttp.Refuse(api.ProblemNotFound, "this bridge tries nobody's press")
	}
	return h.atLength(w, r, func(ctx context.Context) (any, error) {
		found, err := h.presser.Press(ctx, human)
		if errors.Is(err, bridge.ErrNotFound) {
			return nil, localhttp.Refuse(api.ProblemNotFound, "there is no human %q", human[:min(len(human), 100)]).
				WithHint("the names are those under humans in authbridge.yaml")
		}
		return found, err
	})
}
