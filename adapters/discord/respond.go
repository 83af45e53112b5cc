package discord

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/bridge"
)

const (
	// respondLimit bounds a first answer, and answerable all tries to give one:
	// after that Discord takes none.
	respondLimit = 2500 * time.Millisecond
	answerable   = 3 * time.Second
	// settling is how long Discord may not know yet that it was answered, and
	// settlingPause when it is asked again.
	settling      = 3 * time.Second
	settlingPause = 250 * time.Millisecond
)

// exchange is an interaction that is answered: by follow-ups, and by edits of
// them and of the first answer, for 15 minutes after it came.
type exchange struct {
	app   string
	token bridge.Secret
	at    time.Time // when it came
}

// exchange is what an interaction is answered through, after its first answer.
func (in inbound) exchange() exchange { return exchange{app: in.app, token: in.token, at: in.at} }

// plain is the first answer that says nothing: what was pressed on stays as it
// is, and a command shows its user alone that something is coming.
func plain(in inbound) any {
	if in.kind == pressed || in.kind == submitted && in.message != "" {
		return map[string]any{"type": discordgo.InteractionResponseDeferredMessageUpdate}
	}
	return map[string]any{
		"type": discordgo.InteractionResponseDeferredChannelMessageWithSource,
		"data": map[string]any{"flags": discordgo.MessageFlagsEphemeral},
	}
}

// codeOf is what Discord refused a call with, 0 = it did not, or by none.
func codeOf(err error) int {
	if f, ok := errors.AsType[fault](err); ok {
		return f.Code()
	}
	return 0
}

// respond gives an interaction its first answer.
func (l *line) respond(ctx context.Context, in inbound, body any) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(respondLimit, time.Until(in.at.Add(answerable))))
	defer cancel()
	path := "/interactions/" + in.id + "/" + url.PathEscape(in.token.Reveal()) + "/callback"
	return l.api.call(ctx, http.MethodPost, path, body, nil)
}

// followUp writes one more message to who did it, and returns its id. It is
// seen by whom its flags say.
func (l *line) followUp(ctx context.Context, x exchange, message any) (id string, err error) {
	var m struct {
		ID string `json:"id"`
	}
	err = l.settled(ctx, x, func() error { return l.api.call(ctx, http.MethodPost, x.path(), message, &m) })
	return m.ID, err
}

// editFollowUp replaces a message that was written by followUp.
func (l *line) editFollowUp(ctx context.Context, x exchange, id string, message any) error {
	return l.api.call(ctx, http.MethodPatch, x.path()+"/messages/"+url.PathEscape(id), message, nil)
}

// editFirst replaces what the first answer showed; that of a press or of its
// modal is the message that was pressed on.
func (l *line) editFirst(ctx context.Context, x exchange, message any) error {
	return l.settled(ctx, x, func() error { return l.api.call(ctx, http.MethodPatch, x.path()+"/messages/@original", message, nil) })
}

func (x exchange) path() string { return "/webhooks/" + x.app + "/" + url.PathEscape(x.token.Reveal()) }

// settled calls again while Discord may not know yet that the interaction was
// answered: an answer in the response to a call of its own is on its way when
// we have sent it.
func (l *line) settled(ctx context.Context, x exchange, call func() error) error {
	for {
		err := call()
		if codeOf(err) != codeUnknownWebhook || time.Since(x.at) > settling {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(settlingPause):
		}
	}
}
