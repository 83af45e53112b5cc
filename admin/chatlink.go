package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// ChatLinker makes codes that tie chat accounts to humans. [*bridge.Bridge] is
// one.
type ChatLinker interface {
	// Chats returns the chats in which a human can tie their account. Somebody
	// who is not configured is [bridge.ErrNotFound].
	Chats(human string) ([]string, error)
	// NewLinkCode makes a code for a human, and notes who wanted it.
	NewLinkCode(ctx context.Context, human string, by bridge.Actor) (bridge.LinkCode, error)
}

// ChatLinksPath takes a human by POST, and answers with a code for them, which
// is nowhere else.
const ChatLinksPath = "/v1/chat-links"

// ChatLink ties whoever types it in a chat to a human, once. It is a secret:
// printed as a whole or logged it does not show.
type ChatLink struct {
	Human     string    `json:"human"`
	Code      string    `json:"code"`
	Type      string    `json:"type"` // what the human types, with the code in it
	Chats     []string  `json:"chats"`
	ExpiresAt time.Time `json:"expires_at"`
}

// String tells whose it is and how long it is good for.
func (l ChatLink) String() string {
	return "[chat link of " + l.Human + " until " + l.ExpiresAt.UTC().Format(time.RFC3339) + "]"
}

// Format writes String, whatever the verb.
func (l ChatLink) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(l.String())) }

// LogValue returns String.
func (l ChatLink) LogValue() slog.Value { return slog.StringValue(l.String()) }

// ChatLink returns a code for a human, in the place of the one that was made
// for them before. The errors are those of package client: a
// [*client.Problem], or a [*client.NoBridge].
func (c Client) ChatLink(ctx context.Context, human string) (ChatLink, error) {
	var link ChatLink
	err := c.call(ctx, http.MethodPost, ChatLinksPath, linkAsk{human}, &link)
	return link, err
}

// chatLink serves POST /v1/chat-links.
func (h *handler) chatLink(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery != "" {
		return localhttp.Refuse(api.ProblemInvalidRequest, "this route has no parameters")
	}
	var ask linkAsk
	if err := localhttp.ReadJSON(w, r, &ask); err != nil {
		return err
	}
	if ask.Human == "" {
		return localhttp.Refuse(api.ProblemInvalidRequest, "no human is named").WithHint(`send {"human": NAME}`)
	}
	chats, err := h.chatLinker.Chats(ask.Human)
	if err == nil && len(chats) == 0 {
		return localhttp.Refuse(api.ProblemInvalidRequest, "there is no chat in which %s could type a code", ask.Human).
			WithHint("the section slack connects the bridge to one; where the file names the human's id, there is nothing to tie")
	}
	var made bridge.LinkCode
	if err == nil {
		made, err = h.chatLinker.NewLinkCode(r.Context(), ask.Human, operatorOf(r))
	}
	if errors.Is(err, bridge.ErrNotFound) {
		return localhttp.Refuse(api.ProblemNotFound, "there is no human %q", ask.Human[:min(len(ask.Human), 100)]).
			WithHint("the names are those under humans in authbridge.yaml")
	}
	if err != nil {
		return err
	}
	return localhttp.WriteJSON(w, http.StatusOK, ChatLink{
		Human: made.Human, Code: made.Code.Reveal(), Type: "/authbridge link " + made.Code.Reveal(), Chats: chats, ExpiresAt: made.Expires.UTC(),
	})
}
