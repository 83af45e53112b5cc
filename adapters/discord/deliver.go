package discord

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/authbridge/authbridge/adapters/chat"
	"github.com/authbridge/authbridge/bridge"
)

// A message of Discord's is named "C/CHANNEL/MESSAGE", one in the fallback
// channel "F/CHANNEL/MESSAGE/USER", and one that only who pressed a button sees
// "e/HANDLE".
const (
	inChannel  = "C/"
	inFallback = "F/"
	toPresser  = "e/"
)

const (
	// dmFor is how long it is believed that somebody's direct channel is
	// theirs, closedFor that it is closed to the bridge, and barredFor that
	// another channel is.
	dmFor     = time.Hour
	closedFor = 10 * time.Minute
	barredFor = 10 * time.Second
)

// wording is a message as it goes to Discord, new or in the place of another.
// It pings nobody, and no client makes a picture of its links.
type wording struct {
	Content    string                       `json:"content"`
	Components []discordgo.MessageComponent `json:"components"`
	Mentions   mentions                     `json:"allowed_mentions"`
	Flags      discordgo.MessageFlags       `json:"flags"`

	Nonce     string     `json:"nonce,omitempty"`
	Enforce   bool       `json:"enforce_nonce,omitempty"`
	Reference *reference `json:"message_reference,omitempty"`
}

// mentions are who a message pings: those who are named, and nobody by what it
// says.
type mentions struct {
	Parse []string `json:"parse"`
	Users []string `json:"users,omitempty"`
}

// reference is the message that another answers.
type reference struct {
	Message string `json:"message_id"`
	Must    bool   `json:"fail_if_not_exists"`
}

func (m message) wording() wording {
	w := wording{Content: m.Content, Components: m.Components, Mentions: mentions{Parse: []string{}}, Flags: discordgo.MessageFlagsSuppressEmbeds}
	if w.Components == nil {
		w.Components = []discordgo.MessageComponent{}
	}
	return w
}

// nonceOf is what Discord knows a post by that is made again.
func nonceOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base32.StdEncoding.EncodeToString(sum[:])[:25]
}

// Post brings a card to a person or a channel: as [bridge.Messenger]. Discord
// answers a post that is made again within some minutes with the message that
// is there.
//
// Who has claimed a team's request gets the card where they pressed, as a
// message that only they see, if that was within the last minutes. The same
// goes for who takes no direct messages.
func (a *Adapter) Post(ctx context.Context, to bridge.Address, c bridge.Card, key string) (bridge.MessageRef, error) {
	if c.Code != nil {
		return "", fmt.Errorf("post a card with a code: %w", bridge.ErrInvalid)
	}
	m, err := cardMessage(c)
	if err != nil {
		return "", fmt.Errorf("draw a card: %w: %w", err, bridge.ErrInvalid)
	}
	w := m.wording()
	w.Nonce, w.Enforce = nonceOf(key), true
	switch c.View {
	case bridge.ViewReminder:
		return a.postReminder(ctx, c, w)
	case bridge.ViewTeam:
		return a.postForTeam(ctx, string(to), w)
	case bridge.ViewNotice:
		return a.postNotice(ctx, string(to), w)
	case bridge.ViewPrivate:
		return a.postToPerson(ctx, string(to), c, w)
	}
	return "", fmt.Errorf("post a card for nobody that is known: %w", bridge.ErrInvalid)
}

// postNotice posts where an agent says that it works. Of many places that are
// closed to the bridge no more are tried for a while.
func (a *Adapter) postNotice(ctx context.Context, address string, w wording) (bridge.MessageRef, error) {
	if wait := a.strays.wait(time.Now()); wait > 0 {
		return "", fmt.Errorf("post a notice: %w", &bridge.Limited{After: wait})
	}
	ref, err := a.postToChannel(ctx, address, w)
	if errors.Is(err, bridge.ErrRoute) {
		a.strays.add(time.Now())
	}
	return ref, err
}

// postForTeam posts to the channel of a team.
func (a *Adapter) postForTeam(ctx context.Context, channel string, w wording) (ref bridge.MessageRef, err error) {
	err = a.unlessBarred("post/"+channel, func() error {
		ref, err = a.postToChannel(ctx, channel, w)
		return err
	})
	return ref, err
}

// unlessBarred does something in a channel, unless the bridge was just refused
// the same there: for thousands of cards that are brought up to date at once a
// channel is closed that is closed for one, and Discord counts each refusal.
func (a *Adapter) unlessBarred(what string, do func() error) error {
	if _, barred := a.known.barred.Get(what); barred {
		return fmt.Errorf("the bridge was refused this a moment ago: %w", bridge.ErrRoute)
	}
	err := do()
	if errors.Is(err, bridge.ErrRoute) {
		a.known.barred.Put(what, struct{}{}, barredFor)
	}
	return err
}

