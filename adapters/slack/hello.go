package slack

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"time"

	slackgo "github.com/slack-go/slack"
)

// verbHello is the action of a hello's button.
const verbHello = "ab.v1.hello"

// ErrNobody means that there is nobody whom a hello could be written to.
var ErrNobody = errors.New("Slack knows nobody with this e-mail address whom it vouches for, or shows them to no app") //nolint:staticcheck // ST1005: Slack is a name

// Hello writes to the person with an e-mail address, once, and returns their
// user id when they have pressed the button under it. Nobody else's press
// counts. It is for a first set-up, while no bridge is connected with the app:
// a bridge would take the press. It works in ModeSocket alone.
func Hello(ctx context.Context, o Options, email string) (user string, err error) {
	if o.Mode != ModeSocket {
		return "", ErrMode
	}
	if err := o.check(); err != nil {
		return "", err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	h := &hello{
		api: slackgo.New(
			o.BotToken.Reveal(), slackgo.OptionAppLevelToken(o.AppToken.Reveal()),
			slackgo.OptionAPIURL(o.APIURL), slackgo.OptionHTTPClient(o.HTTP),
		),
		nonce: rand.Text(), pressed: make(chan struct{}, 1),
	}
	if err := h.find(ctx, email); err != nil {
		return "", err
	}
	ran, line := make(chan struct{}), newHealth()
	go func() {
		defer close(ran)
		_ = newLine(o, h.api, line, h.take).run(ctx) // nil: it ends with ctx
	}()
	defer func() { stop(); <-ran }()
	if err := listening(ctx, line); err != nil {
		return "", err
	}
	if err := h.write(ctx); err != nil {
		return "", err
	}
	select {
	case <-h.pressed:
		h.thank(ctx)
		return h.user, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// listening waits until a press would come through: what is pressed before that
// is lost, and whoever waits for it waits in vain.
func listening(ctx context.Context, line *health) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		switch now := line.now(); now.State {
		case Ready, Degraded:
			return nil
		case Refused:
			return errors.New(now.Why)
		case Starting:
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hello is one message that waits for its press.
type hello struct {
	api     *slackgo.Client
	nonce   string
	user    string
	channel string
	message string
	pressed chan struct{}
}

func (h *hello) find(ctx context.Context, email string) error {
	u, err := h.api.GetUserByEmailContext(ctx, email)
	switch {
	case is(err, "users_not_found"):
		return ErrNobody
	case err != nil:
		return errors.New(inWords(err))
	case u.Deleted || u.IsBot || u.IsStranger || !u.IsEmailConfirmed:
		return ErrNobody
	}
	h.user = u.ID
	return nil
}

func (h *hello) write(ctx context.Context) error {
	c, _, _, err := h.api.OpenConversationContext(ctx, &slackgo.OpenConversationParameters{Users: []string{h.user}})
	if err != nil {
		return errors.New(inWords(err))
	}
	button := slackgo.NewButtonBlockElement(verbHello, h.nonce, plainText("This is me"))
	look := h.says(
		"Hello from authbridge. Somebody is setting it up, and says that this is you. If it is, press the button; if you expect nothing of the kind, do nothing.",
		slackgo.NewActionBlock("hello", button))
	look = append(look, slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl())
	h.channel, h.message, err = h.api.PostMessageContext(ctx, c.ID, look...)
	if err != nil {
		return errors.New(inWords(err))
	}
	return nil
}

// thank takes the button away. It is a courtesy: the press is known.
func (h *hello) thank(ctx context.Context) {
	_, _, _, _ = h.api.UpdateMessageContext(ctx, h.channel, h.message, h.says("Thank you. authbridge knows you now; requests for you will come here.")...)
}

func (h *hello) says(words string, more ...slackgo.Block) []slackgo.MsgOption {
	blocks := append([]slackgo.Block{slackgo.NewSectionBlock(plainText(words), nil, nil)}, more...)
	return []slackgo.MsgOption{
		slackgo.MsgOptionText(words, false), slackgo.MsgOptionBlocks(blocks...), slackgo.MsgOptionParse(false),
	}
}

// take sees whether somebody has pressed it.
func (h *hello) take(_ context.Context, in inbound) answer {
	for _, a := range in.actions {
		mine := subtle.ConstantTimeCompare([]byte(a.value), []byte(h.nonce)) == 1
		if in.kind == pressed && a.id == verbHello && mine && in.user == h.user {
			select {
			case h.pressed <- struct{}{}:
			default:
			}
		}
	}
	return answer{}
}
