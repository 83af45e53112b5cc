package slack

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/authbridge/authbridge/bridge"
)

// A message of Slack's is named "CHANNEL/TIMESTAMP", and a modal "view/ID".

const viewPrefix = "view/"

// viewRef names a modal.
func viewRef(id string) bridge.MessageRef { return bridge.MessageRef(viewPrefix + id) }

// place is where a message goes, or is.
type place struct {
	channel   string // of people, or the direct one with somebody
	thread    string // the timestamp that a thread began with, "" = none
	broadcast bool   // seen in the channel, too
}

// placeIn matches the id of a channel of people, and of a direct one.
var (
	placeIn   = regexp.MustCompile(`^[CG][A-Z0-9]{1,32}$`)
	timestamp = regexp.MustCompile(`^[0-9]{1,16}\.[0-9]{6}$`)
)

// dmFor is how long it is believed that somebody's direct channel is theirs.
const dmFor = time.Hour

// Post brings a card to a person or a channel: as [bridge.Messenger]. Slack
// knows no keys: a post that is made again is another message.
//
// A person who takes no messages from the bridge is shown their card in a
// modal, if they have pressed a button of this very request within the last
// few seconds: Slack allows it no other way.
func (a *Adapter) Post(ctx context.Context, to bridge.Address, c bridge.Card, _ string) (bridge.MessageRef, error) {
	if c.Code != nil {
		return "", fmt.Errorf("post a card with a code: %w", bridge.ErrInvalid)
	}
	switch c.View {
	case bridge.ViewReminder:
		return a.postReminder(ctx, c)
	case bridge.ViewTeam, bridge.ViewNotice:
		return a.postToChannel(ctx, string(to), c)
	case bridge.ViewPrivate:
		return a.postToPerson(ctx, string(to), c)
	}
	return "", fmt.Errorf("post a card for nobody that is known: %w", bridge.ErrInvalid)
}

func (a *Adapter) postToPerson(ctx context.Context, address string, c bridge.Card) (bridge.MessageRef, error) {
	id, err := a.person(ctx, address)
	if err != nil {
		return "", err
	}
	ref, err := a.postDirect(ctx, id, c)
	if errors.Is(err, bridge.ErrUnreachable) || errors.Is(err, bridge.ErrRoute) {
		a.known.dms.Drop(id)
		if trigger, fresh := a.known.triggers.Take(triggerKey(id, c.Request)); fresh {
			return a.openCard(ctx, trigger, c)
		}
	}
	return ref, err
}

func (a *Adapter) postDirect(ctx context.Context, id string, c bridge.Card) (bridge.MessageRef, error) {
	dm, err := a.dm(ctx, id)
	if err != nil {
		return "", err
	}
	ref, err := a.send(ctx, place{channel: dm}, c)
	if err == nil {
		a.known.posted.Put(triggerKey(id, c.Request), ref, postedFor)
	}
	return ref, err
}

// everybody is in the place of a user's id where a card is for a whole team.
const everybody = ""

// postedFor is how long it is remembered which message is somebody's card of a
// request.
const postedFor = 24 * time.Hour

// dm opens the direct channel with somebody.
func (a *Adapter) dm(ctx context.Context, id string) (channel string, err error) {
	if channel, known := a.known.dms.Get(id); known {
		return channel, nil
	}
	err = a.call(ctx, methodOpenDM, id, func(ctx context.Context) error {
		opened, _, _, err := a.api.OpenConversationContext(ctx, &slackgo.OpenConversationParameters{Users: []string{id}})
		if err == nil && opened != nil {
			channel = opened.ID
		}
		return err
	})
	if err == nil && !isDirect(channel) {
		err = fmt.Errorf("%s: Slack opened no direct channel: %w", methodOpenDM, bridge.ErrUnreachable)
	}
	if err != nil {
		return "", err
	}
	a.known.dms.Put(id, channel, dmFor)
	return channel, nil
}

func isDirect(channel string) bool { return strings.HasPrefix(channel, "D") }

// postToChannel takes "CHANNEL" or "CHANNEL/THREAD".
func (a *Adapter) postToChannel(ctx context.Context, address string, c bridge.Card) (bridge.MessageRef, error) {
	channel, thread, _ := strings.Cut(address, "/")
	if !placeIn.MatchString(channel) || thread != "" && !timestamp.MatchString(thread) {
		return "", fmt.Errorf("post to a channel: this is no id of one: %w", bridge.ErrRoute)
	}
	if err := a.checkChannel(ctx, channel); err != nil {
		return "", err
	}
	ref, err := a.send(ctx, place{channel: channel, thread: thread}, c)
	if err == nil && c.View == bridge.ViewTeam {
		a.known.posted.Put(triggerKey(everybody, c.Request), ref, postedFor)
	}
	return ref, err
}