// postToChannel takes "CHANNEL" or "CHANNEL/THREAD"; a thread is a channel.
func (a *Adapter) postToChannel(ctx context.Context, address string, w wording) (bridge.MessageRef, error) {
	channel, thread, _ := strings.Cut(address, "/")
	if thread != "" {
		channel = thread
	}
	if err := a.checkChannel(ctx, channel); err != nil {
		return "", err
	}
	return a.send(ctx, inChannel, channel, w)
}

// checkChannel makes sure that a card for several goes into no direct channel.
func (a *Adapter) checkChannel(ctx context.Context, id string) error {
	if !snowflake.MatchString(id) {
		return fmt.Errorf("post to a channel: this is no id of one: %w", bridge.ErrRoute)
	}
	kind, known := a.known.channels.Get(id)
	if !known {
		ch, err := a.calls.room(ctx, id)
		if err != nil {
			return err
		}
		kind = ch.Type
		a.known.channels.Put(id, kind, factsFor)
	}
	if kind == discordgo.ChannelTypeDM || kind == discordgo.ChannelTypeGroupDM {
		return fmt.Errorf("post to a channel: it is a direct one: %w", bridge.ErrRoute)
	}
	return nil
}

func (a *Adapter) postToPerson(ctx context.Context, id string, c bridge.Card, w wording) (bridge.MessageRef, error) {
	if !snowflake.MatchString(id) {
		return "", fmt.Errorf("post to somebody: this is no id of a user: %w", bridge.ErrUnreachable)
	}
	if p, pressed := a.known.pressings.Take(pressingKey(id, c.Request)); pressed && !p.direct {
		ref, err := a.showToPresser(ctx, p, c, w)
		if err == nil || !errors.Is(err, bridge.ErrGone) {
			return ref, err
		}
	}
	ref, err := a.postDirect(ctx, id, w)
	if errors.Is(err, bridge.ErrUnreachable) {
		if channel := a.fallback(); channel != "" {
			return a.postFallback(ctx, channel, id, c, w.Nonce)
		}
	}
	return ref, err
}

func (a *Adapter) postDirect(ctx context.Context, id string, w wording) (bridge.MessageRef, error) {
	if _, closed := a.known.closed.Get(id); closed {
		return "", fmt.Errorf("post to somebody: they took no direct message a moment ago: %w", bridge.ErrUnreachable)
	}
	var ref bridge.MessageRef
	dm, err := a.dm(ctx, id)
	if err == nil {
		ref, err = a.send(ctx, inChannel, dm, w)
	}
	if errors.Is(err, bridge.ErrUnreachable) || errors.Is(err, bridge.ErrRoute) {
		a.known.dms.Drop(id)
		a.known.closed.Put(id, struct{}{}, closedFor)
		return "", fmt.Errorf("%w: %w", err, bridge.ErrUnreachable)
	}
	return ref, err
}

// dm opens the direct channel with somebody.
func (a *Adapter) dm(ctx context.Context, id string) (string, error) {
	if channel, known := a.known.dms.Get(id); known {
		return channel, nil
	}
	var opened struct {
		ID string `json:"id"`
	}
	err := a.calls.do(ctx, call{
		name: "open a direct channel", method: http.MethodPost, path: "/users/@me/channels", bucket: "direct channels",
		body: map[string]string{"recipient_id": id}, into: &opened,
	})
	if err == nil && !snowflake.MatchString(opened.ID) {
		err = fmt.Errorf("open a direct channel: Discord opened none: %w", bridge.ErrNotSent)
	}
	if err != nil {
		return "", err
	}
	a.known.dms.Put(id, opened.ID, dmFor)
	a.known.direct.Put(opened.ID, struct{}{}, dmFor)
	return opened.ID, nil
}

// postFallback tells somebody in a channel that something waits for them, and
// nothing about it.
func (a *Adapter) postFallback(ctx context.Context, channel, id string, c bridge.Card, nonce string) (bridge.MessageRef, error) {
	if err := a.checkChannel(ctx, channel); err != nil {
		return "", err
	}
	w := fallbackMessage(id, c).wording()
	w.Nonce, w.Enforce, w.Mentions.Users = nonce, true, []string{id}
	ref, err := a.send(ctx, inFallback, channel, w)
	if err != nil {
		return "", err
	}
	return ref + bridge.MessageRef("/"+id), nil
}

// postReminder answers the message that it is about. In the fallback channel
// there is none: it would say what about.
func (a *Adapter) postReminder(ctx context.Context, c bridge.Card, w wording) (bridge.MessageRef, error) {
	at, err := placeOf(c.Under)
	if err != nil {
		return "", fmt.Errorf("post a reminder: %w: %w", err, bridge.ErrUnreachable)
	}
	if at.fallback {
		return "", fmt.Errorf("post a reminder: all in the fallback channel would read it: %w", bridge.ErrUnreachable)
	}
	w.Reference = &reference{Message: at.message}
	return a.send(ctx, inChannel, at.channel, w)
}

