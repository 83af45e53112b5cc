package slack

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"
)

// verbHello is the action of a hello's button.
const verbHello = actionPrefix + "hello"

// ErrNobody means that there is nobody whom a hello could be written to.
var ErrNobody = errors.New("Slack knows nobody with this e-mail address who could be asked, or shows them to no app, or does not vouch for the address") //nolint:staticcheck // ST1005: Slack is a name

const (
	connectsWithin = 20 * time.Second // how long a hello may wait for its connection
	writtenWithin  = 5 * time.Second  // how long its message, and the last edit of that, may take
)

// Hello writes to the person for whose e-mail address Slack vouches, once, and
// returns their user id when they have pressed the button under it. Nobody
// else's press counts. When ctx ends before, its error is returned and the
// button taken away. It is for a first set-up, while no bridge is connected
// with the app: a bridge would take the press. It works in ModeSocket alone,
// and has no use for a desk.
func Hello(ctx context.Context, o Options, email string) (user string, err error) {
	if o.Mode != ModeSocket {
		return "", ErrMode
	}
	a, err := New(o)
	if err != nil {
		return "", err
	}
	h := &hello{adapter: a, nonce: rand.Text(), pressed: make(chan struct{}, 1)}
	a.line = newLine(a.line.options, a.api, a.health, h.take)
	ctx, stop := context.WithCancel(ctx)
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		_ = a.line.run(ctx) // nil: it ends with ctx
	}()
	defer func() { stop(); <-ran }()
	if err := h.ask(ctx, email); err != nil {
		return "", cmp.Or(ctx.Err(), err)
	}
	select {
	case <-h.pressed:
		h.become(ctx, "Thank you. authbridge knows you now; requests for you will come here.")
		return h.user, nil
	case <-ctx.Done():
		h.become(ctx, "Nobody answered this hello in time, and nothing came of it.")
		return "", ctx.Err()
	}
}

// hello is one message that waits for its press.
type hello struct {
	adapter *Adapter
	nonce   string
	user    string
	channel string
	message string
	pressed chan struct{}
}

// ask writes it, when a press would arrive.
func (h *hello) ask(ctx context.Context, email string) error {
	if err := h.connected(ctx); err != nil {
		return err
	}
	if err := h.find(ctx, email); err != nil {
		return err
	}
	return h.write(ctx)
}

// connected waits for the connection that the press will come by.
func (h *hello) connected(ctx context.Context) error {
	late := time.After(connectsWithin)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !h.adapter.Connected() {
		now := h.adapter.Health()
		if now.State == Refused {
			return errors.New(now.Why)
		}
		select {
		case <-look.C:
		case <-late:
			return errors.New(now.Why)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (h *hello) find(ctx context.Context, email string) error {
	u, err := h.adapter.api.GetUserByEmailContext(ctx, email)
	switch {
	case is(err, "users_not_found"):
		return ErrNobody
	case err != nil:
		return errors.New(inWords(err))
	case !u.IsEmailConfirmed, !strings.EqualFold(u.Profile.Email, email), h.adapter.outsider(*u, h.adapter.line.self().team) != "":
		return ErrNobody
	}
	h.user = u.ID
	return nil
}

// write goes on when ctx ends: whether the message is there has to be known.
func (h *hello) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writtenWithin)
	defer cancel()
	api := h.adapter.api
	c, _, _, err := api.OpenConversationContext(ctx, &slackgo.OpenConversationParameters{Users: []string{h.user}})
	if err != nil {
		return errors.New(inWords(err))
	}
	button := slackgo.NewButtonBlockElement(verbHello, h.nonce, plainText("This is me"))
	h.channel, h.message, err = api.PostMessageContext(ctx, c.ID, append(sentence(
		"Hello from authbridge. Somebody is setting it up, and says that this is you. If it is, press the button; if you expect nothing of the kind, do nothing.",
		slackgo.NewActionBlock("hello", button)), slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl())...)
	if err != nil {
		return errors.New(inWords(err))
	}
	return nil
}

// become takes the button away. It is a courtesy: what came of it is known.
func (h *hello) become(ctx context.Context, words string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writtenWithin)
	defer cancel()
	_, _, _, _ = h.adapter.api.UpdateMessageContext(ctx, h.channel, h.message, sentence(words)...)
}

// sentence is a message of one sentence or two, and what stands under it.
func sentence(words string, more ...slackgo.Block) []slackgo.MsgOption {
	blocks := append([]slackgo.Block{slackgo.NewSectionBlock(plainText(words), nil, nil)}, more...)
	return []slackgo.MsgOption{slackgo.MsgOptionText(words, false), slackgo.MsgOptionBlocks(blocks...), slackgo.MsgOptionParse(false)}
}

// take sees whether somebody has pressed it.
func (h *hello) take(_ context.Context, in inbound) answer {
	if isPress(in, verbHello, h.nonce, h.user) {
		select {
		case h.pressed <- struct{}{}:
		default:
		}
	}
	return answer{}
}

// isPress reports whether somebody in particular has pressed a button in
// particular, whose value nobody else was sent.
func isPress(in inbound, verb, nonce, user string) bool {
	if in.kind != pressed || in.user != user || len(in.actions) != 1 {
		return false
	}
	a := in.actions[0]
	return a.id == verb && nonce != "" && subtle.ConstantTimeCompare([]byte(a.value), []byte(nonce)) == 1
}
