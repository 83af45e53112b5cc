package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/internal/localhttp"
)

// Unlinker forgets who humans are tied to be. [*bridge.Bridge] is one.
type Unlinker interface {
	// Unlink forgets a human's accounts at an issuer, or with "" all of them
	// and who they are on chats, and returns what it forgot. Somebody whom
	// nothing is known of is [bridge.ErrNotFound].
	Unlink(ctx context.Context, human, issuer string, by bridge.Actor) (bridge.Unlinked, error)
}

// UnlinkPath takes a human, and an issuer if only that is meant, by POST and
// answers with what they were tied to until now.
const UnlinkPath = "/v1/unlink"

// unlinkAsk asks for that.
type unlinkAsk struct {
	Human  string `json:"human"`            // the configured name
	Issuer string `json:"issuer,omitempty"` // "" = all, and chats
}

// Unlinked is what a human is not tied to any more.
type Unlinked struct {
	Human    string        `json:"human"`
	Accounts []Account     `json:"accounts"`
	Chats    []ChatAccount `json:"chats"`
}

// Account is an account at an issuer, which knows it by its subject.
type Account struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// ChatAccount is a user of a chat.
type ChatAccount struct {
	Channel string `json:"channel"`
	User    string `json:"user"`
}

// Unlink forgets which accounts a human is tied to, at one issuer or, with "",
// at all, and then who they are on chats too. The errors are those of package client: a [*client.Problem], with
// not_found for a name that nothing is known of, or a [*client.NoBridge].
func (c Client) Unlink(ctx context.Context, human, issuer string) (Unlinked, error) {
	var done Unlinked
	err := c.call(ctx, http.MethodPost, UnlinkPath, unlinkAsk{human, issuer}, &done)
	return done, err
}

// unlink serves POST /v1/unlink.
func (h *handler) unlink(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery != "" {
		return localhttp.Refuse(api.ProblemInvalidRequest, "this route has no parameters")
	}
	var ask unlinkAsk
	if err := localhttp.ReadJSON(w, r, &ask); err != nil {
		return err
	}
	if ask.Human == "" {
		return localhttp.Refuse(api.ProblemInvalidRequest, "no human is named").WithHint(`send {"human": NAME}`)
	}
	gone, err := h.unlinker.Unlink(r.Context(), ask.Human, ask.Issuer, operatorOf(r))
	if errors.Is(err, bridge.ErrNotFound) {
		return localhttp.Refuse(api.ProblemNotFound, "there is no human %q", ask.Human[:min(len(ask.Human), 100)]).
			WithHint("the names are those under humans in authbridge.yaml")
	}
	if err != nil {
		return err
	}
	done := Unlinked{Human: ask.Human, Accounts: []Account{}, Chats: []ChatAccount{}}
	for _, pin := range gone.Pins {
		done.Accounts = append(done.Accounts, Account{pin.Issuer, pin.Subject})
	}
	for _, tie := range gone.Ties {
		done.Chats = append(done.Chats, ChatAccount{tie.Channel, string(tie.User)})
	}
	return localhttp.WriteJSON(w, http.StatusOK, done)
}

// operatorOf is whoever calls, for the audit log.
func operatorOf(r *http.Request) bridge.Actor {
	uid, _ := localhttp.UID(r.Context()) // admit has refused who is not known
	return bridge.Actor{Kind: bridge.ByOperator, Name: fmt.Sprintf("uid %d", uid)}
}