// send makes a new message.
func (a *Adapter) send(ctx context.Context, kind, channel string, w wording) (bridge.MessageRef, error) {
	var made struct {
		ID      string `json:"id"`
		Channel string `json:"channel_id"`
	}
	err := a.calls.do(ctx, call{
		name: "post a message", method: http.MethodPost, path: "/channels/" + channel + "/messages", bucket: "post/" + channel,
		body: w, into: &made, visible: true,
	})
	if err != nil {
		return "", err
	}
	if !snowflake.MatchString(made.ID) || made.Channel != channel {
		return "", errors.New("post a message: the answer does not say which one it is")
	}
	return bridge.MessageRef(kind + channel + "/" + made.ID), nil
}

// place is where a message is.
type place struct {
	channel, message string
	fallback         bool   // there it says no more than that something waits
	user             string // for whom; "" = not known
}

func placeOf(ref bridge.MessageRef) (place, error) {
	rest, fallback := strings.CutPrefix(string(ref), inFallback)
	if !fallback {
		var ok bool
		if rest, ok = strings.CutPrefix(string(ref), inChannel); !ok {
			return place{}, errNoMessage
		}
	}
	parts := strings.Split(rest, "/")
	if len(parts) == 2 {
		parts = append(parts, "")
	}
	if len(parts) != 3 || !snowflake.MatchString(parts[0]) || !snowflake.MatchString(parts[1]) || parts[2] != "" && !snowflake.MatchString(parts[2]) {
		return place{}, errNoMessage
	}
	return place{channel: parts[0], message: parts[1], fallback: fallback, user: parts[2]}, nil
}

var errNoMessage = errors.New("this is no message of Discord's")

// Edit replaces what a message shows: as [bridge.Messenger]. A code goes to a
// direct message or to one that only its human sees, and nowhere else.
func (a *Adapter) Edit(ctx context.Context, ref bridge.MessageRef, c bridge.Card) error {
	m, err := cardMessage(c)
	if err != nil {
		return fmt.Errorf("draw a card: %w: %w", err, bridge.ErrInvalid)
	}
	if handle, ok := strings.CutPrefix(string(ref), toPresser); ok {
		return a.ephemerals.edit(ctx, handle, m.wording(), c.Ending != "")
	}
	at, err := placeOf(ref)
	if err != nil {
		return fmt.Errorf("edit a message: %w: %w", err, bridge.ErrGone)
	}
	w := m.wording()
	if at.fallback {
		w = fallbackMessage(at.user, c).wording()
	} else if c.Code != nil {
		if err := a.checkDirect(ctx, at.channel); err != nil {
			return err
		}
	}
	bucket := "edit/" + at.channel
	return a.unlessBarred(bucket, func() error {
		return a.calls.do(ctx, call{
			name: "edit a message", method: http.MethodPatch, path: "/channels/" + at.channel + "/messages/" + at.message,
			bucket: bucket, body: w, visible: true,
		})
	})
}

// checkDirect makes sure that a channel is a direct one, before a code goes
// there: after a restart nothing but Discord knows.
func (a *Adapter) checkDirect(ctx context.Context, channel string) error {
	if _, known := a.known.direct.Get(channel); known {
		return nil
	}
	err := a.checkChannel(ctx, channel)
	kind, known := a.known.channels.Get(channel)
	switch {
	case known && kind == discordgo.ChannelTypeDM:
		a.known.direct.Put(channel, struct{}{}, dmFor)
		return nil
	case err != nil && !known:
		return err
	}
	return fmt.Errorf("show a code in a channel: %w", bridge.ErrInvalid)
}

// known is what the adapter remembers of Discord. All of it can be learnt
// again.
type known struct {
	channels  *chat.Recall[discordgo.ChannelType] // by id
	direct    *chat.Recall[struct{}]              // channels that are direct ones
	dms       *chat.Recall[string]                // the direct channel with a user, by id
	closed    *chat.Recall[struct{}]              // who has just taken no direct message
	barred    *chat.Recall[struct{}]              // what the bridge was just refused in a channel
	members   *chat.Recall[member]                // by server and user
	doubted   *chat.Recall[time.Time]             // of a user: what was learnt before is not believed
	servers   *chat.Recall[string]                // the server of a role
	lacking   *chat.Recall[struct{}]              // servers and a role that they do not have
	pressings *chat.Recall[pressing]              // of who has just pressed a button of a request
}

func newKnown() known {
	return known{
		channels: chat.NewRecall[discordgo.ChannelType](), direct: chat.NewRecall[struct{}](), dms: chat.NewRecall[string](),
		closed: chat.NewRecall[struct{}](), members: chat.NewRecall[member](), servers: chat.NewRecall[string](), doubted: chat.NewRecall[time.Time](), lacking: chat.NewRecall[struct{}](),
		pressings: chat.NewRecall[pressing](), barred: chat.NewRecall[struct{}](),
	}
}

// factsFor is how long it is believed what Discord said of a channel.
const factsFor = time.Minute
