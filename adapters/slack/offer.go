package slack

import (
	"context"

	slackgo "github.com/slack-go/slack"
)

// offer is a message with one button, to one person, whose press is waited
// for. It is about no request, and nothing can be granted with it.
type offer struct {
	adapter *Adapter
	user    string
	verb    string // the action of its button; the button's value is the nonce
	channel string
	message string
}

// Write implements [chat.Offerer].
func (o *offer) Write(ctx context.Context, says, label, nonce string) error {
	direct, err := o.adapter.dm(ctx, o.user)
	if err != nil {
		return err
	}
	button := slackgo.NewButtonBlockElement(o.verb, nonce, plainText(label))
	message := append(sentence(says, slackgo.NewActionBlock("offer", button)), slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl())
	err = o.adapter.call(ctx, methodPost, direct, func(ctx context.Context) (err error) {
		o.channel, o.message, err = o.adapter.api.PostMessageContext(ctx, direct, message...)
		return err
	})
	if err != nil {
		o.adapter.known.dms.Drop(o.user)
	}
	return err
}

// Become implements [chat.Offerer].
func (o *offer) Become(ctx context.Context, words string) {
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

// taken notes a press of the button with an action that was offered to who
// pressed it, and reports whether it was one.
func (a *Adapter) taken(in inbound, verb string) bool {
	return in.kind == pressed && len(in.actions) == 1 && in.actions[0].id == verb && a.trials.Take(in.user, in.actions[0].value)
}
