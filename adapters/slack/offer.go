package slack

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"sync/atomic"
	"time"

	slackgo "github.com/slack-go/slack"
)

// offer is a message with one button, to one person, whose press is waited
// for. It is about no request, and nothing can be granted with it.
type offer struct {
	adapter *Adapter
	verb    string // the action of its button
	nonce   string // the button's value, which nobody else is sent
	channel string
	message string
	pressed chan time.Time // when they did

	whose atomic.Pointer[string] // the person; nil = it was offered to nobody yet
}

// to says whom it is for, before it is written.
func (o *offer) to(user string) { o.whose.Store(&user) }

// user is who it is for, "" = nobody yet.
func (o *offer) user() string {
	if to := o.whose.Load(); to != nil {
		return *to
	}
	return ""
}

func (a *Adapter) newOffer(verb string) *offer {
	return &offer{adapter: a, verb: verb, nonce: rand.Text(), pressed: make(chan time.Time, 1)}
}

// writtenWithin is how long its message, and the last edit of that, may take.
const writtenWithin = 5 * time.Second

// write goes on when ctx ends: whether the message is there has to be known.
func (o *offer) write(ctx context.Context, words, label string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writtenWithin)
	defer cancel()
	direct, err := o.adapter.dm(ctx, o.user())
	if err != nil {
		return err
	}
	button := slackgo.NewButtonBlockElement(o.verb, o.nonce, plainText(label))
	message := append(sentence(words, slackgo.NewActionBlock("offer", button)), slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl())
	return o.adapter.call(ctx, methodPost, direct, func(ctx context.Context) (err error) {
		o.channel, o.message, err = o.adapter.api.PostMessageContext(ctx, direct, message...)
		return err
	})
}

// become takes the button away. It is a courtesy: what came of it is known.
func (o *offer) become(ctx context.Context, words string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writtenWithin)
	defer cancel()
	_ = o.adapter.call(ctx, methodUpdate, o.channel, func(ctx context.Context) error {
		_, _, _, err := o.adapter.api.UpdateMessageContext(ctx, o.channel, o.message, sentence(words)...)
		return err
	})
}

// sentence is a message of one sentence or two, and what stands under it.
func sentence(words string, more ...slackgo.Block) []slackgo.MsgOption {
	blocks := append([]slackgo.Block{slackgo.NewSectionBlock(plainText(words), nil, nil)}, more...)
	return []slackgo.MsgOption{slackgo.MsgOptionText(words, false), slackgo.MsgOptionBlocks(blocks...), slackgo.MsgOptionParse(false)}
}

// take notes a press of its button by whom it was offered to, and reports
// whether it was one.
func (o *offer) take(in inbound) bool {
	if in.kind != pressed || in.user == "" || in.user != o.user() || len(in.actions) != 1 {
		return false
	}
	a := in.actions[0]
	if a.id != o.verb || subtle.ConstantTimeCompare([]byte(a.value), []byte(o.nonce)) != 1 {
		return false
	}
	select {
	case o.pressed <- time.Now():
	default:
	}
	return true
}