// checkChannel makes sure that a card may go into a channel.
func (a *Adapter) checkChannel(ctx context.Context, id string) error {
	ch, known := a.known.channels.Get(id)
	if !known {
		err := a.call(ctx, methodChannel, id, func(ctx context.Context) error {
			found, err := a.api.GetConversationInfoContext(ctx, &slackgo.GetConversationInfoInput{ChannelID: id})
			if err == nil {
				ch = *found
			}
			return err
		})
		if err != nil {
			return err
		}
		a.known.channels.Put(id, ch, factsFor)
	}
	if why := a.unfit(ch); why != "" {
		return fmt.Errorf("post to a channel: %s: %w", why, bridge.ErrRoute)
	}
	return nil
}

// unfit says why no card goes into a channel; "" = it may.
func (a *Adapter) unfit(ch slackgo.Channel) string {
	switch {
	case ch.IsArchived:
		return "it is archived"
	case !ch.IsMember:
		return "the bridge is not in it; invite the app"
	case (ch.IsExtShared || ch.IsPendingExtShared) && !a.allowShared(ch.ID):
		return "it is shared with another organisation"
	}
	return ""
}

// postReminder puts a line beside the message that it is about: into its
// thread, and so that it is seen in the channel.
func (a *Adapter) postReminder(ctx context.Context, c bridge.Card) (bridge.MessageRef, error) {
	at, err := placeOf(c.Under)
	if err != nil {
		return "", fmt.Errorf("post a reminder: %w: %w", err, bridge.ErrUnreachable)
	}
	return a.send(ctx, place{channel: at.channel, thread: at.thread, broadcast: true}, c)
}

// send posts a message.
func (a *Adapter) send(ctx context.Context, to place, c bridge.Card) (ref bridge.MessageRef, err error) {
	look, err := drawn(c)
	if err != nil {
		return "", err
	}
	look = append(look, slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl())
	if to.thread != "" {
		look = append(look, slackgo.MsgOptionTS(to.thread))
	}
	if to.broadcast {
		look = append(look, slackgo.MsgOptionBroadcast())
	}
	err = a.call(ctx, methodPost, to.channel, func(ctx context.Context) error {
		channel, at, err := a.api.PostMessageContext(ctx, to.channel, look...)
		ref = bridge.MessageRef(channel + "/" + at)
		return err
	})
	if err != nil {
		a.known.channels.Drop(to.channel)
		return "", err
	}
	if _, err := placeOf(ref); err != nil {
		return "", fmt.Errorf("%s: the answer does not say which message it is", methodPost)
	}
	return ref, nil
}

// placeOf is where a message is; its thread is the message itself.
func placeOf(ref bridge.MessageRef) (place, error) {
	channel, at, _ := strings.Cut(string(ref), "/")
	if !placeIn.MatchString(channel) && !isDirect(channel) || !timestamp.MatchString(at) {
		return place{}, errNoMessage
	}
	return place{channel: channel, thread: at}, nil
}

var errNoMessage = errors.New("this is no message of Slack's")

// Edit replaces what a message or a modal shows: as [bridge.Messenger]. A code
// goes to a direct message or a modal, and nowhere else.
func (a *Adapter) Edit(ctx context.Context, ref bridge.MessageRef, c bridge.Card) error {
	if id, ok := strings.CutPrefix(string(ref), viewPrefix); ok {
		return a.updateCard(ctx, id, c)
	}
	at, err := placeOf(ref)
	if err != nil {
		return fmt.Errorf("edit a message: %w: %w", err, bridge.ErrGone)
	}
	if c.Code != nil && !isDirect(at.channel) {
		return fmt.Errorf("show a code in a channel: %w", bridge.ErrInvalid)
	}
	look, err := drawn(c)
	if err != nil {
		return err
	}
	return a.call(ctx, methodUpdate, at.channel, func(ctx context.Context) error {
		_, _, _, err := a.api.UpdateMessageContext(ctx, at.channel, at.thread, look...)
		return err
	})
}

// drawn is a card as options of a message.
func drawn(c bridge.Card) ([]slackgo.MsgOption, error) {
	m, err := cardMessage(c)
	if err != nil {
		return nil, fmt.Errorf("draw a card: %w: %w", err, bridge.ErrInvalid)
	}
	return []slackgo.MsgOption{
		slackgo.MsgOptionBlocks(m.blocks...),
		slackgo.MsgOptionText(m.text, false),
		slackgo.MsgOptionParse(false),
		slackgo.MsgOptionMetadata(slackgo.SlackMetadata{
			EventType:    "authbridge_request",
			EventPayload: map[string]any{"rid": string(c.Request), "v": c.Version},
		}),
	}, nil
}

// triggerKey names what somebody does about a request.
func triggerKey(user string, id bridge.RequestID) string { return user + "/" + string(id) }
